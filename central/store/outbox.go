package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// outbox is the name of the sequence that numbers the outbox.
const outbox = "outbox"

const insertChange = `INSERT INTO outbox (seq, event, kind, ticket, status, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// tell writes a change into the outbox, in the transaction that makes it true.
func tell(ctx context.Context, t *tx, c sale.Change) error {
	seq, err := t.next(ctx, outbox)
	if err != nil {
		return err
	}
	var body any // NULL unless the whole ticket is told
	if c.Ticket != nil {
		b, err := json.Marshal(c.Ticket)
		if err != nil {
			return fmt.Errorf("encode ticket: %w", err)
		}
		body = string(b)
	}
	_, err = t.exec(ctx, insertChange, seq, int64(c.Event), string(c.Kind), c.ID[:], c.Status, body, t.ms())
	return err
}

const selectChanges = `SELECT seq, event, kind, ticket, status, body, at FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2`

// Changes returns at most limit changes after a cursor, in order. The cursor is
// the Seq of the last change that the reader dealt with, or zero.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) (out []sale.Change, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanChange, selectChanges, int64(after), limit) // #nosec G115 -- numbers that next gave
		return err
	})
	return out, err
}

func scanChange(r scanner) (c sale.Change, err error) {
	var (
		raw  []byte
		body sql.NullString
		at   int64
	)
	if err := r.Scan(&c.Seq, &c.Event, &c.Kind, &raw, &c.Status, &body, &at); err != nil {
		return c, err
	}
	copy(c.ID[:], raw)
	c.At = time.UnixMilli(at)
	if body.Valid {
		c.Ticket = new(ticket.Ticket)
		if err := json.Unmarshal([]byte(body.String), c.Ticket); err != nil {
			return c, fmt.Errorf("decode ticket of change %d: %w", c.Seq, err)
		}
	}
	return c, nil
}
