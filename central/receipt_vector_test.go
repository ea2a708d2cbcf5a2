package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

var update = flag.Bool("update", false, "write the golden files anew")

const receiptVectors = "../testdata/receipt/receipts.json"

// receiptVector is a receipt with a certificate, and what whoever knows no authority
// can say of it: the wallet checks the same in TypeScript.
type receiptVector struct {
	Name        string           `json:"name"`
	Receipt     string           `json:"receipt"`
	Certificate string           `json:"certificate"`
	Verdict     string           `json:"verdict"` // ok, malformed or bad_signature
	Says        *journal.Receipt `json:"says,omitempty"`
	At          int64            `json:"at,omitempty"` // Unix milliseconds
}

// The verdicts of the golden receipts are Go's.
func TestReceiptVectors(t *testing.T) {
	if *update {
		writeReceiptVectors(t)
	}
	text, err := os.ReadFile(receiptVectors)
	if err != nil {
		t.Fatal(err)
	}
	var all []receiptVector
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 8 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	for i := range all {
		v := &all[i]
		if got, r := verdictOf(t, v); got != v.Verdict || v.Says != nil && (r != *v.Says || r.Time.Time().UnixMilli() != v.At) {
			t.Errorf("%s: %s %+v, want %s %+v", v.Name, got, r, v.Verdict, v.Says)
		}
	}
}

func verdictOf(t *testing.T, v *receiptVector) (string, journal.Receipt) {
	t.Helper()
	signed, err := base64.RawURLEncoding.DecodeString(v.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.RawURLEncoding.DecodeString(v.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	key, err := (&fleet.Certificate{DER: der}).Key()
	if err != nil {
		return "malformed", journal.Receipt{}
	}
	r, err := journal.OpenReceipt(signed, key)
	switch {
	case err == nil:
		return "ok", r
	case errors.Is(err, trust.ErrBadSignature), errors.Is(err, trust.ErrWrongKey):
		return "bad_signature", r
	}
	return "malformed", r
}

func writeReceiptVectors(t *testing.T) {
	t.Helper()
	b := newBureau(t)
	sign := func(key *ecdsa.PrivateKey) []byte {
		s, err := trust.NewSigner(key)
		b.must(err)
		data, err := journal.SignReceipt(s, journal.Receipt{
			Device: "gate-1", Event: 1001, Ticket: ticket.ID{15: 1}, Gate: "북문", Lane: "north-1", Time: journal.At(b.now) + 3, Seq: 40, Evidence: [32]byte{9},
		})
		b.must(err)
		return data
	}
	certify := func(key *ecdsa.PublicKey) []byte {
		c, err := b.ca.IssueDevice(key, "gate-1", trust.RoleGate, []ticket.EventID{1001}, b.now)
		b.must(err)
		return c.DER
	}
	flipped := func(data []byte, at int) []byte {
		out := append([]byte(nil), data...)
		out[(at+len(out))%len(out)] ^= 1
		return out
	}
	es, esCert, otherCert := sign(b.gate), certify(&b.gate.PublicKey), certify(&b.key().PublicKey)
	var all []receiptVector
	for _, c := range []struct {
		name          string
		receipt, cert []byte
	}{
		{"as a gate signs it", es, esCert},
		{"a certificate of another key", es, otherCert},
		{"the payload altered", flipped(es, 40), esCert},
		{"the signature altered", flipped(es, -1), esCert},
		{"a high s", highS(es), esCert},
		{"cut off", es[:len(es)-1], esCert},
		{"a byte after it", append(append([]byte(nil), es...), 0), esCert},
		{"no receipt", nil, esCert},
		{"no certificate", es, nil},
		{"a certificate cut off", es, esCert[:len(esCert)-1]},
		{"a byte after the certificate", es, append(append([]byte(nil), esCert...), 0)},
	} {
		v := receiptVector{Name: c.name, Receipt: base64.RawURLEncoding.EncodeToString(c.receipt), Certificate: base64.RawURLEncoding.EncodeToString(c.cert)}
		verdict, r := verdictOf(t, &v)
		if v.Verdict = verdict; verdict == "ok" {
			v.Says, v.At = &r, r.Time.Time().UnixMilli()
		}
		all = append(all, v)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	b.must(err)
	b.must(os.MkdirAll(filepath.Dir(receiptVectors), 0o750))
	b.must(os.WriteFile(receiptVectors, append(text, '\n'), 0o600))
}

// highS returns the receipt with the other signature of the same, which ECDSA takes.
func highS(receipt []byte) []byte {
	out := append([]byte(nil), receipt...)
	s := out[len(out)-32:]
	borrow := 0
	n := order()
	for i := 31; i >= 0; i-- {
		d := int(n[i]) - int(s[i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		s[i] = byte(d) // #nosec G115 -- below 256
	}
	return out
}

func order() []byte {
	return elliptic.P256().Params().N.FillBytes(make([]byte, 32))
}
