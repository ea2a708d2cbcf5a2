package account_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/sync/ticket"
)

const kim = "kim@example.org"

func TestRecover(t *testing.T) {
	h := start(t)
	lost, found := h.phone("lost"), h.phone("new")
	first := h.register(kim, lost)
	other, err := h.enter(lost)
	if err != nil {
		t.Fatal(err)
	}
	spelt := strings.ToLower(strings.ReplaceAll(first.RecoveryCode, "-", " "))
	e, err := h.recover(" KIM@example.org", spelt, found)
	if err != nil {
		t.Fatal(err)
	}
	if e.Person.ID != first.Person.ID || e.Person.Passkey.Key != found.HolderKey() || e.RecoveryCode == "" || e.RecoveryCode == first.RecoveryCode {
		t.Errorf("recovered %+v", e.Person)
	}
	if h.who(first.Token) != "" || h.who(other.Token) != "" || h.who(e.Token) != kim {
		t.Error("an old session lives, or the new one does not")
	}
	if got := h.moved.take(); len(got) != 1 || got[0].Account != e.Person.ID || got[0].From != lost.HolderKey() || got[0].To != found.HolderKey() {
		t.Errorf("tickets were moved %+v", got)
	}
	_, err = h.enter(lost)
	wantErr(t, "the lost passkey", err, account.ErrAssertion)
	if _, err := h.enter(found); err != nil {
		t.Errorf("the new passkey: %v", err)
	}
	_, err = h.recover(kim, first.RecoveryCode, h.phone("thief"))
	wantErr(t, "the code again", err, account.ErrRecovery)
	_, err = h.recover(kim, e.RecoveryCode, lost)
	wantErr(t, "back to a passkey that was replaced", err, account.ErrKnownPasskey)
	if keys, err := h.Passkeys(t.Context(), e.Person.ID); err != nil || len(keys) != 1 || keys[0].Key != found.HolderKey() {
		t.Errorf("passkeys = %+v, %v", keys, err)
	}
	// A confirmation that was begun with the lost phone comes to nothing.
	c := h.challenge(account.DID, e.Person.ID)
	err = h.Confirm(t.Context(), first.Person, account.DID, c, c, signed(t, lost, c))
	wantErr(t, "confirmed with the lost passkey", err, account.ErrUnknown)
}

func TestRecoverRefused(t *testing.T) {
	h := start(t)
	first := h.register(kim, h.phone("lost"))
	wrong := []byte(first.RecoveryCode)
	wrong[0] = map[bool]byte{true: '2', false: '3'}[wrong[0] != '2']
	other := h.register("lee@example.org", h.phone("lee"))
	for name, c := range map[string]struct{ email, code string }{
		"wrong code":         {kim, string(wrong)},
		"another's code":     {kim, other.RecoveryCode},
		"no code":            {kim, ""},
		"a short code":       {kim, first.RecoveryCode[:22]},
		"a long code":        {kim, first.RecoveryCode + "0"},
		"a huge code":        {kim, strings.Repeat("0", 1<<20)},
		"nobody's address":   {"nobody@example.org", first.RecoveryCode},
		"nobody, no code":    {"nobody2@example.org", ""},
		"letters of no code": {kim, strings.Repeat("U", 20)},
	} {
		h.clock.Advance(time.Hour) // tries come back
		_, err := h.recover(c.email, c.code, h.phone(name))
		wantErr(t, name, err, account.ErrRecovery)
	}
	h.clock.Advance(time.Hour)
	c := h.challenge(account.Registration, "")
	_, err := h.Recover(t.Context(), account.Recovering{Email: kim, Code: first.RecoveryCode, Challenge: c, Passkey: created(t, h.phone("b"), c)})
	wantErr(t, "challenge of a sign-up", err, account.ErrChallenge)
	_, err = h.recover("kim", first.RecoveryCode, h.phone("b"))
	wantErr(t, "no address", err, account.ErrEmail)
	if h.who(first.Token) != kim {
		t.Error("a refused recovery ended a session")
	}
	if got := h.moved.take(); len(got) != 0 {
		t.Errorf("a refused recovery moved tickets: %+v", got)
	}
}

// Guessing is slowed down, for an address that has an account and for one that has
// none alike, and the owner gets in all the same.
func TestRecoverBruteForce(t *testing.T) {
	h := start(t)
	first := h.register(kim, h.phone("lost"))
	try := func(email, code, source string) error {
		c := h.challenge(account.Recovery, "")
		_, err := h.Recover(t.Context(), account.Recovering{Email: email, Code: code, Challenge: c, Passkey: created(t, h.phone("n"), c), Source: source})
		return err
	}
	guess := func(n int) string { return fmt.Sprintf("%020d", n) }
	for _, email := range []string{kim, "nobody@example.org"} {
		for n := range 5 {
			wantErr(t, "a guess", try(email, guess(n), "192.0.2.66"), account.ErrRecovery)
		}
		var many *account.TooManyError
		if err := try(email, guess(6), "192.0.2.66"); !errors.As(err, &many) || many.After <= 0 || many.After > time.Minute {
			t.Errorf("sixth guess for %s: %v", email, err)
		}
	}
	var many *account.TooManyError
	h.clock.Advance(time.Minute)
	wantErr(t, "after a minute", try(kim, guess(7), "192.0.2.66"), account.ErrRecovery)
	if err := try(kim, guess(8), "192.0.2.66"); !errors.As(err, &many) {
		t.Errorf("two guesses in a minute: %v", err)
	}
	// From many sources at once the address itself is bounded.
	refused := 0
	for n := range 100 {
		if err := try(kim, guess(n), fmt.Sprintf("203.0.113.%d", n)); errors.As(err, &many) {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("of 100 guesses from as many sources %d were held back", refused)
	}
	// And all addresses together.
	refused = 0
	for n := range 300 {
		if err := try(fmt.Sprintf("n%d@example.org", n), guess(n), "192.0.2.66"); errors.As(err, &many) {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("of 300 guesses for as many addresses %d were held back", refused)
	}
	// None of which shuts the owner out, even behind the same proxy.
	if err := try(kim, first.RecoveryCode, "192.0.2.66"); err != nil {
		t.Errorf("the owner, with the right code: %v", err)
	}
}

// Memory for tries is bounded.
func TestTriesAreForgotten(t *testing.T) {
	h := start(t)
	c := h.challenge(account.Recovery, "")
	n := created(t, h.phone("n"), c)
	for i := range account.MaxBuckets {
		if i%100 == 0 { // the bound on all of them together
			h.clock.Advance(10 * time.Second)
			c = h.challenge(account.Recovery, "")
			n = created(t, h.phone("n"), c)
		}
		_, err := h.Recover(t.Context(), account.Recovering{Email: fmt.Sprintf("n%d@example.org", i), Code: "x", Challenge: c, Passkey: n})
		wantErr(t, "a guess", err, account.ErrRecovery)
	}
	if got := h.Buckets(); got > account.MaxBuckets {
		t.Errorf("%d buckets, want at most %d", got, account.MaxBuckets)
	}
}

// Of two who recover with one code at once, one wins.
func TestRecoverAtOnce(t *testing.T) {
	h := start(t)
	first := h.register(kim, h.phone("lost"))
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		phone := h.phone(fmt.Sprint("n", i))
		c := h.challenge(account.Recovery, "")
		n := created(t, phone, c)
		wg.Go(func() {
			_, errs[i] = h.Recover(t.Context(), account.Recovering{Email: kim, Code: first.RecoveryCode, Challenge: c, Passkey: n})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, account.ErrRecovery) {
			t.Errorf("%v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d recovered, want 1", won)
	}
}

// What fails while tickets are moved is tried again, also towards the newest key.
func TestTicketsFollowLater(t *testing.T) {
	h := start(t)
	one, two, three := h.phone("1"), h.phone("2"), h.phone("3")
	e := h.register(kim, one)
	h.moved.fail(errors.New("database is gone"))
	e, err := h.recover(kim, e.RecoveryCode, two)
	if err != nil {
		t.Fatalf("a recovery fails with its tickets: %v", err)
	}
	if !strings.Contains(h.log.String(), "tickets did not follow") {
		t.Error("the log says nothing")
	}
	if _, err = h.recover(kim, e.RecoveryCode, three); err != nil {
		t.Fatal(err)
	}
	h.moved.take()
	h.clock.Advance(3 * time.Hour)
	h.Follow(t.Context(), "") // fails again, so it is not forgotten
	h.moved.fail(nil)
	h.moved.take()
	h.Follow(t.Context(), "")
	got := map[ticket.HolderKey]ticket.HolderKey{}
	for _, k := range h.moved.take() {
		got[k.From] = k.To
	}
	if len(got) != 2 || got[one.HolderKey()] != three.HolderKey() || got[two.HolderKey()] != three.HolderKey() {
		t.Errorf("tickets followed %v", got)
	}
	h.Follow(t.Context(), "")
	if again := h.moved.take(); len(again) != 0 {
		t.Errorf("after their time keys are still looked at: %v", again)
	}
}

// An order that was under way during the recovery is found by a later round.
func TestTicketsAreLookedForAgain(t *testing.T) {
	h := start(t)
	e := h.register(kim, h.phone("lost"))
	if _, err := h.recover(kim, e.RecoveryCode, h.phone("new")); err != nil {
		t.Fatal(err)
	}
	h.moved.take()
	h.clock.Advance(time.Hour)
	h.Follow(t.Context(), "")
	if got := h.moved.take(); len(got) != 1 {
		t.Errorf("an hour later %d keys were looked at, want 1", len(got))
	}
}

// memory is a store for the loop alone: a real one does not stand in a bubble.
type memory struct {
	account.Store
	rounds int
}

func (m *memory) ClaimLetters(context.Context, int, time.Time) ([]account.Letter, error) {
	return nil, nil
}

func (m *memory) Rekeys(context.Context, string, int) ([]account.Rekey, error) {
	m.rounds++
	return nil, nil
}

func TestRun(t *testing.T) {
	cfg := start(t).cfg
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		cfg.Store = m
		a, err := account.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(150 * time.Second)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || m.rounds != 3 {
			t.Errorf("Run ended with %v after %d rounds, want 3", err, m.rounds)
		}
	})
}

func TestNewRecoveryCode(t *testing.T) {
	h := start(t)
	a := h.phone("a")
	e := h.register(kim, a)
	c := h.challenge(account.RecoveryCode, e.Person.ID)
	_, err := h.NewRecoveryCode(t.Context(), e.Person, c, signed(t, h.phone("b"), c))
	wantErr(t, "another's signature", err, account.ErrAssertion)
	code, err := h.NewRecoveryCode(t.Context(), e.Person, c, signed(t, a, c))
	if err != nil || code == e.RecoveryCode {
		t.Fatalf("new code %q, %v", code, err)
	}
	_, err = h.NewRecoveryCode(t.Context(), e.Person, c, signed(t, a, c))
	wantErr(t, "again", err, account.ErrChallenge)
	_, err = h.recover(kim, e.RecoveryCode, h.phone("b"))
	wantErr(t, "the old code", err, account.ErrRecovery)
	if _, err := h.recover(kim, code, h.phone("b")); err != nil {
		t.Errorf("the new code: %v", err)
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"kim@example.org": kim, " Kim@EXAMPLE.org\n": kim, "a+b.c_d@x-y.co.kr": "a+b.c_d@x-y.co.kr", "1@2.3": "1@2.3",
		strings.Repeat("a", 64) + "@example.org": strings.Repeat("a", 64) + "@example.org",
		"":                                       "", "kim": "", "@example.org": "", "kim@": "", "kim@localhost": "", "kim@example.org@x.org": "", "k im@example.org": "",
		"kim@exa mple.org": "", ".kim@example.org": "", "kim.@example.org": "", "k..m@example.org": "", "kim@.org": "", "kim@example..org": "",
		"kim@-x.org": "", "kim@x-.org": "", "kim@example.org.": "", "kim@ex_ample.org": "", "\"kim\"@example.org": "", "김@example.org": "",
		"kim@예시.kr": "", "kim\x00@example.org": "", "kim@example.org\x00": "", "kim<b>@example.org": "", "kim@[192.0.2.1]": "",
		strings.Repeat("a", 65) + "@example.org": "", "kim@" + strings.Repeat("a", 64) + ".org": "", "kim@" + strings.Repeat("a.", 130) + "org": "",
		strings.Repeat(" ", 1<<20) + kim: "",
	} {
		got, err := account.NormaliseEmail(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormaliseEmail(%.40q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"01234-56789-ABCDE-FGHJK": "0123456789ABCDEFGHJK", "oilOI 56789 abcde fghjk": "0110156789ABCDEFGHJK",
		"KMNPQ-RSTVW-XYZ00-00000": "KMNPQRSTVWXYZ0000000",
		"":                        "", "0123456789ABCDEFGHJ": "", "0123456789ABCDEFGHJKK": "", "0123456789ABCDEFGHJU": "", "0123456789ABCDEFGHJé": "",
		strings.Repeat("-", 61) + "0123456789ABCDEFGHJK": "",
	} {
		got, ok := account.NormaliseCode(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("NormaliseCode(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func FuzzEmail(f *testing.F) {
	f.Add(kim)
	f.Add(" A@b.c ")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := account.NormaliseEmail(s)
		if err != nil {
			return
		}
		if again, err := account.NormaliseEmail(n); err != nil || again != n || len(n) > account.MaxEmail || !bytes.Contains([]byte(n), []byte("@")) {
			t.Errorf("NormaliseEmail(%q) = %q, then %q, %v", s, n, again, err)
		}
	})
}
