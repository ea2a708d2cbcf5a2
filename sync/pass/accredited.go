package pass

import (
	"encoding/binary"
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// wireAccredited is the body of an accredited pass: a CBOR array in this order.
type wireAccredited struct {
	_         struct{} `cbor:",toarray"`
	Ticket    []byte   // id, or signed ticket
	Nonce     [nonceSize]byte
	Signature [signatureSize]byte // r‖s, s in the lower half of the order
}

// AccreditedMessage returns what the key of a DID signs, with ES256, to answer a
// gate's nonce for one ticket: "conting/accredit/v1", a zero byte, the ticket's id
// (16 bytes), the nonce's time (Unix seconds, 8 bytes, big-endian), its value (8)
// and the gate's id.
func AccreditedMessage(id ticket.ID, n Nonce) []byte {
	b := make([]byte, 0, 96)
	b = append(b, labelAccredited...)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.Issued)) // #nosec G115 -- bits are kept
	b = append(b, n.Value[:]...)
	return append(b, n.Gate...) // last, as only it has no fixed length
}

// AccreditedText returns the pass that answers a gate's nonce with the key of a
// DID. The signature is over [AccreditedMessage], r‖s with s in the lower half of
// the order, as [trust.RawSignature] returns it; it is not verified here. With
// the signed ticket carried it is a full form, with nil it is id-only. Errors wrap
// [ticket.ErrInvalid].
func AccreditedText(id ticket.ID, n Nonce, signature [64]byte, carried []byte) (string, error) {
	if id.IsZero() {
		return "", fmt.Errorf("accredited pass without a ticket: %w", ticket.ErrInvalid)
	}
	name, err := ticketField(id, carried)
	if err != nil {
		return "", err
	}
	return sealText(prefixAccredited, wireAccredited{Ticket: name, Nonce: n.Value, Signature: signature})
}

// Accredited checks an accredited pass against the key that its ticket is bound
// to and the nonce that the caller has found open in its book, by [Pass.Nonce]. To
// strike the nonce out is the caller's work. It proves that the DID's key answered
// this gate now; unlike a passkey's assertion it says nothing of a finger or a PIN.
//
// The error wraps [ErrWrongForm] or [ErrBadProof].
func (v *Verifier) Accredited(p *Pass, holder ticket.HolderKey, n Nonce) error {
	if p.Form != Accredited {
		return fmt.Errorf("%s: %w", p.Form, ErrWrongForm)
	}
	if n.Value != p.accredited.Nonce {
		return fmt.Errorf("pass answers another nonce: %w", ErrBadProof)
	}
	if !trust.VerifyCompressed(holder, AccreditedMessage(p.ID, n), p.accredited.Signature[:]) {
		return fmt.Errorf("signature of the accreditation: %w", ErrBadProof)
	}
	return nil
}

func (p *Pass) readAccredited(body []byte) error {
	w := &p.accredited
	if err := canon.UnmarshalExact(body, w); err != nil {
		return err
	}
	return p.readTicket(w.Ticket)
}
