package turnstile

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

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
