package pass

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Verifier checks the proof in a pass for one relying party. It is immutable,
// safe for concurrent use, and remembers nothing from one pass to the next.
type Verifier struct {
	idHash        [sha256.Size]byte
	origin        string
	escapedOrigin string // with "\/" for "/"
}

// NewVerifier makes a Verifier. The error wraps [ticket.ErrInvalid].
func NewVerifier(rp ticket.RelyingParty) (*Verifier, error) {
	if err := rp.Check(); err != nil {
		return nil, err
	}
	return &Verifier{
		idHash:        sha256.Sum256([]byte(rp.ID)),
		origin:        rp.Origin,
		escapedOrigin: strings.ReplaceAll(rp.Origin, "/", `\/`),
	}, nil
}

// Rotating checks a rotating pass against the key that its ticket is bound to.
// The slot may lie from two before to one after the gate's, widened by how
// uncertain the gate is of now. What costs nothing is checked first: a stale pass
// is refused without any cryptography.
//
// The error wraps [ErrWrongForm], [ErrClockUncertain], [ErrDelegation],
// [ErrStale], [ErrFuture], [ErrUserNotVerified] or [ErrBadProof].
func (v *Verifier) Rotating(p *Pass, holder ticket.HolderKey, now time.Time, uncertainty time.Duration) error {
	if p.Form != Rotating {
		return fmt.Errorf("%s: %w", p.Form, ErrWrongForm)
	}
	if err := p.inTime(now, uncertainty); err != nil {
		return err
	}
	if err := checkFlags(p.rotating.Flags); err != nil {
		return err
	}
	w := &p.rotating
	if got := ascend(p.ID, w.Element, w.Slot); subtle.ConstantTimeCompare(got[:], w.Anchor[:]) != 1 {
		return fmt.Errorf("element is not of slot %d: %w", w.Slot, ErrBadProof)
	}
	var lease *[leaseSize]byte
	if l, ok := p.Lease(); ok {
		lease = &l
	}
	challenge := RotatingChallenge(p.ID, w.Anchor, w.start(), w.Slots, lease)
	return v.verify(w.proof(), challenge[:], holder)
}

// Challenge checks a challenge pass against the key that its ticket is bound to
// and the nonce that the caller has found open in its book, by [Pass.Nonce]. To
// strike the nonce out is the caller's work.
//
// The error wraps [ErrWrongForm], [ErrUserNotVerified] or [ErrBadProof].
func (v *Verifier) Challenge(p *Pass, holder ticket.HolderKey, n Nonce) error {
	if p.Form != Challenge {
		return fmt.Errorf("%s: %w", p.Form, ErrWrongForm)
	}
	if n.Value != p.challenge.Nonce {
		return fmt.Errorf("pass answers another nonce: %w", ErrBadProof)
	}
	challenge := ChallengeFor(p.ID, n)
	return v.verify(p.challenge.proof(), challenge[:], holder)
}

// inTime checks the session and the slot of a rotating pass against the clock.
func (p *Pass) inTime(now time.Time, uncertainty time.Duration) error {
	w := &p.rotating
	switch {
	case uncertainty < 0 || uncertainty > MaxUncertainty:
		return fmt.Errorf("uncertain by %s, the most is %s: %w", uncertainty, MaxUncertainty, ErrClockUncertain)
	case w.Slots == 0 || w.Slots > MaxSlots || w.Slot >= w.Slots:
		return fmt.Errorf("slot %d of %d, the most is %d: %w", w.Slot, w.Slots, MaxSlots, ErrDelegation)
	}
	earliest := w.slotAt(now.Add(-uncertainty)) - pastSlots
	latest := w.slotAt(now.Add(uncertainty)) + futureSlots
	switch slot := int64(w.Slot); {
	case slot < earliest:
		return fmt.Errorf("slot %d, the earliest now is %d: %w", slot, earliest, ErrStale)
	case slot > latest:
		return fmt.Errorf("slot %d, the latest now is %d: %w", slot, latest, ErrFuture)
	}
	return nil
}

// slotAt returns which slot of the session the time falls in; before the
// session it is negative.
func (w *wireRotating) slotAt(t time.Time) int64 {
	since := t.Unix() - w.start() // Unix rounds down, and start is whole seconds
	slot := since / slotSeconds
	if since%slotSeconds < 0 {
		slot--
	}
	return slot
}
