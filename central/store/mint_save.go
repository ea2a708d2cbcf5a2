package store

import (
	"context"
	"fmt"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	// The row is there, see [storedActions]; it is written as an insertion because that
	// is how both engines take many rows at once.
	updateActions = ` ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, attempt = excluded.attempt,
			due = excluded.due, signature = excluded.signature, last_height = excluded.last_height, wire = excluded.wire,
			slot = excluded.slot, fee = excluded.fee, rent = excluded.rent, changed = excluded.changed, rev = excluded.rev
		WHERE mint_action.rev = excluded.rev - 1 AND mint_action.state IN ('wanted', 'prepared', 'sent', 'confirmed') RETURNING id`
	storedActions = `SELECT ` + actionColumns + ` FROM mint_action WHERE ` + isOpen + ` AND id IN `

	// A token that became free while it was to be moved or burned is nobody's to move or
	// burn any more.
	finishTokens = `UPDATE token SET form = a.form, action = 0, changed = $1,
			owner = CASE WHEN a.form = 'burned' THEN '' WHEN a.to_owner <> '' THEN a.to_owner ELSE token.owner END,
			want = CASE WHEN a.form = 'burned' THEN 'burned' WHEN a.form = 'free' THEN 'free' ELSE token.want END,
			want_owner = CASE WHEN a.form = 'burned' THEN '' WHEN a.form = 'free' AND a.to_owner <> '' THEN a.to_owner ELSE token.want_owner END
		FROM mint_action a WHERE a.ticket = token.ticket AND a.state = 'finalized' AND token.action = a.id AND a.id IN `
	stickTokens = `UPDATE token SET stuck = CASE WHEN a.reason = '' THEN 'gave_up' ELSE a.reason END
		FROM mint_action a WHERE a.ticket = token.ticket AND a.state = 'failed' AND token.action = a.id AND a.id IN `
	freeTokens = `UPDATE token SET action = 0
		FROM mint_action a WHERE a.ticket = token.ticket AND a.state = 'dropped' AND token.action = a.id AND a.id IN `

	addTotal = `INSERT INTO mint_total (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = mint_total.n + excluded.n`
)

// Save implements [mint.Actions]. What an action is for cannot be changed, and one that
// is closed not at all.
func (m *Mint) Save(ctx context.Context, actions []mint.Action) (out []mint.Action, err error) {
	err = m.s.update(ctx, func(t *tx) error {
		out = make([]mint.Action, len(actions))
		stored, err := openOnes(ctx, t, actions)
		if err != nil {
			return err
		}
		var changed []mint.Action
		at := make(map[int64]int, len(actions)) // by number, where it stands in out
		for i := range actions {
			was, ok := stored[actions[i].ID]
			if _, twice := at[actions[i].ID]; !ok || twice || was.Rev != actions[i].Rev {
				continue
			}
			at[was.ID] = i
			changed = append(changed, next(&was, &actions[i], t))
		}
		for some := range portions(changed) {
			ids, err := rows(ctx, t, scanNumber, insertActions+values(len(some), actionFields)+updateActions, manyArgs(some)...)
			if err != nil {
				return err
			}
			if len(ids) != len(some) {
				return fmt.Errorf("%d of %d actions were changed: %w", len(ids), len(some), mint.ErrStale)
			}
			for _, a := range some {
				out[at[a.ID]] = a
			}
		}
		return closed(ctx, t, changed)
	})
	return out, err
}

func scanNumber(r scanner) (n int64, err error) { return n, r.Scan(&n) }

// openOnes are those of the actions that are open, as they are stored.
func openOnes(ctx context.Context, t *tx, actions []mint.Action) (map[int64]mint.Action, error) {
	stored := make(map[int64]mint.Action, len(actions))
	for some := range portions(actions) {
		args := make([]any, len(some))
		for i := range some {
			args[i] = some[i].ID
		}
		got, err := rows(ctx, t, scanAction, storedActions+places(1, len(some)), args...)
		if err != nil {
			return nil, err
		}
		for _, a := range got {
			stored[a.ID] = a
		}
	}
	return stored, nil
}

// next is a stored action with what its worker has made of it.
func next(was, is *mint.Action, t *tx) mint.Action {
	a := *is
	a.Kind, a.Event, a.Ticket, a.Set, a.Root, a.Form, a.From, a.To = was.Kind, was.Event, was.Ticket, was.Set, was.Root, was.Form, was.From, was.To
	a.Created, a.Changed, a.Rev = was.Created, t.now, was.Rev+1
	if !a.State.Open() {
		a.Wire = nil
	}
	inMillis(&a)
	return a
}

// closed gives tokens what their closed actions came to.
func closed(ctx context.Context, t *tx, changed []mint.Action) error {
	by := make(map[mint.State][]any) // numbers
	var unborn []ticket.ID
	var fees, rent int64
	for i := range changed {
		a := &changed[i]
		if a.State.Open() {
			continue
		}
		by[a.State] = append(by[a.State], a.ID)
		if a.State == mint.Finalized {
			fees, rent = fees+a.Fee, rent+a.Rent
		} else if hasToken(a.Kind) {
			unborn = append(unborn, a.Ticket)
		}
	}
	for some := range portions(by[mint.Finalized]) {
		if _, err := t.exec(ctx, finishTokens+places(2, len(some)), append([]any{t.ms()}, some...)...); err != nil {
			return err
		}
	}
	for some := range portions(by[mint.Failed]) {
		if _, err := t.exec(ctx, stickTokens+places(1, len(some)), some...); err != nil {
			return err
		}
	}
	for some := range portions(by[mint.Dropped]) {
		if _, err := t.exec(ctx, freeTokens+places(1, len(some)), some...); err != nil {
			return err
		}
	}
	if err := dropUnborn(ctx, t, unborn); err != nil { // it was refunded meanwhile
		return err
	}
	return addTotals(ctx, t, map[string]int64{
		string(mint.Finalized): int64(len(by[mint.Finalized])), string(mint.Dropped): int64(len(by[mint.Dropped])), totalFees: fees, totalRent: rent,
	})
}

const (
	totalFees = "fees"
	totalRent = "rent"
)

func addTotals(ctx context.Context, t *tx, by map[string]int64) error {
	for name, n := range by {
		if n == 0 {
			continue
		}
		if _, err := t.exec(ctx, addTotal, name, n); err != nil {
			return err
		}
	}
	return nil
}
