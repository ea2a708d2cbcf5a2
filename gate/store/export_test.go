package store

import (
	"context"
	"database/sql"
	"strconv"
	"testing"
)

// TicketRows counts the rows of all sets, old ones included.
func (s *Store) TicketRows(t testing.TB) (n int) {
	t.Helper()
	if err := s.read.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT count(*) FROM ticket").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// LimitPages lets the database grow to so many pages; 0 lifts the limit. Beyond
// it SQLite answers as for a full disk.
func (s *Store) LimitPages(t testing.TB, n int64) {
	t.Helper()
	if n == 0 {
		n = 1 << 30
	}
	if _, err := s.write.ExecContext(context.WithoutCancel(t.Context()), "PRAGMA max_page_count = "+strconv.FormatInt(n, 10)); err != nil {
		t.Fatal(err)
	}
}

// Pages returns how many pages the database has.
func (s *Store) Pages(t testing.TB) (n int64) {
	t.Helper()
	if err := s.write.QueryRowContext(context.WithoutCancel(t.Context()), "PRAGMA page_count").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Pragma reads a setting of the writer.
func (s *Store) Pragma(t testing.TB, name string) (v string) {
	t.Helper()
	if err := s.write.QueryRowContext(context.WithoutCancel(t.Context()), "PRAGMA "+name).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// SwitchNow is the last transaction of Switch alone, as if nothing had come since
// the set caught up.
func (st *Staging) SwitchNow(ctx context.Context) error {
	return st.store.inTx(ctx, "switch set", func(tx *sql.Tx) error { return st.switchIn(ctx, tx) })
}
