package sale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/central/pay"
)

const (
	// settleAfter is how long a payment is left to the request that began it.
	settleAfter = 30 * time.Second

	// settleEvery is how often Run looks.
	settleEvery = 10 * time.Second

	settleBatch = 100
)

// Run reconciles until the context ends and returns its error.
func (s *Sale) Run(ctx context.Context) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		if _, err := s.Reconcile(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.ErrorContext(ctx, "reconcile payments", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Reconcile finishes what a crash, a lost answer or a provider's outage left
// open: it asks the provider about payments that were begun and not ended, and
// returns money that is due. It returns how many payments it ended.
func (s *Sale) Reconcile(ctx context.Context) (ended int, err error) {
	open, err := s.cfg.Store.Unsettled(ctx, s.cfg.Now().Add(-settleAfter), settleBatch)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, payment := range open {
		switch done, err := s.reconcile(ctx, payment); {
		case err != nil:
			errs = append(errs, fmt.Errorf("payment %s: %w", payment.ID, err))
		case done:
			ended++
		}
	}
	return ended, errors.Join(errs...)
}

func (s *Sale) reconcile(ctx context.Context, payment Payment) (done bool, err error) {
	p, ok := s.cfg.Providers[payment.Provider]
	if !ok {
		return false, fmt.Errorf("%w %q: configure it until its payments are settled", ErrUnknownProvider, payment.Provider)
	}
	if payment.State == PaymentRefundDue {
		if _, err := p.Refund(ctx, payment.Reference); err != nil {
			return false, err
		}
		return true, s.cfg.Store.EndRefund(ctx, payment.ID)
	}
	told, err := p.Get(ctx, payment.Reference)
	if errors.Is(err, pay.ErrUnknownPayment) || err == nil && told.State == pay.Begun {
		// Nothing was taken. Should a charge still arrive, Sell finds the order
		// no longer paying with this payment and sends the money back.
		return true, s.cfg.Store.FailPayment(ctx, payment.ID)
	}
	if err != nil {
		return false, err
	}
	if err := s.settle(ctx, p, payment, told); err != nil && !errors.Is(err, ErrPaidTooLate) && !errors.Is(err, pay.ErrDeclined) {
		return false, err
	}
	return true, nil
}
