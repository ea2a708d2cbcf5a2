package store

import (
	"context"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	differenceColumns = `ticket, event, address, what, want, got, found`
	differenceFields  = 7

	selectDifferencesOf = `SELECT ` + differenceColumns + ` FROM mint_difference WHERE ticket IN `
	dropDifferences     = `DELETE FROM mint_difference WHERE ticket IN `
	insertDifferences   = `INSERT INTO mint_difference (` + differenceColumns + `) VALUES `
	againDiffers        = ` ON CONFLICT (ticket, event, address, what) DO UPDATE SET want = excluded.want, got = excluded.got`
)

func scanDifference(r scanner) (d mint.Difference, err error) {
	var id []byte
	var found int64
	err = r.Scan(&id, &d.Event, &d.Address, &d.What, &d.Want, &d.Got, &found)
	copy(d.Ticket[:], id)
	d.Found = time.UnixMilli(found)
	return d, err
}

// differing is what makes two differences the same, found twice.
type differing struct {
	ticket  ticket.ID
	event   ticket.EventID
	address string
	what    mint.What
}

// NoteDifferences implements [mint.Differences]. What was noted before keeps the time
// at which it was first found.
func (m *Mint) NoteDifferences(ctx context.Context, looked []ticket.ID, found []mint.Difference) error {
	if len(looked)+len(found) == 0 {
		return nil
	}
	return m.s.update(ctx, func(t *tx) error {
		since := make(map[differing]time.Time)
		for some := range portions(looked) {
			had, err := rows(ctx, t, scanDifference, selectDifferencesOf+places(1, len(some)), idArgs(some)...)
			if err != nil {
				return err
			}
			if len(had) == 0 {
				continue
			}
			for _, d := range had {
				since[differing{d.Ticket, d.Event, d.Address, d.What}] = d.Found
			}
			if _, err := t.exec(ctx, dropDifferences+places(1, len(some)), idArgs(some)...); err != nil {
				return err
			}
		}
		return insertAll(ctx, t, found, since)
	})
}

func insertAll(ctx context.Context, t *tx, found []mint.Difference, since map[differing]time.Time) error {
	seen := make(map[differing]bool, len(found))
	fresh := make([]mint.Difference, 0, len(found))
	for _, d := range found {
		key := differing{d.Ticket, d.Event, d.Address, d.What}
		if seen[key] {
			continue
		}
		seen[key] = true
		if at, ok := since[key]; ok {
			d.Found = at
		} else if d.Found.IsZero() {
			d.Found = t.now
		}
		fresh = append(fresh, d)
	}
	for some := range portions(fresh) {
		args := make([]any, 0, len(some)*differenceFields)
		for i := range some {
			d := &some[i]
			args = append(args, d.Ticket[:], int64(d.Event), d.Address, string(d.What), d.Want, d.Got, d.Found.UnixMilli())
		}
		if _, err := t.exec(ctx, insertDifferences+values(len(some), differenceFields)+againDiffers, args...); err != nil {
			return err
		}
	}
	return nil
}

// The order is that of the table's key, so that no page ends where it could not be gone
// on from: of a ticket there may be several, and many that have none.
const differencesAfter = `SELECT ` + differenceColumns + ` FROM mint_difference
	WHERE (ticket, event, address, what) > ($1, $2, $3, $4) ORDER BY ticket, event, address, what LIMIT $5`

// DifferencesAfter implements [mint.Differences].
func (m *Mint) DifferencesAfter(ctx context.Context, after mint.Difference, limit int) (out []mint.Difference, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanDifference, differencesAfter, after.Ticket[:], int64(after.Event), after.Address, string(after.What), limit)
		return err
	})
	return out, err
}
