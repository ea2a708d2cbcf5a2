package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// slowTick is how often rooms are read from the store, and centrals tell each other
// who was heard of.
const slowTick = time.Second

// pauseAllowed is the longest time between two ticks that is not a standstill of
// the whole process, in which nobody could be heard of.
const pauseAllowed = 5 * time.Second

// Run moves the line until ctx ends, and then returns its error.
func (q *Queue) Run(ctx context.Context) error {
	tick := time.NewTicker(q.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			q.tick(ctx)
		}
	}
}

// tick does what is due in every room. One that fails does not keep the others.
func (q *Queue) tick(ctx context.Context) {
	q.tickMu.Lock()
	defer q.tickMu.Unlock()
	now := q.now()
	elapsed := max(0, now.Sub(q.lastTick))
	q.lastTick = now
	slow := now.Sub(q.lastSlow) >= slowTick
	if slow {
		q.lastSlow = now
		if err := q.refresh(ctx); err != nil && ctx.Err() == nil {
			q.cfg.Logger.WarnContext(ctx, "waiting rooms were not read; what was known goes on", slog.Any("error", err))
		}
	}
	leads := q.cfg.Leader()
	for _, r := range *q.rooms.Load() {
		if elapsed > pauseAllowed {
			r.forgive(now.Add(r.patience()))
		}
		if q.failing[r.event] { // until the others have told again whom they hear of
			r.forgive(now.Add(settling))
		}
		q.report(ctx, r, q.tickRoom(ctx, r, now, min(elapsed, maxBudget), leads, slow))
	}
}

func (q *Queue) tickRoom(ctx context.Context, r *room, now time.Time, elapsed time.Duration, leads, slow bool) error {
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	if slow {
		if err := r.share(ctx, now); err != nil {
			return fmt.Errorf("share presence: %w", err)
		}
	}
	return r.tick(ctx, now, elapsed, leads)
}

// report logs when a room begins to fail, and when it works again.
func (q *Queue) report(ctx context.Context, r *room, err error) {
	if ctx.Err() != nil {
		return
	}
	switch was := q.failing[r.event]; {
	case err != nil && !was:
		level := slog.LevelWarn
		if !errors.Is(err, ErrUnavailable) {
			level = slog.LevelError
		}
		r.log().Log(ctx, level, "the line stands still until this is over", slog.Any("error", err))
	case err == nil && was:
		r.log().InfoContext(ctx, "the line moves again")
	}
	q.failing[r.event] = err != nil
}
