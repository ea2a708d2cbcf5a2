package wallet

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/con-ting/conting/sync/private"
)

// KeyLen is the length of a key, in bytes.
const KeyLen = 32

// Key is what the seed is sealed under. It lies in a file of 64 hexadecimal digits
// and a line feed that only its owner may read.
type Key [KeyLen]byte

// String hides the key from logs.
func (Key) String() string { return "wallet key" }

// GoString hides the key from logs.
func (Key) GoString() string { return "wallet key" }

// NewKey makes a key from random bytes.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, fmt.Errorf("make wallet key: %w", err)
	}
	return k, nil
}

// Encode returns what a key file holds.
func (k Key) Encode() []byte { return append(hex.AppendEncode(nil, k[:]), '\n') }

// ReadKey reads a key file. The error wraps [ErrKey] or is one of package private's.
func ReadKey(name string) (Key, error) {
	b, err := private.Read(name)
	if err != nil {
		return Key{}, fmt.Errorf("wallet key: %w", err)
	}
	defer clear(b)
	k, err := DecodeKey(b)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// DecodeKey reads what [Key.Encode] made, with or without the line feed. The error
// is [ErrKey].
func DecodeKey(b []byte) (Key, error) {
	var k Key
	if len(b) == 2*KeyLen+1 && b[2*KeyLen] == '\n' {
		b = b[:2*KeyLen]
	}
	if len(b) != 2*KeyLen {
		return Key{}, ErrKey
	}
	if _, err := hex.Decode(k[:], b); err != nil || k == (Key{}) {
		return Key{}, ErrKey
	}
	return k, nil
}

// seed is what all custodial keys follow from.
type seed [32]byte

// A sealed seed is a version, the id of the key that it is sealed under, a nonce,
// and the box of XChaCha20-Poly1305, whose additional data are all that stands
// before it and a label.
const (
	sealVersion = 1
	keyIDLen    = 8
	sealHead    = 1 + keyIDLen + chacha20poly1305.NonceSizeX
	sealedLen   = sealHead + len(seed{}) + chacha20poly1305.Overhead

	// MaxSealed bounds a sealed seed, of this and later versions, in bytes.
	MaxSealed = 256
)

const (
	sealLabel  = "conting/wallet/seed/v1\x00"
	keyIDLabel = "conting/wallet/key-id/v1\x00"
)

// id names a key without telling anything of it.
func (k *Key) id() [keyIDLen]byte {
	sum := sha256.Sum256(append([]byte(keyIDLabel), k[:]...))
	return [keyIDLen]byte(sum[:])
}

// openSeed opens the store's seed, or makes one.
func openSeed(ctx context.Context, cfg Config) (seed, error) {
	sealed, err := cfg.Store.Seed(ctx)
	if err != nil {
		return seed{}, fmt.Errorf("read seed: %w", err)
	}
	if sealed == nil {
		if sealed, err = makeSeed(ctx, cfg); err != nil {
			return seed{}, err
		}
	}
	return unseal(cfg.Keys, sealed)
}

// makeSeed stores a new seed, and returns the one that is kept: that of a central
// that was faster, perhaps.
func makeSeed(ctx context.Context, cfg Config) ([]byte, error) {
	var s seed
	defer clear(s[:])
	if _, err := io.ReadFull(cfg.Rand, s[:]); err != nil {
		return nil, fmt.Errorf("make seed: %w", err)
	}
	sealed, err := s.seal(&cfg.Keys[0], cfg.Rand)
	if err != nil {
		return nil, err
	}
	if sealed, err = cfg.Store.KeepSeed(ctx, sealed); err != nil {
		return nil, fmt.Errorf("keep seed: %w", err)
	}
	return sealed, nil
}

func (s *seed) seal(k *Key, random io.Reader) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		return nil, fmt.Errorf("seal seed: %w", err)
	}
	id := k.id()
	out := append(append(make([]byte, 0, sealedLen), sealVersion), id[:]...)
	out = out[:sealHead]
	if _, err := io.ReadFull(random, out[1+keyIDLen:]); err != nil {
		return nil, fmt.Errorf("seal seed: %w", err)
	}
	return aead.Seal(out, out[1+keyIDLen:], s[:], sealData(out)), nil
}

// sealData is what a sealed seed vouches for beside the seed.
func sealData(head []byte) []byte { return append([]byte(sealLabel), head[:sealHead]...) }

// unseal opens a sealed seed with the key that it names.
func unseal(keys []Key, sealed []byte) (seed, error) {
	if len(sealed) != sealedLen || sealed[0] != sealVersion {
		return seed{}, fmt.Errorf("sealed seed of %d bytes: %w", len(sealed), ErrAltered)
	}
	for i := range keys {
		id := keys[i].id()
		if subtle.ConstantTimeCompare(id[:], sealed[1:1+keyIDLen]) != 1 {
			continue
		}
		aead, err := chacha20poly1305.NewX(keys[i][:])
		if err != nil {
			return seed{}, fmt.Errorf("open seed: %w", err)
		}
		var s seed
		plain, err := aead.Open(s[:0], sealed[1+keyIDLen:sealHead], sealed[sealHead:], sealData(sealed))
		if err != nil || len(plain) != len(s) {
			return seed{}, fmt.Errorf("open seed: %w", ErrAltered)
		}
		return s, nil
	}
	return seed{}, ErrKey
}

// Rotate seals the seed anew under another key; addresses stay as they are. The old
// key is of no use then, except for older copies of the database. Both key files must
// be there while it runs: see [Config].Keys. If the seed is sealed under the new one
// already, nothing is done. The error wraps [ErrKey], [ErrAltered], [ErrStale] or
// [ErrUnknown], for a store without a seed.
func Rotate(ctx context.Context, store Seeds, from, to Key, random io.Reader) error {
	sealed, err := store.Seed(ctx)
	if err != nil {
		return fmt.Errorf("read seed: %w", err)
	}
	if sealed == nil {
		return fmt.Errorf("seed: %w", ErrUnknown)
	}
	if s, err := unseal([]Key{to}, sealed); !errors.Is(err, ErrKey) {
		clear(s[:])
		return err
	}
	s, err := unseal([]Key{from}, sealed)
	if err != nil {
		return err
	}
	defer clear(s[:])
	next, err := s.seal(&to, random)
	if err != nil {
		return err
	}
	if err := store.Reseal(ctx, sealed, next); err != nil {
		return fmt.Errorf("seal seed anew: %w", err)
	}
	return nil
}
