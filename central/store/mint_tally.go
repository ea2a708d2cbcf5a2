package store

import (
	"context"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	countForms     = `SELECT form, COUNT(*) FROM token GROUP BY form`
	countUnsettled = `SELECT COUNT(*) FROM token WHERE ` + isUnsettled
	countStuck     = `SELECT COUNT(*) FROM token WHERE stuck <> ''`
	countOpen      = `SELECT state, COUNT(*) FROM mint_action WHERE ` + isOpen + ` GROUP BY state`
	countFailed    = `SELECT 'failed', COUNT(*) FROM mint_action WHERE state = 'failed'`
	selectTotals   = `SELECT name, n FROM mint_total`
)

// Tally implements [mint.Actions]. Unsettled are also the tokens whose action is open.
func (m *Mint) Tally(ctx context.Context) (out mint.Tally, err error) {
	type count struct {
		name string
		n    int64
	}
	scan := func(r scanner) (c count, err error) { return c, r.Scan(&c.name, &c.n) }
	err = m.s.view(ctx, func(t *tx) error {
		out = mint.Tally{Forms: make(map[mint.Form]int64), Actions: make(map[mint.State]int64)}
		forms, err := rows(ctx, t, scan, countForms)
		if err != nil {
			return err
		}
		for _, c := range forms {
			out.Forms[mint.Form(c.name)] = c.n
		}
		if err := t.row(ctx, countUnsettled, nil, &out.Unsettled); err != nil {
			return err
		}
		if err := t.row(ctx, countStuck, nil, &out.Stuck); err != nil {
			return err
		}
		for _, query := range []string{countOpen, countFailed, selectTotals} {
			some, err := rows(ctx, t, scan, query)
			if err != nil {
				return err
			}
			for _, c := range some {
				switch c.name {
				case totalFees:
					out.Fees = c.n
				case totalRent:
					out.Rent = c.n
				default:
					if c.n > 0 {
						out.Actions[mint.State(c.name)] = c.n
					}
				}
			}
		}
		for s, n := range out.Actions {
			if s.Open() {
				out.Unsettled += n
			}
		}
		return nil
	})
	return out, err
}

const (
	retryOne    = `UPDATE token SET stuck = '', action = 0 WHERE ticket = $1 AND stuck <> ''`
	retryAll    = `UPDATE token SET stuck = '', action = 0 WHERE stuck <> ''`
	retryOthers = `UPDATE mint_action SET state = 'wanted', reason = '', attempt = 0, due = $1, changed = $1, rev = rev + 1
		WHERE state = 'failed' AND (kind = 'commit' OR kind = 'group' AND NOT EXISTS (
			SELECT 1 FROM mint_action b WHERE b.kind = 'group' AND b.event = mint_action.event AND b.id > mint_action.id))`
)

// Retry implements [mint.Actions]. What failed for an event has no token that could be
// tried anew: with all of them it goes back to [mint.Wanted] itself.
func (m *Mint) Retry(ctx context.Context, id ticket.ID, all bool) (count int, err error) {
	err = m.s.update(ctx, func(t *tx) error {
		if !all {
			n, err := t.exec(ctx, retryOne, id[:])
			count = int(n)
			return err
		}
		n, err := t.exec(ctx, retryAll)
		if err != nil {
			return err
		}
		others, err := t.exec(ctx, retryOthers, t.ms())
		count = int(n + others)
		return err
	})
	return count, err
}
