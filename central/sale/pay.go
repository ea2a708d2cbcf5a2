package sale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/sync/ticket"
)

// settleTime is how long the steps after a charge may take once the buyer's own
// request has ended: they must not stop half way because a phone lost its signal.
const settleTime = 10 * time.Second

// Pay charges an order and returns it with its tickets. An order that is paid
// already is returned as it is. Errors besides those of this package are
// [pay.ErrDeclined], after which the order can be paid otherwise until its hold
// ends, and [pay.ErrBadToken].
func (s *Sale) Pay(ctx context.Context, id, secret, provider, token string) (Order, error) {
	o, err := s.Order(ctx, id, secret)
	if err != nil {
		return Order{}, err
	}
	p, ok := s.cfg.Providers[provider]
	if !ok {
		return Order{}, ErrUnknownProvider
	}
	if o.State != Held || o.Expired(s.cfg.Now()) {
		return s.standing(&o)
	}
	payment := Payment{Order: o.ID, Provider: provider, Amount: o.Amount, Currency: o.Currency, State: PaymentBegun}
	if payment.ID, err = s.newID(); err != nil {
		return Order{}, err
	}
	begun, _, err := p.Begin(ctx, pay.Request{ // takes nothing: if we stop here, nothing has happened
		Key: payment.ID, Order: payment.Order, Amount: payment.Amount, Currency: payment.Currency, Token: token,
	})
	if err != nil {
		return Order{}, err
	}
	payment.Reference = begun.Reference
	began, err := s.cfg.Store.BeginPayment(ctx, payment)
	if err != nil {
		return Order{}, err
	}
	if !began { // it ran out, or another request was first
		if o, err = s.cfg.Store.Order(ctx, id); err != nil {
			return Order{}, err
		}
		return s.standing(&o)
	}
	if err := s.charge(ctx, p, payment); err != nil {
		return Order{}, err
	}
	after, cancel := s.unhurried(ctx)
	defer cancel()
	return s.cfg.Store.Order(after, id)
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

// charge takes the money and settles the outcome, whatever it is.
func (s *Sale) charge(ctx context.Context, p pay.Provider, payment Payment) error {
	done, err := p.Confirm(ctx, payment.Reference, "")
	after, cancel := s.unhurried(ctx)
	defer cancel()
	if err != nil && !errors.Is(err, pay.ErrDeclined) { // the answer is lost: ask
		s.cfg.Logger.WarnContext(ctx, "payment outcome unknown", slog.String("provider", payment.Provider), slog.String("error", err.Error()))
		if done, err = p.Get(after, payment.Reference); err != nil {
			return fmt.Errorf("%w: %w", ErrPaymentPending, err)
		}
	}
	if errors.Is(err, pay.ErrDeclined) {
		return errors.Join(err, s.cfg.Store.FailPayment(after, payment.ID))
	}
	return s.settle(after, p, payment, done)
}

// settle books what the provider says of a payment.
func (s *Sale) settle(ctx context.Context, p pay.Provider, payment Payment, told pay.Payment) error {
	switch told.State {
	case pay.Begun:
		return ErrPaymentPending
	case pay.Failed:
		return errors.Join(pay.ErrDeclined, s.cfg.Store.FailPayment(ctx, payment.ID))
	case pay.Refunded: // by hand, at the provider, before we knew that it was taken
		return errors.Join(pay.ErrDeclined, s.cfg.Store.FailPayment(ctx, payment.ID))
	case pay.Succeeded:
	default:
		return fmt.Errorf("payment in state %q: %w", told.State, ErrPaymentPending)
	}
	if told.Amount != payment.Amount || told.Currency != payment.Currency {
		return fmt.Errorf("provider charged %d %s for %d %s: %w", told.Amount, told.Currency, payment.Amount, payment.Currency, ErrPaymentPending)
	}
	o, err := s.cfg.Store.Order(ctx, payment.Order)
	if err != nil {
		return err
	}
	tickets, err := s.tickets(ctx, &o)
	if err != nil {
		return err
	}
	sold, err := s.cfg.Store.Sell(ctx, payment.ID, tickets)
	if err != nil {
		return err
	}
	if sold {
		s.cfg.Changed()
		return nil
	}
	return errors.Join(ErrPaidTooLate, s.payBack(ctx, p, payment))
}

// tickets makes a ticket for each of the order's items and signs it. They exist
// once they are sold.
func (s *Sale) tickets(ctx context.Context, o *Order) ([]Issued, error) {
	out := make([]Issued, 0, len(o.Items))
	for _, i := range o.Items {
		t := ticket.Ticket{
			Event: o.Event, Zone: i.Zone, Class: i.Class, Seat: i.Seat, Version: 1, Holder: i.Holder, Flags: i.Flags,
		}
		if _, err := io.ReadFull(s.cfg.Rand, t.ID[:]); err != nil {
			return nil, fmt.Errorf("make ticket id: %w", err)
		}
		signed, err := s.sign(ctx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, signed)
	}
	return out, nil
}

// payBack returns a payment's money. If that fails it stays due and
// [Sale.Reconcile] tries again.
func (s *Sale) payBack(ctx context.Context, p pay.Provider, payment Payment) error {
	if _, err := p.Refund(ctx, payment.Reference); err != nil {
		s.cfg.Logger.WarnContext(ctx, "refund not done yet", slog.String("provider", payment.Provider), slog.String("error", err.Error()))
		return nil
	}
	return s.cfg.Store.EndRefund(ctx, payment.ID)
}

// unhurried outlives the buyer's request.
func (s *Sale) unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// Refund makes a paid order's tickets invalid at every gate, frees its place and
// returns the money. The tickets are dead when it returns; Order.Returned says
// whether the money is back as well. Refunding twice is refunding once.
func (s *Sale) Refund(ctx context.Context, id string) (Order, error) {
	refunded, err := s.cfg.Store.RefundOrder(ctx, id)
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
	s.cfg.Changed()
	payment, err := s.cfg.Store.Payment(after, o.Payment)
	if err != nil {
		return Order{}, err
	}
	if p, ok := s.cfg.Providers[payment.Provider]; ok {
		if err := s.payBack(after, p, payment); err != nil {
			return Order{}, err
		}
	}
	return s.cfg.Store.Order(after, id)
}
