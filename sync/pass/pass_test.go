package pass_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

// The world of these tests: one event, one issuer, one holder, one moment.
var (
	site     = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}
	doors    = time.Date(2026, 9, 12, 17, 0, 0, 0, time.UTC)
	ticketID = ticket.ID{0xde, 0xad, 0xbe, 0xef, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	lease    = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
)

func newWallet(t testing.TB, seed string) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(site, []byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newVerifier(t testing.TB) *pass.Verifier {
	t.Helper()
	v, err := pass.NewVerifier(site)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newSigner derives an issuer's key from one byte.
func newSigner(t testing.TB, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventKey is a key of the list, good for an hour around doors.
func eventKey(s trust.Signer, events ...ticket.EventID) trust.Key {
	return trust.Key{
		Role: trust.RoleEvent, Public: s.Public(), Events: events,
		NotBefore: doors.Add(-time.Hour).Unix(), NotAfter: doors.Add(time.Hour).Unix(),
	}
}

func newKeyring(t testing.TB, keys ...trust.Key) *trust.Keyring {
	t.Helper()
	k, err := trust.NewKeyring(&trust.List{Version: 1, Issued: 1, Expires: doors.AddDate(1, 0, 0).Unix(), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newTicket(holder ticket.HolderKey) ticket.Ticket {
	return ticket.Ticket{ID: ticketID, Event: 7, Zone: 3, Class: 2, Seat: "B-12-07", Version: 1, Holder: holder}
}

func signTicket(t testing.TB, s trust.Signer, tk ticket.Ticket) []byte {
	t.Helper()
	signed, err := pass.SignTicket(s, tk)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func parse(t testing.TB, text string) *pass.Pass {
	t.Helper()
	p, err := pass.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return p
}

// rotating makes the text of a pass shown at a time after doors, when its session began.
func rotating(t testing.TB, w *wallet.Wallet, slots uint8, lease *[8]byte, at time.Duration, carried []byte) string {
	t.Helper()
	s, err := w.Session(ticketID, doors, slots, lease)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Text(doors.Add(at), carried)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRotating(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	signed := signTicket(t, newSigner(t, 1), newTicket(w.HolderKey()))
	for name, carried := range map[string][]byte{"id only": nil, "full": signed} {
		text := rotating(t, w, pass.MaxSlots, &lease, 9*time.Second, carried)
		p := parse(t, text)
		if p.Form != pass.Rotating || p.ID != ticketID || !bytes.Equal(p.Carried, carried) {
			t.Errorf("%s: Parse = %s of %s carrying %x", name, p.Form, p.ID, p.Carried)
		}
		if n, begins, ok := p.Slot(); n != 2 || !begins.Equal(doors.Add(8*time.Second)) || !ok {
			t.Errorf("%s: Slot = %d, %s, %t; want 2 and doors + 8 s", name, n, begins, ok)
		}
		if l, ok := p.Lease(); l != lease || !ok {
			t.Errorf("%s: Lease = %x, %t, want %x", name, l, ok, lease)
		}
		if _, ok := p.Nonce(); ok {
			t.Errorf("%s: a rotating pass has a nonce", name)
		}
		if err := v.Rotating(p, w.HolderKey(), doors.Add(10*time.Second), 0); err != nil {
			t.Errorf("%s: Rotating: %v", name, err)
		}
		if err := v.Challenge(p, w.HolderKey(), pass.Nonce{}); !errors.Is(err, pass.ErrWrongForm) {
			t.Errorf("%s: Challenge of a rotating pass = %v, want ErrWrongForm", name, err)
		}
	}
}

// A code is good from one slot before its own to two after, and not a second longer.
func TestRotatingWindow(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	p := parse(t, rotating(t, w, 20, nil, 40*time.Second, nil)) // slot 10: 40 to 44 s
	for _, c := range []struct {
		after, uncertain time.Duration
		want             error
	}{
		{-time.Hour, 0, pass.ErrFuture},
		{36*time.Second - 1, 0, pass.ErrFuture},
		{36 * time.Second, 0, nil},
		{40 * time.Second, 0, nil},
		{52*time.Second - 1, 0, nil},
		{52 * time.Second, 0, pass.ErrStale},
		{55 * time.Second, 0, pass.ErrStale},
		{time.Hour, 0, pass.ErrStale},
		{52 * time.Second, time.Millisecond, nil},
		{57 * time.Second, 5 * time.Second, pass.ErrStale},
		{57*time.Second - 1, 5 * time.Second, nil},
		{31 * time.Second, 5 * time.Second, nil},
		{31*time.Second - 1, 5 * time.Second, pass.ErrFuture},
		{112*time.Second - 1, time.Minute, nil},
		{112 * time.Second, time.Minute, pass.ErrStale},
		{40 * time.Second, time.Minute + 1, pass.ErrClockUncertain},
		{40 * time.Second, -1, pass.ErrClockUncertain},
	} {
		err := v.Rotating(p, w.HolderKey(), doors.Add(c.after), c.uncertain)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("pass of 40 s, now %s ± %s: %v, want %v", c.after, c.uncertain, err, c.want)
		}
	}
}

// Before a session time counts backwards, in slots of the same length: a slot that
// straddles the start would be twice as long.
func TestRotatingBeforeTheSession(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	for _, c := range []struct {
		shown, now time.Duration
		want       error
	}{
		{0, -4 * time.Second, nil},
		{0, -4*time.Second - 1, pass.ErrFuture},
		{4 * time.Second, 0, nil},
		{4 * time.Second, -1, pass.ErrFuture},
		{4 * time.Second, -4 * time.Second, pass.ErrFuture},
	} {
		p := parse(t, rotating(t, w, 20, nil, c.shown, nil))
		err := v.Rotating(p, w.HolderKey(), doors.Add(c.now), 0)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("pass of %s, now %s: %v, want %v", c.shown, c.now, err, c.want)
		}
	}
}

// Every pass of a session verifies at its own time, at any length of session.
func TestSession(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	for slots := uint8(1); slots <= pass.MaxSlots; slots++ {
		s, err := w.Session(ticketID, doors, slots, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := doors.Add(time.Duration(slots) * pass.SlotLength); !s.Ends().Equal(want) {
			t.Errorf("session of %d slots ends at %s, want %s", slots, s.Ends(), want)
		}
		for n := range slots {
			at := doors.Add(time.Duration(n) * pass.SlotLength)
			text, err := s.Text(at, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Rotating(parse(t, text), w.HolderKey(), at, 0); err != nil {
				t.Errorf("slot %d of %d: %v", n, slots, err)
			}
		}
		if text, err := s.Text(s.Ends(), nil); !errors.Is(err, pass.ErrStale) {
			t.Errorf("Text after %d slots = %q, %v, want ErrStale", slots, text, err)
		}
		if text, err := s.Text(doors.Add(-time.Second), nil); !errors.Is(err, pass.ErrFuture) {
			t.Errorf("Text before the session = %q, %v, want ErrFuture", text, err)
		}
	}
}

func TestNewSessionRefuses(t *testing.T) {
	random := func() *bytes.Reader { return bytes.NewReader(make([]byte, 16)) }
	for name, c := range map[string]struct {
		rand  *bytes.Reader
		id    ticket.ID
		start time.Time
		slots uint8
	}{
		"no slots":        {random(), ticketID, doors, 0},
		"too many slots":  {random(), ticketID, doors, pass.MaxSlots + 1},
		"no ticket":       {random(), ticket.ID{}, doors, 1},
		"before 1970":     {random(), ticketID, time.Unix(-1, 0), 1},
		"too late":        {random(), ticketID, time.Unix(1<<41, 0), 1},
		"no random bytes": {bytes.NewReader(nil), ticketID, doors, 1},
	} {
		if s, err := pass.NewSession(c.rand, c.id, c.start, c.slots, nil); err == nil {
			t.Errorf("%s: NewSession = %v, want an error", name, s)
		}
	}
	s, err := pass.NewSession(random(), ticketID, doors, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := s.Text(doors, nil); !errors.Is(err, pass.ErrBadProof) {
		t.Errorf("Text before Seal = %q, %v, want ErrBadProof", text, err)
	}
}

func TestChallenge(t *testing.T) {
	w, v := newWallet(t, "a"), newVerifier(t)
	signed := signTicket(t, newSigner(t, 1), newTicket(w.HolderKey()))
	n := pass.Nonce{Gate: "north-1", Value: [8]byte{9, 8, 7, 6, 5, 4, 3, 2}, Issued: doors.Unix()}
	for name, carried := range map[string][]byte{"id only": nil, "full": signed} {
		text, err := w.Answer(ticketID, n, carried)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, text)
		if p.Form != pass.Challenge || p.ID != ticketID || !bytes.Equal(p.Carried, carried) {
			t.Errorf("%s: Parse = %s of %s carrying %x", name, p.Form, p.ID, p.Carried)
		}
		if got, ok := p.Nonce(); got != n.Value || !ok {
			t.Errorf("%s: Nonce = %x, %t, want %x", name, got, ok, n.Value)
		}
		if err := v.Challenge(p, w.HolderKey(), n); err != nil {
			t.Errorf("%s: Challenge: %v", name, err)
		}
		if err := v.Rotating(p, w.HolderKey(), doors, 0); !errors.Is(err, pass.ErrWrongForm) {
			t.Errorf("%s: Rotating of a challenge pass = %v, want ErrWrongForm", name, err)
		}
	}
}

func TestPaper(t *testing.T) {
	issuer := newSigner(t, 1)
	tk := newTicket(ticket.HolderKey{})
	signed := signTicket(t, issuer, tk)
	p := parse(t, pass.PaperText(signed))
	if p.Form != pass.Paper || p.ID != ticketID || !bytes.Equal(p.Carried, signed) {
		t.Errorf("Parse = %s of %s carrying %x", p.Form, p.ID, p.Carried)
	}
	got, err := pass.OpenTicket(newKeyring(t, eventKey(issuer)), p.Carried, doors)
	if err != nil || got.ID != tk.ID || got.Seat != tk.Seat || !got.Paper() {
		t.Errorf("OpenTicket = %+v, %v, want %+v", got, err, tk)
	}
	v := newVerifier(t)
	if err := v.Rotating(p, ticket.HolderKey{}, doors, 0); !errors.Is(err, pass.ErrWrongForm) {
		t.Errorf("Rotating of a paper pass = %v, want ErrWrongForm", err)
	}
	if err := v.Challenge(p, ticket.HolderKey{}, pass.Nonce{}); !errors.Is(err, pass.ErrWrongForm) {
		t.Errorf("Challenge of a paper pass = %v, want ErrWrongForm", err)
	}
}

func TestEvidence(t *testing.T) {
	w := newWallet(t, "a")
	a := parse(t, rotating(t, w, 20, nil, 0, nil))
	b := parse(t, rotating(t, w, 20, nil, 4*time.Second, nil))
	if a.Evidence() == b.Evidence() || a.Evidence() == [32]byte{} {
		t.Errorf("Evidence of two passes: %x, %x", a.Evidence(), b.Evidence())
	}
}

func TestParseRefuses(t *testing.T) {
	w := newWallet(t, "a")
	good := rotating(t, w, 20, nil, 0, nil)
	nonce := pass.Nonce{Gate: "north-1", Issued: 1}.Text()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":                 {"", pass.ErrForeign},
		"a web address":         {"HTTPS://TICKETS.EXAMPLE", pass.ErrForeign},
		"a health certificate":  {"HC1:6BF", pass.ErrForeign},
		"a city's code":         {"CTAB5", pass.ErrForeign},
		"lower case":            {strings.ToLower(good), pass.ErrForeign},
		"prefix alone":          {"CTR1", pass.ErrMalformed},
		"half a prefix":         {"CTR", pass.ErrForeign},
		"later version":         {"CTR2" + good[4:], pass.ErrMalformed},
		"unknown form":          {"CTX1" + good[4:], pass.ErrMalformed},
		"rotating as challenge": {"CTC1" + good[4:], pass.ErrMalformed},
		"rotating as paper":     {"CTP1" + good[4:], pass.ErrMalformed},
		"a gate's nonce":        {nonce, pass.ErrMalformed},
		"not base45":            {good[:20] + "a" + good[21:], pass.ErrMalformed},
		"space before":          {" " + good, pass.ErrForeign},
		"space after":           {good + " ", pass.ErrMalformed},
		"line feed after":       {good + "\n", pass.ErrMalformed},
		"twice":                 {good + good, pass.ErrMalformed},
		"too long":              {"CTR1" + strings.Repeat("0", pass.MaxText), pass.ErrMalformed},
		"too long and foreign":  {strings.Repeat("A", 1<<20), pass.ErrForeign},
	} {
		p, err := pass.Parse(c.text)
		if !errors.Is(err, c.want) || p != nil {
			t.Errorf("%s: Parse(%.40q) = %v, %v, want %v", name, c.text, p, err, c.want)
		}
	}
}

func TestFormText(t *testing.T) {
	for f := pass.Paper; f <= pass.Accredited; f++ {
		b, err := f.MarshalText()
		var back pass.Form
		if err != nil || back.UnmarshalText(b) != nil || back != f {
			t.Errorf("%d: MarshalText = %q, %v; back %d", f, b, err, back)
		}
	}
	var f pass.Form
	if _, err := f.MarshalText(); err == nil {
		t.Error("the zero form has a text")
	}
	if err := f.UnmarshalText([]byte("")); err == nil {
		t.Error("the empty text has a form")
	}
}
