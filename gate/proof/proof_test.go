package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/wallet"
)

var (
	party = ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}
	now   = time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)
	id    = ticket.ID{0xab, 1}
)

const event = ticket.EventID(7)

// world is a gate with a trust list, an issuer, and two people.
type world struct {
	testing.TB
	issuer, stranger trust.Signer
	keyring          *trust.Keyring
	alice, bob       *wallet.Wallet
	staff, thief     *wallet.Identity
	book             *proof.Book
	bookNow          time.Time
	checker          *proof.Checker
	credentials      *desk
}

func signer(t testing.TB, seed string) trust.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newWallet(t testing.TB, seed string) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(party, []byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newIdentity(t testing.TB, seed string) *wallet.Identity {
	t.Helper()
	i, err := wallet.NewIdentity([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		TB: t, issuer: signer(t, "issuer"), stranger: signer(t, "stranger"),
		alice: newWallet(t, "alice"), bob: newWallet(t, "bob"), bookNow: now,
		staff: newIdentity(t, "staff"), thief: newIdentity(t, "thief"),
	}
	ring, err := trust.NewKeyring(&trust.List{
		Version: 1, Issued: now.Unix() - 60, Expires: now.Unix() + 86400,
		Keys: []trust.Key{{
			Role: trust.RoleEvent, Public: w.issuer.Public(),
			NotBefore: now.Unix() - 60, NotAfter: now.Unix() + 3600,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.keyring = ring
	w.book, err = proof.NewBook(t.Context(), proof.BookConfig{
		Gate: "gate-1", Rand: &counter{}, Now: func() time.Time { return w.bookNow },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.credentials = &desk{nonce: "none"}
	w.checker, err = proof.New(t.Context(), proof.Config{
		Keyring: func() *trust.Keyring { return w.keyring }, Book: w.book, Credentials: w.credentials, Gate: "gate-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// counter is a source of nonces that are all different and always the same.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	c.n++
	for i := range p {
		p[i] = c.n
	}
	return len(p), nil
}

func bound(holder *wallet.Wallet, version uint32) ticket.Ticket {
	return ticket.Ticket{ID: id, Event: event, Zone: 1, Class: 1, Version: version, Holder: holder.HolderKey()}
}

func forStaff(holder *wallet.Identity, version uint32) ticket.Ticket {
	return ticket.Ticket{ID: id, Event: event, Class: 9, Version: version, Holder: holder.HolderKey()}
}

func (w *world) accredited(by *wallet.Identity, n pass.Nonce, carried []byte) *pass.Pass {
	w.Helper()
	text, err := by.Answer(id, n, carried)
	if err != nil {
		w.Fatal(err)
	}
	return w.parse(text)
}

func onPaper(version uint32) ticket.Ticket {
	return ticket.Ticket{ID: id, Event: event, Zone: 1, Class: 1, Version: version}
}

func (w *world) sign(s trust.Signer, t ticket.Ticket) []byte {
	w.Helper()
	b, err := pass.SignTicket(s, t)
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *world) parse(text string) *pass.Pass {
	w.Helper()
	p, err := pass.Parse(text)
	if err != nil {
		w.Fatalf("Parse(%q) = %v", text, err)
	}
	return p
}

// rotating is a code that the wallet made at that time.
func (w *world) rotating(by *wallet.Wallet, at time.Time, carried []byte) *pass.Pass {
	w.Helper()
	s, err := by.Rotating(id, at)
	if err != nil {
		w.Fatal(err)
	}
	text, err := s.Text(at, carried)
	if err != nil {
		w.Fatal(err)
	}
	return w.parse(text)
}

func (w *world) answer(by *wallet.Wallet, n pass.Nonce, carried []byte) *pass.Pass {
	w.Helper()
	text, err := by.Answer(id, n, carried)
	if err != nil {
		w.Fatal(err)
	}
	return w.parse(text)
}

func (w *world) current() pass.Nonce {
	w.Helper()
	n, err := w.book.Current()
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) check(p *pass.Pass, stored *ticket.Ticket, change ...func(*proof.Question)) proof.Facts {
	w.Helper()
	q := proof.Question{Pass: p, Stored: stored, Party: party, Now: now, Uncertainty: 20 * time.Millisecond}
	for _, c := range change {
		c(&q)
	}
	return w.checker.Check(q)
}

func ptr(t ticket.Ticket) *ticket.Ticket { return &t }

func TestCheck(t *testing.T) {
	type facts struct {
		proof   ticket.Reason
		known   bool
		carried bool
		version uint32
	}
	stored := func(r ticket.Reason, version uint32) facts { return facts{r, true, false, version} }
	tests := map[string]struct {
		pass   func(*world) *pass.Pass
		stored func(*world) *ticket.Ticket // nil: the set has no such ticket
		want   facts
	}{
		"rotating, id only": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now, nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.OK, 1),
		},
		"rotating, id only, not in the set": {
			pass: func(w *world) *pass.Pass { return w.rotating(w.alice, now, nil) },
			want: facts{proof: ticket.UnknownTicket},
		},
		"screenshot after fifteen seconds": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now.Add(-15*time.Second), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.StalePass, 1),
		},
		"from the future": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now.Add(time.Minute), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.FuturePass, 1),
		},
		"user not verified": {
			pass: func(w *world) *pass.Pass {
				w.alice.Authenticator.Flags = wallet.UserPresent
				return w.rotating(w.alice, now, nil)
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.NotUserVerified, 1),
		},
		"somebody else's key, never rebound": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.bob, now, nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"former holder, id only": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now, nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.bob, 2)) },
			want:   stored(ticket.Transferred, 2),
		},
		"former holder carries the old ticket": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now, w.sign(w.issuer, bound(w.alice, 1))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.bob, 2)) },
			want:   stored(ticket.Transferred, 2),
		},
		"present holder still carries the old ticket": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.bob, now, w.sign(w.issuer, bound(w.alice, 1))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.bob, 2)) },
			want:   stored(ticket.OK, 2),
		},
		"stranger carries the old ticket": {
			pass: func(w *world) *pass.Pass {
				eve := newWallet(w, "eve")
				return w.rotating(eve, now, w.sign(w.issuer, bound(w.alice, 1)))
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.bob, 2)) },
			want:   stored(ticket.BadSignature, 2),
		},
		"two tickets of one version": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.bob, now, w.sign(w.issuer, bound(w.bob, 1))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.HolderMismatch, 1),
		},
		"new holder, the set is behind": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.bob, now, w.sign(w.issuer, bound(w.bob, 2))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   facts{ticket.OK, true, true, 2},
		},
		"former holder shows the new ticket": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now, w.sign(w.issuer, bound(w.bob, 2))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   facts{ticket.Transferred, true, true, 2},
		},
		"fresh sale, carried": {
			pass: func(w *world) *pass.Pass { return w.rotating(w.alice, now, w.sign(w.issuer, bound(w.alice, 1))) },
			want: facts{ticket.OK, true, true, 1},
		},
		"fresh sale, stolen": {
			pass: func(w *world) *pass.Pass { return w.rotating(w.bob, now, w.sign(w.issuer, bound(w.alice, 1))) },
			want: facts{ticket.BadSignature, true, true, 1},
		},
		"carried ticket forged": {
			pass: func(w *world) *pass.Pass { return w.rotating(w.bob, now, w.sign(w.stranger, bound(w.bob, 1))) },
			want: facts{proof: ticket.BadSignature},
		},
		"challenge, carried ticket forged, set has another": {
			pass: func(w *world) *pass.Pass {
				return w.answer(w.bob, w.current(), w.sign(w.stranger, bound(w.bob, 9)))
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"paper": {
			pass:   func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.issuer, onPaper(1)))) },
			stored: func(*world) *ticket.Ticket { return ptr(onPaper(1)) },
			want:   stored(ticket.OK, 1),
		},
		"paper, not in the set": {
			pass: func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.issuer, onPaper(1)))) },
			want: facts{ticket.OK, true, true, 1},
		},
		"paper, forged": {
			pass:   func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.stranger, onPaper(1)))) },
			stored: func(*world) *ticket.Ticket { return ptr(onPaper(1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"paper, since reissued": {
			pass:   func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.issuer, onPaper(1)))) },
			stored: func(*world) *ticket.Ticket { return ptr(onPaper(2)) },
			want:   stored(ticket.Transferred, 2),
		},
		"paper, since bound to a phone": {
			pass:   func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.issuer, onPaper(1)))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 2)) },
			want:   stored(ticket.Transferred, 2),
		},
		"bound ticket printed": {
			pass:   func(w *world) *pass.Pass { return w.parse(pass.PaperText(w.sign(w.issuer, bound(w.alice, 1)))) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.FormNotAllowed, 1),
		},
		"rotating for a paper ticket": {
			pass:   func(w *world) *pass.Pass { return w.rotating(w.alice, now, nil) },
			stored: func(*world) *ticket.Ticket { return ptr(onPaper(1)) },
			want:   stored(ticket.FormNotAllowed, 1),
		},
		"challenge": {
			pass:   func(w *world) *pass.Pass { return w.answer(w.alice, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.OK, 1),
		},
		"challenge, nonce of another gate": {
			pass: func(w *world) *pass.Pass {
				return w.answer(w.alice, pass.Nonce{Gate: "gate-2", Value: [8]byte{9}, Issued: now.Unix()}, nil)
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.NonceUnknown, 1),
		},
		"challenge, signed for another gate": {
			pass: func(w *world) *pass.Pass {
				n := w.current()
				n.Gate = "gate-2"
				return w.answer(w.alice, n, nil)
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"challenge, too slow": {
			pass: func(w *world) *pass.Pass {
				p := w.answer(w.alice, w.current(), nil)
				w.bookNow = w.bookNow.Add(proof.DefaultLife)
				return p
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.NonceUnknown, 1),
		},
		"challenge, just in time": {
			pass: func(w *world) *pass.Pass {
				p := w.answer(w.alice, w.current(), nil)
				w.bookNow = w.bookNow.Add(proof.DefaultLife - 1)
				return p
			},
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.OK, 1),
		},
		"accredited": {
			pass:   func(w *world) *pass.Pass { return w.accredited(w.staff, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.OK, 1),
		},
		"accredited, not in the set": {
			pass: func(w *world) *pass.Pass {
				return w.accredited(w.staff, w.current(), w.sign(w.issuer, forStaff(w.staff, 1)))
			},
			want: facts{ticket.OK, true, true, 1},
		},
		"accredited, somebody else's DID": {
			pass:   func(w *world) *pass.Pass { return w.accredited(w.thief, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"accredited, DID since replaced": {
			pass:   func(w *world) *pass.Pass { return w.accredited(w.thief, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 2)) },
			want:   stored(ticket.Transferred, 2),
		},
		"accredited, signed for another gate": {
			pass: func(w *world) *pass.Pass {
				n := w.current()
				n.Gate = "gate-2"
				return w.accredited(w.staff, n, nil)
			},
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"accredited, nonce of another gate": {
			pass: func(w *world) *pass.Pass {
				return w.accredited(w.staff, pass.Nonce{Gate: "gate-2", Value: [8]byte{9}, Issued: now.Unix()}, nil)
			},
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.NonceUnknown, 1),
		},
		"accredited, too slow": {
			pass: func(w *world) *pass.Pass {
				p := w.accredited(w.staff, w.current(), nil)
				w.bookNow = w.bookNow.Add(proof.DefaultLife)
				return p
			},
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.NonceUnknown, 1),
		},
		"accredited, for a paper ticket": {
			pass:   func(w *world) *pass.Pass { return w.accredited(w.staff, w.current(), nil) },
			stored: func(*world) *ticket.Ticket { return ptr(onPaper(1)) },
			want:   stored(ticket.FormNotAllowed, 1),
		},
		"accredited, for a visitor's passkey": {
			pass:   func(w *world) *pass.Pass { return w.accredited(w.staff, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(bound(w.alice, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"challenge of a visitor, for a DID": {
			pass:   func(w *world) *pass.Pass { return w.answer(w.alice, w.current(), nil) },
			stored: func(w *world) *ticket.Ticket { return ptr(forStaff(w.staff, 1)) },
			want:   stored(ticket.BadSignature, 1),
		},
		"nothing": {
			pass: func(*world) *pass.Pass { return nil },
			want: facts{proof: ticket.Malformed},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := tc.pass(w)
			var s *ticket.Ticket
			if tc.stored != nil {
				s = tc.stored(w)
			}
			f := w.check(p, s)
			got := facts{f.Proof, f.Known, f.Carried, f.Ticket.Version}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if !f.Known && !f.Ticket.ID.IsZero() {
				t.Errorf("unknown, and yet it names ticket %s", f.Ticket.ID)
			}
		})
	}
}

func TestClockUncertainty(t *testing.T) {
	w := newWorld(t)
	stored := ptr(bound(w.alice, 1))
	unsure := func(d time.Duration) func(*proof.Question) {
		return func(q *proof.Question) { q.Uncertainty = d }
	}
	old := w.rotating(w.alice, now.Add(-40*time.Second), nil)
	for _, tc := range []struct {
		unsure time.Duration
		want   ticket.Reason
	}{
		{time.Second, ticket.StalePass},
		{40 * time.Second, ticket.OK},
		{time.Minute, ticket.OK},
		{time.Minute + 1, ticket.ClockUncertain},
		{-1, ticket.ClockUncertain},
	} {
		if f := w.check(old, stored, unsure(tc.unsure)); f.Proof != tc.want {
			t.Errorf("a code of 40 s ago, uncertain by %s: %s, want %s", tc.unsure, f.Proof, tc.want)
		}
	}
	// A challenge does not ask the time.
	if f := w.check(w.answer(w.alice, w.current(), nil), stored, unsure(time.Hour)); f.Proof != ticket.OK {
		t.Errorf("a challenge, uncertain by an hour: %s, want ok", f.Proof)
	}
}

func TestNonceServesOnce(t *testing.T) {
	for _, form := range []pass.Form{pass.Challenge, pass.Accredited} {
		t.Run(form.String(), func(t *testing.T) { testNonceServesOnce(t, form) })
	}
}

func testNonceServesOnce(t *testing.T, form pass.Form) {
	w := newWorld(t)
	stored := ptr(bound(w.alice, 1))
	n := w.current()
	theft := w.answer(w.bob, n, nil)
	answer := w.answer(w.alice, n, nil)
	if form == pass.Accredited {
		stored = ptr(forStaff(w.staff, 1))
		theft, answer = w.accredited(w.thief, n, nil), w.accredited(w.staff, n, nil)
	}

	// A wrong answer must not take the nonce from the one who stands there.
	if f := w.check(theft, stored); f.Proof != ticket.BadSignature {
		t.Fatalf("a thief's answer: %s, want %s", f.Proof, ticket.BadSignature)
	}
	// Nor may an explanation.
	for range 2 {
		if f := w.check(answer, stored, func(q *proof.Question) { q.Dry = true }); f.Proof != ticket.OK {
			t.Fatalf("dry run: %s, want ok", f.Proof)
		}
	}
	if f := w.check(answer, stored); f.Proof != ticket.OK {
		t.Fatalf("the holder's answer: %s, want ok", f.Proof)
	}
	if f := w.check(answer, stored); f.Proof != ticket.NonceUnknown {
		t.Errorf("the holder's answer again: %s, want %s", f.Proof, ticket.NonceUnknown)
	}
	if again := w.current(); again.Value == n.Value {
		t.Errorf("the lane still shows the nonce %x that was answered", n.Value)
	}
}

// What the gate lacks must not be held against somebody whom the set vouches for.
func TestWithoutKeys(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"no trust list": func(w *world) { w.keyring = nil },
		"keys expired":  func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			late := now
			if name == "keys expired" {
				late = now.Add(2 * time.Hour)
			}
			lose(w)
			at := func(q *proof.Question) { q.Now = late }
			full := w.rotating(w.alice, late, w.sign(w.issuer, bound(w.alice, 1)))
			if f := w.check(full, ptr(bound(w.alice, 1)), at); f.Proof != ticket.OK || f.Carried {
				t.Errorf("in the set: %+v, want ok by the stored ticket", f)
			}
			f := w.check(full, nil, at)
			if f.Proof != ticket.NoSet && f.Proof != ticket.SetExpired || f.Known {
				t.Errorf("not in the set: %+v, want it not known", f)
			}
			paper := w.parse(pass.PaperText(w.sign(w.issuer, onPaper(1))))
			if f := w.check(paper, ptr(onPaper(1)), at); f.Proof == ticket.OK {
				t.Errorf("paper without a key to check it: %+v", f)
			}
		})
	}
}

func TestWithoutBook(t *testing.T) {
	w := newWorld(t)
	c, err := proof.New(t.Context(), proof.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c.CanChallenge() || !w.checker.CanChallenge() {
		t.Errorf("CanChallenge = %t without and %t with a book", c.CanChallenge(), w.checker.CanChallenge())
	}
	p := w.answer(w.alice, w.current(), nil)
	q := proof.Question{Pass: p, Stored: ptr(bound(w.alice, 1)), Party: party, Now: now}
	if f := c.Check(q); f.Proof != ticket.NonceUnknown {
		t.Errorf("challenge at a lane that shows none: %s, want %s", f.Proof, ticket.NonceUnknown)
	}
}

func TestUnusableRelyingParty(t *testing.T) {
	w := newWorld(t)
	f := w.check(w.rotating(w.alice, now, nil), ptr(bound(w.alice, 1)), func(q *proof.Question) {
		q.Party = ticket.RelyingParty{}
	})
	if f.Proof != ticket.ReferToStaff {
		t.Errorf("rules without a relying party: %s, want %s", f.Proof, ticket.ReferToStaff)
	}
}
