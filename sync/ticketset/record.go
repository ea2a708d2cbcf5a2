package ticketset

import (
	"bytes"
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// record is a ticket as it lies in a chunk or a delta: without the event, which
// the manifest or delta states once, and without field numbers. About 72 bytes.
type record struct {
	_         struct{} `cbor:",toarray"`
	ID        ticket.ID
	Zone      uint16
	Class     uint8
	Seat      string
	Version   uint32
	Holder    []byte // 33 bytes, or none for paper
	NotBefore int64
	NotAfter  int64
	Flags     ticket.Flags
	Mint      []byte // 32 bytes or none
}

func newRecord(t *ticket.Ticket) record {
	r := record{
		ID: t.ID, Zone: t.Zone, Class: t.Class, Seat: t.Seat, Version: t.Version,
		Holder: []byte{}, NotBefore: t.NotBefore, NotAfter: t.NotAfter, Flags: t.Flags, Mint: []byte{},
	}
	if !t.Holder.IsZero() {
		r.Holder = bytes.Clone(t.Holder[:])
	}
	if len(t.Mint) != 0 {
		r.Mint = t.Mint
	}
	return r
}

// ticket returns the record as a ticket of the event. It refuses a second
// spelling of an absent key, but does not check the ticket itself.
func (r *record) ticket(event ticket.EventID) (ticket.Ticket, error) {
	t := ticket.Ticket{
		ID: r.ID, Event: event, Zone: r.Zone, Class: r.Class, Seat: r.Seat, Version: r.Version,
		NotBefore: r.NotBefore, NotAfter: r.NotAfter, Flags: r.Flags,
	}
	if r.Holder == nil || r.Mint == nil {
		return ticket.Ticket{}, malformed("record", "null in place of a byte string")
	}
	switch len(r.Holder) {
	case 0:
	case len(t.Holder):
		copy(t.Holder[:], r.Holder)
		if t.Holder.IsZero() {
			return ticket.Ticket{}, malformed("record", "a holder key of zeros")
		}
	default:
		return ticket.Ticket{}, malformed("record", "holder key of %d bytes", len(r.Holder))
	}
	if len(r.Mint) != 0 {
		t.Mint = r.Mint
	}
	return t, nil
}

// encodeChunk returns the deterministic bytes of a chunk.
func encodeChunk(records []record) ([]byte, error) { return canon.Marshal(records) }

// decodeChunk reads the tickets of a chunk: well-formed, in strictly ascending
// order of ids.
func decodeChunk(event ticket.EventID, data []byte) ([]ticket.Ticket, error) {
	if len(data) > MaxChunk {
		return nil, tooLarge("chunk", len(data), MaxChunk)
	}
	var records []record
	if err := canon.UnmarshalExact(data, &records); err != nil {
		return nil, fmt.Errorf("chunk: %w: %w", ErrMalformed, err)
	}
	if len(records) == 0 || len(records) > ChunkRecords {
		return nil, malformed("chunk", "%d tickets, want 1 to %d", len(records), ChunkRecords)
	}
	tickets := make([]ticket.Ticket, len(records))
	for i := range records {
		t, err := records[i].ticket(event)
		if err != nil {
			return nil, fmt.Errorf("chunk, ticket %d: %w", i, err)
		}
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("chunk, ticket %d: %w: %w", i, ErrMalformed, err)
		}
		if i > 0 && bytes.Compare(tickets[i-1].ID[:], t.ID[:]) >= 0 {
			return nil, fmt.Errorf("chunk, ticket %d: %w", i, ErrOrder)
		}
		tickets[i] = t
	}
	return tickets, nil
}
