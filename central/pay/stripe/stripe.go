// Package stripe takes payments with Stripe: PaymentIntents with manual capture, so
// that the buyer's bank authorises in the browser, and nothing is taken until the
// shop, which still has the place, captures.
//
// It is a thin client of the five calls that this needs, in one pinned version of
// Stripe's API; Stripe's own library is some hundred times its size and would be
// compiled into every central. It never sees a card: Stripe's script in the buyer's
// browser does. It keeps no state, retries nothing and knows no orders.
//
// Stripe is trusted to say what became of a payment, and its TLS certificate to be
// Stripe. Whoever posts to the webhook is not: the signature is checked, and what a
// genuine message says of states and amounts is left unread. The secret key leaves
// this process for Stripe's address alone; redirects are not followed. Neither keys
// nor client secrets nor Stripe's messages, which may name a buyer, are logged or put
// into errors: these have Stripe's codes and its request id.
//
// It was tried against stripe-mock, which checks the shape of requests, and against
// a stand-in with the documented states; not against live cards.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/con-ting/conting/central/pay"
)

// Name is what the provider is called where providers have names.
const Name = "stripe"

// Version is the version of Stripe's API that this package speaks.
const Version = "2026-08-26.dahlia"

// URL is where Stripe's API is.
const URL = "https://api.stripe.com"

// DefaultTimeout is how long one call may take.
const DefaultTimeout = 8 * time.Second

// maxSecrets is how many webhook secrets may be in force at once.
const maxSecrets = 4

// Config is what Stripe's dashboard gave. Everything but URL, Transport and Timeout
// is required.
type Config struct {
	SecretKey      string // sk_… or a restricted rk_… that may read and write PaymentIntents and Refunds
	PublishableKey string // pk_…, which buyers' browsers get

	// WebhookSecrets are the whsec_… of the endpoint; two while one is replaced.
	WebhookSecrets []string

	// URL is another address than [URL]; plain HTTP only on loopback, for tests.
	URL string

	Transport http.RoundTripper // nil means http.DefaultTransport
	Timeout   time.Duration     // of one call; zero means DefaultTimeout
	Now       func() time.Time
}

// Stripe is a provider. It is safe for concurrent use and starts no goroutine.
type Stripe struct {
	cfg  Config
	base string
	http *http.Client
	live bool
}

var _ pay.Provider = (*Stripe)(nil)

// New checks the configuration; it asks Stripe nothing.
func New(_ context.Context, cfg Config) (*Stripe, error) {
	if cfg.URL == "" {
		cfg.URL = URL
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	s := &Stripe{cfg: cfg, base: strings.TrimSuffix(cfg.URL, "/"), live: strings.Contains(cfg.SecretKey, "_live_")}
	switch {
	case cfg.Now == nil:
		return nil, errors.New("stripe: now is required")
	case !strings.HasPrefix(cfg.SecretKey, "sk_") && !strings.HasPrefix(cfg.SecretKey, "rk_") || strings.ContainsAny(cfg.SecretKey, " \r\n"):
		return nil, errors.New("stripe: the secret key is not sk_… or rk_…")
	case !strings.HasPrefix(cfg.PublishableKey, "pk_") || strings.ContainsAny(cfg.PublishableKey, " \r\n"):
		return nil, errors.New("stripe: the publishable key is not pk_…")
	case s.live != strings.Contains(cfg.PublishableKey, "_live_"):
		return nil, errors.New("stripe: one of secret and publishable key is for live payments, the other for tests")
	case len(cfg.WebhookSecrets) == 0 || len(cfg.WebhookSecrets) > maxSecrets:
		return nil, fmt.Errorf("stripe: %d webhook secrets, want 1 to %d", len(cfg.WebhookSecrets), maxSecrets)
	case !safe(cfg.URL):
		return nil, fmt.Errorf("stripe: %q is neither https nor on loopback", cfg.URL)
	}
	for _, secret := range cfg.WebhookSecrets {
		if !strings.HasPrefix(secret, "whsec_") || strings.ContainsAny(secret, " \r\n") {
			return nil, errors.New("stripe: a webhook secret is not whsec_…")
		}
	}
	s.http = &http.Client{
		Transport: cfg.Transport, Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

func safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && ip.IsLoopback()
}

// Live reports whether real money moves.
func (s *Stripe) Live() bool { return s.live }

// Begin implements [pay.Provider].
func (s *Stripe) Begin(ctx context.Context, r pay.Request) (pay.Payment, pay.Action, error) {
	if r.Token != "" {
		return pay.Payment{}, pay.Action{}, pay.ErrBadToken
	}
	amount, err := toStripe(r.Amount, r.Currency)
	if err != nil {
		return pay.Payment{}, pay.Action{}, err
	}
	form := url.Values{
		"amount":                             {amount},
		"currency":                           {strings.ToLower(r.Currency)},
		"capture_method":                     {"manual"},
		"automatic_payment_methods[enabled]": {"true"},
		"description":                        {"Order " + r.Order},
		"metadata[order]":                    {r.Order},
		"metadata[payment]":                  {r.Key},
	}
	var i intent
	if err := s.post(ctx, "/v1/payment_intents", "begin-"+r.Key, form, &i); err != nil {
		return pay.Payment{}, pay.Action{}, err
	}
	p, err := i.payment()
	if err != nil {
		return pay.Payment{}, pay.Action{}, err
	}
	if p.Amount != r.Amount || p.Currency != r.Currency {
		return pay.Payment{}, pay.Action{}, pay.ErrKeyReused
	}
	return p, pay.Action{Kind: pay.ActionScript, Secret: i.ClientSecret, Fields: map[string]string{"publishable_key": s.cfg.PublishableKey}}, nil
}

// Confirm implements [pay.Provider]: it captures.
func (s *Stripe) Confirm(ctx context.Context, reference, token string) (pay.Payment, error) {
	if token != "" {
		return pay.Payment{}, pay.ErrBadToken
	}
	path, err := intentPath(reference)
	if err != nil {
		return pay.Payment{}, err
	}
	var i intent
	err = s.postAgain(ctx, path+"/capture", "capture-"+reference, nil, &i)
	if err == nil {
		return i.payment()
	}
	p, err := s.instead(ctx, reference, err)
	if err != nil {
		return pay.Payment{}, err
	}
	switch p.State {
	case pay.Begun:
		return pay.Payment{}, pay.ErrNotAuthorised
	case pay.Failed:
		return pay.Payment{}, pay.ErrDeclined
	case pay.Authorised:
		return pay.Payment{}, errors.New("stripe: it refuses to capture what it calls capturable")
	case pay.Succeeded, pay.Refunded:
	}
	return p, nil
}

// Cancel implements [pay.Provider]: what the buyer's bank has authorised is released.
func (s *Stripe) Cancel(ctx context.Context, reference string) (pay.Payment, error) {
	path, err := intentPath(reference)
	if err != nil {
		return pay.Payment{}, err
	}
	var i intent
	err = s.postAgain(ctx, path+"/cancel", "cancel-"+reference, url.Values{"cancellation_reason": {"abandoned"}}, &i)
	if err == nil {
		return i.payment()
	}
	return s.instead(ctx, reference, err)
}

// Refund implements [pay.Provider].
func (s *Stripe) Refund(ctx context.Context, reference string) (pay.Payment, error) {
	i, err := s.get(ctx, reference)
	if err != nil {
		return pay.Payment{}, err
	}
	p, err := i.payment()
	if err != nil || p.State == pay.Refunded {
		return p, err
	}
	if p.State != pay.Succeeded {
		return pay.Payment{}, fmt.Errorf("stripe: refund of a payment that is %s", p.State)
	}
	// One that failed, because the buyer's account is closed, may be tried again;
	// two of these at once are one.
	var r refund
	if err := s.refund(ctx, reference, i.refunds(), &r); err != nil {
		return s.instead(ctx, reference, err)
	}
	switch r.Status {
	case "pending", "succeeded", "requires_action":
		p.State = pay.Refunded
		return p, nil
	}
	return pay.Payment{}, fmt.Errorf("stripe: a refund is %q", printable(r.Status))
}

// refund asks for the refund that follows as many others.
func (s *Stripe) refund(ctx context.Context, reference string, others int, r *refund) error {
	key := fmt.Sprintf("refund-%s-%d", reference, others)
	return s.postAgain(ctx, "/v1/refunds", key, url.Values{"payment_intent": {reference}}, r)
}

// Get implements [pay.Provider].
func (s *Stripe) Get(ctx context.Context, reference string) (pay.Payment, error) {
	i, err := s.get(ctx, reference)
	if err != nil {
		return pay.Payment{}, err
	}
	return i.payment()
}

// instead is what a payment is like whose change Stripe refused because of what it
// is like. Any other error stands.
func (s *Stripe) instead(ctx context.Context, reference string, refused error) (pay.Payment, error) {
	var e *Error
	if !errors.As(refused, &e) || e.Status < 400 || e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusConflict {
		return pay.Payment{}, refused
	}
	p, err := s.Get(ctx, reference)
	if err != nil {
		return pay.Payment{}, errors.Join(refused, err)
	}
	return p, nil
}
