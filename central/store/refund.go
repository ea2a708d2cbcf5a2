package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	refundPurchase = `UPDATE purchase SET state = 'refunded', changed = $2 WHERE id = $1 AND state = 'paid'`
	refundPayment  = `UPDATE payment SET state = 'refund_due', changed = $2, due = $3, tries = 0
		WHERE id = (SELECT payment FROM purchase WHERE id = $1) AND state = 'succeeded'`
	refundTickets = `UPDATE ticket SET status = $2 WHERE purchase = $1 AND status <> $2 RETURNING id, event`
	refundedZones = `SELECT DISTINCT p.event, i.zone FROM item i JOIN purchase p ON p.id = i.purchase WHERE p.id = $1`

	// What keeps who ordered from giving it back: a ticket that is another's by now,
	// or one that has entered.
	ticketsMoved = `SELECT COUNT(*) FROM ticket t JOIN purchase p ON p.id = t.purchase
		WHERE p.id = $1 AND COALESCE(t.owner, '') <> COALESCE(p.owner, '')`
	ticketsUsed = `SELECT COUNT(*) FROM ticket t JOIN admission a ON a.event = t.event AND a.ticket = t.id
		WHERE t.purchase = $1 AND a.settled <> $2 AND a.settled <> $3`
)

// RefundOrder implements [sale.Orders].
func (s *Store) RefundOrder(ctx context.Context, id string) (refunded bool, err error) {
	err = s.update(ctx, func(t *tx) (err error) {
		refunded, err = refundOrder(ctx, t, id)
		return err
	})
	return refunded, err
}

// ReturnOrder implements [sale.Orders].
func (s *Store) ReturnOrder(ctx context.Context, id string) (refunded bool, err error) {
	err = s.update(ctx, func(t *tx) (err error) {
		if err := mayReturn(ctx, t, id); err != nil {
			return err
		}
		refunded, err = refundOrder(ctx, t, id)
		return err
	})
	return refunded, err
}

// mayReturn reports why who ordered may not give it back.
func mayReturn(ctx context.Context, t *tx, id string) error {
	var moved, used int
	if err := t.row(ctx, ticketsMoved, []any{id}, &moved); err != nil {
		return err
	}
	if err := t.row(ctx, ticketsUsed, []any{id, int64(journal.Released), int64(journal.Undone)}, &used); err != nil {
		return err
	}
	switch {
	case moved > 0:
		return sale.ErrMoved
	case used > 0:
		return sale.ErrTicketUsed
	}
	return nil
}

// refundOrder makes the tickets of a paid order invalid, the money due to go back,
// and offers its places to who waits for them. The order's row decides.
func refundOrder(ctx context.Context, t *tx, id string) (refunded bool, err error) {
	n, err := t.exec(ctx, refundPurchase, id, t.ms())
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := t.exec(ctx, refundPayment, id, t.ms(), t.ms()+30_000); err != nil {
		return false, err
	}
	if err := free(ctx, t, id); err != nil {
		return false, err
	}
	dead, err := rows(ctx, t, func(r scanner) (c sale.Change, err error) {
		var raw []byte
		err = r.Scan(&raw, &c.Event)
		copy(c.ID[:], raw)
		c.Kind, c.Status = sale.TicketStatus, ticket.StatusRefunded
		return c, err
	}, refundTickets, id, ticket.StatusRefunded)
	if err != nil {
		return false, err
	}
	for _, c := range dead {
		if err := tell(ctx, t, c); err != nil {
			return false, err
		}
	}
	if err := tellOrder(ctx, t, outbox.OrderRefunded, id); err != nil {
		return false, err
	}
	zones, err := rows(ctx, t, func(r scanner) (k sale.ZoneKey, err error) { return k, r.Scan(&k.Event, &k.Zone) }, refundedZones, id)
	for _, z := range zones {
		if err != nil {
			return false, err
		}
		_, err = offerNext(ctx, t, z.Event, z.Zone)
	}
	return true, err
}

const orderOwner = `SELECT event, COALESCE(owner, ''), amount, currency FROM purchase WHERE id = $1`

// tellOrder says what became of an order, and of how much money.
func tellOrder(ctx context.Context, t *tx, kind outbox.Kind, id string) error {
	r := outbox.Row{Kind: kind, Order: id}
	var (
		amount   int64
		currency string
	)
	if err := t.row(ctx, orderOwner, []any{id}, &r.Event, &r.Account, &amount, &currency); err != nil {
		return err
	}
	return postOrder(ctx, t, r, amount, currency)
}

func postOrder(ctx context.Context, t *tx, r outbox.Row, amount int64, currency string) (err error) {
	r.Body, err = json.Marshal(struct {
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	}{amount, currency})
	if err != nil {
		return fmt.Errorf("encode order: %w", err)
	}
	return post(ctx, t, r)
}

const (
	cancelEvent  = `UPDATE event SET cancelled = $2 WHERE id = $1 AND cancelled = 0`
	eventExists  = `SELECT COUNT(*) FROM event WHERE id = $1`
	endHolds     = `UPDATE purchase SET expires = $2, changed = $2 WHERE event = $1 AND state IN ('held', 'paying') AND expires > $2`
	endLine      = `UPDATE waiting SET state = 'ended', changed = $2 WHERE event = $1 AND state IN ('waiting', 'offered')`
	endAllOffers = `UPDATE offer SET state = 'ended', changed = $2 WHERE event = $1 AND state = 'open'`

	paidOfCancelled = `SELECT id FROM purchase
		WHERE event IN (SELECT e.id FROM event e WHERE e.cancelled > 0) AND state = 'paid' ORDER BY event, id LIMIT $1`
	paidLeft = `SELECT COUNT(*) FROM purchase WHERE event = $1 AND state IN ('paid', 'paying')`
)

// CancelEvent implements [sale.Orders].
func (s *Store) CancelEvent(ctx context.Context, event ticket.EventID) (cancelled bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, cancelEvent, int64(event), t.ms())
		if cancelled = n == 1; err != nil {
			return err
		}
		if !cancelled {
			var known int
			if err := t.row(ctx, eventExists, []any{int64(event)}, &known); err != nil {
				return err
			}
			if known == 0 {
				return sale.ErrUnknownEvent
			}
			return nil
		}
		for _, end := range []string{endHolds, endLine, endAllOffers} {
			if _, err := t.exec(ctx, end, int64(event), t.ms()); err != nil {
				return err
			}
		}
		return post(ctx, t, outbox.Row{Event: event, Kind: outbox.EventCancelled})
	})
	return cancelled, err
}

// RefundCancelled implements [sale.Orders].
func (s *Store) RefundCancelled(ctx context.Context, limit int) (refunded []string, err error) {
	err = s.view(ctx, func(t *tx) error { // nothing to do, mostly
		refunded, err = paidIDs(ctx, t, limit)
		return err
	})
	if err != nil || len(refunded) == 0 {
		return nil, err
	}
	err = s.update(ctx, func(t *tx) error {
		ids, err := paidIDs(ctx, t, limit)
		for _, id := range ids {
			if err != nil {
				return err
			}
			_, err = refundOrder(ctx, t, id)
		}
		refunded = ids
		return err
	})
	if err != nil {
		return nil, err
	}
	return refunded, nil
}

func paidIDs(ctx context.Context, t *tx, limit int) ([]string, error) {
	return rows(ctx, t, func(r scanner) (id string, err error) { return id, r.Scan(&id) }, paidOfCancelled, limit)
}

// Unrefunded implements [sale.Orders].
func (s *Store) Unrefunded(ctx context.Context, event ticket.EventID) (n int, err error) {
	err = s.view(ctx, func(t *tx) error {
		return t.row(ctx, paidLeft, []any{int64(event)}, &n)
	})
	return n, err
}
