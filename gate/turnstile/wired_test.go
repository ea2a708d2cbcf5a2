package turnstile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
)

var errUnplugged = errors.New("unplugged")

// bench is a turnstile on a bench: what was done to its outputs, and hands on its inputs.
type bench struct {
	start time.Time

	mu     sync.Mutex // guards all below
	in     turnstile.Inputs
	change chan struct{} // closed at the next change
	away   bool
	broken error // of the next Unlock
	log    []string
	opens  int
}

func newBench() *bench { return &bench{start: time.Now(), change: make(chan struct{})} }

func (b *bench) open(context.Context) (turnstile.Wires, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opens++
	if b.away {
		return nil, errUnplugged
	}
	return b, nil
}

func (b *bench) Unlock(_ context.Context, d turnstile.Direction, on bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errUnplugged
	}
	if err := b.broken; err != nil && on {
		b.broken = nil
		return err
	}
	b.log = append(b.log, fmt.Sprintf("%s %v %d", d, on, time.Since(b.start).Milliseconds()))
	return nil
}

func (b *bench) Watch(ctx context.Context, see func(turnstile.Inputs)) error {
	for {
		b.mu.Lock()
		in, change, away := b.in, b.change, b.away
		b.mu.Unlock()
		if away {
			return errUnplugged
		}
		see(in)
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *bench) Close() error { return nil }

// set changes the inputs, and waits until the lane has dealt with it.
func (b *bench) set(change func(*turnstile.Inputs)) {
	b.mu.Lock()
	change(&b.in)
	close(b.change)
	b.change = make(chan struct{})
	b.mu.Unlock()
	synctest.Wait()
}

// pass is somebody who goes through.
func (b *bench) pass(d turnstile.Direction) {
	b.set(func(in *turnstile.Inputs) { in.Passed[d] = true })
	b.set(func(in *turnstile.Inputs) { in.Passed[d] = false })
}

func (b *bench) unplug(away bool) {
	b.mu.Lock()
	b.away = away
	close(b.change)
	b.change = make(chan struct{})
	b.mu.Unlock()
	synctest.Wait()
}

// wires returns what was done to the outputs since the start, and forgets it.
func (b *bench) wires() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.log = nil }()
	return strings.Join(b.log, ", ")
}

// wired is a lane on a bench, ready to serve.
func wired(t *testing.T, cfg turnstile.WiresConfig) (*turnstile.Wired, *bench) {
	t.Helper()
	b := newBench()
	cfg.Open, cfg.Now, cfg.Logger = b.open, time.Now, slog.New(slog.DiscardHandler)
	w, err := turnstile.NewWired(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	synctest.Wait()
	b.wires()
	return w, b
}

// heard reads what the lane has told by now.
func heard(w turnstile.Lane) string {
	var got []string
	for {
		synctest.Wait()
		select {
		case e, ok := <-w.Events():
			if !ok {
				return strings.Join(append(got, "closed"), ", ")
			}
			got = append(got, fmt.Sprintf("%d %s", e.Grant, e.Kind))
		default:
			return strings.Join(got, ", ")
		}
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func ask(t *testing.T, w turnstile.Lane, g turnstile.Grant, as error) {
	t.Helper()
	if err := w.Grant(t.Context(), g); !errors.Is(err, as) {
		t.Errorf("Grant(%d) = %v, want %v", g.ID, err, as)
	}
}

func TestWiredPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		time.Sleep(time.Second)
		b.pass(turnstile.In)
		want(t, "passed", heard(w), "1 armed, 1 passed")
		want(t, "outputs", b.wires(), "in true 0, in false 200")

		ask(t, w, turnstile.Grant{ID: 2, Direction: turnstile.Out}, nil) // the output rests first
		want(t, "before the rest", heard(w), "")
		time.Sleep(100 * time.Millisecond)
		want(t, "after the rest", heard(w), "2 armed")
		time.Sleep(7 * time.Second)
		want(t, "nobody came", heard(w), "2 expired")
		want(t, "outputs", b.wires(), "out true 1100, out false 1300")
	})
}

func TestWiredLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{Level: true})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		ask(t, w, turnstile.Grant{ID: 2, Timeout: 2 * time.Second}, nil)
		time.Sleep(3 * time.Second)
		b.pass(turnstile.In)
		time.Sleep(10 * time.Second)
		want(t, "events", heard(w), "1 armed, 1 passed, 2 armed, 2 expired")
		want(t, "outputs", b.wires(), "in true 0, in false 3000, in true 3100, in false 6100")
	})
}

func TestWiredBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wired(t, turnstile.WiresConfig{Blind: [2]bool{turnstile.In: true}})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		time.Sleep(5 * time.Second)
		want(t, "in the window", heard(w), "1 armed")
		time.Sleep(2 * time.Second)
		want(t, "after it", heard(w), "1 passed")
		ask(t, w, turnstile.Grant{ID: 2, Direction: turnstile.Out}, nil)
		time.Sleep(7 * time.Second)
		want(t, "the way that is watched", heard(w), "2 armed, 2 expired")
	})
}

func TestWiredRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{Queue: 1})
		ask(t, w, turnstile.Grant{}, turnstile.ErrInvalid)
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		ask(t, w, turnstile.Grant{ID: 1}, turnstile.ErrInvalid)
		ask(t, w, turnstile.Grant{ID: 2}, nil)
		ask(t, w, turnstile.Grant{ID: 3}, turnstile.ErrBusy)
		b.wires()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want(t, "outputs", b.wires(), "in false 0")
		ask(t, w, turnstile.Grant{ID: 4}, turnstile.ErrClosed)
	})
}

func TestWiredClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := wired(t, turnstile.WiresConfig{})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		ask(t, w, turnstile.Grant{ID: 2}, nil)
		go func() { _ = w.Close() }()
		want(t, "events", heard(w), "1 armed, 1 fault, 2 fault, closed")
	})
}

func TestWiredNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		for range 400 {
			b.pass(turnstile.In)
		}
		ask(t, w, turnstile.Grant{ID: 1}, turnstile.ErrBusy)
		var seq uint64
		for range strings.Count(heard(w), "forced") {
			seq++
		}
		if seq < 256 {
			t.Errorf("%d events were kept, want 256", seq)
		}
		ask(t, w, turnstile.Grant{ID: 1}, nil)
	})
}

// What a turnstile says of itself ends every grant and refuses new ones.
func TestWiredTrouble(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*turnstile.Inputs, bool)
		kind string
	}{
		"fire":  {func(in *turnstile.Inputs, on bool) { in.Fire = on }, "free"},
		"alarm": {func(in *turnstile.Inputs, on bool) { in.Alarm = on }, "jam"},
		"fault": {func(in *turnstile.Inputs, on bool) { in.Fault = on }, "fault"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := wired(t, turnstile.WiresConfig{Level: true})
				ask(t, w, turnstile.Grant{ID: 1}, nil)
				ask(t, w, turnstile.Grant{ID: 2}, nil)
				b.set(func(in *turnstile.Inputs) { tc.set(in, true) })
				want(t, "events", heard(w), fmt.Sprintf("1 armed, 1 %[1]s, 2 %[1]s", tc.kind))
				want(t, "outputs", b.wires(), "in true 0, in false 0")
				ask(t, w, turnstile.Grant{ID: 3}, turnstile.ErrFault)
				b.pass(turnstile.In)
				if name == "fire" {
					want(t, "people leave", heard(w), "") // they are no business of ours
				} else {
					want(t, "somebody goes through", heard(w), "0 forced")
				}
				b.set(func(in *turnstile.Inputs) { tc.set(in, false) })
				want(t, "afterwards", heard(w), "0 ready")
				ask(t, w, turnstile.Grant{ID: 4}, nil)
			})
		})
	}
}

// The gravest cause counts, and the lane serves when none is left.
func TestWiredTwoTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		b.set(func(in *turnstile.Inputs) { in.Alarm = true })
		b.set(func(in *turnstile.Inputs) { in.Fire = true })
		b.set(func(in *turnstile.Inputs) { in.Fire = false })
		b.set(func(in *turnstile.Inputs) { in.Alarm = false })
		want(t, "events", heard(w), "0 jam, 0 free, 0 jam, 0 ready")
	})
}

func TestWiredForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		b.pass(turnstile.In)
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		b.pass(turnstile.Out) // against the grant
		b.pass(turnstile.In)
		b.pass(turnstile.In) // behind the first
		want(t, "events", heard(w), "0 forced, 1 armed, 0 forced, 1 passed, 0 forced")
	})
}

// A passage contact that stands closed when the gate starts is nobody.
func TestWiredStandingContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.in.Passed[turnstile.In] = true
		w, err := turnstile.NewWired(t.Context(), turnstile.WiresConfig{Open: b.open, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close() //nolint:errcheck // nothing to lose
		want(t, "at first", heard(w), "")
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		want(t, "armed", heard(w), "1 armed")
		b.set(func(in *turnstile.Inputs) { in.Passed[turnstile.In] = false })
		b.pass(turnstile.In)
		want(t, "somebody", heard(w), "1 passed")
	})
}

// Wires that fail while somebody is on their way: nobody knows whether they went.
func TestWiredUnplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		ask(t, w, turnstile.Grant{ID: 2}, nil)
		b.unplug(true)
		want(t, "pulled", heard(w), "1 armed, 1 fault, 2 fault")
		ask(t, w, turnstile.Grant{ID: 3}, turnstile.ErrFault)
		time.Sleep(time.Minute)
		want(t, "for a minute", heard(w), "")
		if b.opens > 20 {
			t.Errorf("%d attempts in a minute", b.opens)
		}
		b.wires()
		b.unplug(false)
		time.Sleep(6 * time.Second)
		want(t, "back", heard(w), "0 ready")
		want(t, "outputs on return", strings.Join(regexp.MustCompile(`[a-z]+ (true|false)`).FindAllString(b.wires(), -1), ", "), "in false, out false")
		ask(t, w, turnstile.Grant{ID: 4}, nil)
		want(t, "served", heard(w), "4 armed")
	})
}

// A command that fails opens nothing, unless it may have.
func TestWiredCommandFails(t *testing.T) {
	for name, tc := range map[string]struct{ broken, as error }{
		"refused":  {errUnplugged, turnstile.ErrFault},
		"in doubt": {fmt.Errorf("no answer: %w", turnstile.ErrInDoubt), turnstile.ErrInDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, b := wired(t, turnstile.WiresConfig{})
				b.broken = tc.broken
				err := w.Grant(t.Context(), turnstile.Grant{ID: 1})
				if !errors.Is(err, tc.as) || errors.Is(err, turnstile.ErrFault) == errors.Is(err, turnstile.ErrInDoubt) {
					t.Errorf("Grant = %v, want %v alone", err, tc.as)
				}
				time.Sleep(time.Second)
				want(t, "events", heard(w), "0 fault, 0 ready")
				if got := b.wires(); !strings.Contains(got, "in false") {
					t.Errorf("the output was not released: %q", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // of one that waits, when its turn comes
		w, b := wired(t, turnstile.WiresConfig{})
		ask(t, w, turnstile.Grant{ID: 1}, nil)
		ask(t, w, turnstile.Grant{ID: 2}, nil)
		b.broken = errUnplugged
		b.pass(turnstile.In)
		time.Sleep(time.Second)
		want(t, "events", heard(w), "1 armed, 1 passed, 2 fault, 0 ready")
	})
}

func TestWiredNumbersEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		var seqs []uint64
		for id := range uint64(3) {
			ask(t, w, turnstile.Grant{ID: id + 1}, nil)
			b.pass(turnstile.In)
			time.Sleep(time.Second)
			for range 2 {
				seqs = append(seqs, (<-w.Events()).Seq)
			}
		}
		if !slices.Equal(seqs, []uint64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("numbers %v, want 1 to 6", seqs)
		}
	})
}

func TestWiresConfig(t *testing.T) {
	good := turnstile.WiresConfig{Open: newBench().open, Now: time.Now, Logger: slog.Default()}
	for name, spoil := range map[string]func(*turnstile.WiresConfig){
		"no open":     func(c *turnstile.WiresConfig) { c.Open = nil },
		"no clock":    func(c *turnstile.WiresConfig) { c.Now = nil },
		"no logger":   func(c *turnstile.WiresConfig) { c.Logger = nil },
		"short pulse": func(c *turnstile.WiresConfig) { c.Pulse = 50 * time.Millisecond },
		"long pulse":  func(c *turnstile.WiresConfig) { c.Pulse = time.Minute },
		"queue":       func(c *turnstile.WiresConfig) { c.Queue = 65 },
	} {
		bad := good
		spoil(&bad)
		if w, err := turnstile.NewWired(t.Context(), bad); err == nil {
			_ = w.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// Nobody reads for a long time: every passage without a grant is told all the same, and
// a contact that chatters fills no memory.
func TestWiredTellsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		const forced = 300
		for range forced {
			b.pass(turnstile.In)
		}
		for range 1000 {
			b.set(func(in *turnstile.Inputs) { in.Alarm = true })
			b.set(func(in *turnstile.Inputs) { in.Alarm = false })
		}
		b.set(func(in *turnstile.Inputs) { in.Fire = true })
		got := heard(w) + ", "
		if n := strings.Count(got, "forced"); n > 260 {
			t.Errorf("%d events waited", n)
		}
		for range 20 {
			time.Sleep(time.Second)
			got += heard(w) + ", "
		}
		if n := strings.Count(got, "forced"); n != forced {
			t.Errorf("%d passages told, want %d", n, forced)
		}
		if n := strings.Count(got, "jam"); n > 0 || !strings.Contains(got, "0 free") {
			t.Errorf("%d jams told, and then %q", n, got[len(got)-60:])
		}
		b.set(func(in *turnstile.Inputs) { in.Fire = false })
		want(t, "over", heard(w), "0 ready")
		ask(t, w, turnstile.Grant{ID: 1}, nil)
	})
}

// A caller who has gone already gets nothing opened.
func TestWiredGoneCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for id := range uint64(20) {
			if err := w.Grant(ctx, turnstile.Grant{ID: id + 1}); !errors.Is(err, context.Canceled) || errors.Is(err, turnstile.ErrInDoubt) {
				t.Fatalf("Grant = %v", err)
			}
		}
		want(t, "outputs", b.wires(), "")
	})
}

// Wires that fail as soon as they are opened are tried less and less often.
func TestWiredComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := wired(t, turnstile.WiresConfig{})
		for range 600 {
			b.unplug(true)
			b.unplug(false)
			time.Sleep(100 * time.Millisecond)
		}
		b.mu.Lock()
		if b.opens > 30 {
			t.Errorf("opened %d times in a minute", b.opens)
		}
		b.mu.Unlock()
		time.Sleep(20 * time.Second)
		heard(w)
		ask(t, w, turnstile.Grant{ID: 1}, nil)
	})
}
