package store_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

func TestSeedIsKeptOnce(t *testing.T) { storetest.Each(t, testSeedIsKeptOnce) }

func testSeedIsKeptOnce(t *testing.T) {
	s, _ := onSale(t)
	w := s.Wallets()
	if sealed, err := w.Seed(t.Context()); sealed != nil || err != nil {
		t.Errorf("a seed before there is one: %x, %v", sealed, err)
	}
	if err := w.Reseal(t.Context(), []byte("one"), []byte("two")); !errors.Is(err, wallet.ErrStale) {
		t.Errorf("sealed anew before there is one: %v, want ErrStale", err)
	}
	for _, seed := range []string{"one", "other"} {
		if have, err := w.KeepSeed(t.Context(), []byte(seed)); err != nil || string(have) != "one" {
			t.Errorf("KeepSeed(%s) = %q, %v, want the first", seed, have, err)
		}
	}
	must(t, w.Reseal(t.Context(), []byte("one"), []byte("two")))
	if err := w.Reseal(t.Context(), []byte("one"), []byte("three")); !errors.Is(err, wallet.ErrStale) {
		t.Errorf("sealed anew from an old one: %v, want ErrStale", err)
	}
	if sealed, err := w.Seed(t.Context()); string(sealed) != "two" || err != nil {
		t.Errorf("seed is %q, %v", sealed, err)
	}
	for _, bad := range [][]byte{nil, bytes.Repeat([]byte{1}, wallet.MaxSealed+1)} {
		if _, err := w.KeepSeed(t.Context(), bad); err == nil {
			t.Errorf("a seed of %d bytes was kept", len(bad))
		}
	}
}

// withPeople makes accounts of these names.
func withPeople(t *testing.T, names ...string) (*store.Store, *clock) {
	t.Helper()
	s, c := onSale(t)
	p := &people{Accounts: s.Accounts(), t: t, clock: c}
	for i, name := range names {
		must(t, p.join(byte(i+1), name, name+"@example.org")) // #nosec G115 -- few
	}
	return s, c
}

func walletFor(account string) wallet.Wallet {
	return wallet.Wallet{Account: account, Salt: [wallet.SaltLen]byte{1, account[0]}, Index: 3, Kept: "kept-" + account}
}

func TestWalletIsKeptOnce(t *testing.T) { storetest.Each(t, testWalletIsKeptOnce) }

func testWalletIsKeptOnce(t *testing.T) {
	s, _ := withPeople(t, "kim", "lee")
	w := s.Wallets()
	want := walletFor("kim")
	got, err := w.KeepWallets(t.Context(), []wallet.Wallet{want, walletFor("nobody")})
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("kept are %+v, %v, want %+v", got, err, want)
	}
	other := walletFor("kim")
	other.Salt[5], other.Kept = 9, "another"
	got, err = w.KeepWallets(t.Context(), []wallet.Wallet{other, walletFor("lee")})
	slices.SortFunc(got, func(a, b wallet.Wallet) int { return bytes.Compare([]byte(a.Account), []byte(b.Account)) })
	if err != nil || len(got) != 2 || got[0] != want || got[1] != walletFor("lee") {
		t.Errorf("kept are %+v, %v, want that of kim as it was", got, err)
	}
	if got, err := w.Wallets(t.Context(), []string{"kim", "nobody"}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("wallets are %+v, %v", got, err)
	}
	if got, err := w.Wallets(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("wallets of nobody are %+v, %v", got, err)
	}
	for address, want := range map[string]bool{"kept-kim": true, "another": false, "": false} {
		if kept, err := w.Kept(t.Context(), address); err != nil || kept != want {
			t.Errorf("Kept(%q) = %v, %v", address, kept, err)
		}
	}
}

func TestWalletIsLinkedOnce(t *testing.T) { storetest.Each(t, testWalletIsLinkedOnce) }

// A message links once, in time, and no address twice; each change is posted.
func testWalletIsLinkedOnce(t *testing.T) {
	s, c := withPeople(t, "kim", "lee")
	w := s.Wallets()
	put := func(account, nonce, address string) error {
		return w.PutChallenge(t.Context(), wallet.Challenge{Account: account, Nonce: nonce, Address: address, Message: "sign " + nonce, Expires: c.now().Add(time.Minute)})
	}
	refused := func(want error, account, nonce string) {
		t.Helper()
		if _, err := w.Link(t.Context(), account, nonce); !errors.Is(err, want) {
			t.Errorf("Link(%s, %s): %v, want %v", account, nonce, err, want)
		}
	}
	if err := put("nobody", "n", "x"); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("message for nobody: %v, want ErrUnknown", err)
	}
	must(t, put("kim", "n1", "x"))
	refused(wallet.ErrUnknown, "kim", "n1") // no wallet is kept yet
	_, err := w.KeepWallets(t.Context(), []wallet.Wallet{walletFor("kim"), walletFor("lee")})
	must(t, err)
	if _, err := w.Unlink(t.Context(), "kim"); !errors.Is(err, wallet.ErrNotLinked) {
		t.Errorf("unlinked without a link: %v, want ErrNotLinked", err)
	}
	must(t, put("kim", "n2", "x"))
	refused(wallet.ErrChallenge, "kim", "n1")
	refused(wallet.ErrChallenge, "lee", "n2")
	if ch, err := w.Challenge(t.Context(), "kim"); err != nil || ch.Nonce != "n2" || ch.Address != "x" || ch.Message != "sign n2" || !ch.Expires.Equal(c.now().Add(time.Minute)) {
		t.Errorf("message is %+v, %v", ch, err)
	}
	c.advance(time.Minute)
	refused(wallet.ErrChallenge, "kim", "n2")
	if _, err := w.Challenge(t.Context(), "kim"); !errors.Is(err, wallet.ErrChallenge) {
		t.Errorf("message that has ended: %v, want ErrChallenge", err)
	}
	must(t, put("kim", "n3", "x"))
	is, err := w.Link(t.Context(), "kim", "n3")
	if want := walletFor("kim"); err != nil || is.Linked != "x" || !is.Since.Equal(c.now()) || is.Kept != want.Kept || is.Salt != want.Salt || is.Index != want.Index {
		t.Errorf("linked is %+v, %v", is, err)
	}
	refused(wallet.ErrChallenge, "kim", "n3")
	must(t, put("lee", "n4", "x"))
	refused(wallet.ErrTaken, "lee", "n4")
	if _, err := w.Challenge(t.Context(), "lee"); err != nil {
		t.Errorf("a message was used up by what was refused: %v", err)
	}
	must(t, put("kim", "n5", "y"))
	_, err = w.Link(t.Context(), "kim", "n5")
	must(t, err)
	_, err = w.Link(t.Context(), "lee", "n4") // the address is let go
	must(t, err)
	if is, err := w.Unlink(t.Context(), "kim"); err != nil || is != walletFor("kim") {
		t.Errorf("unlinked is %+v, %v", is, err)
	}
	rows, _, err := s.Outbox().Rows(t.Context(), 0, []outbox.Kind{outbox.WalletLinked}, 10)
	var who []string
	for _, r := range rows {
		who = append(who, r.Account)
	}
	if err != nil || !slices.Equal(who, []string{"kim", "kim", "lee", "kim"}) {
		t.Errorf("posted for %v, %v", who, err)
	}
}
