package wallet_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
)

const (
	anna = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	ben  = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC)} }

// key is one of 256 keys for the seed.
func key(n byte) wallet.Key { return sha256.Sum256([]byte{n}) }

// config is that of a room whose randomness is real.
func config(s wallet.Store, c *clock) wallet.Config {
	return wallet.Config{
		Store: s, Keys: []wallet.Key{key(1)}, Origin: "https://tickets.example.org", Chain: "localnet", Now: c.now,
		Reserved: []string{addressOf(person(200))},
	}
}

func open(t *testing.T, cfg wallet.Config) *wallet.Room {
	t.Helper()
	r, err := wallet.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// room is a new one with its store and clock.
func room(t *testing.T) (*wallet.Room, *memory, *clock) {
	t.Helper()
	c := newClock()
	m := newMemory(c.now)
	return open(t, config(m, c)), m, c
}

// person is the key of somebody's own wallet.
func person(n byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{'p', n})
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(k ed25519.PrivateKey) []byte { return k[ed25519.SeedSize:] }

func addressOf(k ed25519.PrivateKey) string { return wallet.FormatAddress([32]byte(publicOf(k))) }
