package turnstile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
			var good bool
			if good, err = w.session(ctx); good {
				pause = firstReturn
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

// accept answers an ask. An error means that the wires failed.
func (w *Wired) accept(ctx context.Context, a ask, good bool) error {
	refuse := func(err error, why string) error {
		a.answer <- fmt.Errorf("grant %d: %s: %w", a.grant.ID, why, err)
		return nil
	}
	switch {
	case !good:
		return refuse(ErrFault, "the turnstile has not said yet how it is")
	case w.stuck != 0:
		return refuse(ErrFault, "the turnstile reports "+w.stuck.String())
	case len(w.waiting) > w.cfg.Queue:
		return refuse(ErrBusy, fmt.Sprintf("%d are waiting", len(w.waiting)))
	case w.feed.full():
		return refuse(ErrBusy, "nobody reads the lane's events")
	case slices.ContainsFunc(w.waiting, func(o Grant) bool { return o.ID == a.grant.ID }):
		return refuse(ErrInvalid, "given twice")
	}
	w.waiting = append(w.waiting, a.grant)
	if len(w.waiting) > 1 || w.resting {
		a.answer <- nil
		return nil
	}
	err := w.arm(ctx)
	if err == nil {
		a.answer <- nil
		return nil
	}
	w.waiting = nil
	answer := ErrFault
	if errors.Is(err, ErrInDoubt) {
		answer = ErrInDoubt
	}
	_ = refuse(answer, err.Error())
	return err
}

// arm unlocks for the first waiting grant, if there is one and the output has rested.
func (w *Wired) arm(ctx context.Context) error {
	if len(w.waiting) == 0 || w.armed || w.resting {
		return nil
	}
	g := w.waiting[0]
	if err := w.open(ctx, g); err != nil {
		return err
	}
	w.armed = true
	w.feed.emit(g.ID, Armed)
	w.expiry.Reset(g.Timeout + slack)
	if !w.cfg.Level {
		w.off.Reset(w.cfg.Pulse)
	}
	return nil
}

// finish ends the armed grant and lets the next one follow.
func (w *Wired) finish(ctx context.Context, k Kind) error {
	w.feed.emit(w.waiting[0].ID, k)
	w.waiting, w.armed = slices.Delete(w.waiting, 0, 1), false
	w.expiry.Stop()
	w.off.Stop()
	w.resting = true
	w.next.Reset(rest)
	return w.release(ctx)
}

func (w *Wired) expired(ctx context.Context) error {
	if !w.armed {
		return nil
	}
	if w.cfg.Blind[w.waiting[0].Direction] {
		return w.finish(ctx, Passed)
	}
	return w.finish(ctx, Expired)
}

// see takes the turnstile's inputs; first says that nothing is known of earlier
// ones. An error means that the wires failed.
func (w *Wired) see(ctx context.Context, in Inputs, first bool) error {
	old := w.last
	w.last = in
	if first {
		old.Passed = in.Passed // a level that stands is nobody's passage
	}
	// Who went through did so before the lane stopped for what came with it.
	for _, d := range []Direction{In, Out} {
		if in.Passed[d] && !old.Passed[d] && w.stuck != Free {
			if err := w.passed(ctx, d); err != nil {
				return err
			}
		}
	}
	switch k := in.stuck(); {
	case k == w.stuck:
	case k != 0:
		w.fail(k)
		return w.release(ctx)
	default:
		w.rate(0)
		w.announce()
	}
	return nil
}

// stuck is why a lane with these inputs cannot serve, the gravest first.
func (in Inputs) stuck() Kind {
	switch {
	case in.Fire:
		return Free
	case in.Alarm:
		return Jam
	case in.Fault:
		return Fault
	}
	return 0
}

func (w *Wired) passed(ctx context.Context, d Direction) error {
	if w.armed && w.waiting[0].Direction == d {
		return w.finish(ctx, Passed)
	}
	w.owed++
	w.announce()
	return nil
}

// fail ends all grants; the lane serves none until the cause has gone.
func (w *Wired) fail(k Kind) {
	w.rate(k)
	if len(w.waiting) == 0 {
		w.announce()
		return
	}
	for _, g := range w.waiting {
		w.feed.emit(g.ID, k)
	}
	w.waiting, w.said = nil, k
	w.dark()
}

// announce tells of what belongs to no grant. What finds no room, because nobody
// reads, is told later: passages one by one, and of the lane's states the last.
func (w *Wired) announce() {
	for ; w.owed > 0 && !w.feed.full(); w.owed-- {
		w.feed.emit(0, Forced)
	}
	switch {
	case w.owed == 0 && w.said == w.stuck:
	case w.feed.full():
		w.room.Reset(roomLook)
	case w.stuck == 0:
		w.said = w.stuck
		w.feed.emit(0, Ready)
	default:
		w.said = w.stuck
		w.feed.emit(0, w.stuck)
	}
}

// dark forgets the armed grant's timers.
func (w *Wired) dark() {
	w.armed, w.resting = false, false
	w.expiry.Stop()
	w.off.Stop()
	w.next.Stop()
}

// release de-energises what is energised.
func (w *Wired) release(ctx context.Context) error {
	var errs []error
	for _, d := range []Direction{In, Out} {
		if w.lit[d] {
			errs = append(errs, w.command(ctx, d, false))
		}
	}
	return errors.Join(errs...)
}

// open unlocks for a grant, where the wires can for no longer than they must: they
// release it by themselves then, whatever becomes of us.
func (w *Wired) open(ctx context.Context, g Grant) error {
	self, ok := w.wires.(timed)
	if !ok {
		return w.command(ctx, g.Direction, true)
	}
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	w.lit[g.Direction] = true
	window := w.cfg.Pulse
	if w.cfg.Level {
		window = g.Timeout + slack
	}
	return self.UnlockFor(ctx, g.Direction, window)
}

func (w *Wired) command(ctx context.Context, d Direction, on bool) error {
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	w.lit[d] = true // until it is known to be off
	err := w.wires.Unlock(ctx, d, on)
	if err == nil && !on {
		w.lit[d] = false
	}
	return err
}
