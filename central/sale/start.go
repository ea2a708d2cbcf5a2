package sale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/con-ting/conting/central/pay"
)

// An opened payment is looked at once before its order's hold ends, in case the
// buyer allowed it and neither their browser nor a webhook came to say so.
const (
	lastChance = 20 * time.Second // before the hold ends
	firstLook  = 5 * time.Second  // after it was opened, at least
)

// Started is a payment that the buyer is asked to allow.
type Started struct {
	Payment Payment
	Action  pay.Action
}

// Providers lists the names of the payment providers, sorted.
func (s *Sale) Providers() []string { return slices.Sorted(maps.Keys(s.cfg.Providers)) }

// provider finds the one that an order is paid with. What costs nothing is paid
// with none of them.
func (s *Sale) provider(name string, amount int64) (string, pay.Provider, error) {
	p, ok := s.cfg.Providers[name]
	if name == pay.FreeName || ok && amount == 0 {
		return pay.FreeName, pay.Free{}, nil
	}
	if !ok {
		return "", nil, ErrUnknownProvider
	}
	return name, p, nil
}

// StartPayment asks a provider to take an order's money and says what the buyer's
// browser has to do, after which [Sale.ConfirmPayment] takes it. Nothing is taken
// yet and the hold runs on. Starting again is the same payment. A paid order is
// [ErrAlreadyPaid].
func (s *Sale) StartPayment(ctx context.Context, id, secret, provider string) (Started, error) {
	o, err := s.Order(ctx, id, secret)
	if err != nil {
		return Started{}, err
	}
	name, p, err := s.provider(provider, o.Amount)
	if err != nil {
		return Started{}, err
	}
	if o.State != Held || o.Expired(s.cfg.Now()) {
		return Started{}, s.notStarted(&o)
	}
	old, err := s.cfg.Store.OpenedPayment(ctx, id, name)
	if err == nil {
		return s.resume(ctx, p, old)
	}
	if !errors.Is(err, ErrUnknownPayment) {
		return Started{}, err
	}
	payment, action, err := s.begin(ctx, name, p, &o, "")
	if err != nil {
		return Started{}, err
	}
	kept, err := s.cfg.Store.OpenPayment(ctx, payment, s.due(&o))
	if err != nil || kept.ID != payment.ID {
		s.forget(ctx, p, payment) // its secret has not left this function
	}
	if errors.Is(err, ErrHoldExpired) {
		if o, err = s.cfg.Store.Order(ctx, id); err == nil {
			err = s.notStarted(&o)
		}
	}
	if err != nil {
		return Started{}, err
	}
	if kept.ID != payment.ID {
		return s.resume(ctx, p, kept)
	}
	return Started{Payment: kept, Action: action}, nil
}

// notStarted is why no payment can be started of an order that is not held.
func (s *Sale) notStarted(o *Order) error {
	if o.State == Paid {
		return ErrAlreadyPaid
	}
	_, err := s.standing(o)
	return err
}

// begin announces a payment.
func (s *Sale) begin(ctx context.Context, name string, p pay.Provider, o *Order, token string) (Payment, pay.Action, error) {
	payment := Payment{Order: o.ID, Provider: name, Amount: o.Amount, Currency: o.Currency}
	var err error
	if payment.ID, err = s.newID(); err != nil {
		return Payment{}, pay.Action{}, err
	}
	told, action, err := p.Begin(ctx, payment.request(token)) // takes nothing: if we stop here, nothing has happened
	if err != nil {
		return Payment{}, pay.Action{}, announced(err)
	}
	payment.Reference = told.Reference
	return payment, action, nil
}

// announced is the error of a Begin: if its answer was lost, so was nothing else.
func announced(err error) error {
	for _, known := range []error{pay.ErrDeclined, pay.ErrKeyReused, pay.ErrBadToken, pay.ErrCurrency, context.Canceled} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", pay.ErrUnavailable, err)
}

func (p *Payment) request(token string) pay.Request {
	return pay.Request{Key: p.ID, Order: p.Order, Amount: p.Amount, Currency: p.Currency, Token: token}
}

// resume says again what the buyer of an opened payment has to do.
func (s *Sale) resume(ctx context.Context, p pay.Provider, payment Payment) (Started, error) {
	told, action, err := p.Begin(ctx, payment.request(""))
	if err != nil {
		return Started{}, announced(err)
	}
	if told.Reference != payment.Reference {
		return Started{}, fmt.Errorf("payment %s: the provider made another of its key", payment.ID)
	}
	return Started{Payment: payment, Action: action}, nil
}

// due is when an opened payment is looked at if nobody reports.
func (s *Sale) due(o *Order) time.Time {
	earliest, latest := s.cfg.Now().Add(firstLook), o.Expires.Add(-lastChance)
	if latest.Before(earliest) {
		return earliest
	}
	return latest
}

// ConfirmPayment takes the money of a payment that the buyer has allowed, and
// returns the order with its tickets. Token is what the provider's form returned,
// where it returns one. If the hold has run out nothing is taken, and what the buyer
// allowed is given up. Confirming again is confirming once. Errors are those of
// [Sale.Pay] and [ErrUnknownPayment].
func (s *Sale) ConfirmPayment(ctx context.Context, id, secret, payment, token string) (Order, error) {
	o, mine, p, err := s.paymentOf(ctx, id, secret, payment)
	if err != nil {
		return Order{}, err
	}
	switch {
	case mine.State == PaymentFailed && o.State == Held:
		return Order{}, pay.ErrDeclined
	case mine.State != PaymentOpened:
		return s.standing(&o)
	}
	if token == "" { // else the provider cannot know yet
		if err := s.allowed(ctx, p, mine); err != nil {
			return Order{}, err
		}
	}
	return s.take(ctx, p, mine, token, &o)
}

// allowed returns nil if the buyer has allowed the charge of an opened payment.
func (s *Sale) allowed(ctx context.Context, p pay.Provider, payment Payment) error {
	told, err := p.Get(ctx, payment.Reference)
	switch {
	case errors.Is(err, pay.ErrUnknownPayment), err == nil && told.State == pay.Failed:
		return errors.Join(pay.ErrDeclined, s.cfg.Store.FailPayment(ctx, payment.ID))
	case err != nil:
		return fmt.Errorf("%w: %w", ErrPaymentPending, err)
	case told.State == pay.Begun:
		return pay.ErrNotAuthorised
	}
	return nil
}

// CancelPayment gives up a payment that the buyer was asked to allow; what they
// allowed is given up with it. The order stays held.
func (s *Sale) CancelPayment(ctx context.Context, id, secret, payment string) (Order, error) {
	o, mine, p, err := s.paymentOf(ctx, id, secret, payment)
	if err != nil {
		return Order{}, err
	}
	switch {
	case mine.State == PaymentFailed:
		return o, nil
	case mine.State != PaymentOpened:
		return s.standing(&o)
	}
	if err := s.release(ctx, p, mine); err != nil {
		return Order{}, err
	}
	return s.cfg.Store.Order(ctx, id)
}

// paymentOf finds a payment of an order for whoever has the order's secret.
func (s *Sale) paymentOf(ctx context.Context, id, secret, payment string) (Order, Payment, pay.Provider, error) {
	o, err := s.Order(ctx, id, secret)
	if err != nil {
		return Order{}, Payment{}, nil, err
	}
	mine, err := s.cfg.Store.Payment(ctx, payment)
	if err == nil && mine.Order != o.ID {
		err = ErrUnknownPayment
	}
	if err != nil {
		return Order{}, Payment{}, nil, err
	}
	_, p, err := s.provider(mine.Provider, mine.Amount)
	return o, mine, p, err
}
