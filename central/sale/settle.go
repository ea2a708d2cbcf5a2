package sale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/sync/ticket"
)

// errWrongAmount is a charge of another amount than was asked for. A person must
// look: the places stay kept.
var errWrongAmount = errors.New("the provider charged another amount")

// charge takes the money of a payment that has begun and settles the outcome,
// whatever it is. An order that is given is the payment's, and becomes what it is then.
func (s *Sale) charge(ctx context.Context, p pay.Provider, payment Payment, token string, o *Order) error {
	done, err := p.Confirm(ctx, payment.Reference, token)
	after, cancel := s.unhurried(ctx)
	defer cancel()
	switch {
	case err == nil:
	case errors.Is(err, pay.ErrDeclined):
		return errors.Join(err, s.cfg.Store.FailPayment(after, payment.ID))
	case errors.Is(err, pay.ErrNotAuthorised), errors.Is(err, pay.ErrBadToken): // this call took nothing; nor shall another
		if failed := s.release(after, p, payment); failed != nil {
			return failed
		}
		return err
	default: // the answer is lost: ask
		s.cfg.Logger.WarnContext(ctx, "payment outcome unknown", slog.String("provider", payment.Provider), slog.String("error", err.Error()))
		if done, err = p.Get(after, payment.Reference); err != nil {
			return fmt.Errorf("%w: %w", ErrPaymentPending, err)
		}
	}
	return s.settle(after, p, payment, done, o)
}

// settle books what the provider says of a payment; for the order see charge.
func (s *Sale) settle(ctx context.Context, p pay.Provider, payment Payment, told pay.Payment, o *Order) error {
	switch told.State {
	case pay.Begun, pay.Authorised:
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
		return fmt.Errorf("%d %s for %d %s: %w: %w", told.Amount, told.Currency, payment.Amount, payment.Currency, errWrongAmount, ErrPaymentPending)
	}
	if o == nil {
		known, err := s.cfg.Store.Order(ctx, payment.Order)
		if err != nil {
			return err
		}
		o = &known
	}
	tickets, err := s.tickets(ctx, o)
	if err != nil {
		return err
	}
	sold, err := s.cfg.Store.Sell(ctx, payment.ID, tickets)
	switch {
	case err != nil:
		return err
	case sold == NotSold:
		return errors.Join(ErrPaidTooLate, s.payBack(ctx, p, payment))
	case sold == SoldBefore:
		s.cfg.Changed()
		*o, err = s.cfg.Store.Order(ctx, payment.Order)
		return err
	}
	s.cfg.Changed()
	o.bought(payment.ID, tickets)
	return nil
}

// bought is what becomes of an order whose tickets were sold just now.
func (o *Order) bought(payment string, tickets []Issued) {
	o.State, o.Payment, o.Returned, o.Tickets = Paid, payment, false, make([]Issued, len(tickets))
	for n, i := range tickets {
		o.Tickets[n] = i.KnownTo(o.Owner, o.Items[n].Keeper)
	}
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

// release gives up a payment for good and books it so. Until the provider says that
// nothing will be taken it is [ErrPaymentPending], and the order keeps its places if
// it was paying with it. One that was charged all the same is settled.
func (s *Sale) release(ctx context.Context, p pay.Provider, payment Payment) error {
	told, err := p.Cancel(ctx, payment.Reference)
	switch {
	case errors.Is(err, pay.ErrUnknownPayment), err == nil && told.State == pay.Failed:
		return s.cfg.Store.FailPayment(ctx, payment.ID)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrPaymentPending, err)
	}
	return s.settle(ctx, p, payment, told, nil)
}

// forget gives up a payment that is in no book of ours and that nobody could allow.
func (s *Sale) forget(ctx context.Context, p pay.Provider, payment Payment) {
	after, cancel := s.unhurried(ctx)
	defer cancel()
	if _, err := p.Cancel(after, payment.Reference); err != nil {
		s.cfg.Logger.InfoContext(ctx, "a payment that nobody can allow stays with the provider", slog.String("provider", payment.Provider), slog.String("error", err.Error()))
	}
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
