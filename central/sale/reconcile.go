package sale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	settleEvery = 5 * time.Second // how often Run looks
	settleBatch = 64              // payments that are taken from the store at once
	settleLanes = 8               // of which so many are asked about at a time
	settleEach  = 30 * time.Second
	settleLong  = 12 // a person should look at what is open after so many times
)

// Run reconciles until the context ends and returns its error. Several processes may,
// but one is enough.
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

// Reconcile finishes what a crash, a lost answer, a webhook that never came or a
// provider's outage left open: it asks the provider about payments that are due,
// takes or gives up what the buyer has allowed, and returns money that is due. A
// payment is due 30 seconds after it began, shortly before its order's hold ends if
// it did not begin, and then less and less often. Reconcile returns how many payments
// it ended.
func (s *Sale) Reconcile(ctx context.Context) (ended int, err error) {
	var errs []error
	for {
		due, err := s.cfg.Store.Unsettled(ctx, settleBatch)
		if err != nil {
			return ended, errors.Join(append(errs, err)...)
		}
		n, err := s.reconcileAll(ctx, due)
		ended += n
		errs = append(errs, err)
		if len(due) < settleBatch {
			return ended, errors.Join(errs...)
		}
	}
}

func (s *Sale) reconcileAll(ctx context.Context, due []Payment) (ended int, err error) {
	var (
		lanes = make(chan struct{}, settleLanes)
		wait  sync.WaitGroup
		mu    sync.Mutex // guards ended and errs
		errs  []error
	)
	for _, payment := range due {
		lanes <- struct{}{}
		wait.Go(func() {
			defer func() { <-lanes }()
			ctx, cancel := context.WithTimeout(ctx, settleEach)
			defer cancel()
			err := s.reconcile(ctx, payment)
			if err != nil && !settled(err) && payment.State != PaymentOpened && payment.Tries >= settleLong {
				s.cfg.Logger.WarnContext(ctx, "payment stays open", slog.String("payment", payment.ID), slog.String("provider", payment.Provider),
					slog.String("reference", payment.Reference), slog.String("state", string(payment.State)), slog.Int("tries", payment.Tries))
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case settled(err):
				ended++
			case !errors.Is(err, ErrPaymentPending) || errors.Is(err, errWrongAmount):
				errs = append(errs, fmt.Errorf("payment %s: %w", payment.ID, err))
			}
		})
	}
	wait.Wait()
	return ended, errors.Join(errs...)
}
