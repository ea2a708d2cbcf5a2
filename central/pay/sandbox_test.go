package pay_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
)

const (
	late  = time.Second
	later = time.Minute
)

// clock is a clock that stands still until it is moved. One goroutine moves it.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.at }

// open opens a sandbox; an empty path keeps it in memory.
func open(t testing.TB, path string, c *clock, change ...func(*pay.SandboxConfig)) *pay.Sandbox {
	t.Helper()
	cfg := pay.SandboxConfig{Path: path, Late: late, Now: c.now, Logger: discard()}
	for _, f := range change {
		f(&cfg)
	}
	s, err := pay.OpenSandbox(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, errClosed) {
			t.Error(err)
		}
	})
	return s
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func request(token string) pay.Request {
	return pay.Request{Key: "k", Order: "o", Amount: 1000, Currency: "KRW", Token: token}
}

// begin must succeed.
func begin(t testing.TB, s *pay.Sandbox, token string) pay.Payment {
	t.Helper()
	p, _, err := s.Begin(t.Context(), request(token))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What each token comes to, whether it is told in Begin or in Confirm.
func TestSandboxOutcomes(t *testing.T) {
	for _, c := range []struct {
		token           string
		confirm, refund error     // of the first call
		after           pay.State // after Confirm
		later           pay.State // and a minute later
		final           pay.State // after every call was made twice
	}{
		{pay.TokenOK, nil, nil, pay.Succeeded, pay.Succeeded, pay.Refunded},
		{pay.TokenDeclined, pay.ErrDeclined, nil, pay.Failed, pay.Failed, pay.Failed},
		{pay.TokenCaptureFails, pay.ErrDeclined, nil, pay.Failed, pay.Failed, pay.Failed},
		{pay.TokenTimeout, pay.ErrTimeout, nil, pay.Authorised, pay.Authorised, pay.Authorised},
		{pay.TokenTimeoutThenOK, pay.ErrTimeout, nil, pay.Succeeded, pay.Succeeded, pay.Refunded},
		{pay.TokenRefundTimeout, nil, pay.ErrTimeout, pay.Succeeded, pay.Succeeded, pay.Refunded},
		{pay.TokenWebhookLate, nil, nil, pay.Begun, pay.Succeeded, pay.Refunded},
		{pay.TokenWebhookTwice, nil, nil, pay.Succeeded, pay.Succeeded, pay.Refunded},
		{pay.TokenWebhookNever, nil, nil, pay.Succeeded, pay.Succeeded, pay.Refunded},
	} {
		for name, steps := range map[string][2]string{"one step": {c.token, ""}, "two steps": {"", c.token}} {
			t.Run(c.token+"/"+name, func(t *testing.T) {
				ctx, clock := t.Context(), newClock()
				s := open(t, "", clock)
				r := request(steps[0])
				p, action, err := s.Begin(ctx, r)
				if want := map[bool]pay.ActionKind{true: pay.ActionToken, false: pay.ActionNone}[r.Token == ""]; err != nil || action.Kind != want {
					t.Fatalf("Begin(%+v) = %+v, %+v, %v; want action %s", r, p, action, err, want)
				}
				if again, _, err := s.Begin(ctx, r); err != nil || again != p {
					t.Errorf("second Begin(%+v) = %+v, %v; want %+v", r, again, err, p)
				}
				if _, err := s.Confirm(ctx, p.Reference, steps[1]); !errors.Is(err, c.confirm) {
					t.Errorf("Confirm: %v, want %v", err, c.confirm)
				}
				if got, err := s.Get(ctx, p.Reference); err != nil || got.State != c.after {
					t.Errorf("Get = %+v, %v; want %s", got, err, c.after)
				}
				clock.at = clock.at.Add(later)
				if got, err := s.Get(ctx, p.Reference); err != nil || got.State != c.later {
					t.Errorf("a minute later Get = %+v, %v; want %s", got, err, c.later)
				}
				again, err := s.Confirm(ctx, p.Reference, "")
				if c.later == pay.Succeeded && (err != nil || again.State != pay.Succeeded) || c.later == pay.Failed && !errors.Is(err, pay.ErrDeclined) {
					t.Errorf("second Confirm = %+v, %v; want the first outcome", again, err)
				}
				if c.later == pay.Succeeded {
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
}

// After Cancel nothing is taken, whatever comes; before it, nothing is undone.
func TestSandboxCancels(t *testing.T) {
	for _, token := range append(pay.Tokens(), "") {
		t.Run(token, func(t *testing.T) {
			ctx, clock := t.Context(), newClock()
			s := open(t, "", clock)
			p := begin(t, s, token)
			if token == pay.TokenWebhookLate { // its charge is on its way
				if _, err := s.Confirm(ctx, p.Reference, ""); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Cancel(ctx, p.Reference); err != nil || got.State != pay.Failed {
				t.Errorf("Cancel = %+v, %v; want failed", got, err)
			}
			clock.at = clock.at.Add(later)
			if got, err := s.Confirm(ctx, p.Reference, ""); !errors.Is(err, pay.ErrDeclined) {
				t.Errorf("Confirm after Cancel = %+v, %v; want ErrDeclined", got, err)
			}
			if taken, _ := s.Moved(); taken != 0 {
				t.Error("money was taken after Cancel")
			}
		})
	}
	s := open(t, "", newClock())
	p := begin(t, s, pay.TokenOK)
	if _, err := s.Confirm(t.Context(), p.Reference, ""); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Cancel(t.Context(), p.Reference); err != nil || got.State != pay.Succeeded {
		t.Errorf("Cancel of a charge = %+v, %v; want it as it is", got, err)
	}
}

func TestSandboxRefuses(t *testing.T) {
	ctx, s := t.Context(), pay.NewSandbox()
	if _, _, err := s.Begin(ctx, pay.Request{Token: "visa"}); !errors.Is(err, pay.ErrBadToken) {
		t.Errorf("Begin with a foreign token: %v, want ErrBadToken", err)
	}
	p := begin(t, s, "")
	if _, err := s.Confirm(ctx, p.Reference, ""); !errors.Is(err, pay.ErrNotAuthorised) {
		t.Errorf("Confirm without any token: %v, want ErrNotAuthorised", err)
	}
	if _, err := s.Confirm(ctx, p.Reference, "visa"); !errors.Is(err, pay.ErrBadToken) {
		t.Errorf("Confirm with a foreign token: %v, want ErrBadToken", err)
	}
	r := request("")
	r.Amount++
	if _, _, err := s.Begin(ctx, r); !errors.Is(err, pay.ErrKeyReused) {
		t.Errorf("Begin of the same key with another amount: %v, want ErrKeyReused", err)
	}
	if _, err := s.Confirm(ctx, p.Reference, pay.TokenTimeout); !errors.Is(err, pay.ErrTimeout) {
		t.Errorf("Confirm: %v, want ErrTimeout", err)
	}
	if _, err := s.Confirm(ctx, p.Reference, pay.TokenOK); !errors.Is(err, pay.ErrKeyReused) {
		t.Errorf("Confirm with another token: %v, want ErrKeyReused", err)
	}
	confirm := func(ctx context.Context, reference string) (pay.Payment, error) {
		return s.Confirm(ctx, reference, pay.TokenOK)
	}
	for name, call := range map[string]func(context.Context, string) (pay.Payment, error){"Confirm": confirm, "Cancel": s.Cancel, "Refund": s.Refund, "Get": s.Get} {
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
			p, _, err := s.Begin(ctx, request(pay.TokenOK))
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

func TestFree(t *testing.T) {
	ctx, f := t.Context(), pay.Free{}
	if _, _, err := f.Begin(ctx, request("")); !errors.Is(err, pay.ErrCurrency) {
		t.Errorf("Begin of what costs something: %v, want ErrCurrency", err)
	}
	p, action, err := f.Begin(ctx, pay.Request{Key: "k", Currency: "KRW"})
	if err != nil || action.Kind != pay.ActionNone || p.State != pay.Authorised || p.Currency != "KRW" || p.Amount != 0 {
		t.Fatalf("Begin = %+v, %+v, %v", p, action, err)
	}
	if got, err := f.Confirm(ctx, p.Reference, ""); err != nil || got.State != pay.Succeeded || got.Currency != "KRW" {
		t.Errorf("Confirm = %+v, %v; want succeeded", got, err)
	}
	if got, err := f.Refund(ctx, p.Reference); err != nil || got.State != pay.Refunded {
		t.Errorf("Refund = %+v, %v; want refunded", got, err)
	}
	if _, err := f.Get(ctx, "sandbox_1"); !errors.Is(err, pay.ErrUnknownPayment) {
		t.Errorf("Get of another's: %v, want ErrUnknownPayment", err)
	}
}
