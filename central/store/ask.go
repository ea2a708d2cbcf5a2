package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
)

// An ask is taken by the order that is made for it. It is free again when that
// order has run out unpaid, or was charged too late; else it was used.
const (
	askTaken = `EXISTS (SELECT 1 FROM purchase p WHERE p.id = ask.purchase
		AND (p.state IN ('paying', 'paid', 'refunded') OR p.state = 'held' AND p.expires > $2))`

	takeAskFor = `UPDATE ask SET purchase = $1, changed = $2
		WHERE id = $3 AND state = 'open' AND expires > $2 AND booker = $4 AND asker = $5 AND holder = $6
			AND event = $7 AND zone = $8 AND class = $9 AND (seat = '' OR seat = $10) AND max_amount >= $11
			AND NOT ` + askTaken
)

// takeAsk ties an item of an order to what it is for, in the transaction of its hold.
func takeAsk(ctx context.Context, t *tx, o *sale.Order, i *sale.Item) error {
	n, err := t.exec(ctx, takeAskFor, o.ID, t.ms(), i.Ask, o.Owner, i.Keeper, i.Holder.String(),
		int64(o.Event), i.Zone, i.Class, i.Seat, i.Amount)
	if err == nil && n != 1 {
		err = sale.ErrAsk
	}
	return err
}

const (
	insertAsk = `INSERT INTO ask (id, asker, booker, holder, event, zone, class, seat, max_amount, state, created, expires, changed)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11, $10
		WHERE (SELECT COUNT(*) FROM ask WHERE asker = $2 AND state = 'open' AND expires > $10) < $12`

	askColumns = `a.id, a.asker, a.booker, a.holder, a.event, a.zone, a.class, a.seat, a.max_amount,
		CASE WHEN a.state <> 'open' THEN a.state
			WHEN p.state IN ('paid', 'refunded') THEN 'done'
			WHEN p.state = 'paying' OR p.state = 'held' AND p.expires > $2 THEN 'booked'
			WHEN a.expires <= $2 THEN 'expired' ELSE 'open' END,
		a.created, a.expires, e.currency
		FROM ask a JOIN event e ON e.id = a.event LEFT JOIN purchase p ON p.id = a.purchase`
	selectAsk  = `SELECT ` + askColumns + ` WHERE a.id = $1`
	selectAsks = `SELECT ` + askColumns + ` WHERE a.asker = $1 OR a.booker = $1 ORDER BY a.created DESC, a.id LIMIT $3`

	endAsk = `UPDATE ask SET state = $4, changed = $2 WHERE id = $1 AND state = 'open' AND expires > $2
		AND CASE WHEN $4 = 'declined' THEN booker ELSE asker END = $3 AND NOT ` + askTaken
	isAsk = `SELECT COUNT(*) FROM ask WHERE id = $1 AND (asker = $2 OR booker = $2)`
)

// AddAsk implements [identity.Asks].
func (i *Identity) AddAsk(ctx context.Context, a identity.Ask, most int) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, insertAsk, a.ID, a.Asker, a.Booker, a.Holder.String(), int64(a.Event), a.Zone, a.Class, a.Seat, a.MaxAmount,
			t.ms(), a.Expires.UnixMilli(), most)
		if err == nil && n == 0 {
			err = identity.ErrTooMany
		}
		return err
	})
}

// Ask implements [identity.Asks].
func (i *Identity) Ask(ctx context.Context, id string) (a identity.Ask, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		a, err = scanAsk(t.sql.QueryRowContext(ctx, selectAsk, id, t.ms()))
		if errors.Is(err, sql.ErrNoRows) {
			return identity.ErrUnknownAsk
		}
		return err
	})
	return a, err
}

// Asks implements [identity.Asks].
func (i *Identity) Asks(ctx context.Context, account string, limit int) (out []identity.Ask, err error) {
	err = i.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanAsk, selectAsks, account, t.ms(), limit)
		return err
	})
	return out, err
}

func scanAsk(r scanner) (a identity.Ask, err error) {
	var holder string
	var created, expires int64
	err = r.Scan(&a.ID, &a.Asker, &a.Booker, &holder, &a.Event, &a.Zone, &a.Class, &a.Seat, &a.MaxAmount, (*string)(&a.State),
		&created, &expires, &a.Currency)
	if err != nil {
		return a, err
	}
	a.Created, a.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	return a, a.Holder.UnmarshalText([]byte(holder))
}

// EndAsk implements [identity.Asks].
func (i *Identity) EndAsk(ctx context.Context, id, account string, state identity.AskState) error {
	return i.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, endAsk, id, t.ms(), account, string(state))
		if err != nil || n == 1 {
			return err
		}
		if err := t.row(ctx, isAsk, []any{id, account}, &n); err != nil {
			return err
		}
		if n == 0 {
			return identity.ErrUnknownAsk
		}
		return identity.ErrAskClosed
	})
}
