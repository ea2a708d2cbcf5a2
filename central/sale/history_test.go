package sale_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

// refusals are what people are told who ask for what cannot be.
var refusals = []error{
	sale.ErrSeatTaken, sale.ErrSoldOut, sale.ErrNotTogether, sale.ErrLimit, sale.ErrOthersWait, sale.ErrKept, sale.ErrOfferClosed,
	sale.ErrHoldExpired, sale.ErrPaymentPending, sale.ErrPaidTooLate, sale.ErrOrderRefunded, sale.ErrNotPaid, sale.ErrTooManyPayments,
	sale.ErrPlacesFree, sale.ErrNotWaiting, sale.ErrUnknownOffer, sale.ErrNotReturnable, sale.ErrAlreadyPaid,
	pay.ErrDeclined, pay.ErrTimeout, pay.ErrNotAuthorised,
}

// crowd is people who buy, wait and give back as they like, through two centrals.
type crowd struct {
	*harness
	tills []*sale.Sale

	mu     sync.Mutex // guards everything below
	orders map[string]string
	ids    []string
	did    map[string]int
}

const personLimit = 2

var people = []string{"jun", "mina", "eve", "sol", "dan"}

func startCrowd(t *testing.T) *crowd {
	h := start(t)
	h.hall(`{"max_per_person": 2, "refund_until": "2026-12-12T17:00:00Z"}`)
	second := h.store
	if storetest.Engine() == "postgres" {
		var err error
		second, err = store.Open(t.Context(), storetest.At(t, h.path, h.clock.Now, slog.New(slog.DiscardHandler)))
		h.must(err)
		t.Cleanup(func() { h.must(second.Close()) })
	}
	other, err := sale.New(t.Context(), sale.Config{
		Store: second, Providers: map[string]pay.Provider{"sandbox": h.wire}, Issuer: issuer{}, Verifier: verifier{},
		Now: h.clock.Now, Logger: slog.New(slog.DiscardHandler), ChallengeKey: [32]byte{1},
	})
	h.must(err)
	return &crowd{harness: h, tills: []*sale.Sale{h.Sale, other}, orders: make(map[string]string), did: make(map[string]int)}
}

// order picks one that somebody has made.
func (c *crowd) order(r *rand.Rand) (id, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return "none", "none"
	}
	id = c.ids[r.IntN(len(c.ids))]
	return id, c.orders[id]
}

// note counts what succeeded. What fails otherwise than it may is an error.
func (c *crowd) note(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.did[what]++
	} else if !slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) && !errors.Is(err, sale.ErrUnknownOrder) {
		c.t.Errorf("%s: %v", what, err)
	}
}

func (c *crowd) hold(s *sale.Sale, r *rand.Rand, who, offer string, n int) {
	want := sale.Want{Zone: back, Class: 1, Paper: true}
	items := wants(n, want)
	if offer == "" {
		for i := range items {
			if items[i].Zone = uint16(1 + r.IntN(2)); items[i].Zone == 1 && r.IntN(2) == 0 {
				items[i].Seat = []string{"A-1", "A-2", "A-3", "B-1"}[r.IntN(4)]
			}
		}
	}
	o, secret, err := s.Hold(c.t.Context(), sale.HoldRequest{Event: show, Owner: who, Items: items, Offer: offer})
	what := "hold"
	if offer != "" {
		what = "accept"
	}
	c.note(what, err)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.orders[o.ID] = secret
		c.ids = append(c.ids, o.ID)
	}
}

// step is one thing that somebody does.
func (c *crowd) step(r *rand.Rand) {
	ctx, s, who := c.t.Context(), c.tills[r.IntN(2)], people[r.IntN(len(people))]
	switch r.IntN(12) {
	case 0, 1, 2:
		c.hold(s, r, who, "", 1+r.IntN(2))
	case 3, 4, 5, 6:
		id, secret := c.order(r)
		_, err := s.Pay(ctx, id, secret, "sandbox", []string{pay.TokenOK, pay.TokenOK, pay.TokenDeclined, pay.TokenTimeout}[r.IntN(4)])
		c.note("pay", err)
	case 7:
		id, _ := c.order(r)
		_, err := s.Refund(ctx, id)
		c.note("refund", err)
	case 8:
		id, _ := c.order(r)
		_, err := s.Return(ctx, id, who)
		c.note("return", err)
	case 9:
		if r.IntN(2) == 0 {
			c.note("leave", s.Leave(ctx, who, show, 0))
			return
		}
		_, err := s.WaitFor(ctx, sale.Wait{Event: show, Zone: back, Class: 1, Account: who, Places: 1 + r.IntN(2)})
		c.note("wait", err)
	case 10:
		for _, who := range people {
			offers, err := s.Offered(ctx, who)
			c.note("look", err)
			for _, o := range offers {
				switch {
				case o.State != sale.OfferOpen:
				case r.IntN(4) > 0:
					c.hold(s, r, who, o.ID, o.Places)
				default:
					c.note("decline", s.Decline(ctx, who, o.ID))
				}
			}
		}
	case 11:
		c.clock.Advance(time.Duration(r.IntN(120)) * time.Second)
		_, err := s.Offers(ctx)
		c.note("attend", err)
		_, err = s.Reconcile(ctx)
		c.note("reconcile", err)
	}
}

// Whatever people do at once, through two centrals: an order is paid if its money was
// taken and stays, has a ticket in force for each of its places then and no other, no
// seat has two, nobody more than they may, and what is sold is what was paid.
func TestHistories(t *testing.T) {
	c := startCrowd(t)
	for round := range uint64(10) {
		var all sync.WaitGroup
		for n := range uint64(8) {
			all.Go(func() {
				r := rand.New(rand.NewPCG(n, round))
				for range 40 {
					c.step(r)
				}
			})
		}
		all.Wait()
		if c.did["accept"] > 0 && c.did["return"] > 0 {
			break
		}
	}
	c.settle()
	c.check()
	t.Logf("%v", c.did)
	for _, what := range []string{"hold", "pay", "refund", "wait", "accept"} {
		if c.did[what] == 0 {
			t.Errorf("of %v nothing was ever a %s", c.did, what)
		}
	}
}

// settle lets everything that is open come to an end.
func (c *crowd) settle() {
	for _, who := range people {
		c.note("leave", c.Leave(c.t.Context(), who, show, 0))
	}
	for range 3 {
		c.clock.Advance(30 * time.Minute)
		for _, s := range c.tills {
			_, err := s.Reconcile(c.t.Context())
			c.note("reconcile", err)
			_, err = s.Offers(c.t.Context())
			c.note("attend", err)
		}
	}
}

func (c *crowd) check() {
	c.t.Helper()
	paid, places, seats, has := 0, 0, make(map[string]string), make(map[string]int)
	for id, secret := range c.orders {
		o, err := c.Order(c.t.Context(), id, secret)
		c.must(err)
		var amount int64
		for _, i := range o.Items {
			amount += i.Amount
		}
		inForce := 0
		for _, k := range o.Tickets {
			if k.Status == 0 {
				inForce++
			}
		}
		switch {
		case amount != o.Amount:
			c.t.Errorf("order %s costs %d, its items %d", id, o.Amount, amount)
		case o.State == sale.Paying:
			c.t.Errorf("order %s is left paying", id)
		case o.State != sale.Paid && inForce > 0, o.State == sale.Paid && inForce != len(o.Items):
			c.t.Errorf("order %s of %d places is %s with %d tickets in force", id, len(o.Items), o.State, inForce)
		}
		if o.State != sale.Paid {
			continue
		}
		paid++
		places += len(o.Items)
		for _, i := range o.Items {
			has[i.Keeper]++
			if i.Seat != "" && seats[i.Seat] != "" {
				c.t.Errorf("%s is sold to %s and %s", i.Seat, seats[i.Seat], id)
			}
			seats[i.Seat] = id
		}
	}
	for who, n := range has {
		if who != "" && n > personLimit {
			c.t.Errorf("%s has %d places, may have %d", who, n, personLimit)
		}
	}
	l, err := c.Listing(c.t.Context(), show)
	c.must(err)
	taken, returned := c.sandbox.Moved()
	if booked := l.Zones[0].Sold + l.Zones[1].Sold; booked != places || taken-returned != paid || l.Zones[0].Held+l.Zones[1].Held != 0 {
		c.t.Errorf("%d orders with %d places are paid; %d places are sold, %+v, money taken %d times and returned %d times",
			paid, places, booked, l.Zones, taken, returned)
	}
}
