package proof_test

import (
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/ticket"
)

func TestNonceRotates(t *testing.T) {
	w := newWorld(t)
	first := w.current()
	if first.Gate != "gate-1" || first.Issued != now.Unix() {
		t.Errorf("nonce %+v, want gate-1 at %d", first, now.Unix())
	}
	w.bookNow = now.Add(proof.DefaultShow - 1)
	if again := w.current(); again != first {
		t.Errorf("nonce changed before its time: %+v, then %+v", first, again)
	}
	w.bookNow = now.Add(proof.DefaultShow)
	if next := w.current(); next.Value == first.Value {
		t.Errorf("nonce %x is shown for longer than %s", next.Value, proof.DefaultShow)
	}
	// The first is no longer shown, and still good.
	if f := w.check(w.answer(w.alice, first, nil), ptr(bound(w.alice, 1))); f.Proof != ticket.OK {
		t.Errorf("answer to the nonce shown before: %s, want ok", f.Proof)
	}
}

// A clock that is set back must not lengthen a nonce's life.
func TestNonceClockSetBack(t *testing.T) {
	w := newWorld(t)
	n := w.current()
	w.bookNow = now.Add(-time.Hour)
	if f := w.check(w.answer(w.alice, n, nil), ptr(bound(w.alice, 1))); f.Proof != ticket.NonceUnknown {
		t.Errorf("nonce from after the clock was set back: %s, want %s", f.Proof, ticket.NonceUnknown)
	}
}

func TestNonceServesOnceUnderRace(t *testing.T) {
	w := newWorld(t)
	p := w.answer(w.alice, w.current(), nil)
	stored := ptr(bound(w.alice, 1))
	var ok atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if w.check(p, stored).Proof == ticket.OK {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	if ok.Load() != 1 {
		t.Errorf("one nonce was answered %d times", ok.Load())
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestNewBookChecksConfig(t *testing.T) {
	clock := func() time.Time { return now }
	for name, cfg := range map[string]proof.BookConfig{
		"no gate":     {Rand: &counter{}, Now: clock},
		"bad gate":    {Gate: "a/b", Rand: &counter{}, Now: clock},
		"no rand":     {Gate: "g", Now: clock},
		"no clock":    {Gate: "g", Rand: &counter{}},
		"short life":  {Gate: "g", Rand: &counter{}, Now: clock, Show: time.Minute, Life: time.Second},
		"endless":     {Gate: "g", Rand: &counter{}, Now: clock, Show: time.Millisecond, Life: time.Hour},
		"no showing":  {Gate: "g", Rand: &counter{}, Now: clock, Show: -1},
		"nonpositive": {Gate: "g", Rand: &counter{}, Now: clock, Life: -1},
	} {
		if _, err := proof.NewBook(t.Context(), cfg); err == nil {
			t.Errorf("%s: NewBook passed", name)
		}
	}
	b, err := proof.NewBook(t.Context(), proof.BookConfig{Gate: "g", Rand: broken{}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Current(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Current() = %+v, %v without randomness, want the source's error", n, err)
	}
}

func BenchmarkCheckRotating(b *testing.B) {
	w := newWorld(b)
	p := w.rotating(w.alice, now, nil)
	stored := ptr(bound(w.alice, 1))
	b.ReportAllocs()
	for b.Loop() {
		if f := w.check(p, stored); f.Proof != ticket.OK {
			b.Fatal(f.Proof)
		}
	}
}

// While the gate's clock stands still, because it is behind the journal, a nonce
// grows old all the same.
func TestNonceAgesWhileTheClockStands(t *testing.T) {
	steady := now
	b, err := proof.NewBook(t.Context(), proof.BookConfig{
		Gate: "gate-1", Rand: rand.Reader, Now: func() time.Time { return now }, Steady: func() time.Time { return steady },
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := b.Current()
	if err != nil {
		t.Fatal(err)
	}
	steady = steady.Add(proof.DefaultShow)
	if next, err := b.Current(); err != nil || next.Value == first.Value || next.Issued != now.Unix() {
		t.Errorf("after %s: nonce %+v, %v, want another one than %x", proof.DefaultShow, next, err, first.Value)
	}
}
