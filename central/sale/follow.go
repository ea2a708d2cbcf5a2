package sale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/con-ting/conting/central/pay"
)

// GiveUpAfter is how long Reconcile goes on confirming a payment that the buyer has
// allowed and the provider does not take. Its order keeps its places until then, and
// on until the provider says that it will not take it.
const GiveUpAfter = 5 * time.Minute

// Webhook takes what somebody who says to be the provider has posted. It only learns
// from it which payment to ask the provider about. A payment that is not ours is
// nobody's business here; any other error has the provider post it again. Errors
// besides those of the store are [ErrUnknownProvider], [pay.ErrForged], and
// [ErrHoldExpired] if the provider asks whether it may charge and may not.
func (s *Sale) Webhook(ctx context.Context, provider string, header http.Header, body []byte) error {
	p, ok := s.cfg.Providers[provider]
	if !ok {
		return ErrUnknownProvider
	}
	notice, err := p.Webhook(ctx, header, body)
	if err != nil || notice.Reference == "" {
		return err
	}
	payment, err := s.cfg.Store.PaymentOf(ctx, provider, notice.Reference)
	switch {
	case errors.Is(err, ErrUnknownPayment) && notice.Asks:
		return ErrHoldExpired
	case errors.Is(err, ErrUnknownPayment):
		return nil
	case err != nil:
		return err
	case notice.Asks:
		return s.permit(ctx, payment)
	}
	if err := s.follow(ctx, p, payment, false); !settled(err) && !errors.Is(err, ErrPaymentPending) {
		return err
	}
	return nil
}

// permit answers a provider that asks before it charges: only while the hold lives,
// whose places are then kept until the charge is known.
func (s *Sale) permit(ctx context.Context, payment Payment) error {
	if payment.State == PaymentBegun { // it asks again
		return nil
	}
	if payment.State != PaymentOpened {
		return ErrHoldExpired
	}
	began, err := s.cfg.Store.BeginPayment(ctx, payment)
	if err == nil && !began {
		err = ErrHoldExpired
	}
	return err
}

// settled reports whether an error of follow leaves nothing to be done.
func settled(err error) bool {
	return err == nil || errors.Is(err, ErrPaidTooLate) || errors.Is(err, pay.ErrDeclined)
}

// follow brings a payment to where the provider says that it is. While it is not
// there yet it returns [ErrPaymentPending]. Alone says that no request can be at work
// on the payment any more, so that whatever is left of it is to be done or given up.
func (s *Sale) follow(ctx context.Context, p pay.Provider, payment Payment, alone bool) error {
	told, err := p.Get(ctx, payment.Reference)
	if errors.Is(err, pay.ErrUnknownPayment) { // then none was charged
		told, err = pay.Payment{State: pay.Failed}, nil
	}
	if err != nil {
		return err
	}
	switch payment.State {
	case PaymentOpened:
		return s.followOpened(ctx, p, payment, told)
	case PaymentBegun:
		return s.followBegun(ctx, p, payment, told, alone)
	case PaymentSucceeded:
		if told.State == pay.Refunded {
			return s.refundedThere(ctx, payment)
		}
	case PaymentFailed: // what was given up must not cost the buyer anything
		if told.State == pay.Authorised || told.State == pay.Succeeded {
			return s.release(ctx, p, payment)
		}
	case PaymentRefundDue:
		if told.State == pay.Refunded {
			return s.cfg.Store.EndRefund(ctx, payment.ID)
		}
	case PaymentRefunded:
		if told.State == pay.Succeeded { // the buyer's bank sent it back to us
			return errors.Join(s.cfg.Store.OweRefund(ctx, payment.ID), ErrPaymentPending)
		}
	}
	return nil
}

// followOpened takes the money if the buyer has allowed it and the hold lives, and
// gives the payment up if it does not.
func (s *Sale) followOpened(ctx context.Context, p pay.Provider, payment Payment, told pay.Payment) error {
	switch told.State {
	case pay.Begun:
		o, err := s.cfg.Store.Order(ctx, payment.Order)
		if err != nil {
			return err
		}
		if o.State == Held && !o.Expired(s.cfg.Now()) {
			return ErrPaymentPending
		}
		return s.release(ctx, p, payment)
	case pay.Failed, pay.Refunded:
		return s.cfg.Store.FailPayment(ctx, payment.ID)
	case pay.Authorised, pay.Succeeded:
	}
	began, err := s.cfg.Store.BeginPayment(ctx, payment)
	if err != nil {
		return err
	}
	if !began {
		if now, err := s.cfg.Store.Payment(ctx, payment.ID); err != nil || now.State == PaymentBegun {
			return errors.Join(err, ErrPaymentPending) // another request is at work on it
		}
		return s.release(ctx, p, payment)
	}
	payment.State = PaymentBegun
	if told.State == pay.Succeeded {
		return s.settle(ctx, p, payment, told, nil)
	}
	return s.charge(ctx, p, payment, "", nil)
}

func (s *Sale) followBegun(ctx context.Context, p pay.Provider, payment Payment, told pay.Payment, alone bool) error {
	switch {
	case told.State != pay.Begun && told.State != pay.Authorised:
		return s.settle(ctx, p, payment, told, nil)
	case !alone:
		return ErrPaymentPending
	case told.State == pay.Authorised && s.cfg.Now().Sub(payment.Pinned) < GiveUpAfter:
		return s.charge(ctx, p, payment, "", nil)
	}
	return s.release(ctx, p, payment)
}

// refundedThere ends the tickets of an order whose money went back by somebody's hand
// at the provider.
func (s *Sale) refundedThere(ctx context.Context, payment Payment) error {
	refunded, err := s.cfg.Store.RefundOrder(ctx, payment.Order)
	if err != nil {
		return err
	}
	if refunded {
		s.cfg.Logger.WarnContext(ctx, "order was refunded at the provider", slog.String("provider", payment.Provider), slog.String("order", payment.Order))
		s.cfg.Changed()
	}
	return s.cfg.Store.EndRefund(ctx, payment.ID)
}

// reconcile is follow for payments that are due: those of refunds are refunded, and
// what nobody else can be at work on is done or given up.
func (s *Sale) reconcile(ctx context.Context, payment Payment) error {
	_, p, err := s.provider(payment.Provider, payment.Amount)
	if err != nil {
		return fmt.Errorf("%w %q: configure it until its payments are settled", err, payment.Provider)
	}
	if payment.State != PaymentRefundDue {
		return s.follow(ctx, p, payment, true)
	}
	if _, err := p.Refund(ctx, payment.Reference); err != nil {
		return err
	}
	return s.cfg.Store.EndRefund(ctx, payment.ID)
}
