package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/sync/ticket"
)

const listSessions = `SELECT hash, account, credential, agent, created, expires FROM session
	WHERE account = $1 AND expires > $2 ORDER BY created DESC, hash`

// Sessions implements [account.PersonStore].
func (a *Accounts) Sessions(ctx context.Context, id string) (out []account.Session, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanSession, listSessions, id, t.ms())
		return err
	})
	return out, err
}

func scanSession(r scanner) (s account.Session, err error) {
	var (
		hash             []byte
		created, expires int64
	)
	err = r.Scan(&hash, &s.Account, &s.Credential, &s.Agent, &created, &expires)
	copy(s.Hash[:], hash)
	s.Created, s.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	return s, err
}

// EndSessions implements [account.PersonStore].
func (a *Accounts) EndSessions(ctx context.Context, id string, keep [32]byte) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, endOthers, id, keep[:])
		return err
	})
}

const setRole = `UPDATE account SET role = $2, changed = $3 WHERE email = $1 AND verified > 0 RETURNING id`

// SetRole implements [account.PersonStore].
func (a *Accounts) SetRole(ctx context.Context, email string, r account.Role) (id string, err error) {
	err = a.s.update(ctx, func(t *tx) error {
		err := t.row(ctx, setRole, []any{email, string(r), t.ms()}, &id)
		if err != nil {
			return known(err)
		}
		_, err = t.exec(ctx, endSessions, id)
		return err
	})
	return id, err
}

const (
	selectHeld = `SELECT a.id, a.email, a.verified, a.role, a.language, a.recovery, a.created, a.changed, COALESCE(w.hash, '')
		FROM account a LEFT JOIN password w ON w.account = a.id WHERE a.id = $1`
	listLetters = `SELECT ` + letterColumns + ` FROM letter WHERE account = $1 OR email = $2 ORDER BY created, id`
)

// Held implements [account.PersonStore].
func (a *Accounts) Held(ctx context.Context, id string) (h account.Held, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		var (
			recovery                   []byte
			verified, created, changed int64
		)
		h = account.Held{}
		err := t.row(ctx, selectHeld, []any{id}, &h.Account.ID, &h.Account.Email, &verified, &h.Role, &h.Account.Language, &recovery, &created, &changed, &h.Account.Password)
		if err != nil {
			return known(err)
		}
		copy(h.Account.Recovery[:], recovery)
		h.Created, h.Changed = time.UnixMilli(created), time.UnixMilli(changed)
		if h.Account.Verified = verified > 0; h.Account.Verified {
			h.Verified = time.UnixMilli(verified)
		}
		if h.Passkeys, err = rows(ctx, t, scanPasskey, selectPasskeys, id); err != nil {
			return err
		}
		if h.Sessions, err = rows(ctx, t, scanSession, listSessions, id, t.ms()); err != nil {
			return err
		}
		h.Letters, err = rows(ctx, t, scanLetter, listLetters, id, h.Account.Email)
		h.Account.Email = shown(h.Account.Email)
		return err
	})
	return h, err
}

const (
	// A ticket is also somebody's while it is on its way to them.
	ownedTickets = `SELECT t.status, e.rules, e.cancelled FROM ticket t JOIN event e ON e.id = t.event WHERE t.owner = $1
		UNION ALL SELECT t.status, e.rules, e.cancelled FROM transfer x JOIN ticket t ON t.id = x.ticket JOIN event e ON e.id = t.event
		WHERE x.receiver = $1 AND x.state = 'open' AND x.expires > $2`
	moneyDue = `SELECT COUNT(*) FROM purchase p WHERE
		(p.owner = $1 OR EXISTS (SELECT 1 FROM item i WHERE i.purchase = p.id AND i.keeper = $1))
		AND (p.state = 'paying' OR p.state = 'held' AND p.expires > $2
			OR EXISTS (SELECT 1 FROM payment y WHERE y.purchase = p.id AND y.state IN ('opened', 'begun', 'refund_due')))`

	// A token that is free, or about to be, and lies where only the key that is kept here
	// can move it. One that is held is nobody's to move, and does not keep anybody; nor
	// does one that is stuck, which may be for good.
	leftBehind = `SELECT COUNT(*) FROM token k JOIN wallet w ON w.account = k.account WHERE k.account = $1 AND k.form <> 'burned'
		AND (k.form = 'free' AND k.owner = w.kept OR k.stuck = '' AND (k.want = 'free' AND k.form <> 'free' AND k.want_owner = w.kept OR k.action <> 0))`
)

// erasures forget a person, in an order that no reference minds. What others have
// of them (a transfer, a request) is closed, not taken away.
var erasures = []string{ //nolint:gochecknoglobals // a constant
	`DELETE FROM session WHERE account = $1`,
	`DELETE FROM rekey WHERE account = $1`,
	`DELETE FROM passkey WHERE account = $1`,
	`DELETE FROM password WHERE account = $1`,
	`DELETE FROM letter WHERE account = $1 OR email = (SELECT email FROM account WHERE id = $1)`,
	`DELETE FROM accreditation WHERE credential IN (SELECT number FROM credential WHERE account = $1)`,
	`DELETE FROM credential WHERE account = $1`,
	`DELETE FROM holder_did WHERE account = $1`,
	`DELETE FROM wallet_challenge WHERE account = $1`,
	`DELETE FROM wallet WHERE account = $1`, // and, with the salt, the key of what is kept here
	`DELETE FROM person_slot WHERE person = $1`,
	`UPDATE transfer SET state = 'cancelled' WHERE giver = $1 AND state = 'open'`,
	`UPDATE transfer SET state = 'declined' WHERE receiver = $1 AND state = 'open'`,
	`UPDATE ask SET state = 'cancelled' WHERE asker = $1 AND state = 'open'`,
	`UPDATE ask SET state = 'declined' WHERE booker = $1 AND state = 'open'`,
	`UPDATE waiting SET state = 'left' WHERE account = $1 AND state = 'waiting'`,
	`UPDATE offer SET expires = 0 WHERE account = $1 AND state = 'open'`, // goes to the next
	`DELETE FROM account WHERE id = $1`,
}

// Delete implements [account.PersonStore]. What is read stays true until the end:
// update runs alone.
func (a *Accounts) Delete(ctx context.Context, id string, l account.Letter) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := mayLeave(ctx, t, id); err != nil {
			return err
		}
		for _, query := range erasures {
			n, err := t.exec(ctx, query, id)
			if err != nil {
				return err
			}
			if query == erasures[len(erasures)-1] && n == 0 {
				return account.ErrUnknown
			}
		}
		if l.Topic == "" {
			return nil
		}
		return addLetter(ctx, t, l, 1)
	})
}

// mayLeave returns why an account must stay.
func mayLeave(ctx context.Context, t *tx, id string) error {
	var due int
	if err := t.row(ctx, moneyDue, []any{id, t.ms()}, &due); err != nil {
		return err
	}
	if due > 0 {
		return account.ErrMoneyDue
	}
	left, err := rows(ctx, t, func(r scanner) (bool, error) {
		var (
			status    ticket.Status
			rules     string
			cancelled int64
			event     ticket.Event
		)
		if err := r.Scan(&status, &rules, &cancelled); err != nil {
			return false, err
		}
		if err := json.Unmarshal([]byte(rules), &event); err != nil {
			return false, fmt.Errorf("decode event: %w", err)
		}
		return status == ticket.StatusValid && cancelled == 0 && t.now.Unix() < event.Ends, nil
	}, ownedTickets, id, t.ms())
	if err != nil {
		return err
	}
	for _, stays := range left {
		if stays {
			return account.ErrTicketsLeft
		}
	}
	var tokens int
	if err := t.row(ctx, leftBehind, []any{id}, &tokens); err != nil {
		return err
	}
	if tokens > 0 {
		return account.ErrTokensLeft
	}
	return nil
}
