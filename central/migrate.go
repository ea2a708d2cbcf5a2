package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
)

// runMigrate brings the schema up to date, as `central run` does too. With --check
// it only says what is to be done, and ends with an error if there is anything.
func runMigrate(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	at, err := cfg.database(slog.New(slog.DiscardHandler), a.now)
	if err != nil {
		return err
	}
	if !f.check && !cfg.Database.shared() { // a running central has its schema
		lock, err := folder(cfg.DataDir).lock()
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
	}
	pending, err := lacking(ctx, at)
	if err != nil {
		return err
	}
	for _, name := range pending {
		if _, err := fmt.Fprintln(a.out, name); err != nil {
			return err
		}
	}
	switch {
	case len(pending) == 0:
		_, err = fmt.Fprintln(a.out, "the schema is up to date")
		return err
	case f.check:
		return hint.Errorf("make a backup, then run `central migrate` or start central", "the database lacks the migrations above")
	}
	s, err := store.Open(ctx, at)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, "applied; the schema is up to date now")
	return err
}

// lacking lists the migrations that a database lacks; all, if there is no database.
func lacking(ctx context.Context, at store.Config) (pending []string, err error) {
	s, err := store.OpenAsIs(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"(all: there is no database yet)"}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Pending(ctx)
}
