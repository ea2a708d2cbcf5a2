package sale_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// kind is how a gateway has the buyer allow a charge.
type kind int

const (
	captures kind = iota // the buyer allows it in the browser, Confirm captures (Stripe)
	confirms             // the browser gets a token, Confirm charges with it; webhooks are not signed (Toss)
	asks                 // the gateway asks the shop, then charges by itself (PortOne's callback)
)

// gateway is a payment provider as strict as real ones are, whose buyers and faults
// are the test's. It fails the test when it is made to charge for an order that does
// not keep its places for this very payment.
type gateway struct {
	t    testing.TB
	h    *harness
	kind kind

	// before runs in Confirm before anything is done, after before it answers.
	before, after func(ctx context.Context, reference string) error

	mu       sync.Mutex
	payments map[string]*bill // by reference; guarded by mu
	charged  int
	returned int
}

type bill struct {
	pay.Payment
	token   string
	charges int
}

// through has the sale take money through a gateway.
func (h *harness) through(k kind) *gateway {
	h.t.Helper()
	g := &gateway{t: h.t, h: h, kind: k, payments: map[string]*bill{}}
	var err error
	h.Sale, err = sale.New(h.t.Context(), sale.Config{
		Store: h.store, Providers: map[string]pay.Provider{"sandbox": h.wire, "gateway": g}, Issuer: issuer{}, Verifier: verifier{},
		Now: h.clock.Now, Logger: slog.New(slog.DiscardHandler), ChallengeKey: [32]byte{1}, Changed: func() { h.changed.Add(1) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

// start starts a payment of an order; it must succeed.
func (g *gateway) start(o *sale.Order, secret string) sale.Payment {
	g.t.Helper()
	s, err := g.h.StartPayment(g.t.Context(), o.ID, secret, "gateway")
	if err != nil {
		g.t.Fatalf("StartPayment: %v", err)
	}
	return s.Payment
}

// allow is the buyer in the browser; it does nothing to a payment that was given up.
func (g *gateway) allow(reference string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.payments[reference]; b.State == pay.Begun {
		b.State = pay.Authorised
	}
}

func (g *gateway) state(reference string) pay.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.payments[reference].State
}

// money says how often a payment was charged, and whether that is still so.
func (g *gateway) money(reference string) (charges int, kept bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.payments[reference]
	return b.charges, b.State == pay.Succeeded
}

func (g *gateway) moved() (charged, returned int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.charged, g.returned
}

// notify posts a webhook.
func (g *gateway) notify(reference string) error {
	return g.h.Webhook(g.t.Context(), "gateway", http.Header{}, []byte(reference))
}

// call is what a gateway does by itself once the shop answered its question: it
// charges only if it was told that it may.
func (g *gateway) call(reference string) error {
	err := g.h.Webhook(g.t.Context(), "gateway", http.Header{"Ask": {"1"}}, []byte(reference))
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if b := g.payments[reference]; b.State == pay.Begun || b.State == pay.Authorised {
			g.charge(b)
		}
	}
	return err
}

// charge is called with the lock.
func (g *gateway) charge(b *bill) {
	p, err := g.h.store.PaymentOf(context.Background(), "gateway", b.Reference)
	if err == nil {
		var o sale.Order
		if o, err = g.h.store.Order(context.Background(), p.Order); err == nil && (o.State != sale.Paying || o.Payment != p.ID || p.State != sale.PaymentBegun) {
			g.t.Errorf("a charge for an order that is %s, with payment %s %s", o.State, p.ID, p.State)
		}
	}
	if err != nil {
		g.t.Errorf("a charge for nothing: %v", err)
	}
	b.State, b.charges, g.charged = pay.Succeeded, b.charges+1, g.charged+1
}

func (g *gateway) Begin(_ context.Context, r pay.Request) (pay.Payment, pay.Action, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.payments["ref_"+r.Key]
	if !ok {
		b = &bill{Payment: pay.Payment{Reference: "ref_" + r.Key, State: pay.Begun, Amount: r.Amount, Currency: r.Currency}}
		g.payments[b.Reference] = b
	}
	return b.Payment, pay.Action{Kind: map[kind]pay.ActionKind{captures: pay.ActionScript, confirms: pay.ActionToken, asks: pay.ActionRedirect}[g.kind]}, nil
}

func (g *gateway) Confirm(ctx context.Context, reference, token string) (pay.Payment, error) {
	if g.before != nil {
		if err := g.before(ctx, reference); err != nil {
			return pay.Payment{}, err
		}
	}
	p, err := g.confirm(reference, token) //nolint:contextcheck // it looks at the shop's books for itself
	if g.after != nil {
		if err := g.after(ctx, reference); err != nil {
			return pay.Payment{}, err
		}
	}
	return p, err
}

func (g *gateway) confirm(reference, token string) (pay.Payment, error) {
	return g.on(reference, func(b *bill) error {
		if g.kind == confirms && token != "" {
			b.token = token
		}
		allowed := g.kind != asks && (b.State == pay.Authorised || b.token == "paymentKey")
		switch {
		case b.State == pay.Failed:
			return pay.ErrDeclined
		case b.State == pay.Succeeded || b.State == pay.Refunded:
			return nil
		case b.token != "" && b.token != "paymentKey":
			b.token = ""
			return pay.ErrBadToken
		case !allowed:
			return pay.ErrNotAuthorised
		}
		g.charge(b)
		return nil
	})
}

func (g *gateway) Cancel(_ context.Context, reference string) (pay.Payment, error) {
	return g.on(reference, func(b *bill) error {
		if b.State == pay.Begun || b.State == pay.Authorised {
			b.State = pay.Failed
		}
		return nil
	})
}

func (g *gateway) Refund(_ context.Context, reference string) (pay.Payment, error) {
	return g.on(reference, func(b *bill) error {
		if b.State == pay.Refunded {
			return nil
		}
		if b.State != pay.Succeeded {
			return errors.New("nothing to refund")
		}
		b.State, g.returned = pay.Refunded, g.returned+1
		return nil
	})
}

func (g *gateway) Get(_ context.Context, reference string) (pay.Payment, error) {
	return g.on(reference, func(*bill) error { return nil })
}

func (g *gateway) on(reference string, f func(*bill) error) (pay.Payment, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok := g.payments[reference]
	if !ok {
		return pay.Payment{}, pay.ErrUnknownPayment
	}
	if err := f(b); err != nil {
		return pay.Payment{}, err
	}
	return b.Payment, nil
}

func (g *gateway) Webhook(_ context.Context, header http.Header, body []byte) (pay.Notice, error) {
	if string(body) == "forged" {
		return pay.Notice{}, pay.ErrForged
	}
	return pay.Notice{Reference: string(body), Asks: header.Get("Ask") != ""}, nil
}
