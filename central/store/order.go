package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
)

const (
	useChallenge = `INSERT INTO challenge_used (challenge, expires) VALUES ($1, $2) ON CONFLICT (challenge) DO NOTHING`
	dropUsed     = `DELETE FROM challenge_used WHERE expires <= $1`

	// With the price comes what keeps the place from being held, so that most who
	// cannot have it are told before anything is written.
	selectPrice = `SELECT p.amount, e.currency, e.cancelled, COALESCE(l.free_at, -1), COALESCE(l.flags, 0), COALESCE(l.run, 0),
			CASE WHEN EXISTS (SELECT 1 FROM waiting w WHERE w.event = p.event AND w.zone = p.zone AND w.state = 'waiting') THEN 1 ELSE 0 END
		FROM price p JOIN event e ON e.id = p.event
			LEFT JOIN place l ON l.event = p.event AND l.zone = p.zone AND l.seat = $4 AND l.seat <> ''
		WHERE p.event = $1 AND p.zone = $2 AND p.class = $3`

	insertPurchase = `INSERT INTO purchase (id, event, amount, currency, state, secret_hash, created, expires, changed, owner)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9)`
	insertItem = `INSERT INTO item (purchase, n, zone, class, place, seat, flags, holder, keeper, ask, amount)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
)

// Hold implements [sale.Orders].
func (s *Store) Hold(ctx context.Context, h sale.Hold) (o sale.Order, err error) {
	way := s.updateShared
	if h.Offer != "" || slices.ContainsFunc(h.Items, func(i sale.HeldItem) bool { return i.Ask != "" }) {
		way = s.update // what was offered, and what an ask is for, stands in several rows
	}
	err = way(ctx, func(t *tx) (err error) {
		o, err = hold(ctx, t, h)
		return err
	})
	if err != nil {
		return sale.Order{}, err
	}
	return o, nil
}

// hold looks before it writes, and writes first what fails most: one that fails having
// written something costs those with whom it shares its transaction another attempt.

func hold(ctx context.Context, t *tx, h sale.Hold) (sale.Order, error) {
	o := sale.Order{
		ID: h.Order, Event: h.Event, Owner: h.Owner, State: sale.Held, SecretHash: h.SecretHash, Created: t.now, Expires: h.Expires,
	}
	var saw []seatmap.Place
	for _, w := range h.Items {
		i := sale.Item{Zone: w.Zone, Class: w.Class, Holder: w.Holder, Keeper: w.Keeper, Ask: w.Ask}
		seat, err := lookAt(ctx, t, &h, &w, &i.Amount, &o.Currency)
		if err != nil {
			return o, err
		}
		o.Amount += i.Amount
		o.Items = append(o.Items, i)
		if w.Seat != "" {
			saw = append(saw, seat)
		}
	}
	if len(saw) == len(h.Items) {
		if err := sale.CheckKept(h.Items, saw); err != nil {
			return o, err
		}
	}
	if h.Challenge != nil {
		if err := spendChallenge(ctx, t, h); err != nil {
			return o, err
		}
	}
	if err := takeSlots(ctx, t, &h); err != nil {
		return o, err
	}
	got, err := takePlaces(ctx, t, &h)
	if err != nil {
		return o, err
	}
	for n := range o.Items {
		i := &o.Items[n]
		i.Place, i.Seat, i.Flags = got[n].Number, got[n].Seat, got[n].Flags|h.Items[n].Flags
	}
	return o, addOrder(ctx, t, &o)
}

// lookAt asks what an item costs, and whether it can be had; of a seat that it names
// it returns what there is to know. Seats that are kept for some are not offered to
// those who wait, so who needs one need not wait.
func lookAt(ctx context.Context, t *tx, h *sale.Hold, w *sale.HeldItem, amount *int64, currency *string) (p seatmap.Place, err error) {
	var cancelled, freeAt int64
	var waiting int
	p.Zone = w.Zone
	err = t.row(ctx, selectPrice, []any{int64(h.Event), w.Zone, w.Class, w.Seat}, amount, currency, &cancelled, &freeAt, &p.Flags, &p.Run, &waiting)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = sale.ErrNotSold
	case err != nil:
	case cancelled > 0:
		err = sale.ErrCancelled
	case h.Offer != "":
	case w.Seat != "" && freeAt < 0:
		err = sale.ErrUnknownSeat
	case freeAt > t.ms():
		err = sale.ErrSeatTaken
	case waiting > 0 && p.Ordinary():
		err = sale.ErrOthersWait
	}
	return p, err
}

// addOrder stores an order that is held, and ties it to what its items are for.
func addOrder(ctx context.Context, t *tx, o *sale.Order) error {
	_, err := t.exec(ctx, insertPurchase, o.ID, int64(o.Event), o.Amount, o.Currency, string(o.State), o.SecretHash[:],
		t.ms(), o.Expires.UnixMilli(), optional(o.Owner))
	if err != nil {
		return err
	}
	for n := range o.Items {
		i := &o.Items[n]
		var holder []byte
		if !i.Holder.IsZero() {
			holder = i.Holder[:]
		}
		_, err := t.exec(ctx, insertItem, o.ID, n+1, i.Zone, i.Class, i.Place, i.Seat, i.Flags, holder,
			optional(i.Keeper), optional(i.Ask), i.Amount)
		if err != nil {
			return err
		}
		if i.Ask == "" {
			continue
		}
		if err := takeAsk(ctx, t, o, i); err != nil {
			return err
		}
	}
	return nil
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
	if len(challenge) > 0 && challenge[0] < 8 { // they begin with random bytes: one in 32 clears away
		if _, err := t.exec(ctx, dropUsed, t.now.Add(-rememberUsed).UnixMilli()); err != nil {
			return false, err
		}
	}
	n, err := t.exec(ctx, useChallenge, challenge, expires.UnixMilli())
	return n == 1, err
}

const (
	selectPurchase = `SELECT p.event, p.amount, p.currency, p.state, p.secret_hash, p.created, p.expires,
			COALESCE(p.payment, ''), COALESCE(y.state, ''), COALESCE(p.owner, '')
		FROM purchase p LEFT JOIN payment y ON y.id = p.payment WHERE p.id = $1`
	selectItems = `SELECT zone, class, place, seat, flags, holder, COALESCE(keeper, ''), COALESCE(ask, ''), amount
		FROM item WHERE purchase = $1 ORDER BY n`
	selectIssued = `SELECT body, status, signed, COALESCE(owner, '') FROM ticket WHERE purchase = $1 ORDER BY item, id`
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
		hash             []byte
		created, expires int64
		payment          string
	)
	err := t.row(ctx, selectPurchase, []any{id}, &o.Event, &o.Amount, &o.Currency, &o.State, &hash, &created, &expires,
		&o.Payment, &payment, &o.Owner)
	if errors.Is(err, sql.ErrNoRows) {
		return sale.Order{}, sale.ErrUnknownOrder
	}
	if err != nil {
		return sale.Order{}, err
	}
	copy(o.SecretHash[:], hash)
	o.Created, o.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	o.Returned = sale.PaymentState(payment) == sale.PaymentRefunded
	if o.Items, err = rows(ctx, t, scanItem, selectItems, id); err != nil {
		return sale.Order{}, fmt.Errorf("items of an order: %w", err)
	}
	o.Tickets, err = rows(ctx, t, func(r scanner) (sale.Issued, error) { return scanIssued(r, o.Owner) }, selectIssued, id)
	if err != nil {
		return sale.Order{}, fmt.Errorf("tickets of an order: %w", err)
	}
	return o, nil
}

func scanItem(r scanner) (i sale.Item, err error) {
	var holder []byte
	err = r.Scan(&i.Zone, &i.Class, &i.Place, &i.Seat, &i.Flags, &holder, &i.Keeper, &i.Ask, &i.Amount)
	copy(i.Holder[:], holder)
	return i, err
}

// scanIssued withholds what is not the buyer's to know.
func scanIssued(r scanner, buyer string) (i sale.Issued, err error) {
	var body, owner string
	if err := r.Scan(&body, &i.Status, &i.Signed, &owner); err != nil {
		return i, err
	}
	if err := json.Unmarshal([]byte(body), &i.Ticket); err != nil {
		return i, err
	}
	return i.KnownTo(buyer, owner), nil
}

const (
	selectHistory = `SELECT id FROM purchase WHERE owner = $1 AND (created, id) < ($2, $3) ORDER BY created DESC, id DESC LIMIT $4`
)

// History implements [sale.Orders].
func (s *Store) History(ctx context.Context, owner string, before time.Time, beforeID string, limit int) (out []sale.Order, err error) {
	err = s.view(ctx, func(t *tx) error {
		ids, err := rows(ctx, t, func(r scanner) (id string, err error) { return id, r.Scan(&id) },
			selectHistory, owner, before.UnixMilli(), beforeID, limit)
		out = make([]sale.Order, 0, len(ids))
		for _, id := range ids {
			if err != nil {
				return err
			}
			var o sale.Order
			o, err = getOrder(ctx, t, id)
			out = append(out, o)
		}
		return err
	})
	return out, err
}
