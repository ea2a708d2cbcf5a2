package store

import (
	"context"
	"fmt"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	insertTokens = `INSERT INTO token (ticket, event, account, address, want, want_owner, changed) VALUES `
	tokenFields  = 7

	// A token that is burned or is to be takes no other wish, one that is free none but
	// to be burned, and one that may be on chain already cannot be wished away.
	changeWish = ` ON CONFLICT (ticket) DO UPDATE
		SET account = CASE WHEN excluded.account = '' THEN token.account ELSE excluded.account END, want = excluded.want, want_owner = excluded.want_owner, changed = excluded.changed
		WHERE token.form <> 'burned' AND token.want <> 'burned'
			AND (token.want <> excluded.want OR token.want_owner <> excluded.want_owner OR excluded.account NOT IN ('', token.account))
			AND (token.form <> 'free' OR excluded.want = 'burned')
			AND (excluded.want <> '' OR token.want = ''
				OR token.form = '' AND token.action = 0 AND NOT EXISTS (SELECT 1 FROM mint_action a WHERE a.ticket = token.ticket AND a.attempt > 0))`

	// What was never signed cannot be on chain, so nothing has to be done there, and
	// nothing of what may still be under way can do it: see [mint.Actions].
	burnUnborn = `UPDATE token SET form = 'burned', stuck = '', action = 0, changed = $1
		WHERE want = 'burned' AND form = '' AND (action = 0 OR stuck <> '')
			AND NOT EXISTS (SELECT 1 FROM mint_action a WHERE a.ticket = token.ticket AND a.attempt > 0)
			AND ticket IN `
)

// Wish implements [mint.Tokens]. A ticket that is nobody's any more leaves the token with
// the account that it had.
func (m *Mint) Wish(ctx context.Context, wishes []mint.Desire, address func(ticket.ID) string) error {
	type row struct {
		mint.Desire
		address string
	}
	var all []row
	var burned []ticket.ID
	at := make(map[ticket.ID]int)
	for _, d := range wishes {
		none := d.Form == mint.None || d.Form == mint.Burned
		if d.Ticket.IsZero() || none && d.Owner != "" || d.Form == mint.Held && d.Owner == "" {
			return fmt.Errorf("token of ticket %s cannot be %q with or without an owner", d.Ticket, d.Form)
		}
		if d.Form == mint.Burned {
			burned = append(burned, d.Ticket)
		}
		if i, ok := at[d.Ticket]; ok { // a statement changes a row once
			if all[i].Form != mint.Burned {
				all[i].Desire = d
			}
			continue
		}
		at[d.Ticket] = len(all)
		all = append(all, row{d, address(d.Ticket)})
	}
	if len(all) == 0 {
		return nil
	}
	return m.s.update(ctx, func(t *tx) error {
		for some := range portions(all) {
			args := make([]any, 0, len(some)*tokenFields)
			for i := range some {
				d := &some[i]
				args = append(args, d.Ticket[:], int64(d.Event), d.Account, d.address, string(d.Form), d.Owner, t.ms())
			}
			if _, err := t.exec(ctx, insertTokens+values(len(some), tokenFields)+changeWish, args...); err != nil {
				return err
			}
		}
		return dropUnborn(ctx, t, burned)
	})
}

func dropUnborn(ctx context.Context, t *tx, ids []ticket.ID) error {
	for some := range portions(ids) {
		if _, err := t.exec(ctx, burnUnborn+places(2, len(some)), append([]any{t.ms()}, idArgs(some)...)...); err != nil {
			return err
		}
	}
	return nil
}

const (
	// The ticket's own row says whose it is now: that of the token may be behind.
	claimToken = `UPDATE token SET claimed = 1 WHERE ticket = $1 AND account = $2 AND claimed = 0 AND want <> 'burned'
		AND NOT EXISTS (SELECT 1 FROM ticket k WHERE k.id = $1 AND (k.owner IS NULL OR k.owner <> $2))`
	selectOwnToken = `SELECT ` + tokenColumns + ` FROM token WHERE ticket = $1 AND account = $2
		AND NOT EXISTS (SELECT 1 FROM ticket k WHERE k.id = $1 AND (k.owner IS NULL OR k.owner <> $2))`
)

// Claim implements [mint.Tokens]. It posts [outbox.TokenClaimed].
func (m *Mint) Claim(ctx context.Context, account string, id ticket.ID) (k mint.Token, err error) {
	err = m.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, claimToken, id[:], account)
		if err != nil {
			return err
		}
		if k, err = oneToken(ctx, t, selectOwnToken, id[:], account); err != nil || n == 0 {
			return err
		}
		return post(ctx, t, outbox.Row{Event: k.Event, Kind: outbox.TokenClaimed, Account: account, Ticket: id})
	})
	return k, err
}
