package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

const lifetime = 30 * 24 * time.Hour

// fleet is a server that enrols and renews as central's does.
type fleet struct {
	*httptest.Server
	t      *testing.T
	ca     *x509.Certificate
	caKey  crypto.Signer
	anchor trust.Anchor
	root   trust.Signer
	now    func() time.Time

	mu     sync.Mutex // guards the rest
	used   map[string]string
	serial int64
	asked  int

	// spoil changes an answer before it is sent.
	spoil func(map[string]any)
	// instead answers in the place of everything else.
	instead http.HandlerFunc
}

const goodCode = "ABCD-EFGH-2345"

func newFleet(t *testing.T, now func() time.Time) *fleet {
	t.Helper()
	f := &fleet{t: t, now: now, used: map[string]string{}}
	f.caKey = newKey(t)
	f.ca = f.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "device authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(10 * lifetime),
	}, nil, f.caKey.Public())
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	f.root, err = trust.NewSigner(priv)
	ok(t, err)
	f.anchor = trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{f.root.Public()}}

	serverKey := newKey(t)
	leaf := f.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "central"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: now().Add(-time.Hour), NotAfter: now().Add(lifetime),
	}, f.ca, serverKey.Public())
	pool := x509.NewCertPool()
	pool.AddCert(f.ca)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /device/v1/enrol", f.enrol)
	mux.HandleFunc("POST /device/v1/renew", f.renew)
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked++
		instead := f.instead
		f.mu.Unlock()
		if instead != nil {
			instead(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	f.TLS = &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, f.ca.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: pool, Time: now,
	}
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fleet) enrol(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Code string `json:"code"`
		CSR  []byte `json:"csr"`
	}
	ok(f.t, json.NewDecoder(r.Body).Decode(&ask))
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.used[ask.Code] != "":
		problem(w, http.StatusGone, "code_used", "this code was used", "get a new code from the console")
		return
	case ask.Code != goodCode:
		problem(w, http.StatusForbidden, "code_unknown", "no such code", "")
		return
	}
	f.used[ask.Code] = "north-1"
	answer := map[string]any{
		"device": "north-1", "role": "gate", "certificate": f.certify(ask.CSR, "north-1", "gate", 7),
		"anchor": must(f.anchor.Encode()), "trust_list": f.list(f.ca.Raw), "events": []int{7}, "gate": "north",
		"mqtt": []map[string]string{{"name": "central", "url": "tls://127.0.0.1:8883"}}, "api": "https://tickets.example",
	}
	if f.spoil != nil {
		f.spoil(answer)
	}
	w.Header().Set("Content-Type", "application/json")
	ok(f.t, json.NewEncoder(w).Encode(answer))
}

func (f *fleet) renew(w http.ResponseWriter, r *http.Request) {
	if len(r.TLS.VerifiedChains) == 0 {
		problem(w, http.StatusUnauthorized, "no_certificate", "show your certificate", "")
		return
	}
	var ask struct {
		CSR []byte `json:"csr"`
	}
	ok(f.t, json.NewDecoder(r.Body).Decode(&ask))
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := map[string]any{"certificate": f.certify(ask.CSR, r.TLS.PeerCertificates[0].Subject.CommonName, "gate", 7)}
	if f.spoil != nil {
		f.spoil(answer)
	}
	ok(f.t, json.NewEncoder(w).Encode(answer))
}

// certify issues a client certificate for the events and for a request, or for a
// key of our own when csr is nil.
func (f *fleet) certify(csr []byte, device, role string, events ...ticket.EventID) string {
	uris, err := trust.EventURIs(events)
	ok(f.t, err)
	var public crypto.PublicKey
	if csr == nil {
		public = newKey(f.t).Public()
	} else {
		req, err := x509.ParseCertificateRequest(csr)
		ok(f.t, err)
		ok(f.t, req.CheckSignature())
		public = req.PublicKey
	}
	leaf := f.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: device, OrganizationalUnit: []string{role}},
		URIs:        uris,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore:   f.now().Add(-time.Minute), NotAfter: f.now().Add(lifetime),
	}, f.ca, public)
	return pemOf(leaf) + pemOf(f.ca)
}

func (f *fleet) list(authorities ...[]byte) []byte {
	signed, err := trust.SignList(trust.List{
		Version: 1, Issued: f.now().Unix(), Expires: f.now().Add(lifetime).Unix(),
		Keys:      []trust.Key{{Role: trust.RoleEvent, Public: f.root.Public(), NotBefore: 0, NotAfter: f.now().Add(lifetime).Unix()}},
		DeviceCAs: authorities,
	}, f.root)
	ok(f.t, err)
	return signed
}

// sign issues a certificate; a nil parent means self-signed.
func (f *fleet) sign(c, parent *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	f.serial++
	c.SerialNumber = big.NewInt(f.serial)
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, f.caKey)
	ok(f.t, err)
	cert, err := x509.ParseCertificate(der)
	ok(f.t, err)
	return cert
}

func (f *fleet) invitation(t *testing.T, code string) identity.Invitation {
	t.Helper()
	inv, err := identity.ParseInvitation(f.URL + "/enrol#" + code + "." + identity.PinOf(f.ca).String())
	ok(t, err)
	return inv
}

func (f *fleet) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func problem(w http.ResponseWriter, status int, code, detail, hint string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "detail": detail, "hint": hint})
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return k
}

func must(b []byte, _ error) []byte { return b }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var _ identity.Renewer = (*identity.Identity)(nil)
