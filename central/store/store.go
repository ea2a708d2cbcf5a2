// Package store keeps everything that central must not forget: events, places,
// purchases, tickets, the outbox that feeds the gates, and (in their own files)
// devices, journals and published sets.
//
// It decides nothing: each method is one transaction whose conditional
// statements are the authority on who was first, and whose meaning is defined by
// the package that declared the interface it fills (sale, fleet, publish, api).
// The database file is trusted like the process itself: whoever can write it can
// sell tickets. It holds no order secret and no enrolment code in the clear.
//
// # Adding a query file
//
// One consumer, one file (fleet.go, publish.go …) and one migration per dialect
// folder, with the next free number: migration/sqlite/0002_fleet.sql.
//
//   - Statements are constants beside the one method that runs them, with $1
//     placeholders (in any order, each as often as needed). Write only what SQLite and PostgreSQL both accept: RETURNING,
//     ON CONFLICT … DO NOTHING / DO UPDATE, partial indexes. No AUTOINCREMENT, no
//     INSERT OR IGNORE, no rowid, no date functions. Column types may differ; they
//     stand only in the migrations (BLOB here is BYTEA there).
//   - Times are Unix milliseconds in BIGINT columns unless the name says otherwise;
//     truth values are INTEGER 0 or 1; identifiers are BLOB or TEXT, never floats.
//   - Reads go through [Store.view] (a consistent snapshot), writes through
//     [Store.update] (one writer at a time on SQLite). Both give a *tx with a single
//     timestamp, tx.now. Never read, decide in Go, then write: put the condition in
//     the WHERE clause and look at the number of rows that tx.exec returns.
//   - A gap-free number (outbox, ledger) comes from tx.next("name") inside the
//     transaction that uses it, so that commit order is number order.
//   - Return the sentinel errors of the package that declared the interface.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Config says where the database is. All fields are required.
type Config struct {
	// Path is the SQLite file. It is created with mode 0600 when missing; its
	// directory must exist. A network file system is not supported.
	Path string

	// Now is the clock. Each transaction reads it once.
	Now func() time.Time

	// Logger gets a line for each migration that is applied.
	Logger *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	read  *sql.DB // snapshots; many connections
	write *sql.DB // on SQLite exactly one connection
	now   func() time.Time
}

// readers is how many snapshots may be open at once.
const readers = 8

// Open opens or creates the database, checks it, and brings its schema up to
// date. The error wraps [ErrCorrupt], [ErrFull], [ErrTooNew] or
// [ErrMigrationChanged] where one of them is the cause, and says what to do.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("open store: path, now and logger are required")
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, fmt.Errorf("open store: %w (create its directory and make it writable for this user)", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{now: cfg.Now}
	if s.write, err = openSQLite(path, url.Values{"_txlock": {"immediate"}}, 1); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if s.read, err = openSQLite(path, url.Values{"_query_only": {"true"}}, readers); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.write.Close())
	}
	if err := s.prepare(ctx, cfg.Logger); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// prepare checks the file and applies the migrations that it lacks.
func (s *Store) prepare(ctx context.Context, logger *slog.Logger) error {
	var verdict string
	if err := s.write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return classify(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: quick_check says %q", ErrCorrupt, verdict)
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	return s.migrate(ctx, steps, logger)
}

// Close waits for running transactions and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Now is the clock that the store was opened with.
func (s *Store) Now() time.Time { return s.now() }
