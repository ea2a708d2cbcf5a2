package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/con-ting/conting/central/leader"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

type databaseConfig struct {
	// URLFile is a file that nobody but central's user can read, with the address of
	// a PostgreSQL database: postgres://user:password@host/name?sslmode=verify-full.
	// Several centrals may share that database; `central move` brings there what
	// SQLite holds. Default none: SQLite in DATA_DIR/central.db, for one central.
	URLFile string `toml:"url_file"`
}

// shared reports whether other centrals may work on the same database.
func (c *databaseConfig) shared() bool { return c.URLFile != "" }

// database is where central's rows are.
func (c *config) database(logger *slog.Logger, now func() time.Time) (store.Config, error) {
	out := store.Config{Now: now, Logger: logger}
	if !c.Database.shared() {
		out.Path = folder(c.DataDir).path(databaseFile)
		return out, nil
	}
	var err error
	out.URL, err = readURL(c.Database.URLFile)
	return out, err
}

// readURL reads the address of a database. Errors do not repeat it.
func readURL(file string) (string, error) {
	const what = "write postgres://user:password@host/name into it, and chmod 600" // #nosec G101 -- no password, but how an address is written
	url, err := private.ReadLine(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", hint.Errorf(what, "address of the database: %w", err)
	case err != nil:
		return "", err
	case !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://"):
		return "", hint.Errorf(what, "%s holds no address of a PostgreSQL database", file)
	}
	return url, nil
}

// still makes sure that no central works on a database that others may share, by
// watching for a lease whether the leader's beat goes on.
func still(ctx context.Context, s *store.Store, lease time.Duration) error {
	pending, err := s.Pending(ctx)
	if err != nil || len(pending) > 0 { // of an older release, or empty: there may be no seat to look at
		return err
	}
	alive, err := leader.Alive(ctx, s.Lease(seatName), lease)
	if err == nil && alive {
		err = hint.Errorf("stop every central on that database first", "a central works on the database")
	}
	return err
}

// seatName is the seat of the central that leads.
const seatName = "central"
