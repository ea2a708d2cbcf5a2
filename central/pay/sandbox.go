package pay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// Tokens that the sandbox understands. Each always ends the same way.
const (
	TokenOK            = "ok"              // taken at once
	TokenDeclined      = "declined"        // refused
	TokenTimeoutThenOK = "timeout-then-ok" // #nosec G101 -- Confirm's answer is lost though the money is taken
	TokenRefundTimeout = "refund-timeout"  // #nosec G101 -- taken at once; the first Refund's answer is lost and nothing went back
)

// ErrTimeout is the sandbox's lost answer: the outcome is unknown to the caller.
var ErrTimeout = errors.New("payment service did not answer in time")

// maxSandbox bounds the sandbox's memory.
const maxSandbox = 1 << 20

// Sandbox is a provider that moves no money and forgets everything when the
// process ends. It is safe for concurrent use.
type Sandbox struct {
	mu       sync.Mutex
	payments map[string]*sandboxPayment // by reference; guarded by mu
}

type sandboxPayment struct {
	Payment
	token    string
	refunds  int // asked for, so that the first can fail
	charges  int // times that money was taken; never above one
	returned int // times that money was returned; never above one
}

// NewSandbox returns an empty sandbox.
func NewSandbox() *Sandbox { return &Sandbox{payments: make(map[string]*sandboxPayment)} }

// Begin implements [Provider]. The reference derives from the key alone.
func (s *Sandbox) Begin(ctx context.Context, r Request) (Payment, Action, error) {
	if err := ctx.Err(); err != nil {
		return Payment{}, Action{}, err
	}
	switch r.Token {
	case TokenOK, TokenDeclined, TokenTimeoutThenOK, TokenRefundTimeout:
	default:
		return Payment{}, Action{}, fmt.Errorf("sandbox knows %q, %q, %q and %q: %w",
			TokenOK, TokenDeclined, TokenTimeoutThenOK, TokenRefundTimeout, ErrBadToken)
	}
	sum := sha256.Sum256([]byte(r.Key))
	reference := "sandbox_" + hex.EncodeToString(sum[:12])
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.payments[reference]; ok {
		if p.Amount != r.Amount || p.Currency != r.Currency || p.token != r.Token {
			return Payment{}, Action{}, ErrKeyReused
		}
		return p.Payment, Action{Kind: ActionNone}, nil
	}
	if len(s.payments) >= maxSandbox {
		return Payment{}, Action{}, fmt.Errorf("sandbox holds %d payments: restart central", maxSandbox)
	}
	p := &sandboxPayment{token: r.Token}
	p.Payment = Payment{Reference: reference, State: Begun, Amount: r.Amount, Currency: r.Currency}
	s.payments[reference] = p
	return p.Payment, Action{Kind: ActionNone}, nil
}

// Confirm implements [Provider].
func (s *Sandbox) Confirm(ctx context.Context, reference, _ string) (Payment, error) {
	return s.change(ctx, reference, func(p *sandboxPayment) error {
		switch {
		case p.State == Failed:
			return ErrDeclined
		case p.State != Begun:
			return nil // confirmed before
		case p.token == TokenDeclined:
			p.State = Failed
			return ErrDeclined
		}
		p.State, p.charges = Succeeded, p.charges+1
		if p.token == TokenTimeoutThenOK {
			return ErrTimeout
		}
		return nil
	})
}

// Cancel implements [Provider].
func (s *Sandbox) Cancel(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, func(p *sandboxPayment) error {
		if p.State == Begun {
			p.State = Failed
		}
		return nil
	})
}

// Webhook implements [Provider]. The sandbox sends none.
func (s *Sandbox) Webhook(context.Context, http.Header, []byte) (Notice, error) {
	return Notice{}, ErrForged
}

// Refund implements [Provider].
func (s *Sandbox) Refund(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, func(p *sandboxPayment) error {
		switch p.State {
		case Refunded:
			return nil
		case Begun, Failed:
			return fmt.Errorf("refund of a payment that is %s", p.State)
		case Succeeded:
		}
		if p.refunds++; p.token == TokenRefundTimeout && p.refunds == 1 {
			return ErrTimeout
		}
		p.State, p.returned = Refunded, p.returned+1
		return nil
	})
}

// Get implements [Provider].
func (s *Sandbox) Get(ctx context.Context, reference string) (Payment, error) {
	return s.change(ctx, reference, func(*sandboxPayment) error { return nil })
}

func (s *Sandbox) change(ctx context.Context, reference string, f func(*sandboxPayment) error) (Payment, error) {
	if err := ctx.Err(); err != nil {
		return Payment{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.payments[reference]
	if !ok {
		return Payment{}, fmt.Errorf("%q: %w", reference, ErrUnknownPayment)
	}
	if err := f(p); err != nil {
		return Payment{}, err
	}
	return p.Payment, nil
}

// Moved says how often money was taken and returned, over all payments.
func (s *Sandbox) Moved() (taken, returned int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payments {
		taken += p.charges
		returned += p.returned
	}
	return taken, returned
}
