package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migration/*.sql
var migrations embed.FS

// applicationID marks a file as a gate's database ("CTG1").
const applicationID = 0x43544731

type step struct {
	version int
	name    string
	sql     string
}

// steps returns the migrations in order. Their numbers count from 1 without gaps.
func steps() ([]step, error) {
	files, err := fs.Glob(migrations, "migration/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var out []step
	for i, f := range files {
		name := strings.TrimPrefix(f, "migration/")
		number, _, _ := strings.Cut(name, "_")
		if v, err := strconv.Atoi(number); err != nil || v != i+1 {
			return nil, fmt.Errorf("migration %s: want number %d", name, i+1)
		}
		data, err := migrations.ReadFile(f)
		if err != nil {
			return nil, err
		}
		out = append(out, step{version: i + 1, name: name, sql: string(data)})
	}
	return out, nil
}

// checkVersion refuses a database that is not a gate's or is too new for this
// program. An empty one passes.
func checkVersion(ctx context.Context, db *sql.DB) error {
	version, id, tables, err := describe(ctx, db)
	if err != nil {
		return err
	}
	all, err := steps()
	if err != nil {
		return err
	}
	switch {
	case version == 0 && tables == 0:
		return nil
	case id != applicationID:
		return fmt.Errorf("application id %#x: %w", id, ErrForeign)
	case version > len(all):
		return fmt.Errorf("schema %d, this program knows %d: %w", version, len(all), ErrTooNew)
	}
	return nil
}

func describe(ctx context.Context, db *sql.DB) (version, id, tables int, err error) {
	err = errors.Join(
		db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id),
		db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables))
	return version, id, tables, err
}

// migrate applies the missing migrations, each in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB) error {
	all, err := steps()
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := m.apply(ctx, db); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	return nil
}

func (m step) apply(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var have int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have >= m.version {
		return nil
	}
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", m.version, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}
