package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// runMintRekey puts a new key in the place of the wallets' key. The new one lies beside
// it until it has taken its place, and either opens the wallets: it may be cut off
// anywhere and be begun again.
func runMintRekey(ctx context.Context, a *app, f *flags) (err error) {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	d := folder(cfg.DataDir)
	if !cfg.Database.shared() { // whoever shares one may go on: an open seed stays open
		lock, err := d.lock()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	if _, err := d.walletKeys(); err != nil {
		return err
	}
	one, err := private.Lock(d.path(walletKeyFile), false) // of two that make a next key, one would take away the other's
	if err != nil {
		return fmt.Errorf("%s: %w", walletKeyFile, err)
	}
	defer func() { err = errors.Join(err, one.Close()) }()
	from, to, err := d.nextWalletKey()
	if err != nil {
		return err
	}
	at, err := cfg.database(slog.New(slog.DiscardHandler), a.now)
	if err != nil {
		return err
	}
	s, err := store.OpenAsIs(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		return found(databaseFile, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	switch err := wallet.Rotate(ctx, s.Wallets(), from, to, rand.Reader); {
	case errors.Is(err, wallet.ErrUnknown): // there is nothing to seal yet
	case errors.Is(err, wallet.ErrKey):
		return hint.Errorf("bring back the "+walletKeyFile+" that belongs to this database", "%w", err)
	case err != nil:
		return err
	}
	if err := d.replace(walletKeyFile, to.Encode()); err != nil {
		return err
	}
	if err := os.Remove(d.path(nextWalletKeyFile)); err != nil {
		return err
	}
	if err := private.SyncDir(d.path("keys")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "The wallets are sealed under a new %s. Back it up; older backups of the database still need the old one.\n", walletKeyFile)
	if err == nil && cfg.Database.shared() {
		_, err = fmt.Fprintln(a.out, "Copy it to the other centrals of this database before they are started again.")
	}
	return err
}

// nextWalletKey is the key in force, and the one that takes its place: one that an
// earlier rekey has made, or a new one.
func (d folder) nextWalletKey() (from, to wallet.Key, err error) {
	keys, err := d.walletKeys()
	if err != nil {
		return from, to, err
	}
	if len(keys) == 2 && keys[0] != keys[1] {
		return keys[0], keys[1], nil
	}
	// The earlier one was cut off at its very end, or at its very beginning.
	if err := os.Remove(d.path(nextWalletKeyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return from, to, err
	}
	if to, err = wallet.NewKey(rand.Reader); err != nil {
		return from, to, err
	}
	return keys[0], to, private.Create(d.path(nextWalletKeyFile), to.Encode())
}
