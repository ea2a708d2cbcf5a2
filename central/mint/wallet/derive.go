package wallet

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/con-ting/conting/sync/base58"
)

const keyLabel = "conting/wallet/ed25519/v1\x00"

// derive returns the private key of a custodial wallet: Ed25519 from 32 bytes of
// HKDF-SHA256 (RFC 5869) of the seed, with the person's salt, and as info the label,
// the account's id, a zero byte and the index in 4 bytes, big-endian. The caller clears it.
func (r *Room) derive(w *Wallet) (ed25519.PrivateKey, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, ErrClosed
	}
	info := binary.BigEndian.AppendUint32([]byte(keyLabel+w.Account+"\x00"), w.Index)
	raw, err := hkdf.Key(sha256.New, r.seed[:], w.Salt[:], string(info), ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	defer clear(raw)
	return ed25519.NewKeyFromSeed(raw), nil
}

// addressOf returns the address that follows from the seed.
func (r *Room) addressOf(w *Wallet) (string, error) {
	k, err := r.derive(w)
	if err != nil {
		return "", err
	}
	defer clear(k)
	return base58.Encode(k[ed25519.SeedSize:]), nil
}

// check returns [ErrAltered] unless the kept address follows from the seed.
func (r *Room) check(w *Wallet) error {
	address, err := r.addressOf(w)
	if err != nil {
		return err
	}
	if address != w.Kept {
		return fmt.Errorf("custodial address: %w", ErrAltered)
	}
	return nil
}

// Wallet returns an account's wallet, which it makes if there is none. The error
// wraps [ErrUnknown] if there is no such account, or [ErrAltered].
func (r *Room) Wallet(ctx context.Context, account string) (Wallet, error) {
	all, err := r.Wallets(ctx, []string{account})
	if err != nil {
		return Wallet{}, err
	}
	w, ok := all[account]
	if !ok {
		return Wallet{}, ErrUnknown
	}
	return w, nil
}

// Address returns where an account's tickets go, as [Room.Wallet] does.
func (r *Room) Address(ctx context.Context, account string) (string, error) {
	w, err := r.Wallet(ctx, account)
	return w.Address(), err
}

// Wallets returns the wallets of some accounts by account, and makes those that are
// missing. Accounts that do not exist are left out. One that is [ErrAltered] is an
// error for all.
func (r *Room) Wallets(ctx context.Context, accounts []string) (map[string]Wallet, error) {
	kept, err := r.cfg.Store.Wallets(ctx, accounts)
	if err != nil {
		return nil, fmt.Errorf("read wallets: %w", err)
	}
	out := make(map[string]Wallet, len(accounts))
	if err := r.take(out, kept); err != nil {
		return nil, err
	}
	var missing []Wallet
	asked := make(map[string]bool, len(accounts))
	for _, account := range accounts {
		if _, ok := out[account]; ok || asked[account] {
			continue
		}
		asked[account] = true
		w, err := r.newWallet(account)
		if err != nil {
			return nil, err
		}
		missing = append(missing, w)
	}
	if len(missing) == 0 {
		return out, nil
	}
	if kept, err = r.cfg.Store.KeepWallets(ctx, missing); err != nil {
		return nil, fmt.Errorf("keep wallets: %w", err)
	}
	return out, r.take(out, kept)
}

// take adds wallets that follow from the seed.
func (r *Room) take(out map[string]Wallet, kept []Wallet) error {
	for i := range kept {
		if err := r.check(&kept[i]); err != nil {
			return err
		}
		out[kept[i].Account] = kept[i]
	}
	return nil
}

func (r *Room) newWallet(account string) (Wallet, error) {
	w := Wallet{Account: account}
	if _, err := io.ReadFull(r.cfg.Rand, w.Salt[:]); err != nil {
		return Wallet{}, fmt.Errorf("make salt: %w", err)
	}
	var err error
	w.Kept, err = r.addressOf(&w)
	return w, err
}
