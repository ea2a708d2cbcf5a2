package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
)

// Each of these is where two buyers of one place part: the update changes the row
// for one of them. What is free in a zone for which somebody waits is theirs, see
// offer.go. Flags 3 are those of places that are kept for some: FlagAccessible and
// FlagCompanion.
//
// The first half of each looks for the place. It passes over one that another central
// is about to take: who waited for it would lose it in most cases, and two that wait
// for each other's would both.
const (
	skipTaken = ` /*+ FOR UPDATE SKIP LOCKED */`
	noneWait  = ` AND (flags & 3 <> 0 OR NOT EXISTS (SELECT 1 FROM waiting w WHERE w.event = $3 AND w.zone = $4 AND w.state = 'waiting'))`

	holdPlace = `UPDATE place SET free_at = $1, purchase = $2, offer = NULL
		WHERE event = $3 AND zone = $4 AND free_at <= $5` + noneWait + ` AND number = `
	gotPlace = ` RETURNING number, seat, flags, run`

	holdSeat = holdPlace + `(SELECT number FROM place
		WHERE event = $3 AND zone = $4 AND seat = $6 AND seat <> '' AND free_at <= $5` + skipTaken + `)` + gotPlace
	holdBest = holdPlace + `(SELECT number FROM (
				SELECT number, best FROM (SELECT number, best FROM place
					WHERE event = $3 AND zone = $4 AND free_at = 0 AND flags & 3 = 0 ORDER BY best LIMIT 1` + skipTaken + `) untouched
			UNION ALL
				SELECT number, best FROM (SELECT number, best FROM place
					WHERE event = $3 AND zone = $4 AND free_at > 0 AND free_at <= $5 AND flags & 3 = 0 ORDER BY free_at LIMIT 1` + skipTaken + `) lapsed
		) either ORDER BY best LIMIT 1)` + gotPlace

	anyWait = `SELECT COUNT(*) FROM waiting WHERE event = $1 AND zone = $2 AND state = 'waiting'`
)

// takePlaces takes a place for each of the items, in their order.
func takePlaces(ctx context.Context, t *tx, h *sale.Hold) (got []seatmap.Place, err error) {
	if h.Offer != "" {
		return takeOffered(ctx, t, h)
	}
	for i := range h.Items {
		p, err := takePlace(ctx, t, h, &h.Items[i])
		if err != nil {
			return nil, err
		}
		got = append(got, p)
	}
	return got, sale.CheckKept(h.Items, got)
}

func takePlace(ctx context.Context, t *tx, h *sale.Hold, i *sale.HeldItem) (p seatmap.Place, err error) {
	query, gone := holdBest, sale.ErrSoldOut
	args := []any{h.Expires.UnixMilli(), h.Order, int64(h.Event), i.Zone, t.ms()}
	if i.Seat != "" {
		query, gone = holdSeat, sale.ErrSeatTaken
		args = append(args, i.Seat)
	}
	p.Zone = i.Zone
	err = t.row(ctx, query, args, &p.Number, &p.Seat, &p.Flags, &p.Run)
	if errors.Is(err, sql.ErrNoRows) { // it was free a moment ago, or is about to be another's
		err = gone
	}
	return p, err
}

// takeSlot finds a slot empty, or what held it over.
const takeSlot = `INSERT INTO person_slot (event, person, slot, until, purchase) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (event, person, slot) DO UPDATE SET until = excluded.until, purchase = excluded.purchase
	WHERE person_slot.until <= $6`

// takeSlots counts the places to those who will have them.
func takeSlots(ctx context.Context, t *tx, h *sale.Hold) error {
	if h.Limit == 0 {
		return nil
	}
	next := make(map[string]int) // the slot to try next, by person
	for i := range h.Items {
		for person := h.Items[i].Keeper; ; {
			next[person]++
			if person == "" || next[person] > h.Limit {
				return sale.ErrLimit
			}
			n, err := t.exec(ctx, takeSlot, int64(h.Event), person, next[person], h.Expires.UnixMilli(), h.Order, t.ms())
			if err != nil {
				return err
			}
			if n == 1 {
				break
			}
		}
	}
	return nil
}

// What happens to the places and slots of an order after they were held. Each has
// the order that holds it in its row, so no statement here reaches another's.
const (
	keepPlaces = `UPDATE place SET free_at = $2 WHERE purchase = $1 AND free_at > $3 AND free_at < $2`
	keepSlots  = `UPDATE person_slot SET until = $2 WHERE purchase = $1 AND until > $3 AND until < $2`

	// For RETURNING of a statement that changes a purchase.
	orderSize = `(SELECT COUNT(*) FROM item i WHERE i.purchase = purchase.id),
			(SELECT COUNT(*) FROM person_slot s WHERE s.purchase = purchase.id)`

	letPlaces = `UPDATE place SET free_at = (SELECT p.expires FROM purchase p WHERE p.id = place.purchase)
		WHERE purchase = $1 AND free_at = $2`
	letSlots = `UPDATE person_slot SET until = (SELECT p.expires FROM purchase p WHERE p.id = person_slot.purchase)
		WHERE purchase = $1 AND until = $2`

	freePlaces = `UPDATE place SET free_at = 0, purchase = NULL WHERE purchase = $1`
	freeSlots  = `DELETE FROM person_slot WHERE purchase = $1`
)

// size is how many items an order has, and how many slots are its.
type size struct {
	order        string
	items, slots int64
}

// keep keeps the places and slots of an order that are still its: until its payment
// has ended, or for good. It reports false unless the order has all of its places.
func keep(ctx context.Context, t *tx, o size, until int64) (bool, error) {
	n, err := t.exec(ctx, keepPlaces, o.order, until, t.ms())
	if err != nil || o.slots == 0 {
		return n == o.items, err
	}
	_, err = t.exec(ctx, keepSlots, o.order, until, t.ms())
	return n == o.items, err
}

// unpin keeps them until the hold ends, which may have been a while ago.
func unpin(ctx context.Context, t *tx, order string) error {
	if _, err := t.exec(ctx, letPlaces, order, int64(pinned)); err != nil {
		return err
	}
	_, err := t.exec(ctx, letSlots, order, int64(pinned))
	return err
}

// free gives them up.
func free(ctx context.Context, t *tx, order string) error {
	if _, err := t.exec(ctx, freePlaces, order); err != nil {
		return err
	}
	_, err := t.exec(ctx, freeSlots, order)
	return err
}
