package sale_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// gated is a store whose holds are counted, and wait to be let through.
type gated struct {
	sale.Store
	holds atomic.Int64
	gate  chan struct{}
	fail  error
}

func (g *gated) Hold(ctx context.Context, h sale.Hold) (sale.Order, error) {
	g.holds.Add(1)
	<-g.gate
	if g.fail != nil {
		return sale.Order{}, g.fail
	}
	return g.Store.Hold(ctx, h)
}

// Of many who want one seat at the same time one asks the store. Once the store has
// said no to that one, the next may ask; once it has said yes, nobody does for a
// while, unless the seat is given back.
func TestBoardAnswersLosers(t *testing.T) {
	h := start(t)
	g := &gated{Store: h.store, gate: make(chan struct{}), fail: errors.New("no")}
	till, err := sale.New(t.Context(), sale.Config{
		Store: g, Providers: map[string]pay.Provider{"sandbox": h.sandbox}, Issuer: issuer{}, Verifier: verifier{},
		Now: h.clock.Now, Logger: slog.New(slog.DiscardHandler), ChallengeKey: [32]byte{1},
	})
	h.must(err)
	fight := func() (won sale.Order, secret string) {
		t.Helper()
		requests := make([]sale.HoldRequest, 32)
		for i := range requests {
			requests[i] = h.seat("A-1")
		}
		before := g.holds.Load()
		var wg, losers sync.WaitGroup
		losers.Add(len(requests) - 1)
		for _, r := range requests {
			wg.Go(func() {
				o, s, err := till.Hold(t.Context(), r)
				switch {
				case errors.Is(err, sale.ErrSeatTaken):
					losers.Done()
				case err == nil:
					won, secret = o, s
				case !errors.Is(err, g.fail):
					t.Errorf("Hold: %v", err)
				}
			})
		}
		losers.Wait() // all but one are answered while that one's hold has not even begun
		g.gate <- struct{}{}
		wg.Wait()
		if n := g.holds.Load() - before; n != 1 {
			t.Errorf("the store was asked %d times, want once", n)
		}
		return won, secret
	}
	fight()
	g.fail = nil
	o, secret := fight()
	close(g.gate)
	asked := g.holds.Load()
	if _, _, err := till.Hold(t.Context(), h.seat("A-1")); !errors.Is(err, sale.ErrSeatTaken) || g.holds.Load() != asked {
		t.Errorf("a moment later: %v, asked %d times more; want ErrSeatTaken from memory", err, g.holds.Load()-asked)
	}
	_, err = till.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	h.must(err)
	_, err = till.Refund(t.Context(), o.ID)
	h.must(err)
	if _, _, err := till.Hold(t.Context(), h.seat("A-1")); err != nil {
		t.Errorf("after a refund: %v", err)
	}
	h.clock.Advance(2 * time.Second)
	asked = g.holds.Load()
	if _, _, err := till.Hold(t.Context(), h.seat("A-1")); !errors.Is(err, sale.ErrSeatTaken) || g.holds.Load() != asked+1 {
		t.Errorf("seconds later: %v, asked %d times more; want ErrSeatTaken from the store", err, g.holds.Load()-asked)
	}
}
