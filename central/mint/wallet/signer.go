package wallet

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
)

// Signer signs for one custodial wallet; it is a [crypto.Signer] of Ed25519. It holds
// no key: each signature derives it anew and forgets it, as far as Go lets a program
// forget.
type Signer struct {
	room   *Room
	wallet Wallet
	public [ed25519.PublicKeySize]byte
}

// SignerFor returns the signer of an account's custodial wallet, even while an
// outside one is linked. The error wraps [ErrUnknown] if it has none yet, or
// [ErrAltered].
func (r *Room) SignerFor(ctx context.Context, account string) (*Signer, error) {
	kept, err := r.cfg.Store.Wallets(ctx, []string{account})
	if err != nil {
		return nil, fmt.Errorf("read wallet: %w", err)
	}
	if len(kept) != 1 || kept[0].Account != account {
		return nil, ErrUnknown
	}
	if err := r.check(&kept[0]); err != nil {
		return nil, err
	}
	public, err := decodeAddress(kept[0].Kept)
	if err != nil {
		return nil, err
	}
	return &Signer{room: r, wallet: kept[0], public: public}, nil
}

// Public returns the public key, an [ed25519.PublicKey]: the bytes of the address.
func (s *Signer) Public() crypto.PublicKey { return ed25519.PublicKey(s.public[:]) }

// Address returns the address in base58.
func (s *Signer) Address() string { return s.wallet.Kept }

// Sign signs a message, which is not hashed; opts must be those of plain Ed25519, such
// as crypto.Hash(0) or nil. After [Room.Close] the error is [ErrClosed].
func (s *Signer) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts != nil && opts.HashFunc() != 0 {
		return nil, fmt.Errorf("sign with %s: %w", opts.HashFunc(), errors.ErrUnsupported)
	}
	k, err := s.room.derive(&s.wallet)
	if err != nil {
		return nil, err
	}
	defer clear(k)
	if [ed25519.PublicKeySize]byte(k[ed25519.SeedSize:]) != s.public {
		return nil, ErrAltered
	}
	return ed25519.Sign(k, message), nil
}
