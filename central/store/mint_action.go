package store

import (
	"context"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	actionColumns = `id, kind, event, ticket, set_version, root, form, from_owner, to_owner, state, reason, attempt, due,
		signature, last_height, wire, slot, fee, rent, created, changed, rev`
	actionFields = 22

	insertActions = `INSERT INTO mint_action (` + actionColumns + `) VALUES `
)

func scanAction(r scanner) (a mint.Action, err error) {
	var (
		id, root              []byte
		due, created, changed int64
		last, slot, set       int64
	)
	err = r.Scan(&a.ID, &a.Kind, &a.Event, &id, &set, &root, &a.Form, &a.From, &a.To, &a.State, &a.Reason, &a.Attempt, &due,
		&a.Signature, &last, &a.Wire, &slot, &a.Fee, &a.Rent, &created, &changed, &a.Rev)
	copy(a.Ticket[:], id)
	copy(a.Root[:], root)
	a.Set, a.LastHeight, a.Slot = unsigned(set), unsigned(last), unsigned(slot)
	a.Due, a.Created, a.Changed = time.UnixMilli(due), time.UnixMilli(created), time.UnixMilli(changed)
	return a, err
}

// hasToken tells the actions that are about a token from those that are about an event.
func hasToken(k mint.Kind) bool { return k != mint.Commit && k != mint.Group }

func actionArgs(a *mint.Action) []any {
	var id, root any // NULL where there is none
	if hasToken(a.Kind) {
		id = a.Ticket[:]
	}
	if a.Kind == mint.Commit {
		root = a.Root[:]
	}
	return []any{
		a.ID, string(a.Kind), int64(a.Event), id, signed(a.Set), root, string(a.Form), a.From, a.To, string(a.State), string(a.Reason), a.Attempt, a.Due.UnixMilli(),
		a.Signature, signed(a.LastHeight), a.Wire, signed(a.Slot), a.Fee, a.Rent, a.Created.UnixMilli(), a.Changed.UnixMilli(), a.Rev,
	}
}

// mintNumbers is the name of the sequence that numbers actions.
const mintNumbers = "mint_action"

const (
	openActions = `UPDATE token SET action = a.id FROM mint_action a
		WHERE a.id > $1 AND a.id <= $2 AND a.ticket = token.ticket AND token.action = 0 AND token.stuck = ''`
	committedSets = `SELECT COUNT(*) FROM mint_action WHERE kind = 'commit' AND event = $1 AND set_version = $2`
	madeGroups    = `SELECT COUNT(*) FROM mint_action WHERE kind = 'group' AND event = $1 AND state NOT IN ('failed', 'dropped')`
	tokensIdle    = `SELECT ` + tokenColumns + ` FROM token WHERE action = 0 AND ticket IN `
)

// Begin implements [mint.Actions]. It also leaves out what the token, as it is by now,
// has no use for: to mint what is minted, or is to be burned. What is read stays true
// until the end: update runs alone.
func (m *Mint) Begin(ctx context.Context, actions []mint.Action) (out []mint.Action, err error) {
	err = m.s.update(ctx, func(t *tx) error {
		if out, err = mayBegin(ctx, t, actions); err != nil || len(out) == 0 {
			return err
		}
		last, err := t.nextOf(ctx, mintNumbers, len(out))
		if err != nil {
			return err
		}
		first := last - int64(len(out))
		tokens := int64(0)
		for i := range out {
			a := &out[i]
			a.ID, a.State, a.Rev, a.Created, a.Changed = first+int64(i)+1, mint.Wanted, 1, t.now, t.now
			if a.Due.IsZero() {
				a.Due = t.now
			}
			inMillis(a)
			if hasToken(a.Kind) {
				tokens++
			}
		}
		for some := range portions(out) {
			if _, err := t.exec(ctx, insertActions+values(len(some), actionFields), manyArgs(some)...); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, openActions, first, last)
		if err == nil && n != tokens {
			err = fmt.Errorf("%d of %d tokens took their action: %w", n, tokens, mint.ErrStale)
		}
		return err
	})
	return out, err
}

// mayBegin picks the actions that can be opened.
func mayBegin(ctx context.Context, t *tx, actions []mint.Action) (out []mint.Action, err error) {
	idle, err := idleTokens(ctx, t, actions)
	if err != nil {
		return nil, err
	}
	type about struct {
		kind    mint.Kind
		event   ticket.EventID
		version uint64
	}
	seen := make(map[about]bool)
	for _, a := range actions {
		switch {
		case hasToken(a.Kind):
			k, ok := idle[a.Ticket]
			if !ok || !fits(&a, &k) {
				continue
			}
			delete(idle, a.Ticket) // one at a time
			a.Event = k.Event
		default:
			query, args := committedSets, []any{int64(a.Event), signed(a.Set)}
			if a.Kind == mint.Group {
				query, args, a.Set = madeGroups, []any{int64(a.Event)}, 0
			}
			of := about{a.Kind, a.Event, a.Set}
			var had int
			if err := t.row(ctx, query, args, &had); err != nil {
				return nil, err
			}
			if had > 0 || seen[of] {
				continue
			}
			seen[of] = true
		}
		out = append(out, a)
	}
	return out, nil
}

// idleTokens are those of the actions' tokens about which nothing is being done.
func idleTokens(ctx context.Context, t *tx, actions []mint.Action) (map[ticket.ID]mint.Token, error) {
	ids := make([]ticket.ID, 0, len(actions))
	for i := range actions {
		if hasToken(actions[i].Kind) {
			ids = append(ids, actions[i].Ticket)
		}
	}
	idle := make(map[ticket.ID]mint.Token, len(ids))
	for some := range portions(ids) {
		tokens, err := rows(ctx, t, scanToken, tokensIdle+places(1, len(some)), idArgs(some)...)
		if err != nil {
			return nil, err
		}
		for _, k := range tokens {
			idle[k.Ticket] = k
		}
	}
	return idle, nil
}

// fits reports whether an action is for a token as it is.
func fits(a *mint.Action, k *mint.Token) bool {
	switch a.Kind {
	case mint.Mint:
		return k.Is == mint.None && (k.Want == mint.Held || k.Want == mint.Free)
	case mint.Move, mint.Release:
		return k.Is == mint.Held && k.Want != mint.Burned && (a.From == "" || a.From == k.Owner)
	case mint.Burn:
		return k.Is != mint.Burned && k.Want == mint.Burned
	case mint.Send:
		return k.Is == mint.Free && k.Want == mint.Free
	case mint.Commit, mint.Group: // have none
	}
	return false
}

func manyArgs(some []mint.Action) []any {
	args := make([]any, 0, len(some)*actionFields)
	for i := range some {
		args = append(args, actionArgs(&some[i])...)
	}
	return args
}

// inMillis cuts an action's times as the columns do.
func inMillis(a *mint.Action) {
	for _, t := range []*time.Time{&a.Due, &a.Created, &a.Changed} {
		*t = time.UnixMilli(t.UnixMilli())
	}
}

const (
	isOpen = `state IN ('wanted', 'prepared', 'sent', 'confirmed')`

	// What is due later than anybody ever says was put off by a clock that was wrong.
	selectFarOff = `SELECT ` + actionColumns + ` FROM mint_action WHERE due > $1 AND ` + isOpen + ` ORDER BY due, id LIMIT $2`
	farOff       = 24 * time.Hour

	selectDue     = `SELECT ` + actionColumns + ` FROM mint_action WHERE due <= $1 AND ` + isOpen + ` ORDER BY due, id LIMIT $2`
	actionHistory = `SELECT ` + actionColumns + ` FROM mint_action WHERE ticket = $1 ORDER BY id DESC LIMIT $2`

	// Those that were dealt with by a retry are past.
	selectFailed = `SELECT ` + actionColumns + ` FROM mint_action a WHERE a.state = 'failed' AND a.id > $1
		AND (EXISTS (SELECT 1 FROM token k WHERE k.ticket = a.ticket AND k.action = a.id) OR a.kind = 'commit'
			OR a.kind = 'group' AND NOT EXISTS (SELECT 1 FROM mint_action b WHERE b.kind = 'group' AND b.event = a.event AND b.id > a.id))
		ORDER BY a.id LIMIT $2`
)

// Due implements [mint.Actions].
func (m *Mint) Due(ctx context.Context, limit int) (out []mint.Action, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanAction, selectDue, t.ms(), limit)
		if err != nil || len(out) == limit {
			return err
		}
		far, err := rows(ctx, t, scanAction, selectFarOff, t.ms()+farOff.Milliseconds(), limit-len(out))
		out = append(out, far...)
		return err
	})
	return out, err
}

// History implements [mint.Actions].
func (m *Mint) History(ctx context.Context, id ticket.ID, limit int) ([]mint.Action, error) {
	return m.actions(ctx, actionHistory, id[:], limit)
}

// FailedActions implements [mint.Actions].
func (m *Mint) FailedActions(ctx context.Context, after int64, limit int) ([]mint.Action, error) {
	return m.actions(ctx, selectFailed, after, limit)
}

func (m *Mint) actions(ctx context.Context, query string, args ...any) (out []mint.Action, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanAction, query, args...)
		return err
	})
	return out, err
}

const (
	// To SQLite the least id is the first that it comes by from the beginning, and the
	// least sum is what it is.
	finalAfter = `SELECT ` + actionColumns + ` FROM mint_action WHERE id > $1 AND state = 'finalized' AND changed >= $2 ORDER BY id LIMIT $3`
	firstFinal = `SELECT COALESCE(MIN(id + 0), 0) FROM mint_action WHERE state = 'finalized' AND changed >= $1`
)

// Recheck implements [mint.Actions].
func (m *Mint) Recheck(ctx context.Context, since time.Time, after int64, limit int) (out []mint.Action, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		if after == 0 { // not from the first that there ever was
			if err := t.row(ctx, firstFinal, []any{since.UnixMilli()}, &after); err != nil || after == 0 {
				return err
			}
			after--
		}
		out, err = rows(ctx, t, scanAction, finalAfter, after, since.UnixMilli(), limit)
		return err
	})
	return out, err
}
