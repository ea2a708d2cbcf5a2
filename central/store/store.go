// Package store keeps everything that central must not forget: events, places,
// purchases, tickets, the outbox that feeds the gates, and (in their own files)
// devices, journals and published sets. It keeps it in SQLite, or in PostgreSQL when
// one machine is outgrown; it is the only package that knows either.
//
// It decides nothing: each method is one transaction whose conditional
// statements are the authority on who was first, and whose meaning is defined by
// the package that declared the interface it fills (sale, fleet, publish, api).
// The database is trusted like the process itself: whoever can write it can
// sell tickets. It holds no order secret and no enrolment code in the clear.
//
// # Adding a query file
//
// One consumer, one file (fleet.go, publish.go …) and one migration per dialect
// folder, with the next free number: migration/{sqlite,postgres}/0002_fleet.sql.
//
//   - Statements are constants beside the one method that runs them, with $1
//     placeholders (in any order, each as often as needed). Write only what SQLite and PostgreSQL both accept: RETURNING,
//     ON CONFLICT … DO NOTHING / DO UPDATE, partial indexes. No AUTOINCREMENT, no
//     INSERT OR IGNORE, no rowid, no date functions, no ->> (decode JSON in Go).
//     Column types may differ; they stand only in the migrations: INTEGER and BLOB
//     here are BIGINT and BYTEA there, always.
//   - Times are Unix milliseconds in BIGINT columns unless the name says otherwise;
//     truth values are INTEGER 0 or 1; identifiers are BLOB or TEXT, never floats.
//   - Reads go through [Store.view] (a consistent snapshot), writes through
//     [Store.update] (one writer at a time). Both give a *tx with a single
//     timestamp, tx.now. Never read, decide in Go, then write: put the condition in
//     the WHERE clause and look at the number of rows that tx.exec returns.
//   - What is given to update may be run more than once before it is committed: it
//     sets what it answers, at its beginning or by assignment, and never adds to it.
//     It shares its transaction with others, so it is short; [Store.bulk] and
//     [Store.stream] are for what is not.
//   - A statement that fails has failed the whole function on PostgreSQL: do not go
//     on after one, let ON CONFLICT say what would be a violation.
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
	"time"
)

// Config says where the database is: Path or URL, and all other fields.
type Config struct {
	// Path is the SQLite file. It is created with mode 0600 when missing; its
	// directory must exist. A network file system is not supported.
	Path string

	// URL is the address of a PostgreSQL database of version 13 or later:
	// postgres://user:password@host/name?sslmode=verify-full. The database exists,
	// is in UTF-8, sorts by bytes (LC_COLLATE C) and is central's alone. Beyond a
	// loopback address and a Unix socket, sslmode is verify-full or verify-ca. No
	// pooler that shares connections between transactions may stand before it.
	URL string

	// Now is the clock. Each transaction reads it once.
	Now func() time.Time

	// Logger gets a line for each migration that is applied.
	Logger *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	dialect *dialect
	dbs     []*sql.DB
	read    *pool
	alone   *lane // update
	beside  *lane // updateShared; on SQLite the same
	now     func() time.Time
}

// readers is how many snapshots may be open at once.
const readers = 8

// Open opens or creates the database, checks it, and brings its schema up to
// date. The error wraps [ErrCorrupt], [ErrFull], [ErrTooNew], [ErrMigrationChanged],
// [ErrUnsuitable] or [ErrUnavailable] where one of them is the cause, and says what
// to do. It never holds the password.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if (cfg.Path == "") == (cfg.URL == "") || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("open store: path or url, now and logger are required")
	}
	open := openSQLite
	if cfg.URL != "" {
		open = openPostgres
	}
	s, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.prepare(ctx, cfg.Logger); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", s.dialect.place, err), s.Close())
	}
	return s, nil
}

// prepare checks the database and applies the migrations that it lacks.
func (s *Store) prepare(ctx context.Context, logger *slog.Logger) error {
	if err := s.bulk(ctx, func(t *tx) error { return s.dialect.check(ctx, t, logger) }); err != nil {
		return err
	}
	steps, err := migrations(s.dialect.name)
	if err != nil {
		return err
	}
	return s.migrate(ctx, steps, logger)
}

// Close waits for running transactions and closes the database. Calls that come
// later fail.
func (s *Store) Close() error {
	errs := []error{s.alone.pool.close()}
	if s.beside != s.alone {
		errs = append(errs, s.beside.pool.close())
	}
	errs = append(errs, s.read.close())
	for _, db := range s.dbs {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// Now is the clock that the store was opened with.
func (s *Store) Now() time.Time { return s.now() }

// Engine is what the store keeps its rows in: sqlite or postgres.
func (s *Store) Engine() string { return s.dialect.name }
