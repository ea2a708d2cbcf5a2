package sale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// ErrNotReturnable means that the plan gives who ordered no right to give it back
// now: the organiser may still do so.
var ErrNotReturnable = errors.New("orders of this event are not taken back, or no longer")

// Return is Refund for the account that ordered, within the terms of the event:
// while they allow it, none of the tickets has entered and none is another's by now.
// The order of somebody else is [ErrUnknownOrder].
func (s *Sale) Return(ctx context.Context, id, account string) (Order, error) {
	o, err := s.OwnOrder(ctx, id, account)
	if err != nil {
		return Order{}, err
	}
	if o.State == Refunded {
		return o, nil
	}
	on, err := s.offering(ctx, o.Event)
	if err != nil {
		return Order{}, err
	}
	if !on.Terms.Refundable(s.cfg.Now()) {
		return Order{}, ErrNotReturnable
	}
	return s.refund(ctx, id, s.cfg.Store.ReturnOrder)
}

// OwnOrder returns an order to the account that made it.
func (s *Sale) OwnOrder(ctx context.Context, id, account string) (Order, error) {
	if !isID(id) {
		return Order{}, ErrUnknownOrder
	}
	o, err := s.cfg.Store.Order(ctx, id)
	if err == nil && (account == "" || o.Owner != account) {
		return Order{}, ErrUnknownOrder
	}
	return o, err
}

// History lists an account's orders, newest first, at most limit: those before a
// time, and of the same time those with smaller ids.
func (s *Sale) History(ctx context.Context, account string, before time.Time, beforeID string, limit int) ([]Order, error) {
	if account == "" || beforeID != "" && !isID(beforeID) {
		return nil, nil
	}
	return s.cfg.Store.History(ctx, account, before, beforeID, limit)
}

// Cancellation is how far the refunds of an event have come that was called off.
type Cancellation struct {
	Event     ticket.EventID
	Cancelled time.Time
	Open      int // orders whose tickets are still in force
}

// Cancel calls an event off: from now on nothing of it is held, paid or offered.
// Its orders are refunded, the tickets with them, by [Sale.Cancellations]. Calling
// it off twice is calling it off once.
func (s *Sale) Cancel(ctx context.Context, event ticket.EventID) (Cancellation, error) {
	if _, err := s.cfg.Store.CancelEvent(ctx, event); err != nil {
		return Cancellation{}, err
	}
	s.cfg.Changed()
	return s.Cancellation(ctx, event)
}

// Cancellation returns how far it has come; Cancelled is zero if the event was not
// called off.
func (s *Sale) Cancellation(ctx context.Context, event ticket.EventID) (Cancellation, error) {
	on, err := s.cfg.Store.Offering(ctx, event)
	if err != nil {
		return Cancellation{}, err
	}
	c := Cancellation{Event: event, Cancelled: on.Cancelled}
	if !c.Cancelled.IsZero() {
		c.Open, err = s.cfg.Store.Unrefunded(ctx, event)
	}
	return c, err
}

// refundBatch bounds the orders that one transaction refunds.
const refundBatch = 50

// Cancellations is one step of the work that goes on by itself: it refunds a batch
// of the orders of events that were called off and returns how many. Call it again
// at once if that is not zero. What a crash leaves is found by the next; money that
// is due goes back by [Sale.Reconcile].
func (s *Sale) Cancellations(ctx context.Context) (int, error) {
	done, err := s.cfg.Store.RefundCancelled(ctx, refundBatch)
	if err != nil {
		return 0, fmt.Errorf("refund what was called off: %w", err)
	}
	if len(done) > 0 {
		s.cfg.Changed()
	}
	return len(done), nil
}
