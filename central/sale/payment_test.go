package sale_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// standing checks how an order and the money of a payment stand.
func (g *gateway) standing(o *sale.Order, secret string, p *sale.Payment, want sale.State, charges int) {
	g.t.Helper()
	got, err := g.h.Order(g.t.Context(), o.ID, secret)
	if err != nil || got.State != want {
		g.t.Errorf("order is %s, %v; want %s", got.State, err, want)
	}
	if n, _ := g.money(p.Reference); n != charges {
		g.t.Errorf("charged %d times, want %d", n, charges)
	}
}

// Each kind of provider sells one order once, whoever reports first and how often.
func TestKindsOfProviders(t *testing.T) {
	for name, c := range map[string]struct {
		kind kind
		buy  func(h *harness, g *gateway, o sale.Order, secret string, p sale.Payment) error
	}{
		"capture": {captures, func(h *harness, g *gateway, o sale.Order, secret string, p sale.Payment) error {
			if _, err := h.ConfirmPayment(h.t.Context(), o.ID, secret, p.ID, ""); !errors.Is(err, pay.ErrNotAuthorised) {
				t.Errorf("confirmed before the buyer allowed it: %v", err)
			}
			g.standing(&o, secret, &p, sale.Held, 0)
			g.allow(p.Reference)
			_, err := h.ConfirmPayment(h.t.Context(), o.ID, secret, p.ID, "")
			return err
		}},
		"capture, told by webhook": {captures, func(_ *harness, g *gateway, _ sale.Order, _ string, p sale.Payment) error {
			if err := g.notify(p.Reference); err != nil { // too early
				return err
			}
			g.allow(p.Reference)
			return g.notify(p.Reference)
		}},
		"capture, nobody reports": {captures, func(h *harness, g *gateway, o sale.Order, _ string, p sale.Payment) error {
			g.allow(p.Reference)
			if n, err := h.Reconcile(h.t.Context()); n != 0 || err != nil {
				t.Errorf("Reconcile at once = %d, %v; want to leave it to the buyer", n, err)
			}
			h.clock.Advance(o.Expires.Sub(h.clock.Now()) - 15*time.Second)
			_, err := h.Reconcile(h.t.Context())
			return err
		}},
		"token": {confirms, func(h *harness, _ *gateway, o sale.Order, secret string, p sale.Payment) error {
			_, err := h.ConfirmPayment(h.t.Context(), o.ID, secret, p.ID, "paymentKey")
			return err
		}},
		"asks": {asks, func(_ *harness, g *gateway, _ sale.Order, _ string, p sale.Payment) error {
			if err := g.call(p.Reference); err != nil {
				return err
			}
			return g.notify(p.Reference)
		}},
		"asks, and says nothing more": {asks, func(h *harness, g *gateway, _ sale.Order, _ string, p sale.Payment) error {
			if err := g.call(p.Reference); err != nil {
				return err
			}
			h.clock.Advance(sale.DefaultHold * 2) // its places are kept meanwhile
			_, err := h.Reconcile(h.t.Context())
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			g := h.through(c.kind)
			o, secret := h.hold("A-1")
			p := g.start(&o, secret)
			if err := c.buy(h, g, o, secret, p); err != nil {
				t.Fatal(err)
			}
			g.standing(&o, secret, &p, sale.Paid, 1)
			// What comes twice, or late, changes nothing.
			for range 2 {
				if err := g.notify(p.Reference); err != nil {
					t.Errorf("a webhook after the end: %v", err)
				}
				if got, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); err != nil || got.State != sale.Paid {
					t.Errorf("confirmed again: %s, %v", got.State, err)
				}
			}
			h.clock.Advance(time.Hour)
			if n, err := h.Reconcile(t.Context()); n != 0 || err != nil {
				t.Errorf("Reconcile = %d, %v; want nothing left", n, err)
			}
			if err := g.call(p.Reference); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("asked whether it may charge again, the provider was told %v; want ErrHoldExpired", err)
			}
			g.standing(&o, secret, &p, sale.Paid, 1)
			if len(h.changes()) != 1 {
				t.Errorf("outbox %+v, want one ticket", h.changes())
			}
		})
	}
}

// What was given up costs the buyer nothing, also if they allow it afterwards.
func TestAllowedAfterGivingUp(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	if err := h.store.FailPayment(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	g.allow(p.Reference)
	if err := g.call(p.Reference); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("asked whether it may charge, the provider was told %v; want ErrHoldExpired", err)
	}
	if err := g.notify(p.Reference); err != nil {
		t.Error(err)
	}
	if got := g.state(p.Reference); got != pay.Failed {
		t.Errorf("the payment is %s at the provider, want given up", got)
	}
	g.standing(&o, secret, &p, sale.Held, 0)
}

// Nothing is taken for an event that was called off, also not if the buyer has
// allowed it before.
func TestCalledOffWhileTheBuyerPays(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	allowed := func(label string) (sale.Order, string, sale.Payment) {
		o, secret := h.hold(label)
		p := g.start(&o, secret)
		g.allow(p.Reference)
		return o, secret, p
	}
	o, secret, p := allowed("A-1")
	told, toldSecret, toldPayment := allowed("A-2")
	late, lateSecret, latePayment := allowed("A-3")
	g.before = func(context.Context, string) error { // the charge is on its way, and is declined
		g.before = nil
		if _, err := h.Cancel(t.Context(), event); err != nil { //nolint:contextcheck // another request
			t.Error(err)
		}
		return pay.ErrDeclined
	}
	if _, err := h.ConfirmPayment(t.Context(), late.ID, lateSecret, latePayment.ID, ""); !errors.Is(err, pay.ErrDeclined) {
		t.Errorf("ConfirmPayment: %v, want ErrDeclined", err)
	}
	if _, err := h.StartPayment(t.Context(), late.ID, lateSecret, "gateway"); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("StartPayment: %v, want ErrHoldExpired", err)
	}
	if _, err := h.Pay(t.Context(), late.ID, lateSecret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("Pay: %v, want ErrHoldExpired", err)
	}
	if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("ConfirmPayment: %v, want ErrHoldExpired", err)
	}
	if err := g.notify(toldPayment.Reference); err != nil {
		t.Errorf("webhook: %v", err)
	}
	g.standing(&o, secret, &p, sale.Held, 0)
	g.standing(&told, toldSecret, &toldPayment, sale.Held, 0)
	for _, reference := range []string{p.Reference, toldPayment.Reference} {
		if got := g.state(reference); got != pay.Failed {
			t.Errorf("a payment is %s at the provider, want given up", got)
		}
	}
	if taken, _ := h.sandbox.Moved(); taken != 0 {
		t.Error("money was taken")
	}
}

// A payment answers only to the secret of its own order.
func TestPaymentOfAnotherOrder(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	mine, mySecret := h.hold("A-2")
	p := g.start(&o, secret)
	g.allow(p.Reference)
	for _, c := range []struct {
		order, secret, payment string
		want                   error
	}{
		{mine.ID, mySecret, p.ID, sale.ErrUnknownPayment},
		{o.ID, mySecret, p.ID, sale.ErrUnknownOrder},
		{o.ID, secret, "' OR 1=1 --", sale.ErrUnknownPayment},
		{o.ID, "", p.ID, sale.ErrUnknownOrder},
	} {
		if _, err := h.ConfirmPayment(t.Context(), c.order, c.secret, c.payment, ""); !errors.Is(err, c.want) {
			t.Errorf("ConfirmPayment(%+v): %v", c, err)
		}
		if _, err := h.CancelPayment(t.Context(), c.order, c.secret, c.payment); !errors.Is(err, c.want) {
			t.Errorf("CancelPayment(%+v): %v", c, err)
		}
	}
	g.standing(&o, secret, &p, sale.Held, 0)
	if got := g.state(p.Reference); got != pay.Authorised {
		t.Errorf("the payment is %s at the provider, want it left alone", got)
	}
}

// Once the hold has run out no way to the money is left, and what the buyer allowed
// is given up.
func TestNothingIsTakenAfterTheHold(t *testing.T) {
	for name, c := range map[string]struct {
		kind kind
		try  func(h *harness, g *gateway, o sale.Order, secret string, p sale.Payment)
	}{
		"confirmed": {captures, func(h *harness, _ *gateway, o sale.Order, secret string, p sale.Payment) {
			if _, err := h.ConfirmPayment(h.t.Context(), o.ID, secret, p.ID, ""); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("ConfirmPayment: %v, want ErrHoldExpired", err)
			}
		}},
		"confirmed with a token": {confirms, func(h *harness, _ *gateway, o sale.Order, secret string, p sale.Payment) {
			if _, err := h.ConfirmPayment(h.t.Context(), o.ID, secret, p.ID, "paymentKey"); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("ConfirmPayment: %v, want ErrHoldExpired", err)
			}
		}},
		"webhook": {captures, func(_ *harness, g *gateway, _ sale.Order, _ string, p sale.Payment) {
			if err := g.notify(p.Reference); err != nil {
				t.Errorf("webhook: %v; want it taken, it need not come again", err)
			}
		}},
		"asked": {asks, func(_ *harness, g *gateway, _ sale.Order, _ string, p sale.Payment) {
			if err := g.call(p.Reference); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("the provider was told %v, want ErrHoldExpired", err)
			}
			if err := g.call("ref_unknown"); !errors.Is(err, sale.ErrHoldExpired) {
				t.Errorf("of an unknown payment the provider was told %v, want ErrHoldExpired", err)
			}
		}},
		"nobody came": {captures, func(*harness, *gateway, sale.Order, string, sale.Payment) {}},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			g := h.through(c.kind)
			o, secret := h.hold("A-1")
			p := g.start(&o, secret)
			h.clock.Advance(sale.DefaultHold)
			if c.kind == captures {
				g.allow(p.Reference)
			}
			c.try(h, g, o, secret, p)
			h.clock.Advance(time.Minute)
			if _, err := h.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
			g.standing(&o, secret, &p, sale.Held, 0)
			if got := g.state(p.Reference); got != pay.Failed {
				t.Errorf("the payment is %s at the provider, want given up", got)
			}
			h.buy("A-1", pay.TokenOK)
		})
	}
}

// Two browsers and sixteen clicks start one payment, confirm it once, and whoever
// comes too late is told what became of the order.
func TestTwoBrowsers(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	ids := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, err := h.StartPayment(t.Context(), o.ID, secret, "gateway")
			if err != nil || s.Action.Kind != pay.ActionScript {
				t.Errorf("StartPayment = %+v, %v", s, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[s.Payment.ID] = true
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Fatalf("%d payments were started, want 1", len(ids))
	}
	p := g.start(&o, secret)
	for reference := range g.payments {
		if want := map[bool]pay.State{true: pay.Begun, false: pay.Failed}[reference == p.Reference]; g.state(reference) != want {
			t.Errorf("%s is %s at the provider, want %s", reference, g.state(reference), want)
		}
	}
	g.allow(p.Reference)
	for n := range 16 {
		wg.Go(func() {
			if n%4 == 0 {
				if err := g.notify(p.Reference); err != nil {
					t.Errorf("webhook: %v", err)
				}
				return
			}
			if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); err != nil && !errors.Is(err, sale.ErrPaymentPending) {
				t.Errorf("ConfirmPayment: %v", err)
			}
		})
	}
	wg.Wait()
	g.standing(&o, secret, &p, sale.Paid, 1)
	if _, err := h.StartPayment(t.Context(), o.ID, secret, "gateway"); !errors.Is(err, sale.ErrAlreadyPaid) {
		t.Errorf("StartPayment of a paid order: %v, want ErrAlreadyPaid", err)
	}
}

// One order, two payments that the buyer has allowed both: one is taken, the other
// given up.
func TestTwoPaymentsOneCharge(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	g.allow(p.Reference)
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); err != nil {
		t.Fatal(err)
	}
	if got, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); err != nil || got.State != sale.Paid {
		t.Errorf("ConfirmPayment = %s, %v; want the order, paid otherwise", got.State, err)
	}
	g.standing(&o, secret, &p, sale.Paid, 0)
	if got := g.state(p.Reference); got != pay.Failed {
		t.Errorf("the other payment is %s at the provider, want given up", got)
	}
	h.audit()
}

func TestCancelPayment(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	g.allow(p.Reference)
	for range 2 {
		if got, err := h.CancelPayment(t.Context(), o.ID, secret, p.ID); err != nil || got.State != sale.Held {
			t.Errorf("CancelPayment = %s, %v; want held", got.State, err)
		}
	}
	if err := g.notify(p.Reference); err != nil {
		t.Error(err)
	}
	if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); !errors.Is(err, pay.ErrDeclined) {
		t.Errorf("ConfirmPayment after cancel: %v, want ErrDeclined", err)
	}
	g.standing(&o, secret, &p, sale.Held, 0)
	next := g.start(&o, secret)
	g.allow(next.Reference)
	if got, err := h.ConfirmPayment(t.Context(), o.ID, secret, next.ID, ""); err != nil || got.State != sale.Paid {
		t.Errorf("the next payment: %s, %v", got.State, err)
	}
	if got, err := h.CancelPayment(t.Context(), o.ID, secret, next.ID); err != nil || got.State != sale.Paid {
		t.Errorf("CancelPayment of a charge = %s, %v; want the paid order", got.State, err)
	}
}

// A token that is wrong gives its payment up; the order can be paid by another.
func TestWrongToken(t *testing.T) {
	h := start(t)
	g := h.through(confirms)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, "stolen"); !errors.Is(err, pay.ErrBadToken) {
		t.Errorf("ConfirmPayment: %v, want ErrBadToken", err)
	}
	g.standing(&o, secret, &p, sale.Held, 0)
	next := g.start(&o, secret)
	if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, next.ID, "paymentKey"); err != nil {
		t.Error(err)
	}
	g.standing(&o, secret, &next, sale.Paid, 1)
}

// Whoever tries out stolen cards gets sixteen tries for one hold.
func TestTooManyPayments(t *testing.T) {
	for name, step := range map[string]func(h *harness, g *gateway, o *sale.Order, secret string) error{
		"in one step": func(h *harness, _ *gateway, o *sale.Order, secret string) error {
			_, err := h.Pay(h.t.Context(), o.ID, secret, "sandbox", pay.TokenDeclined)
			return err
		},
		"in two": func(h *harness, _ *gateway, o *sale.Order, secret string) error {
			s, err := h.StartPayment(h.t.Context(), o.ID, secret, "gateway")
			if err != nil {
				return err
			}
			_, err = h.ConfirmPayment(h.t.Context(), o.ID, secret, s.Payment.ID, "stolen")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			g := h.through(confirms)
			o, secret := h.hold("A-1")
			for n := range sale.MaxPayments {
				if err := step(h, g, &o, secret); !errors.Is(err, pay.ErrDeclined) && !errors.Is(err, pay.ErrBadToken) {
					t.Fatalf("try %d: %v", n, err)
				}
			}
			if err := step(h, g, &o, secret); !errors.Is(err, sale.ErrTooManyPayments) {
				t.Errorf("one more: %v, want ErrTooManyPayments", err)
			}
			if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.State != sale.Held {
				t.Errorf("the order is %s, %v; want held", got.State, err)
			}
		})
	}
}

func TestWebhookBelievesNothing(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	for reference, want := range map[string]error{
		"forged": pay.ErrForged, "ref_of_another_shop": nil, "": nil, p.Reference: nil, "' OR 1=1 --": nil,
	} {
		if err := g.notify(reference); !errors.Is(err, want) || (err != nil) != (want != nil) {
			t.Errorf("webhook %q: %v, want %v", reference, err, want)
		}
	}
	if err := h.Webhook(t.Context(), "visa", http.Header{}, nil); !errors.Is(err, sale.ErrUnknownProvider) {
		t.Errorf("webhook of nobody: %v, want ErrUnknownProvider", err)
	}
	g.standing(&o, secret, &p, sale.Held, 0)
}

// The webhook comes while the provider's answer to Confirm is on its way, and while
// that answer gets lost.
func TestWebhookBeforeTheAnswer(t *testing.T) {
	for name, lost := range map[string]error{"the answer comes": nil, "the answer is lost": errors.New("connection reset")} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			g := h.through(captures)
			o, secret := h.hold("A-1")
			p := g.start(&o, secret)
			g.allow(p.Reference)
			g.before = func(context.Context, string) error { // begun, and not charged: hands off
				if err := g.notify(p.Reference); err != nil { //nolint:contextcheck // another request
					t.Errorf("webhook before the charge: %v", err)
				}
				g.standing(&o, secret, &p, sale.Paying, 0) //nolint:contextcheck // another request
				return nil
			}
			g.after = func(context.Context, string) error {
				if err := g.notify(p.Reference); err != nil { //nolint:contextcheck // another request
					t.Errorf("webhook: %v", err)
				}
				g.standing(&o, secret, &p, sale.Paid, 1) //nolint:contextcheck // another request
				return lost
			}
			if got, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); err != nil || got.State != sale.Paid {
				t.Errorf("ConfirmPayment = %s, %v; want paid", got.State, err)
			}
			if len(h.changes()) != 1 {
				t.Errorf("outbox %+v, want one ticket", h.changes())
			}
		})
	}
}

// A refund by somebody's hand at the provider ends the ticket; one that the buyer's
// bank sends back is due again.
func TestRefundsAtTheProvider(t *testing.T) {
	h := start(t)
	g := h.through(captures)
	o, secret := h.hold("A-1")
	p := g.start(&o, secret)
	g.allow(p.Reference)
	if _, err := h.ConfirmPayment(t.Context(), o.ID, secret, p.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Refund(t.Context(), p.Reference); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.notify(p.Reference); err != nil {
			t.Error(err)
		}
	}
	got, err := h.Order(t.Context(), o.ID, secret)
	if err != nil || got.State != sale.Refunded || !got.Returned || h.counts(floor).Sold != 0 || len(h.changes()) != 2 {
		t.Errorf("order %+v, %v, outbox %+v; want it refunded and its ticket dead", got, err, h.changes())
	}
	g.mu.Lock()
	g.payments[p.Reference].State = pay.Succeeded
	g.mu.Unlock()
	if err := g.notify(p.Reference); err != nil {
		t.Error(err)
	}
	if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.Returned {
		t.Errorf("order %+v, %v; want the money due again", got, err)
	}
	h.clock.Advance(time.Minute)
	if n, err := h.Reconcile(t.Context()); n != 1 || err != nil {
		t.Errorf("Reconcile = %d, %v; want 1", n, err)
	}
	if got, err := h.Order(t.Context(), o.ID, secret); err != nil || !got.Returned {
		t.Errorf("order %+v, %v; want the money back", got, err)
	}
}

// The webhooks of the sandbox reach the sale as a provider's would.
func TestSandboxTokens(t *testing.T) {
	for token, want := range map[string]sale.State{
		pay.TokenWebhookLate: sale.Paying, pay.TokenWebhookTwice: sale.Paid, pay.TokenWebhookNever: sale.Paid, pay.TokenTimeout: sale.Paying,
	} {
		t.Run(token, func(t *testing.T) {
			h := start(t)
			sandbox, err := pay.OpenSandbox(t.Context(), pay.SandboxConfig{
				Now: h.clock.Now, Logger: slog.New(slog.DiscardHandler),
				Deliver: func(ctx context.Context, header http.Header, body []byte) error {
					return h.Webhook(ctx, "sandbox", header, body)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			h.sandbox, h.wire.Provider = sandbox, sandbox
			o, secret := h.hold("A-1")
			got, err := h.Pay(t.Context(), o.ID, secret, "sandbox", token)
			if pending := want == sale.Paying; errors.Is(err, sale.ErrPaymentPending) != pending || !pending && (err != nil || got.State != want) {
				t.Errorf("Pay = %s, %v; want %s", got.State, err, want)
			}
			h.clock.Advance(pay.DefaultLate)
			if _, err := sandbox.Deliver(t.Context()); err != nil {
				t.Errorf("Deliver: %v", err)
			}
			if token == pay.TokenTimeout { // it is confirmed again and again, then given up
				for range 20 {
					h.clock.Advance(time.Minute)
					if _, err := h.Reconcile(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if got, err := h.Order(t.Context(), o.ID, secret); err != nil || !got.Expired(h.clock.Now()) {
					t.Errorf("order is %s, %v; want its hold run out", got.State, err)
				}
				h.buy("A-1", pay.TokenOK)
			} else if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.State != sale.Paid {
				t.Errorf("after the webhook the order is %s, %v; want paid", got.State, err)
			}
			h.audit()
		})
	}
}

// A provider that is gone for an hour keeps the places of what was begun, and settles
// all of it when it is back.
func TestProviderOutage(t *testing.T) {
	h := start(t)
	gone := errors.New("no route to host")
	charged := func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
		_, err := p.Confirm(ctx, reference, "")
		return pay.Payment{}, errors.Join(err, gone)
	}
	lost := func(pay.Provider, context.Context, string) (pay.Payment, error) { return pay.Payment{}, gone }
	const buyers = 9
	secrets := map[string]string{}
	for n := range buyers {
		o, secret := h.hold(fmt.Sprintf("A-%d", n+1))
		secrets[o.ID] = secret
		if h.wire.confirm = charged; n%3 == 0 { // the request did not even arrive
			h.wire.confirm = lost
		}
		h.wire.get, h.wire.cancel = lost, lost
		if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrPaymentPending) {
			t.Fatalf("Pay: %v, want ErrPaymentPending", err)
		}
	}
	for range 60 {
		h.clock.Advance(time.Minute)
		if n, err := h.Reconcile(t.Context()); n != 0 {
			t.Fatalf("Reconcile = %d, %v; want nothing to be known", n, err)
		}
	}
	if a := h.counts(floor); a.Held != buyers {
		t.Errorf("%d places are kept, want %d", a.Held, buyers)
	}
	h.wire.confirm, h.wire.get, h.wire.cancel = nil, nil, nil
	h.clock.Advance(5 * time.Minute)
	if n, err := h.Reconcile(t.Context()); n != buyers || err != nil {
		t.Errorf("Reconcile = %d, %v; want %d", n, err, buyers)
	}
	if a := h.counts(floor); a.Sold != buyers-buyers/3 || a.Held != 0 {
		t.Errorf("%d sold, %d held; want %d and none", a.Sold, a.Held, buyers-buyers/3)
	}
	h.audit()
}
