package stage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/stage"
)

// turnstile puts a controller into the gate's lane and starts the gate with it.
func turnstile(ctx context.Context, t *testing.T, s *stage.Stage, g *stage.Gate) *stage.Turnstile {
	t.Helper()
	door, err := s.Simulate(ctx, g.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.Close)
	if err := g.Fit(door); err != nil {
		t.Fatal(err)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(ctx); err != nil {
		t.Fatal(err)
	}
	turns(ctx, t, g, "ready")
	return door
}

// turns waits until the gate says so of its turnstile.
func turns(ctx context.Context, t *testing.T, g *stage.Gate, word string) {
	t.Helper()
	if _, err := g.AwaitTurnstile(ctx, word); err != nil {
		t.Fatal(err)
	}
}

// granted shows a ticket until the gate lets its holder in, and returns the
// verdict. The gate may have to learn of the ticket, or of its return, first.
func granted(ctx context.Context, t *testing.T, g *stage.Gate, b *stage.Bought) stage.Event {
	t.Helper()
	for {
		text, err := b.Text(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		since := g.Feed.Mark()
		if err := g.Type(text); err != nil {
			t.Fatal(err)
		}
		e, err := g.Feed.Await(ctx, since, func(e stage.Event) bool { return e.Event == "verdict" || e.Event == "repeat" })
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Event == "verdict" && e.Outcome == "admit":
			return e
		case e.Event == "verdict" && e.Reason != "unknown_ticket" && e.Reason != "no_set":
			t.Fatalf("the gate says %s %s, want admit", e.Outcome, e.Reason)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// ends waits for what becomes of a verdict.
func ends(ctx context.Context, t *testing.T, g *stage.Gate, v stage.Event, kind, cause string) {
	t.Helper()
	e, err := g.Feed.Await(ctx, 0, func(e stage.Event) bool { return e.Event == "passage" && e.Seq == v.Seq })
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != kind || e.Cause != cause {
		t.Fatalf("the entry was %s by %q, want %s by %q", e.Kind, e.Cause, kind, cause)
	}
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Tickets at a turnstile, from the sale to central's ledger: who walks through is
// in; who turns back, or never comes, may come again; nobody's entry is given back
// of whom the turnstile cannot say what they did.
func TestTurnstile(t *testing.T) {
	built(t)
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venue(ctx, t)
	door := turnstile(ctx, t, s, gate)
	buy := func(seat string) *stage.Bought {
		t.Helper()
		b, err := s.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: seat})
		done(t, err)
		return b
	}
	inside := func(b *stage.Bought, in bool) {
		t.Helper()
		if err := s.AwaitInside(ctx, event, b.ID, in); err != nil {
			t.Fatalf("central's ledger does not say inside=%v: %v", in, err)
		}
	}
	used := func(b *stage.Bought) {
		t.Helper()
		shows(ctx, t, gate, func() (string, error) { return b.Text(time.Now()) }, "refuse already_admitted")
	}

	first := buy("A-1")
	v := granted(ctx, t, gate, first)
	done(t, door.Walk(ctx))
	ends(ctx, t, gate, v, "passed", "passed")
	inside(first, true)

	second := buy("A-2")
	v = granted(ctx, t, gate, second)
	done(t, door.TurnBack(ctx))
	ends(ctx, t, gate, v, "released", "turned_back")
	inside(second, false)
	v = granted(ctx, t, gate, second)
	ends(ctx, t, gate, v, "released", "expired") // nobody comes
	v = granted(ctx, t, gate, second)
	done(t, door.Walk(ctx))
	ends(ctx, t, gate, v, "passed", "passed")
	inside(second, true)

	done(t, door.Push(ctx))
	turns(ctx, t, gate, "forced")
	done(t, door.Alarm(ctx))
	done(t, door.LetGo(ctx))
	turns(ctx, t, gate, "ready")

	third := buy("A-3")
	v = granted(ctx, t, gate, third)
	mark := door.Mark()
	done(t, door.Fire(ctx, true))
	_, err := door.Freed(ctx, mark)
	done(t, err)
	turns(ctx, t, gate, "fire")
	ends(ctx, t, gate, v, "flagged", "free")
	done(t, door.Fire(ctx, false))
	turns(ctx, t, gate, "ready")
	inside(third, true)
	used(third)
	used(first)
}

// The line to the turnstile is cut while somebody is in it, and its power while
// somebody is to come: nobody can tell whether they went in, so that both entries
// count and are flagged. Then the lane works as before.
func TestTurnstileLost(t *testing.T) {
	built(t)
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	t.Cleanup(cancel)
	s, event, gate := venue(ctx, t)
	door := turnstile(ctx, t, s, gate)
	var bought []*stage.Bought
	for _, seat := range []string{"A-1", "A-2", "A-3"} {
		b, err := s.Buy(ctx, event, stage.Seat{Zone: 1, Class: 1, Seat: seat})
		done(t, err)
		bought = append(bought, b)
	}

	v := granted(ctx, t, gate, bought[0])
	done(t, door.StepIn(ctx))
	door.Cable.Pull()
	done(t, door.StepOut(ctx))
	turns(ctx, t, gate, "no_answer")
	ends(ctx, t, gate, v, "flagged", "fault")
	door.Cable.Plug()
	turns(ctx, t, gate, "ready")
	done(t, s.AwaitInside(ctx, event, bought[0].ID, true))

	v = granted(ctx, t, gate, bought[1])
	done(t, door.Open(ctx))
	done(t, door.PowerOff())
	done(t, door.PowerOn(ctx)) // long before its silence tells
	ends(ctx, t, gate, v, "flagged", "fault")
	turns(ctx, t, gate, "ready")
	done(t, s.AwaitInside(ctx, event, bought[1].ID, true))

	v = granted(ctx, t, gate, bought[2])
	done(t, door.Walk(ctx))
	ends(ctx, t, gate, v, "passed", "passed")
	for _, b := range bought {
		shows(ctx, t, gate, func() (string, error) { return b.Text(time.Now()) }, "refuse already_admitted")
	}
}

// A turnstile is held while its controller runs, and has no power after a cut; its
// people wait for it to open.
func TestTurnstilePower(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := &stage.Stage{Dir: t.TempDir(), Bin: built(t)}
	door, err := s.Simulate(ctx, "north")
	done(t, err)
	t.Cleanup(door.Close)
	done(t, door.Held(ctx))
	mark := door.Mark()
	done(t, door.Fire(ctx, true))
	_, err = door.Freed(ctx, mark)
	done(t, err)
	done(t, door.PowerOff())
	for what, err := range map[string]error{
		"cut again": door.PowerOff(), "a walk": door.Walk(ctx), "a look": door.Held(ctx),
	} {
		if !errors.Is(err, stage.ErrPower) {
			t.Errorf("%s without power: %v", what, err)
		}
	}
	done(t, door.PowerOn(ctx)) // with wires at rest
	done(t, door.Held(ctx))
	if err := door.PowerOn(ctx); err == nil {
		t.Error("it was started twice")
	}
	soon, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if err := door.Walk(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("somebody walked through a held lane: %v", err)
	}
}

// TestTurnstileMissing: what is not there is told apart from what fails.
func TestTurnstileMissing(t *testing.T) {
	s := &stage.Stage{Dir: t.TempDir(), Bin: t.TempDir()}
	if _, err := s.Simulate(t.Context(), "north"); !errors.Is(err, stage.ErrMissing) {
		t.Errorf("without controller-sim: %v", err)
	}
	if _, err := s.Emulate(t.Context(), "north", filepath.Join(s.Bin, "controller.elf")); !errors.Is(err, stage.ErrMissing) {
		t.Errorf("without an image: %v", err)
	}
	nowhere := &stage.Stage{Dir: filepath.Join(s.Dir, "none"), Bin: built(t)}
	if _, err := nowhere.Simulate(t.Context(), "north"); err == nil || errors.Is(err, stage.ErrMissing) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.Bin, "controller-sim"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Simulate(t.Context(), "north"); err == nil || errors.Is(err, stage.ErrMissing) {
		t.Errorf("with one that ends at once: %v", err)
	}
}
