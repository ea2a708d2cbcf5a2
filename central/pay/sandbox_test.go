package pay_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/pay"
)

func TestSandboxOutcomes(t *testing.T) {
	for _, c := range []struct {
		token           string
		confirm, refund error // of the first call
		state           pay.State
		final           pay.State // after every call was made twice
	}{
		{pay.TokenOK, nil, nil, pay.Succeeded, pay.Refunded},
		{pay.TokenDeclined, pay.ErrDeclined, nil, pay.Failed, pay.Failed},
		{pay.TokenTimeoutThenOK, pay.ErrTimeout, nil, pay.Succeeded, pay.Refunded},
		{pay.TokenRefundTimeout, nil, pay.ErrTimeout, pay.Succeeded, pay.Refunded},
	} {
		t.Run(c.token, func(t *testing.T) {
			ctx, s := t.Context(), pay.NewSandbox()
			r := pay.Request{Key: "k", Order: "o", Amount: 1000, Currency: "KRW", Token: c.token}
			p, _, err := s.Begin(ctx, r)
			if err != nil || p.State != pay.Begun {
				t.Fatalf("Begin(%+v) = %+v, %v; want begun", r, p, err)
			}
			if again, _, err := s.Begin(ctx, r); err != nil || again != p {
				t.Errorf("second Begin(%+v) = %+v, %v; want %+v", r, again, err, p)
			}
			if _, err := s.Confirm(ctx, p.Reference, ""); !errors.Is(err, c.confirm) {
				t.Errorf("Confirm: %v, want %v", err, c.confirm)
			}
			if got, err := s.Get(ctx, p.Reference); err != nil || got.State != c.state {
				t.Errorf("Get = %+v, %v; want %s", got, err, c.state)
			}
			again, err := s.Confirm(ctx, p.Reference, "")
			if c.state == pay.Succeeded && (err != nil || again.State != pay.Succeeded) || c.state == pay.Failed && !errors.Is(err, pay.ErrDeclined) {
				t.Errorf("second Confirm = %+v, %v; want the first outcome", again, err)
			}
			if c.state == pay.Succeeded {
				if _, err := s.Refund(ctx, p.Reference); !errors.Is(err, c.refund) {
					t.Errorf("Refund: %v, want %v", err, c.refund)
				}
			}
			_, err = s.Refund(ctx, p.Reference)
			if (err == nil) != (c.final == pay.Refunded) {
				t.Errorf("second Refund: %v", err)
			}
			if got, err := s.Get(ctx, p.Reference); err != nil || got.State != c.final {
				t.Errorf("Get = %+v, %v; want %s", got, err, c.final)
			}
			if taken, returned := s.Moved(); taken > 1 || returned > taken {
				t.Errorf("taken %d times, returned %d times", taken, returned)
			}
		})
	}
}

func TestSandboxRefuses(t *testing.T) {
	ctx, s := t.Context(), pay.NewSandbox()
	r := pay.Request{Key: "k", Amount: 1000, Currency: "KRW", Token: pay.TokenOK}
	if _, _, err := s.Begin(ctx, pay.Request{Token: "visa"}); !errors.Is(err, pay.ErrBadToken) {
		t.Errorf("Begin with a foreign token: %v, want ErrBadToken", err)
	}
	if _, _, err := s.Begin(ctx, r); err != nil {
		t.Fatal(err)
	}
	r.Amount++
	if _, _, err := s.Begin(ctx, r); !errors.Is(err, pay.ErrKeyReused) {
		t.Errorf("Begin of the same key with another amount: %v, want ErrKeyReused", err)
	}
	for name, call := range map[string]func(context.Context, string) (pay.Payment, error){"Cancel": s.Cancel, "Refund": s.Refund, "Get": s.Get} {
		if _, err := call(ctx, "sandbox_none"); !errors.Is(err, pay.ErrUnknownPayment) {
			t.Errorf("%s of nothing: %v, want ErrUnknownPayment", name, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := s.Begin(gone, r); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin after cancel: %v, want context.Canceled", err)
	}
}

func TestSandboxChargesOnce(t *testing.T) {
	ctx, s := t.Context(), pay.NewSandbox()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			p, _, err := s.Begin(ctx, pay.Request{Key: "k", Amount: 1, Currency: "KRW", Token: pay.TokenOK})
			if err == nil {
				_, err = s.Confirm(ctx, p.Reference, "")
			}
			if err != nil {
				t.Errorf("pay: %v", err)
			}
		})
	}
	wg.Wait()
	if taken, _ := s.Moved(); taken != 1 {
		t.Errorf("32 confirmations of one key took money %d times, want once", taken)
	}
}
