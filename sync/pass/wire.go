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

// read fills in the pass from the body of its form.
func (p *Pass) read(body []byte) error {
	switch p.Form {
	case Paper:
		return p.readCarried(body)
	case Rotating:
		return p.readRotating(body)
	case Challenge:
		return p.readChallenge(body)
	case Accredited:
		return p.readAccredited(body)
	}
	return fmt.Errorf("%s is no form", p.Form)
}

func (p *Pass) readRotating(body []byte) error {
	w := &p.rotating
	if err := canon.UnmarshalExact(body, w); err != nil {
		return err
	}
	switch {
	case w.Start > maxStart:
		return errors.New("start is out of range")
	case w.Lease == nil || len(w.Lease) != 0 && len(w.Lease) != leaseSize:
		return fmt.Errorf("lease of %d bytes", len(w.Lease))
	}
	if err := w.Shape.check(w.Tail); err != nil {
		return err
	}
	return p.readTicket(w.Ticket)
}

func (p *Pass) readChallenge(body []byte) error {
	w := &p.challenge
	if err := canon.UnmarshalExact(body, w); err != nil {
		return err
	}
	if err := w.Shape.check(w.Tail); err != nil {
		return err
	}
	return p.readTicket(w.Ticket)
}

// start is the session's start in Unix seconds; readRotating has bounded it.
func (w *wireRotating) start() int64 { return int64(w.Start) } // #nosec G115 -- at most maxStart

func (w *wireRotating) proof() proof {
	return proof{flags: w.Flags, counter: w.Counter, shape: w.Shape, tail: w.Tail, signature: w.Signature}
}

func (w *wireChallenge) proof() proof {
	return proof{flags: w.Flags, counter: w.Counter, shape: w.Shape, tail: w.Tail, signature: w.Signature}
}

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
