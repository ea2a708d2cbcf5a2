package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/pay/stripe"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/settings"
)

// sandboxName is what the sandbox is called where buyers choose, and sandboxFile where
// it keeps its book if nobody says otherwise.
const (
	sandboxName = "sandbox"
	sandboxFile = "sandbox.book"
)

type payConfig struct {
	// SandboxBook is the file in which the sandbox keeps its payments. Several
	// centrals of one machine share one. Default DATA_DIR/sandbox.book.
	SandboxBook string `toml:"sandbox_book"`

	Stripe stripeConfig `toml:"stripe"`
}

type stripeConfig struct {
	// SecretKeyFile has the secret key, sk_… or a restricted rk_… that may read and
	// write PaymentIntents and Refunds, in one line; mode 0600. Empty leaves Stripe
	// out. Default none.
	SecretKeyFile string `toml:"secret_key_file"`

	// WebhookSecretFile has the whsec_… of the endpoint
	// https://CENTRAL/v1/payments/stripe/webhook, or one a line while they are
	// replaced; mode 0600. Have Stripe send it payment_intent.*, charge.refunded and
	// refund.failed.
	WebhookSecretFile string `toml:"webhook_secret_file"`

	// PublishableKey is the pk_… that belongs to the secret key. Buyers' browsers get
	// it.
	PublishableKey string `toml:"publishable_key"`

	// URL is another address than Stripe's, https or on loopback, for tests. Default
	// https://api.stripe.com.
	URL string `toml:"url"`
}

// check reports the first value that cannot be right.
func (c *payConfig) check() error {
	s := &c.Stripe
	given := 0
	for _, v := range []string{s.SecretKeyFile, s.WebhookSecretFile, s.PublishableKey} {
		if v != "" {
			given++
		}
	}
	if given != 0 && given != 3 || given == 0 && s.URL != "" {
		return hint.Errorf("", "pay.stripe: secret_key_file, webhook_secret_file and publishable_key belong together: %w", settings.ErrBad)
	}
	for key, name := range map[string]string{
		"pay.sandbox_book": c.SandboxBook, "pay.stripe.secret_key_file": s.SecretKeyFile, "pay.stripe.webhook_secret_file": s.WebhookSecretFile,
	} {
		if name != "" && !filepath.IsAbs(name) {
			return hint.Errorf("", "%s: %q is not an absolute path: %w", key, name, settings.ErrBad)
		}
	}
	return nil
}

// openPay makes the providers that are configured.
func (s *server) openPay(ctx context.Context) (map[string]pay.Provider, error) {
	providers := make(map[string]pay.Provider)
	if s.cfg.Pay.Stripe.SecretKeyFile != "" {
		p, err := s.openStripe(ctx)
		if err != nil {
			return nil, err
		}
		if p.Live() && s.cfg.Sale.Sandbox {
			return nil, hint.Errorf("remove sandbox = true under [sale], or use Stripe's test keys",
				"sale.sandbox: with it anybody would get for nothing what Stripe takes real money for: %w", settings.ErrBad)
		}
		providers[stripe.Name] = p
	}
	if s.cfg.Sale.Sandbox {
		if err := s.openSandbox(ctx); err != nil {
			return nil, err
		}
		providers[sandboxName] = s.sandbox
	}
	if len(providers) == 0 {
		return nil, hint.Errorf("configure [pay.stripe], or set sandbox = true under [sale] to try central out; that moves no money",
			"no payment provider is configured: %w", settings.ErrBad)
	}
	return providers, nil
}

func (s *server) openStripe(ctx context.Context) (*stripe.Stripe, error) {
	c := s.cfg.Pay.Stripe
	key, err := private.ReadLine(c.SecretKeyFile)
	if err != nil {
		return nil, err
	}
	secrets, err := private.ReadLine(c.WebhookSecretFile)
	if err != nil {
		return nil, err
	}
	return stripe.New(ctx, stripe.Config{
		SecretKey: key, WebhookSecrets: strings.Fields(secrets), PublishableKey: c.PublishableKey, URL: c.URL, Now: s.now,
	})
}

func (s *server) openSandbox(ctx context.Context) (err error) {
	path := s.cfg.Pay.SandboxBook
	if path == "" {
		path = s.dir.path(sandboxFile)
	}
	s.sandbox, err = pay.OpenSandbox(ctx, pay.SandboxConfig{
		Path: path, Now: s.now, Logger: s.logger,
		Deliver: func(ctx context.Context, header http.Header, body []byte) error {
			return s.sale.Webhook(ctx, sandboxName, header, body)
		},
	})
	return err
}

// runSandbox delivers the sandbox's webhooks, if there is one.
func (s *server) runSandbox(ctx context.Context) error {
	if s.sandbox == nil {
		return nil
	}
	if err := s.sandbox.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
