package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/con-ting/conting/central/account"
)

// maxSessions is how many sessions an account may have at once.
const maxSessions = 16

const (
	endSession    = `DELETE FROM session WHERE hash = $1`
	dropSessions  = `DELETE FROM session WHERE expires <= $1`
	insertSession = `INSERT INTO session (hash, account, credential, agent, created, expires) VALUES ($1, $2, $3, $4, $5, $6)`
	limitSessions = `DELETE FROM session WHERE account = $1 AND hash NOT IN
		(SELECT hash FROM session WHERE account = $1 ORDER BY created DESC, hash LIMIT $2)`
)

// openSession stores a session and ends the one that its owner came with.
func openSession(ctx context.Context, t *tx, s account.Session, ended [32]byte) error {
	if _, err := t.exec(ctx, endSession, ended[:]); err != nil {
		return err
	}
	if _, err := t.exec(ctx, dropSessions, t.ms()); err != nil {
		return err
	}
	if _, err := t.exec(ctx, limitSessions, s.Account, maxSessions-1); err != nil {
		return err
	}
	var opener any // NULL for a password
	if s.Credential != nil {
		opener = s.Credential
	}
	_, err := t.exec(ctx, insertSession, s.Hash[:], s.Account, opener, s.Agent, t.ms(), s.Expires.UnixMilli())
	return err
}

// OpenSession implements [account.Store].
func (a *Accounts) OpenSession(ctx context.Context, counter uint32, s account.Session, ended [32]byte, u account.Used) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := usePasskey(ctx, t, s.Credential, counter, u); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}

// selectSession has the passkey that opened the session, or else the newest in
// force. Only the first lets a role count.
const selectSession = `SELECT s.account, a.email, a.verified, CASE WHEN s.credential IS NULL THEN '` + string(account.Attendee) + `' ELSE a.role END,
		(SELECT COUNT(*) FROM password w WHERE w.account = a.id), p.credential, p.public_key, s.expires
	FROM session s JOIN account a ON a.id = s.account LEFT JOIN passkey p ON p.revoked = 0 AND p.credential = COALESCE(s.credential,
		(SELECT n.credential FROM passkey n WHERE n.account = s.account AND n.revoked = 0 ORDER BY n.created DESC, n.credential LIMIT 1))
	WHERE s.hash = $1 AND s.expires > $2 AND (s.credential IS NULL OR p.credential IS NOT NULL)`

// Session implements [account.Store].
func (a *Accounts) Session(ctx context.Context, hash [32]byte) (p account.Person, ends time.Time, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		var (
			key                          []byte
			verified, passwords, expires int64
		)
		p = account.Person{}
		err := t.row(ctx, selectSession, []any{hash[:], t.ms()}, &p.ID, &p.Email, &verified, &p.Role, &passwords, &p.Passkey.CredentialID, &key, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrSignedOut
		}
		if !p.Role.Known() {
			p.Role = account.Attendee
		}
		copy(p.Passkey.Key[:], key)
		p.Email, p.Verified, p.Password = shown(p.Email), verified > 0, passwords > 0
		ends = time.UnixMilli(expires)
		return err
	})
	return p, ends, err
}

const extendSession = `UPDATE session SET expires = $2 WHERE hash = $1 AND expires > $3 AND expires < $2`

// ExtendSession implements [account.Store].
func (a *Accounts) ExtendSession(ctx context.Context, hash [32]byte, expires time.Time) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, extendSession, hash[:], expires.UnixMilli(), t.ms())
		return err
	})
}

// EndSession implements [account.Store].
func (a *Accounts) EndSession(ctx context.Context, hash [32]byte) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, endSession, hash[:])
		return err
	})
}
