package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// beginDue is how long a payment is left to the request that began it, in
// milliseconds.
const beginDue = 30_000

const (
	// The number of payments is one of the conditions, so that no two requests pass it.
	fewPayments = `(SELECT COUNT(*) FROM payment WHERE purchase = $1) < $4`

	openPayment = `INSERT INTO payment (id, purchase, provider, reference, amount, currency, state, created, changed, due)
		SELECT $2, id, $5, $6, $7, $8, 'opened', $3, $3, $9 FROM purchase
		WHERE id = $1 AND state = 'held' AND expires > $3 AND ` + fewPayments + `
		ON CONFLICT (purchase, provider) WHERE state = 'opened' DO NOTHING`
	orderPayable = `SELECT COUNT(*) FROM purchase WHERE id = $1 AND state = 'held' AND expires > $2`
)

// OpenPayment implements [sale.Payments].
func (s *Store) OpenPayment(ctx context.Context, p sale.Payment, due time.Time) (kept sale.Payment, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, openPayment, p.Order, p.ID, t.ms(), sale.MaxPayments, p.Provider, p.Reference, p.Amount, p.Currency, due.UnixMilli())
		if err != nil {
			return err
		}
		if n == 1 {
			kept = p
			kept.State = sale.PaymentOpened
			return nil
		}
		var payable int
		if err := t.row(ctx, orderPayable, []any{p.Order, t.ms()}, &payable); err != nil {
			return err
		}
		if payable == 0 {
			return sale.ErrHoldExpired
		}
		kept, err = getPayment(ctx, t, selectPayment+whereOpened, p.Order, p.Provider)
		if errors.Is(err, sale.ErrUnknownPayment) {
			return sale.ErrTooManyPayments
		}
		return err
	})
	return kept, err
}

const (
	beginPaying = `UPDATE purchase SET state = 'paying', payment = $2, changed = $3
		WHERE id = $1 AND state = 'held' AND expires > $3
		RETURNING ` + orderSize
	beginPayment = `INSERT INTO payment (id, purchase, provider, reference, amount, currency, state, created, changed, pinned, due)
		SELECT $2, $1, $5, $6, $7, $8, 'begun', $3, $3, $3, $9 FROM purchase WHERE id = $1 AND ` + fewPayments
	beginOpened = `UPDATE payment SET state = 'begun', changed = $3, pinned = $3, due = $4, tries = 0
		WHERE id = $2 AND purchase = $1 AND state = 'opened'`
)

// BeginPayment implements [sale.Payments].
func (s *Store) BeginPayment(ctx context.Context, p sale.Payment) (began bool, err error) {
	err = s.updateShared(ctx, func(t *tx) error {
		began = false
		o := size{order: p.Order}
		err := t.row(ctx, beginPaying, []any{p.Order, p.ID, t.ms()}, &o.items, &o.slots)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		began = true
		if ok, err := keep(ctx, t, o, pinned); err != nil || !ok {
			return errors.Join(err, errNotBegun) // which undoes all
		}
		var n int64
		due := t.ms() + beginDue
		if p.State == sale.PaymentOpened {
			n, err = t.exec(ctx, beginOpened, p.Order, p.ID, t.ms(), due)
		} else {
			n, err = t.exec(ctx, beginPayment, p.Order, p.ID, t.ms(), sale.MaxPayments, p.Provider, p.Reference, p.Amount, p.Currency, due)
		}
		switch {
		case err != nil || n == 1:
			return err
		case p.State == sale.PaymentOpened:
			return errNotBegun
		}
		return sale.ErrTooManyPayments
	})
	if errors.Is(err, errNotBegun) {
		return false, nil
	}
	return began, err
}

// errNotBegun undoes a payment that cannot begin after all: it has ended in the
// meantime, or one of the order's places is another's. The hold of an order and of
// its places end together, so nobody has seen the latter.
var errNotBegun = errors.New("the payment cannot begin")

const (
	failPayment = `UPDATE payment SET state = 'failed', changed = $2 WHERE id = $1 AND state IN ('opened', 'begun')`
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
	// A payment that was given up, or never asked for, may be charged after all.
	succeed = `UPDATE payment SET state = 'succeeded', changed = $2 WHERE id = $1 AND state IN ('opened', 'begun', 'failed')
		RETURNING purchase`
	wasSold  = `SELECT COUNT(*) FROM purchase WHERE payment = $1 AND state IN ('paid', 'refunded')`
	makePaid = `UPDATE purchase SET state = 'paid', changed = $3 WHERE id = $1 AND payment = $2 AND state = 'paying'
		RETURNING event, COALESCE(owner, ''), amount, currency, ` + orderSize
	lapse = `UPDATE purchase SET state = 'lapsed', changed = $2 WHERE id = $1 AND state = 'paid'`
	owe   = `UPDATE payment SET state = 'refund_due', changed = $2, due = $2, tries = 0 WHERE id = $1 AND state = 'succeeded'`

	insertTicket = `INSERT INTO ticket (id, event, purchase, item, owner, version, holder, status, body, signed, issued, changed)
		SELECT $1, $2, purchase, n, keeper, $4, $5, $6, $7, $8, $9, $9 FROM item WHERE purchase = $3 AND n = $10`
)

// Sell implements [sale.Payments]. The places' rows decide: they are sold only
// while they are this order's.
func (s *Store) Sell(ctx context.Context, id string, tickets []sale.Issued) (done sale.Sold, err error) {
	bodies, err := encodeTickets(tickets)
	if err != nil {
		return sale.NotSold, err
	}
	err = s.updateShared(ctx, func(t *tx) error {
		done = sale.NotSold
		var order string
		err := t.row(ctx, succeed, []any{id, t.ms()}, &order)
		if errors.Is(err, sql.ErrNoRows) { // settled before
			var n int
			if err = t.row(ctx, wasSold, []any{id}, &n); n == 1 {
				done = sale.SoldBefore
			}
			return err
		}
		if err != nil {
			return err
		}
		sold, err := sellOrder(ctx, t, order, id)
		if err != nil {
			return err
		}
		if sold == nil {
			_, err := t.exec(ctx, owe, id, t.ms())
			return err
		}
		done = sale.SoldNow
		return issue(ctx, t, sold, tickets, bodies)
	})
	return done, err
}

// soldOrder is what is told of an order that is paid.
type soldOrder struct {
	size
	event    ticket.EventID
	owner    string
	amount   int64
	currency string
}

// sellOrder returns nil if the order is not paying with that payment, or has lost a
// place. Those of an event that was called off meanwhile are sold, and then refunded
// like all others.
func sellOrder(ctx context.Context, t *tx, order, payment string) (*soldOrder, error) {
	o := soldOrder{size: size{order: order}}
	err := t.row(ctx, makePaid, []any{order, payment, t.ms()}, &o.event, &o.owner, &o.amount, &o.currency, &o.items, &o.slots)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // see above
	}
	if err != nil {
		return nil, err
	}
	if ok, err := keep(ctx, t, o.size, sold); err != nil || ok {
		return &o, err
	}
	if err := free(ctx, t, order); err != nil {
		return nil, err
	}
	_, err = t.exec(ctx, lapse, order, t.ms())
	return nil, err
}

// encodeTickets makes what stands of tickets in their rows and in the outbox.
func encodeTickets(tickets []sale.Issued) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(tickets))
	for i := range tickets {
		var err error
		if out[i], err = json.Marshal(&tickets[i].Ticket); err != nil {
			return nil, fmt.Errorf("encode ticket: %w", err)
		}
	}
	return out, nil
}

// issue stores the tickets of an order's items and tells the gates of them.
func issue(ctx context.Context, t *tx, o *soldOrder, tickets []sale.Issued, bodies []json.RawMessage) error {
	if o.items != int64(len(tickets)) {
		return fmt.Errorf("%d tickets for %d items", len(tickets), o.items)
	}
	for n := range tickets {
		i := &tickets[n]
		if _, err := t.exec(ctx, insertTicket, i.Ticket.ID[:], int64(i.Ticket.Event), o.order, i.Ticket.Version,
			holderText(i.Ticket.Holder), i.Status, string(bodies[n]), i.Signed, t.ms(), n+1); err != nil {
			return err
		}
		row := outbox.Row{Event: i.Ticket.Event, Kind: outbox.TicketNew, Ticket: i.Ticket.ID, Status: i.Status, Body: bodies[n]}
		if err := post(ctx, t, row); err != nil {
			return err
		}
	}
	return postOrder(ctx, t, outbox.Row{Event: o.event, Kind: outbox.OrderPaid, Account: o.owner, Order: o.order}, o.amount, o.currency)
}

const (
	endRefund = `UPDATE payment SET state = 'refunded', changed = $2 WHERE id = $1 AND state = 'refund_due'`
	oweRefund = `UPDATE payment SET state = 'refund_due', changed = $2, due = $2, tries = 0 WHERE id = $1 AND state = 'refunded'`
)

// EndRefund implements [sale.Payments].
func (s *Store) EndRefund(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, endRefund, id, t.ms())
		return err
	})
}

// OweRefund implements [sale.Payments].
func (s *Store) OweRefund(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, oweRefund, id, t.ms())
		return err
	})
}

const (
	paymentColumns = `id, purchase, provider, reference, amount, currency, state, COALESCE(pinned, 0), tries`

	selectPayment  = `SELECT ` + paymentColumns + ` FROM payment WHERE `
	whereID        = `id = $1`
	whereReference = `provider = $1 AND reference = $2`
	whereOpened    = `purchase = $1 AND provider = $2 AND state = 'opened'`
)

// Payment implements [sale.Payments].
func (s *Store) Payment(ctx context.Context, id string) (sale.Payment, error) {
	return s.onePayment(ctx, whereID, id)
}

// PaymentOf implements [sale.Payments].
func (s *Store) PaymentOf(ctx context.Context, provider, reference string) (sale.Payment, error) {
	return s.onePayment(ctx, whereReference, provider, reference)
}

// OpenedPayment implements [sale.Payments].
func (s *Store) OpenedPayment(ctx context.Context, order, provider string) (sale.Payment, error) {
	return s.onePayment(ctx, whereOpened, order, provider)
}

func (s *Store) onePayment(ctx context.Context, where string, args ...any) (p sale.Payment, err error) {
	err = s.view(ctx, func(t *tx) error {
		p, err = getPayment(ctx, t, selectPayment+where, args...)
		return err
	})
	return p, err
}

func getPayment(ctx context.Context, t *tx, query string, args ...any) (sale.Payment, error) {
	p, err := scanPayment(t.sql.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return sale.Payment{}, sale.ErrUnknownPayment
	}
	return p, err
}

func scanPayment(r scanner) (p sale.Payment, err error) {
	var pinned int64
	err = r.Scan(&p.ID, &p.Order, &p.Provider, &p.Reference, &p.Amount, &p.Currency, &p.State, &pinned, &p.Tries)
	if pinned != 0 {
		p.Pinned = time.UnixMilli(pinned)
	}
	return p, err
}

// While a payment is begun its places are kept and a buyer waits; money that is due
// back has days.
const takeUnsettled = `UPDATE payment SET tries = tries + 1, due = $1 + CASE
			WHEN tries < 3 OR state = 'opened' THEN 30000
			WHEN tries < 10 OR state = 'begun' THEN 120000
			ELSE 900000 END
		WHERE state IN ('opened', 'begun', 'refund_due') AND due <= $1 AND id IN (
			SELECT id FROM payment WHERE state IN ('opened', 'begun', 'refund_due') AND due <= $1 ORDER BY due LIMIT $2)
		RETURNING ` + paymentColumns

// Unsettled implements [sale.Payments].
func (s *Store) Unsettled(ctx context.Context, limit int) (out []sale.Payment, err error) {
	err = s.update(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanPayment, takeUnsettled, t.ms(), limit)
		return err
	})
	return out, err
}
