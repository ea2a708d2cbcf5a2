package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/con-ting/conting/central/outbox"
)

// tx is one transaction, or one function's part of it, with one timestamp.
type tx struct {
	sql conn
	now time.Time

	file *file         // of a function that goes abreast with others, which has no sql
	late *[]outbox.Row // takes what is posted until the transaction ends; nil posts at once
}

// conn runs statements in the transaction. The context that its methods are given
// is the caller's, whose end must not end a transaction that others share: they go
// by the transaction's own.
type conn struct {
	s   *session
	ctx context.Context //nolint:containedctx // of the transaction, which lives as long
}

// ExecContext runs a statement. Without arguments it may be several.
func (c conn) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	c.s.dirty = true
	return c.s.conn.ExecContext(c.ctx, c.s.dialect.rewrite(query), args...) //nolint:contextcheck // see conn
}

// QueryContext runs a query. Its rows are closed before the transaction ends.
func (c conn) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	c.s.dirty = c.s.dirty || !reads(query)
	return c.s.conn.QueryContext(c.ctx, c.s.dialect.rewrite(query), args...) //nolint:contextcheck // see conn
}

// QueryRowContext runs a query for one row.
func (c conn) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	c.s.dirty = c.s.dirty || !reads(query)
	return c.s.conn.QueryRowContext(c.ctx, c.s.dialect.rewrite(query), args...) //nolint:contextcheck // see conn
}

// reads tells of a query that it changes nothing.
func reads(query string) bool { return strings.HasPrefix(query, "SELECT ") }

// ms is the transaction's time as the columns store it.
func (t *tx) ms() int64 { return t.now.UnixMilli() }

// view runs fn in a read-only transaction: everything it reads is of one moment.
// It waits for no writer. It is for what is read at once: it goes on when ctx ends,
// but not for long.
func (s *Store) view(ctx context.Context, fn func(*tx) error) error {
	return s.look(ctx, string(s.dialect.reads), s.bounded, fn)
}

// stream is view for what takes long. It ends with ctx.
func (s *Store) stream(ctx context.Context, fn func(*tx) error) error {
	return s.look(ctx, string(s.dialect.reads)+s.dialect.lasts, context.WithCancel, fn)
}

func (s *Store) look(ctx context.Context, begin string, bound func(context.Context) (context.Context, context.CancelFunc), fn func(*tx) error) (err error) {
	c, err := s.read.take(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer s.read.put(c)
	ctx, cancel := bound(ctx)
	defer cancel()
	if _, err := c.begin(ctx, begin); err != nil {
		return err
	}
	defer c.rollback(ctx) // also if fn panics; there is nothing to commit
	if err := fn(&tx{sql: conn{c, ctx}, now: s.now()}); err != nil {
		return s.explain(c, err)
	}
	return nil
}

// bounded is a context that does not end with ctx, but when the transaction must.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if s.dialect.limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.dialect.limit)
}

// explain puts the sentinel before an error that the engine caused.
func (s *Store) explain(c *session, err error) error {
	if c.conn == nil || s.dialect.lost(c.conn) {
		c.drop()
		if !errors.Is(err, ErrUnavailable) {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	return classify(err)
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.file != nil {
		return t.file.exec(query, args)
	}
	was := t.sql.s.dirty
	res, err := t.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, classify(err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		t.sql.s.dirty = was
	}
	return n, err
}

// row runs a query for one row and scans it; sql.ErrNoRows when there is none.
func (t *tx) row(ctx context.Context, query string, args []any, dest ...any) error {
	if t.file != nil {
		return t.file.row(query, args, dest)
	}
	was := t.sql.s.dirty
	err := t.sql.QueryRowContext(ctx, query, args...).Scan(dest...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		t.sql.s.dirty = was
	case err != nil:
		t.sql.s.dirty = true
	}
	return err
}

// rows runs a query and collects what scan makes of each row. scan runs no queries.
func rows[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	if t.file != nil {
		err = t.file.rows(query, args, func(r scanner) error {
			v, err := scan(r)
			out = append(out, v)
			return err
		})
		return out, err
	}
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

const nextNumber = `INSERT INTO counter (name, n) VALUES ($1, $2)
	ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n RETURNING n`

// next returns the next number of a sequence without gaps: 1, 2, 3 … The row
// stays locked until the transaction ends, so numbers become visible in order
// and a rolled-back transaction uses none.
func (t *tx) next(ctx context.Context, name string) (int64, error) {
	return t.nextOf(ctx, name, 1)
}

// nextOf takes several numbers and returns the last.
func (t *tx) nextOf(ctx context.Context, name string, many int) (int64, error) {
	var n int64
	if err := t.row(ctx, nextNumber, []any{name, many}, &n); err != nil {
		return 0, fmt.Errorf("next %s: %w", name, classify(err))
	}
	return n, nil
}
