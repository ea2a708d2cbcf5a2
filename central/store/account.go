package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/con-ting/conting/central/account"
)

// Accounts returns the store as account wants it.
func (s *Store) Accounts() *Accounts { return &Accounts{s} }

// Accounts keeps people, passkeys and sessions.
type Accounts struct{ s *Store }

var _ account.Store = (*Accounts)(nil)

const (
	insertAccount = `INSERT INTO account (id, email, recovery, language, created, changed) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (email) DO NOTHING`
	insertPasskey = `INSERT INTO passkey (credential, account, public_key, transports, counter, created, used)
		VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING`
)

// AddAccount implements [account.Store].
func (a *Accounts) AddAccount(ctx context.Context, p account.Account, c account.Credential, s account.Session, ended [32]byte, u account.Used) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := spend(ctx, t, u); err != nil {
			return err
		}
		n, err := t.exec(ctx, insertAccount, p.ID, p.Email, p.Recovery[:], string(p.Language), t.ms())
		if err != nil {
			return err
		}
		if n == 0 {
			return account.ErrExists
		}
		if err := addPasskey(ctx, t, c); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}

func spend(ctx context.Context, t *tx, u account.Used) error {
	fresh, err := t.spend(ctx, u.Challenge, u.Expires)
	if err == nil && !fresh {
		err = account.ErrChallenge
	}
	return err
}

func addPasskey(ctx context.Context, t *tx, c account.Credential) error {
	transports, err := json.Marshal(c.Transports)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, insertPasskey, c.ID, c.Account, c.Key[:], string(transports), int64(c.Counter), t.ms())
	if err == nil && n == 0 {
		err = account.ErrKnownPasskey
	}
	return err
}

const (
	accountColumns = `SELECT a.id, a.email, a.verified, a.recovery, a.language, COALESCE(w.hash, '')
		FROM account a LEFT JOIN password w ON w.account = a.id `
	selectAccount = accountColumns + `WHERE a.email = $1`
	selectByID    = accountColumns + `WHERE a.id = $1`

	keyColumns = `SELECT p.credential, p.account, a.email, p.public_key, p.transports, p.counter, p.created, p.used, p.revoked,
			a.verified, a.role, (SELECT COUNT(*) FROM password w WHERE w.account = a.id)
		FROM passkey p JOIN account a ON a.id = p.account `
	selectPasskey  = keyColumns + `WHERE p.credential = $1`
	selectPasskeys = keyColumns + `WHERE p.account = $1 ORDER BY p.created DESC, p.credential`
)

// Account implements [account.Store].
func (a *Accounts) Account(ctx context.Context, email string) (account.Account, error) {
	return a.account(ctx, selectAccount, email)
}

// ByID implements [account.Store].
func (a *Accounts) ByID(ctx context.Context, id string) (account.Account, error) {
	return a.account(ctx, selectByID, id)
}

func (a *Accounts) account(ctx context.Context, query, key string) (p account.Account, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		var (
			hash     []byte
			verified int64
		)
		p = account.Account{}
		err := t.row(ctx, query, []any{key}, &p.ID, &p.Email, &verified, &hash, &p.Language, &p.Password)
		copy(p.Recovery[:], hash)
		p.Verified, p.Email = verified > 0, shown(p.Email)
		return known(err)
	})
	return p, err
}

// shown is an address as its account has it: none if it was lost.
func shown(email string) string {
	if strings.HasSuffix(email, lostAddress) {
		return ""
	}
	return email
}

func known(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return account.ErrUnknown
	}
	return err
}

// Credential implements [account.Store].
func (a *Accounts) Credential(ctx context.Context, id []byte) (c account.Credential, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		c, err = scanPasskey(t.sql.QueryRowContext(ctx, selectPasskey, id))
		return known(err)
	})
	return c, err
}

// Credentials implements [account.Store].
func (a *Accounts) Credentials(ctx context.Context, id string) (out []account.Credential, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, scanPasskey, selectPasskeys, id)
		return err
	})
	return out, err
}

func scanPasskey(r scanner) (c account.Credential, err error) {
	var (
		key                    []byte
		transports             string
		created, used, revoked int64
		verified, passwords    int64
	)
	if err := r.Scan(&c.ID, &c.Account, &c.Email, &key, &transports, &c.Counter, &created, &used, &revoked, &verified, &c.Role, &passwords); err != nil {
		return c, err
	}
	copy(c.Key[:], key)
	c.Email, c.Verified, c.Password = shown(c.Email), verified > 0, passwords > 0
	c.Created, c.Used, c.Revoked = time.UnixMilli(created), time.UnixMilli(used), revoked != 0
	return c, json.Unmarshal([]byte(transports), &c.Transports)
}

// countUp is where a copied passkey shows: the counter must be higher than any
// before, unless the authenticator keeps none.
const (
	countUp = `UPDATE passkey SET counter = $2, used = $3
		WHERE credential = $1 AND revoked = 0 AND (counter < $2 OR (counter = 0 AND $2 = 0))`
	keyInForce = `SELECT COUNT(*) FROM passkey WHERE credential = $1 AND revoked = 0`
)

// Use implements [account.Store].
func (a *Accounts) Use(ctx context.Context, credential []byte, counter uint32, u account.Used) error {
	return a.s.update(ctx, func(t *tx) error { return usePasskey(ctx, t, credential, counter, u) })
}

func usePasskey(ctx context.Context, t *tx, credential []byte, counter uint32, u account.Used) error {
	if err := spend(ctx, t, u); err != nil {
		return err
	}
	n, err := t.exec(ctx, countUp, credential, int64(counter), t.ms())
	if err != nil || n == 1 {
		return err
	}
	var inForce int
	if err := t.row(ctx, keyInForce, []any{credential}, &inForce); err != nil {
		return err
	}
	if inForce == 0 {
		return account.ErrUnknown
	}
	return account.ErrCounter
}

const (
	setRecovery = `UPDATE account SET recovery = $2, changed = $3
		WHERE id = (SELECT account FROM passkey WHERE credential = $1)`
	changeRecovery = `UPDATE account SET recovery = $3, changed = $4 WHERE id = $1 AND recovery = $2`

	noteKeys = `INSERT INTO rekey (account, from_key, to_key, created, expires)
		SELECT account, public_key, $2, $3, $4 FROM passkey WHERE account = $1 AND revoked = 0
		ON CONFLICT (account, from_key) DO NOTHING`
	redirectKeys   = `UPDATE rekey SET to_key = $2, expires = $3 WHERE account = $1`
	revokePasskeys = `UPDATE passkey SET revoked = $2 WHERE account = $1 AND revoked = 0`
	endSessions    = `DELETE FROM session WHERE account = $1`
)

// SetRecovery implements [account.Store].
func (a *Accounts) SetRecovery(ctx context.Context, credential []byte, counter uint32, recovery [32]byte, u account.Used) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := usePasskey(ctx, t, credential, counter, u); err != nil {
			return err
		}
		_, err := t.exec(ctx, setRecovery, credential, recovery[:], t.ms())
		return err
	})
}

// Replace implements [account.Store].
func (a *Accounts) Replace(ctx context.Context, r account.Replacement) error {
	id := r.Credential.Account
	return a.s.update(ctx, func(t *tx) error {
		if err := spend(ctx, t, r.Used); err != nil {
			return err
		}
		n, err := t.exec(ctx, changeRecovery, id, r.Old[:], r.New[:], t.ms())
		if err != nil {
			return err
		}
		if n == 0 {
			return account.ErrRecovery
		}
		for _, step := range []struct {
			query string
			args  []any
		}{
			{noteKeys, []any{id, r.Credential.Key[:], t.ms(), r.Follow.UnixMilli()}},
			{redirectKeys, []any{id, r.Credential.Key[:], r.Follow.UnixMilli()}},
			{revokePasskeys, []any{id, t.ms()}},
			{endSessions, []any{id}},
		} {
			if _, err := t.exec(ctx, step.query, step.args...); err != nil {
				return err
			}
		}
		if err := addPasskey(ctx, t, r.Credential); err != nil {
			return err
		}
		return openSession(ctx, t, r.Session, r.Ended)
	})
}

const (
	selectRekeys = `SELECT account, from_key, to_key, expires FROM rekey WHERE $1 = '' OR account = $1 ORDER BY created, account, from_key LIMIT $2`
	// A payment whose outcome the provider does not tell can take longer than a hold.
	dropRekey = `DELETE FROM rekey WHERE account = $1 AND from_key = $2 AND to_key = $3 AND expires <= $4
		AND NOT EXISTS (SELECT 1 FROM item i JOIN purchase p ON p.id = i.purchase
			WHERE i.keeper = $1 AND i.holder = $2 AND p.state = 'paying')`
)

// Rekeys implements [account.Store].
func (a *Accounts) Rekeys(ctx context.Context, id string, limit int) (out []account.Rekey, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (k account.Rekey, err error) {
			var (
				from, to []byte
				expires  int64
			)
			err = r.Scan(&k.Account, &from, &to, &expires)
			copy(k.From[:], from)
			copy(k.To[:], to)
			k.Expires = time.UnixMilli(expires)
			return k, err
		}, selectRekeys, id, limit)
		return err
	})
	return out, err
}

// EndRekey implements [account.Store].
func (a *Accounts) EndRekey(ctx context.Context, k account.Rekey) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, dropRekey, k.Account, k.From[:], k.To[:], t.ms())
		return err
	})
}
