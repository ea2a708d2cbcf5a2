package journal

import (
	"fmt"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// ReceiptContext separates a receipt's signature from all others.
const ReceiptContext trust.Context = "conting/receipt/v1"

// MaxReceipt is the most bytes of one signed receipt.
const MaxReceipt = 448

// Receipt is a gate's signed word to a holder: this ticket entered here, then. It
// repeats the admission's entry in the device's journal, so that whoever keeps
// the journal can tell a receipt of something that never was.
type Receipt struct {
	_ struct{} `cbor:",toarray"`

	Device   ticket.DeviceID `json:"device"`
	Event    ticket.EventID  `json:"event"`
	Ticket   ticket.ID       `json:"ticket"`
	Gate     string          `json:"gate"`     // the gate's name in the event's rules
	Lane     string          `json:"lane"`     // at most MaxLane bytes
	Time     HLC             `json:"time"`     // of the admission
	Seq      uint64          `json:"seq"`      // of the admission in the device's journal
	Evidence [32]byte        `json:"evidence"` // SHA-256 of the pass text, or zero
}

// ReceiptOf returns the receipt of an admission that was consumed at a gate.
func ReceiptOf(device ticket.DeviceID, gate string, e *Entry) Receipt {
	return Receipt{
		Device: device, Event: e.Event, Ticket: e.Ticket, Gate: gate, Lane: e.Lane,
		Time: e.Time, Seq: e.Seq, Evidence: e.Evidence,
	}
}

// Of reports whether the receipt is about this entry of the device's journal, and
// the entry is an admission.
func (r Receipt) Of(e *Entry) bool {
	return e.Kind == Decision && e.Outcome == ticket.Admit && r == ReceiptOf(r.Device, r.Gate, e)
}

// SignReceipt returns the signed bytes of a receipt. The error wraps [ErrInvalid]
// or is the signer's.
func SignReceipt(s trust.Signer, r Receipt) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	payload, err := canon.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode receipt of entry %d: %w", r.Seq, err)
	}
	data, err := trust.Sign1(s, ReceiptContext, payload)
	if err != nil {
		return nil, fmt.Errorf("sign receipt of entry %d: %w", r.Seq, err)
	}
	return data, nil
}

// OpenReceipt verifies a receipt with a device's key and returns it. The caller
// compares the device with the one whose key that is. The error wraps
// [ErrTooLarge], [ErrInvalid], or is one of package trust.
func OpenReceipt(data []byte, key trust.PublicKey) (Receipt, error) {
	if len(data) > MaxReceipt {
		return Receipt{}, fmt.Errorf("receipt of %d bytes, the most is %d: %w", len(data), MaxReceipt, ErrTooLarge)
	}
	m, err := trust.ParseSign1(data)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrInvalid, err)
	}
	if err := m.Verify(ReceiptContext, key); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	var r Receipt
	if err := canon.UnmarshalExact(m.Payload, &r); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrInvalid, err)
	}
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

func (r *Receipt) check() error {
	_, err := ticket.ParseDeviceID(string(r.Device))
	switch {
	case err != nil:
		return fmt.Errorf("receipt: %w: %w", ErrInvalid, err)
	case r.Event == 0 || r.Ticket.IsZero() || r.Time == 0 || r.Seq == 0:
		return fmt.Errorf("receipt of ticket %s at event %s, entry %d at %d: %w", r.Ticket, r.Event, r.Seq, r.Time, ErrInvalid)
	case !laneOK(r.Lane) || r.Gate == "" || len(r.Gate) > ticket.MaxName || !utf8.ValidString(r.Gate):
		return fmt.Errorf("receipt of gate %.40q, lane %.40q: %w", r.Gate, r.Lane, ErrInvalid)
	}
	return nil
}
