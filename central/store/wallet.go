package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
)

// Wallets returns the store as wallet wants it.
func (s *Store) Wallets() *Wallets { return &Wallets{s} }

// Wallets keeps where people's tokens lie, and the sealed seed of the keys that are
// kept here.
type Wallets struct{ s *Store }

var _ wallet.Store = (*Wallets)(nil)

const (
	selectSeed  = `SELECT sealed FROM wallet_seed WHERE id = 1`
	insertSeed  = `INSERT INTO wallet_seed (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`
	replaceSeed = `UPDATE wallet_seed SET sealed = $2 WHERE id = 1 AND sealed = $1`
)

// Seed implements [wallet.Seeds].
func (w *Wallets) Seed(ctx context.Context) (sealed []byte, err error) {
	err = w.s.view(ctx, func(t *tx) error {
		err := t.row(ctx, selectSeed, nil, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return sealed, err
}

// KeepSeed implements [wallet.Seeds].
func (w *Wallets) KeepSeed(ctx context.Context, sealed []byte) (have []byte, err error) {
	if err := checkSeed(sealed); err != nil {
		return nil, err
	}
	err = w.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, insertSeed, sealed); err != nil {
			return err
		}
		have = nil
		return t.row(ctx, selectSeed, nil, &have)
	})
	return bytes.Clone(have), err
}

// Reseal implements [wallet.Seeds].
func (w *Wallets) Reseal(ctx context.Context, from, to []byte) error {
	if err := checkSeed(to); err != nil {
		return err
	}
	return w.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, replaceSeed, from, to)
		if err == nil && n == 0 {
			err = fmt.Errorf("seal the seed of the wallets anew: %w", wallet.ErrStale)
		}
		return err
	})
}

func checkSeed(sealed []byte) error {
	if len(sealed) == 0 || len(sealed) > wallet.MaxSealed {
		return fmt.Errorf("sealed seed of %d bytes, want 1 to %d", len(sealed), wallet.MaxSealed)
	}
	return nil
}

const (
	walletColumns = `account, salt, number, kept, COALESCE(linked, ''), COALESCE(since, 0)`
	selectWallet  = `SELECT ` + walletColumns + ` FROM wallet WHERE account = $1`
	selectWallets = `SELECT ` + walletColumns + ` FROM wallet WHERE account IN `
	keptHere      = `SELECT COUNT(*) FROM wallet WHERE kept = $1`

	accountsOf    = `SELECT id FROM account WHERE id IN `
	insertWallets = `INSERT INTO wallet (account, salt, number, kept) VALUES `
	walletFields  = 4
	unlessKept    = ` ON CONFLICT (account) DO NOTHING`
)

func scanWallet(r scanner) (w wallet.Wallet, err error) {
	var salt []byte
	var since int64
	err = r.Scan(&w.Account, &salt, &w.Index, &w.Kept, &w.Linked, &since)
	copy(w.Salt[:], salt)
	if w.Linked != "" {
		w.Since = time.UnixMilli(since)
	}
	return w, err
}

func oneWallet(ctx context.Context, t *tx, account string) (wallet.Wallet, error) {
	got, err := rows(ctx, t, scanWallet, selectWallet, account)
	if err == nil && len(got) == 0 {
		err = wallet.ErrUnknown
	}
	if err != nil {
		return wallet.Wallet{}, err
	}
	return got[0], nil
}

// Wallets implements [wallet.Wallets].
func (w *Wallets) Wallets(ctx context.Context, accounts []string) (out []wallet.Wallet, err error) {
	err = w.s.view(ctx, func(t *tx) error {
		out, err = walletsOf(ctx, t, accounts)
		return err
	})
	return out, err
}

func walletsOf(ctx context.Context, t *tx, accounts []string) (out []wallet.Wallet, err error) {
	for some := range portions(accounts) {
		got, err := rows(ctx, t, scanWallet, selectWallets+places(1, len(some)), anyOf(some)...)
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

func anyOf[T any](all []T) []any {
	out := make([]any, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out
}

// KeepWallets implements [wallet.Wallets].
func (w *Wallets) KeepWallets(ctx context.Context, wallets []wallet.Wallet) (out []wallet.Wallet, err error) {
	accounts := make([]string, len(wallets))
	byAccount := make(map[string]*wallet.Wallet, len(wallets))
	for i := range wallets {
		accounts[i] = wallets[i].Account
		byAccount[accounts[i]] = &wallets[i]
	}
	err = w.s.update(ctx, func(t *tx) error {
		var known []string
		for some := range portions(accounts) {
			got, err := rows(ctx, t, func(r scanner) (id string, err error) { return id, r.Scan(&id) }, accountsOf+places(1, len(some)), anyOf(some)...)
			if err != nil {
				return err
			}
			known = append(known, got...)
		}
		for some := range portions(known) {
			args := make([]any, 0, len(some)*walletFields)
			for _, id := range some {
				k := byAccount[id]
				args = append(args, id, k.Salt[:], int64(k.Index), k.Kept)
			}
			if _, err := t.exec(ctx, insertWallets+values(len(some), walletFields)+unlessKept, args...); err != nil {
				return err
			}
		}
		out, err = walletsOf(ctx, t, known)
		return err
	})
	return out, err
}

// Kept implements [wallet.Wallets].
func (w *Wallets) Kept(ctx context.Context, address string) (kept bool, err error) {
	err = w.s.view(ctx, func(t *tx) error {
		var n int
		err := t.row(ctx, keptHere, []any{address}, &n)
		kept = n > 0
		return err
	})
	return kept, err
}
