package pass_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

var update = flag.Bool("update", false, "write testdata/pass/passes.json anew")

// golden is testdata/pass/passes.json: what other implementations of wallet and
// gate are held to. Byte strings are unpadded base64url unless they say hex.
type golden struct {
	About        string              `json:"about"`
	RelyingParty ticket.RelyingParty `json:"relying_party"`
	Anchor       string              `json:"anchor"`     // trust.Anchor
	TrustList    string              `json:"trust_list"` // signed by the anchor's root
	Base45       []goldenBase45      `json:"base45"`
	Nonces       []goldenNonce       `json:"nonces"`
	Sessions     []goldenSession     `json:"sessions"`
	Accredited   []goldenAccredited  `json:"accredited"`
	Passes       []goldenPass        `json:"passes"`
	Splits       []goldenSplit       `json:"splits"`
	Parts        []goldenParts       `json:"parts"`
}

type goldenBase45 struct {
	Hex  string `json:"hex"`
	Text string `json:"text"`
}

type goldenNonce struct {
	Gate   ticket.DeviceID `json:"gate"`
	Value  string          `json:"value_hex"`
	Issued int64           `json:"issued"`
	Text   string          `json:"text"`
}

// goldenSession is the wallet's side: from secret and assertion to texts.
type goldenSession struct {
	Name              string           `json:"name"`
	Ticket            ticket.ID        `json:"ticket"`
	Start             int64            `json:"start"`
	Slots             uint8            `json:"slots"`
	Lease             string           `json:"lease_hex,omitempty"`
	Seed              string           `json:"seed_hex"` // the element of the last slot
	Challenge         string           `json:"challenge"`
	AuthenticatorData string           `json:"authenticator_data"`
	ClientDataJSON    string           `json:"client_data_json"` // as text
	Signature         string           `json:"signature"`        // DER
	Holder            ticket.HolderKey `json:"holder"`
	Texts             []string         `json:"texts"` // of every slot
}

// goldenPass is the gate's side: a text, and what to say of it at a moment.
type goldenPass struct {
	Name        string           `json:"name"`
	Text        string           `json:"text"`
	Holder      ticket.HolderKey `json:"holder,omitzero"`
	Nonce       *int             `json:"nonce,omitempty"` // index into nonces
	At          time.Time        `json:"at"`
	Uncertainty int64            `json:"uncertainty_ms"`
	Form        string           `json:"form,omitempty"`
	Ticket      string           `json:"ticket,omitempty"`
	Evidence    string           `json:"evidence_hex,omitempty"`
	QRVersion   int              `json:"qr_version_l"`
	Issuer      string           `json:"issuer,omitempty"` // verdict on the carried ticket
	Verdict     string           `json:"verdict"`          // verdict on text and proof
}

// words are the verdicts, in the order in which they are looked for.
var words = []struct {
	err  error
	word string
}{
	{pass.ErrForeign, "foreign"},
	{pass.ErrStale, "stale"},
	{pass.ErrFuture, "future"},
	{pass.ErrClockUncertain, "clock_uncertain"},
	{pass.ErrDelegation, "delegation"},
	{pass.ErrUserNotVerified, "user_not_verified"},
	{pass.ErrBadProof, "bad_proof"},
	{pass.ErrMalformed, "malformed"},
	{pass.ErrParts, "parts"},
	{trust.ErrUnknownKey, "unknown_key"},
	{trust.ErrExpired, "expired"},
	{trust.ErrBadSignature, "bad_signature"},
}

func word(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "ok"
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return w.word
		}
	}
	t.Fatalf("no word for %v", err)
	return ""
}

var b64 = base64.RawURLEncoding

func unb64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := b64.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// judge fills in what the gate finds. It uses nothing but the golden file.
func (g *golden) judge(t *testing.T, c goldenPass) goldenPass {
	t.Helper()
	v, err := pass.NewVerifier(g.RelyingParty)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := trust.ParseAnchor(unb64(t, g.Anchor))
	if err != nil {
		t.Fatal(err)
	}
	list, err := anchor.Open(unb64(t, g.TrustList), doors)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := trust.NewKeyring(list)
	if err != nil {
		t.Fatal(err)
	}
	c.QRVersion = pass.QRVersion(c.Text)
	p, err := pass.Parse(c.Text)
	if err != nil {
		c.Verdict = word(t, err)
		return c
	}
	evidence := p.Evidence()
	c.Form, c.Ticket, c.Evidence = p.Form.String(), p.ID.String(), hex.EncodeToString(evidence[:])
	if p.Carried != nil {
		_, err := pass.OpenTicket(ring, p.Carried, c.At)
		c.Issuer = word(t, err)
	}
	switch p.Form {
	case pass.Paper:
		c.Verdict = "ok"
	case pass.Rotating:
		c.Verdict = word(t, v.Rotating(p, c.Holder, c.At, time.Duration(c.Uncertainty)*time.Millisecond))
	case pass.Challenge:
		c.Verdict = word(t, v.Challenge(p, c.Holder, g.nonce(t, *c.Nonce)))
	case pass.Accredited:
		c.Verdict = word(t, v.Accredited(p, c.Holder, g.nonce(t, *c.Nonce)))
	}
	return c
}

func (g *golden) nonce(t *testing.T, i int) pass.Nonce {
	t.Helper()
	n, err := pass.ParseNonce(g.Nonces[i].Text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGolden(t *testing.T) {
	g := newGolden(t)
	got, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("..", "..", "testdata", "pass", "passes.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./sync/pass -run Golden -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what this code makes: passes in holders' hands would change. If that is meant, write it anew with -update", path)
	}
	var file golden
	if err := json.Unmarshal(want, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, c := range file.Passes {
		if got := file.judge(t, goldenPass{Name: c.Name, Text: c.Text, Holder: c.Holder, Nonce: c.Nonce, At: c.At, Uncertainty: c.Uncertainty}); got != c {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.Name, got, c)
		}
		seen[c.Verdict]++
		seen[c.Issuer]++
		seen[c.Form]++
	}
	for _, c := range file.Parts {
		if got := assemble(t, c.Name, c.Texts); got.Verdict != c.Verdict || got.Packed != c.Packed {
			t.Errorf("%s: got %q %s, want %q %s", c.Name, got.Verdict, got.Packed, c.Verdict, c.Packed)
		}
		seen[c.Verdict]++
	}
	for _, must := range []string{
		"ok", "foreign", "stale", "future", "clock_uncertain", "delegation", "user_not_verified", "bad_proof",
		"malformed", "unknown_key", "expired", "bad_signature", "paper", "rotating", "challenge", "accredited",
		"parts", "incomplete",
	} {
		if seen[must] == 0 {
			t.Errorf("no golden pass shows %q", must)
		}
	}
}

// newGolden makes everything anew, from seeds.
func newGolden(t *testing.T) *golden {
	t.Helper()
	root, issuer, unlisted := newSigner(t, 100), newSigner(t, 1), newSigner(t, 2)
	anchor := trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{root.Public()}}
	encoded, err := anchor.Encode()
	if err != nil {
		t.Fatal(err)
	}
	list, err := trust.SignList(trust.List{
		Version: 1, Issued: doors.AddDate(0, -1, 0).Unix(), Expires: doors.AddDate(0, 1, 0).Unix(),
		Keys: []trust.Key{{
			Role: trust.RoleEvent, Public: issuer.Public(), Events: []ticket.EventID{7},
			NotBefore: doors.AddDate(0, -1, 0).Unix(), NotAfter: doors.AddDate(0, 0, 7).Unix(),
		}},
	}, root)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{
		About:        "Passes with their keys, times and verdicts. Made by: go test ./sync/pass -run Golden -update. Byte strings are unpadded base64url unless named _hex.",
		RelyingParty: site,
		Anchor:       b64.EncodeToString(encoded),
		TrustList:    b64.EncodeToString(list),
	}
	for _, plain := range []string{"", "AB", "Hello!!", "base-45", "ietf!", "\x00", "\x00\x00", "\xff\xff\xff"} {
		g.Base45 = append(g.Base45, goldenBase45{hex.EncodeToString([]byte(plain)), string(pass.AppendBase45(nil, []byte(plain)))})
	}
	for _, n := range []pass.Nonce{
		{Gate: "north-1", Value: [8]byte{0, 1, 2, 3, 4, 5, 6, 7}, Issued: doors.Unix()},
		{Gate: "south-1", Value: [8]byte{0, 1, 2, 3, 4, 5, 6, 7}, Issued: doors.Unix()},
	} {
		g.Nonces = append(g.Nonces, goldenNonce{n.Gate, hex.EncodeToString(n.Value[:]), n.Issued, n.Text()})
	}
	g.addSessions(t)
	g.addAccredited(t, issuer)
	g.addPasses(t, issuer, unlisted)
	g.addParts(t)
	return g
}

func (g *golden) addSessions(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		name  string
		way   wallet.ClientData
		slots uint8
		lease *[8]byte
	}{
		{"standard", wallet.Standard, 5, nil},
		{"webkit, with a lease", wallet.WebKit, 30, &lease},
		{"grease", wallet.Grease, 1, nil},
		{"play services", wallet.Play, 2, nil},
		{"a member nobody knows", goodTails["an unknown member"], 2, nil},
	} {
		w := newWallet(t, "golden")
		w.Authenticator.ClientData = c.way
		w.Authenticator.HighS = c.name == "grease" // the wallet lowers it
		seed := bytes.Repeat([]byte{byte(len(g.Sessions) + 1)}, 16)
		s, err := pass.NewSession(bytes.NewReader(seed), ticketID, doors, c.slots, c.lease)
		if err != nil {
			t.Fatal(err)
		}
		challenge := s.Challenge()
		a, err := w.Authenticator.Assert(challenge[:])
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Seal(site, a); err != nil {
			t.Fatal(err)
		}
		gs := goldenSession{
			Name: c.name, Ticket: ticketID, Start: doors.Unix(), Slots: c.slots, Seed: hex.EncodeToString(seed),
			Challenge: b64.EncodeToString(challenge[:]), AuthenticatorData: b64.EncodeToString(a.AuthenticatorData),
			ClientDataJSON: string(a.ClientDataJSON), Signature: b64.EncodeToString(a.Signature), Holder: w.HolderKey(),
		}
		if c.lease != nil {
			gs.Lease = hex.EncodeToString(c.lease[:])
		}
		for at := doors; at.Before(s.Ends()); at = at.Add(pass.SlotLength) {
			text, err := s.Text(at, nil)
			if err != nil {
				t.Fatal(err)
			}
			gs.Texts = append(gs.Texts, text)
		}
		g.Sessions = append(g.Sessions, gs)
	}
}

func (g *golden) addPasses(t *testing.T, issuer, unlisted trust.Signer) {
	t.Helper()
	w := newWallet(t, "golden")
	signed := signTicket(t, issuer, newTicket(w.HolderKey()))
	paper := newTicket(ticket.HolderKey{})
	text := rotating(t, w, 20, nil, 20*time.Second, nil) // slot 5
	north, south := 0, 1
	n, err := pass.ParseNonce(g.Nonces[north].Text)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(carried []byte) string {
		out, err := w.Answer(ticketID, n, carried)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	unverified := newWallet(t, "golden")
	unverified.Authenticator.Flags = wallet.UserPresent
	altered := bytes.Replace(signTicket(t, issuer, paper), []byte(paper.Seat), []byte("A-01-01"), 1)
	stranger := newWallet(t, "another").HolderKey()
	add := func(name, text string, holder ticket.HolderKey, nonce *int, after, uncertain time.Duration) {
		g.Passes = append(g.Passes, g.judge(t, goldenPass{
			Name: name, Text: text, Holder: holder, Nonce: nonce, At: doors.Add(after), Uncertainty: uncertain.Milliseconds(),
		}))
	}
	h := w.HolderKey()
	add("rotating, in its slot", text, h, nil, 21*time.Second, 0)
	add("rotating, first moment", text, h, nil, 16*time.Second, 0)
	add("rotating, last millisecond", text, h, nil, 32*time.Second-time.Millisecond, 0)
	add("rotating, too late", text, h, nil, 32*time.Second, 0)
	add("rotating, a screenshot after 15 s", text, h, nil, 35*time.Second, 0)
	add("rotating, too early", text, h, nil, 16*time.Second-time.Millisecond, 0)
	add("rotating, late, but the gate is unsure", text, h, nil, 35*time.Second, 5*time.Second)
	add("rotating, the gate is too unsure", text, h, nil, 21*time.Second, 61*time.Second)
	add("rotating, of another holder", text, stranger, nil, 21*time.Second, 0)
	add("rotating, user not verified", rotating(t, unverified, 20, nil, 20*time.Second, nil), h, nil, 21*time.Second, 0)
	add("rotating, re-timed", forge(t, text, func(w *pass.WireRotating) { w.Start += 60 }), h, nil, 80*time.Second, 0)
	add("rotating, prolonged", forge(t, text, func(w *pass.WireRotating) { w.Slots = 200 }), h, nil, 21*time.Second, 0)
	add("rotating, element of another slot", forge(t, text, func(w *pass.WireRotating) { w.Slot++ }), h, nil, 21*time.Second, 0)
	add("rotating, high s", forge(t, text, func(w *pass.WireRotating) { copy(w.Signature[32:], otherS(w.Signature[32:])) }), h, nil, 21*time.Second, 0)
	add("rotating, cross-origin tail", forge(t, text, func(w *pass.WireRotating) {
		w.Shape, w.Tail = pass.ShapeTail, []byte(`,"crossOrigin":true}`)
	}), h, nil, 21*time.Second, 0)
	add("rotating, with a lease", rotating(t, w, 20, &lease, 20*time.Second, nil), h, nil, 21*time.Second, 0)
	add("rotating, with its ticket", rotating(t, w, 20, nil, 20*time.Second, signed), h, nil, 21*time.Second, 0)
	add("challenge", answer(nil), h, &north, 0, 0)
	add("challenge, with its ticket", answer(signed), h, &north, 0, 0)
	add("challenge, of another gate", answer(nil), h, &south, 0, 0)
	add("challenge, of another holder", answer(nil), stranger, &north, 0, 0)
	did := newIdentity(t, "golden")
	stranger = newIdentity(t, "another").HolderKey()
	accredited := g.Accredited[0].Text
	add("accredited", accredited, did.HolderKey(), &north, 0, 0)
	add("accredited, with its ticket", g.Accredited[1].Text, did.HolderKey(), &north, 0, 0)
	add("accredited, of another gate", accredited, did.HolderKey(), &south, 0, 0)
	add("accredited, of another key", accredited, stranger, &north, 0, 0)
	add("accredited, high s", forgeAccredited(t, accredited, func(w *pass.WireAccredited) {
		copy(w.Signature[32:], otherS(w.Signature[32:]))
	}), did.HolderKey(), &north, 0, 0)
	add("accredited, another ticket", forgeAccredited(t, accredited, func(w *pass.WireAccredited) { w.Ticket[0]++ }), did.HolderKey(), &north, 0, 0)
	add("accredited, cut", accredited[:60], did.HolderKey(), &north, 0, 0)
	add("paper", pass.PaperText(signTicket(t, issuer, paper)), ticket.HolderKey{}, nil, 0, 0)
	add("paper, altered", pass.PaperText(altered), ticket.HolderKey{}, nil, 0, 0)
	add("paper, of an unlisted issuer", pass.PaperText(signTicket(t, unlisted, paper)), ticket.HolderKey{}, nil, 0, 0)
	add("paper, issuer's key has ended", pass.PaperText(signTicket(t, issuer, paper)), ticket.HolderKey{}, nil, 8*24*time.Hour, 0)
	add("cut", text[:100], h, nil, 21*time.Second, 0)
	add("of a later version", "CTR2"+text[4:], h, nil, 21*time.Second, 0)
	add("a part of a presentation", splitTexts(t, []byte("packed"))[0], h, nil, 21*time.Second, 0)
	add("a gate's nonce", g.Nonces[north].Text, h, nil, 21*time.Second, 0)
	add("somebody else's code", "HTTPS://TICKETS.EXAMPLE/", h, nil, 21*time.Second, 0)
}
