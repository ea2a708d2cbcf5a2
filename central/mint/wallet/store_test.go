package wallet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// database is the real store with the accounts of anna and ben.
func database(t *testing.T, c *clock) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), c.now, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, id := range []string{anna, ben} {
		n := byte(i + 1)
		err := s.Accounts().AddAccount(t.Context(),
			account.Account{ID: id, Email: id + "@example.org", Recovery: [32]byte{n}},
			account.Credential{ID: []byte{n}, Account: id, Key: ticket.HolderKey{2, n}},
			account.Session{Hash: [32]byte{n}, Account: id, Credential: []byte{n}, Expires: c.at.Add(time.Hour)},
			[32]byte{}, account.Used{Challenge: []byte{n}, Expires: c.at.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// linked lists whose wallets the outbox says have changed.
func linked(t *testing.T, s *store.Store) (out []string) {
	t.Helper()
	rows, _, err := s.Outbox().Rows(t.Context(), 0, []outbox.Kind{outbox.WalletLinked}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		out = append(out, r.Account)
	}
	return out
}

// TestOnRealStore takes wallets through their life on each engine: what memory
// promises here, the database keeps.
func TestOnRealStore(t *testing.T) { storetest.Each(t, testOnRealStore) }

func testOnRealStore(t *testing.T) {
	c := newClock()
	s := database(t, c)
	cfg := config(s.Wallets(), c)
	r := open(t, cfg)
	before, err := r.Wallet(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Wallet(t.Context(), "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("nobody's: %v, want ErrUnknown", err)
	}
	if err := wallet.Rotate(t.Context(), s.Wallets(), key(1), key(2), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := wallet.New(t.Context(), cfg); !errors.Is(err, wallet.ErrKey) {
		t.Errorf("the old key: %v, want ErrKey", err)
	}
	cfg.Keys = []wallet.Key{key(2)}
	r = open(t, cfg)
	if got, err := r.Wallet(t.Context(), anna); got != before || err != nil {
		t.Errorf("%+v %v, want %+v as before", got, err, before)
	}
	if err := r.CheckOutside(t.Context(), before.Kept); !errors.Is(err, wallet.ErrReserved) {
		t.Errorf("a custodial address: %v, want ErrReserved", err)
	}

	own := person(1)
	m, err := r.Begin(t.Context(), anna, addressOf(own), wallet.Korean)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Link(t.Context(), anna, sign(person(2), m)); !errors.Is(err, wallet.ErrSignature) {
		t.Errorf("another key: %v, want ErrSignature", err)
	}
	c.at = c.at.Add(wallet.ChallengeLifetime)
	if _, err := r.Link(t.Context(), anna, sign(own, m)); !errors.Is(err, wallet.ErrChallenge) {
		t.Errorf("too late: %v, want ErrChallenge", err)
	}
	w, err := r.Link(t.Context(), anna, sign(own, begin(t, r, anna, own)))
	if err != nil || w.Address() != addressOf(own) || !w.Since.Equal(c.at) {
		t.Errorf("linked: %+v %v", w, err)
	}
	if _, err := r.Link(t.Context(), ben, sign(own, begin(t, r, ben, own))); !errors.Is(err, wallet.ErrTaken) {
		t.Errorf("a wallet of two: %v, want ErrTaken", err)
	}
	if w, err = r.Unlink(t.Context(), anna); w != before || err != nil {
		t.Errorf("unlinked: %+v %v, want %+v", w, err, before)
	}
	if got := linked(t, s); !slices.Equal(got, []string{anna, anna}) {
		t.Errorf("posted for %v, want each change of anna's", got)
	}
}

// TestOneLinkAtOnce has two people link one wallet at the same moment, each many
// times: one of them has it, once.
func TestOneLinkAtOnce(t *testing.T) { storetest.Each(t, testOneLinkAtOnce) }

func testOneLinkAtOnce(t *testing.T) {
	c := newClock()
	s := database(t, c)
	r := open(t, config(s.Wallets(), c))
	own := person(1)
	var mu sync.Mutex // guards winners
	var winners []string
	var wg sync.WaitGroup
	for _, account := range []string{anna, ben} {
		signature := sign(own, begin(t, r, account, own))
		for range 4 {
			wg.Go(func() {
				_, err := r.Link(t.Context(), account, signature)
				switch {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					winners = append(winners, account)
				case !errors.Is(err, wallet.ErrChallenge) && !errors.Is(err, wallet.ErrTaken):
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if len(winners) != 1 || !slices.Equal(linked(t, s), winners) {
		t.Errorf("linked by %v, posted for %v, want one", winners, linked(t, s))
	}
}

// TestCentralsAgreeOnRealStore opens rooms on one empty database at once.
func TestCentralsAgreeOnRealStore(t *testing.T) { storetest.Each(t, testCentralsAgreeOnRealStore) }

func testCentralsAgreeOnRealStore(t *testing.T) {
	c := newClock()
	s := database(t, c)
	var all [4]string
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			r, err := wallet.New(t.Context(), config(s.Wallets(), c))
			if err != nil {
				t.Error(err)
				return
			}
			if all[i], err = r.Address(t.Context(), anna); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sealed, err := s.Wallets().Seed(t.Context())
	if err != nil || bytes.Contains(sealed, bytes.Repeat([]byte{0}, 8)) {
		t.Errorf("sealed seed %x, %v", sealed, err)
	}
	for _, address := range all {
		if address != all[0] || address == "" {
			t.Fatalf("addresses %q: want one", all)
		}
	}
}
