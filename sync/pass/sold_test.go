package pass_test

import (
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
)

// Whoever buys the secret of a session has all its codes and not one more: two
// minutes after the holder's finger, and the tolerance for clocks, they are worth
// nothing. Neither a longer session nor a later start can be made of it.
func TestSoldSeed(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	const length = pass.MaxSlots * pass.SlotLength
	last := rotating(t, w, pass.MaxSlots, nil, length-pass.SlotLength, nil) // its element is the secret
	var elements [][16]byte                                                 // of slot 29, 28, … 0, and what lies before
	for x := sold(t, last); len(elements) < pass.MaxSlots; x = ascendOnce(x) {
		elements = append(elements, x)
	}
	best := func(at time.Time) bool {
		for slot := range uint8(pass.MaxSlots) {
			element := elements[pass.MaxSlots-1-int(slot)]
			for _, change := range []func(*pass.WireRotating){
				func(*pass.WireRotating) {},
				func(w *pass.WireRotating) { w.Slots = 255 },
				func(w *pass.WireRotating) { w.Start = uint64(at.Unix()) - uint64(slot)*4 },
				func(w *pass.WireRotating) { w.Anchor, w.Start, w.Slot = element, uint64(at.Unix()), 0 },
			} {
				forged := forge(t, last, func(w *pass.WireRotating) {
					w.Slot, w.Element = slot, element
					change(w)
				})
				if p, err := pass.Parse(forged); err == nil && v.Rotating(p, w.HolderKey(), at, 0) == nil {
					return true
				}
			}
		}
		return false
	}
	const early, late = pass.SlotLength, 2 * pass.SlotLength // the tolerance
	for after := -20 * time.Second; after < length+20*time.Second; after += 2 * time.Second {
		want := after >= -early && after < length+late
		if got := best(doors.Add(after)); got != want {
			t.Errorf("the best of all codes %s after the finger is admitted: %t, want %t", after, got, want)
		}
	}
	for _, after := range []time.Duration{-time.Hour, length + time.Minute, time.Hour, 24 * time.Hour} {
		if best(doors.Add(after)) {
			t.Errorf("admitted %s after the finger", after)
		}
	}
}

// sold returns the element that a text reveals.
func sold(t *testing.T, text string) [16]byte {
	t.Helper()
	var w pass.WireRotating
	if err := pass.Open(text, &w); err != nil {
		t.Fatal(err)
	}
	return w.Element
}

// A code that was signed beforehand and sent on is a code of its own slot: before
// that it is from the future, and twelve seconds after it began it is stale.
func TestSignedBeforehandAndSentOn(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	s, err := w.Session(ticketID, doors.Add(time.Hour), pass.MaxSlots, nil) // made now, for later
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Text(doors.Add(time.Hour+8*time.Second), nil)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]error{
		0:                              pass.ErrFuture,
		time.Hour:                      pass.ErrFuture,
		time.Hour + 4*time.Second:      nil,
		time.Hour + 20*time.Second - 1: nil,
		time.Hour + 20*time.Second:     pass.ErrStale,
		time.Hour + 2*time.Minute:      pass.ErrStale,
		25 * time.Hour:                 pass.ErrStale,
	} {
		if err := v.Rotating(parse(t, text), w.HolderKey(), doors.Add(after), 0); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s later: %v, want %v", after, err, want)
		}
	}
}

// The signature counter is signed, so that it cannot be altered, and it is not
// judged: passkeys that synchronise send zero, and a gate sees too few assertions
// to know the last one. A smaller counter than before proves a holder all the same.
func TestCounterRegress(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	for _, counter := range []uint32{9, 3, 0, 1<<32 - 1} {
		w.Authenticator.Counter = counter
		text := rotating(t, w, 20, nil, 0, nil)
		if err := v.Rotating(parse(t, text), w.HolderKey(), doors, 0); err != nil {
			t.Errorf("counter %d: %v", counter, err)
		}
		altered := forge(t, text, func(w *pass.WireRotating) { w.Counter ^= 1 })
		if err := v.Rotating(parse(t, altered), w.HolderKey(), doors, 0); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("counter %d altered: %v, want ErrBadProof", counter, err)
		}
	}
	n := pass.Nonce{Gate: "north-1", Issued: doors.Unix()}
	for _, counter := range []uint32{9, 3} {
		w.Authenticator.Counter = counter
		answer, err := w.Answer(ticketID, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Challenge(parse(t, answer), w.HolderKey(), n); err != nil {
			t.Errorf("challenge with counter %d: %v", counter, err)
		}
	}
}
