package leader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Fractions of a lease.
const (
	renewals = 8  // how often in a lease the holder renews and the others look
	patience = 3  // how many of those one statement may take
	hurry    = 20 // how often in a lease the holder tries again what failed
)

// Run takes part until ctx ends, and gives the seat up then. It returns nil.
func (e *Election) Run(ctx context.Context) error {
	var (
		since time.Time // when the seat was first seen as it is
		seen  Seat
		first = true
		last  uint64 // the newest term of this central
	)
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if ctx.Err() != nil { // both at once
			return nil
		}
		tick.Reset(e.cfg.Lease / renewals)
		now, err := e.look(ctx)
		if err != nil {
			e.complain(ctx, "cannot see who leads", err)
			continue
		}
		if now != seen || since.IsZero() {
			seen, since = now, e.cfg.Now()
		}
		// The one that ran here before has ended, or it was this very process.
		own := seen.Holder == e.cfg.Holder && (first || seen.Term == last)
		first = false
		if seen.Holder != "" && !own && e.cfg.Now().Sub(since) < e.cfg.Lease {
			continue
		}
		asked := e.cfg.Now()
		mine, err := e.take(ctx, seen)
		switch {
		case errors.Is(err, ErrLost):
			since = time.Time{} // somebody lives
			continue
		case err != nil:
			e.complain(ctx, "cannot take the seat", err)
			continue
		}
		e.hold(ctx, mine, asked)
		last, since = mine.Term, time.Time{}
	}
}

// look reads the seat.
func (e *Election) look(ctx context.Context) (Seat, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Lease*patience/renewals)
	defer cancel()
	s, err := e.cfg.Store.Seat(ctx)
	if err == nil {
		e.mu.Lock()
		e.seen = s
		e.mu.Unlock()
	}
	return s, err
}

func (e *Election) take(ctx context.Context, seen Seat) (Seat, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Lease*patience/renewals)
	defer cancel()
	return e.cfg.Store.Take(ctx, seen, e.cfg.Holder, e.cfg.Address)
}

// lead notes that this central has the seat by a statement that was sent at asked.
func (e *Election) lead(mine Seat, asked time.Time) (until time.Time) {
	until = asked.Add(e.cfg.Lease * 3 / 4)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen, e.until = mine, until
	return until
}

// hold does the work and renews the seat until ctx ends, the work does, or the seat
// is lost; then it waits for the work to end, and gives the seat up if it still has it.
func (e *Election) hold(ctx context.Context, mine Seat, asked time.Time) {
	until := e.lead(mine, asked)
	e.cfg.Logger.InfoContext(ctx, "this central leads", slog.Uint64("term", mine.Term))
	working, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	term := mine.Term
	go func() { done <- e.cfg.Work(working, term) }()
	err, ended := e.renew(ctx, &mine, until, done)

	e.mu.Lock()
	e.until = time.Time{}
	e.mu.Unlock()
	stop()
	if !ended {
		err = errors.Join(err, ignoreCanceled(<-done))
	}
	if err != nil {
		e.complain(ctx, "this central leads no longer", err)
	} else {
		e.cfg.Logger.InfoContext(ctx, "this central leads no longer", slog.Uint64("term", mine.Term))
	}
	e.release(ctx, mine)
	if ended && ctx.Err() == nil { // what failed here may do elsewhere: let others go first
		select {
		case <-ctx.Done():
		case <-time.After(e.cfg.Lease):
		}
	}
}

// renew keeps the seat; ended says that the work is over, which done has then told.
func (e *Election) renew(ctx context.Context, mine *Seat, until time.Time, done <-chan error) (err error, ended bool) {
	tick := time.NewTicker(e.cfg.Lease / renewals)
	defer tick.Stop()
	over := time.NewTimer(until.Sub(e.cfg.Now()))
	defer over.Stop()
	type answer struct {
		seat  Seat
		asked time.Time
		err   error
	}
	answers := make(chan answer, 1)
	asking := false
	statement, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if asking {
			<-answers
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil, false
		case err := <-done:
			if err = ignoreCanceled(err); err == nil && ctx.Err() == nil {
				err = errors.New("the work has ended")
			}
			return err, true
		case <-over.C:
			return fmt.Errorf("the database did not confirm the seat within %s: %w", e.cfg.Lease*3/4, err), false
		case <-tick.C:
			if asking {
				continue
			}
			asking = true
			go func(s Seat) {
				a := answer{asked: e.cfg.Now()}
				ctx, cancel := context.WithTimeout(statement, e.cfg.Lease*patience/renewals)
				defer cancel()
				a.seat, a.err = e.cfg.Store.Renew(ctx, s)
				answers <- a
			}(*mine)
		case a := <-answers:
			asking = false
			switch {
			case errors.Is(a.err, ErrLost):
				return a.err, false
			case a.err != nil:
				err = a.err // tried again until over
				tick.Reset(e.cfg.Lease / hurry)
			default:
				tick.Reset(e.cfg.Lease / renewals)
				*mine = a.seat
				over.Reset(e.lead(a.seat, a.asked).Sub(e.cfg.Now()))
			}
		}
	}
}

// release gives the seat up. When that fails, others wait for the lease to run out.
func (e *Election) release(ctx context.Context, mine Seat) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.Lease/renewals)
	defer cancel()
	if err := e.cfg.Store.Release(ctx, mine); err != nil && !errors.Is(err, ErrLost) {
		e.complain(ctx, "the seat was not given up", err)
	}
}

func (e *Election) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, what, slog.Any("error", err)) //nolint:sloglint // one of the constants above
	}
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
