package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Wired is a lane behind dry contacts. It is safe for concurrent use. When the
// wires fail, every outstanding grant ends with [Fault] – the rotor may have moved
// – and none is accepted until they are back, which [Ready] tells.
type Wired struct {
	cfg  WiresConfig
	feed *feed
	asks chan ask
	stop context.CancelFunc
	gone chan struct{} // closed when run has returned

	told  atomic.Uint32 // stuck, for others to read
	heard atomic.Bool   // the wires are there and gave their inputs

	// The rest belongs to the goroutine of run.
	wires   Wires
	stuck   Kind    // Fault, Jam or Free while the lane cannot serve, else 0
	last    Inputs  // as last seen
	waiting []Grant // accepted; waiting[0] is armed, or about to be
	armed   bool
	lit     [2]bool     // outputs that are energised
	expiry  *time.Timer // of the armed grant; never nil
	off     *time.Timer // end of the pulse; never nil
	next    *time.Timer // when the next grant may be armed; never nil
	resting bool        // until next
	said    Kind        // stuck, as the reader was told
	owed    int         // passages without a grant that found no room
	room    *time.Timer // when there may be room for what was not told; never nil
}

var _ Lane = (*Wired)(nil)

// ask is a grant on its way to the goroutine of run.
type ask struct {
	grant  Grant
	answer chan error // cap 1
}

// NewWired starts a wired lane. Wires that are not there yet are no error: they are
// tried again, and grants are refused meanwhile. The context bounds nothing but
// the start; Close ends the lane.
func NewWired(ctx context.Context, cfg WiresConfig) (*Wired, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return newWired(ctx, cfg, newFeed(cfg.Now)), nil
}

func newWired(ctx context.Context, cfg WiresConfig, f *feed) *Wired {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Wired{
		cfg: cfg, feed: f, asks: make(chan ask), stop: stop, gone: make(chan struct{}),
		expiry: stopped(), off: stopped(), next: stopped(), room: stopped(),
	}
	go w.run(ctx)
	return w
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// Events returns the lane's events.
func (w *Wired) Events() <-chan Event { return w.feed.events }

// Grant accepts a passage; see [Lane].
func (w *Wired) Grant(ctx context.Context, g Grant) error {
	g, err := g.check()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("grant %d: %w", g.ID, err)
	}
	a := ask{grant: g, answer: make(chan error, 1)}
	select {
	case w.asks <- a:
	case <-ctx.Done():
		return fmt.Errorf("grant %d: %w", g.ID, ctx.Err())
	case <-w.gone:
		return fmt.Errorf("grant %d: %w", g.ID, ErrClosed)
	}
	select {
	case err := <-a.answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("grant %d: %w: %w", g.ID, ErrInDoubt, ctx.Err())
	}
}

// Close releases the outputs, ends outstanding grants with [Fault] and closes the
// event channel once the reader has taken what was left, or has gone.
func (w *Wired) Close() error {
	w.end()
	w.feed.close()
	return nil
}

// end is Close without the feed, which may be another's.
func (w *Wired) end() {
	w.stop()
	<-w.gone
}

// rate notes why the lane cannot serve; zero for that it can.
func (w *Wired) rate(k Kind) {
	w.stuck = k
	w.told.Store(uint32(k))
}

// run keeps the wires open until ctx ends.
func (w *Wired) run(ctx context.Context) {
	defer close(w.gone)
	for pause := firstReturn; ; pause = min(2*pause, lastReturn) {
		wires, err := w.cfg.Open(ctx)
		if err == nil {
			w.wires = wires
			began := w.cfg.Now()
			var good bool
			if good, err = w.session(ctx); good && w.cfg.Now().Sub(began) >= lastReturn {
				pause = firstReturn // those that come and go at once are no return
			}
			err = errors.Join(err, wires.Close())
		}
		if ctx.Err() != nil {
			w.fail(Fault)
			return
		}
		if w.stuck != Fault || len(w.waiting) > 0 {
			w.cfg.Logger.WarnContext(ctx, "turnstile lost", slog.Any("error", err))
			w.fail(Fault)
		}
		if !w.idle(ctx, pause) {
			w.fail(Fault)
			return
		}
	}
}

// idle refuses grants for a while. It returns false when ctx has ended.
func (w *Wired) idle(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	for {
		select {
		case a := <-w.asks:
			a.answer <- fmt.Errorf("grant %d: the turnstile's wires are away: %w", a.grant.ID, ErrFault)
		case <-w.room.C:
			w.announce()
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// session serves the lane until its wires fail or ctx ends. good says that they
// gave their inputs.
func (w *Wired) session(ctx context.Context) (good bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	inputs, failed := make(chan Inputs), make(chan error, 1)
	go func() {
		failed <- w.wires.Watch(ctx, func(in Inputs) {
			select {
			case inputs <- in:
			case <-ctx.Done():
			}
		})
	}()
	over := false
	defer func() {
		stop()
		if !over {
			err = errors.Join(err, <-failed)
		}
		w.heard.Store(false)
		w.dark()
		err = errors.Join(err, w.release(context.WithoutCancel(ctx)))
	}()
	w.lit = [2]bool{true, true} // whatever an earlier life left
	if err := w.release(ctx); err != nil {
		return false, err
	}
	for {
		var err error
		select {
		case in := <-inputs:
			err = w.see(ctx, in, !good)
			good = true
			w.heard.Store(true)
		case a := <-w.asks:
			err = w.accept(ctx, a, good)
		case <-w.expiry.C:
			err = w.expired(ctx)
		case <-w.off.C:
			err = w.release(ctx)
		case <-w.next.C:
			w.resting = false
			err = w.arm(ctx)
		case <-w.room.C:
			w.announce()
		case err = <-failed:
			over = true
			if err == nil {
				err = errors.New("the inputs ended")
			}
		case <-ctx.Done():
			return good, ctx.Err()
		}
		if err != nil {
			return good, err
		}
	}
}
