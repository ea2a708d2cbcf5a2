package store

import (
	"context"
	"time"

	"github.com/con-ting/conting/central/outbox"
)

// Tx is a transaction, for tests of transactions.
type Tx struct{ *tx }

// Exec runs a statement and returns how many rows it changed.
func (t Tx) Exec(query string, args ...any) (int64, error) {
	return t.exec(context.Background(), query, args...)
}

// Row runs a query for one row.
func (t Tx) Row(query string, args []any, dest ...any) error {
	return t.row(context.Background(), query, args, dest...)
}

// Ways to run a function.
const (
	Update       = "update"
	UpdateShared = "updateShared"
	Bulk         = "bulk"
	View         = "view"
	Stream       = "stream"
)

// In runs a function in a transaction.
func (s *Store) In(ctx context.Context, way string, fn func(Tx) error) error {
	run := map[string]func(context.Context, func(*tx) error) error{
		Update: s.update, UpdateShared: s.updateShared, Bulk: s.bulk, View: s.view, Stream: s.stream,
	}[way]
	return run(ctx, func(t *tx) error { return fn(Tx{t}) })
}

// Waiting is how many functions wait for a turn of update.
func (s *Store) Waiting() int {
	s.alone.mu.Lock()
	defer s.alone.mu.Unlock()
	return len(s.alone.waiting)
}

// Most is how many functions one transaction holds, and how many may wait.
func (s *Store) Most() (together, waiting int) { return s.dialect.most, maxWaiting }

// Hurry shortens what a transaction may take, where it is bounded.
func (s *Store) Hurry(limit time.Duration) {
	if s.dialect.limit != 0 {
		s.dialect.limit = limit
	}
}

// Strings runs a query for one column of text.
func (t Tx) Strings(query string) ([]string, error) {
	return rows(context.Background(), t.tx, func(r scanner) (line string, err error) { return line, r.Scan(&line) }, query)
}

// Together runs functions of updateShared in one transaction and returns their errors.
func (s *Store) Together(fns ...func(Tx) error) []error {
	l := s.beside
	batch := make([]*job, len(fns))
	for i, fn := range fns {
		batch[i] = &job{fn: func(t *tx) error { return fn(Tx{t}) }, shared: true, done: make(chan struct{})}
	}
	l.mu.Lock()
	l.busy++
	l.mu.Unlock()
	l.run(batch)
	errs := make([]error, len(fns))
	for i, j := range batch {
		errs[i] = j.err
	}
	return errs
}

// Post writes a row of an account into the outbox.
func (t Tx) Post(account string) error {
	return post(context.Background(), t.tx, outbox.Row{Kind: outbox.OfferMade, Account: account})
}
