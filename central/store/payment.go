package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/sale"
)

const (
	beginPaying = `UPDATE purchase SET state = 'paying', payment = $2, changed = $3
		WHERE id = $1 AND state = 'held' AND expires > $3`
	insertPayment = `INSERT INTO payment (id, purchase, provider, reference, amount, currency, state, created, changed)
		VALUES ($1, $2, $3, $4, $5, $6, 'begun', $7, $7)`
)

// BeginPayment implements [sale.Payments].
func (s *Store) BeginPayment(ctx context.Context, p sale.Payment) (began bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, beginPaying, p.Order, p.ID, t.ms())
		if began = n == 1; err != nil || !began {
			return err
		}
		if ok, err := pin(ctx, t, p.Order); err != nil || !ok {
			return errors.Join(err, errLostPlace) // which undoes all
		}
		_, err = t.exec(ctx, insertPayment, p.ID, p.Order, p.Provider, p.Reference, p.Amount, p.Currency, t.ms())
		return err
	})
	if errors.Is(err, errLostPlace) {
		return false, nil
	}
	return began, err
}

// errLostPlace undoes a payment that began for a place that is another's. The hold
// of an order and of its places end together, so nobody has seen one.
var errLostPlace = errors.New("the order has not all of its places")

const (
	failPayment = `UPDATE payment SET state = 'failed', changed = $2 WHERE id = $1 AND state = 'begun'`
	holdAgain   = `UPDATE purchase SET state = 'held', changed = $2 WHERE payment = $1 AND state = 'paying' RETURNING id`
)

// FailPayment implements [sale.Payments].
func (s *Store) FailPayment(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, failPayment, id, t.ms())
		if err != nil || n == 0 {
			return err
		}
		var order string
		err = t.row(ctx, holdAgain, []any{id, t.ms()}, &order)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return unpin(ctx, t, order)
	})
}

const (
	// A payment that was given up may be charged after all.
	succeed = `UPDATE payment SET state = 'succeeded', changed = $2 WHERE id = $1 AND state IN ('begun', 'failed')
		RETURNING purchase`
	wasSold  = `SELECT COUNT(*) FROM purchase WHERE payment = $1 AND state IN ('paid', 'refunded')`
	makePaid = `UPDATE purchase SET state = 'paid', changed = $3 WHERE id = $1 AND payment = $2 AND state = 'paying'`
	lapse    = `UPDATE purchase SET state = 'lapsed', changed = $2 WHERE id = $1 AND state = 'paid'`
	owe      = `UPDATE payment SET state = 'refund_due', changed = $2 WHERE id = $1 AND state = 'succeeded'`

	insertTicket = `INSERT INTO ticket (id, event, purchase, item, owner, version, holder, status, body, signed, issued, changed)
		SELECT $1, $2, purchase, n, keeper, $4, $5, $6, $7, $8, $9, $9 FROM item WHERE purchase = $3 AND n = $10`
)

// Sell implements [sale.Payments]. The places' rows decide: they are sold only
// while they are this order's.
func (s *Store) Sell(ctx context.Context, id string, tickets []sale.Issued) (done bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		var order string
		err := t.row(ctx, succeed, []any{id, t.ms()}, &order)
		if errors.Is(err, sql.ErrNoRows) { // settled before
			var n int
			err = t.row(ctx, wasSold, []any{id}, &n)
			done = n == 1
			return err
		}
		if err != nil {
			return err
		}
		if done, err = sellOrder(ctx, t, order, id); err != nil {
			return err
		}
		if !done {
			_, err := t.exec(ctx, owe, id, t.ms())
			return err
		}
		return issue(ctx, t, order, tickets)
	})
	return done, err
}

func sellOrder(ctx context.Context, t *tx, order, payment string) (bool, error) {
	paid, err := t.exec(ctx, makePaid, order, payment, t.ms())
	if err != nil || paid == 0 {
		return false, err
	}
	if ok, err := sell(ctx, t, order); err != nil || ok {
		return ok, err
	}
	if _, err := t.exec(ctx, freePlaces, order); err != nil {
		return false, err
	}
	_, err = t.exec(ctx, lapse, order, t.ms())
	return false, err
}

// issue stores the tickets of an order's items and tells the gates of them.
func issue(ctx context.Context, t *tx, order string, tickets []sale.Issued) error {
	var items int
	if err := t.row(ctx, countItems, []any{order}, &items); err != nil {
		return err
	}
	if items != len(tickets) {
		return fmt.Errorf("%d tickets for %d items", len(tickets), items)
	}
	for n := range tickets {
		i := &tickets[n]
		body, err := json.Marshal(i.Ticket)
		if err != nil {
			return fmt.Errorf("encode ticket: %w", err)
		}
		if _, err := t.exec(ctx, insertTicket, i.Ticket.ID[:], int64(i.Ticket.Event), order, i.Ticket.Version,
			holderText(i.Ticket.Holder), i.Status, string(body), i.Signed, t.ms(), n+1); err != nil {
			return err
		}
		change := sale.Change{Event: i.Ticket.Event, Kind: sale.TicketNew, ID: i.Ticket.ID, Status: i.Status, Ticket: &i.Ticket}
		if err := tell(ctx, t, change); err != nil {
			return err
		}
	}
	return nil
}

const endRefund = `UPDATE payment SET state = 'refunded', changed = $2 WHERE id = $1 AND state = 'refund_due'`

// EndRefund implements [sale.Payments].
func (s *Store) EndRefund(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, endRefund, id, t.ms())
		return err
	})
}

const selectPayment = `SELECT id, purchase, provider, reference, amount, currency, state FROM payment WHERE id = $1`

// Payment implements [sale.Payments].
func (s *Store) Payment(ctx context.Context, id string) (p sale.Payment, err error) {
	err = s.view(ctx, func(t *tx) error {
		p, err = scanPayment(t.sql.QueryRowContext(ctx, selectPayment, id))
		return err
	})
	return p, err
}

func scanPayment(r scanner) (p sale.Payment, err error) {
	return p, r.Scan(&p.ID, &p.Order, &p.Provider, &p.Reference, &p.Amount, &p.Currency, &p.State)
}

const touchUnsettled = `UPDATE payment SET changed = $1 WHERE id IN (
		SELECT id FROM payment WHERE state IN ('begun', 'refund_due') AND changed <= $2 ORDER BY changed LIMIT $3)
		AND changed <= $2
	RETURNING id, purchase, provider, reference, amount, currency, state`

// Unsettled implements [sale.Payments].
func (s *Store) Unsettled(ctx context.Context, before time.Time, limit int) (out []sale.Payment, err error) {
	err = s.update(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanPayment, touchUnsettled, t.ms(), before.UnixMilli(), limit)
		return err
	})
	return out, err
}
