package sale_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// The steps of a purchase, and what may come between any two of them.
const (
	request   = iota // the buyer confirms, up to where the provider is asked to charge
	charge           // the provider does it, or refuses
	reply            // its answer comes back, and the request ends
	expiry           // the hold ends
	rival            // somebody else wants the seat
	webhook          // the provider reports
	reconcile        // the worker looks
	giveUp           // the buyer cancels in another browser
	steps
)

var names = [steps]string{"request", "charge", "reply", "expiry", "rival", "webhook", "reconcile", "give up"}

// orders calls f with every order of the given steps in which request, charge and
// reply come one after another. What comes after the reply comes in one order only:
// by then all is settled, or left to the worker.
func orders(left []int, done []int, f func([]int)) {
	if len(left) == 0 {
		f(done)
		return
	}
	for i, s := range left {
		if (s == charge || s == reply) && contains(left, s-1) || i > 0 && contains(done, reply) {
			continue
		}
		rest := append(append([]int(nil), left[:i]...), left[i+1:]...)
		orders(rest, append(done[:len(done):len(done)], s), f)
	}
}

func contains(all []int, s int) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

type buyerKey struct{}

// purchase is one buyer on the way, who is stopped at the provider's door and again
// behind it.
type purchase struct {
	h      *harness
	g      *gateway
	label  string
	order  sale.Order
	secret string
	paid   sale.Payment

	rival   string        // order of somebody else
	at      chan struct{} // the request is at the provider
	charge  chan struct{} // it may go in
	charged chan struct{} // it is done
	reply   chan struct{} // the answer may go back
	ended   chan struct{} // the request has ended
	inside  bool
}

func (p *purchase) step(t *testing.T, s int) {
	switch s {
	case request:
		go func() {
			defer close(p.ended)
			if _, err := p.h.ConfirmPayment(context.WithValue(t.Context(), buyerKey{}, p), p.order.ID, p.secret, p.paid.ID, ""); err != nil && !expected(err) {
				t.Errorf("request: %v", err)
			}
		}()
		select {
		case <-p.at:
			p.inside = true
		case <-p.ended:
		}
	case charge:
		if p.inside {
			close(p.charge)
			<-p.charged
		}
	case reply:
		if p.inside {
			close(p.reply)
			<-p.ended
		}
	case expiry:
		p.h.clock.ms.Store(max(p.h.clock.ms.Load(), p.order.Expires.UnixMilli()))
	case rival:
		o, _, err := p.h.Hold(t.Context(), p.h.seat(p.label))
		if err == nil {
			p.rival = o.ID
		} else if !errors.Is(err, sale.ErrSeatTaken) {
			t.Errorf("rival: %v", err)
		}
	case webhook:
		if err := p.g.notify(p.paid.Reference); err != nil {
			t.Errorf("webhook: %v", err)
		}
	case reconcile:
		p.h.clock.Advance(31 * time.Second)
		if _, err := p.h.Reconcile(t.Context()); err != nil {
			t.Errorf("reconcile: %v", err)
		}
	case giveUp:
		if _, err := p.h.CancelPayment(t.Context(), p.order.ID, p.secret, p.paid.ID); err != nil && !expected(err) {
			t.Errorf("give up: %v", err)
		}
	}
}

// expected reports whether an error is one that a buyer may see on the way.
func expected(err error) bool {
	for _, e := range []error{sale.ErrPaymentPending, sale.ErrHoldExpired, pay.ErrDeclined} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Whatever comes in whatever order, nothing is charged for a hold that has run out
// (the gateway looks at every charge), nothing has to go back, the money is there
// exactly if the ticket is, and of two who want the seat one gets it.
func TestEveryInterleaving(t *testing.T) {
	for _, between := range [][]int{
		{expiry, rival, webhook},
		{expiry, rival, reconcile},
		{expiry, webhook, reconcile},
		{expiry, reconcile, giveUp},
	} {
		t.Run(spell(between), func(t *testing.T) {
			t.Parallel()
			h := start(t)
			g := h.through(captures)
			g.before = func(ctx context.Context, _ string) error {
				if p, ok := ctx.Value(buyerKey{}).(*purchase); ok {
					close(p.at)
					<-p.charge
				}
				return nil
			}
			g.after = func(ctx context.Context, _ string) error {
				if p, ok := ctx.Value(buyerKey{}).(*purchase); ok {
					close(p.charged)
					<-p.reply
				}
				return nil
			}
			n, sold := 0, 0
			orders(append([]int{request, charge, reply}, between...), nil, func(sequence []int) {
				n++
				if walk(t, h, g, sequence) {
					sold++
				}
			})
			if charged, returned := g.moved(); charged != sold || returned != sold { // each was refunded in the end
				t.Errorf("charged %d times, returned %d times, sold %d", charged, returned, sold)
			}
			if sold == 0 || sold == n {
				t.Errorf("%d of %d sequences ended with a ticket; want some of each", sold, n)
			}
			t.Logf("%d sequences, %d of them sold", n, sold)
		})
	}
}

// walk takes one purchase through a sequence and reports whether it was sold. It
// leaves the seat free.
func walk(t *testing.T, h *harness, g *gateway, sequence []int) (sold bool) {
	p := &purchase{
		h: h, g: g, label: "A-1", at: make(chan struct{}), charge: make(chan struct{}), charged: make(chan struct{}),
		reply: make(chan struct{}), ended: make(chan struct{}),
	}
	_, before := g.moved()
	p.order, p.secret = h.hold(p.label)
	p.paid = g.start(&p.order, p.secret)
	g.allow(p.paid.Reference)
	for _, s := range sequence {
		p.step(t, s)
	}
	h.clock.Advance(max(sale.GiveUpAfter, sale.DefaultHold) + time.Minute)
	for range 2 {
		if _, err := h.Reconcile(t.Context()); err != nil {
			t.Errorf("%s: %v", spell(sequence), err)
		}
		h.clock.Advance(time.Minute)
	}
	o, err := h.Order(t.Context(), p.order.ID, p.secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, after := g.moved(); after != before {
		t.Errorf("%s: money had to go back", spell(sequence))
	}
	charges, kept := g.money(p.paid.Reference)
	sold = o.State == sale.Paid
	switch {
	case sold && (charges != 1 || !kept || len(o.Tickets) != 1 || p.rival != ""):
		t.Errorf("%s: paid, %d charges, money kept %t, %d tickets, rival %q", spell(sequence), charges, kept, len(o.Tickets), p.rival)
	case !sold && (charges != 0 || len(o.Tickets) != 0 || !o.Expired(h.clock.Now())):
		t.Errorf("%s: %s, %d charges, %d tickets; want the hold run out and nothing else", spell(sequence), o.State, charges, len(o.Tickets))
	case !sold && g.state(p.paid.Reference) != pay.Failed:
		t.Errorf("%s: the payment is left %s at the provider", spell(sequence), g.state(p.paid.Reference))
	}
	if !sold {
		return false
	}
	if _, err := h.Refund(t.Context(), o.ID); err != nil { // so that the next can have the seat
		t.Fatal(err)
	}
	return true
}

func spell(sequence []int) string {
	var s string
	for _, x := range sequence {
		s += fmt.Sprintf("%s, ", names[x])
	}
	return s
}
