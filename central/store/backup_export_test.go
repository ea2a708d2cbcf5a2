package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/sync/ticket"
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
		// Tables whose names come before those that they refer to.
		for n := 0; n < 30 && must == nil; n++ {
			must = run(insertTokens+values(1, tokenFields), id(n), 1001, "kim", fmt.Sprintf("mint%d", n), "held", "kept-kim", 1000+n)
		}
		for n := 0; n < 20 && must == nil; n++ {
			a := mint.Action{ID: int64(n) + 1, Kind: mint.Mint, Event: 1001, Ticket: ticket.ID(id(n)), Form: mint.Held, To: "kept-kim", State: mint.Prepared, Attempt: 1, Signature: "s", LastHeight: 1 << 62, Wire: []byte{0, 0xff}, Rent: -5, Rev: 2}
			must = run(insertActions+values(1, actionFields), actionArgs(&a)...)
		}
		if must == nil {
			must = run(insertAccount, "kim", "kim@example.org", make([]byte, 32), "ko", 1)
		}
		if must == nil {
			must = run(insertWallets+values(1, walletFields), "kim", make([]byte, 32), 0, "kept-kim")
		}
		if must == nil {
			must = run(insertSeed, []byte{1, 0, 0xff})
		}
		if must == nil {
			must = run(insertRoot, 1001, 2, make([]byte, 32), []byte{}, 1)
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
