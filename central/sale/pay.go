package sale

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/central/pay"
)

// settleTime is how long the steps after a charge may take once the buyer's own
// request has ended: they must not stop half way because a phone lost its signal.
const settleTime = 10 * time.Second

// Pay charges an order in one step and returns it with its tickets, with a provider
// that needs nothing of the buyer but a token. An order that is paid already is
// returned as it is. Errors besides those of this package are [pay.ErrDeclined],
// after which the order can be paid otherwise until its hold ends,
// [pay.ErrBadToken], and [pay.ErrNotAuthorised] of a provider that needs more.
func (s *Sale) Pay(ctx context.Context, id, secret, provider, token string) (Order, error) {
	o, recalled := s.recall.take(id, secret, s.cfg.Now())
	if !recalled {
		var err error
		if o, err = s.Order(ctx, id, secret); err != nil {
			return Order{}, err
		}
	}
	name, p, err := s.provider(provider, o.Amount)
	if err != nil {
		return Order{}, err
	}
	if o.State != Held || o.Expired(s.cfg.Now()) {
		return s.standing(&o)
	}
	payment, action, err := s.begin(ctx, name, p, &o, token)
	if err != nil {
		return Order{}, err
	}
	if action.Kind != pay.ActionNone {
		s.forget(ctx, p, payment)
		return Order{}, pay.ErrNotAuthorised
	}
	return s.take(ctx, p, payment, "", &o)
}

// take moves the payment's order to paying, which only a hold that lives allows, and
// keeps its places; only then it charges.
func (s *Sale) take(ctx context.Context, p pay.Provider, payment Payment, token string, o *Order) (Order, error) {
	began, err := s.cfg.Store.BeginPayment(ctx, payment)
	if err != nil {
		return Order{}, err
	}
	after, cancel := s.unhurried(ctx)
	defer cancel()
	if !began { // the hold ran out, or another payment was first
		o, err := s.cfg.Store.Order(after, payment.Order)
		if err != nil {
			return Order{}, err
		}
		if o.Payment != payment.ID { // else another request confirms this very one
			if err := s.release(after, p, payment); err != nil {
				s.cfg.Logger.WarnContext(ctx, "payment is given up later", slog.String("provider", payment.Provider), slog.String("error", err.Error()))
			}
		}
		return s.standing(&o)
	}
	payment.State = PaymentBegun
	if err := s.charge(ctx, p, payment, token, o); err != nil {
		return Order{}, err
	}
	return *o, nil
}

// standing is what paying an order comes to that is not waiting to be paid.
func (s *Sale) standing(o *Order) (Order, error) {
	switch o.State {
	case Paid:
		return *o, nil
	case Paying:
		return Order{}, ErrPaymentPending
	case Lapsed:
		return Order{}, ErrPaidTooLate
	case Refunded:
		return Order{}, ErrOrderRefunded
	case Held:
		if !o.Expired(s.cfg.Now()) { // a payment was declined a moment ago
			return Order{}, ErrPaymentPending
		}
		return Order{}, ErrHoldExpired
	}
	return Order{}, fmt.Errorf("order in state %q", o.State)
}

// unhurried outlives the buyer's request.
func (s *Sale) unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// Refund makes a paid order's tickets invalid at every gate, frees its place and
// returns the money. The tickets are dead when it returns; Order.Returned says
// whether the money is back as well. Refunding twice is refunding once.
func (s *Sale) Refund(ctx context.Context, id string) (Order, error) {
	return s.refund(ctx, id, s.cfg.Store.RefundOrder)
}

// refund does what Refund does, in the way that is given.
func (s *Sale) refund(ctx context.Context, id string, way func(context.Context, string) (bool, error)) (Order, error) {
	if !isID(id) {
		return Order{}, ErrUnknownOrder
	}
	refunded, err := way(ctx, id)
	if err != nil {
		return Order{}, err
	}
	after, cancel := s.unhurried(ctx)
	defer cancel()
	o, err := s.cfg.Store.Order(after, id)
	if err != nil {
		return Order{}, err
	}
	if !refunded {
		if o.State != Refunded {
			return Order{}, ErrNotPaid
		}
		return o, nil
	}
	s.board.forget(&o)
	s.cfg.Changed()
	payment, err := s.cfg.Store.Payment(after, o.Payment)
	if err != nil {
		return Order{}, err
	}
	if _, p, err := s.provider(payment.Provider, payment.Amount); err == nil { // else it stays due until one is configured
		if err := s.payBack(after, p, payment); err != nil {
			return Order{}, err
		}
	}
	return s.cfg.Store.Order(after, id)
}
