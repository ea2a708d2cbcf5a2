package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/central/archive"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// backupName is the name of a backup that is put into a folder.
const backupName = "conting-20060102T150405Z.backup"

// runBackup writes a backup beside a central that may go on running. The file has its
// name only once it was read again to its end.
func runBackup(ctx context.Context, a *app, f *flags) (err error) {
	if err := f.Want(1, 1); err != nil {
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
	name := f.Rest[0]
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, a.now().UTC().Format(backupName))
	}
	switch _, err := os.Lstat(name); {
	case err == nil:
		return hint.Errorf("choose another name; backups are never overwritten", "%s exists", name)
	case !errors.Is(err, fs.ErrNotExist):
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
	part := name + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was cut off
		return err
	}
	sum, err := writeBackup(ctx, s, part)
	if err == nil {
		err = readBackup(part, &sum)
	}
	if err != nil {
		if gone := os.Remove(part); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	if err := os.Rename(part, name); err != nil {
		return err
	}
	if err := private.SyncDir(filepath.Dir(name)); err != nil {
		return err
	}
	dir := folder(cfg.DataDir)
	_, err = fmt.Fprintf(a.out, "%s: %d tables, %d rows, sha256 %s\nKeys are in no backup. Keep a copy of %s, %s, %s and %s elsewhere: a restore needs them.\n"+
		"Neither are the places in waiting rooms: they are in %s.\n",
		name, len(sum.Tables), sum.Rows(), hex.EncodeToString(sum.Hash[:]),
		dir.path("keys"), dir.path(anchorFile), dir.path(tokenFile), f.config, cfg.placesAt())
	return err
}

// placesAt says for people where the numbers of waiting rooms are.
func (c *config) placesAt() string {
	if c.Queue.URL != "" {
		return "the server at queue.url"
	}
	return folder(c.DataDir).path(queueFolder)
}

func writeBackup(ctx context.Context, s *store.Store, name string) (sum archive.Summary, err error) {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- where the operator wants it
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if sum, err = s.Backup(ctx, out, version); err != nil {
		return sum, err
	}
	return sum, out.Sync()
}

// readBackup reads a backup to its end, and compares it with what was written.
func readBackup(name string, want *archive.Summary) (err error) {
	in, err := os.Open(name) // #nosec G304 -- where the operator wants it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	got, err := checkBackup(in)
	if err == nil && got.Hash != want.Hash {
		err = archive.ErrDamaged
	}
	if err != nil {
		return fmt.Errorf("the backup does not read as it was written: %w", err)
	}
	return nil
}

// checkBackup reads a backup to its end.
func checkBackup(in io.Reader) (archive.Summary, error) {
	r, err := archive.NewReader(in)
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, io.EOF) {
		return archive.Summary{}, err
	}
	return r.Summary(), nil
}
