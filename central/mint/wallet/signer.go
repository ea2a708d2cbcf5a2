package wallet

import (
	"context"
	"crypto/ed25519"
	"fmt"
)

// Signer signs for one custodial wallet, with Ed25519. It holds no key: each signature
// derives it anew and forgets it, as far as Go lets a program forget.
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

// Public returns the public key: the bytes of the address.
func (s *Signer) Public() [32]byte { return s.public }

// Address returns the address in base58.
func (s *Signer) Address() string { return s.wallet.Kept }

// Sign signs a transaction's message. After [Room.Close] the error is [ErrClosed].
func (s *Signer) Sign(ctx context.Context, message []byte) ([64]byte, error) {
	if err := ctx.Err(); err != nil {
		return [64]byte{}, err
	}
	k, err := s.room.derive(&s.wallet)
	if err != nil {
		return [64]byte{}, err
	}
	defer clear(k)
	return [64]byte(ed25519.Sign(k, message)), nil
}
