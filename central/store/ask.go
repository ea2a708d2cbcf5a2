package store

import (
	"context"

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

// takeAsk ties an order to what it is made for, in the transaction of its hold.
func takeAsk(ctx context.Context, t *tx, h sale.Hold, o *sale.Order) error {
	n, err := t.exec(ctx, takeAskFor, o.ID, t.ms(), h.Ask, h.Owner, h.Keeper, h.Holder.String(),
		int64(o.Event), o.Zone, o.Class, o.Seat, o.Amount)
	if err == nil && n != 1 {
		err = sale.ErrAsk
	}
	return err
}
