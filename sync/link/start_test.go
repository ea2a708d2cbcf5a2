package link_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

// named is the Authorize of tests without revocation: every device is for the same events.
func named(c *x509.Certificate) (topic.Client, error) {
	return topic.Client{
		Device: ticket.DeviceID(c.Subject.CommonName), Role: trust.Role(c.Subject.OrganizationalUnit[0]), Events: []ticket.EventID{7, 8},
	}, nil
}

func start(t testing.TB, a *pki.Authority, edit func(*broker.Config)) *broker.Broker {
	t.Helper()
	cfg := broker.Config{TLS: a.Server(), Listen: "127.0.0.1:0", Authorize: named, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	if edit != nil {
		edit(&cfg)
	}
	b, err := broker.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close broker: %v", err)
		}
	})
	return b
}
