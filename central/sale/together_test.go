package sale_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

// Two centrals on one database do the same work at the same time: both attend to the
// offers, each refund and each acceptance is asked of both at once. Every place is
// offered once, in order, and taken once.
func TestOffersOfTwoCentrals(t *testing.T) {
	t.Setenv(storetest.Variable, "postgres")
	h := start(t)
	h.hall(`{"offer_minutes": 10}`)
	logger := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), storetest.At(t, h.path, h.clock.Now, logger))
	h.must(err)
	t.Cleanup(func() { h.must(db.Close()) })
	other, err := sale.New(t.Context(), sale.Config{
		Store: db, Providers: map[string]pay.Provider{"sandbox": h.wire}, Issuer: issuer{}, Verifier: verifier{},
		Now: h.clock.Now, Logger: logger, ChallengeKey: [32]byte{1}, Changed: func() {},
	})
	h.must(err)
	both := []*sale.Sale{h.Sale, other}

	// each asks both at once, and says how many did it.
	each := func(ask func(*sale.Sale) error, refusals ...error) (done int) {
		answers := make(chan error, len(both))
		for _, s := range both {
			go func() { answers <- ask(s) }()
		}
		for range both {
			err := <-answers
			if err == nil {
				done++
			} else if !slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) {
				t.Error(err)
			}
		}
		return done
	}
	var first []sale.Order
	for range 3 {
		o, err := h.pays(room("first", 1))
		h.must(err)
		first = append(first, o)
	}
	const people = 12
	for n := range people {
		h.waits(fmt.Sprintf("w%02d", n), 1)
	}
	attending := make(chan struct{})
	var leaders, buyers sync.WaitGroup
	for _, s := range both {
		leaders.Go(func() {
			for {
				select {
				case <-attending:
					return
				default:
				}
				if _, err := s.Offers(t.Context()); err != nil {
					t.Errorf("Offers: %v", err)
				}
			}
		})
	}
	var held atomic.Int64
	for n := range people {
		buyers.Go(func() {
			account := fmt.Sprintf("w%02d", n)
			deadline := time.Now().Add(time.Minute)
			var offer sale.Offer
			for offer.State != sale.OfferOpen {
				all, err := h.Offered(t.Context(), account)
				if err != nil || time.Now().After(deadline) {
					t.Errorf("%s has no offer: %v", account, err)
					return
				}
				if len(all) > 0 {
					offer = all[0]
				}
				time.Sleep(20 * time.Millisecond)
			}
			var mu sync.Mutex
			var mine sale.Order
			var secret string
			won := each(func(s *sale.Sale) error {
				r := room(account, 1)
				r.Offer = offer.ID
				o, key, err := s.Hold(t.Context(), r)
				if err == nil {
					mu.Lock()
					mine, secret = o, key
					mu.Unlock()
				}
				return err
			}, sale.ErrOfferClosed)
			if won != 1 {
				t.Errorf("%s accepted %d times", account, won)
				return
			}
			if held.Add(1) > 3 {
				t.Error("more places are held than there are")
			}
			_, err := both[n%2].Pay(t.Context(), mine.ID, secret, "sandbox", "ok")
			if err != nil {
				t.Errorf("Pay: %v", err)
			}
			held.Add(-1)
			each(func(s *sale.Sale) error {
				_, err := s.Refund(t.Context(), mine.ID)
				return err
			}, sale.ErrPaymentPending)
		})
	}
	for _, o := range first {
		each(func(s *sale.Sale) error {
			_, err := s.Refund(t.Context(), o.ID)
			return err
		}, sale.ErrPaymentPending)
	}
	buyers.Wait()
	close(attending)
	leaders.Wait()
	made := h.told(outbox.OfferMade)
	for i, r := range made {
		if want := fmt.Sprintf("w%02d", i); r.Account != want {
			t.Errorf("offer %d went to %s, want %s", i, r.Account, want)
		}
	}
	if len(made) != people || len(h.told(outbox.OrderPaid)) != people+3 || len(h.told(outbox.OrderRefunded)) != people+3 {
		t.Errorf("%d offers, %d orders paid, %d refunded; want %d, %d, %d", len(made), len(h.told(outbox.OrderPaid)), len(h.told(outbox.OrderRefunded)), people, people+3, people+3)
	}
}
