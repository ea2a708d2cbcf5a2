package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/con-ting/conting/central/archive"
)

// Backup writes everything as it is at one moment, while others go on writing. On
// SQLite the write-ahead log cannot shrink meanwhile. program is the release that
// stands in it.
func (s *Store) Backup(ctx context.Context, w io.Writer, program string) (sum archive.Summary, err error) {
	err = s.stream(ctx, func(t *tx) error {
		schema, err := applied(ctx, t)
		if err != nil {
			return err
		}
		a, err := archive.NewWriter(w, archive.Header{Created: t.ms(), Program: program, Engine: s.dialect.name, Schema: schema})
		if err != nil {
			return err
		}
		sum, err = s.dump(ctx, t, a)
		return err
	})
	if err != nil {
		return archive.Summary{}, fmt.Errorf("back up %s: %w", s.dialect.place, err)
	}
	return sum, nil
}

// applied lists the migrations that the database has.
func applied(ctx context.Context, t *tx) ([]string, error) {
	steps, err := rows(ctx, t, func(r scanner) (m step, err error) { return m, r.Scan(&m.name, &m.hash) }, listMigration)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	names := make([]string, len(steps))
	for i := range steps {
		names[i] = steps[i].name
	}
	return names, nil
}

// dump writes all tables and ends the archive.
func (s *Store) dump(ctx context.Context, t *tx, a *archive.Writer) (archive.Summary, error) {
	all, err := s.shape(ctx, t)
	if err != nil {
		return archive.Summary{}, err
	}
	for _, of := range kept(all) {
		if err := dumpTable(ctx, t, a, of); err != nil {
			return archive.Summary{}, fmt.Errorf("table %s: %w", of.name, err)
		}
	}
	return a.Close()
}

func dumpTable(ctx context.Context, t *tx, a *archive.Writer, of *table) (err error) {
	if err := a.Table(archive.Table{Name: of.name, Columns: of.columns}); err != nil {
		return err
	}
	if len(of.key) == 0 {
		return errors.New("it has no primary key, so that its rows have no order")
	}
	query := `SELECT ` + list(of.columns) + ` FROM "` + of.name + `" ORDER BY ` + list(of.key) // #nosec G202 -- names that the engine gave
	r, err := t.sql.QueryContext(ctx, query)
	if err != nil {
		return classify(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	values, into := make([]any, len(of.columns)), make([]any, len(of.columns))
	for i := range values {
		into[i] = &values[i]
	}
	for r.Next() {
		if err := r.Scan(into...); err != nil {
			return err
		}
		if err := a.Row(values); err != nil {
			return err
		}
	}
	return classify(r.Err())
}

// OpenAsIs opens a database that exists, whatever its schema is, and applies no
// migration: for [Store.Pending] and [Store.Backup]. For a file that is not there the
// error wraps [fs.ErrNotExist].
func OpenAsIs(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.URL == "" {
		if _, err := os.Stat(cfg.Path); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	s, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.stream(ctx, func(t *tx) error { return s.dialect.check(ctx, t, cfg.Logger) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", s.dialect.place, err), s.Close())
	}
	return s, nil
}

// Pending lists the migrations that the database lacks, in order. Errors wrap
// [ErrTooNew] or [ErrMigrationChanged] where it has others.
func (s *Store) Pending(ctx context.Context) (names []string, err error) {
	steps, err := migrations(s.dialect.name)
	if err != nil {
		return nil, err
	}
	err = s.stream(ctx, func(t *tx) error {
		all, err := s.shape(ctx, t)
		if err != nil {
			return err
		}
		var have []step
		if hasTable(all, "migration") {
			have, err = rows(ctx, t, func(r scanner) (m step, err error) { return m, r.Scan(&m.name, &m.hash) }, listMigration)
			if err != nil {
				return fmt.Errorf("read migrations: %w", err)
			}
		}
		if err := sameHistory(have, steps); err != nil {
			return err
		}
		names = nil
		for _, m := range steps[len(have):] {
			names = append(names, m.name)
		}
		return nil
	})
	return names, err
}

func hasTable(all []*table, name string) bool {
	for _, t := range all {
		if t.name == name {
			return true
		}
	}
	return false
}

// connect opens a database without a look at what is in it.
func connect(cfg Config) (*Store, error) {
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
	return s, nil
}
