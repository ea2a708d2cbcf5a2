package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gagliardetto/solana-go"
	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint/chain"
)

// troubleMost is the longest that the worker waits after something went wrong.
const troubleMost = 15 * time.Second

// Run works until ctx ends, and then returns nil. Neither a store nor a cluster that
// is away ends it.
func (w *Worker) Run(ctx context.Context) error {
	w.running(true)
	defer w.running(false)
	s := newShift(w)
	if !s.open(ctx) {
		return nil
	}
	var g errgroup.Group
	g.Go(func() error { s.work(ctx); return nil })
	g.Go(func() error { w.walk(ctx); return nil })
	return g.Wait()
}

func (w *Worker) running(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Running = is
}

// trouble notes what could not be done.
func (w *Worker) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	w.status.Trouble = what
	w.troubles++
	w.mu.Unlock()
	w.cfg.Observe.Trouble(what)
	w.cfg.Logger.WarnContext(ctx, "a part of the mint's work could not be done; it is tried again",
		slog.String("trouble", what), slog.Any("error", err))
}

// well takes back what trouble said, unless there was more of it than there had been.
func (w *Worker) well(before int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.troubles == before {
		w.status.Trouble = ""
	}
}

func (w *Worker) troubled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.troubles
}

// troubleOf is the stable word for an error.
func troubleOf(err error) string {
	for _, known := range []struct {
		is   error
		word string
	}{
		{chain.ErrGenesis, "cluster"},
		{ErrGenesis, "cluster"},
		{chain.ErrBusy, "busy"},
		{chain.ErrBehind, "behind"},
		{chain.ErrUnavailable, "unavailable"},
		{chain.ErrRejected, "rejected"},
		{errKeys, "keys"},
		{chain.ErrSigner, "signer"},
		{context.DeadlineExceeded, "unavailable"},
	} {
		if errors.Is(err, known.is) {
			return known.word
		}
	}
	return "store"
}

// at is where a test may end the work, see [Worker.pause].
func (w *Worker) at(ctx context.Context, step string) error {
	if w.pause != nil {
		if err := w.pause(ctx, step); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// open finds out whether the cluster is that of the store's tokens, and reports
// whether it is: not before ctx ends.
func (s *shift) open(ctx context.Context) bool {
	wait := s.cfg.Poll
	for {
		err := s.cluster(ctx)
		if err == nil {
			return true
		}
		s.trouble(ctx, troubleOf(err), err)
		if !sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, troubleMost)
	}
}

// cluster pins the cluster that the tokens are on, and asks one of its nodes. Where the
// first node to answer was another's, the others are asked from then on.
func (w *Worker) cluster(ctx context.Context) error {
	genesis, err := w.cfg.Chain.Genesis(ctx)
	if err != nil {
		return fmt.Errorf("genesis hash: %w", err)
	}
	kept, err := w.cfg.Store.Cluster(ctx, genesis.String())
	if err != nil {
		return fmt.Errorf("cluster of the tokens: %w", err)
	}
	if kept != genesis.String() {
		if genesis, err = solana.HashFromBase58(kept); err != nil {
			return fmt.Errorf("cluster of the tokens %q: %w", kept, err)
		}
	}
	w.cfg.Chain.Pin(genesis)
	_, err = w.cfg.Chain.Tip(ctx, chain.Finalized, 0)
	if errors.Is(err, chain.ErrGenesis) {
		err = fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	if err != nil {
		return fmt.Errorf("tokens are on the cluster %s: %w", kept, err)
	}
	return nil
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
