package account_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/central/work"
)

const (
	strong   = "violet tram at noon"
	stronger = "seven green umbrellas"
	lee      = "lee@example.org"
)

// joined is somebody with a password and a confirmed address, signed in.
func (h *harness) joined(email string) account.Entry {
	h.t.Helper()
	if err := h.Join(h.t.Context(), account.Joining{Email: email}); err != nil {
		h.t.Fatal(err)
	}
	e, err := h.ConfirmJoin(h.t.Context(), account.Linked{Token: h.token(account.LetterJoin, email), Password: strong, Agent: "Firefox\r\non a phone"})
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

func (h *harness) password(email, password string) (account.Entry, error) {
	return h.EnterWithPassword(h.t.Context(), account.PasswordSignIn{Email: email, Password: password, Source: "192.0.2.1"})
}

func TestPasswordLife(t *testing.T) {
	h := start(t)
	if err := h.Join(t.Context(), account.Joining{Email: " Kim@Example.org"}); err != nil {
		t.Fatal(err)
	}
	e, err := h.ConfirmJoin(t.Context(), account.Linked{Token: h.token(account.LetterJoin, kim), Password: strong})
	if err != nil {
		t.Fatal(err)
	}
	p := e.Person
	if len(p.ID) != 32 || p.Email != kim || !p.Verified || !p.Password || p.HasPasskey() || p.Role != account.Attendee || e.RecoveryCode != "" {
		t.Errorf("joined %+v", e)
	}
	if got, _, err := h.Resume(t.Context(), e.Token); err != nil || got.ID != p.ID || got.HasPasskey() || !got.Verified {
		t.Errorf("Resume = %+v, %v", got, err)
	}
	_, err = h.Person(t.Context(), p.ID)
	wantErr(t, "a person that nothing can be bound to", err, account.ErrUnknown)

	// Signing in turns the session over.
	second, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: strong, Session: e.Token})
	if err != nil || second.Token == e.Token || h.who(e.Token) != "" || h.who(second.Token) != kim {
		t.Errorf("signed in: %+v, %v; the old session is %q's", second, err, h.who(e.Token))
	}
	for _, wrong := range []string{"", strong + " ", strings.ToUpper(strong), strings.Repeat("x", 1<<20)} {
		_, err := h.password(kim, wrong)
		wantErr(t, "a wrong password", err, account.ErrPassword)
	}
	_, err = h.password(lee, strong)
	wantErr(t, "an unknown address", err, account.ErrPassword)
	_, err = h.password("kim", strong)
	wantErr(t, "no address", err, account.ErrEmail)

	// A change ends the other sessions and is told.
	third, err := h.password(kim, strong)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "a change with a wrong password", h.ChangePassword(t.Context(), p, stronger, second.Token, account.Proof{Password: "wrong"}), account.ErrPassword)
	var weak *account.WeakError
	if err := h.ChangePassword(t.Context(), p, "short", second.Token, account.Proof{Password: strong}); !errors.As(err, &weak) || weak.Reason != "short" {
		t.Errorf("a weak password: %v", err)
	}
	if err := h.ChangePassword(t.Context(), p, stronger, second.Token, account.Proof{Password: strong}); err != nil {
		t.Fatal(err)
	}
	if h.who(second.Token) != kim || h.who(third.Token) != "" {
		t.Error("a change ends the wrong sessions")
	}
	if told := h.letters(); len(told) != 1 || told[0].To != kim || !strings.Contains(told[0].Subject, "password was changed") {
		t.Errorf("told %v", told)
	}
	_, err = h.password(kim, strong)
	wantErr(t, "the old password", err, account.ErrPassword)

	// So does a letter.
	if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	token := h.token(account.LetterReset, kim)
	if _, err := h.ConfirmReset(t.Context(), account.Linked{Token: token, Password: "1234567890"}); !errors.As(err, &weak) || weak.Reason != "repetitive" && weak.Reason != "common" {
		t.Errorf("a common password: %v", err)
	}
	fourth, err := h.ConfirmReset(t.Context(), account.Linked{Token: token, Password: strong})
	if err != nil || fourth.Person.ID != p.ID || h.who(second.Token) != "" || h.who(fourth.Token) != kim {
		t.Errorf("reset: %+v, %v", fourth, err)
	}
	if _, err := h.password(kim, strong); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// Nobody learns from an answer who has an account, and an address that somebody
// claimed without confirming it is not theirs.
func TestNoAnswerTellsWhoHasAnAccount(t *testing.T) {
	h := start(t)
	h.joined(kim)
	for _, to := range []string{kim, lee} {
		if err := h.Join(t.Context(), account.Joining{Email: to}); err != nil {
			t.Errorf("Join(%s): %v", to, err)
		}
		if err := h.AskReset(t.Context(), account.Joining{Email: to}); err != nil {
			t.Errorf("AskReset(%s): %v", to, err)
		}
	}
	subjects := map[string]string{}
	for _, m := range h.letters() {
		subjects[m.To] += m.Subject + ";"
	}
	if got := subjects[kim]; got != "You have an account already;Choose a new password;" && got != "Choose a new password;You have an account already;" {
		t.Errorf("to one with an account: %q", got)
	}
	if got := subjects[lee]; got != "Confirm your e-mail address;" {
		t.Errorf("to one without: %q", got)
	}
	// Wrong passwords are counted for both, and both are held back alike.
	var both [2]int
	for i, to := range []string{kim, "park@example.org"} {
		for range 20 {
			var many *account.TooManyError
			_, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: to, Password: "wrong"})
			if errors.As(err, &many) {
				both[i]++
			} else if !errors.Is(err, account.ErrPassword) {
				t.Errorf("%v", err)
			}
		}
	}
	if both[0] != both[1] || both[0] != 15 {
		t.Errorf("of 20 tries %v were held back, want 15 each", both)
	}
}

func TestWhoeverConfirmsAnAddressHasIt(t *testing.T) {
	h := start(t)
	squatter := h.register(kim, h.phone("squatter"))
	if squatter.Person.Verified {
		t.Error("an address is confirmed without a letter")
	}
	if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	if all := h.letters(); len(all) != 0 {
		t.Errorf("an address that nobody confirmed gets a new password: %v", all)
	}
	// A stranger's letter does not lend them the address.
	if err := h.SendVerification(t.Context(), squatter.Person, account.English, ""); err != nil {
		t.Fatal(err)
	}
	strangers := h.token(account.LetterVerify, kim)
	owner := h.joined(kim)
	wantErr(t, "somebody else opens the letter", h.ConfirmEmail(t.Context(), owner.Person, strangers), account.ErrLetter)
	wantErr(t, "the address has an owner", h.ConfirmEmail(t.Context(), squatter.Person, strangers), account.ErrLetter)
	if owner.Person.ID == squatter.Person.ID || h.who(owner.Token) != kim {
		t.Errorf("owner %+v", owner)
	}
	p, _, err := h.Resume(t.Context(), squatter.Token)
	if err != nil || p.Email != "" || p.Verified || p.ID != squatter.Person.ID {
		t.Errorf("who only claimed it: %+v, %v; want the account without the address", p, err)
	}
	if _, err := h.enter(h.phone("squatter")); err != nil {
		t.Errorf("their passkey: %v", err)
	}
	if err := h.SendVerification(t.Context(), p, account.English, ""); err != nil || len(h.letters()) != 0 {
		t.Errorf("they order letters to nobody: %v", err)
	}

	// Somebody who confirms theirs keeps it.
	lees := h.register(lee, h.phone("lee"))
	if err := h.SendVerification(t.Context(), lees.Person, account.English, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.Join(t.Context(), account.Joining{Email: lee}); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for _, m := range h.letters() {
		got := link.FindStringSubmatch(m.Text)
		tokens[got[1]] = got[2]
	}
	if err := h.ConfirmEmail(t.Context(), lees.Person, tokens["verify"]); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "again", h.ConfirmEmail(t.Context(), lees.Person, tokens["verify"]), account.ErrLetter)
	_, err = h.ConfirmJoin(t.Context(), account.Linked{Token: tokens["join"], Password: strong})
	wantErr(t, "joining when it was confirmed meanwhile", err, account.ErrLetter)
	if p, _, err := h.Resume(t.Context(), lees.Token); err != nil || !p.Verified || p.Email != lee {
		t.Errorf("confirmed: %+v, %v", p, err)
	}
}

func TestFirstPasskey(t *testing.T) {
	h := start(t)
	e := h.joined(kim)
	phone := h.phone("first")
	add := func(p account.Person, password, session string) (account.Entry, error) {
		c, err := h.NewChallenge(account.AddPasskey, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%x", c.UserID) != p.ID {
			t.Errorf("user handle %x, want %s", c.UserID, p.ID)
		}
		return h.AddPasskey(t.Context(), p, account.AddingPasskey{Challenge: c.Value, Passkey: created(t, phone, c.Value), Session: session, Proof: account.Proof{Password: password}})
	}
	wantErr(t, "confirming without a passkey", h.Confirm(t.Context(), e.Person, account.DID, h.challenge(account.DID, e.Person.ID), nil, account.Assertion{}), account.ErrNoPasskey)
	_, err := add(e.Person, "wrong", e.Token)
	wantErr(t, "a wrong password", err, account.ErrPassword)
	got, err := add(e.Person, strong, e.Token)
	if err != nil {
		t.Fatal(err)
	}
	if got.Person.Passkey.Key != phone.HolderKey() || got.RecoveryCode == "" || !got.Person.Verified || h.who(e.Token) != "" || h.who(got.Token) != kim {
		t.Errorf("added: %+v", got)
	}
	if told := h.letters(); len(told) != 1 || !strings.Contains(told[0].Subject, "passkey") {
		t.Errorf("told %v", told)
	}
	if now, err := h.Person(t.Context(), e.Person.ID); err != nil || now.Passkey.Key != phone.HolderKey() {
		t.Errorf("Person = %+v, %v", now, err)
	}
	if _, err := h.enter(phone); err != nil {
		t.Errorf("signing in with it: %v", err)
	}
	// A password opens a session that knows the passkey, but does not replace it.
	in, err := h.password(kim, strong)
	if err != nil || in.Person.Passkey.Key != phone.HolderKey() {
		t.Errorf("by password: %+v, %v", in, err)
	}
	phone = h.phone("second")
	_, err = add(in.Person, strong, in.Token)
	wantErr(t, "a second passkey", err, account.ErrHasPasskey)
	stale := in.Person
	stale.Passkey = account.Passkey{} // as a session saw it before
	_, err = add(stale, strong, in.Token)
	wantErr(t, "a second passkey at the same time", err, account.ErrHasPasskey)
	// The recovery code does.
	if _, err := h.recover(kim, got.RecoveryCode, phone); err != nil {
		t.Errorf("recovery: %v", err)
	}
}

// A role counts in a session that a passkey opened, for an address that is
// confirmed.
func TestRoles(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	e := h.register(kim, a)
	_, err := h.SetRole(t.Context(), kim, account.Admin)
	wantErr(t, "an address that is not confirmed", err, account.ErrUnknown)
	_, err = h.SetRole(t.Context(), kim, "root")
	wantErr(t, "an unknown role", err, account.ErrRole)
	if err := h.SendVerification(t.Context(), e.Person, account.English, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.ConfirmEmail(t.Context(), e.Person, h.token(account.LetterVerify, kim)); err != nil {
		t.Fatal(err)
	}
	c := h.challenge(account.NewPassword, e.Person.ID)
	if err := h.ChangePassword(t.Context(), e.Person, strong, e.Token, account.Proof{Challenge: c, Assertion: signed(t, a, c)}); err != nil {
		t.Fatal(err)
	}
	if id, err := h.SetRole(t.Context(), kim, account.BoxOffice); err != nil || id != e.Person.ID {
		t.Fatalf("SetRole = %q, %v", id, err)
	}
	if h.who(e.Token) != "" {
		t.Error("a session outlives a change of role")
	}
	byKey, err := h.enter(a)
	if err != nil {
		t.Fatal(err)
	}
	byPassword, err := h.password(kim, strong)
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]account.Role{byKey.Token: account.BoxOffice, byPassword.Token: account.Attendee} {
		if p, _, err := h.Resume(t.Context(), token); err != nil || p.Role != want {
			t.Errorf("role %q, %v; want %q", p.Role, err, want)
		}
	}
	if byKey.Person.Role != account.BoxOffice || byPassword.Person.Role != account.Attendee {
		t.Errorf("roles at the door: %q, %q", byKey.Person.Role, byPassword.Person.Role)
	}
	for _, c := range []struct {
		has, least account.Role
		want       bool
	}{
		{account.Admin, account.BoxOffice, true},
		{account.BoxOffice, account.BoxOffice, true},
		{account.BoxOffice, account.Admin, false},
		{account.Attendee, account.Attendee, true},
		{"", account.Attendee, false},
		{"root", account.Attendee, false},
		{account.Admin, "root", false},
		{account.Admin, "", false},
	} {
		if c.has.Covers(c.least) != c.want {
			t.Errorf("%q covers %q: want %v", c.has, c.least, c.want)
		}
	}
}

func TestSessionList(t *testing.T) {
	h := start(t)
	first := h.joined(kim)
	h.clock.Advance(time.Second)
	second, err := h.password(kim, strong)
	if err != nil {
		t.Fatal(err)
	}
	other := h.joined(lee)
	all, err := h.Sessions(t.Context(), first.Person.ID)
	if err != nil || len(all) != 2 || all[0].Name() != account.SessionName(second.Token) || all[1].Agent != "Firefoxon a phone" || all[1].Credential != nil {
		t.Fatalf("sessions %+v, %v", all, err)
	}
	wantErr(t, "another's session", h.EndSession(t.Context(), first.Person.ID, account.SessionName(other.Token)), account.ErrUnknownSession)
	if err := h.EndSession(t.Context(), first.Person.ID, account.SessionName(first.Token)); err != nil || h.who(first.Token) != "" {
		t.Errorf("ended one: %v", err)
	}
	third, err := h.password(kim, strong)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.EndOthers(t.Context(), first.Person.ID, third.Token); err != nil || h.who(second.Token) != "" || h.who(third.Token) != kim || h.who(other.Token) != lee {
		t.Errorf("ended others: %v", err)
	}
}

// A lock-out is kept, backs off, ends, and leaves the owner a way in.
func TestLockOut(t *testing.T) {
	h := start(t)
	h.joined(kim)
	var many *account.TooManyError
	guess := func(source string) error {
		_, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: "a wrong guess", Source: source})
		return err
	}
	for range 5 {
		wantErr(t, "a guess", guess("192.0.2.1"), account.ErrPassword)
	}
	if err := guess("198.51.100.1"); !errors.As(err, &many) || many.After != 2*time.Second {
		t.Errorf("the sixth, from elsewhere: %v", err)
	}
	if _, err := h.password(kim, strong); !errors.As(err, &many) {
		t.Errorf("the right password meanwhile: %v; want the same answer", err)
	}
	again, err := account.New(t.Context(), h.cfg) // another process on the same database
	if err != nil {
		t.Fatal(err)
	}
	again.Cheapen()
	if _, err := again.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: "x"}); !errors.As(err, &many) {
		t.Errorf("after a restart: %v", err)
	}
	waits := []time.Duration{}
	for range 12 {
		h.clock.Advance(many.After)
		wantErr(t, "a guess in its time", guess("192.0.2.1"), account.ErrPassword)
		if err := guess("192.0.2.1"); !errors.As(err, &many) {
			t.Fatalf("straight after: %v", err)
		}
		waits = append(waits, many.After)
	}
	if waits[0] != 4*time.Second || waits[1] != 8*time.Second || waits[11] != 15*time.Minute {
		t.Errorf("waits %v", waits)
	}
	h.clock.Advance(-time.Hour)
	if err := guess("192.0.2.1"); !errors.As(err, &many) || many.After > 15*time.Minute {
		t.Errorf("after the clock was set back: %v", err)
	}
	h.clock.Advance(time.Hour)

	if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ConfirmReset(t.Context(), account.Linked{Token: h.token(account.LetterReset, kim), Password: stronger}); err != nil {
		t.Errorf("the owner, by letter: %v", err)
	}
	if _, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: stronger}); err != nil {
		t.Errorf("and by password: %v", err)
	}
	for range 4 {
		wantErr(t, "a guess", guess(""), account.ErrPassword)
	}
	if _, err := h.password(kim, stronger); err != nil {
		t.Errorf("in time: %v", err)
	}
	for range 4 { // which has cleared the count
		wantErr(t, "a guess", guess(""), account.ErrPassword)
	}
	h.clock.Advance(account.AttemptsForgotten)
	for range 5 {
		wantErr(t, "a day later", guess(""), account.ErrPassword)
	}
}

// One source cannot try many addresses; its neighbours can, and so can those who
// know their passwords.
func TestSpraying(t *testing.T) {
	h := start(t)
	h.joined(kim)
	var many *account.TooManyError
	held := 0
	for n := range 100 {
		_, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: fmt.Sprintf("n%d@example.org", n), Password: "Summer 2026!!", Source: fmt.Sprintf("2001:db8::%x", n)})
		if errors.As(err, &many) {
			held++
		}
	}
	if held != 50 {
		t.Errorf("of 100 addresses from one network %d were held back, want 50", held)
	}
	for n := range 40 { // whoever goes on for long does not shut out all others there
		h.clock.Advance(5 * time.Second)
		if _, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: fmt.Sprintf("m%d@example.org", n), Password: "Summer 2026!!", Source: "2001:db8::1"}); !errors.Is(err, account.ErrPassword) {
			t.Fatalf("guess %d after five seconds: %v", n, err)
		}
	}
	own := account.PasswordSignIn{Email: kim, Password: strong, Source: "2001:db8::2"}
	if _, err := h.EnterWithPassword(t.Context(), own); !errors.As(err, &many) || many.After > 5*time.Second {
		t.Errorf("somebody else there: %v, want a wait of seconds", err)
	}
	h.clock.Advance(many.After)
	if _, err := h.EnterWithPassword(t.Context(), own); err != nil {
		t.Errorf("somebody else there, who waited: %v", err)
	}
	for range 200 {
		if _, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: strong, Source: "2001:db8:0:1::1"}); err != nil {
			t.Fatalf("people of one house: %v", err)
		}
	}
}

// Many guesses at once are as many as one after another.
func TestGuessesAtOnce(t *testing.T) {
	h := start(t)
	h.joined(kim)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		tried int
	)
	for range 40 {
		wg.Go(func() {
			_, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: "a wrong guess"})
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, account.ErrPassword) {
				tried++
			}
		})
	}
	wg.Wait()
	if tried != 5 {
		t.Errorf("%d guesses were checked, want 5", tried)
	}
}

// Hashing takes memory, so there is a bound on it; beyond it people are asked to
// come back.
func TestHashesAreFewAtOnce(t *testing.T) {
	h := start(t)
	h.joined(kim)
	leave := h.Occupy()
	_, err := h.password(kim, strong)
	wantErr(t, "all slots taken", err, account.ErrBusy)
	leave()
	if _, err := h.password(kim, strong); err != nil {
		t.Errorf("then: %v", err)
	}
}

// A hash that is out of date is made anew at the next sign-in, and none that costs
// too much is checked.
func TestHashes(t *testing.T) {
	h := start(t)
	h.joined(kim)
	hash := func() string {
		acc, err := h.cfg.Store.Account(t.Context(), kim)
		if err != nil {
			t.Fatal(err)
		}
		return acc.Password
	}
	cheap := hash()
	if !strings.HasPrefix(cheap, "$argon2id$v=19$m=8,t=1,p=1$") || strings.Contains(cheap, strong) {
		t.Fatalf("hash %q", cheap)
	}
	dear, err := account.New(t.Context(), h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dear.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: strong}); err != nil {
		t.Fatal(err)
	}
	if now := hash(); !strings.HasPrefix(now, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q, want it made anew", now)
	}
	if _, err := dear.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: strong}); err != nil {
		t.Errorf("with the new hash: %v", err)
	}
	other := h.cfg
	other.ChallengeKey = [32]byte{2}
	peppered, err := account.New(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	_, err = peppered.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: kim, Password: strong})
	wantErr(t, "without the key that is not in the database", err, account.ErrPassword)
	for _, bad := range []string{
		"", "x", strings.Replace(cheap, "m=8", "m=4000000", 1), strings.Replace(cheap, "t=1", "t=1000", 1), strings.Replace(cheap, "p=1", "p=9", 1),
		strings.Replace(cheap, "v=19", "v=16", 1), strings.Replace(cheap, "argon2id", "argon2i", 1), cheap + "$", strings.Replace(cheap, "m=8", "m=08", 1), cheap[:len(cheap)-1],
	} {
		if account.ParseHash(bad) {
			t.Errorf("%q is taken for a hash", bad)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		strong: "", stronger: "", "비밀번호를길게쓴다": "short", "비밀번호를더길게쓴다": "", "a1b2c3d4e": "short", strings.Repeat("ab", 10): "repetitive",
		"Password123": "common", "P@SSW0RD123": "common", "qwertyuiop": "common", "kimsoo@example": "address", "kimsoo12345": "address", "example.kimsoo": "address",
		"kimsoo likes long walks": "", strings.Repeat("x", 257): "long", "with a zero \x00 byte": "text", "not \xff UTF-8 at all": "text",
		"ｐａｓｓｗｏｒｄ１２３": "common", // which is the same text, typed wide
	} {
		err := account.CheckPassword(password, "kimsoo@example.org")
		var weak *account.WeakError
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &weak) || weak.Reason != want):
			t.Errorf("CheckPassword(%q) = %v, want %q", password, err, want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"127.0.0.1": "", "::1": "", "": "", "example.org": "", "192.0.2.7:80": "",
	} {
		if got := account.Prefix(in); got != want {
			t.Errorf("Prefix(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestJoiningTakesWork(t *testing.T) {
	h := start(t)
	h.cfg.WorkBits = 8
	a, err := account.New(t.Context(), h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "none", a.Join(t.Context(), account.Joining{Email: kim}), account.ErrWork)
	proof, err := work.Solve(t.Context(), account.WorkPurpose, kim, 8, h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Join(t.Context(), account.Joining{Email: "Kim@Example.org", Work: proof}); err != nil {
		t.Errorf("with work: %v", err)
	}
	h.clock.Advance(2 * work.Period)
	wantErr(t, "stale", a.Join(t.Context(), account.Joining{Email: kim, Work: proof}), account.ErrWork)
	c := h.challenge(account.Registration, "")
	_, err = a.Register(t.Context(), account.Registering{Email: lee, Challenge: c, Passkey: created(t, h.phone("lee"), c)})
	wantErr(t, "with a passkey", err, account.ErrWork)
}

func TestExport(t *testing.T) {
	h := start(t)
	e := h.register(kim, h.phone("a"))
	if _, err := h.recover(kim, e.RecoveryCode, h.phone("b")); err != nil {
		t.Fatal(err)
	}
	h.joined(lee)
	all, err := h.Export(t.Context(), e.Person.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Account struct {
			ID       string     `json:"id"`
			Email    string     `json:"email"`
			Recovery bool       `json:"has_recovery_code"`
			Passkeys []struct{} `json:"passkeys"`
			Sessions []struct{} `json:"sessions"`
		} `json:"account"`
		Things []string `json:"things"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if a := got.Account; a.ID != e.Person.ID || a.Email != kim || !a.Recovery || len(a.Passkeys) != 2 || len(a.Sessions) != 1 || len(got.Things) != 1 || got.Things[0] != "thing of "+a.ID {
		t.Errorf("export %s", text)
	}
	if bytes.Contains(text, []byte(lee)) {
		t.Errorf("the export holds another person: %s", text)
	}
}

func TestDelete(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	e, other := h.register(kim, a), h.joined(lee)
	if err := h.SendVerification(t.Context(), e.Person, account.English, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.ConfirmEmail(t.Context(), e.Person, h.token(account.LetterVerify, kim)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "without proof", h.Delete(t.Context(), e.Person, account.Proof{}), account.ErrPassword)
	c := h.challenge(account.DID, e.Person.ID)
	wantErr(t, "with a signature for something else", h.Delete(t.Context(), e.Person, account.Proof{Challenge: c, Assertion: signed(t, a, c)}), account.ErrChallenge)
	wantErr(t, "with another's password", h.Delete(t.Context(), e.Person, account.Proof{Password: strong}), account.ErrPassword)
	c = h.challenge(account.DeleteAccount, e.Person.ID)
	if err := h.Delete(t.Context(), e.Person, account.Proof{Challenge: c, Assertion: signed(t, a, c)}); err != nil {
		t.Fatal(err)
	}
	if h.who(e.Token) != "" || h.who(other.Token) != lee {
		t.Error("the wrong session is left")
	}
	if told := h.letters(); len(told) != 1 || told[0].To != kim || !strings.Contains(told[0].Subject, "deleted") {
		t.Errorf("told %v", told)
	}
	h.clock.Advance(25 * time.Hour)
	h.letters() // forgets the last letter too
	_, err := h.enter(a)
	wantErr(t, "the passkey", err, account.ErrAssertion)
	_, err = h.Export(t.Context(), e.Person.ID)
	wantErr(t, "an export", err, account.ErrUnknown)
	if err := h.Delete(t.Context(), other.Person, account.Proof{Password: strong}); err != nil {
		t.Errorf("by password: %v", err)
	}
	h.letters()
	h.joined(kim) // the address is free
}

// Nothing that lets anybody act, and no address of an attempt, can be read out of
// the database.
func TestDatabaseKeepsNoPassword(t *testing.T) {
	h := start(t)
	e := h.joined(kim)
	if _, err := h.EnterWithPassword(t.Context(), account.PasswordSignIn{Email: "guessed@example.org", Password: "a wrong guess", Source: "192.0.2.77"}); err == nil {
		t.Error("let in")
	}
	if err := h.AskReset(t.Context(), account.Joining{Email: kim}); err != nil {
		t.Fatal(err)
	}
	token := h.token(account.LetterReset, kim)
	b := storetest.Contents(t, h.path)
	for _, secret := range []string{e.Token, strong, token, token[22:], "guessed@", "192.0.2.77", "a wrong guess"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("the database holds %q", secret)
		}
	}
	if !bytes.Contains(b, []byte(kim)) {
		t.Error("the search would not have found them: it does not find the address either")
	}
	for _, secret := range []string{e.Token, strong, token, "guessed@", "192.0.2.77", "a wrong guess", kim} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, h.log)
		}
	}
}

// An address that nobody has costs as much as one that somebody has: measured by the
// memory that a hash takes, since time says little here.
func TestUnknownAddressCostsAsMuch(t *testing.T) {
	h := start(t)
	dear, err := account.New(t.Context(), h.cfg) // at the real cost
	if err != nil {
		t.Fatal(err)
	}
	h.Accounts = dear
	h.joined(kim)
	h.register("passkey@example.org", h.phone("p"))
	for _, email := range []string{kim, lee, "passkey@example.org"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := h.password(email, "a wrong guess")
		runtime.ReadMemStats(&after)
		wantErr(t, email, err, account.ErrPassword)
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took < 19 || took > 30 {
			t.Errorf("a try for %s takes %d MiB, want one hash of 19", email, took)
		}
	}
}
