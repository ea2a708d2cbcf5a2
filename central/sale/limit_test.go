package sale_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// floor1 asks for n of the hall's seats, on paper, for an account.
func floor1(owner string, n int) sale.HoldRequest {
	return sale.HoldRequest{Event: show, Owner: owner, Items: wants(n, sale.Want{Zone: 1, Class: 1, Paper: true})}
}

func TestLimitPerPerson(t *testing.T) {
	h := start(t)
	h.hall(`{"max_per_person": 3}`)
	if _, _, err := h.Hold(t.Context(), floor1("", 1)); !errors.Is(err, sale.ErrAccountNeeded) {
		t.Errorf("nobody in particular: %v, want ErrAccountNeeded", err)
	}
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 16 { // many windows at once
		wg.Go(func() {
			switch _, _, err := h.Hold(t.Context(), floor1("mina", 1)); {
			case err == nil:
				got.Add(1)
			case !errors.Is(err, sale.ErrLimit) && !errors.Is(err, sale.ErrSeatTaken):
				t.Errorf("Hold: %v", err)
			}
		})
	}
	wg.Wait()
	if n := got.Load(); n != 3 {
		t.Errorf("mina has %d places, want 3", n)
	}
	if _, _, err := h.Hold(t.Context(), floor1("jun", 4)); !errors.Is(err, sale.ErrLimit) {
		t.Errorf("four at once: %v, want ErrLimit", err)
	}
	jun, err := h.pays(floor1("jun", 2))
	h.must(err)
	h.clock.Advance(sale.DefaultHold) // mina's holds run out, what jun paid for does not
	if _, err := h.pays(floor1("mina", 3)); err != nil {
		t.Errorf("when her holds had run out: %v", err)
	}
	if _, _, err := h.Hold(t.Context(), floor1("jun", 2)); !errors.Is(err, sale.ErrLimit) {
		t.Errorf("two more: %v, want ErrLimit", err)
	}
	_, err = h.Refund(t.Context(), jun.ID)
	h.must(err)
	o, secret, err := h.Hold(t.Context(), floor1("jun", 3))
	if err != nil {
		t.Fatalf("after a refund: %v", err)
	}
	// A payment that takes long keeps the places, and one that fails lets them go.
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenDeclined); !errors.Is(err, pay.ErrDeclined) {
		t.Error(err)
	}
	if _, _, err := h.Hold(t.Context(), floor1("jun", 1)); !errors.Is(err, sale.ErrLimit) {
		t.Errorf("while they are held: %v, want ErrLimit", err)
	}
	h.clock.Advance(sale.DefaultHold)
	if _, _, err := h.Hold(t.Context(), floor1("jun", 3)); err != nil {
		t.Errorf("when they had run out: %v", err)
	}
}

// An event is called off while orders are held, paid, and being paid. What the
// first central does not get done, the next does.
func TestCancelledEvent(t *testing.T) {
	h := start(t)
	var paid []sale.Order
	for n := range 60 {
		o, err := h.pays(sale.HoldRequest{Event: event, Owner: fmt.Sprintf("p%d", n), Items: wants(1+n%2, sale.Want{Zone: standing, Class: paper, Paper: true})})
		h.must(err)
		paid = append(paid, o)
	}
	held, secret := h.hold("A-1")
	late, lateSecret := h.hold("A-2")
	h.wire.confirm = nil
	c, err := h.Cancel(t.Context(), event)
	if err != nil || c.Open != 60 || !c.Cancelled.Equal(h.clock.Now()) {
		t.Fatalf("Cancel = %+v, %v; want 60 open", c, err)
	}
	for _, o := range []struct{ id, secret string }{{held.ID, secret}, {late.ID, lateSecret}} {
		if _, err := h.Pay(t.Context(), o.id, o.secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrHoldExpired) {
			t.Errorf("paying a held order: %v, want ErrHoldExpired", err)
		}
	}
	if _, _, err := h.Hold(t.Context(), h.seat("A-3")); !errors.Is(err, sale.ErrCancelled) {
		t.Errorf("Hold: %v, want ErrCancelled", err)
	}
	if n, err := h.Cancellations(t.Context()); n != 50 || err != nil {
		t.Errorf("Cancellations = %d, %v; want 50", n, err)
	}
	h.clock.Advance(time.Second) // another central goes on
	if again, err := h.Cancel(t.Context(), event); err != nil || again.Open != 10 || !again.Cancelled.Equal(c.Cancelled) {
		t.Errorf("Cancel again = %+v, %v; want 10 open", again, err)
	}
	for want := range 2 {
		if n, err := h.Cancellations(t.Context()); n != 10-10*want || err != nil {
			t.Errorf("Cancellations = %d, %v; want %d", n, err, 10-10*want)
		}
	}
	dead := map[ticket.ID]bool{}
	for _, c := range h.changes() {
		if c.Kind == sale.TicketStatus && c.Status == ticket.StatusRefunded {
			dead[c.ID] = true
		}
	}
	if off := h.told(outbox.EventCancelled); len(dead) != 90 || len(off) != 1 {
		t.Errorf("%d tickets died and %d lines called it off, want 90 and 1", len(dead), len(off))
	}
	for range 10 {
		h.clock.Advance(time.Minute)
		_, err := h.Reconcile(t.Context())
		h.must(err)
	}
	if taken, returned := h.sandbox.Moved(); taken != 60 || returned != 60 {
		t.Errorf("money taken %d times and returned %d times, want 60", taken, returned)
	}
	for _, o := range paid[:3] {
		if got, err := h.OwnOrder(t.Context(), o.ID, o.Owner); err != nil || got.State != sale.Refunded || !got.Returned {
			t.Errorf("order %+v, %v; want it refunded and the money back", got, err)
		}
	}
	h.audit()
}

// A charge that was under way when the event was called off goes back too.
func TestCancelledWhilePaying(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
		_, err := h.Cancel(ctx, event)
		h.must(err)
		return p.Confirm(ctx, reference, pay.TokenOK)
	}
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); err != nil {
		t.Fatal(err)
	}
	if n, err := h.Cancellations(t.Context()); n != 1 || err != nil {
		t.Errorf("Cancellations = %d, %v; want 1", n, err)
	}
	if got, err := h.Order(t.Context(), o.ID, secret); err != nil || got.State != sale.Refunded || got.Tickets[0].Status != ticket.StatusRefunded {
		t.Errorf("order %+v, %v; want it refunded", got, err)
	}
	h.clock.Advance(time.Minute)
	_, err := h.Reconcile(t.Context())
	h.must(err)
	h.audit()
}

// One that failed while the event was called off is not tried again.
func TestCancelledWhileDeclined(t *testing.T) {
	h := start(t)
	o, secret := h.hold("A-1")
	h.wire.confirm = func(p pay.Provider, ctx context.Context, reference string) (pay.Payment, error) {
		_, err := h.Cancel(ctx, event)
		h.must(err)
		return p.Confirm(ctx, reference, pay.TokenDeclined)
	}
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenDeclined); !errors.Is(err, pay.ErrDeclined) {
		t.Errorf("Pay: %v, want ErrDeclined", err)
	}
	h.wire.confirm = nil
	if _, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK); !errors.Is(err, sale.ErrHoldExpired) {
		t.Errorf("paying again: %v, want ErrHoldExpired", err)
	}
	h.audit()
}

func TestReturn(t *testing.T) {
	h := start(t)
	h.hall(`{"refund_until": "2026-12-01T00:00:00Z"}`)
	o, err := h.pays(floor1("mina", 2))
	h.must(err)
	for name, who := range map[string]string{"another": "jun", "nobody": ""} {
		if _, err := h.Return(t.Context(), o.ID, who); !errors.Is(err, sale.ErrUnknownOrder) {
			t.Errorf("by %s: %v, want ErrUnknownOrder", name, err)
		}
	}
	for range 2 {
		if got, err := h.Return(t.Context(), o.ID, "mina"); err != nil || got.State != sale.Refunded || !got.Returned {
			t.Errorf("Return = %+v, %v", got, err)
		}
	}
	held, _, err := h.Hold(t.Context(), floor1("mina", 1))
	h.must(err)
	if _, err := h.Return(t.Context(), held.ID, "mina"); !errors.Is(err, sale.ErrNotPaid) {
		t.Errorf("of an order that is held: %v, want ErrNotPaid", err)
	}
	moved, err := h.pays(sale.HoldRequest{Event: show, Zone: 1, Class: 2, Owner: "mina", Holder: h.prove(holder(1))})
	h.must(err)
	_, err = h.Rebind(t.Context(), give(h.ticket(moved.Tickets[0].Ticket.ID), 2, "jun"))
	h.must(err)
	if _, err := h.Return(t.Context(), moved.ID, "mina"); !errors.Is(err, sale.ErrMoved) {
		t.Errorf("of a ticket that was given away: %v, want ErrMoved", err)
	}
	last, err := h.pays(floor1("mina", 1))
	h.must(err)
	h.clock.Advance(30 * 24 * time.Hour)
	if _, err := h.Return(t.Context(), last.ID, "mina"); !errors.Is(err, sale.ErrNotReturnable) {
		t.Errorf("too late: %v, want ErrNotReturnable", err)
	}
	all, err := h.History(t.Context(), "mina", h.clock.Now(), "", 10)
	if err != nil || len(all) != 4 || all[0].ID != last.ID && all[0].Created.Equal(all[1].Created) == false {
		t.Errorf("history of %d orders, %v; want 4", len(all), err)
	}
	used, err := h.pays(sale.HoldRequest{Event: event, Zone: standing, Class: paper, Paper: true, Owner: "mina"})
	h.must(err)
	if _, err := h.Return(t.Context(), used.ID, "mina"); !errors.Is(err, sale.ErrNotReturnable) {
		t.Errorf("where the terms say nothing: %v, want ErrNotReturnable", err)
	}
}

// What has entered is not given back.
func TestReturnOfUsedTicket(t *testing.T) {
	h := start(t)
	o, err := h.pays(sale.HoldRequest{Event: event, Zone: standing, Class: paper, Paper: true, Owner: "mina"})
	h.must(err)
	(&gate{h: h}).admits(o.Tickets[0].Ticket.ID)
	if _, err := h.store.ReturnOrder(t.Context(), o.ID); !errors.Is(err, sale.ErrTicketUsed) {
		t.Errorf("ReturnOrder = %v, want ErrTicketUsed", err)
	}
}
