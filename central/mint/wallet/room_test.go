package wallet_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/mint/wallet"
)

func TestEverybodyHasAWalletForGood(t *testing.T) {
	r, m, c := room(t)
	first, err := r.Wallet(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	if first.Kind() != wallet.Custodial || first.Address() != first.Kept || first.Kept == "" {
		t.Errorf("%+v: want a custodial wallet", first)
	}
	if _, err := wallet.ParseAddress(first.Kept); err != nil {
		t.Errorf("%s: %v", first.Kept, err)
	}
	again := open(t, config(m, c))
	for i, r := range []*wallet.Room{r, again} {
		if got, err := r.Address(t.Context(), anna); got != first.Kept || err != nil {
			t.Errorf("room %d: %s %v, want %s", i, got, err, first.Kept)
		}
	}
	if other, err := r.Address(t.Context(), ben); other == first.Kept || err != nil {
		t.Errorf("ben: %s %v, want another address than anna's", other, err)
	}
}

// TestAddressFollowsFromSeed pins the derivation: another one would lose everybody's
// wallets.
func TestAddressFollowsFromSeed(t *testing.T) {
	c := newClock()
	cfg := config(newMemory(c.now), c)
	cfg.Rand = bytes.NewReader(bytes.Repeat([]byte{7}, 32+24+32)) // seed, nonce of its box, salt
	r := open(t, cfg)
	w, err := r.Wallet(t.Context(), anna)
	const want = "2EWxTymucodhAAD95FJioirJECSGaDuqvQfHVYSXnAZz" // also made with Node.js's crypto
	if err != nil || w.Kept != want {
		t.Errorf("%s %v, want %s", w.Kept, err, want)
	}
}

func TestManyAtOnce(t *testing.T) {
	r, m, _ := room(t)
	m.people = []string{anna, ben}
	ask := []string{anna, ben, anna, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"}
	got, err := r.Wallets(t.Context(), ask)
	if err != nil || len(got) != 2 || got[anna].Account != anna || got[ben].Account != ben {
		t.Fatalf("%v %v, want those of anna and ben", got, err)
	}
	if _, err := r.Address(t.Context(), ask[3]); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("nobody's wallet: %v, want ErrUnknown", err)
	}
}

// TestCentralsAgree opens many rooms on one empty store at once: there is one seed
// and one wallet for each person, whoever was first.
func TestCentralsAgree(t *testing.T) {
	c := newClock()
	m := newMemory(c.now)
	const centrals = 8
	var all [centrals]string
	var wg sync.WaitGroup
	for i := range centrals {
		wg.Go(func() {
			r, err := wallet.New(t.Context(), config(m, c))
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
	for _, address := range all {
		if address != all[0] || address == "" {
			t.Fatalf("addresses %q: want one", all)
		}
	}
}

func TestSignerSignsForItsAddress(t *testing.T) {
	r, _, _ := room(t)
	if _, err := r.SignerFor(t.Context(), anna); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("no wallet yet: %v, want ErrUnknown", err)
	}
	w, err := r.Wallet(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.SignerFor(t.Context(), anna)
	if err != nil || s.Address() != w.Kept {
		t.Fatalf("signer of %s, %v, want %s", s.Address(), err, w.Kept)
	}
	message := []byte("a transaction's message")
	public := s.Public()
	sig, err := s.Sign(t.Context(), message)
	if err != nil || !ed25519.Verify(public[:], message, sig[:]) || wallet.FormatAddress(public) != w.Kept {
		t.Errorf("signature %x of %x, %v: does not hold", sig, public, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Sign(ended, message); !errors.Is(err, context.Canceled) {
		t.Errorf("too late: %v, want Canceled", err)
	}
}

func TestClosedRoomSignsNothing(t *testing.T) {
	r, _, _ := room(t)
	if _, err := r.Address(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	s, err := r.SignerFor(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(t.Context(), []byte("x")); !errors.Is(err, wallet.ErrClosed) {
		t.Errorf("Sign: %v, want ErrClosed", err)
	}
	if _, err := r.Address(t.Context(), ben); !errors.Is(err, wallet.ErrClosed) {
		t.Errorf("Address: %v, want ErrClosed", err)
	}
}

// TestAlteredWalletIsRefused changes each thing that an address follows from, and the
// address: nothing goes there and nothing is signed.
func TestAlteredWalletIsRefused(t *testing.T) {
	for name, how := range map[string]func(*wallet.Wallet){
		"address": func(w *wallet.Wallet) { w.Kept = addressOf(person(1)) },
		"salt":    func(w *wallet.Wallet) { w.Salt[3] ^= 1 },
		"index":   func(w *wallet.Wallet) { w.Index++ },
	} {
		t.Run(name, func(t *testing.T) {
			r, m, _ := room(t)
			if _, err := r.Address(t.Context(), anna); err != nil {
				t.Fatal(err)
			}
			early, err := r.SignerFor(t.Context(), anna)
			if err != nil {
				t.Fatal(err)
			}
			m.change(anna, how)
			if a, err := r.Address(t.Context(), anna); !errors.Is(err, wallet.ErrAltered) {
				t.Errorf("Address: %s %v, want ErrAltered", a, err)
			}
			if _, err := r.SignerFor(t.Context(), anna); !errors.Is(err, wallet.ErrAltered) {
				t.Errorf("SignerFor: %v, want ErrAltered", err)
			}
			if _, err := early.Sign(t.Context(), []byte("x")); err != nil {
				t.Errorf("a signer from before: %v", err)
			}
		})
	}
}

// TestWalletOfSomebodyElse gives one person's row to another.
func TestWalletOfSomebodyElse(t *testing.T) {
	r, m, _ := room(t)
	if _, err := r.Address(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	w := m.wallets[anna]
	w.Account = ben
	m.wallets[ben] = w
	m.mu.Unlock()
	if a, err := r.Address(t.Context(), ben); !errors.Is(err, wallet.ErrAltered) {
		t.Errorf("ben at anna's address: %s %v, want ErrAltered", a, err)
	}
}

func TestNewRefuses(t *testing.T) {
	c := newClock()
	for name, spoil := range map[string]func(*wallet.Config){
		"no store":        func(c *wallet.Config) { c.Store = nil },
		"no key":          func(c *wallet.Config) { c.Keys = nil },
		"key of zeros":    func(c *wallet.Config) { c.Keys = append(c.Keys, wallet.Key{}) },
		"no clock":        func(c *wallet.Config) { c.Now = nil },
		"no origin":       func(c *wallet.Config) { c.Origin = "" },
		"a host":          func(c *wallet.Config) { c.Origin = "tickets.example.org" },
		"another scheme":  func(c *wallet.Config) { c.Origin = "ftp://tickets.example.org" },
		"a path":          func(c *wallet.Config) { c.Origin = "https://tickets.example.org/a" },
		"a query":         func(c *wallet.Config) { c.Origin = "https://tickets.example.org?a" },
		"a user":          func(c *wallet.Config) { c.Origin = "https://a:b@tickets.example.org" },
		"a long host":     func(c *wallet.Config) { c.Origin = "https://" + strings.Repeat("a", 300) },
		"a line":          func(c *wallet.Config) { c.Chain = "main\nnet" },
		"no such address": func(c *wallet.Config) { c.Reserved = []string{"x"} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(newMemory(c.now), c)
			spoil(&cfg)
			if _, err := wallet.New(t.Context(), cfg); err == nil {
				t.Error("taken")
			}
		})
	}
}

// failing is a store whose every method fails.
type failing struct{ wallet.Store }

var errDisk = errors.New("disk is full")

func (failing) Wallets(context.Context, []string) ([]wallet.Wallet, error) { return nil, errDisk }
func (failing) Kept(context.Context, string) (bool, error)                 { return false, errDisk }

func TestStoreErrorsPass(t *testing.T) {
	c := newClock()
	r := open(t, config(failing{newMemory(c.now)}, c))
	_, err1 := r.Address(t.Context(), anna)
	_, err2 := r.SignerFor(t.Context(), anna)
	_, err3 := r.Begin(t.Context(), anna, addressOf(person(1)), wallet.English)
	for i, err := range []error{err1, err2, err3} {
		if !errors.Is(err, errDisk) {
			t.Errorf("%d: %v, want the store's error", i, err)
		}
	}
}
