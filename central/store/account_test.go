package store_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// What account has ruled out before, the statements must refuse by themselves.

type people struct {
	*store.Accounts
	t     *testing.T
	clock *clock
	n     byte
}

func crowd(t *testing.T) *people {
	t.Helper()
	s, c := onSale(t)
	return &people{Accounts: s.Accounts(), t: t, clock: c}
}

// used is a challenge that nobody has used.
func (p *people) used() account.Used {
	p.n++
	return account.Used{Challenge: []byte{p.n}, Expires: p.clock.now().Add(time.Hour)}
}

func key(n byte) account.Credential {
	return account.Credential{ID: []byte{n}, Key: ticket.HolderKey{2, n}}
}

func (p *people) session(n byte, id string, credential byte) account.Session {
	return account.Session{Hash: [32]byte{n}, Account: id, Credential: []byte{credential}, Expires: p.clock.now().Add(time.Hour)}
}

func (p *people) join(n byte, id, email string) error {
	c := key(n)
	c.Account = id
	return p.AddAccount(p.t.Context(), account.Account{ID: id, Email: email, Recovery: [32]byte{n}}, c, p.session(n, id, n), [32]byte{}, p.used())
}

func (p *people) replace(id string, old, next byte) error {
	c := key(next)
	c.Account = id
	return p.Replace(p.t.Context(), account.Replacement{
		Old: [32]byte{old}, New: [32]byte{next}, Credential: c, Session: p.session(next, id, next), Used: p.used(), Follow: p.clock.now().Add(time.Hour),
	})
}

func TestAccountIsAddedWhole(t *testing.T) { storetest.Each(t, testAccountIsAddedWhole) }

func testAccountIsAddedWhole(t *testing.T) {
	p := crowd(t)
	must(t, p.join(1, "kim", "kim@example.org"))
	if err := p.join(2, "lee", "kim@example.org"); !errors.Is(err, account.ErrExists) {
		t.Errorf("the same e-mail: %v, want ErrExists", err)
	}
	if err := p.join(1, "lee", "lee@example.org"); !errors.Is(err, account.ErrKnownPasskey) {
		t.Errorf("the same passkey: %v, want ErrKnownPasskey", err)
	}
	if _, err := p.Account(t.Context(), "lee@example.org"); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("an account without its passkey was kept: %v", err)
	}
	if _, err := p.Credential(t.Context(), []byte{2}); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a passkey without its account was kept: %v", err)
	}
	// A failed attempt has not used up its challenge; a good one has.
	p.n = 100
	must(t, p.join(3, "park", "park@example.org"))
	p.n = 100
	if err := p.join(4, "choi", "choi@example.org"); !errors.Is(err, account.ErrChallenge) {
		t.Errorf("a used challenge: %v, want ErrChallenge", err)
	}
}

// A challenge that an order used up is used up for accounts, and the other way
// round: one table remembers both.
func TestChallengesAreRememberedUntilTheyEnd(t *testing.T) {
	storetest.Each(t, testChallengesAreRememberedUntilTheyEnd)
}

func testChallengesAreRememberedUntilTheyEnd(t *testing.T) {
	p := crowd(t)
	must(t, p.join(1, "kim", "kim@example.org"))
	u := account.Used{Challenge: []byte("c"), Expires: p.clock.now().Add(time.Minute)}
	must(t, p.Use(t.Context(), []byte{1}, 0, u))
	p.clock.advance(time.Minute - time.Millisecond)
	if err := p.Use(t.Context(), []byte{1}, 0, u); !errors.Is(err, account.ErrChallenge) {
		t.Errorf("used again before its end: %v", err)
	}
	p.clock.advance(time.Millisecond) // whoever looked a moment ago saw it in force
	if err := p.Use(t.Context(), []byte{1}, 0, u); !errors.Is(err, account.ErrChallenge) {
		t.Errorf("used again at its end: %v", err)
	}
	fresh := account.Used{Challenge: []byte("d"), Expires: p.clock.now()}
	if err := p.Use(t.Context(), []byte{1}, 0, fresh); !errors.Is(err, account.ErrChallenge) {
		t.Errorf("used for the first time at its end: %v", err)
	}
	p.clock.advance(30 * time.Minute)
	must(t, p.Use(t.Context(), []byte{1}, 0, p.used())) // which forgets what is forgotten
	p.clock.advance(-30*time.Minute - time.Second)
	if err := p.Use(t.Context(), []byte{1}, 0, u); !errors.Is(err, account.ErrChallenge) {
		t.Errorf("used again after the clock was set back: %v", err)
	}
}

func TestReplacedPasskeyIsOut(t *testing.T) { storetest.Each(t, testReplacedPasskeyIsOut) }

func testReplacedPasskeyIsOut(t *testing.T) {
	p := crowd(t)
	must(t, p.join(1, "kim", "kim@example.org"))
	must(t, p.join(9, "lee", "lee@example.org"))
	if err := p.replace("kim", 7, 2); !errors.Is(err, account.ErrRecovery) {
		t.Errorf("another code: %v, want ErrRecovery", err)
	}
	if err := p.replace("kim", 1, 9); !errors.Is(err, account.ErrKnownPasskey) {
		t.Errorf("another's passkey: %v, want ErrKnownPasskey", err)
	}
	if c, _, err := p.Session(t.Context(), [32]byte{1}); err != nil || c.ID != "kim" {
		t.Errorf("failed replacements ended the session: %+v, %v", c, err)
	}
	must(t, p.replace("kim", 1, 2))
	if err := p.replace("kim", 1, 3); !errors.Is(err, account.ErrRecovery) {
		t.Errorf("the same code again: %v, want ErrRecovery", err)
	}
	if err := p.Use(t.Context(), []byte{1}, 5, p.used()); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the old passkey is used: %v, want ErrUnknown", err)
	}
	if err := p.OpenSession(t.Context(), 5, p.session(30, "kim", 1), [32]byte{}, p.used()); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the old passkey opens a session: %v, want ErrUnknown", err)
	}
	if err := p.SetRecovery(t.Context(), []byte{1}, 5, [32]byte{66}, p.used()); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the old passkey sets a recovery code: %v, want ErrUnknown", err)
	}
	for hash, want := range map[byte]error{1: account.ErrSignedOut, 2: nil, 9: nil, 30: account.ErrSignedOut} {
		if _, _, err := p.Session(t.Context(), [32]byte{hash}); !errors.Is(err, want) {
			t.Errorf("session %d: %v, want %v", hash, err, want)
		}
	}
	must(t, p.replace("kim", 2, 3))
	keys, err := p.Rekeys(t.Context(), "", 10)
	if err != nil || len(keys) != 2 || keys[0].To != key(3).Key || keys[1].To != key(3).Key {
		t.Fatalf("keys to follow %+v, %v; want both towards the newest", keys, err)
	}
	for id, want := range map[string]int{"kim": 2, "lee": 0} {
		if own, err := p.Rekeys(t.Context(), id, 10); err != nil || len(own) != want {
			t.Errorf("keys of %s: %+v, %v; want %d", id, own, err, want)
		}
	}
	must(t, p.EndRekey(t.Context(), keys[0]))
	if left, err := p.Rekeys(t.Context(), "", 10); err != nil || len(left) != 2 {
		t.Errorf("forgotten before its time: %+v, %v", left, err)
	}
	p.clock.advance(2 * time.Hour)
	must(t, p.EndRekey(t.Context(), account.Rekey{Account: "kim", From: keys[0].From, To: key(2).Key})) // seen before it was redirected
	must(t, p.EndRekey(t.Context(), keys[1]))
	if left, err := p.Rekeys(t.Context(), "", 10); err != nil || len(left) != 1 || left[0] != keys[0] {
		t.Errorf("left %+v, %v; want the first", left, err)
	}
}

func TestSessionEnds(t *testing.T) { storetest.Each(t, testSessionEnds) }

func testSessionEnds(t *testing.T) {
	p := crowd(t)
	must(t, p.join(1, "kim", "kim@example.org"))
	hash := [32]byte{1}
	p.clock.advance(time.Hour - time.Millisecond)
	if _, _, err := p.Session(t.Context(), hash); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	must(t, p.ExtendSession(t.Context(), hash, p.clock.now())) // never earlier than it was
	if _, ends, err := p.Session(t.Context(), hash); err != nil || ends.Sub(p.clock.now()) != time.Millisecond {
		t.Errorf("ends %s, %v", ends, err)
	}
	p.clock.advance(time.Millisecond)
	if _, _, err := p.Session(t.Context(), hash); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("at its end: %v, want ErrSignedOut", err)
	}
	must(t, p.ExtendSession(t.Context(), hash, p.clock.now().Add(time.Hour)))
	if _, _, err := p.Session(t.Context(), hash); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("brought back to life: %v", err)
	}
	must(t, p.EndSession(t.Context(), hash))
	must(t, p.EndSession(t.Context(), hash))
	if err := p.OpenSession(t.Context(), 0, p.session(5, "kim", 1), [32]byte{}, p.used()); err != nil {
		t.Errorf("a new one: %v", err)
	}
}

// A key is followed for as long as an order for it may still become a ticket.
func TestReplacedKeyIsFollowedWhileAnOrderIsPaid(t *testing.T) {
	storetest.Each(t, testReplacedKeyIsFollowedWhileAnOrderIsPaid)
}

func testReplacedKeyIsFollowedWhileAnOrderIsPaid(t *testing.T) {
	s, c := onSale(t)
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	must(t, p.join(1, "kim", "kim@example.org"))
	old := key(1).Key
	_, err := s.Hold(t.Context(), sale.Hold{
		Order: "o", Event: 1001, Owner: "kim", Expires: c.now().Add(time.Minute),
		Items: []sale.HeldItem{{Zone: 1, Class: 1, Seat: "A-1", Holder: old, Keeper: "kim"}},
	})
	must(t, err)
	if !begin(t, s, "o", "payment") {
		t.Fatal("the payment did not begin")
	}
	must(t, p.replace("kim", 1, 2))
	c.advance(48 * time.Hour)
	end := func() int {
		keys, err := p.Rekeys(t.Context(), "kim", 10)
		must(t, err)
		for _, k := range keys {
			must(t, p.EndRekey(t.Context(), k))
		}
		keys, err = p.Rekeys(t.Context(), "kim", 10)
		must(t, err)
		return len(keys)
	}
	if n := end(); n != 1 {
		t.Errorf("while the payment is open %d keys are followed, want 1", n)
	}
	must(t, s.FailPayment(t.Context(), "payment"))
	if n := end(); n != 0 {
		t.Errorf("after its end %d keys are followed, want none", n)
	}
}

// People of an older release are the same after the update.
func TestAccountsOfAnOlderSchema(t *testing.T) { storetest.Each(t, testAccountsOfAnOlderSchema) }

func testAccountsOfAnOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "central.db")
	older(t, path, 4,
		`INSERT INTO account (id, email, recovery, created, changed) VALUES ('kim', 'kim@example.org', x'01', 1, 1)`,
		`INSERT INTO passkey (credential, account, public_key, transports, counter, created, used) VALUES (x'02', 'kim', x'0203', '["usb"]', 4, 5, 6)`,
		`INSERT INTO session (hash, account, credential, created, expires) VALUES (x'`+"07"+`', 'kim', x'02', 1, 99999999999999)`,
		`INSERT INTO rekey (account, from_key, to_key, created, expires) VALUES ('kim', x'03', x'0203', 1, 2)`)
	s, err := open(t, path)
	must(t, err)
	keys, err := s.Accounts().Credentials(t.Context(), "kim")
	if err != nil || len(keys) != 1 || keys[0].Counter != 4 || keys[0].Email != "kim@example.org" || keys[0].Key[1] != 3 || keys[0].Transports[0] != "usb" || keys[0].Used.UnixMilli() != 6 {
		t.Errorf("passkeys %+v, %v", keys, err)
	}
	if left, err := s.Accounts().Rekeys(t.Context(), "", 10); err != nil || len(left) != 1 {
		t.Errorf("keys to follow %+v, %v", left, err)
	}
}
