package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/central/archive"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/trust"
)

// runRestore puts a backup in the place of the database that the configuration
// names. Until the very end what was there before is as it was.
func runRestore(ctx context.Context, a *app, f *flags) (err error) {
	if err := f.Want(1, 1); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	dir := folder(cfg.DataDir)
	lock, err := dir.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	k, err := dir.loadKeys()
	if err != nil {
		return err
	}
	at, err := cfg.database(slog.New(slog.DiscardHandler), a.now)
	if err != nil {
		return err
	}
	in, err := os.Open(f.Rest[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if _, err := checkBackup(in); err != nil { // what is wrong with it is better said before anything fails because of it
		return fmt.Errorf("%s: %w", f.Rest[0], err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, err := archive.NewReader(in)
	if err != nil {
		return err
	}
	place := restorePlace{dir: dir, force: f.force, now: a.now}
	if err := place.prepare(ctx, &at, cfg.Cluster.Lease); err != nil {
		return err
	}
	sum, err := store.Restore(ctx, at, r, store.Restoring{Replace: f.force, Ahead: true})
	if errors.Is(err, store.ErrNotEmpty) {
		return hint.Errorf("make a backup of what is there, then use --force", "%w", err)
	}
	if err != nil {
		return err
	}
	h := r.Header()
	signed, err := relist(ctx, at, k, h.At())
	if err != nil {
		return fmt.Errorf("trust list: %w", err)
	}
	moved, err := place.finish(at)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d tables, %d rows, as of %s. Everybody is signed out; gates get a new set and follow it.\nWho stands in a waiting room enters it again, and has the place that is on record in %s.\n",
		len(sum.Tables), sum.Rows(), h.At().UTC().Format(time.RFC3339), cfg.placesAt())
	if moved != "" {
		text += "What was there before is " + moved + ".\n"
	}
	if !signed {
		text += "The root key is elsewhere: sign a trust list with a higher version than any that devices have, and put it into " + dir.path(listFile) + ".\n"
	}
	_, err = fmt.Fprint(a.out, text+"What was sold, refunded or revoked since then is not in it: compare with the payment provider, and revoke devices again.\n")
	return err
}

// restorePlace is where a restored database goes.
type restorePlace struct {
	dir   folder
	force bool
	now   func() time.Time
	path  string // of the SQLite file; empty for PostgreSQL
}

// sqliteFiles are the names that one SQLite database has.
var sqliteFiles = []string{"", "-wal", "-shm"}

// prepare makes sure that nobody works on the database. On SQLite it has the backup
// go into a new file.
func (p *restorePlace) prepare(ctx context.Context, at *store.Config, lease time.Duration) (err error) {
	if at.URL != "" {
		s, err := store.OpenAsIs(ctx, *at)
		if err != nil {
			return err
		}
		return errors.Join(still(ctx, s, lease), s.Close())
	}
	p.path = at.Path
	if _, err := os.Lstat(p.path); err == nil && !p.force {
		return hint.Errorf("use --force; what is there is kept beside it", "%s exists", p.path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	at.Path = p.path + ".restored"
	for _, s := range sqliteFiles { // of one that was cut off
		if err := os.Remove(at.Path + s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// finish puts the new file in its place, and what was there beside it.
func (p *restorePlace) finish(at store.Config) (moved string, err error) {
	if p.path == "" {
		return "", nil
	}
	beside := p.path + p.now().UTC().Format(".before-20060102T150405Z")
	for _, s := range sqliteFiles {
		switch err := os.Rename(p.path+s, beside+s); {
		case err == nil:
			moved = beside
		case !errors.Is(err, fs.ErrNotExist):
			return moved, err
		}
	}
	if err := os.Rename(at.Path, p.path); err != nil {
		return moved, err
	}
	return moved, private.SyncDir(filepath.Dir(p.path))
}

// relist signs the trust list anew with a version beyond any that devices may have
// got since the backup: not more than one a second. It reports whether it could.
func relist(ctx context.Context, at store.Config, k *keys, made time.Time) (done bool, err error) {
	s, err := store.Open(ctx, at)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	newest, err := s.Fleet().TrustList(ctx)
	switch {
	case errors.Is(err, fleet.ErrNotFound): // none was ever given out
		return true, nil
	case err != nil:
		return false, err
	case len(k.roots) == 0:
		return false, nil
	}
	now := at.Now()
	list, err := k.anchor.Open(newest.Data, now)
	if err != nil { // it has run out: central signs another when it starts
		list = &trust.List{Keys: k.listed, DeviceCAs: [][]byte{k.authority.DER()}}
	}
	list.Version = newest.Version + 1 + uint64(max(0, now.Sub(made))/time.Second)
	list.Issued, list.Expires = now.Unix(), now.Add(fleet.ListLifetime).Unix()
	data, err := trust.SignList(*list, k.roots...)
	if err != nil {
		return false, err
	}
	return s.Fleet().SaveTrustList(ctx, fleet.TrustList{Version: list.Version, Data: data})
}
