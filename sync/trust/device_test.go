//go:build !js

package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// authority is a device authority for tests.
type authority struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newAuthority(t *testing.T, seed byte) authority {
	t.Helper()
	key := newECDSA(t, seed)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(seed)), Subject: pkix.Name{CommonName: "conting devices"},
		NotBefore: someTime.AddDate(-1, 0, 0), NotAfter: someTime.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{key, cert}
}

func (a authority) issue(t *testing.T, pub crypto.PublicKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "gate-1", OrganizationalUnit: []string{"gate"}},
		NotBefore: someTime.AddDate(0, 0, -1), NotAfter: someTime.AddDate(0, 0, 29),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, pub, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestVerifyDevice(t *testing.T) {
	ca, second, stranger := newAuthority(t, 1), newAuthority(t, 2), newAuthority(t, 3)
	l := someList(t) // revokes gate-9
	l.Expires = someTime.AddDate(0, 2, 0).Unix()
	l.DeviceCAs = [][]byte{ca.cert.Raw, second.cert.Raw}
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	key := newECDSA(t, 20)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edKey := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	named := func(id string, units ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: id, OrganizationalUnit: units} }
	}
	usage := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = u }
	}
	good := ca.issue(t, key.Public(), nil)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-5] ^= 1
	for name, c := range map[string]struct {
		der  []byte
		at   time.Time
		want error
	}{
		"good":                      {good, someTime, nil},
		"of the second authority":   {second.issue(t, key.Public(), nil), someTime, nil},
		"Ed25519":                   {ca.issue(t, edKey.Public(), nil), someTime, nil},
		"for servers as well":       {ca.issue(t, key.Public(), usage(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)), someTime, nil},
		"of another authority":      {stranger.issue(t, key.Public(), nil), someTime, trust.ErrCertificate},
		"signature changed":         {flipped, someTime, trust.ErrCertificate},
		"cut":                       {good[:len(good)-1], someTime, trust.ErrCertificate},
		"more":                      {append(good[:len(good):len(good)], 0), someTime, trust.ErrCertificate},
		"empty":                     {nil, someTime, trust.ErrCertificate},
		"too large":                 {make([]byte, trust.MaxCertificate+1), someTime, trust.ErrTooLarge},
		"ended":                     {good, someTime.AddDate(0, 0, 30), trust.ErrExpired},
		"not begun":                 {good, someTime.AddDate(0, 0, -2), trust.ErrNotYet},
		"list ended":                {ca.issue(t, key.Public(), func(c *x509.Certificate) { c.NotAfter = someTime.AddDate(0, 9, 0) }), someTime.AddDate(0, 2, 0), trust.ErrExpired},
		"revoked":                   {ca.issue(t, key.Public(), named("gate-9", "gate")), someTime, trust.ErrRevoked},
		"no name":                   {ca.issue(t, key.Public(), named("", "gate")), someTime, trust.ErrCertificate},
		"a name with a wildcard":    {ca.issue(t, key.Public(), named("gate/#", "gate")), someTime, trust.ErrCertificate},
		"no role":                   {ca.issue(t, key.Public(), named("gate-1")), someTime, trust.ErrCertificate},
		"two roles":                 {ca.issue(t, key.Public(), named("gate-1", "gate", "hub")), someTime, trust.ErrCertificate},
		"role of an event key":      {ca.issue(t, key.Public(), named("gate-1", "event")), someTime, trust.ErrCertificate},
		"role of a root":            {ca.issue(t, key.Public(), named("gate-1", "root")), someTime, trust.ErrCertificate},
		"odd role":                  {ca.issue(t, key.Public(), named("gate-1", "Gate")), someTime, trust.ErrCertificate},
		"for servers":               {ca.issue(t, key.Public(), usage(x509.ExtKeyUsageServerAuth)), someTime, trust.ErrCertificate},
		"for anything":              {ca.issue(t, key.Public(), usage(x509.ExtKeyUsageAny)), someTime, trust.ErrCertificate},
		"for nothing in particular": {ca.issue(t, key.Public(), usage()), someTime, trust.ErrCertificate},
		"P-384":                     {ca.issue(t, p384.Public(), nil), someTime, trust.ErrCertificate},
		"an authority of its own":   {ca.issue(t, key.Public(), func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), someTime, trust.ErrCertificate},
		"the authority itself":      {ca.cert.Raw, someTime, trust.ErrCertificate},
	} {
		d, err := ring.VerifyDevice(c.der, c.at)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: VerifyDevice = %+v, %v, want %v", name, d, err, c.want)
		}
		if err != nil && !reflect.DeepEqual(d, trust.Device{}) {
			t.Errorf("%s: VerifyDevice names %+v with %v", name, d, err)
		}
	}
	want, err := trust.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if d, err := ring.VerifyDevice(good, someTime); err != nil || d.ID != "gate-1" || d.Role != trust.RoleGate || d.Key != want || !d.NotAfter.Equal(someTime.AddDate(0, 0, 29)) {
		t.Errorf("VerifyDevice = %+v, %v", d, err)
	}
	for _, role := range []trust.Role{trust.RoleHub, trust.RoleCentral, trust.RoleGate, trust.RoleHandheld} {
		if d, err := ring.VerifyDevice(ca.issue(t, key.Public(), named("x-1", string(role))), someTime); err != nil || d.Role != role || d.ID != ticket.DeviceID("x-1") {
			t.Errorf("%s: VerifyDevice = %+v, %v", role, d, err)
		}
	}
}

// A chain with somebody in between is refused, even if the one in between is ours.
func TestVerifyDeviceWithoutIntermediates(t *testing.T) {
	ca := newAuthority(t, 1)
	between := newECDSA(t, 30)
	der := ca.issue(t, between.Public(), func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		c.Subject = pkix.Name{CommonName: "between"}
	})
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	l := someList(t)
	l.DeviceCAs = [][]byte{ca.cert.Raw}
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	leaf := authority{between, cert}.issue(t, newECDSA(t, 31).Public(), nil)
	if d, err := ring.VerifyDevice(leaf, someTime); !errors.Is(err, trust.ErrCertificate) {
		t.Errorf("VerifyDevice = %+v, %v, want ErrCertificate", d, err)
	}
}

func TestNewKeyringBadAuthority(t *testing.T) {
	l := someList(t)
	l.DeviceCAs = [][]byte{{1, 2, 3}}
	if k, err := trust.NewKeyring(&l); !errors.Is(err, trust.ErrCertificate) {
		t.Errorf("NewKeyring = %v, %v, want ErrCertificate", k, err)
	}
	l.DeviceCAs = nil
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := ring.VerifyDevice(newAuthority(t, 1).issue(t, newECDSA(t, 2).Public(), nil), someTime); !errors.Is(err, trust.ErrCertificate) {
		t.Errorf("VerifyDevice without authorities = %+v, %v, want ErrCertificate", d, err)
	}
}

// Without a list, the authorities that one knows are all there is, and the time is
// that of the signature.
func TestVerifyCertificate(t *testing.T) {
	ca, stranger := newAuthority(t, 1), newAuthority(t, 3)
	key := newECDSA(t, 20)
	der := ca.issue(t, key.Public(), nil)
	d, err := trust.VerifyCertificate([][]byte{stranger.cert.Raw, ca.cert.Raw}, der, someTime)
	if err != nil || d.ID != "gate-1" || d.Role != trust.RoleGate {
		t.Errorf("VerifyCertificate = %+v, %v", d, err)
	}
	for name, tc := range map[string]struct {
		authorities [][]byte
		der         []byte
		at          time.Time
		want        error
	}{
		"of a stranger":  {[][]byte{stranger.cert.Raw}, der, someTime, trust.ErrCertificate},
		"of nobody":      {nil, der, someTime, trust.ErrCertificate},
		"too early":      {[][]byte{ca.cert.Raw}, der, someTime.AddDate(0, 0, -2), trust.ErrNotYet},
		"too late":       {[][]byte{ca.cert.Raw}, der, someTime.AddDate(0, 0, 30), trust.ErrExpired},
		"no certificate": {[][]byte{ca.cert.Raw}, []byte("x"), someTime, trust.ErrCertificate},
		"no authority":   {[][]byte{[]byte("x")}, der, someTime, trust.ErrCertificate},
		"endless":        {[][]byte{ca.cert.Raw}, make([]byte, trust.MaxCertificate+1), someTime, trust.ErrTooLarge},
	} {
		if d, err := trust.VerifyCertificate(tc.authorities, tc.der, tc.at); !errors.Is(err, tc.want) {
			t.Errorf("%s: VerifyCertificate = %+v, %v; want %v", name, d, err, tc.want)
		}
	}
}
