package stripe_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/pay/stripe"
)

const (
	secretKey      = "sk_test_secret"
	publishableKey = "pk_test_public"
	webhookSecret  = "whsec_test"
)

// signedAt is when the test's webhooks are signed, and what its clock says.
const signedAt = 1_700_000_000

func config(address string) stripe.Config {
	return stripe.Config{
		SecretKey: secretKey, PublishableKey: publishableKey, WebhookSecrets: []string{webhookSecret},
		URL: address, Timeout: time.Minute, Now: func() time.Time { return time.Unix(signedAt, 0) },
	}
}

func open(t testing.TB, address string) *stripe.Stripe {
	t.Helper()
	s, err := stripe.New(t.Context(), config(address))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(key string) pay.Request {
	return pay.Request{Key: key, Order: "order1", Amount: 165_000, Currency: "KRW"}
}

func begin(t testing.TB, s *stripe.Stripe) pay.Payment {
	t.Helper()
	p, _, err := s.Begin(t.Context(), request("key"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*stripe.Config){
		"no secret key":        func(c *stripe.Config) { c.SecretKey = "" },
		"publishable for it":   func(c *stripe.Config) { c.SecretKey = publishableKey },
		"key of two lines":     func(c *stripe.Config) { c.SecretKey += "\r\nX: y" },
		"secret in the open":   func(c *stripe.Config) { c.PublishableKey = secretKey },
		"live with test":       func(c *stripe.Config) { c.SecretKey = "sk_live_secret" },
		"no webhook secret":    func(c *stripe.Config) { c.WebhookSecrets = nil },
		"empty webhook secret": func(c *stripe.Config) { c.WebhookSecrets = []string{""} },
		"plain HTTP":           func(c *stripe.Config) { c.URL = "http://api.stripe.com" },
		"host like loopback":   func(c *stripe.Config) { c.URL = "http://127.0.0.1.example.com" },
		"user in the address":  func(c *stripe.Config) { c.URL = "https://a:b@api.stripe.com" },
		"no clock":             func(c *stripe.Config) { c.Now = nil },
	} {
		c := config("")
		change(&c)
		if _, err := stripe.New(t.Context(), c); err == nil {
			t.Errorf("%s: New took it", name)
		} else if strings.Contains(err.Error(), "secret\r") || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: the error has the key: %v", name, err)
		}
	}
	if s, err := stripe.New(t.Context(), config("")); err != nil || s.Live() {
		t.Errorf("New = live %t, %v; want a test account", s.Live(), err)
	}
}

func TestPayment(t *testing.T) {
	ctx, f := t.Context(), newFake(t)
	s := open(t, f.url)
	p, action, err := s.Begin(ctx, request("key"))
	if err != nil || p.State != pay.Begun || p.Amount != 165_000 || p.Currency != "KRW" ||
		action.Kind != pay.ActionScript || action.Secret == "" || action.Fields["publishable_key"] != publishableKey {
		t.Fatalf("Begin = %+v, %+v, %v", p, action, err)
	}
	if i := f.one(p.Reference); i.metadata["order"] != "order1" || i.metadata["payment"] != "key" || i.currency != "krw" {
		t.Errorf("Stripe has %+v", i)
	}
	again, sameAction, err := s.Begin(ctx, request("key"))
	if err != nil || again != p || sameAction.Secret != action.Secret {
		t.Errorf("second Begin = %+v, %+v, %v; want the first", again, sameAction, err)
	}
	more := request("key")
	more.Amount++
	if _, _, err := s.Begin(ctx, more); !errors.Is(err, pay.ErrKeyReused) {
		t.Errorf("Begin of the same key for more: %v, want ErrKeyReused", err)
	}
	if _, err := s.Confirm(ctx, p.Reference, ""); !errors.Is(err, pay.ErrNotAuthorised) {
		t.Errorf("Confirm before the buyer allowed it: %v, want ErrNotAuthorised", err)
	}
	if _, err := s.Confirm(ctx, p.Reference, "tok_visa"); !errors.Is(err, pay.ErrBadToken) {
		t.Errorf("Confirm with a token: %v, want ErrBadToken", err)
	}
}

func TestCapture(t *testing.T) {
	ctx, f := t.Context(), newFake(t)
	s := open(t, f.url)
	p := begin(t, s)
	f.authorise(p.Reference)
	if got, err := s.Get(ctx, p.Reference); err != nil || got.State != pay.Authorised {
		t.Errorf("Get = %+v, %v; want authorised", got, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := s.Confirm(ctx, p.Reference, ""); err != nil || got.State != pay.Succeeded || got.Amount != 165_000 {
				t.Errorf("Confirm = %+v, %v; want succeeded", got, err)
			}
		})
	}
	wg.Wait()
	if i := f.one(p.Reference); i.captures != 1 {
		t.Errorf("captured %d times, want once", i.captures)
	}
	if got, err := s.Cancel(ctx, p.Reference); err != nil || got.State != pay.Succeeded {
		t.Errorf("Cancel of a charge = %+v, %v; want it as it is", got, err)
	}
}

func TestCancelIsForGood(t *testing.T) {
	for _, status := range []string{"requires_payment_method", "requires_action", "requires_capture", "canceled"} {
		ctx, f := t.Context(), newFake(t)
		s := open(t, f.url)
		p := begin(t, s)
		f.set(p.Reference, status)
		if got, err := s.Cancel(ctx, p.Reference); err != nil || got.State != pay.Failed {
			t.Errorf("Cancel of %s = %+v, %v; want failed", status, got, err)
		}
		if got, err := s.Confirm(ctx, p.Reference, ""); !errors.Is(err, pay.ErrDeclined) {
			t.Errorf("Confirm after Cancel = %+v, %v; want ErrDeclined", got, err)
		}
	}
	f := newFake(t)
	s := open(t, f.url)
	p := begin(t, s)
	f.set(p.Reference, "processing") // the bank is at it
	if got, err := s.Cancel(t.Context(), p.Reference); err != nil || got.State != pay.Begun {
		t.Errorf("Cancel of a payment under way = %+v, %v; want begun: nothing is certain", got, err)
	}
}

// Whatever becomes of an answer, asking again ends where it should, once.
func TestLostAnswers(t *testing.T) {
	for _, last := range []string{"payment_intents", "capture", "cancel", "refunds"} {
		for name, fault := range map[string]func(*fake, int){
			"answer lost": func(f *fake, n int) { f.lose[last] = n },
			"status 500":  func(f *fake, n int) { f.break5xx[last] = n },
		} {
			t.Run(last+"/"+name, func(t *testing.T) {
				ctx, f := t.Context(), newFake(t)
				s := open(t, f.url)
				try := func(what string, call func() error) {
					t.Helper()
					if err := call(); err != nil && !strings.Contains(what, last) {
						t.Errorf("%s: %v", what, err)
					} else if errors.Is(err, pay.ErrDeclined) || errors.Is(err, pay.ErrUnknownPayment) {
						t.Errorf("%s: %v; nothing is known of it", what, err)
					}
				}
				f.mu.Lock()
				fault(f, 1)
				f.mu.Unlock()
				if last == "payment_intents" { // Begin alone is asked again with its key, whatever comes
					if _, _, err := s.Begin(ctx, request("key")); err == nil {
						t.Fatal("the fault did nothing")
					}
					p, _, err := s.Begin(ctx, request("key"))
					if name == "answer lost" && (err != nil || p.Reference != "pi_1" || len(f.intents) != 1) {
						t.Errorf("second Begin = %+v, %v; want the first payment", p, err)
					}
					return
				}
				p := begin(t, s)
				f.authorise(p.Reference)
				if last == "cancel" {
					try("cancel", func() error { _, err := s.Cancel(ctx, p.Reference); return err })
					if got, err := s.Cancel(ctx, p.Reference); err != nil || got.State != pay.Failed {
						t.Errorf("second Cancel = %+v, %v; want failed", got, err)
					}
					return
				}
				try("capture", func() error { _, err := s.Confirm(ctx, p.Reference, ""); return err })
				if got, err := s.Confirm(ctx, p.Reference, ""); err != nil || got.State != pay.Succeeded {
					t.Errorf("second Confirm = %+v, %v; want succeeded", got, err)
				}
				try("refunds", func() error { _, err := s.Refund(ctx, p.Reference); return err })
				if got, err := s.Refund(ctx, p.Reference); err != nil || got.State != pay.Refunded {
					t.Errorf("second Refund = %+v, %v; want refunded", got, err)
				}
				if i := f.one(p.Reference); i.captures != 1 || len(i.refunds) != 1 {
					t.Errorf("captured %d times, refunded %d times; want once each", i.captures, len(i.refunds))
				}
			})
		}
	}
}

// Money that the buyer's bank sends back is due again, and is returned again.
func TestRefundThatFails(t *testing.T) {
	ctx, f := t.Context(), newFake(t)
	s := open(t, f.url)
	p := begin(t, s)
	if _, err := s.Refund(ctx, p.Reference); err == nil {
		t.Error("a payment that was not taken was refunded")
	}
	f.authorise(p.Reference)
	if _, err := s.Confirm(ctx, p.Reference, ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := s.Refund(ctx, p.Reference); err != nil || got.State != pay.Refunded {
			t.Errorf("Refund = %+v, %v; want refunded", got, err)
		}
	}
	f.mu.Lock()
	f.intents[p.Reference].refunds[0] = "failed"
	f.mu.Unlock()
	if got, err := s.Get(ctx, p.Reference); err != nil || got.State != pay.Succeeded {
		t.Errorf("after the refund failed Get = %+v, %v; want succeeded", got, err)
	}
	if got, err := s.Refund(ctx, p.Reference); err != nil || got.State != pay.Refunded || len(f.one(p.Reference).refunds) != 2 {
		t.Errorf("Refund again = %+v, %v; want a second one", got, err)
	}
}

func TestUnknownReference(t *testing.T) {
	ctx, f := t.Context(), newFake(t)
	s := open(t, f.url)
	confirm := func(ctx context.Context, reference string) (pay.Payment, error) {
		return s.Confirm(ctx, reference, "")
	}
	for name, call := range map[string]func(context.Context, string) (pay.Payment, error){"Confirm": confirm, "Cancel": s.Cancel, "Refund": s.Refund, "Get": s.Get} {
		for _, reference := range []string{"pi_none", "", "pi_", "ch_1", "pi_1/../../v1/accounts", "pi_1?x=y", "pi_1%2F", "pi_" + strings.Repeat("x", 300)} {
			if _, err := call(ctx, reference); !errors.Is(err, pay.ErrUnknownPayment) {
				t.Errorf("%s(%q): %v, want ErrUnknownPayment", name, reference, err)
			}
		}
	}
	for _, c := range f.calls {
		if !strings.Contains(c, "pi_none") {
			t.Errorf("Stripe was asked %q", c)
		}
	}
}

func TestCurrencies(t *testing.T) {
	f := newFake(t)
	s := open(t, f.url)
	for _, c := range []struct {
		amount   int64
		currency string
		sent     int64 // 0 if it is refused
	}{
		{165_000, "KRW", 165_000},
		{1_099, "USD", 1_099},
		{500, "ISK", 50_000},
		{12_340, "KWD", 12_340},
		{12_345, "KWD", 0},
		{1_000, "MGA", 0},
		{0, "KRW", 0},
		{-1, "KRW", 0},
		{1, "KRW", 0}, // Stripe's own least amount
		{1 << 62, "ISK", 0},
		{1_000, "krw", 0},
		{1_000, "K&W", 0},
	} {
		r := pay.Request{Key: c.currency + "-" + time.Duration(c.amount).String(), Order: "o", Amount: c.amount, Currency: c.currency}
		p, _, err := s.Begin(t.Context(), r)
		switch {
		case c.sent == 0:
			if !errors.Is(err, pay.ErrCurrency) {
				t.Errorf("Begin(%d %s) = %+v, %v; want ErrCurrency", c.amount, c.currency, p, err)
			}
		case err != nil || p.Amount != c.amount || p.Currency != c.currency || f.one(p.Reference).amount != c.sent:
			t.Errorf("Begin(%d %s) = %+v, %v; Stripe has %d, want %d", c.amount, c.currency, p, err, f.one(p.Reference).amount, c.sent)
		}
	}
}

// The key goes to Stripe's address and nowhere else, and into no error.
func TestKeyStaysHere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed: %s with key %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	f := newFake(t)
	s := open(t, f.url)
	p := begin(t, s)
	f.redirect = elsewhere.URL
	if _, err := s.Get(t.Context(), p.Reference); err == nil {
		t.Error("a redirect was taken for an answer")
	}
	f.redirect = ""
	wrong := config(f.url)
	wrong.SecretKey = "sk_test_wrong"
	other, err := stripe.New(t.Context(), wrong)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Get(t.Context(), p.Reference)
	var e *stripe.Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		t.Errorf("with a wrong key: %v, want status 401", err)
	}
	f.authorise(p.Reference)
	f.set(p.Reference, "nonsense")
	_, err2 := s.Confirm(t.Context(), p.Reference, "")
	for _, err := range []error{err, err2} {
		for _, secret := range []string{"sk_", "whsec_", "_secret_", "Kim"} {
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("error %q has %q", err, secret)
			}
		}
	}
}

// What is not Stripe says nothing.
func TestStrangeAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"empty":        "",
		"page":         "<html>",
		"list":         "[]",
		"other object": `{"object":"charge","id":"pi_1","status":"succeeded","amount":1,"currency":"krw"}`,
		"no id":        `{"object":"payment_intent","status":"canceled","amount":1,"currency":"krw"}`,
		"new state":    `{"object":"payment_intent","id":"pi_1","status":"pondering","amount":1,"currency":"krw"}`,
		"endless":      strings.Repeat(" ", 2<<20),
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(answer)); err != nil {
				t.Log(err)
			}
		}))
		s := open(t, srv.URL)
		if got, err := s.Get(t.Context(), "pi_1"); err == nil || errors.Is(err, pay.ErrUnknownPayment) {
			t.Errorf("%s: Get = %+v, %v; want an error that leaves everything open", name, got, err)
		}
		if got, err := s.Cancel(t.Context(), "pi_1"); err == nil || errors.Is(err, pay.ErrUnknownPayment) {
			t.Errorf("%s: Cancel = %+v, %v; want an error that leaves everything open", name, got, err)
		}
		srv.Close()
	}
}
