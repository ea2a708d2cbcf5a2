package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/outbox"
)

const (
	dropChallenges  = `DELETE FROM wallet_challenge WHERE expires <= $1`
	insertChallenge = `INSERT INTO wallet_challenge (account, nonce, address, message, expires)
		SELECT a.id, $2, $3, $4, CAST($5 AS BIGINT) FROM account a WHERE a.id = $1
		ON CONFLICT (account) DO UPDATE SET nonce = excluded.nonce, address = excluded.address, message = excluded.message, expires = excluded.expires`
	selectChallenge = `SELECT nonce, address, message, expires FROM wallet_challenge WHERE account = $1 AND expires > $2`
)

// PutChallenge implements [wallet.Links].
func (w *Wallets) PutChallenge(ctx context.Context, c wallet.Challenge) error {
	if len(c.Message) > wallet.MaxMessage {
		return fmt.Errorf("message of %d bytes, at most %d", len(c.Message), wallet.MaxMessage)
	}
	return w.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, dropChallenges, t.ms()); err != nil {
			return err
		}
		n, err := t.exec(ctx, insertChallenge, c.Account, c.Nonce, c.Address, c.Message, c.Expires.UnixMilli())
		if err == nil && n == 0 {
			err = wallet.ErrUnknown
		}
		return err
	})
}

// Challenge implements [wallet.Links].
func (w *Wallets) Challenge(ctx context.Context, account string) (c wallet.Challenge, err error) {
	err = w.s.view(ctx, func(t *tx) error {
		var expires int64
		c = wallet.Challenge{Account: account}
		err := t.row(ctx, selectChallenge, []any{account, t.ms()}, &c.Nonce, &c.Address, &c.Message, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return wallet.ErrChallenge
		}
		c.Expires = time.UnixMilli(expires)
		return err
	})
	if err != nil {
		return wallet.Challenge{}, err
	}
	return c, nil
}

const (
	linkWallet = `UPDATE wallet SET linked = c.address, since = $3 FROM wallet_challenge c
		WHERE wallet.account = $1 AND c.account = wallet.account AND c.nonce = $2 AND c.expires > $3
			AND NOT EXISTS (SELECT 1 FROM wallet o WHERE o.linked = c.address AND o.account <> $1)`
	goodChallenge = `SELECT COUNT(*) FROM wallet_challenge WHERE account = $1 AND nonce = $2 AND expires > $3`
	useChallenged = `DELETE FROM wallet_challenge WHERE account = $1`
	unlinkWallet  = `UPDATE wallet SET linked = NULL, since = NULL WHERE account = $1 AND linked IS NOT NULL`
)

// Link implements [wallet.Links].
func (w *Wallets) Link(ctx context.Context, account, nonce string) (is wallet.Wallet, err error) {
	err = w.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, linkWallet, account, nonce, t.ms())
		if err != nil {
			return err
		}
		if n == 0 {
			return whyNotLinked(ctx, t, account, nonce)
		}
		if _, err := t.exec(ctx, useChallenged, account); err != nil {
			return err
		}
		is, err = moved(ctx, t, account)
		return err
	})
	return is, err
}

// whyNotLinked names what kept a wallet from being linked.
func whyNotLinked(ctx context.Context, t *tx, account, nonce string) error {
	var good int
	if err := t.row(ctx, goodChallenge, []any{account, nonce, t.ms()}, &good); err != nil {
		return err
	}
	if good == 0 {
		return wallet.ErrChallenge
	}
	if _, err := oneWallet(ctx, t, account); err != nil {
		return err
	}
	return wallet.ErrTaken
}

// Unlink implements [wallet.Links].
func (w *Wallets) Unlink(ctx context.Context, account string) (is wallet.Wallet, err error) {
	err = w.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, unlinkWallet, account)
		if err != nil {
			return err
		}
		if n == 0 {
			return wallet.ErrNotLinked
		}
		is, err = moved(ctx, t, account)
		return err
	})
	return is, err
}

// moved posts that an account's tokens belong into another wallet, and returns it.
func moved(ctx context.Context, t *tx, account string) (wallet.Wallet, error) {
	if err := post(ctx, t, outbox.Row{Kind: outbox.WalletLinked, Account: account}); err != nil {
		return wallet.Wallet{}, err
	}
	return oneWallet(ctx, t, account)
}
