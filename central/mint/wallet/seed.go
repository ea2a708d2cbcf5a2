package wallet

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

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

// open reads the store's seed, or makes one where there is none.
func (s *seed) open(ctx context.Context, cfg Config) error {
	sealed, err := cfg.Store.Seed(ctx)
	if err != nil {
		return fmt.Errorf("read seed: %w", err)
	}
	if len(sealed) == 0 {
		if sealed, err = makeSeed(ctx, cfg); err != nil {
			return err
		}
	}
	return s.unseal(cfg.Keys, sealed)
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
	head := make([]byte, sealHead, sealedLen)
	head[0] = sealVersion
	id := k.id()
	copy(head[1:], id[:])
	nonce := head[1+keyIDLen:]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("seal seed: %w", err)
	}
	return aead.Seal(head, nonce, s[:], sealData(head)), nil
}

// sealData is what a sealed seed vouches for beside the seed.
func sealData(sealed []byte) []byte { return append([]byte(sealLabel), sealed[:sealHead]...) }

// unseal opens a sealed seed with the key that it names. The error is [ErrKey] or
// [ErrAltered].
func (s *seed) unseal(keys []Key, sealed []byte) error {
	if len(sealed) != sealedLen || sealed[0] != sealVersion {
		return fmt.Errorf("sealed seed of %d bytes: %w", len(sealed), ErrAltered)
	}
	for i := range keys {
		id := keys[i].id()
		if subtle.ConstantTimeCompare(id[:], sealed[1:1+keyIDLen]) != 1 {
			continue
		}
		aead, err := chacha20poly1305.NewX(keys[i][:])
		if err != nil {
			return fmt.Errorf("open seed: %w", err)
		}
		// It opens into s itself: its capacity is that of the plain text.
		if _, err := aead.Open(s[:0], sealed[1+keyIDLen:sealHead], sealed[sealHead:], sealData(sealed)); err != nil {
			clear(s[:])
			return fmt.Errorf("open seed: %w", ErrAltered)
		}
		return nil
	}
	return ErrKey
}

// Rotate seals the seed anew under another key; no address changes. The old key is of
// no use then, but for older copies of the database. If the seed is sealed under the
// new one already, as after an interruption, nothing is done. Rooms that are open go
// on; one that is opened needs the new key, see [Config].Keys. The error wraps
// [ErrKey], [ErrAltered], [ErrStale], or [ErrUnknown] for a store without a seed.
func Rotate(ctx context.Context, store Seeds, from, to Key, random io.Reader) error {
	if to == (Key{}) {
		return fmt.Errorf("new key: %w", ErrKey)
	}
	sealed, err := store.Seed(ctx)
	if err != nil {
		return fmt.Errorf("read seed: %w", err)
	}
	if len(sealed) == 0 {
		return fmt.Errorf("seed: %w", ErrUnknown)
	}
	var s seed
	defer clear(s[:])
	if err := s.unseal([]Key{to}, sealed); !errors.Is(err, ErrKey) {
		return err
	}
	if err := s.unseal([]Key{from}, sealed); err != nil {
		return err
	}
	next, err := s.seal(&to, random)
	if err != nil {
		return err
	}
	if err := store.Reseal(ctx, sealed, next); err != nil {
		return fmt.Errorf("seal seed anew: %w", err)
	}
	return nil
}
