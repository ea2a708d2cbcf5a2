package pass

import (
	"fmt"
	"io"
	"time"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// Session is the wallet's side of rotating passes: one act of the holder, and the
// codes that it is good for. It holds the secret of its chain; it is not safe for
// concurrent use.
type Session struct {
	id     ticket.ID
	start  int64
	slots  uint8
	lease  *[leaseSize]byte
	seed   [elementSize]byte // the element of the last slot
	anchor [elementSize]byte
	proof  *proof // nil until sealed
}

// NewSession begins a session of 1 to [MaxSlots] slots at start, rounded down to
// the second. The random source must be a cryptographic one. The lease may be nil.
// Errors wrap [ErrDelegation] or [ticket.ErrInvalid], or come from the source.
func NewSession(rand io.Reader, id ticket.ID, start time.Time, slots uint8, lease *[8]byte) (*Session, error) {
	switch {
	case slots == 0 || slots > MaxSlots:
		return nil, fmt.Errorf("session of %d slots, want 1 to %d: %w", slots, MaxSlots, ErrDelegation)
	case id.IsZero():
		return nil, fmt.Errorf("session without a ticket: %w", ticket.ErrInvalid)
	case start.Unix() < 0 || start.Unix() > maxStart:
		return nil, fmt.Errorf("session starts at %s: %w", start, ticket.ErrInvalid)
	}
	s := &Session{id: id, start: start.Unix(), slots: slots}
	if lease != nil {
		own := *lease
		s.lease = &own
	}
	if _, err := io.ReadFull(rand, s.seed[:]); err != nil {
		return nil, fmt.Errorf("make the session's secret: %w", err)
	}
	s.anchor = ascend(id, s.seed, slots-1)
	return s, nil
}

// Challenge returns what the holder's authenticator must sign.
func (s *Session) Challenge() [32]byte {
	return RotatingChallenge(s.id, s.anchor, s.start, s.slots, s.lease)
}

// Ends returns when the last slot is over.
func (s *Session) Ends() time.Time {
	return time.Unix(s.start+int64(s.slots)*slotSeconds, 0).UTC()
}

// Seal takes the authenticator's answer. It refuses one to another challenge or
// for another site; whether the user was verified is for the gate to judge. Errors
// wrap [ErrBadProof] or [ticket.ErrInvalid].
func (s *Session) Seal(rp ticket.RelyingParty, a Assertion) error {
	v, err := NewVerifier(rp)
	if err != nil {
		return err
	}
	challenge := s.Challenge()
	p, err := v.newProof(challenge[:], a)
	if err != nil {
		return err
	}
	s.proof = &p
	return nil
}

// Text returns the pass to show at a time. With the signed ticket carried it is a
// full form, for a gate that may not have the ticket yet; with nil it is id-only.
// The error wraps [ErrBadProof] before Seal, [ErrFuture] before the session,
// [ErrStale] after it, or [ticket.ErrInvalid] for another ticket.
func (s *Session) Text(at time.Time, carried []byte) (string, error) {
	if s.proof == nil {
		return "", fmt.Errorf("session is not sealed: %w", ErrBadProof)
	}
	since := at.Unix() - s.start
	slot := since / slotSeconds
	switch {
	case since < 0:
		return "", fmt.Errorf("session begins in %d s: %w", -since, ErrFuture)
	case slot >= int64(s.slots):
		return "", fmt.Errorf("session is over: %w", ErrStale)
	}
	name, err := ticketField(s.id, carried)
	if err != nil {
		return "", err
	}
	n := uint8(slot) // #nosec G115 -- below slots
	w := wireRotating{
		Ticket: name, Anchor: s.anchor, Start: uint64(s.start), Slots: s.slots, // #nosec G115 -- checked by NewSession
		Slot: n, Element: ascend(s.id, s.seed, s.slots-1-n), Lease: []byte{},
		Flags: s.proof.flags, Counter: s.proof.counter, Shape: s.proof.shape, Tail: s.proof.tail, Signature: s.proof.signature,
	}
	if s.lease != nil {
		w.Lease = s.lease[:]
	}
	return sealText(prefixRotating, w)
}

// ChallengeText returns the pass that answers a gate's nonce, with or without the
// signed ticket. The assertion is over [ChallengeFor]. Errors wrap [ErrBadProof] or
// [ticket.ErrInvalid].
func ChallengeText(rp ticket.RelyingParty, id ticket.ID, n Nonce, a Assertion, carried []byte) (string, error) {
	v, err := NewVerifier(rp)
	if err != nil {
		return "", err
	}
	challenge := ChallengeFor(id, n)
	p, err := v.newProof(challenge[:], a)
	if err != nil {
		return "", err
	}
	name, err := ticketField(id, carried)
	if err != nil {
		return "", err
	}
	return sealText(prefixChallenge, wireChallenge{
		Ticket: name, Nonce: n.Value, Flags: p.flags, Counter: p.counter, Shape: p.shape, Tail: p.tail, Signature: p.signature,
	})
}

// ticketField returns what stands for the ticket in a pass.
func ticketField(id ticket.ID, carried []byte) ([]byte, error) {
	if carried == nil {
		return id[:], nil
	}
	t, err := parseTicket(carried)
	if err != nil {
		return nil, fmt.Errorf("carried ticket: %w: %w", ticket.ErrInvalid, err)
	}
	if t.ID != id {
		return nil, fmt.Errorf("carried ticket is another one: %w", ticket.ErrInvalid)
	}
	return carried, nil
}

// sealText encodes the body and sees to it that a gate will read the text.
func sealText(prefix string, body any) (string, error) {
	b, err := canon.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encode pass: %w", err)
	}
	out := text(prefix, b)
	if len(out) > MaxText {
		return "", fmt.Errorf("pass of %d characters, the most is %d: %w", len(out), MaxText, ticket.ErrInvalid)
	}
	return out, nil
}
