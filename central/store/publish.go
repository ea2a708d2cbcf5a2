package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// Publish returns the store as publish wants it.
func (s *Store) Publish() *Publish { return &Publish{s} }

// Publish keeps deltas, sets, journals, the ledger and conflicts, and shows the
// sale to the publisher.
type Publish struct{ s *Store }

var (
	_ publish.Store = (*Publish)(nil)
	_ publish.Sales = (*Publish)(nil)
)

const selectEventIDs = `SELECT id FROM event ORDER BY id`

// Events implements [publish.Sales].
func (p *Publish) Events(ctx context.Context) (ids []ticket.EventID, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		ids, err = rows(ctx, t, func(r scanner) (id ticket.EventID, err error) { return id, r.Scan(&id) }, selectEventIDs)
		return err
	})
	return ids, err
}

// Changes implements [publish.Sales].
func (p *Publish) Changes(ctx context.Context, after uint64, limit int) ([]publish.Change, error) {
	changes, err := p.s.Changes(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]publish.Change, len(changes))
	for i, c := range changes {
		out[i] = publish.Change{
			Seq: c.Seq, Event: c.Event, ID: c.ID, New: c.Ticket, Rebound: c.Kind == sale.TicketRebind, Status: c.Status,
		}
	}
	return out, nil
}

const selectRules = `SELECT rules FROM event WHERE id = $1`

func eventRules(ctx context.Context, t *tx, id ticket.EventID) (e ticket.Event, err error) {
	var rules string
	switch err := t.row(ctx, selectRules, []any{int64(id)}, &rules); {
	case errors.Is(err, sql.ErrNoRows):
		return e, fmt.Errorf("event %s: %w", id, publish.ErrUnknownEvent)
	case err != nil:
		return e, err
	}
	if err := json.Unmarshal([]byte(rules), &e); err != nil {
		return e, fmt.Errorf("decode event %s: %w", id, err)
	}
	return e, nil
}

// Event implements [publish.Sales].
func (p *Publish) Event(ctx context.Context, id ticket.EventID) (e ticket.Event, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		e, err = eventRules(ctx, t, id)
		return err
	})
	return e, err
}

const (
	lastChange   = `SELECT COALESCE(MAX(seq), 0) FROM outbox`
	eventTickets = `SELECT body, status FROM ticket WHERE event = $1 ORDER BY id`
)

// Snapshot implements [publish.Sales]: everything is read in one transaction.
func (p *Publish) Snapshot(ctx context.Context, id ticket.EventID, fn func(publish.Snapshot) error) error {
	return p.s.stream(ctx, func(t *tx) error {
		var s publish.Snapshot
		var err error
		if s.Event, err = eventRules(ctx, t, id); err != nil {
			return err
		}
		if err := t.row(ctx, lastChange, nil, &s.Through); err != nil {
			return err
		}
		s.Tickets = func(yield func(publish.Issued, error) bool) { eachTicket(ctx, t, id, yield) }
		return fn(s)
	})
}

func eachTicket(ctx context.Context, t *tx, id ticket.EventID, yield func(publish.Issued, error) bool) {
	r, err := t.sql.QueryContext(ctx, eventTickets, int64(id))
	if err != nil {
		yield(publish.Issued{}, err)
		return
	}
	defer func() { _ = r.Close() }() // a read that failed has said so
	for r.Next() {
		var i publish.Issued
		var body []byte
		err := r.Scan(&body, &i.Status)
		if err == nil {
			err = json.Unmarshal(body, &i.Ticket)
		}
		if !yield(i, err) || err != nil {
			return
		}
	}
	if err := r.Err(); err != nil {
		yield(publish.Issued{}, classify(err))
	}
}

const ticketBody = `SELECT body FROM ticket WHERE id = $1 AND event = $2`

// Class implements [publish.Sales].
func (p *Publish) Class(ctx context.Context, event ticket.EventID, id ticket.ID) (class uint8, known bool, err error) {
	var k ticket.Ticket
	err = p.s.view(ctx, func(t *tx) error {
		var body []byte
		switch err := t.row(ctx, ticketBody, []any{id[:], int64(event)}, &body); {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		known = true
		return json.Unmarshal(body, &k)
	})
	return k.Class, known, err
}

const (
	selectCursor = `SELECT outbox FROM publish_cursor WHERE id = 1`
	moveCursor   = `UPDATE publish_cursor SET outbox = $1 WHERE id = 1 AND outbox = $2`
	insertDelta  = `INSERT INTO delta (event, seq, hash, data, stored) VALUES ($1, $2, $3, $4, $5)`
)

// Cursor implements [publish.Chain].
func (p *Publish) Cursor(ctx context.Context) (n uint64, err error) {
	err = p.s.view(ctx, func(t *tx) error { return t.row(ctx, selectCursor, nil, &n) })
	return n, err
}

// Append implements [publish.Chain].
func (p *Publish) Append(ctx context.Context, from, through uint64, deltas []publish.SignedDelta) error {
	return p.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, moveCursor, signed(through), signed(from))
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("outbox cursor is not at %d: %w", from, publish.ErrMoved)
		}
		for _, d := range deltas {
			if _, err := t.exec(ctx, insertDelta, int64(d.Event), signed(d.Seq), d.Hash[:], d.Data, t.ms()); err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	selectDeltas = `SELECT seq, hash, data FROM delta WHERE event = $1 AND seq > $2 ORDER BY seq LIMIT $3`
	lastDelta    = `SELECT seq, hash, data FROM delta WHERE event = $1 ORDER BY seq DESC LIMIT 1`
)

func scanDelta(event ticket.EventID) func(scanner) (publish.SignedDelta, error) {
	return func(r scanner) (publish.SignedDelta, error) {
		d := publish.SignedDelta{Event: event}
		var hash []byte
		err := r.Scan(&d.Seq, &hash, &d.Data)
		copy(d.Hash[:], hash)
		return d, err
	}
}

// Deltas implements [publish.Chain].
func (p *Publish) Deltas(ctx context.Context, event ticket.EventID, after uint64, limit int) (ds []publish.SignedDelta, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		ds, err = rows(ctx, t, scanDelta(event), selectDeltas, int64(event), signed(after), limit)
		return err
	})
	return ds, err
}

// LastDelta implements [publish.Chain].
func (p *Publish) LastDelta(ctx context.Context, event ticket.EventID) (d publish.SignedDelta, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		ds, err := rows(ctx, t, scanDelta(event), lastDelta, int64(event))
		if len(ds) == 1 {
			d = ds[0]
		}
		return err
	})
	return d, err
}

const (
	selectCleared = `SELECT COALESCE(MAX(through), 0) FROM delta_cleared WHERE event = $1`
	setCleared    = `INSERT INTO delta_cleared (event, through) VALUES ($1, $2)
		ON CONFLICT (event) DO UPDATE SET through = excluded.through`
)

// Cleared implements [publish.Chain].
func (p *Publish) Cleared(ctx context.Context, event ticket.EventID) (n uint64, err error) {
	err = p.s.view(ctx, func(t *tx) error { return t.row(ctx, selectCleared, []any{int64(event)}, &n) })
	return n, err
}

// SetCleared implements [publish.Chain].
func (p *Publish) SetCleared(ctx context.Context, event ticket.EventID, through uint64) error {
	return p.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, setCleared, int64(event), signed(through))
		return err
	})
}

const (
	insertSet = `INSERT INTO ticket_set (event, version, hash, issued_s, expires_s, delta, tickets, chunks, manifest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (event, version) DO NOTHING`
	insertObject = `INSERT INTO set_object (event, version, kind, number, data) VALUES ($1, $2, $3, $4, $5)`
)

// SaveSet implements [publish.Sets]. It posts [outbox.SetPublished].
func (p *Publish) SaveSet(ctx context.Context, s publish.Set, objects []publish.Object) error {
	return p.s.bulk(ctx, func(t *tx) error {
		n, err := t.exec(ctx, insertSet, int64(s.Event), signed(s.Version), s.Hash[:], s.Issued, s.Expires, signed(s.Delta), s.Tickets, s.Chunks, s.Manifest)
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("set %d of event %s exists: %w", s.Version, s.Event, publish.ErrMoved)
		}
		for _, o := range objects {
			if _, err := t.exec(ctx, insertObject, int64(s.Event), signed(s.Version), string(o.Kind), o.Number, o.Data); err != nil {
				return err
			}
		}
		body, err := json.Marshal(outbox.Published{Version: s.Version})
		if err != nil {
			return err
		}
		return post(ctx, t, outbox.Row{Event: s.Event, Kind: outbox.SetPublished, Body: body})
	})
}

const selectSets = `SELECT version, hash, issued_s, expires_s, delta, tickets, chunks, manifest
	FROM ticket_set WHERE event = $1 ORDER BY version DESC`

// Sets implements [publish.Sets].
func (p *Publish) Sets(ctx context.Context, event ticket.EventID) (out []publish.Set, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (publish.Set, error) {
			s := publish.Set{Event: event}
			var hash []byte
			err := r.Scan(&s.Version, &hash, &s.Issued, &s.Expires, &s.Delta, &s.Tickets, &s.Chunks, &s.Manifest)
			copy(s.Hash[:], hash)
			return s, err
		}, selectSets, int64(event))
		return err
	})
	return out, err
}

const selectObject = `SELECT data FROM set_object WHERE event = $1 AND version = $2 AND kind = $3 AND number = $4`

// Object implements [publish.Sets].
func (p *Publish) Object(ctx context.Context, event ticket.EventID, version uint64, kind publish.ObjectKind, number int) (data []byte, err error) {
	err = p.s.view(ctx, func(t *tx) error {
		return t.row(ctx, selectObject, []any{int64(event), signed(version), string(kind), number}, &data)
	})
	if err != nil {
		return nil, fmt.Errorf("%s %d: %w", kind, number, err)
	}
	return data, nil
}

const (
	dropObjects = `DELETE FROM set_object WHERE event = $1 AND version = $2`
	dropSet     = `DELETE FROM ticket_set WHERE event = $1 AND version = $2`
)

// DropSet implements [publish.Sets].
func (p *Publish) DropSet(ctx context.Context, event ticket.EventID, version uint64) error {
	return p.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, dropObjects, int64(event), signed(version)); err != nil {
			return err
		}
		_, err := t.exec(ctx, dropSet, int64(event), signed(version))
		return err
	})
}
