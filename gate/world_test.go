package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"iter"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// world is everything around one gate: an organiser who signs, a central that
// enrols, and holders with tickets. Tickets with an even number are bound to
// the wallet, those with an odd number are paper.
type world struct {
	t       testing.TB
	now     time.Time
	event   ticket.Event
	root    trust.Signer
	issuer  trust.Signer
	anchor  trust.Anchor
	list    []byte
	caKey   crypto.Signer
	ca      *x509.Certificate
	fleet   *httptest.Server
	tickets []ticket.Ticket
	serial  int64

	unlocking sync.Mutex // scripts run beside each other and share one phone
	wallet    *wallet.Wallet
}

const worldCode = "TEST-CODE-2345"

func newWorld(t testing.TB, tickets int) *world {
	t.Helper()
	w := &world{t: t, now: time.Now().Truncate(time.Second)}
	w.event = ticket.Event{
		ID: 7, Name: "Night concert", Venue: "Hall", Timezone: "Asia/Seoul",
		Doors: w.now.Add(-time.Hour).Unix(), Starts: w.now.Add(time.Hour).Unix(), Ends: w.now.Add(5 * time.Hour).Unix(),
		Zones:        []ticket.Zone{{ID: 1, Name: "Floor"}, {ID: 2, Name: "Balcony"}},
		Classes:      []ticket.Class{{ID: 1, Name: "Standard"}, {ID: 2, Name: "Paper", Paper: true, Alone: ticket.AloneOpen}},
		Gates:        []ticket.Gate{{Name: "north", Zones: []uint16{1}}},
		RelyingParty: ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"},
	}
	var err error
	w.wallet, err = wallet.New(w.event.RelyingParty, []byte("holder"))
	w.ok(err)
	w.root, w.issuer = w.ed25519(), w.ed25519()
	w.anchor = trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{w.root.Public()}}
	w.caKey = w.p256()
	w.ca = w.certify(&x509.Certificate{
		Subject: pkix.Name{CommonName: "device authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, w.caKey.Public())
	w.list, err = trust.SignList(trust.List{
		Version: 1, Issued: w.now.Unix(), Expires: w.now.Add(240 * time.Hour).Unix(), DeviceCAs: [][]byte{w.ca.Raw},
		Keys: []trust.Key{{Role: trust.RoleEvent, Public: w.issuer.Public(), NotBefore: w.now.Add(-time.Hour).Unix(), NotAfter: w.now.Add(240 * time.Hour).Unix()}},
	}, w.root)
	w.ok(err)
	for i := range tickets {
		tk := ticket.Ticket{ID: worldID(i), Event: w.event.ID, Zone: 1, Class: 1, Version: 1}
		if i%2 == 0 {
			tk.Holder = w.wallet.HolderKey()
		} else {
			tk.Class = 2
		}
		w.tickets = append(w.tickets, tk)
	}
	w.serveFleet()
	return w
}

// worldID numbers tickets in ascending order; the rest looks random.
func worldID(i int) (id ticket.ID) {
	sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	copy(id[4:], sum[:])
	binary.BigEndian.PutUint32(id[:], uint32(i+1))
	return id
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ed25519() trust.Signer {
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	w.ok(err)
	s, err := trust.NewSigner(priv)
	w.ok(err)
	return s
}

func (w *world) p256() crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.ok(err)
	return k
}

func (w *world) certify(c *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	w.serial++
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(w.serial), w.now.Add(-time.Hour), w.now.Add(240*time.Hour)
	parent := w.ca
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, w.caKey)
	w.ok(err)
	cert, err := x509.ParseCertificate(der)
	w.ok(err)
	return cert
}

// serveFleet enrols any number of gates with the one code.
func (w *world) serveFleet() {
	key := w.p256()
	leaf := w.certify(&x509.Certificate{
		Subject: pkix.Name{CommonName: "central"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key.Public())
	w.fleet = httptest.NewUnstartedServer(http.HandlerFunc(w.enrol))
	w.fleet.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, w.ca.Raw}, PrivateKey: key}}}
	w.fleet.StartTLS()
	w.t.Cleanup(w.fleet.Close)
}

func (w *world) enrol(res http.ResponseWriter, req *http.Request) {
	var ask struct {
		Code string `json:"code"`
		CSR  []byte `json:"csr"`
	}
	if err := json.NewDecoder(req.Body).Decode(&ask); err != nil || ask.Code != worldCode {
		res.Header().Set("Content-Type", "application/problem+json")
		res.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(res, `{"code":"code_invalid","title":"The enrolment code is unknown, used, or too old","hint":"get a new one"}`)
		return
	}
	csr, err := x509.ParseCertificateRequest(ask.CSR)
	if err != nil {
		http.Error(res, err.Error(), http.StatusBadRequest)
		return
	}
	uris, err := trust.EventURIs([]ticket.EventID{w.event.ID})
	if err != nil {
		http.Error(res, err.Error(), http.StatusInternalServerError)
		return
	}
	leaf := w.certify(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "north-1", OrganizationalUnit: []string{"gate"}},
		URIs:        uris,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, csr.PublicKey)
	anchor, err := w.anchor.Encode()
	if err != nil {
		http.Error(res, err.Error(), http.StatusInternalServerError)
		return
	}
	var chain bytes.Buffer
	for _, c := range []*x509.Certificate{leaf, w.ca} {
		chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	_ = json.NewEncoder(res).Encode(map[string]any{
		"device": "north-1", "role": "gate", "certificate": chain.String(), "anchor": anchor, "trust_list": w.list,
		"events": []ticket.EventID{w.event.ID}, "gate": "north", "api": "",
		"mqtt": []map[string]string{{"name": "central", "url": "tls://127.0.0.1:1"}}, // nobody there
	})
}

// invitation is the enrolment string of the world's central.
func (w *world) invitation(code string) string {
	sum := sha256.Sum256(w.ca.RawSubjectPublicKeyInfo)
	return w.fleet.URL + "/enrol#" + code + "." + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// set builds a version of the set on the one before.
func (w *world) set(previous ticketset.Current, issued, expires time.Time) *ticketset.Bundle {
	w.t.Helper()
	b, err := ticketset.Build(w.issuer, ticketset.Spec{
		Event: w.event, Tickets: w.items(), Previous: previous, Issued: issued.Unix(), Expires: expires.Unix(),
	})
	w.ok(err)
	return b
}

func (w *world) items() iter.Seq2[ticketset.Item, error] {
	return func(yield func(ticketset.Item, error) bool) {
		for _, t := range w.tickets {
			if !yield(ticketset.Item{Ticket: t}, nil) {
				return
			}
		}
	}
}

// setFile writes a set for load-set.
func (w *world) setFile(name string, b *ticketset.Bundle) string {
	w.t.Helper()
	var buf bytes.Buffer
	w.ok(ticketset.WriteFile(&buf, b, func(func([]byte, error) bool) {}))
	w.ok(os.WriteFile(name, buf.Bytes(), 0o600))
	return name
}

// pass returns the text that the holder of a ticket shows at a moment.
func (w *world) pass(i int, at time.Time) string {
	w.t.Helper()
	tk := w.tickets[i]
	if tk.Paper() {
		signed, err := pass.SignTicket(w.issuer, tk)
		w.ok(err)
		return pass.PaperText(signed)
	}
	w.unlocking.Lock()
	defer w.unlocking.Unlock()
	session, err := w.wallet.Rotating(tk.ID, at)
	w.ok(err)
	text, err := session.Text(at, nil)
	w.ok(err)
	return text
}

// config writes a gate's configuration into dir and returns its name.
func (w *world) config(dir, more string) string {
	w.t.Helper()
	name := filepath.Join(dir, "gate.toml")
	w.ok(os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	w.ok(os.WriteFile(name, fmt.Appendf(nil, `data_dir = %q
[lane]
input = "stdin"
passage_delay = "0s"
[panel]
listen = "127.0.0.1:0"
[clock]
uncertainty = "100ms"
%s`, filepath.Join(dir, "data"), more), 0o600))
	return name
}
