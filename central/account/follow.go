package account

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// followEvery is how often tickets are looked for that must follow their owner to
// a new key.
const followEvery = time.Minute

// followBatch bounds the work of one round. It is more than the people who recover
// within [followTickets].
const followBatch = 100_000

// Run sends letters, and moves tickets of recovered accounts: those that a crash or
// an error left behind, and those of orders that were under way. It ends with ctx.
// Several centrals on one database may all run it.
func (a *Accounts) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.post(ctx) })
	g.Go(func() error { return a.follow(ctx) })
	return g.Wait()
}

func (a *Accounts) follow(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		a.Follow(ctx, "")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Follow does one round of what [Accounts.Run] does, for one account or, with "",
// for all.
func (a *Accounts) Follow(ctx context.Context, account string) {
	keys, err := a.cfg.Store.Rekeys(ctx, account, followBatch)
	if err != nil {
		if ctx.Err() == nil {
			a.cfg.Logger.ErrorContext(ctx, "replaced keys cannot be listed", slog.Any("error", err))
		}
		return
	}
	for _, k := range keys {
		n, err := a.cfg.Rebinder.RebindOwned(ctx, k.Account, k.From, k.To)
		if err == nil && !a.cfg.Now().Before(k.Expires) {
			err = a.cfg.Store.EndRekey(ctx, k)
		}
		if err != nil && ctx.Err() == nil {
			a.cfg.Logger.ErrorContext(ctx, "tickets did not follow to a new key; it is tried again", slog.Any("error", err))
		}
		if n > 0 {
			a.cfg.Logger.InfoContext(ctx, "tickets followed to a new key", slog.Int("tickets", n))
		}
	}
}
