package identity_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "../../testdata/identity/terms.json"

// vector is one of each thing that people sign to central, for whoever writes it in
// another language. Bytes are hexadecimal.
type vector struct {
	Challenge string         `json:"challenge"`
	DID       credential.DID `json:"did"`
	Passkey   string         `json:"passkey"`
	Ticket    string         `json:"ticket"`
	Version   uint32         `json:"version"`
	To        string         `json:"to"`
	Event     ticket.EventID `json:"event"`
	Zone      uint16         `json:"zone"`
	Class     uint8          `json:"class"`

	DIDMessage  string `json:"did_message"`
	DIDTerms    string `json:"did_terms"`
	GiveTerms   string `json:"give_terms"`
	AcceptTerms string `json:"accept_terms"`
	AskTerms    string `json:"ask_terms"`
}

// The bytes that are signed never change, and are those that the wallet of the
// tests makes by itself.
func TestTerms(t *testing.T) {
	mina, err := wallet.NewIdentity([]byte("mina"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := mina.Signer()
	if err != nil {
		t.Fatal(err)
	}
	did, err := credential.KeyDID(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	challenge := bytes.Repeat([]byte{0xc5}, 40)
	from, err := wallet.NewAuthenticator(site, []byte("mina"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := wallet.NewAuthenticator(site, []byte("jun"))
	if err != nil {
		t.Fatal(err)
	}
	terms := identity.Terms{
		Ticket: ticket.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, Version: 0x01020304,
		From: from.HolderKey(), To: to.HolderKey(),
	}
	const event, zone, class = ticket.EventID(0x0a0b0c0d), uint16(0x0102), uint8(0x7f)
	for name, c := range map[string]struct{ got, want []byte }{
		"DID message": {identity.DIDMessage(challenge, did, terms.From), wallet.DIDMessage(challenge, string(did), terms.From)},
		"DID terms":   {identity.DIDTerms(challenge, did), wallet.DIDTerms(challenge, string(did))},
		"give":        {terms.Give(challenge), wallet.GiveTerms(challenge, terms.Ticket, terms.Version, terms.From, terms.To)},
		"accept":      {terms.Accept(challenge), wallet.AcceptTerms(challenge, terms.Ticket, terms.Version, terms.From, terms.To)},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: %x, the wallet makes %x", name, c.got, c.want)
		}
	}
	v := vector{
		Challenge: hex.EncodeToString(challenge), DID: did, Passkey: hex.EncodeToString(terms.From[:]), Ticket: terms.Ticket.String(),
		Version: terms.Version, To: hex.EncodeToString(terms.To[:]), Event: event, Zone: zone, Class: class,
		DIDMessage: hex.EncodeToString(identity.DIDMessage(challenge, did, terms.From)), DIDTerms: hex.EncodeToString(identity.DIDTerms(challenge, did)),
		GiveTerms: hex.EncodeToString(terms.Give(challenge)), AcceptTerms: hex.EncodeToString(terms.Accept(challenge)),
		AskTerms: hex.EncodeToString(identity.AskTerms(challenge, event, zone, class, did)),
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(golden, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("terms\n%s\nwant, as in %s\n%s", text, golden, want)
	}
}
