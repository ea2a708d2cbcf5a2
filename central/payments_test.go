package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/sync/hint"
)

// tilled is a server that is no more than its payment providers.
func tilled(t *testing.T, change func(c *config, file func(name, text string, mode os.FileMode) string)) (*server, []string, error) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	s := &server{cfg: defaults(), dir: folder(dir), logger: slog.New(slog.DiscardHandler), now: time.Now}
	s.cfg.Pay.Stripe = stripeConfig{
		SecretKeyFile: file("key", "sk_test_1\n", 0o600), WebhookSecretFile: file("webhook", "whsec_1\nwhsec_2\n", 0o600), PublishableKey: "pk_test_1",
	}
	change(&s.cfg, file)
	if err := s.cfg.Pay.check(); err != nil {
		return s, nil, err
	}
	providers, err := s.openPay(t.Context())
	t.Cleanup(func() {
		if s.sandbox != nil {
			if err := s.sandbox.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	names := make([]string, 0, len(providers))
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return s, names, err
}

func TestProviders(t *testing.T) {
	type file = func(name, text string, mode os.FileMode) string
	for name, c := range map[string]struct {
		change func(c *config, f file)
		want   []string
		err    string
	}{
		"stripe":                {func(*config, file) {}, []string{"stripe"}, ""},
		"stripe's test account": {func(c *config, _ file) { c.Sale.Sandbox = true }, []string{"sandbox", "stripe"}, ""},
		"sandbox alone":         {func(c *config, _ file) { c.Sale.Sandbox, c.Pay.Stripe = true, stripeConfig{} }, []string{"sandbox"}, ""},
		"none":                  {func(c *config, _ file) { c.Pay.Stripe = stripeConfig{} }, nil, "no payment provider"},
		"live, beside the sandbox": {func(c *config, f file) {
			c.Sale.Sandbox = true
			c.Pay.Stripe.SecretKeyFile, c.Pay.Stripe.PublishableKey = f("live", "sk_live_1", 0o600), "pk_live_1"
		}, nil, "for nothing"},
		"key that others read": {func(c *config, f file) { c.Pay.Stripe.SecretKeyFile = f("open", "sk_test_1", 0o644) }, nil, "read by others"},
		"no key":               {func(c *config, _ file) { c.Pay.Stripe.SecretKeyFile = "/nonexistent" }, nil, "no such file"},
		"keys mixed up":        {func(c *config, _ file) { c.Pay.Stripe.PublishableKey = "sk_test_1" }, nil, "publishable"},
		"half of it":           {func(c *config, _ file) { c.Pay.Stripe.WebhookSecretFile = "" }, nil, "belong together"},
		"address alone":        {func(c *config, _ file) { c.Pay.Stripe = stripeConfig{URL: "https://x"} }, nil, "belong together"},
		"relative path":        {func(c *config, _ file) { c.Pay.Stripe.SecretKeyFile = "key" }, nil, "absolute"},
		"plain HTTP":           {func(c *config, _ file) { c.Pay.Stripe.URL = "http://api.stripe.com" }, nil, "loopback"},
	} {
		t.Run(name, func(t *testing.T) {
			_, got, err := tilled(t, c.change)
			if (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) || !slices.Equal(got, c.want) && err == nil {
				t.Errorf("providers %q, %v; want %q, %q", got, err, c.want, c.err)
			}
			if err != nil && strings.Contains(err.Error()+hint.Of(err), "sk_") {
				t.Errorf("the error has the key: %v", err)
			}
		})
	}
}

// A demo's payments outlive its central.
func TestSandboxSurvivesRestart(t *testing.T) {
	book := filepath.Join(t.TempDir(), "book")
	demo := func(c *config, _ func(name, text string, mode os.FileMode) string) {
		c.Sale.Sandbox, c.Pay = true, payConfig{SandboxBook: book}
	}
	first, _, err := tilled(t, demo)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := first.sandbox.Begin(t.Context(), pay.Request{Key: "k", Amount: 1, Currency: "KRW", Token: pay.TokenOK})
	if err == nil {
		_, err = first.sandbox.Confirm(t.Context(), p.Reference, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := tilled(t, demo)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.sandbox.Refund(t.Context(), p.Reference); err != nil || got.State != pay.Refunded {
		t.Errorf("Refund after a restart = %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := again.runSandbox(ctx); err != nil {
		t.Errorf("runSandbox: %v", err)
	}
}
