package leader_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/leader"
)

// row is a store in memory; each central has a view of it that can be cut off.
type row struct {
	mu   sync.Mutex // guards seat and took
	seat leader.Seat
	took []string // holders, one for each term
}

var errGone = errors.New("database is gone")

// view is what one central has of the row.
type view struct {
	*row
	cut  func() bool          // whether the database is out of reach
	wait func() time.Duration // how long a statement takes; nil for not at all
}

// do carries a statement out, which may take its time before and after it.
func (v view) do(ctx context.Context, fn func() error) error {
	pause := func() error {
		if v.wait == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(v.wait()):
			return nil
		}
	}
	if err := pause(); err != nil {
		return err
	}
	if v.cut != nil && v.cut() {
		return errGone
	}
	v.mu.Lock()
	err := fn()
	v.mu.Unlock()
	return errors.Join(err, pause())
}

func (v view) Seat(ctx context.Context) (s leader.Seat, err error) {
	err = v.do(ctx, func() error { s = v.seat; return nil })
	return s, err
}

func (v view) Take(ctx context.Context, seen leader.Seat, holder, address string) (s leader.Seat, err error) {
	err = v.do(ctx, func() error {
		if v.seat.Term != seen.Term || v.seat.Beat != seen.Beat {
			return leader.ErrLost
		}
		v.seat = leader.Seat{Holder: holder, Address: address, Term: seen.Term + 1, Beat: seen.Beat + 1}
		v.took = append(v.took, holder)
		s = v.seat
		return nil
	})
	return s, err
}

func (v view) Renew(ctx context.Context, mine leader.Seat) (s leader.Seat, err error) {
	err = v.do(ctx, func() error {
		if v.seat.Term != mine.Term || v.seat.Holder != mine.Holder {
			return leader.ErrLost
		}
		v.seat.Beat++
		s = v.seat
		return nil
	})
	return s, err
}

func (v view) Release(ctx context.Context, mine leader.Seat) error {
	return v.do(ctx, func() error {
		if v.seat.Term != mine.Term || v.seat.Holder != mine.Holder {
			return leader.ErrLost
		}
		v.seat.Holder, v.seat.Address = "", ""
		v.seat.Beat++
		return nil
	})
}

// rig counts who works at the same time.
type rig struct {
	row  *row
	mu   sync.Mutex // guards what follows
	busy map[string]bool
	most int
}

func newRig() *rig { return &rig{row: &row{}, busy: make(map[string]bool)} }

// work runs until it is told to stop.
func (r *rig) work(holder string) func(context.Context, uint64) error {
	return func(ctx context.Context, _ uint64) error {
		r.mu.Lock()
		r.busy[holder] = true
		r.most = max(r.most, len(r.busy))
		r.mu.Unlock()
		<-ctx.Done()
		r.mu.Lock()
		delete(r.busy, holder)
		r.mu.Unlock()
		return ctx.Err()
	}
}

func (r *rig) works(holder string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy[holder]
}

const lease = 20 * time.Second

// central starts one; kill ends it like a SIGKILL: nothing is given up.
func (r *rig) central(t *testing.T, holder string, v view, work func(context.Context, uint64) error) (e *leader.Election, stop, kill func()) {
	t.Helper()
	var dead sync.Map
	cut := v.cut
	v.row, v.cut = r.row, func() bool {
		_, gone := dead.Load(holder)
		return gone || cut != nil && cut()
	}
	if work == nil {
		work = r.work(holder)
	}
	e, err := leader.New(t.Context(), leader.Config{
		Store: v, Holder: holder, Address: holder + ":8441", Lease: lease, Work: work,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	end := func() { cancel(); <-done }
	return e, end, func() { dead.Store(holder, true); end() }
}

// TestTakeOver: the second takes over from a leader that was killed, within a lease
// and a bit, and not before; from one that stops in good order nearly at once.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		a, _, killA := r.central(t, "a", view{}, nil)
		synctest.Wait()
		b, stopB, _ := r.central(t, "b", view{}, nil)
		time.Sleep(10 * lease)
		synctest.Wait()
		if address, self := b.Leader(); !a.Leads() || b.Leads() || address != "a:8441" || self {
			t.Fatalf("a leads %t, b leads %t and thinks that %s does", a.Leads(), b.Leads(), address)
		}
		killA()
		time.Sleep(lease * 3 / 4)
		synctest.Wait()
		if r.works("b") {
			t.Error("b took over before a's lease was over")
		}
		time.Sleep(lease * 3 / 4)
		synctest.Wait()
		if _, self := b.Leader(); !r.works("b") || !b.Leads() || !self {
			t.Error("b does not lead a lease and a half after a was killed")
		}
		c, stopC, _ := r.central(t, "c", view{}, nil)
		time.Sleep(lease)
		stopB()
		time.Sleep(lease/8 + time.Millisecond)
		synctest.Wait()
		if !c.Leads() || !r.works("c") {
			t.Error("c did not take over at once from b, which gave the seat up")
		}
		stopC()
		if r.row.seat.Holder != "" || r.row.seat.Term != 3 {
			t.Errorf("seat is %+v, terms of %v, want it empty in term 3", r.row.seat, r.row.took)
		}
	})
}

// TestRestart: who starts again after a crash has the seat back at once.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		_, _, kill := r.central(t, "a", view{}, nil)
		time.Sleep(lease)
		kill()
		again, stop, _ := r.central(t, "a", view{}, nil)
		synctest.Wait()
		if !again.Leads() || r.row.seat.Term != 2 {
			t.Errorf("after a restart it leads: %t, seat %+v", again.Leads(), r.row.seat)
		}
		stop()
	})
}

// TestShortOutage: a database that is away for half a lease costs nobody the seat.
func TestShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var gone atomic.Bool
		cut := gone.Load
		a, stopA, _ := r.central(t, "a", view{cut: cut}, nil)
		_, stopB, _ := r.central(t, "b", view{cut: cut}, nil)
		synctest.Wait()
		first := a.Leads()
		time.Sleep(3 * lease)
		gone.Store(true)
		time.Sleep(lease / 2)
		gone.Store(false)
		time.Sleep(3 * lease)
		synctest.Wait()
		if a.Leads() != first || r.row.seat.Term != 1 {
			t.Errorf("the seat moved: %+v", r.row.seat)
		}
		stopA()
		stopB()
	})
}

// TestLongOutage: who cannot reach the database stops working by itself, in time.
func TestLongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var gone atomic.Bool
		a, stopA, _ := r.central(t, "a", view{cut: gone.Load}, nil)
		synctest.Wait()
		b, stopB, _ := r.central(t, "b", view{}, nil)
		time.Sleep(3 * lease)
		gone.Store(true)
		time.Sleep(lease*3/4 + time.Millisecond)
		synctest.Wait()
		if a.Leads() || r.works("a") {
			t.Error("a still works without a database")
		}
		time.Sleep(lease)
		synctest.Wait()
		if !b.Leads() || r.most != 1 {
			t.Errorf("b leads %t, most at a time %d", b.Leads(), r.most)
		}
		gone.Store(false)
		time.Sleep(3 * lease)
		synctest.Wait()
		if a.Leads() || !b.Leads() {
			t.Error("a took the seat from b, which lives")
		}
		stopA()
		stopB()
	})
}

// TestOwnSeatAgain: with the database back and nobody else there, who led leads at
// once, without waiting for a lease.
func TestOwnSeatAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var gone atomic.Bool
		a, stop, _ := r.central(t, "a", view{cut: gone.Load}, nil)
		time.Sleep(lease)
		gone.Store(true)
		time.Sleep(5 * lease)
		synctest.Wait()
		if a.Leads() {
			t.Fatal("it leads without a database")
		}
		gone.Store(false)
		time.Sleep(lease/8 + time.Millisecond)
		synctest.Wait()
		if !a.Leads() || !r.works("a") {
			t.Error("it does not lead although the seat is its own")
		}
		stop()
	})
}

// TestWorkFails: who cannot do the work lets another try.
func TestWorkFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var tries atomic.Int32
		_, stopA, _ := r.central(t, "a", view{}, func(context.Context, uint64) error { tries.Add(1); return errors.New("port is taken") })
		synctest.Wait()
		b, stopB, _ := r.central(t, "b", view{}, nil)
		time.Sleep(lease)
		synctest.Wait()
		if !b.Leads() || tries.Load() != 1 {
			t.Errorf("b leads %t after a failed %d times", b.Leads(), tries.Load())
		}
		stopB()
		time.Sleep(2 * lease)
		synctest.Wait()
		if tries.Load() < 2 {
			t.Error("a never tried again")
		}
		stopA()
	})
}

// TestNeverTwo: centrals that are cut off, slow, killed and started again at random
// never work at the same time.
func TestNeverTwo(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			var rndMu sync.Mutex
			random := func(n int64) int64 {
				rndMu.Lock()
				defer rndMu.Unlock()
				return rnd.Int64N(n)
			}
			r := newRig()
			var cuts sync.Map
			type process struct{ stop, kill func() }
			running := make(map[string]process)
			for range 200 {
				name := strconv.FormatInt(random(3), 10)
				p, lives := running[name]
				switch {
				case !lives:
					_, stop, kill := r.central(t, name, view{
						cut:  func() bool { _, is := cuts.Load(name); return is },
						wait: func() time.Duration { return time.Duration(random(int64(lease / 5))) },
					}, nil)
					running[name] = process{stop, kill}
				case random(4) == 0:
					p.kill()
					delete(running, name)
				case random(4) == 0:
					p.stop()
					delete(running, name)
				case random(2) == 0:
					cuts.Store(name, true)
				default:
					cuts.Delete(name)
				}
				time.Sleep(time.Duration(random(int64(2 * lease))))
			}
			for _, p := range running {
				p.stop()
			}
			if r.most != 1 || len(r.row.took) < 5 {
				t.Errorf("seed %d: %d at the same time, terms of %v", seed, r.most, r.row.took)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := leader.Config{
		Store: view{row: &row{}}, Holder: "a", Work: func(context.Context, uint64) error { return nil },
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	for name, spoil := range map[string]func(*leader.Config){
		"no store":    func(c *leader.Config) { c.Store = nil },
		"no holder":   func(c *leader.Config) { c.Holder = "" },
		"no work":     func(c *leader.Config) { c.Work = nil },
		"short lease": func(c *leader.Config) { c.Lease = time.Millisecond },
		"long lease":  func(c *leader.Config) { c.Lease = time.Hour },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := leader.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
}

// TestAlive: a leader that lives is noticed by its beat; one that died, or gave the
// seat up, is not waited for longer than a lease.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		alive := func() (bool, time.Duration) {
			began := time.Now()
			yes, err := leader.Alive(t.Context(), view{row: r.row}, lease)
			if err != nil {
				t.Error(err)
			}
			return yes, time.Since(began)
		}
		if yes, took := alive(); yes || took != 0 {
			t.Errorf("nobody ever led: %t after %s", yes, took)
		}
		_, stop, _ := r.central(t, "a", view{}, nil)
		time.Sleep(lease)
		if yes, took := alive(); !yes || took > lease/2 {
			t.Errorf("a leads: %t after %s", yes, took)
		}
		stop()
		if yes, took := alive(); yes || took > lease/2 {
			t.Errorf("a gave the seat up: %t after %s", yes, took)
		}
		_, stopA, _ := r.central(t, "a", view{}, nil)
		_, stopC, _ := r.central(t, "c", view{}, nil)
		time.Sleep(lease)
		stopA() // the other takes the seat at its next look
		if yes, _ := alive(); !yes {
			t.Error("c runs, and it was not noticed just after a had given the seat up")
		}
		stopC()
		_, _, kill := r.central(t, "b", view{}, nil)
		time.Sleep(lease)
		kill()
		if yes, took := alive(); yes || took != lease {
			t.Errorf("b was killed: %t after %s", yes, took)
		}
	})
}
