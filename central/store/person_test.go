package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

func TestDeletedPersonIsForgotten(t *testing.T) { storetest.Each(t, testDeletedPersonIsForgotten) }

// After a deletion address and secrets stand nowhere, and the account's random id
// only where others or the books need it.
func testDeletedPersonIsForgotten(t *testing.T) {
	s, c := onSale(t)
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	const id, email = "00000000000000000000000000abcdef", "kim@example.org"
	must(t, p.join(1, id, email))
	must(t, p.join(9, "lee", "lee@example.org"))
	must(t, p.SetPassword(t.Context(), id, "$argon2id$of-kim", [32]byte{}))
	must(t, p.AddLetter(t.Context(), account.Letter{
		ID: account.LetterID{1}, Topic: account.LetterReset, Email: email, Created: c.now(), Expires: c.now().Add(time.Hour), Due: c.now(),
	}, 3))
	must(t, p.replace(id, 1, 2))
	must(t, s.Run(t.Context(),
		`INSERT INTO holder_did (account, did, holder, proved) VALUES ('`+id+`', 'did:key:kims', 'x', 1)`,
		`INSERT INTO credential (number, id, issuer, type, account, subject, relation, relative, age, role, class, issued, expires, status_url, status_index, state, jwt, stored, changed)
			SELECT 1, 'c', 'did:web:registrar', 'age', '`+id+`', 'did:key:kims', '', '', 19, '', 0, 1, 2, '', 0, 'valid', recovery, 1, 1 FROM account WHERE id = 'lee'`,
		`INSERT INTO accreditation (credential, event, ticket) SELECT 1, 1001, jwt FROM credential`,
		`INSERT INTO ask (id, asker, booker, holder, event, zone, class, seat, max_amount, state, created, expires, changed)
			VALUES ('a', 'lee', '`+id+`', 'x', 1001, 1, 1, '', 1, 'open', 1, 2, 1)`,
		`INSERT INTO waiting (event, number, zone, class, account, places, state, created, changed) VALUES (1001, 1, 1, 1, '`+id+`', 1, 'waiting', 1, 1)`,
		`INSERT INTO person_slot (event, person, slot, until, purchase) VALUES (1001, '`+id+`', 1, 2, 'o')`,
	))
	for _, word := range []string{email, id, "of-kim", "did:key:kims"} {
		if at, err := s.Mentions(t.Context(), word); err != nil || len(at) == 0 {
			t.Fatalf("%q stands in %v, %v before", word, at, err)
		}
	}
	w := s.Wallets()
	_, err := w.KeepWallets(t.Context(), []wallet.Wallet{{Account: id, Kept: "kept-of-kim"}})
	must(t, err)
	must(t, w.PutChallenge(t.Context(), wallet.Challenge{Account: id, Nonce: "n", Address: "linked-of-kim", Message: "m", Expires: c.now().Add(time.Hour)}))
	_, err = w.Link(t.Context(), id, "n")
	must(t, err)
	must(t, w.PutChallenge(t.Context(), wallet.Challenge{Account: id, Nonce: "n", Address: "asked-of-kim", Message: "m", Expires: c.now().Add(time.Hour)}))
	must(t, p.Delete(t.Context(), id, account.Letter{}))
	for word, want := range map[string][]string{email: nil, "of-kim": nil, "did:key:kims": nil, id: {"ask.booker", "outbox.account", "waiting.account"}} {
		at, err := s.Mentions(t.Context(), word)
		if slices.Sort(at); err != nil || !slices.Equal(at, want) {
			t.Errorf("%q stands in %v, %v; want %v", word, at, err, want)
		}
	}
	for table, word := range map[string]string{"ask.state": "declined", "waiting.state": "left"} {
		if at, err := s.Mentions(t.Context(), word); err != nil || !slices.Contains(at, table) {
			t.Errorf("%s is not %s: %v, %v", table, word, at, err)
		}
	}
	if err := p.Delete(t.Context(), id, account.Letter{}); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("again: %v, want ErrUnknown", err)
	}
	if _, err := p.Account(t.Context(), "lee@example.org"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// TestDeletedPersonLeavesNoBytes: what was deleted stands in no free page of the file
// either, once the write-ahead log has been written back.
func TestDeletedPersonLeavesNoBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "central.db")
	c := &clock{}
	c.ms.Store(1_800_000_000_000)
	s, err := store.Open(t.Context(), store.Config{Path: path, Now: c.now, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	for n := range 50 {
		id := fmt.Sprintf("%032x", n)
		must(t, p.join(byte(n), id, fmt.Sprintf("kim.%d@example.org", n)))
		must(t, p.SetPassword(t.Context(), id, strings.Repeat("$argon2id$of-kim", 1000), [32]byte{})) // fills pages of its own
	}
	must(t, p.join(99, "lee", "lee@example.org"))
	for n := range 50 {
		must(t, p.Delete(t.Context(), fmt.Sprintf("%032x", n), account.Letter{}))
	}
	must(t, s.Close())
	raw, err := os.ReadFile(path)
	must(t, err)
	for word, stays := range map[string]bool{"lee@example.org": true, "kim.": false, "of-kim": false} {
		if n := bytes.Count(raw, []byte(word)); n > 0 != stays {
			t.Errorf("%q stands %d times in the file", word, n)
		}
	}
}

func TestDeletionWaitsForWhatIsOpen(t *testing.T) { storetest.Each(t, testDeletionWaitsForWhatIsOpen) }

// Tickets for an event that is not over, and money on its way, keep an account.
func testDeletionWaitsForWhatIsOpen(t *testing.T) {
	s, c := onSale(t)
	c.advance(-60 * 24 * time.Hour) // before the sample is over
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	must(t, p.join(1, "kim", "kim@example.org"))
	stays := func(what string, want error) {
		t.Helper()
		if err := p.Delete(t.Context(), "kim", account.Letter{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	now := c.now().UnixMilli()
	order := func(state string, expires int64) {
		t.Helper()
		must(t, s.Run(t.Context(), `DELETE FROM payment`, `DELETE FROM purchase`,
			`INSERT INTO purchase (id, event, owner, amount, currency, state, secret_hash, created, expires, changed)
				SELECT 'o', 1001, 'kim', 1, 'KRW', '`+state+`', recovery, 1, `+strconv.FormatInt(expires, 10)+`, 1 FROM account`))
	}
	order("held", now+1000)
	stays("a hold", account.ErrMoneyDue)
	order("paying", now-1000)
	stays("a payment", account.ErrMoneyDue)
	order("refunded", now-1000)
	must(t, s.Run(t.Context(), `INSERT INTO payment (id, purchase, provider, reference, amount, currency, state, created, changed, due, tries)
		VALUES ('p', 'o', 'sandbox', 'r', 1, 'KRW', 'refund_due', 1, 1, 1, 0)`))
	stays("a refund", account.ErrMoneyDue)
	order("held", now-1000) // ran out
	ticket := func(status, cancelled string) {
		t.Helper()
		must(t, s.Run(t.Context(), `DELETE FROM ticket`, `UPDATE event SET cancelled = `+cancelled,
			`INSERT INTO ticket (id, event, purchase, owner, version, status, body, signed, issued, changed)
				SELECT recovery, 1001, 'o', 'kim', 1, `+status+`, '{}', recovery, 1, 1 FROM account`))
	}
	ticket("0", "0")
	stays("a ticket", account.ErrTicketsLeft)
	ticket("1", "0")
	must(t, p.Delete(t.Context(), "kim", account.Letter{}))
	must(t, p.join(2, "kim", "kim@example.org"))
	ticket("0", "1")
	must(t, p.Delete(t.Context(), "kim", account.Letter{}))
	must(t, p.join(3, "kim", "kim@example.org"))
	ticket("0", "0")
	c.advance(10 * 365 * 24 * time.Hour)
	must(t, p.Delete(t.Context(), "kim", account.Letter{}))
}

func TestDeletionWaitsForOwnTokens(t *testing.T) { storetest.Each(t, testDeletionWaitsForOwnTokens) }

// A token that is somebody's own is not lost with the key of their wallet here. One that
// they cannot move, or that lies elsewhere, keeps nobody.
func testDeletionWaitsForOwnTokens(t *testing.T) {
	s, c := withPeople(t)
	m := minting{s.Mint(), t}
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	n := 0
	for name, test := range map[string]struct {
		make  func(id int)
		stays bool
	}{
		"held": {func(id int) {
			m.wish(id, mint.Held, "kept-kim")
			m.done(mintOf(id, "kept-kim"))
		}, false},
		"free": {func(id int) {
			m.wish(id, mint.Free, "kept-kim")
			m.done(mint.Action{Kind: mint.Mint, Ticket: tid(id), Form: mint.Free, To: "kept-kim"})
		}, true},
		"about to be free": {func(id int) { m.wish(id, mint.Free, "kept-kim") }, true},
		"stuck on its way to be free": {func(id int) {
			m.wish(id, mint.Free, "kept-kim")
			m.save(m.begin(mint.Action{Kind: mint.Mint, Ticket: tid(id), Form: mint.Free, To: "kept-kim"})[0], func(a *mint.Action) { a.State, a.Attempt = mint.Failed, 1 })
		}, false},
		"free elsewhere": {func(id int) {
			m.wish(id, mint.Free, "own")
			m.done(mint.Action{Kind: mint.Mint, Ticket: tid(id), Form: mint.Free, To: "own"})
		}, false},
		"on its way": {func(id int) {
			m.wish(id, mint.Held, "kept-kim")
			m.begin(mintOf(id, "kept-kim"))
		}, true},
		"burned":   {func(id int) { m.wish(id, mint.Burned, "") }, false},
		"never":    {func(id int) { m.wish(id, mint.None, "") }, false},
		"somebody": {func(id int) { m.wishFor(id, "lee", mint.Free, "kept-kim") }, false},
	} {
		n++
		must(t, p.join(byte(n), "kim", "kim@example.org")) // #nosec G115 -- few
		_, err := s.Wallets().KeepWallets(t.Context(), []wallet.Wallet{walletFor("kim")})
		must(t, err)
		test.make(n)
		var want error
		if test.stays {
			want = account.ErrTokensLeft
		}
		if err := p.Delete(t.Context(), "kim", account.Letter{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		must(t, s.Run(t.Context(), `DELETE FROM mint_action`, `DELETE FROM token`))
		if test.stays {
			must(t, p.Delete(t.Context(), "kim", account.Letter{}))
		}
	}
}
