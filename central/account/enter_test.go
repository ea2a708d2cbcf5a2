package account_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

func TestRegisterAndSignIn(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	c, err := h.NewChallenge(account.Registration, "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := h.Register(t.Context(), account.Registering{Email: " Kim@Example.ORG ", Challenge: c.Value, Passkey: created(t, a, c.Value)})
	if err != nil {
		t.Fatal(err)
	}
	p := e.Person
	if p.ID != hex.EncodeToString(c.UserID) || p.Email != "kim@example.org" || p.Passkey.Key != a.HolderKey() || !bytes.Equal(p.Passkey.CredentialID, a.CredentialID()) {
		t.Errorf("registered %+v, want the account that the challenge named", p)
	}
	if _, ok := account.NormaliseCode(e.RecoveryCode); !ok || len(e.RecoveryCode) != 23 || strings.Count(e.RecoveryCode, "-") != 3 {
		t.Errorf("recovery code %q", e.RecoveryCode)
	}
	got, moved, err := h.Resume(t.Context(), e.Token)
	if err != nil || got.ID != p.ID || got.Passkey.Key != p.Passkey.Key || !moved.IsZero() {
		t.Errorf("Resume = %+v, %s, %v", got, moved, err)
	}
	h.clock.Advance(time.Minute)
	again, err := h.enter(a)
	if err != nil || again.Person.ID != p.ID || again.RecoveryCode != "" || again.Token == e.Token {
		t.Errorf("sign-in = %+v, %v", again, err)
	}
	keys, err := h.Passkeys(t.Context(), p.ID)
	if err != nil || len(keys) != 1 || !slices.Equal(keys[0].Transports, []string{"internal", "hybrid"}) || keys[0].Used.Sub(keys[0].Created) != time.Minute {
		t.Errorf("passkeys = %+v, %v", keys, err)
	}
	if now, err := h.Person(t.Context(), p.ID); err != nil || now.Email != p.Email || now.Passkey.Key != a.HolderKey() {
		t.Errorf("Person = %+v, %v", now, err)
	}
	_, err = h.Person(t.Context(), "nobody")
	wantErr(t, "an account that is none", err, account.ErrUnknown)
}

// Nothing that lets anybody act can be read out of the database.
func TestDatabaseKeepsNoSecret(t *testing.T) {
	h := start(t)
	e := h.register("kim@example.org", h.phone("a"))
	if _, err := h.recover("kim@example.org", "22222-22222-22222-22222", h.phone("b")); err == nil {
		t.Error("recovered with a wrong code")
	}
	normal, _ := account.NormaliseCode(e.RecoveryCode)
	b := storetest.Contents(t, h.path)
	for _, secret := range []string{e.Token, e.RecoveryCode, normal} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the database holds %q", secret)
		}
	}
	if !bytes.Contains(b, []byte("kim@example.org")) {
		t.Error("the search would not have found them: it does not find the address either")
	}
	for _, secret := range []string{e.Token, normal, "kim@", "22222"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, h.log)
		}
	}
}

func TestRegisterRefused(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	first := h.register("kim@example.org", a)
	used := h.challenge(account.Registration, "")
	if _, err := h.Register(t.Context(), account.Registering{Email: "lee@example.org", Challenge: used, Passkey: created(t, h.phone("lee"), used)}); err != nil {
		t.Fatal(err)
	}
	stale := h.challenge(account.Registration, "")
	h.clock.Advance(account.ChallengeLifetime)

	evil := ticket.RelyingParty{ID: "evil.example", Origin: "https://evil.example"}
	elsewhere := func(name string) *wallet.Authenticator {
		b, err := wallet.NewAuthenticator(evil, []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	otherOrigin, otherRP, unverified := elsewhere("o"), elsewhere("r"), h.phone("u")
	otherOrigin.RelyingParty.ID = party.ID
	otherRP.RelyingParty.Origin = party.Origin
	unverified.Flags = wallet.UserPresent

	for name, c := range map[string]struct {
		email     string
		phone     *wallet.Authenticator
		challenge []byte // a fresh one if nil
		change    func(r *account.Registering)
		want      error
	}{
		"e-mail taken":             {"kim@example.org", h.phone("b"), nil, nil, account.ErrExists},
		"e-mail taken, spelt else": {"KIM@Example.org ", h.phone("b"), nil, nil, account.ErrExists},
		"no e-mail":                {"kim", h.phone("b"), nil, nil, account.ErrEmail},
		"passkey known":            {"new@example.org", a, nil, nil, account.ErrKnownPasskey},
		"another origin":           {"new@example.org", otherOrigin, nil, nil, account.ErrPasskey},
		"another relying party":    {"new@example.org", otherRP, nil, nil, account.ErrPasskey},
		"user not verified":        {"new@example.org", unverified, nil, nil, account.ErrPasskey},
		"used challenge":           {"new@example.org", h.phone("b"), used, nil, account.ErrChallenge},
		"stale challenge":          {"new@example.org", h.phone("b"), stale, nil, account.ErrChallenge},
		"challenge of a sign-in":   {"new@example.org", h.phone("b"), h.challenge(account.SignIn, ""), nil, account.ErrChallenge},
		"challenge of recovery":    {"new@example.org", h.phone("b"), h.challenge(account.Recovery, ""), nil, account.ErrChallenge},
		"challenge of a person":    {"new@example.org", h.phone("b"), h.challenge(account.DID, first.Person.ID), nil, account.ErrChallenge},
		"challenge made up":        {"new@example.org", h.phone("b"), make([]byte, 40), nil, account.ErrChallenge},
		"no challenge":             {"new@example.org", h.phone("b"), []byte{}, nil, account.ErrChallenge},
		"credential id of another": {"new@example.org", h.phone("b"), nil, func(r *account.Registering) { r.Passkey.CredentialID = a.CredentialID() }, account.ErrPasskey},
		"no credential id":         {"new@example.org", h.phone("b"), nil, func(r *account.Registering) { r.Passkey.CredentialID = nil }, account.ErrPasskey},
		"a sign-in's client data": {"new@example.org", h.phone("b"), nil, func(r *account.Registering) {
			r.Passkey.ClientDataJSON = signed(t, h.phone("b"), r.Challenge).ClientDataJSON
		}, account.ErrPasskey},
		"huge attestation": {"new@example.org", h.phone("b"), nil, func(r *account.Registering) {
			r.Passkey.AttestationObject = make([]byte, 1<<20)
		}, account.ErrPasskey},
	} {
		if c.challenge == nil {
			c.challenge = h.challenge(account.Registration, "")
		}
		r := account.Registering{Email: c.email, Challenge: c.challenge, Passkey: created(t, c.phone, c.challenge)}
		if c.change != nil {
			c.change(&r)
		}
		_, err := h.Register(t.Context(), r)
		wantErr(t, name, err, c.want)
	}
	// Nobody came of it, and the account that was attacked is its owner's.
	if _, err := h.enter(h.phone("b")); !errors.Is(err, account.ErrAssertion) {
		t.Errorf("a refused passkey signs in: %v", err)
	}
	if e, err := h.enter(a); err != nil || e.Person.Email != "kim@example.org" {
		t.Errorf("the owner signs in as %+v, %v", e.Person, err)
	}
}

// The same key under another credential id is no new passkey.
func TestKeyIsRegisteredOnce(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	h.register("kim@example.org", a)
	c := h.challenge(account.Registration, "")
	n := created(t, a, c)
	at := bytes.Index(n.AttestationObject, n.CredentialID)
	n.AttestationObject[at]++
	n.CredentialID = n.AttestationObject[at : at+32]
	_, err := h.Register(t.Context(), account.Registering{Email: "lee@example.org", Challenge: c, Passkey: n})
	wantErr(t, "key known", err, account.ErrKnownPasskey)
}

func TestSignInRefused(t *testing.T) {
	h := start(t)
	a, b := h.phone("a"), h.phone("b")
	kim := h.register("kim@example.org", a)
	h.register("lee@example.org", b)
	evil := ticket.RelyingParty{ID: "evil.example", Origin: "https://evil.example"}
	used := h.challenge(account.SignIn, "")
	if _, err := h.Enter(t.Context(), account.SigningIn{Challenge: used, CredentialID: a.CredentialID(), Assertion: signed(t, a, used)}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		challenge []byte
		change    func(x *wallet.Authenticator)
		id        []byte
		forge     func(s *account.Assertion)
		want      error
	}{
		"another origin":           {nil, func(x *wallet.Authenticator) { x.RelyingParty.Origin = evil.Origin }, nil, nil, account.ErrAssertion},
		"another relying party":    {nil, func(x *wallet.Authenticator) { x.RelyingParty.ID = evil.ID }, nil, nil, account.ErrAssertion},
		"another site's frame":     {nil, func(x *wallet.Authenticator) { x.ClientData.Tail = `,"crossOrigin":true}` }, nil, nil, account.ErrAssertion},
		"user not verified":        {nil, func(x *wallet.Authenticator) { x.Flags = wallet.UserPresent }, nil, nil, account.ErrAssertion},
		"user not present":         {nil, func(x *wallet.Authenticator) { x.Flags = wallet.UserVerified }, nil, nil, account.ErrAssertion},
		"another's credential":     {nil, nil, b.CredentialID(), nil, account.ErrAssertion},
		"an unknown credential":    {nil, nil, h.phone("c").CredentialID(), nil, account.ErrAssertion},
		"no credential":            {nil, nil, []byte{}, nil, account.ErrAssertion},
		"used challenge":           {used, nil, nil, nil, account.ErrChallenge},
		"challenge of a sign-up":   {h.challenge(account.Registration, ""), nil, nil, nil, account.ErrChallenge},
		"challenge of a person":    {h.challenge(account.DID, kim.Person.ID), nil, nil, nil, account.ErrChallenge},
		"signature of nothing":     {nil, nil, nil, func(s *account.Assertion) { s.Signature = nil }, account.ErrAssertion},
		"signature changed":        {nil, nil, nil, func(s *account.Assertion) { s.Signature[20] ^= 1 }, account.ErrAssertion},
		"counter changed":          {nil, nil, nil, func(s *account.Assertion) { s.AuthenticatorData[36] ^= 1 }, account.ErrAssertion},
		"flags changed":            {nil, func(x *wallet.Authenticator) { x.Flags = wallet.UserPresent }, nil, func(s *account.Assertion) { s.AuthenticatorData[32] |= wallet.UserVerified }, account.ErrAssertion},
		"authenticator data short": {nil, nil, nil, func(s *account.Assertion) { s.AuthenticatorData = s.AuthenticatorData[:36] }, account.ErrAssertion},
		"a registration's client data": {nil, nil, nil, func(s *account.Assertion) {
			s.ClientDataJSON = bytes.Replace(s.ClientDataJSON, []byte("webauthn.get"), []byte("webauthn.create"), 1)
		}, account.ErrAssertion},
	} {
		if c.challenge == nil {
			c.challenge = h.challenge(account.SignIn, "")
		}
		x := h.phone("a")
		if c.change != nil {
			c.change(x)
		}
		s := signed(t, x, c.challenge)
		if c.forge != nil {
			c.forge(&s)
		}
		id := c.id
		if id == nil {
			id = a.CredentialID()
		}
		_, err := h.Enter(t.Context(), account.SigningIn{Challenge: c.challenge, CredentialID: id, Assertion: s})
		wantErr(t, name, err, c.want)
	}
}

// A registration says "webauthn.create" even where its challenge was signed as a
// sign-in's, and the other way round: the type parts the two.
func TestRealCeremonyOfTheOtherType(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	h.register("kim@example.org", a)
	c := h.challenge(account.SignIn, "")
	r, err := a.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Sign(r.ClientDataJSON) // what an authenticator never does
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Enter(t.Context(), account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: account.Assertion(s)})
	wantErr(t, "signed registration", err, account.ErrAssertion)
}

// Authenticators answer with s in either half of the order; it is one signature,
// so its mirror image is no second use of the challenge.
func TestHighSIsTheSameSignature(t *testing.T) {
	h := start(t)
	a, mirror := h.phone("a"), h.phone("a")
	mirror.HighS = true
	h.register("kim@example.org", a)
	c := h.challenge(account.SignIn, "")
	high := account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(t, mirror, c)}
	low := high
	low.Assertion = signed(t, a, c)
	if bytes.Equal(high.Assertion.Signature, low.Assertion.Signature) {
		t.Fatal("the mirror image is the same")
	}
	if _, err := h.Enter(t.Context(), high); err != nil {
		t.Errorf("high s: %v", err)
	}
	_, err := h.Enter(t.Context(), low)
	wantErr(t, "the same with low s", err, account.ErrChallenge)
}

func TestCounter(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	a.Counter = 5
	h.register("kim@example.org", a)
	for _, step := range []struct {
		counter uint32
		want    error
	}{
		{5, account.ErrCounter},
		{6, nil},
		{6, account.ErrCounter},
		{2, account.ErrCounter},
		{0, account.ErrCounter},
		{900, nil},
		{1<<32 - 1, nil},
		{1<<32 - 1, account.ErrCounter},
	} {
		a.Counter = step.counter
		if _, err := h.enter(a); !errors.Is(err, step.want) {
			t.Errorf("counter %d: %v, want %v", step.counter, err, step.want)
		}
	}
	if !strings.Contains(h.log.String(), "counter went back") {
		t.Error("the log says nothing of a counter that went back")
	}
	// One that keeps no counter stays at zero, until it begins to.
	b := h.phone("b")
	h.register("lee@example.org", b)
	for _, step := range []struct {
		counter uint32
		want    error
	}{{0, nil}, {0, nil}, {3, nil}, {0, account.ErrCounter}} {
		b.Counter = step.counter
		if _, err := h.enter(b); !errors.Is(err, step.want) {
			t.Errorf("counter %d: %v, want %v", step.counter, err, step.want)
		}
	}
}

// Of many uses of one challenge at once, one opens a session.
func TestChallengeIsUsedOnce(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	h.register("kim@example.org", a)
	c := h.challenge(account.SignIn, "")
	r := account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(t, a, c)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for range 8 {
		wg.Go(func() {
			_, err := h.Enter(t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				in++
			} else if !errors.Is(err, account.ErrChallenge) {
				t.Errorf("Enter: %v", err)
			}
		})
	}
	wg.Wait()
	if in != 1 {
		t.Errorf("%d sessions, want 1", in)
	}
}

// Another process of the same organiser, or the next after a restart, takes a
// challenge and none that was used before.
func TestChallengeAcrossProcesses(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	h.register("kim@example.org", a)
	c := h.challenge(account.SignIn, "")
	r := account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(t, a, c)}
	db, err := store.Open(t.Context(), storetest.At(t, h.path, h.clock.Now, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	cfg := h.cfg
	cfg.Store = db.Accounts()
	next, err := account.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	e, err := next.Enter(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*account.Accounts{h.Accounts, next} {
		_, err := p.Enter(t.Context(), r)
		wantErr(t, "again", err, account.ErrChallenge)
	}
	if h.who(e.Token) != "kim@example.org" {
		t.Error("the one process does not know the other's session")
	}
	if err := next.SignOut(t.Context(), e.Token); err != nil || h.who(e.Token) != "" {
		t.Errorf("signed out at the one, signed in at the other: %v", err)
	}
}

func TestChallengePurpose(t *testing.T) {
	h := start(t)
	a, b := h.phone("a"), h.phone("b")
	kim, lee := h.register("kim@example.org", a).Person, h.register("lee@example.org", b).Person
	_, err := h.NewChallenge("take_over", kim.ID)
	wantErr(t, "an unknown purpose", err, account.ErrPurpose)
	for _, p := range []account.Purpose{account.RecoveryCode, account.DID, account.Transfer, account.TransferAccept, account.Ask} {
		if !p.Personal() {
			t.Errorf("%s is for everybody", p)
		}
		_, err := h.NewChallenge(p, "")
		wantErr(t, string(p)+" for nobody", err, account.ErrSignedOut)
	}
	c := h.challenge(account.Transfer, kim.ID)
	confirm := func(p account.Person, purpose account.Purpose, x *wallet.Authenticator, what []byte) error {
		return h.Confirm(t.Context(), p, purpose, c, what, signed(t, x, what))
	}
	terms := bytes.Repeat([]byte{3}, 32)
	wantErr(t, "another purpose", confirm(kim, account.TransferAccept, a, terms), account.ErrChallenge)
	wantErr(t, "another account", confirm(lee, account.Transfer, b, terms), account.ErrChallenge)
	wantErr(t, "nobody", confirm(account.Person{Passkey: kim.Passkey}, account.Transfer, a, terms), account.ErrChallenge)
	wantErr(t, "another's signature", confirm(kim, account.Transfer, b, terms), account.ErrAssertion)
	wantErr(t, "other terms", h.Confirm(t.Context(), kim, account.Transfer, c, terms, signed(t, a, c)), account.ErrAssertion)
	wantErr(t, "a purpose that is nobody's", confirm(kim, account.SignIn, a, terms), account.ErrChallenge)
	if err := confirm(kim, account.Transfer, a, terms); err != nil {
		t.Errorf("as it must be: %v", err)
	}
	wantErr(t, "again", confirm(kim, account.Transfer, a, terms), account.ErrChallenge)
	another := h.cfg
	another.ChallengeKey = [32]byte{2}
	foreign, err := account.New(t.Context(), another)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := foreign.NewChallenge(account.Transfer, kim.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "of another server", h.Confirm(t.Context(), kim, account.Transfer, ch.Value, terms, signed(t, a, terms)), account.ErrChallenge)
}

func TestSessions(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	first := h.register("kim@example.org", a)
	for _, token := range []string{"", "x", first.Token[1:], first.Token + "A", first.Token + "=", strings.Repeat("A", 43), strings.Repeat("A", 1<<20)} {
		if who := h.who(token); who != "" {
			t.Errorf("token of %d characters is %s's", len(token), who)
		}
	}
	// Each use begins the thirty days anew, written down once an hour.
	h.clock.Advance(59 * time.Minute)
	if _, moved, err := h.Resume(t.Context(), first.Token); err != nil || !moved.IsZero() {
		t.Errorf("after 59 minutes: moved to %s, %v", moved, err)
	}
	for range 3 {
		h.clock.Advance(account.SessionLifetime - time.Hour)
		if _, moved, err := h.Resume(t.Context(), first.Token); err != nil || moved.IsZero() {
			t.Errorf("after 29 days: moved to %s, %v", moved, err)
		}
	}
	h.clock.Advance(account.SessionLifetime)
	if who := h.who(first.Token); who != "" {
		t.Error("a session lives after its end")
	}
	// A sign-in ends the session it came with, and takes over none.
	second, err := h.enter(a)
	if err != nil {
		t.Fatal(err)
	}
	c := h.challenge(account.SignIn, "")
	third, err := h.Enter(t.Context(), account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(t, a, c), Session: second.Token})
	if err != nil || third.Token == second.Token || h.who(second.Token) != "" || h.who(third.Token) == "" {
		t.Errorf("third %v; the second is %q's, want nobody's", err, h.who(second.Token))
	}
	planted := strings.Repeat("B", 43)
	c = h.challenge(account.SignIn, "")
	fourth, err := h.Enter(t.Context(), account.SigningIn{Challenge: c, CredentialID: a.CredentialID(), Assertion: signed(t, a, c), Session: planted})
	if err != nil || fourth.Token == planted || h.who(planted) != "" {
		t.Errorf("a planted session came to life: %v", err)
	}
	for range 2 {
		if err := h.SignOut(t.Context(), fourth.Token); err != nil || h.who(fourth.Token) != "" {
			t.Errorf("signed out: %v, still %q", err, h.who(fourth.Token))
		}
	}
	if h.who(third.Token) == "" {
		t.Error("signing out on one phone signed out another")
	}
	// Of very many the oldest end.
	for range 16 {
		h.clock.Advance(time.Second)
		if _, err := h.enter(a); err != nil {
			t.Fatal(err)
		}
	}
	if h.who(third.Token) != "" {
		t.Error("sessions pile up")
	}
}

func TestNewRefuses(t *testing.T) {
	h := start(t)
	for name, change := range map[string]func(*account.Config){
		"no store":         func(c *account.Config) { c.Store = nil },
		"no verifier":      func(c *account.Config) { c.Verifier = nil },
		"no rebinder":      func(c *account.Config) { c.Rebinder = nil },
		"no key":           func(c *account.Config) { c.ChallengeKey = [32]byte{} },
		"no relying party": func(c *account.Config) { c.RelyingParty = ticket.RelyingParty{} },
		"plain http":       func(c *account.Config) { c.RelyingParty.Origin = "http://tickets.example" },
	} {
		cfg := h.cfg
		change(&cfg)
		if _, err := account.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
