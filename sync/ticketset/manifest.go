package ticketset

import (
	"bytes"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Object names one part of a set by its content.
type Object struct {
	_     struct{} `cbor:",toarray"`
	Count uint32   // tickets in it; 0 for the rules
	Size  uint32   // bytes
	Hash  [32]byte
	First ticket.ID // the lowest id of a chunk; zero for the rules and the status list
}

// Manifest is the signed table of contents of one version of a set. Only what
// it names belongs to that version.
type Manifest struct {
	_     struct{} `cbor:",toarray"`
	Event ticket.EventID

	// Version counts from 1 and never goes back.
	Version uint64

	// Previous is the [Hash] of the signed manifest of version-1; zero for version 1.
	Previous [32]byte

	Issued  int64 // Unix seconds
	Expires int64 // Unix seconds; from then on the set admits nobody

	Total  uint32   // tickets in all chunks
	Chunks []Object // in order of ids
	Status Object
	Rules  Object

	// Delta is the newest delta whose operations the chunks contain already.
	Delta Head
}

// manifestMessage is the manifest with its format number before it.
type manifestMessage struct {
	_        struct{} `cbor:",toarray"`
	Format   uint8
	Manifest Manifest
}

// OpenManifest verifies a manifest of the event and returns it. It does not
// look at expiry or succession: that is for [Manifest.Follows].
func OpenManifest(k *trust.Keyring, event ticket.EventID, data []byte, now time.Time) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, tooLarge("manifest", len(data), MaxManifest)
	}
	payload, err := k.Verify(trust.RoleEvent, event, ManifestContext, data, now)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var msg manifestMessage
	if err := canon.UnmarshalExact(payload, &msg); err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", ErrMalformed, err)
	}
	if msg.Format != format {
		return nil, malformed("manifest", "format %d, want %d", msg.Format, format)
	}
	if msg.Manifest.Event != event {
		return nil, wrongEvent("manifest", msg.Manifest.Event, event)
	}
	if err := msg.Manifest.check(); err != nil {
		return nil, err
	}
	return &msg.Manifest, nil
}

// check reports the first thing that contradicts itself.
func (m *Manifest) check() error {
	switch {
	case m.Event == 0:
		return malformed("manifest", "no event")
	case m.Version == 0:
		return malformed("manifest", "version 0")
	case (m.Version == 1) != (m.Previous == [32]byte{}):
		return malformed("manifest", "version %d with previous hash %x", m.Version, m.Previous[:4])
	case m.Issued <= 0 || m.Expires <= m.Issued:
		return malformed("manifest", "issued %d, expires %d", m.Issued, m.Expires)
	case m.Chunks == nil || len(m.Chunks) > MaxChunks || m.Total > MaxTickets:
		return malformed("manifest", "%d chunks, %d tickets", len(m.Chunks), m.Total)
	case m.Rules.Count != 0 || !m.Rules.First.IsZero() || m.Rules.Size == 0 || m.Rules.Size > MaxRules:
		return malformed("manifest", "rules of %d bytes", m.Rules.Size)
	case m.Status.Count != m.Total || !m.Status.First.IsZero() || m.Status.Size == 0 || m.Status.Size > MaxStatus:
		return malformed("manifest", "status list of %d entries, %d bytes", m.Status.Count, m.Status.Size)
	case (m.Delta.Seq == 0) != (m.Delta.Hash == [32]byte{}):
		return malformed("manifest", "delta head %d with hash %x", m.Delta.Seq, m.Delta.Hash[:4])
	}
	var total uint64
	for i, c := range m.Chunks {
		switch {
		case c.Count == 0 || c.Count > ChunkRecords || c.Size == 0 || c.Size > MaxChunk:
			return malformed("manifest", "chunk %d of %d tickets, %d bytes", i, c.Count, c.Size)
		case i > 0 && bytes.Compare(m.Chunks[i-1].First[:], c.First[:]) >= 0:
			return fmt.Errorf("manifest: chunk %d: %w: %w", i, ErrMalformed, ErrOrder)
		}
		total += uint64(c.Count)
	}
	if total != uint64(m.Total) {
		return malformed("manifest", "chunks hold %d tickets, total says %d", total, m.Total)
	}
	return nil
}

// Current is the set that a receiver has now; the zero value is none.
type Current struct {
	Version uint64
	Hash    [32]byte // of the signed manifest
}

// Follows reports whether the receiver of cur may go on to m, whose signed
// bytes have the given hash. The errors are [ErrExpired], [ErrRollback],
// [ErrKnown] and [ErrForked]. Versions may be skipped: a gate that was away
// does not need those in between, and then there is no ancestry to compare.
func (m *Manifest) Follows(cur Current, hash [32]byte, now time.Time) error {
	switch {
	case m.Version < cur.Version:
		return fmt.Errorf("manifest version %d after %d: %w", m.Version, cur.Version, ErrRollback)
	case m.Version == cur.Version && hash == cur.Hash:
		return fmt.Errorf("manifest version %d: %w", m.Version, ErrKnown)
	case m.Version == cur.Version:
		return fmt.Errorf("manifest version %d differs from the one in use: %w", m.Version, ErrForked)
	case m.Expired(now):
		return fmt.Errorf("manifest version %d, expired %s: %w", m.Version, time.Unix(m.Expires, 0).UTC().Format(time.RFC3339), ErrExpired)
	case cur.Version != 0 && m.Version == cur.Version+1 && m.Previous != cur.Hash:
		return fmt.Errorf("manifest version %d does not descend from the version %d in use: %w", m.Version, cur.Version, ErrForked)
	}
	return nil
}

// Expired reports whether the set may no longer be used.
func (m *Manifest) Expired(now time.Time) bool { return now.Unix() >= m.Expires }

// Offset returns how many tickets lie in the chunks before chunk n, which is
// the place of its first ticket in the status list.
func (m *Manifest) Offset(n int) int {
	offset := 0
	for _, c := range m.Chunks[:min(max(n, 0), len(m.Chunks))] {
		offset += int(c.Count)
	}
	return offset
}

// OpenChunk returns the tickets of chunk n (from 0), in order of their ids. A
// chunk of another set or version, an altered one, or one in another's place
// is [ErrAltered].
func (m *Manifest) OpenChunk(n int, data []byte) ([]ticket.Ticket, error) {
	if n < 0 || n >= len(m.Chunks) {
		return nil, malformed("chunk", "number %d of %d", n, len(m.Chunks))
	}
	c := m.Chunks[n]
	if err := c.is(data); err != nil {
		return nil, fmt.Errorf("chunk %d of version %d: %w", n, m.Version, err)
	}
	tickets, err := decodeChunk(m.Event, data)
	if err != nil {
		return nil, fmt.Errorf("chunk %d of version %d: %w", n, m.Version, err)
	}
	last := tickets[len(tickets)-1].ID
	switch {
	case len(tickets) != int(c.Count) || tickets[0].ID != c.First:
		return nil, malformed("chunk", "number %d holds %d tickets from %s, the manifest says %d from %s", n, len(tickets), tickets[0].ID, c.Count, c.First)
	case n+1 < len(m.Chunks) && bytes.Compare(last[:], m.Chunks[n+1].First[:]) >= 0:
		return nil, fmt.Errorf("chunk %d reaches into the next: %w: %w", n, ErrMalformed, ErrOrder)
	}
	return tickets, nil
}

// OpenStatus returns the status of every ticket of the set.
func (m *Manifest) OpenStatus(data []byte) (Statuses, error) {
	if err := m.Status.is(data); err != nil {
		return Statuses{}, fmt.Errorf("status list of version %d: %w", m.Version, err)
	}
	return decodeStatuses(data, int(m.Total))
}

// OpenRules returns the event as its gates must obey it.
func (m *Manifest) OpenRules(data []byte) (*ticket.Event, error) {
	if err := m.Rules.is(data); err != nil {
		return nil, fmt.Errorf("rules of version %d: %w", m.Version, err)
	}
	e, err := ParseRules(data)
	if err != nil {
		return nil, err
	}
	if e.ID != m.Event {
		return nil, wrongEvent("rules", e.ID, m.Event)
	}
	return e, nil
}

// ParseRules decodes and checks the rules object of an event, which the caller
// has from a verified set. It proves nothing about where the bytes came from.
func ParseRules(data []byte) (*ticket.Event, error) {
	if len(data) > MaxRules {
		return nil, tooLarge("rules", len(data), MaxRules)
	}
	var e ticket.Event
	if err := canon.UnmarshalExact(data, &e); err != nil {
		return nil, fmt.Errorf("rules: %w: %w", ErrMalformed, err)
	}
	if err := e.Check(); err != nil {
		return nil, fmt.Errorf("rules: %w: %w", ErrMalformed, err)
	}
	return &e, nil
}

// is reports whether data is the object that o names.
func (o *Object) is(data []byte) error {
	if len(data) != int(o.Size) {
		return fmt.Errorf("%d bytes, want %d: %w", len(data), o.Size, ErrAltered)
	}
	if Hash(data) != o.Hash {
		return fmt.Errorf("hash differs: %w", ErrAltered)
	}
	return nil
}
