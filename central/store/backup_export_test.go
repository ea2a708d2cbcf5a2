package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/con-ting/conting/central/outbox"
)

// Furnish fills tables of every kind with rows of every kind of value.
func (s *Store) Furnish(ctx context.Context) error {
	return s.update(ctx, func(t *tx) error {
		id := func(n int) []byte { return []byte(strings.Repeat(string(rune('A'+n%26)), 15) + string(rune(n))) }
		run := func(query string, args ...any) error {
			_, err := t.exec(ctx, query, args...)
			return err
		}
		must := run(`INSERT INTO event (id, rules, currency, plan_hash, imported) VALUES ($1, $2, 'KRW', $3, $4)`,
			1001, `{"name":"서울 \"콘서트\""}`, []byte{0, 0xff, '\''}, int64(1)<<62)
		for n := 0; n < 60 && must == nil; n++ {
			must = run(insertOutbox+values(1, outboxFields), n+1, 1001, "ticket_status", nil, id(n), n%3, nil, nil, 1000+n)
		}
		for n := 0; n < 3 && must == nil; n++ {
			must = run(insertRow, 1001, n+1, 1, id(n), "gate-1", n+1, int64(7)<<40, 5, "north", "1")
		}
		for n := 0; n < 40 && must == nil; n++ {
			must = run(insertDelta, 1001, n+1, make([]byte, 32), []byte(strings.Repeat("\x00d", n*100)), 5)
		}
		if must == nil {
			must = run(`INSERT INTO counter (name, n) VALUES ('outbox', 60), ('ledger/1001', 3)`)
		}
		if must == nil {
			must = run(insertSet, 1001, 2, make([]byte, 32), 1, 2, 40, 0, 0, []byte{})
		}
		return must
	})
}

// Pair writes a row into each of two tables, in one transaction.
func (s *Store) Pair(ctx context.Context) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.next(ctx, "pair")
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO issuer (did, body, added) VALUES ($1, '{}', 0)`, fmt.Sprintf("pair_a/%d", n)); err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO status_list (url, issuer, jwt, issued, expires, stored) VALUES ($1, '', $2, 0, 0, 0)`,
			fmt.Sprintf("pair_b/%d", n), []byte("x"))
		return err
	})
}

// Post writes a row into the outbox.
func (s *Store) Post(ctx context.Context, r outbox.Row) error {
	return s.update(ctx, func(t *tx) error { return post(ctx, t, r) })
}
