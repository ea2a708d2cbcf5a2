// Package pki makes certificates for tests: an authority, devices and servers,
// each with a fresh key in memory.
//
// It protects nothing and is no part of the product; central/fleet issues the
// real ones.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Authority issues the certificates of a test, as central's device authority does.
type Authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority with a key of its own.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, key: newKey(t)}
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

// Issue makes a certificate for a device, or with an empty role for a server on
// loopback; edit may change it before it is signed.
func (a *Authority) Issue(name string, role trust.Role, edit func(*x509.Certificate)) tls.Certificate {
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

// Pool holds the authority's own certificate.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// Client is a device's TLS configuration.
func (a *Authority) Client(name ticket.DeviceID, role trust.Role) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), Certificates: []tls.Certificate{a.Issue(string(name), role, nil)}, MinVersion: tls.VersionTLS13}
}

// Server is a broker's TLS configuration, which asks for client certificates.
func (a *Authority) Server() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.Issue("broker", "", nil)}, ClientCAs: a.Pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12, // for the broker to raise
	}
}
