package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/pay/stripe"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
)

// shop is a sale that takes money with Stripe.
type shop struct {
	*sale.Sale
	t     *testing.T
	fake  *fake
	clock atomic.Int64 // Unix milliseconds
}

type unsigned struct{}

func (unsigned) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) { return t.ID[:], nil }

func (unsigned) VerifyAssertion(ticket.RelyingParty, ticket.HolderKey, []byte, sale.Assertion) error {
	return nil
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, fake: newFake(t)}
	s.clock.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	now := func() time.Time { return time.UnixMilli(s.clock.Load()) }
	logger := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "central.db"), Now: now, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c := config(s.fake.url)
	c.Now = now
	provider, err := stripe.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.Sale, err = sale.New(t.Context(), sale.Config{
		Store: db, Providers: map[string]pay.Provider{stripe.Name: provider}, Issuer: unsigned{}, Verifier: unsigned{},
		Now: now, Logger: logger, ChallengeKey: [32]byte{1},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := seatmap.Parse(text)
	if err == nil {
		_, err = s.Import(t.Context(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) hold() (sale.Order, string) {
	s.t.Helper()
	ch, err := s.NewChallenge()
	if err != nil {
		s.t.Fatal(err)
	}
	o, secret, err := s.Hold(s.t.Context(), sale.HoldRequest{
		Event: 1001, Zone: 1, Class: 1, Seat: "A-1", Holder: &sale.Possession{Key: ticket.HolderKey{2, 1}, Challenge: ch.Value},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return o, secret
}

// post posts a webhook about an object, signed as Stripe does.
func (s *shop) post(object string) error {
	body := fmt.Sprintf(`{"object":"event","livemode":false,"data":{"object":%s}}`, object)
	at := s.clock.Load() / 1000
	return s.Webhook(s.t.Context(), stripe.Name, header(fmt.Sprintf("t=%d,v1=%s", at, sign(webhookSecret, at, body))), []byte(body))
}

func (s *shop) about(reference string) string {
	return fmt.Sprintf(`{"object":"payment_intent","id":%q,"status":"succeeded"}`, reference)
}

// Buying with Stripe from end to end: the browser authorises, the webhook is first,
// the browser's own confirmation finds the tickets, and a refund returns the money.
func TestSaleWithStripe(t *testing.T) {
	s := openShop(t)
	ctx := t.Context()
	o, secret := s.hold()
	started, err := s.StartPayment(ctx, o.ID, secret, stripe.Name)
	if err != nil || started.Action.Kind != pay.ActionScript {
		t.Fatalf("StartPayment = %+v, %v", started, err)
	}
	ref := started.Payment.Reference
	if err := s.post(s.about(ref)); err != nil { // it says that the money is there; Stripe itself does not
		t.Errorf("webhook: %v", err)
	}
	if got, err := s.Order(ctx, o.ID, secret); err != nil || got.State != sale.Held {
		t.Errorf("a webhook alone made the order %s, %v", got.State, err)
	}
	if _, err := s.Pay(ctx, o.ID, secret, stripe.Name, ""); !errors.Is(err, pay.ErrNotAuthorised) {
		t.Errorf("Pay in one step: %v, want ErrNotAuthorised", err)
	}
	s.fake.authorise(ref)
	for range 2 {
		if err := s.post(s.about(ref)); err != nil {
			t.Errorf("webhook: %v", err)
		}
	}
	got, err := s.ConfirmPayment(ctx, o.ID, secret, started.Payment.ID, "")
	if err != nil || got.State != sale.Paid || len(got.Tickets) != 1 {
		t.Fatalf("ConfirmPayment = %+v, %v; want paid", got, err)
	}
	if i := s.fake.one(ref); i.captures != 1 || i.received != o.Amount || i.metadata["order"] != o.ID {
		t.Errorf("Stripe has %+v; want one capture of %d", i, o.Amount)
	}
	if got, err = s.Refund(ctx, o.ID); err != nil || got.State != sale.Refunded || !got.Returned {
		t.Errorf("Refund = %+v, %v; want the money back", got, err)
	}
	if i := s.fake.one(ref); len(i.refunds) != 1 {
		t.Errorf("refunded %d times, want once", len(i.refunds))
	}
	s.fake.mu.Lock()
	s.fake.intents[ref].refunds[0] = "failed" // the buyer's card is no more
	s.fake.mu.Unlock()
	if err := s.post(fmt.Sprintf(`{"object":"refund","id":"re_1","payment_intent":%q}`, ref)); err != nil {
		t.Errorf("webhook: %v", err)
	}
	s.clock.Add(time.Minute.Milliseconds())
	if n, err := s.Reconcile(ctx); n != 1 || err != nil || len(s.fake.one(ref).refunds) != 2 {
		t.Errorf("Reconcile = %d, %v, %d refunds; want another one", n, err, len(s.fake.one(ref).refunds))
	}
}

// A buyer who takes too long over the bank's page is charged nothing.
func TestStripeTooLate(t *testing.T) {
	s := openShop(t)
	o, secret := s.hold()
	started, err := s.StartPayment(t.Context(), o.ID, secret, stripe.Name)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Add(sale.DefaultHold.Milliseconds())
	s.fake.authorise(started.Payment.Reference)
	if _, err := s.ConfirmPayment(t.Context(), o.ID, secret, started.Payment.ID, ""); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("ConfirmPayment: %v, want ErrHoldExpired", err)
	}
	if i := s.fake.one(started.Payment.Reference); i.status != "canceled" || i.captures != 0 {
		t.Errorf("Stripe has %+v; want the authorisation released", i)
	}
}

// Stripe answers nothing when it captures: the order keeps its place until it does.
func TestStripeOutage(t *testing.T) {
	for name, fault := range map[string]func(*fake){
		"answer lost": func(f *fake) { f.lose["capture"] = 1 },
		"status 500":  func(f *fake) { f.break5xx["capture"] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t)
			o, secret := s.hold()
			started, err := s.StartPayment(t.Context(), o.ID, secret, stripe.Name)
			if err != nil {
				t.Fatal(err)
			}
			s.fake.authorise(started.Payment.Reference)
			s.fake.mu.Lock()
			fault(s.fake)
			s.fake.mu.Unlock()
			if _, err := s.ConfirmPayment(t.Context(), o.ID, secret, started.Payment.ID, ""); err != nil && !errors.Is(err, sale.ErrPaymentPending) {
				t.Errorf("ConfirmPayment: %v", err)
			}
			s.clock.Add(time.Minute.Milliseconds())
			if _, err := s.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
			if got, err := s.Order(t.Context(), o.ID, secret); err != nil || got.State != sale.Paid || s.fake.one(started.Payment.Reference).captures != 1 {
				t.Errorf("order is %s, %v, %d captures; want paid once", got.State, err, s.fake.one(started.Payment.Reference).captures)
			}
		})
	}
}
