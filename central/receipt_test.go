package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// bureau is a device authority with one gate.
type bureau struct {
	t    *testing.T
	ca   *fleet.Authority
	gate *ecdsa.PrivateKey
	now  time.Time
}

func newBureau(t *testing.T) *bureau {
	t.Helper()
	b := &bureau{t: t, now: time.Date(2026, 12, 12, 19, 0, 0, 0, time.UTC)}
	key := b.key()
	der, err := fleet.NewAuthority(key, "test", b.now)
	b.must(err)
	b.ca, err = fleet.OpenAuthority(der, key)
	b.must(err)
	b.gate = b.key()
	return b
}

func (b *bureau) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bureau) key() *ecdsa.PrivateKey {
	b.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b.must(err)
	return key
}

func (b *bureau) certify(key *ecdsa.PrivateKey, at time.Time, events ...ticket.EventID) fleet.Certificate {
	b.t.Helper()
	c, err := b.ca.IssueDevice(&key.PublicKey, "gate-1", trust.RoleGate, events, at)
	b.must(err)
	return c
}

func (b *bureau) receipt(key *ecdsa.PrivateKey, change func(*journal.Receipt)) []byte {
	b.t.Helper()
	r := journal.Receipt{
		Device: "gate-1", Event: 7, Ticket: ticket.ID{1}, Gate: "North", Lane: "north-1", Time: journal.At(b.now), Seq: 3,
	}
	if change != nil {
		change(&r)
	}
	s, err := trust.NewSigner(key)
	b.must(err)
	data, err := journal.SignReceipt(s, r)
	b.must(err)
	return data
}

func file(receipt, certificate []byte) []byte {
	b64 := base64.RawURLEncoding.EncodeToString
	text, _ := json.Marshal(map[string]string{"receipt": b64(receipt), "certificate": b64(certificate), "gate": "a lie", "at": "2000-01-01T00:00:00Z"})
	return text
}

func TestCheckReceipt(t *testing.T) {
	b := newBureau(t)
	good, cert := b.receipt(b.gate, nil), b.certify(b.gate, b.now, 7).DER
	r, err := checkReceipt(file(good, cert), b.ca.DER())
	if err != nil || r.Ticket != (ticket.ID{1}) || r.Gate != "North" || r.Device != "gate-1" {
		t.Errorf("receipt %+v, %v", r, err)
	}
	stranger, thief := newBureau(t), b.key()
	altered := append([]byte(nil), good...)
	altered[len(altered)/2] ^= 1
	for name, text := range map[string][]byte{
		"of another fleet":      file(good, stranger.certify(b.gate, b.now, 7).DER),
		"with another key":      file(b.receipt(thief, nil), cert),
		"altered":               file(altered, cert),
		"for another device":    file(b.receipt(b.gate, func(r *journal.Receipt) { r.Device = "gate-2" }), cert),
		"for another event":     file(b.receipt(b.gate, func(r *journal.Receipt) { r.Event = 8 }), cert),
		"before the gate":       file(b.receipt(b.gate, func(r *journal.Receipt) { r.Time = journal.At(b.now.AddDate(-1, 0, 0)) }), cert),
		"after the certificate": file(b.receipt(b.gate, func(r *journal.Receipt) { r.Time = journal.At(b.now.AddDate(0, 6, 0)) }), cert),
		"without certificate":   file(good, nil),
		"without receipt":       file(nil, cert),
		"no JSON":               []byte("receipt"),
		"no base64":             []byte(`{"receipt":"*","certificate":"*"}`),
	} {
		if r, err := checkReceipt(text, b.ca.DER()); err == nil {
			t.Errorf("%s: taken as %+v", name, r)
		}
	}
}

// A device that renewed its certificate is shown with the one of the day, and one
// that changed its key with the one of that key.
func TestSignedWith(t *testing.T) {
	b := newBureau(t)
	other := b.key()
	first := b.certify(b.gate, b.now.AddDate(0, 0, -20), 7)
	second := b.certify(b.gate, b.now.AddDate(0, 0, 20), 7)
	newest := b.certify(other, b.now.AddDate(0, 0, 40), 7)
	newestFirst := []fleet.Certificate{newest, second, first}
	got, err := signedWith(newestFirst, b.receipt(b.gate, nil), b.now)
	if err != nil || string(got) != string(first.DER) {
		t.Errorf("certificate of the day: %v", err)
	}
	got, err = signedWith(newestFirst[:2], b.receipt(b.gate, nil), b.now)
	if err != nil || string(got) != string(second.DER) {
		t.Errorf("a certificate of the key, when that of the day is gone: %v", err)
	}
	if _, err = signedWith(newestFirst[:1], b.receipt(b.gate, nil), b.now); err == nil {
		t.Error("another key's certificate was taken")
	}
}
