package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/con-ting/conting/central/archive"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
)

// runMove copies everything into an empty PostgreSQL database, in one transaction
// that also reads it back and compares each row. The old database stays as it is.
func runMove(ctx context.Context, a *app, f *flags) (err error) {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.to == "" {
		return f.Wrong("--to is missing")
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	from, err := cfg.database(quiet, a.now)
	if err != nil {
		return err
	}
	to := store.Config{Now: a.now, Logger: quiet}
	if to.URL, err = readURL(f.to); err != nil {
		return err
	}
	if to.URL == from.URL {
		return hint.Errorf("name the file of another database", "--to is the database that is in use")
	}
	lock, err := folder(cfg.DataDir).lock() // what is written while it is copied would be lost
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	source, err := store.Open(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if from.URL != "" {
		if err := still(ctx, source, cfg.Cluster.Lease); err != nil {
			return err
		}
	}
	sum, err := copyDatabase(ctx, source, to)
	if errors.Is(err, store.ErrNotEmpty) {
		return hint.Errorf("create an empty database", "%w", err)
	}
	if err != nil {
		return err
	}
	for _, t := range sum.Tables {
		if t.Rows > 0 {
			if _, err := fmt.Fprintf(a.out, "%-16s %9d rows  sha256 %x\n", t.Table, t.Rows, t.Hash[:8]); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprintf(a.out, "%d rows are in the new database and read the same there.\nNow put this into %s, start central, and keep the old database away from it:\n\n[database]\nurl_file = %q\n",
		sum.Rows(), f.config, f.to)
	return err
}

// copyDatabase pipes a backup of one database into another.
func copyDatabase(ctx context.Context, from *store.Store, to store.Config) (archive.Summary, error) {
	in, out := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		_, err := from.Backup(ctx, out, version)
		wrote <- errors.Join(err, out.CloseWithError(err))
	}()
	sum, err := func() (archive.Summary, error) {
		r, err := archive.NewReader(in)
		if err != nil {
			return archive.Summary{}, err
		}
		return store.Restore(ctx, to, r, store.Restoring{})
	}()
	if err != nil {
		_ = in.CloseWithError(err) // ends the other side
	}
	if werr := <-wrote; err == nil || !errors.Is(werr, err) {
		err = errors.Join(err, werr)
	}
	return sum, err
}
