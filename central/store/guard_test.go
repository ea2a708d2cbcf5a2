package store_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// The statements themselves must refuse what their callers have mostly ruled out
// before: between a caller's look and its statement anything may happen.

type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func onSale(t *testing.T) (*store.Store, *clock) {
	t.Helper()
	c := &clock{}
	c.ms.Store(1_800_000_000_000)
	s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), c.now, slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	must(t, err)
	plan, err := seatmap.Parse(b)
	must(t, err)
	_, err = s.AddPlan(t.Context(), plan)
	must(t, err)
	return s, c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hold(t *testing.T, s *store.Store, c *clock, id string) {
	t.Helper()
	_, err := s.Hold(t.Context(), sale.Hold{
		Order: id, Event: 1001, Items: []sale.HeldItem{{Zone: 1, Class: 1, Seat: "A-1"}}, Expires: c.now().Add(time.Minute),
	})
	must(t, err)
}

func begin(t *testing.T, s *store.Store, order, payment string) bool {
	t.Helper()
	began, err := s.BeginPayment(t.Context(), sale.Payment{ID: payment, Order: order, Provider: "p", Reference: payment, Currency: "KRW"})
	must(t, err)
	return began
}

func sell(t *testing.T, s *store.Store, payment string) bool {
	t.Helper()
	done, err := s.Sell(t.Context(), payment, []sale.Issued{{Ticket: ticket.Ticket{ID: ticket.ID{1}, Event: 1001}, Signed: []byte{1}}})
	must(t, err)
	return done != sale.NotSold
}

func TestPaymentBeginsInTimeOnly(t *testing.T) { storetest.Each(t, testPaymentBeginsInTimeOnly) }

func testPaymentBeginsInTimeOnly(t *testing.T) {
	s, c := onSale(t)
	hold(t, s, c, "o")
	c.advance(time.Minute)
	if begin(t, s, "o", "late") {
		t.Error("a payment began after the hold's end")
	}
	hold(t, s, c, "o2")
	if !begin(t, s, "o2", "first") || begin(t, s, "o2", "second") {
		t.Error("want the first payment of an order to begin, and no second")
	}
}

// A payment that was given up and is charged after all is owed until it is back.
func TestChargeOfGivenUpPaymentIsOwed(t *testing.T) {
	storetest.Each(t, testChargeOfGivenUpPaymentIsOwed)
}

func testChargeOfGivenUpPaymentIsOwed(t *testing.T) {
	s, c := onSale(t)
	hold(t, s, c, "o")
	if !begin(t, s, "o", "p") {
		t.Fatal("the payment did not begin")
	}
	must(t, s.FailPayment(t.Context(), "p"))
	if sell(t, s, "p") {
		t.Error("a payment that was given up bought a ticket")
	}
	c.advance(time.Second)
	open, err := s.Unsettled(t.Context(), 10)
	if err != nil || len(open) != 1 || open[0].State != sale.PaymentRefundDue {
		t.Errorf("unsettled %+v, %v; want the payment due to go back", open, err)
	}
	must(t, s.EndRefund(t.Context(), "p"))
	if sell(t, s, "p") {
		t.Error("a payment that went back bought a ticket")
	}
}

func TestCodeIsRedeemedOnceAndInTime(t *testing.T) {
	storetest.Each(t, testCodeIsRedeemedOnceAndInTime)
}

func testCodeIsRedeemedOnceAndInTime(t *testing.T) {
	s, c := onSale(t)
	f, now := s.Fleet(), c.now().Unix()
	for n, code := range []fleet.Code{{Device: "a"}, {Device: "b"}} {
		code.Hash, code.Role, code.Created, code.Expires = [32]byte{byte(n)}, "hub", now, now+60
		must(t, f.AddCode(t.Context(), code))
	}
	redeem := func(hash byte, at int64, id ticket.DeviceID) error {
		return f.Redeem(t.Context(), [32]byte{hash}, at, fleet.Device{ID: id, Role: "hub"}, fleet.Certificate{Serial: string(id), DER: []byte{1}})
	}
	must(t, redeem(0, now, "a"))
	if err := redeem(0, now, "other"); !errors.Is(err, fleet.ErrCode) {
		t.Errorf("second use for another device: %v, want ErrCode", err)
	}
	if err := redeem(1, now+60, "b"); !errors.Is(err, fleet.ErrCode) {
		t.Errorf("use at the end: %v, want ErrCode", err)
	}
	must(t, f.Revoke(t.Context(), "a", now))
	if err := f.AddCertificate(t.Context(), "a", fleet.Certificate{Serial: "2", DER: []byte{1}}); !errors.Is(err, fleet.ErrRevoked) {
		t.Errorf("certificate for a revoked device: %v, want ErrRevoked", err)
	}
}

func TestJournalHeadMovesFromWhereItIs(t *testing.T) {
	storetest.Each(t, testJournalHeadMovesFromWhereItIs)
}

func testJournalHeadMovesFromWhereItIs(t *testing.T) {
	s, _ := onSale(t)
	p := s.Publish()
	move := func(from, to journal.Head) error {
		_, err := p.Receive(t.Context(), publish.Delivery{Device: "a", From: from, To: to, Checkpoint: []byte{1}})
		return err
	}
	one, two := journal.Head{Seq: 1, Hash: [32]byte{1}}, journal.Head{Seq: 2, Hash: [32]byte{2}}
	must(t, move(journal.Head{}, one))
	for name, from := range map[string]journal.Head{
		"none": {}, "another number": {Seq: 5, Hash: one.Hash}, "another hash": {Seq: 1, Hash: [32]byte{9}},
	} {
		if err := move(from, two); !errors.Is(err, publish.ErrMoved) {
			t.Errorf("from %s: %v, want ErrMoved", name, err)
		}
	}
	must(t, move(one, two))
}
