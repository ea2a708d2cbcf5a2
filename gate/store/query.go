package store

import (
	"context"
	"database/sql"
	"fmt"
)

// queries are the writer's statements on the path of an admission, prepared once.
type queries struct {
	tail, put, claim, again, standing *sql.Stmt
}

const ticketColumns = "zone, class, seat, version, holder, not_before, not_after, flags, mint"

const (
	sqlTail = `SELECT seq, time, hash FROM journal ORDER BY seq DESC LIMIT 1`

	sqlPut = `INSERT INTO journal (seq, time, kind, refers, entry, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`

	// The status and version that the set gives the ticket now, whatever the
	// decision saw before. No row: the set does not know the ticket.
	sqlStanding = `SELECT status, version FROM ticket
		WHERE generation = (SELECT current FROM event WHERE event = ?1) AND id = ?2`

	// The claim itself. Its number follows from the exits, so a second person with
	// the same ticket meets the primary key; entries elsewhere count as well.
	sqlClaim = `WITH
		gone (n) AS (SELECT count(*) FROM seen WHERE event = ?1 AND ticket = ?2 AND void = 0 AND kind = 2),
		came (n) AS (SELECT (SELECT count(*) FROM seen WHERE event = ?1 AND ticket = ?2 AND void = 0 AND kind = 1)
			+ (SELECT count(*) FROM claim WHERE event = ?1 AND ticket = ?2))
		INSERT INTO claim (event, ticket, nth, seq, time, lane, state)
		SELECT ?1, ?2, gone.n + 1, ?3, ?4, ?5, 1 FROM gone, came
		WHERE came.n <= gone.n AND came.n < ?6
		ON CONFLICT DO NOTHING`

	// The claim of an accreditation, which enters however often it has.
	sqlClaimAgain = `INSERT INTO claim (event, ticket, nth, seq, time, lane, state)
		SELECT ?1, ?2, coalesce(max(nth), 0) + 1, ?3, ?4, ?5, 1 FROM claim WHERE event = ?1 AND ticket = ?2`
)

func (q *queries) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		sql  string
	}{{&q.tail, sqlTail}, {&q.put, sqlPut}, {&q.claim, sqlClaim}, {&q.again, sqlClaimAgain}, {&q.standing, sqlStanding}} {
		stmt, err := db.PrepareContext(ctx, p.sql) //nolint:sqlclosecheck // lives as long as the pool
		if err != nil {
			return fmt.Errorf("prepare %.40q: %w", p.sql, err)
		}
		*p.stmt = stmt
	}
	return nil
}

// exec runs a prepared statement within the transaction and returns how many rows
// it changed.
func exec(ctx context.Context, tx *sql.Tx, stmt *sql.Stmt, args ...any) (int64, error) {
	bound := tx.StmtContext(ctx, stmt)
	defer func() { _ = bound.Close() }() // stmt itself stays prepared
	res, err := bound.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// scanRow runs a prepared query within the transaction and scans its one row.
func scanRow(ctx context.Context, tx *sql.Tx, stmt *sql.Stmt, args, dest []any) error {
	bound := tx.StmtContext(ctx, stmt)
	defer func() { _ = bound.Close() }() // stmt itself stays prepared
	return bound.QueryRowContext(ctx, args...).Scan(dest...)
}

// querier is a transaction or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// all runs a query and scans every row.
func all[T any](ctx context.Context, in querier, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	rows, err := in.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var out []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
