package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	useChallenge = `INSERT INTO challenge_used (challenge, expires) VALUES ($1, $2) ON CONFLICT (challenge) DO NOTHING`
	dropUsed     = `DELETE FROM challenge_used WHERE expires <= $1`

	selectPrice = `SELECT p.amount, e.currency FROM price p JOIN event e ON e.id = p.event
		WHERE p.event = $1 AND p.zone = $2 AND p.class = $3`

	holdSeat = `UPDATE place SET free_at = $1, purchase = $2
		WHERE event = $3 AND zone = $4 AND seat = $5 AND seat <> '' AND free_at <= $6
		RETURNING number, seat, flags`
	holdAny = `UPDATE place SET free_at = $1, purchase = $2
		WHERE event = $3 AND zone = $4 AND free_at <= $5 AND number = (
			SELECT number FROM place WHERE event = $3 AND zone = $4 AND free_at <= $5
			ORDER BY free_at, number LIMIT 1)
		RETURNING number, seat, flags`
	seatExists = `SELECT COUNT(*) FROM place WHERE event = $1 AND zone = $2 AND seat = $3`

	insertPurchase = `INSERT INTO purchase
		(id, event, zone, class, place, seat, flags, holder, amount, currency, state, secret_hash, created, expires, changed, owner, keeper)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $15, $16)`
)

// Hold implements [sale.Orders].
func (s *Store) Hold(ctx context.Context, h sale.Hold) (o sale.Order, err error) {
	o = sale.Order{
		ID: h.Order, Event: h.Event, Zone: h.Zone, Class: h.Class, Holder: h.Holder, State: sale.Held,
		SecretHash: h.SecretHash, Expires: h.Expires, Owner: h.Owner, Keeper: h.Keeper,
	}
	err = s.update(ctx, func(t *tx) error {
		o.Created = t.now
		err := t.row(ctx, selectPrice, []any{int64(h.Event), h.Zone, h.Class}, &o.Amount, &o.Currency)
		if errors.Is(err, sql.ErrNoRows) {
			return sale.ErrNotSold
		}
		if err != nil {
			return err
		}
		if err := takePlace(ctx, t, h, &o); err != nil {
			return err
		}
		if h.Challenge != nil {
			if err := spendChallenge(ctx, t, h); err != nil {
				return err
			}
		}
		var holder []byte
		if !h.Holder.IsZero() {
			holder = h.Holder[:]
		}
		o.Flags |= h.Flags
		_, err = t.exec(ctx, insertPurchase, o.ID, int64(o.Event), o.Zone, o.Class, o.Place, o.Seat, o.Flags, holder,
			o.Amount, o.Currency, string(o.State), o.SecretHash[:], t.ms(), h.Expires.UnixMilli(), optional(h.Owner), optional(h.Keeper))
		if err != nil || h.Ask == "" {
			return err
		}
		return takeAsk(ctx, t, h, &o)
	})
	if err != nil {
		return sale.Order{}, err
	}
	return o, nil
}

// takePlace is where two buyers of one place part: the update changes the row
// for one of them.
func takePlace(ctx context.Context, t *tx, h sale.Hold, o *sale.Order) error {
	query, args := holdAny, []any{h.Expires.UnixMilli(), h.Order, int64(h.Event), h.Zone, t.ms()}
	if h.Seat != "" {
		query, args = holdSeat, []any{h.Expires.UnixMilli(), h.Order, int64(h.Event), h.Zone, h.Seat, t.ms()}
	}
	err := t.row(ctx, query, args, &o.Place, &o.Seat, &o.Flags)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if h.Seat == "" {
		return sale.ErrSoldOut
	}
	var n int
	if err := t.row(ctx, seatExists, []any{int64(h.Event), h.Zone, h.Seat}, &n); err != nil {
		return err
	}
	if n == 0 {
		return sale.ErrUnknownSeat
	}
	return sale.ErrSeatTaken
}

func spendChallenge(ctx context.Context, t *tx, h sale.Hold) error {
	fresh, err := t.spend(ctx, h.Challenge, h.ChallengeExpires)
	if err == nil && !fresh {
		err = sale.ErrChallenge
	}
	return err
}

// rememberUsed is how long a used challenge is remembered beyond its end: a clock
// that is set back by less gives nobody a second use of it.
const rememberUsed = time.Hour

// spend uses a challenge up. It reports false for one that was used before, or that
// has ended: whoever looked at that before the transaction may have looked too
// early. Those of orders and of accounts are kept in the same table.
func (t *tx) spend(ctx context.Context, challenge []byte, expires time.Time) (fresh bool, err error) {
	if !t.now.Before(expires) {
		return false, nil
	}
	if _, err := t.exec(ctx, dropUsed, t.now.Add(-rememberUsed).UnixMilli()); err != nil {
		return false, err
	}
	n, err := t.exec(ctx, useChallenge, challenge, expires.UnixMilli())
	return n == 1, err
}

const (
	selectPurchase = `SELECT p.event, p.zone, p.class, p.place, p.seat, p.flags, p.holder, p.amount, p.currency, p.state,
			p.secret_hash, p.created, p.expires, COALESCE(p.payment, ''), COALESCE(y.state, ''),
			COALESCE(p.owner, ''), COALESCE(p.keeper, '')
		FROM purchase p LEFT JOIN payment y ON y.id = p.payment WHERE p.id = $1`
	selectIssued = `SELECT body, status, signed, COALESCE(owner, '') FROM ticket WHERE purchase = $1 ORDER BY id`
)

// Order implements [sale.Orders].
func (s *Store) Order(ctx context.Context, id string) (o sale.Order, err error) {
	err = s.view(ctx, func(t *tx) error {
		o, err = getOrder(ctx, t, id)
		return err
	})
	return o, err
}

func getOrder(ctx context.Context, t *tx, id string) (sale.Order, error) {
	o := sale.Order{ID: id}
	var (
		holder, hash     []byte
		created, expires int64
		payment          string
	)
	err := t.row(ctx, selectPurchase, []any{id}, &o.Event, &o.Zone, &o.Class, &o.Place, &o.Seat, &o.Flags, &holder,
		&o.Amount, &o.Currency, &o.State, &hash, &created, &expires, &o.Payment, &payment, &o.Owner, &o.Keeper)
	if errors.Is(err, sql.ErrNoRows) {
		return sale.Order{}, sale.ErrUnknownOrder
	}
	if err != nil {
		return sale.Order{}, err
	}
	copy(o.Holder[:], holder)
	copy(o.SecretHash[:], hash)
	o.Created, o.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	o.Returned = sale.PaymentState(payment) == sale.PaymentRefunded
	o.Tickets, err = rows(ctx, t, func(r scanner) (i sale.Issued, err error) {
		var body, owner string
		if err := r.Scan(&body, &i.Status, &i.Signed, &owner); err != nil {
			return i, err
		}
		if err := json.Unmarshal([]byte(body), &i.Ticket); err != nil {
			return i, err
		}
		if owner != o.Owner {
			k := &i.Ticket
			i = sale.Issued{Status: i.Status, Withheld: true, Ticket: ticket.Ticket{
				ID: k.ID, Event: k.Event, Zone: k.Zone, Class: k.Class, Seat: k.Seat,
			}}
		}
		return i, nil
	}, selectIssued, id)
	if err != nil {
		return sale.Order{}, fmt.Errorf("tickets of an order: %w", err)
	}
	return o, nil
}

const (
	refundPurchase = `UPDATE purchase SET state = 'refunded', changed = $2 WHERE id = $1 AND state = 'paid'`
	refundPayment  = `UPDATE payment SET state = 'refund_due', changed = $2
		WHERE id = (SELECT payment FROM purchase WHERE id = $1) AND state = 'succeeded'`
	refundTickets = `UPDATE ticket SET status = $2 WHERE purchase = $1 AND status <> $2 RETURNING id, event`
	freePlace     = `UPDATE place SET free_at = 0, purchase = NULL WHERE purchase = $1`
)

// RefundOrder implements [sale.Orders].
func (s *Store) RefundOrder(ctx context.Context, id string) (refunded bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, refundPurchase, id, t.ms())
		if refunded = n == 1; err != nil || !refunded {
			return err
		}
		if _, err := t.exec(ctx, refundPayment, id, t.ms()); err != nil {
			return err
		}
		if _, err := t.exec(ctx, freePlace, id); err != nil {
			return err
		}
		dead, err := rows(ctx, t, func(r scanner) (c sale.Change, err error) {
			var raw []byte
			err = r.Scan(&raw, &c.Event)
			copy(c.ID[:], raw)
			c.Kind, c.Status = sale.TicketStatus, ticket.StatusRefunded
			return c, err
		}, refundTickets, id, ticket.StatusRefunded)
		if err != nil {
			return err
		}
		for _, c := range dead {
			if err := tell(ctx, t, c); err != nil {
				return err
			}
		}
		return nil
	})
	return refunded, err
}
