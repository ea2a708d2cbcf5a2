package link_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// authority issues the certificates of a test, as central's device CA does.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	der, err := x509.CreateCertificate(rand.Reader, template("device ca", "", true), template("device ca", "", true), a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string, role trust.Role, ca bool) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	switch {
	case ca:
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	case role == "":
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	default:
		c.Subject.OrganizationalUnit = []string{string(role)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	return c
}

// issue makes a certificate; edit may change it first.
func (a *authority) issue(name string, role trust.Role, edit func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c, key := template(name, role, false), newKey(a.t)
	if edit != nil {
		edit(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// client is a device's TLS configuration.
func (a *authority) client(name ticket.DeviceID, role trust.Role) *tls.Config {
	return &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.issue(string(name), role, nil)}, MinVersion: tls.VersionTLS13}
}

func (a *authority) server() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.issue("broker", "", nil)}, ClientCAs: a.pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12, // the broker raises it
	}
}

// named is the Authorize of tests without revocation: every device is for the same events.
func named(c *x509.Certificate) (topic.Client, error) {
	return topic.Client{
		Device: ticket.DeviceID(c.Subject.CommonName), Role: trust.Role(c.Subject.OrganizationalUnit[0]), Events: []ticket.EventID{7, 8},
	}, nil
}

func start(t testing.TB, a *authority, edit func(*broker.Config)) *broker.Broker {
	t.Helper()
	cfg := broker.Config{TLS: a.server(), Listen: "127.0.0.1:0", Authorize: named, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
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
