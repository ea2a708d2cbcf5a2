package sale

import (
	"context"
	"log/slog"
	"time"
)

// attendEvery is how often Attend looks. What a refund sets free is offered in the
// refund's own transaction; only what runs out waits for this.
const attendEvery = time.Second

// Attend ends offers that have run out, offers what has become free, and refunds the
// orders of events that were called off, until the context ends; it returns the
// context's error. One process is enough; several do no harm.
func (s *Sale) Attend(ctx context.Context) error {
	tick := time.NewTicker(attendEvery)
	defer tick.Stop()
	for {
		s.attend(ctx, "attend to offers", s.Offers)
		s.attend(ctx, "attend to cancelled events", s.Cancellations)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// attend takes steps until there is nothing to be done. What fails is tried again
// with the next tick.
func (s *Sale) attend(ctx context.Context, what string, step func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		n, err := step(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.ErrorContext(ctx, "step of the sale failed", slog.String("step", what), slog.String("error", err.Error()))
		}
		if err != nil || n == 0 {
			return
		}
	}
}
