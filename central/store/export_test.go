package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
)

// OpenAt opens a database with the first n migrations only, all for -1, as an older
// release would, and runs the SQL that fills it.
func OpenAt(ctx context.Context, cfg Config, n int, fill ...string) error {
	open := openSQLite
	if cfg.URL != "" {
		open = openPostgres
	}
	s, err := open(cfg)
	if err != nil {
		return err
	}
	steps, err := migrations(s.dialect.name)
	if err != nil {
		return err
	}
	if n < 0 {
		n = len(steps)
	}
	if err := s.migrate(ctx, steps[:n], cfg.Logger); err != nil {
		return err
	}
	return errors.Join(s.Run(ctx, fill...), s.Close())
}

// Migrations is how many this program has.
func Migrations(engine string) (int, error) {
	steps, err := migrations(engine)
	return len(steps), err
}

// MigrationsBefore is how many come before the named one.
func MigrationsBefore(engine, name string) (int, error) {
	steps, err := migrations(engine)
	return slices.IndexFunc(steps, func(s step) bool { return s.name == name }), err
}

// Violations lists the tables whose foreign keys lead nowhere, which PostgreSQL
// never lets happen.
func (s *Store) Violations(ctx context.Context) (out []string, err error) {
	if s.dialect.name != "sqlite" {
		return nil, nil
	}
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (table string, err error) {
			var row, parent, key any
			return table, r.Scan(&table, &row, &parent, &key)
		}, "PRAGMA foreign_key_check")
		return err
	})
	return out, err
}

// Run runs statements as they are.
func (s *Store) Run(ctx context.Context, statements ...string) error {
	return s.update(ctx, func(t *tx) error {
		for _, q := range statements {
			if _, err := t.exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// Numbers takes a number of a sequence in a transaction that fails, and then one
// in a transaction that commits.
func (s *Store) Numbers(ctx context.Context, name string, fail error) (int64, error) {
	if err := s.update(ctx, func(t *tx) error {
		if _, err := t.next(ctx, name); err != nil {
			return err
		}
		return fail
	}); err != fail { //nolint:errorlint // that very error
		return 0, err
	}
	var n int64
	err := s.update(ctx, func(t *tx) (err error) {
		n, err = t.next(ctx, name)
		return err
	})
	return n, err
}

// Pragma asks a connection for a setting of SQLite's.
func (s *Store) Pragma(ctx context.Context, name string, writer bool) (v string, err error) {
	run := s.view
	if writer {
		run = s.update
	}
	return v, run(ctx, func(t *tx) error { return t.row(ctx, "PRAGMA "+name, nil, &v) })
}

// WriteWhereOneReads runs one statement on a connection that must only read.
func (s *Store) WriteWhereOneReads(ctx context.Context) error {
	return s.view(ctx, func(t *tx) error {
		_, err := t.exec(ctx, "INSERT INTO counter (name, n) VALUES ($1, $2)", "x", 1)
		return err
	})
}

// Limit lets the database grow by no more than that many pages of 4 KiB.
func (s *Store) Limit(ctx context.Context, pages int) error {
	return s.update(ctx, func(t *tx) error {
		var used int
		if err := t.row(ctx, "PRAGMA page_count", nil, &used); err != nil {
			return err
		}
		_, err := t.exec(ctx, "PRAGMA max_page_count = "+strconv.Itoa(used+pages))
		return err
	})
}
