package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	insertTransfer = `INSERT INTO transfer (id, ticket, event, version, giver, receiver, from_key, to_key, state, created, expires, changed)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $9
		WHERE (SELECT COUNT(*) FROM transfer WHERE giver = $5 AND state = 'open' AND expires > $9) < $11`

	// Time and the ticket itself end an open offer without anybody noting it.
	transferColumns = `r.id, r.ticket, r.event, r.version, r.giver, r.receiver, r.from_key, r.to_key,
		CASE WHEN r.state <> 'open' THEN r.state
			WHEN t.status <> $3 OR t.version <> r.version THEN 'overtaken'
			WHEN r.expires <= $2 THEN 'expired' ELSE 'open' END,
		r.created, r.expires, t.body
		FROM transfer r JOIN ticket t ON t.id = r.ticket`
	selectTransfer  = `SELECT ` + transferColumns + ` WHERE r.id = $1`
	selectTransfers = `SELECT ` + transferColumns + ` WHERE r.giver = $1 OR r.receiver = $1 ORDER BY r.created DESC, r.id LIMIT $4`

	endTransfer = `UPDATE transfer SET state = $3, changed = $4 WHERE id = $1 AND state = 'open' AND expires > $4
		AND CASE WHEN $3 = 'declined' THEN receiver ELSE giver END = $2`
	isTransfer = `SELECT COUNT(*) FROM transfer WHERE id = $1 AND (giver = $2 OR receiver = $2)`

	acceptOffer = `UPDATE transfer SET state = 'accepted', changed = $6 WHERE id = $1 AND state = 'open' AND expires > $6
		AND ticket = $2 AND version = $3 AND receiver = $4 AND to_key = $5`
	overtakeOffers = `UPDATE transfer SET state = 'overtaken', changed = $2 WHERE ticket = $1 AND state = 'open'`
)

// endOffers ends the offers of a ticket in the transaction that rebinds it: the
// one that was accepted, if there is one, and all others.
func endOffers(ctx context.Context, t *tx, r sale.Rebinding) error {
	k := &r.Issued.Ticket
	if r.Offer != "" {
		n, err := t.exec(ctx, acceptOffer, r.Offer, k.ID[:], k.Version-1, r.Owner, k.Holder.String(), t.ms())
		if err != nil {
			return err
		}
		if n != 1 { // cancelled, declined or too old by a moment
			return sale.ErrMoved
		}
	}
	_, err := t.exec(ctx, overtakeOffers, k.ID[:], t.ms())
	return err
}

// AddTransfer implements [identity.Transfers].
func (i *Identity) AddTransfer(ctx context.Context, r identity.Transfer, most int) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, insertTransfer, r.ID, r.Terms.Ticket[:], int64(r.Event), r.Terms.Version, r.Giver, r.Receiver,
			r.Terms.From.String(), r.Terms.To.String(), t.ms(), r.Expires.UnixMilli(), most)
		if err == nil && n == 0 {
			err = identity.ErrTooMany
		}
		return err
	})
}

// Transfer implements [identity.Transfers].
func (i *Identity) Transfer(ctx context.Context, id string) (r identity.Transfer, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		r, err = scanTransfer(t.sql.QueryRowContext(ctx, selectTransfer, id, t.ms(), ticket.StatusValid))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrUnknownTransfer
		}
		return err
	})
	return r, err
}

// Transfers implements [identity.Transfers].
func (i *Identity) Transfers(ctx context.Context, account string, limit int) (out []identity.Transfer, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanTransfer, selectTransfers, account, t.ms(), ticket.StatusValid, limit)
		return err
	})
	return out, err
}

func scanTransfer(r scanner) (f identity.Transfer, err error) {
	var id []byte
	var from, to, body string
	var created, expires int64
	err = r.Scan(&f.ID, &id, &f.Event, &f.Terms.Version, &f.Giver, &f.Receiver, &from, &to, (*string)(&f.State),
		&created, &expires, &body)
	if err != nil {
		return f, err
	}
	var k ticket.Ticket
	if err := json.Unmarshal([]byte(body), &k); err != nil {
		return f, fmt.Errorf("decode ticket: %w", err)
	}
	f.Zone, f.Class, f.Seat = k.Zone, k.Class, k.Seat
	copy(f.Terms.Ticket[:], id)
	f.Created, f.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	return f, errors.Join(f.Terms.From.UnmarshalText([]byte(from)), f.Terms.To.UnmarshalText([]byte(to)))
}

// EndTransfer implements [identity.Transfers].
func (i *Identity) EndTransfer(ctx context.Context, id, account string, state identity.TransferState) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, endTransfer, id, account, string(state), t.ms())
		if err != nil || n == 1 {
			return err
		}
		if err := t.row(ctx, isTransfer, []any{id, account}, &n); err != nil {
			return err
		}
		if n == 0 {
			return identity.ErrUnknownTransfer
		}
		return identity.ErrTransferClosed
	})
}
