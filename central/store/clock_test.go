package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// The clock jumps forwards and backwards by up to an hour between any two steps of
// those who want one seat: it is never sold to two, and whoever's payment ended well
// has it or is owed the money.
func TestClockJumpsSellNothingTwice(t *testing.T) {
	storetest.Each(t, clockJumpsSellNothingTwice)
}

func clockJumpsSellNothingTwice(t *testing.T) {
	s, c := onSale(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- a walk that can be repeated
	var orders []string
	seen, payments := make(map[string]int), make(map[string][]string)
	for step := range 600 {
		c.advance(time.Duration(random.IntN(int(2*time.Hour/time.Second))-3600) * time.Second)
		what := []string{"hold", "begin", "sell", "fail", "refund"}[random.IntN(5)]
		order := fmt.Sprint(step)
		if what != "hold" {
			if len(orders) == 0 {
				continue
			}
			order = orders[max(0, len(orders)-1-random.IntN(4))]
		}
		tried := payments[order]
		if (what == "sell" || what == "fail") && len(tried) == 0 {
			continue
		}
		var err error
		did := true
		switch what {
		case "hold":
			_, err = s.Hold(t.Context(), sale.Hold{
				Order: order, Event: 1001, Items: []sale.HeldItem{{Zone: 1, Class: 1, Seat: "A-1"}}, Expires: c.now().Add(time.Minute),
			})
			if errors.Is(err, sale.ErrSeatTaken) {
				did, err = false, nil
			} else {
				orders = append(orders, order)
			}
		case "begin":
			payment := fmt.Sprintf("p%d", step)
			if did = begin(t, s, order, payment); did {
				payments[order] = append(payments[order], payment)
			}
		case "sell":
			id := ticket.ID{}
			copy(id[:], order)
			var bought sale.Sold
			bought, err = s.Sell(t.Context(), tried[random.IntN(len(tried))], []sale.Issued{{Ticket: ticket.Ticket{ID: id, Event: 1001, Seat: "A-1"}, Signed: []byte{1}}})
			did = bought != sale.NotSold
		case "fail":
			err = s.FailPayment(t.Context(), tried[random.IntN(len(tried))])
		case "refund":
			_, err = s.RefundOrder(t.Context(), order)
		}
		if err != nil {
			t.Fatalf("seed %d, step %d: %s %s: %v", seed, step, what, order, err)
		}
		if did {
			seen[what]++
		}
		var valid, paid, unfit int
		must(t, s.In(t.Context(), store.View, func(x store.Tx) error {
			return errors.Join(
				x.Row(`SELECT COUNT(*) FROM ticket WHERE event = 1001 AND status = $1`, []any{ticket.StatusValid}, &valid),
				x.Row(`SELECT COUNT(*) FROM purchase WHERE state = 'paid'`, nil, &paid),
				x.Row(`SELECT COUNT(*) FROM purchase p JOIN payment y ON y.id = p.payment WHERE y.state = 'succeeded' AND p.state <> 'paid'`, nil, &unfit))
		}))
		if valid > 1 || paid != valid || unfit != 0 {
			t.Fatalf("seed %d, step %d: after %s of %s, %d valid tickets, %d paid orders, and %d paid for nothing", seed, step, what, order, valid, paid, unfit)
		}
	}
	for _, what := range []string{"hold", "begin", "sell", "fail", "refund"} {
		if seen[what] < 3 {
			t.Errorf("seed %d: only %d times %s", seed, seen[what], what)
		}
	}
}
