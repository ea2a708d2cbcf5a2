package wallet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/con-ting/conting/central/mint/wallet"
)

func TestWrongKeyFileIsRefused(t *testing.T) {
	_, m, c := room(t)
	cfg := config(m, c)
	cfg.Keys = []wallet.Key{key(2)}
	before := bytes.Clone(m.seed)
	if _, err := wallet.New(t.Context(), cfg); !errors.Is(err, wallet.ErrKey) {
		t.Errorf("another key: %v, want ErrKey", err)
	}
	if !bytes.Equal(m.seed, before) {
		t.Error("the seed was replaced")
	}
}

func TestSeedIsNotInTheStore(t *testing.T) {
	c := newClock()
	m := newMemory(c.now)
	cfg := config(m, c)
	secret := bytes.Repeat([]byte{0x5e}, 32)
	cfg.Rand = bytes.NewReader(append(slices.Clone(secret), bytes.Repeat([]byte{1}, 24)...))
	open(t, cfg)
	if bytes.Contains(m.seed, secret[:8]) || len(m.seed) > wallet.MaxSealed {
		t.Errorf("sealed seed %x: want it sealed, of at most %d bytes", m.seed, wallet.MaxSealed)
	}
}

// TestAlteredSeedIsRefused changes each byte of the sealed seed, and its length.
func TestAlteredSeedIsRefused(t *testing.T) {
	_, m, c := room(t)
	cfg := config(m, c)
	good := bytes.Clone(m.seed)
	for i := range good {
		m.seed = bytes.Clone(good)
		m.seed[i] ^= 0x40
		if _, err := wallet.New(t.Context(), cfg); !errors.Is(err, wallet.ErrAltered) && !errors.Is(err, wallet.ErrKey) {
			t.Errorf("byte %d: %v, want a refusal", i, err)
		}
	}
	for _, seed := range [][]byte{good[:len(good)-1], append(bytes.Clone(good), 0), {1}} {
		m.seed = seed
		if _, err := wallet.New(t.Context(), cfg); !errors.Is(err, wallet.ErrAltered) {
			t.Errorf("%d bytes: %v, want ErrAltered", len(seed), err)
		}
	}
}

func TestRotateKeepsAddresses(t *testing.T) {
	r, m, c := room(t)
	want, err := r.Address(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	if err := wallet.Rotate(t.Context(), m, key(3), key(2), rand.Reader); !errors.Is(err, wallet.ErrKey) {
		t.Errorf("from a key that it is not under: %v, want ErrKey", err)
	}
	if err := wallet.Rotate(t.Context(), m, key(1), wallet.Key{}, rand.Reader); !errors.Is(err, wallet.ErrKey) {
		t.Errorf("to zeros: %v, want ErrKey", err)
	}
	for range 2 { // the second finds nothing to do
		if err := wallet.Rotate(t.Context(), m, key(1), key(2), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config(m, c)
	if _, err := wallet.New(t.Context(), cfg); !errors.Is(err, wallet.ErrKey) {
		t.Errorf("the old key: %v, want ErrKey", err)
	}
	for _, keys := range [][]wallet.Key{{key(2)}, {key(1), key(2)}, {key(2), key(1)}} {
		cfg.Keys = keys
		if got, err := open(t, cfg).Address(t.Context(), anna); got != want || err != nil {
			t.Errorf("%s %v, want %s as before", got, err, want)
		}
	}
	if got, err := r.Address(t.Context(), anna); got != want || err != nil {
		t.Errorf("the room that was open: %s %v, want %s", got, err, want)
	}
}

func TestRotateWithoutSeed(t *testing.T) {
	if err := wallet.Rotate(t.Context(), newMemory(newClock().now), key(1), key(2), rand.Reader); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("%v, want ErrUnknown", err)
	}
}

// TestRotateTwiceAtOnce has another central rotate between reading and writing.
func TestRotateTwiceAtOnce(t *testing.T) {
	_, m, _ := room(t)
	late := &interrupted{memory: m, before: func() {
		if err := wallet.Rotate(t.Context(), m, key(1), key(3), rand.Reader); err != nil {
			t.Error(err)
		}
	}}
	if err := wallet.Rotate(t.Context(), late, key(1), key(2), rand.Reader); !errors.Is(err, wallet.ErrStale) {
		t.Errorf("%v, want ErrStale", err)
	}
}
