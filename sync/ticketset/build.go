package ticketset

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Item is one ticket of a set with its status.
type Item struct {
	Ticket ticket.Ticket
	Status ticket.Status
}

// Spec says what a new version of a set consists of.
type Spec struct {
	Event ticket.Event // the rules

	// Tickets yields every ticket in ascending order of ids. An error ends the build.
	Tickets iter.Seq2[Item, error]

	// Previous is the set in force, as [Bundle.Current] gave it; zero for the first.
	Previous Current

	Issued, Expires int64 // Unix seconds

	// Delta is the newest delta whose effect Tickets shows already.
	Delta Head
}

// Bundle is a finished set: what is published, byte for byte.
type Bundle struct {
	Contents Manifest // what the signed manifest says
	Manifest []byte   // signed
	Rules    []byte
	Status   []byte
	Chunks   [][]byte
}

// Current returns the bundle's place in the chain of versions.
func (b *Bundle) Current() Current {
	return Current{Version: b.Contents.Version, Hash: Hash(b.Manifest)}
}

// Build makes the next version of a set and signs its manifest. The same spec
// gives the same bytes (with a deterministic signer), so that a build may be
// repeated after a crash.
func Build(s trust.Signer, spec Spec) (*Bundle, error) {
	if err := spec.Event.Check(); err != nil {
		return nil, fmt.Errorf("build set: %w", err)
	}
	b := &Bundle{Contents: Manifest{
		Event: spec.Event.ID, Version: spec.Previous.Version + 1, Previous: spec.Previous.Hash,
		Issued: spec.Issued, Expires: spec.Expires, Chunks: []Object{}, Delta: spec.Delta,
	}}
	statuses, err := b.addTickets(spec.Tickets)
	if err != nil {
		return nil, fmt.Errorf("build set of event %s: %w", spec.Event.ID, err)
	}
	if b.Rules, err = canon.Marshal(spec.Event); err != nil {
		return nil, fmt.Errorf("build set of event %s: encode rules: %w", spec.Event.ID, err)
	}
	if b.Status, err = encodeStatuses(statuses); err != nil {
		return nil, fmt.Errorf("build set of event %s: %w", spec.Event.ID, err)
	}
	b.Contents.Rules = object(b.Rules, 0, ticket.ID{})
	b.Contents.Status = object(b.Status, len(statuses), ticket.ID{})
	if err := b.Contents.check(); err != nil {
		return nil, fmt.Errorf("build set of event %s: %w", spec.Event.ID, err)
	}
	payload, err := canon.Marshal(manifestMessage{Format: format, Manifest: b.Contents})
	if err != nil {
		return nil, fmt.Errorf("build set of event %s: encode manifest: %w", spec.Event.ID, err)
	}
	if b.Manifest, err = trust.Sign1(s, ManifestContext, payload); err != nil {
		return nil, fmt.Errorf("build set of event %s: sign manifest: %w", spec.Event.ID, err)
	}
	if len(b.Manifest) > MaxManifest {
		return nil, tooLarge("manifest", len(b.Manifest), MaxManifest)
	}
	return b, nil
}

// addTickets cuts the tickets into chunks and returns their statuses.
func (b *Bundle) addTickets(tickets iter.Seq2[Item, error]) ([]ticket.Status, error) {
	var statuses []ticket.Status
	var last ticket.ID
	c := chunker{bundle: b}
	if tickets != nil {
		for item, err := range tickets {
			if err != nil {
				return nil, fmt.Errorf("read tickets: %w", err)
			}
			t := &item.Ticket
			if err := t.Check(); err != nil {
				return nil, err
			}
			if t.Event != b.Contents.Event {
				return nil, wrongEvent("ticket", t.Event, b.Contents.Event)
			}
			if len(statuses) > 0 && bytes.Compare(last[:], t.ID[:]) >= 0 {
				return nil, fmt.Errorf("ticket %s after %s: %w", t.ID, last, ErrOrder)
			}
			if len(statuses) == MaxTickets {
				return nil, malformed("set", "more than %d tickets", MaxTickets)
			}
			last = t.ID
			statuses = append(statuses, item.Status)
			if err := c.add(t); err != nil {
				return nil, err
			}
		}
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	b.Contents.Total = uint32(len(statuses)) //nolint:gosec // at most MaxTickets
	return statuses, nil
}

// chunker gathers records until a chunk is full by number or by size.
type chunker struct {
	bundle  *Bundle
	records []record
	size    int
}

func (c *chunker) add(t *ticket.Ticket) error {
	r := newRecord(t)
	b, err := canon.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode ticket %s: %w", t.ID, err)
	}
	const arrayHead = 3 // bytes before a chunk of up to 65,535 records
	if len(c.records) == ChunkRecords || c.size+len(b)+arrayHead > MaxChunk {
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.records = append(c.records, r)
	c.size += len(b)
	return nil
}

func (c *chunker) flush() error {
	if len(c.records) == 0 {
		return nil
	}
	data, err := encodeChunk(c.records)
	if err != nil {
		return fmt.Errorf("encode chunk: %w", err)
	}
	c.bundle.Chunks = append(c.bundle.Chunks, data)
	c.bundle.Contents.Chunks = append(c.bundle.Contents.Chunks, object(data, len(c.records), c.records[0].ID))
	c.records, c.size = c.records[:0], 0
	return nil
}

func object(data []byte, count int, first ticket.ID) Object {
	return Object{Count: uint32(count), Size: uint32(len(data)), Hash: Hash(data), First: first} //nolint:gosec // bounded by the limits of each object
}
