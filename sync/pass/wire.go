package pass

import (
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// wireRotating is the body of a rotating pass: a CBOR array in this order.
type wireRotating struct {
	_         struct{} `cbor:",toarray"`
	Ticket    []byte   // id, or signed ticket
	Anchor    [elementSize]byte
	Start     uint64 // Unix seconds
	Slots     uint8
	Slot      uint8
	Element   [elementSize]byte
	Lease     []byte // empty or leaseSize
	Flags     uint8
	Counter   uint32
	Shape     shape
	Tail      []byte
	Signature [signatureSize]byte
}

// wireChallenge is the body of a challenge pass: a CBOR array in this order.
type wireChallenge struct {
	_         struct{} `cbor:",toarray"`
	Ticket    []byte   // id, or signed ticket
	Nonce     [nonceSize]byte
	Flags     uint8
	Counter   uint32
	Shape     shape
	Tail      []byte
	Signature [signatureSize]byte
}

// maxStart keeps arithmetic with the wallet's claim far from overflow.
const maxStart = 1 << 40

func (p *Pass) readRotating(body []byte) error {
	var w wireRotating
	if err := canon.UnmarshalExact(body, &w); err != nil {
		return err
	}
	switch {
	case w.Start > maxStart:
		return errors.New("start is out of range")
	case w.Lease == nil || len(w.Lease) != 0 && len(w.Lease) != leaseSize:
		return fmt.Errorf("lease of %d bytes", len(w.Lease))
	}
	p.anchor, p.element = w.Anchor, w.Element
	p.start, p.slots, p.slot = int64(w.Start), w.Slots, w.Slot // #nosec G115 -- bounded above
	if len(w.Lease) == leaseSize {
		p.lease = w.Lease
	}
	p.proof = proof{flags: w.Flags, counter: w.Counter, shape: w.Shape, tail: w.Tail, signature: w.Signature}
	if err := p.proof.check(); err != nil {
		return err
	}
	return p.readTicket(w.Ticket)
}

func (p *Pass) readChallenge(body []byte) error {
	var w wireChallenge
	if err := canon.UnmarshalExact(body, &w); err != nil {
		return err
	}
	p.nonce = w.Nonce
	p.proof = proof{flags: w.Flags, counter: w.Counter, shape: w.Shape, tail: w.Tail, signature: w.Signature}
	if err := p.proof.check(); err != nil {
		return err
	}
	return p.readTicket(w.Ticket)
}

func (p *Pass) readPaper(body []byte) error { return p.readCarried(body) }

// readTicket takes an id or a signed ticket.
func (p *Pass) readTicket(b []byte) error {
	if len(b) != len(p.ID) {
		return p.readCarried(b)
	}
	p.ID = ticket.ID(b)
	if p.ID.IsZero() {
		return errors.New("no ticket id")
	}
	return nil
}

func (p *Pass) readCarried(signed []byte) error {
	t, err := parseTicket(signed)
	if err != nil {
		return err
	}
	p.ID, p.Carried = t.ID, signed
	return nil
}
