package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// tx is one transaction with one timestamp.
type tx struct {
	sql conn
	now time.Time
}

// conn is the transaction as the engine's dialect needs it.
type conn struct{ tx *sql.Tx }

func (c conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.tx.ExecContext(ctx, placeholders(query), args...)
}

func (c conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.tx.QueryContext(ctx, placeholders(query), args...)
}

func (c conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.tx.QueryRowContext(ctx, placeholders(query), args...)
}

func (c conn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.tx.PrepareContext(ctx, placeholders(query))
}

// ms is the transaction's time as the columns store it.
func (t *tx) ms() int64 { return t.now.UnixMilli() }

// update runs fn in a write transaction and commits it, durably, when fn returns
// nil. On any error nothing is kept. On SQLite there is one writer at a time and
// fn has the lock from its first line. fn must not call update or view again and
// must not wait for anything but the database.
func (s *Store) update(ctx context.Context, fn func(*tx) error) error {
	return s.run(ctx, s.write, nil, fn)
}

// view runs fn in a read-only transaction: everything it reads is of one moment.
// It waits for no writer.
func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	return s.run(ctx, s.read, &sql.TxOptions{ReadOnly: true}, fn)
}

func (s *Store) run(ctx context.Context, db *sql.DB, opts *sql.TxOptions, fn func(*tx) error) error {
	t, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin: %w", classify(err))
	}
	if err := fn(&tx{sql: conn{t}, now: s.now()}); err != nil {
		if rerr := t.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, rerr)
		}
		return classify(err)
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", classify(err))
	}
	return nil
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, classify(err)
	}
	return res.RowsAffected()
}

// row runs a query for one row and scans it; sql.ErrNoRows when there is none.
func (t *tx) row(ctx context.Context, query string, args []any, dest ...any) error {
	return t.sql.QueryRowContext(ctx, query, args...).Scan(dest...)
}

// rows runs a query and collects what scan makes of each row.
func rows[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	r, err := t.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		v, err := scan(r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, r.Err()
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

const nextNumber = `INSERT INTO counter (name, n) VALUES ($1, 1)
	ON CONFLICT (name) DO UPDATE SET n = counter.n + 1 RETURNING n`

// next returns the next number of a sequence without gaps: 1, 2, 3 … The row
// stays locked until the transaction ends, so numbers become visible in order
// and a rolled-back transaction uses none.
func (t *tx) next(ctx context.Context, name string) (int64, error) {
	var n int64
	if err := t.row(ctx, nextNumber, []any{name}, &n); err != nil {
		return 0, fmt.Errorf("next %s: %w", name, classify(err))
	}
	return n, nil
}
