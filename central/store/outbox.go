package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// Outbox returns the store as the outbox's consumers want it.
func (s *Store) Outbox() *Outbox { return &Outbox{s} }

// Outbox reads rows and keeps cursors.
type Outbox struct{ s *Store }

var _ outbox.Store = (*Outbox)(nil)

// outboxNumbers is the name of the sequence that numbers the outbox.
const outboxNumbers = "outbox"

// tell writes a change of a ticket into the outbox, in the transaction that makes
// it true.
func tell(ctx context.Context, t *tx, c sale.Change) error {
	r := outbox.Row{Event: c.Event, Kind: outbox.Kind(c.Kind), Ticket: c.ID, Status: c.Status}
	if c.Ticket != nil { // the whole ticket is told
		var err error
		if r.Body, err = json.Marshal(c.Ticket); err != nil {
			return fmt.Errorf("encode ticket: %w", err)
		}
	}
	return post(ctx, t, r)
}

const (
	insertOutbox = `INSERT INTO outbox (seq, event, kind, account, ticket, status, purchase, body, at) VALUES `
	outboxFields = 9
)

// post writes a row into the outbox, in the transaction that makes it true. Seq and
// At are set here.
func post(ctx context.Context, t *tx, r outbox.Row) error {
	if len(r.Body) > outbox.MaxBody {
		return fmt.Errorf("outbox row %s has %d bytes, at most %d", r.Kind, len(r.Body), outbox.MaxBody)
	}
	r.At = t.now
	if t.late != nil {
		*t.late = append(*t.late, r)
		return nil
	}
	return insertPosts(ctx, t, []outbox.Row{r})
}

// insertPosts gives rows the next numbers.
func insertPosts(ctx context.Context, t *tx, all []outbox.Row) error {
	last, err := t.nextOf(ctx, outboxNumbers, len(all))
	if err != nil {
		return err
	}
	seq := last - int64(len(all))
	for len(all) > 0 {
		n := 1 // few different statements, so that all stay prepared
		for _, some := range []int{32, 8, 2} {
			if len(all) >= some {
				n = some
				break
			}
		}
		args := make([]any, 0, n*outboxFields)
		for _, r := range all[:n] {
			seq++
			args = append(args, outboxArgs(seq, &r)...)
		}
		if _, err := t.exec(ctx, insertOutbox+values(n, outboxFields), args...); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func outboxArgs(seq int64, r *outbox.Row) []any {
	var id, body any // NULL where there is none
	if r.Ticket != (ticket.ID{}) {
		id = r.Ticket[:]
	}
	if r.Body != nil {
		body = string(r.Body)
	}
	return []any{seq, int64(r.Event), string(r.Kind), orNull(r.Account), id, int64(r.Status), orNull(r.Order), body, r.At.UnixMilli()}
}

// values is the list of so many rows of so many arguments: ($1, $2), ($3, $4).
func values(rows, fields int) string {
	var b strings.Builder
	for i := range rows * fields {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%fields == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$")
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteString(")")
	return b.String()
}

// orNull is a text, or NULL for the empty one.
func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

const outboxColumns = `seq, event, kind, account, ticket, status, purchase, body, at`

func scanOutbox(r scanner) (o outbox.Row, err error) {
	var (
		id                   []byte
		account, order, body sql.NullString
		at                   int64
	)
	if err := r.Scan(&o.Seq, &o.Event, &o.Kind, &account, &id, &o.Status, &order, &body, &at); err != nil {
		return o, err
	}
	copy(o.Ticket[:], id)
	o.Account, o.Order, o.At = account.String, order.String, time.UnixMilli(at)
	if body.Valid {
		o.Body = json.RawMessage(body.String)
	}
	return o, nil
}

// selectOutbox reads the kinds that are listed at the end, see [kindList].
const selectOutbox = `SELECT ` + outboxColumns + ` FROM outbox WHERE seq > $1 AND kind IN (%s) ORDER BY seq LIMIT $2`

// maxKinds bounds how many kinds one consumer asks for.
const maxKinds = 32

// Rows implements [outbox.Store].
func (o *Outbox) Rows(ctx context.Context, after uint64, kinds []outbox.Kind, limit int) (out []outbox.Row, through uint64, err error) {
	if len(kinds) == 0 || len(kinds) > maxKinds {
		return nil, 0, fmt.Errorf("%d kinds of outbox rows, want 1 to %d", len(kinds), maxKinds)
	}
	places := make([]string, len(kinds))
	args := []any{signed(after), limit}
	for i, k := range kinds {
		places[i] = fmt.Sprintf("$%d", i+3)
		args = append(args, string(k))
	}
	query := fmt.Sprintf(selectOutbox, strings.Join(places, ", "))
	err = o.s.view(ctx, func(t *tx) error {
		if out, err = rows(ctx, t, scanOutbox, query, args...); err != nil {
			return err
		}
		if len(out) == limit {
			through = out[limit-1].Seq
			return nil
		}
		return t.row(ctx, lastChange, nil, &through)
	})
	return out, through, err
}

const selectOutboxCursor = `SELECT seq FROM outbox_cursor WHERE consumer = $1`

// Cursor implements [outbox.Store].
func (o *Outbox) Cursor(ctx context.Context, consumer string) (n uint64, err error) {
	err = o.s.view(ctx, func(t *tx) error {
		err := t.row(ctx, selectOutboxCursor, []any{consumer}, &n)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return n, err
}

const (
	addOutboxCursor  = `INSERT INTO outbox_cursor (consumer, seq) VALUES ($1, 0) ON CONFLICT (consumer) DO NOTHING`
	moveOutboxCursor = `UPDATE outbox_cursor SET seq = $1 WHERE consumer = $2 AND seq = $3`
	forgetOutboxBody = `UPDATE outbox SET body = NULL WHERE seq = $1`
)

// Advance implements [outbox.Store].
func (o *Outbox) Advance(ctx context.Context, consumer string, from, through uint64, forget []uint64) error {
	return o.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, addOutboxCursor, consumer); err != nil {
			return err
		}
		n, err := t.exec(ctx, moveOutboxCursor, signed(through), consumer, signed(from))
		if err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("cursor of %s is not at %d: %w", consumer, from, outbox.ErrMoved)
		}
		for _, seq := range forget {
			if _, err := t.exec(ctx, forgetOutboxBody, signed(seq)); err != nil {
				return err
			}
		}
		return nil
	})
}

// selectChanges leaves out what gates have no use for.
const selectChanges = `SELECT ` + outboxColumns + ` FROM outbox
	WHERE seq > $1 AND kind IN ('ticket_new', 'ticket_rebind', 'ticket_status') ORDER BY seq LIMIT $2`

// Changes returns at most limit changes of tickets after a cursor, in order. The
// cursor is the Seq of the last change that the reader dealt with, or zero.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) (out []sale.Change, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanChange, selectChanges, signed(after), limit)
		return err
	})
	return out, err
}

func scanChange(r scanner) (c sale.Change, err error) {
	o, err := scanOutbox(r)
	if err != nil {
		return c, err
	}
	c = sale.Change{Seq: o.Seq, At: o.At, Event: o.Event, Kind: sale.ChangeKind(o.Kind), ID: o.Ticket, Status: o.Status}
	if o.Body != nil {
		c.Ticket = new(ticket.Ticket)
		if err := json.Unmarshal(o.Body, c.Ticket); err != nil {
			return c, fmt.Errorf("decode ticket of change %d: %w", c.Seq, err)
		}
	}
	return c, nil
}
