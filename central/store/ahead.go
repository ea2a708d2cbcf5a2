package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/ticket"
)

// A central whose database was restored does not know what it published after the
// backup was made, and gates take no number twice. So the numbers go on far beyond
// any that can have been used: a delta gathers what happens within a tenth of a
// second, and a set takes longer, so a thousand a second since the backup is more
// than there can have been. It is counted from the time of the backup, so that the
// same backup, restored twice, goes on beyond what the first restoring has used.
//
// Gates may skip versions, and a set names the delta after which it counts: what is
// built first after a restore brings every gate, and all of it, to what the restored
// database says. The ledger has no such beginning; it is filled up with entries that
// say nothing, about no ticket: a gate that has read further than that would miss what
// comes before.

const (
	aheadPerSecond = 1000
	aheadAtLeast   = time.Hour

	// The ledger of each event goes ahead by what its gates can have told central
	// since: so many entries at least, so many a second, but no more than so many for
	// each ticket. What central took in comes again from the gates, which keep their
	// journals.
	aheadLedger    = 10 * 256
	aheadEntries   = 50
	aheadPerTicket = 4
)

const (
	lastPublished = `SELECT COALESCE(MAX(n), 0) FROM (
		SELECT MAX(seq) AS n FROM delta WHERE event = $1
		UNION ALL SELECT MAX(version) FROM ticket_set WHERE event = $1
		UNION ALL SELECT version FROM publish_floor WHERE event = $1
		UNION ALL SELECT delta FROM publish_floor WHERE event = $1) AS used`
	setFloor = `INSERT INTO publish_floor (event, version, delta, hash) VALUES ($1, $2, $3, $4)
		ON CONFLICT (event) DO UPDATE SET version = excluded.version, delta = excluded.delta, hash = excluded.hash`
	dropDeltas     = `DELETE FROM delta WHERE event = $1`
	dropAllSets    = `DELETE FROM ticket_set WHERE event = $1`
	dropAllObjects = `DELETE FROM set_object WHERE event = $1`
	dropEverybody  = `DELETE FROM session`

	// Twice within a millisecond is two lives as well.
	beginLife = `INSERT INTO counter (name, n) VALUES ('life', $1)
		ON CONFLICT (name) DO UPDATE SET n = CASE WHEN counter.n < excluded.n THEN excluded.n ELSE counter.n + 1 END`
	selectLife = `SELECT COALESCE(MAX(n), 0) FROM counter WHERE name = 'life'`
)

// Life tells one life of this database from another: zero unless it was put back to
// an earlier day, and then what no life before had, whatever backups it came from.
func (s *Store) Life(ctx context.Context) (life uint64, err error) {
	err = s.view(ctx, func(t *tx) error { return t.row(ctx, selectLife, nil, &life) })
	return life, err
}

// ahead moves everything that gates count beyond what may have been published since
// the backup, and signs everybody out: a session that was ended since must not live
// again. The tokens of waiting rooms end as well, by the new life: the numbers in them
// may be given out again.
func (s *Store) ahead(ctx context.Context, t *tx, made time.Time) error {
	if _, err := t.exec(ctx, dropEverybody); err != nil {
		return err
	}
	if _, err := t.exec(ctx, beginLife, t.ms()); err != nil {
		return err
	}
	events, err := rows(ctx, t, func(r scanner) (id ticket.EventID, err error) { return id, r.Scan(&id) }, selectEventIDs)
	if err != nil {
		return err
	}
	since := int64(max(0, t.now.Sub(made)) / time.Second)
	for _, id := range events {
		err := eventAhead(ctx, t, id, (since+int64(aheadAtLeast/time.Second))*aheadPerSecond)
		if err == nil {
			err = fillLedger(ctx, t, id, since)
		}
		if err != nil {
			return fmt.Errorf("move event %s ahead: %w", id, err)
		}
	}
	return nil
}

func eventAhead(ctx context.Context, t *tx, id ticket.EventID, by int64) error {
	var used int64
	if err := t.row(ctx, lastPublished, []any{int64(id)}, &used); err != nil {
		return err
	}
	hash := make([]byte, 32) // of no delta that there ever was
	if _, err := rand.Read(hash); err != nil {
		return err
	}
	if _, err := t.exec(ctx, setFloor, int64(id), used+by, used+by, hash); err != nil {
		return err
	}
	if _, err := t.exec(ctx, setCleared, int64(id), used+by); err != nil {
		return err
	}
	for _, query := range []string{dropDeltas, dropAllObjects, dropAllSets} {
		if _, err := t.exec(ctx, query, int64(id)); err != nil {
			return err
		}
	}
	return nil
}

const (
	countTickets = `SELECT COUNT(*) FROM ticket WHERE event = $1`
	addLedger    = `INSERT INTO counter (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n RETURNING n`

	// repeatRow writes the row of a number again, under each number up to another.
	repeatRow = `INSERT INTO ledger (event, number, kind, ticket, device, seq, time, uncertainty, gate, lane)
		WITH RECURSIVE k (n) AS (SELECT CAST($2 AS BIGINT) + 1 UNION ALL SELECT n + 1 FROM k WHERE n < $3)
		SELECT l.event, k.n, l.kind, l.ticket, l.device, k.n, l.time, l.uncertainty, l.gate, l.lane
		FROM ledger l CROSS JOIN k WHERE l.event = $1 AND l.number = $2`
)

// fillLedger adds entries that void admissions that never were.
func fillLedger(ctx context.Context, t *tx, id ticket.EventID, since int64) error {
	var none ticket.ID
	if _, err := rand.Read(none[:]); err != nil {
		return err
	}
	var tickets, last int64
	if err := t.row(ctx, countTickets, []any{int64(id)}, &tickets); err != nil {
		return err
	}
	n := aheadLedger + min(since*aheadEntries, tickets*aheadPerTicket)
	if err := t.row(ctx, addLedger, []any{"ledger/" + id.String(), n}, &last); err != nil {
		return err
	}
	first := last - n + 1
	if _, err := t.exec(ctx, insertRow, int64(id), first, int64(publish.Void), none[:], "restore", first, t.ms()<<16, 0, "", ""); err != nil {
		return err
	}
	_, err := t.exec(ctx, repeatRow, int64(id), first, last)
	return err
}

const selectFloor = `SELECT version, delta, hash FROM publish_floor WHERE event = $1`

// Floor implements [publish.Chain].
func (p *Publish) Floor(ctx context.Context, event ticket.EventID) (f publish.Floor, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		var hash []byte
		f = publish.Floor{}
		err := t.row(ctx, selectFloor, []any{int64(event)}, &f.Version, &f.Delta, &hash)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		copy(f.Hash[:], hash)
		return err
	})
	return f, err
}
