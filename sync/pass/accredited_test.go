package pass_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

func newIdentity(t testing.TB, seed string) *wallet.Identity {
	t.Helper()
	i, err := wallet.NewIdentity([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// forgeAccredited opens an accredited pass, lets change spoil it, and closes it.
func forgeAccredited(t testing.TB, text string, change func(*pass.WireAccredited)) string {
	t.Helper()
	var w pass.WireAccredited
	if err := pass.Open(text, &w); err != nil {
		t.Fatal(err)
	}
	change(&w)
	out, err := pass.Close(text, w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAccredited(t *testing.T) {
	did, v := newIdentity(t, "a"), newVerifier(t)
	signed := signTicket(t, newSigner(t, 1), newTicket(did.HolderKey()))
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{9, 8, 7, 6, 5, 4, 3, 2}, Issued: doors.Unix()}
	for name, carried := range map[string][]byte{"id only": nil, "full": signed} {
		text, err := did.Answer(ticketID, n, carried)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, text)
		if p.Form != pass.Accredited || p.ID != ticketID || !bytes.Equal(p.Carried, carried) || !strings.HasPrefix(text, "CTA1") {
			t.Errorf("%s: Parse(%s) = %s of %s carrying %x", name, text, p.Form, p.ID, p.Carried)
		}
		if got, ok := p.Nonce(); got != n.Value || !ok {
			t.Errorf("%s: Nonce = %x, %t, want %x", name, got, ok, n.Value)
		}
		if err := v.Accredited(p, did.HolderKey(), n); err != nil {
			t.Errorf("%s: Accredited: %v", name, err)
		}
		if err := v.Challenge(p, did.HolderKey(), n); !errors.Is(err, pass.ErrWrongForm) {
			t.Errorf("%s: Challenge of an accredited pass = %v, want ErrWrongForm", name, err)
		}
	}
	// The message, written from the description.
	want := []byte("conting/accredit/v1\x00\xde\xad\xbe\xef\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x00\x00\x00\x00\x6a\xa5\x85\x10\x09\x08\x07\x06\x05\x04\x03\x02north-1")
	if got := pass.AccreditedMessage(ticketID, n); !bytes.Equal(got, want) {
		t.Errorf("AccreditedMessage =\n%x, want\n%x", got, want)
	}
}

func TestAccreditedAttacks(t *testing.T) {
	did, v := newIdentity(t, "a"), newVerifier(t)
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Issued: doors.Unix()}
	text, err := did.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		nonce  pass.Nonce
		holder ticket.HolderKey
		want   error
	}{
		"its own":        {n, did.HolderKey(), nil},
		"another gate":   {pass.Nonce{Gate: "north-2", Value: n.Value, Issued: n.Issued}, did.HolderKey(), pass.ErrBadProof},
		"another value":  {pass.Nonce{Gate: n.Gate, Value: [8]byte{9}, Issued: n.Issued}, did.HolderKey(), pass.ErrBadProof},
		"another second": {pass.Nonce{Gate: n.Gate, Value: n.Value, Issued: n.Issued + 1}, did.HolderKey(), pass.ErrBadProof},
		"no nonce":       {pass.Nonce{}, did.HolderKey(), pass.ErrBadProof},
		"another DID":    {n, newIdentity(t, "b").HolderKey(), pass.ErrBadProof},
		"a passkey":      {n, newWallet(t, "a").HolderKey(), pass.ErrBadProof},
		"no key":         {n, ticket.HolderKey{}, pass.ErrBadProof},
	} {
		if err := v.Accredited(parse(t, text), c.holder, c.nonce); !errors.Is(err, c.want) {
			t.Errorf("%s: Accredited = %v, want %v", name, err, c.want)
		}
	}
	for name, change := range map[string]func(*pass.WireAccredited){
		"another nonce":  func(w *pass.WireAccredited) { w.Nonce[0]++ },
		"another ticket": func(w *pass.WireAccredited) { w.Ticket[0]++ },
		"high s":         func(w *pass.WireAccredited) { copy(w.Signature[32:], otherS(w.Signature[32:])) },
		"r of zero":      func(w *pass.WireAccredited) { clear(w.Signature[:32]) },
		"no signature":   func(w *pass.WireAccredited) { clear(w.Signature[:]) },
	} {
		p := parse(t, forgeAccredited(t, text, change))
		at := n
		at.Value, _ = p.Nonce() // even a gate that had shown that nonce
		if err := v.Accredited(p, did.HolderKey(), at); !errors.Is(err, pass.ErrBadProof) {
			t.Errorf("%s: Accredited = %v, want ErrBadProof", name, err)
		}
	}
}

// A passkey's assertion proves nothing as an accreditation, even when the nonce
// and the ticket are the same and the accreditation is bound to that very key.
func TestAccreditedIsNoAssertion(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{1}, Issued: doors.Unix()}
	answer, err := w.Answer(ticketID, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wire pass.WireChallenge
	if err := pass.Open(answer, &wire); err != nil {
		t.Fatal(err)
	}
	text, err := pass.AccreditedText(ticketID, n, wire.Signature, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Accredited(parse(t, text), w.HolderKey(), n); !errors.Is(err, pass.ErrBadProof) {
		t.Errorf("Accredited with an assertion's signature = %v, want ErrBadProof", err)
	}
}

func TestAccreditedTextRefuses(t *testing.T) {
	n := pass.Nonce{Gate: "north-1", Issued: doors.Unix()}
	other := newTicket(newIdentity(t, "a").HolderKey())
	other.ID[0]++
	for name, c := range map[string]struct {
		id      ticket.ID
		carried []byte
	}{
		"no ticket":      {ticket.ID{}, nil},
		"not a ticket":   {ticketID, []byte("ticket")},
		"another ticket": {ticketID, signTicket(t, newSigner(t, 1), other)},
	} {
		if text, err := pass.AccreditedText(c.id, n, [64]byte{1}, c.carried); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: AccreditedText = %q, %v, want ErrInvalid", name, text, err)
		}
	}
}
