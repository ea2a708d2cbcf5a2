package sale_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// The sample's event, its classes and zones.
const (
	event = ticket.EventID(1001)

	floor, balcony, standing = 1, 2, 3

	vip, regular, stand, paper = 1, 2, 3, 5
)

// clock stands still unless a test moves it.
type clock struct{ ms atomic.Int64 }

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// verifier accepts the "signature" that prove makes.
type verifier struct{}

func (verifier) VerifyAssertion(_ ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a sale.Assertion) error {
	if !bytes.Equal(a.Signature, append(key[:], challenge...)) {
		return errors.New("bad signature")
	}
	return nil
}

type issuer struct{}

func (issuer) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return append([]byte("signed "), t.ID[:]...), nil
}

type harness struct {
	*sale.Sale
	t       testing.TB
	store   *store.Store
	path    string
	clock   *clock
	sandbox *pay.Sandbox
	wire    *wire
	changed atomic.Int64
}

// wire is the way to the provider; tests cut it or make it slow.
type wire struct {
	pay.Provider
	confirm func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error)
	get     func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error)
	cancel  func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error)
}

// breakWord has the provider say that it has given a payment up, and not do it.
func (w *wire) breakWord() {
	w.cancel = func(_ pay.Provider, _ context.Context, reference string) (pay.Payment, error) {
		return pay.Payment{Reference: reference, State: pay.Failed}, nil
	}
}

func (w *wire) Cancel(ctx context.Context, reference string) (pay.Payment, error) {
	if w.cancel != nil {
		return w.cancel(w.Provider, ctx, reference)
	}
	return w.Provider.Cancel(ctx, reference)
}

func (w *wire) Confirm(ctx context.Context, reference, token string) (pay.Payment, error) {
	if w.confirm != nil {
		return w.confirm(w.Provider, ctx, reference)
	}
	return w.Provider.Confirm(ctx, reference, token)
}

func (w *wire) Get(ctx context.Context, reference string) (pay.Payment, error) {
	if w.get != nil {
		return w.get(w.Provider, ctx, reference)
	}
	return w.Provider.Get(ctx, reference)
}

func start(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, path: filepath.Join(t.TempDir(), "central.db"), clock: &clock{}, sandbox: pay.NewSandbox()}
	h.clock.ms.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	h.wire = &wire{Provider: h.sandbox}
	logger := slog.New(slog.DiscardHandler)
	var err error
	if h.store, err = store.Open(t.Context(), storetest.At(t, h.path, h.clock.Now, logger)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	h.Sale, err = sale.New(t.Context(), sale.Config{
		Store: h.store, Providers: map[string]pay.Provider{"sandbox": h.wire}, Issuer: issuer{}, Verifier: verifier{},
		Now: h.clock.Now, Logger: logger, ChallengeKey: [32]byte{1}, Changed: func() { h.changed.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("../../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := seatmap.Parse(plan)
	if err != nil {
		t.Fatal(err)
	}
	if added, err := h.Import(t.Context(), p); err != nil || !added {
		t.Fatalf("Import = %v, %v", added, err)
	}
	return h
}

// holder is a key; n tells them apart.
func holder(n byte) ticket.HolderKey { return ticket.HolderKey{2, n} }

// prove answers a fresh challenge with a key.
func (h *harness) prove(key ticket.HolderKey) *sale.Possession {
	h.t.Helper()
	c, err := h.NewChallenge()
	if err != nil {
		h.t.Fatal(err)
	}
	return &sale.Possession{Key: key, Challenge: c.Value, Assertion: sale.Assertion{Signature: append(key[:], c.Value...)}}
}

func (h *harness) seat(label string) sale.HoldRequest {
	return sale.HoldRequest{Event: event, Zone: floor, Class: vip, Seat: label, Holder: h.prove(holder(1))}
}

// hold must succeed.
func (h *harness) hold(label string) (sale.Order, string) {
	h.t.Helper()
	o, secret, err := h.Hold(h.t.Context(), h.seat(label))
	if err != nil {
		h.t.Fatalf("Hold(%s): %v", label, err)
	}
	return o, secret
}

// buy must succeed.
func (h *harness) buy(label, token string) (sale.Order, string) {
	h.t.Helper()
	o, secret := h.hold(label)
	paid, err := h.Pay(h.t.Context(), o.ID, secret, "sandbox", token)
	if err != nil || paid.State != sale.Paid {
		h.t.Fatalf("Pay(%s, %s) = %s, %v; want paid", label, token, paid.State, err)
	}
	return paid, secret
}

// counts returns how a zone's places stand.
func (h *harness) counts(zone uint16) sale.Availability {
	h.t.Helper()
	l, err := h.Listing(h.t.Context(), event)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range l.Zones {
		if a.Zone == zone {
			return a
		}
	}
	h.t.Fatalf("no zone %d in %+v", zone, l.Zones)
	return sale.Availability{}
}

// changes returns what the outbox tells the gates, and checks its order.
func (h *harness) changes() []sale.Change {
	h.t.Helper()
	var all []sale.Change
	for after := uint64(0); ; after = all[len(all)-1].Seq {
		page, err := h.store.Changes(h.t.Context(), after, 7)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	for i, c := range all {
		if i > 0 && c.Seq <= all[i-1].Seq {
			h.t.Errorf("change %d follows %d", c.Seq, all[i-1].Seq)
		}
	}
	return all
}

// audit checks what must hold whatever happened: a seat has at most one valid
// ticket, each valid ticket was told to the gates once, and the money that is
// kept is the money of the places that are sold.
func (h *harness) audit() {
	h.t.Helper()
	valid := map[ticket.ID]bool{}
	seats := map[string]ticket.ID{}
	for _, c := range h.changes() {
		switch c.Kind {
		case sale.TicketNew:
			key, _ := json.Marshal([]any{c.Ticket.Zone, c.Ticket.Seat})
			if other, twice := seats[string(key)]; twice && c.Ticket.Seat != "" && valid[other] {
				h.t.Errorf("zone and seat %s sold to %s and %s", key, other, c.ID)
			}
			if _, twice := valid[c.ID]; twice {
				h.t.Errorf("ticket %s told twice", c.ID)
			}
			valid[c.ID], seats[string(key)] = true, c.ID
		case sale.TicketRebind:
			if _, known := valid[c.ID]; !known {
				h.t.Errorf("ticket %s was rebound before it was told", c.ID)
			}
		case sale.TicketStatus:
			valid[c.ID] = false
		}
	}
	inForce, sold := 0, 0
	for _, v := range valid {
		if v {
			inForce++
		}
	}
	for _, zone := range []uint16{floor, balcony, standing} {
		sold += h.counts(zone).Sold
	}
	taken, returned := h.sandbox.Moved()
	if inForce != sold || taken-returned != sold {
		h.t.Errorf("%d tickets in force, %d places sold, money taken %d times and returned %d times", inForce, sold, taken, returned)
	}
}
