package ticketset

import (
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// OpKind is what an operation does.
type OpKind uint8

// The kinds of operations. The numbers are on the wire and never change.
const (
	OpNew    OpKind = iota + 1 // a ticket that was sold; also replaces one of a lower version
	OpRebind                   // the ticket has another holder key now, and a higher version
	OpStatus                   // the ticket's status changed
)

// String returns the kind as the word that logs use.
func (k OpKind) String() string {
	switch k {
	case OpNew:
		return "new"
	case OpRebind:
		return "rebind"
	case OpStatus:
		return "status"
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Op is one change of a set. What it does to a set does not depend on whether
// it was applied before.
type Op struct {
	Kind OpKind

	// Ticket is whole for OpNew. OpRebind uses only its ID, Holder and Version,
	// OpStatus only its ID; the other fields are zero there.
	Ticket ticket.Ticket

	// Status is the ticket's status for OpNew and OpStatus, zero for OpRebind.
	Status ticket.Status
}

// Delta is one link of the chain of changes since a set was built. Numbers
// count from 1 for each event, without gaps, across all versions of the set.
type Delta struct {
	Event    ticket.EventID
	Seq      uint64
	Previous [32]byte // [Hash] of the signed delta Seq-1; zero for the first
	Issued   int64    // Unix seconds
	Ops      []Op     // 1 to [MaxOps], applied in this order
}

type deltaMessage struct {
	_        struct{} `cbor:",toarray"`
	Format   uint8
	Event    ticket.EventID
	Seq      uint64
	Previous [32]byte
	Issued   int64
	Ops      []opMessage
}

type opMessage struct {
	_      struct{} `cbor:",toarray"`
	Kind   OpKind
	Record record
	Status ticket.Status
}

// SignDelta returns the signed bytes of a delta.
func SignDelta(s trust.Signer, d Delta) ([]byte, error) {
	payload, err := d.Encode()
	if err != nil {
		return nil, err
	}
	data, err := trust.Sign1(s, DeltaContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign delta %d: %w", d.Seq, err)
	}
	if len(data) > MaxDelta {
		return nil, tooLarge("delta", len(data), MaxDelta)
	}
	return data, nil
}

// OpenDelta verifies a delta of the event and returns it.
func OpenDelta(k *trust.Keyring, event ticket.EventID, data []byte, now time.Time) (*Delta, error) {
	if len(data) > MaxDelta {
		return nil, tooLarge("delta", len(data), MaxDelta)
	}
	payload, err := k.Verify(trust.RoleEvent, event, DeltaContext, data, now)
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	d, err := ParseDelta(payload)
	if err != nil {
		return nil, err
	}
	if d.Event != event {
		return nil, wrongEvent("delta", d.Event, event)
	}
	return d, nil
}

// Encode returns the bytes that are signed. [ParseDelta] reads them.
func (d *Delta) Encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	msg := deltaMessage{Format: format, Event: d.Event, Seq: d.Seq, Previous: d.Previous, Issued: d.Issued, Ops: make([]opMessage, len(d.Ops))}
	for i := range d.Ops {
		op := &d.Ops[i]
		msg.Ops[i] = opMessage{Kind: op.Kind, Record: newRecord(&op.Ticket), Status: op.Status}
	}
	data, err := canon.Marshal(msg)
	if err != nil {
		return nil, fmt.Errorf("encode delta %d: %w", d.Seq, err)
	}
	return data, nil
}

// ParseDelta decodes and checks what [Delta.Encode] wrote. It verifies no
// signature: it is for a store that kept a delta which it had verified.
func ParseDelta(payload []byte) (*Delta, error) {
	if len(payload) > MaxDelta {
		return nil, tooLarge("delta", len(payload), MaxDelta)
	}
	var msg deltaMessage
	if err := canon.UnmarshalExact(payload, &msg); err != nil {
		return nil, fmt.Errorf("delta: %w: %w", ErrMalformed, err)
	}
	if msg.Format != format {
		return nil, malformed("delta", "format %d, want %d", msg.Format, format)
	}
	if msg.Ops == nil || len(msg.Ops) > MaxOps {
		return nil, malformed("delta", "%d operations, want 1 to %d", len(msg.Ops), MaxOps)
	}
	d := &Delta{Event: msg.Event, Seq: msg.Seq, Previous: msg.Previous, Issued: msg.Issued, Ops: make([]Op, len(msg.Ops))}
	for i := range msg.Ops {
		m := &msg.Ops[i]
		event := msg.Event
		if m.Kind != OpNew {
			event = 0
		}
		t, err := m.Record.ticket(event)
		if err != nil {
			return nil, fmt.Errorf("delta %d, operation %d: %w", msg.Seq, i, err)
		}
		d.Ops[i] = Op{Kind: m.Kind, Ticket: t, Status: m.Status}
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Delta) check() error {
	switch {
	case d.Event == 0 || d.Seq == 0:
		return malformed("delta", "event %s, number %d", d.Event, d.Seq)
	case (d.Seq == 1) != (d.Previous == [32]byte{}):
		return malformed("delta", "number %d with previous hash %x", d.Seq, d.Previous[:4])
	case d.Issued <= 0:
		return malformed("delta", "issued %d", d.Issued)
	case len(d.Ops) == 0 || len(d.Ops) > MaxOps:
		return malformed("delta", "%d operations, want 1 to %d", len(d.Ops), MaxOps)
	}
	for i := range d.Ops {
		if err := d.Ops[i].check(d.Event); err != nil {
			return fmt.Errorf("delta %d, operation %d: %w", d.Seq, i, err)
		}
	}
	return nil
}

// check also refuses a value in a field that the kind does not use, so that
// one change has one encoding.
func (o *Op) check(event ticket.EventID) error {
	t := &o.Ticket
	bare := t.Event == 0 && t.Zone == 0 && t.Class == 0 && t.Seat == "" && t.NotBefore == 0 && t.NotAfter == 0 && t.Flags == 0 && len(t.Mint) == 0
	switch o.Kind {
	case OpNew:
		if err := t.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if t.Event != event {
			return wrongEvent("ticket", t.Event, event)
		}
	case OpRebind:
		if !bare || t.ID.IsZero() || t.Version < 2 || t.Holder.IsZero() || t.Holder[0] != 2 && t.Holder[0] != 3 || o.Status != 0 {
			return malformed("rebind", "want an id, a holder key and a version from 2, and nothing else")
		}
	case OpStatus:
		if !bare || t.ID.IsZero() || t.Version != 0 || !t.Holder.IsZero() {
			return malformed("status change", "want an id and a status, and nothing else")
		}
	default:
		return malformed("operation", "%s", o.Kind)
	}
	if o.Status > ticket.StatusBlocked {
		return malformed("operation", "%s", o.Status)
	}
	return nil
}

// Follows reports whether d is the next delta after head: [ErrKnown] if its
// number is not beyond the head's, [ErrGap] if others must come first,
// [ErrForked] if it descends from another history. Whether a delta of a known
// number is the very one that was applied is for who keeps their hashes.
func (d *Delta) Follows(head Head) error {
	switch {
	case d.Seq <= head.Seq:
		return fmt.Errorf("delta %d after %d: %w", d.Seq, head.Seq, ErrKnown)
	case d.Seq > head.Seq+1:
		return fmt.Errorf("delta %d after %d: %w", d.Seq, head.Seq, ErrGap)
	case d.Previous != head.Hash:
		return fmt.Errorf("delta %d does not descend from the delta %d in use: %w", d.Seq, head.Seq, ErrForked)
	}
	return nil
}
