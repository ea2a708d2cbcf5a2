package store

import (
	"context"
)

// What happens to the places of an order after they were held. Each place has the
// order that holds it in its row, so no statement here reaches another's.

const (
	pinPlaces = `UPDATE place SET free_at = $2 WHERE purchase = $1 AND free_at > $3 AND free_at < $2`
	letPlaces = `UPDATE place SET free_at = (SELECT p.expires FROM purchase p WHERE p.id = place.purchase)
		WHERE purchase = $1 AND free_at = $2`
	sellPlaces = `UPDATE place SET free_at = $2 WHERE purchase = $1 AND free_at > $3 AND free_at < $2`
	freePlaces = `UPDATE place SET free_at = 0, purchase = NULL WHERE purchase = $1`
	countItems = `SELECT COUNT(*) FROM item WHERE purchase = $1`
)

// pin keeps the places of a held order until its payment has ended. It reports
// false unless the order has all of them.
func pin(ctx context.Context, t *tx, order string) (bool, error) {
	return all(ctx, t, order, pinPlaces, int64(pinned))
}

// unpin keeps them until the hold ends, which may have been a while ago.
func unpin(ctx context.Context, t *tx, order string) error {
	_, err := t.exec(ctx, letPlaces, order, int64(pinned))
	return err
}

// sell reports false unless the order has all of its places.
func sell(ctx context.Context, t *tx, order string) (bool, error) {
	return all(ctx, t, order, sellPlaces, int64(sold))
}

func all(ctx context.Context, t *tx, order, query string, until int64) (bool, error) {
	n, err := t.exec(ctx, query, order, until, t.ms())
	if err != nil {
		return false, err
	}
	var items int64
	err = t.row(ctx, countItems, []any{order}, &items)
	return n == items, err
}
