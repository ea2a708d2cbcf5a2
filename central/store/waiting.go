package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	waitsAlready = `SELECT number FROM waiting WHERE event = $1 AND zone = $2 AND account = $3 AND state IN ('waiting', 'offered')`
	slotsTaken   = `SELECT COUNT(*) FROM person_slot WHERE event = $1 AND person = $2 AND until > $3`
	mayWait      = `SELECT CASE WHEN
			EXISTS (SELECT 1 FROM waiting w WHERE w.event = $1 AND w.zone = $2 AND w.state = 'waiting')
			OR NOT EXISTS (SELECT 1 FROM place p WHERE p.event = $1 AND p.zone = $2 AND p.free_at <= $3 AND p.flags & 3 = 0)
		THEN 1 ELSE 0 END`
	insertWait = `INSERT INTO waiting (event, number, zone, class, account, places, state, created, changed)
		VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $7)`
)

// Wait implements [sale.Waiting].
func (s *Store) Wait(ctx context.Context, w sale.Wait, limit int) (out sale.Wait, err error) {
	err = s.update(ctx, func(t *tx) error {
		var number uint64
		err := t.row(ctx, waitsAlready, []any{int64(w.Event), w.Zone, w.Account}, &number)
		if err == nil { // asking twice is asking once
			out, err = getWait(ctx, t, w.Event, number)
			return err
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := checkWait(ctx, t, &w, limit); err != nil {
			return err
		}
		n, err := t.next(ctx, "waiting/"+strconv.FormatUint(uint64(w.Event), 10))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, insertWait, int64(w.Event), n, w.Zone, w.Class, w.Account, w.Places, t.ms()); err != nil {
			return err
		}
		if _, err := offerNext(ctx, t, w.Event, w.Zone); err != nil { // what is too little for who waits longer
			return err
		}
		out, err = getWait(ctx, t, w.Event, uint64(n)) // #nosec G115 -- counted from 1
		return err
	})
	return out, err
}

// checkWait reports why somebody may not wait.
func checkWait(ctx context.Context, t *tx, w *sale.Wait, limit int) error {
	var (
		amount   int64
		currency string
		may      int
		taken    int
	)
	_, err := lookAt(ctx, t, &sale.Hold{Event: w.Event}, &sale.HeldItem{Zone: w.Zone, Class: w.Class}, &amount, &currency)
	if err != nil && !errors.Is(err, sale.ErrOthersWait) {
		return err
	}
	if err := t.row(ctx, mayWait, []any{int64(w.Event), w.Zone, t.ms()}, &may); err != nil {
		return err
	}
	if may == 0 {
		return sale.ErrPlacesFree
	}
	if err := t.row(ctx, slotsTaken, []any{int64(w.Event), w.Account, t.ms()}, &taken); err != nil {
		return err
	}
	if limit > 0 && taken+w.Places > limit {
		return sale.ErrLimit
	}
	return nil
}

const (
	waitColumns = `SELECT w.event, w.number, w.zone, w.class, w.account, w.places, w.state, w.created,
			(SELECT COUNT(*) FROM waiting a WHERE a.event = w.event AND a.zone = w.zone AND a.state = 'waiting' AND a.number < w.number)
		FROM waiting w`
	selectWait  = waitColumns + ` WHERE w.event = $1 AND w.number = $2`
	selectWaits = waitColumns + ` WHERE w.account = $1 AND ($2 = 0 OR w.event = $2) ORDER BY w.created DESC, w.event, w.number LIMIT $3`
)

func getWait(ctx context.Context, t *tx, event ticket.EventID, number uint64) (sale.Wait, error) {
	return scanWait(t.sql.QueryRowContext(ctx, selectWait, int64(event), signed(number)))
}

func scanWait(r scanner) (w sale.Wait, err error) {
	var created int64
	err = r.Scan(&w.Event, &w.Number, &w.Zone, &w.Class, &w.Account, &w.Places, (*string)(&w.State), &created, &w.Ahead)
	w.Created = time.UnixMilli(created)
	if w.State != sale.WaitWaiting {
		w.Ahead = 0
	}
	return w, err
}

// Waits implements [sale.Waiting].
func (s *Store) Waits(ctx context.Context, account string, event ticket.EventID, limit int) (out []sale.Wait, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanWait, selectWaits, account, int64(event), limit)
		return err
	})
	return out, err
}

const (
	leaveLine = `UPDATE waiting SET state = 'left', changed = $3
		WHERE event = $1 AND account = $2 AND ($4 = 0 OR zone = $4) AND state = 'waiting'`
	openOffers = `SELECT id FROM offer WHERE event = $1 AND account = $2 AND ($3 = 0 OR zone = $3) AND state = 'open' ORDER BY id`
)

// Leave implements [sale.Waiting].
func (s *Store) Leave(ctx context.Context, account string, event ticket.EventID, zone uint16) (left int, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, leaveLine, int64(event), account, t.ms(), zone)
		if err != nil {
			return err
		}
		offers, err := rows(ctx, t, func(r scanner) (id string, err error) { return id, r.Scan(&id) }, openOffers, int64(event), account, zone)
		if err != nil {
			return err
		}
		left = int(n)
		for _, id := range offers {
			if _, err := closeOffer(ctx, t, id, account, sale.OfferDeclined); err != nil {
				return err
			}
			left++
		}
		return nil
	})
	return left, err
}
