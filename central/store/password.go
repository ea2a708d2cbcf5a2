package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/con-ting/conting/central/account"
)

const (
	insertPassword = `INSERT INTO password (account, hash, changed) VALUES ($1, $2, $3)
		ON CONFLICT (account) DO UPDATE SET hash = $2, changed = $3`
	dropLetter = `DELETE FROM letter WHERE id = $1 AND topic = $2 AND expires > $3`
	// Whoever confirms an address takes it from an account that only claimed it.
	takeAddress = `UPDATE account SET email = id || '` + lostAddress + `', changed = $2 WHERE email = $1 AND verified = 0`
	insertOwner = `INSERT INTO account (id, email, recovery, language, verified, created, changed) VALUES ($1, $2, $3, $4, $5, $5, $5)
		ON CONFLICT (email) DO NOTHING`
)

// lostAddress follows the id of an account that lost its address to somebody who
// confirmed it. Nobody can have such an address (RFC 2606).
const lostAddress = "@lost.invalid"

// AddPasswordAccount implements [account.PasswordStore].
func (a *Accounts) AddPasswordAccount(ctx context.Context, p account.Account, s account.Session, ended [32]byte, l account.LetterID) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := useLetter(ctx, t, l, account.LetterJoin); err != nil {
			return err
		}
		if _, err := t.exec(ctx, takeAddress, p.Email, t.ms()); err != nil {
			return err
		}
		n, err := t.exec(ctx, insertOwner, p.ID, p.Email, []byte{}, string(p.Language), t.ms())
		if err != nil {
			return err
		}
		if n == 0 {
			return account.ErrExists
		}
		if _, err := t.exec(ctx, insertPassword, p.ID, p.Password, t.ms()); err != nil {
			return err
		}
		if _, err := t.exec(ctx, dropLetters, p.Email, string(account.LetterJoin)); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}

// useLetter makes a letter's link work no more, or returns [account.ErrLetter].
func useLetter(ctx context.Context, t *tx, id account.LetterID, topic account.Topic) error {
	n, err := t.exec(ctx, dropLetter, id[:], string(topic), t.ms())
	if err == nil && n == 0 {
		err = account.ErrLetter
	}
	return err
}

const (
	selectAttempt = `SELECT tries, free_at FROM attempt WHERE key = $1 AND last > $2`
	saveAttempt   = `INSERT INTO attempt (key, tries, free_at, last) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET tries = $2, free_at = $3, last = $4`
	dropAttempts = `DELETE FROM attempt WHERE last <= $1`
)

// Try implements [account.PasswordStore]. What is read stays true until the end:
// update runs alone.
func (a *Accounts) Try(ctx context.Context, tries []account.Attempt) (wait time.Duration, err error) {
	err = a.s.update(ctx, func(t *tx) error {
		longest := time.Duration(0)
		old := t.now.Add(-account.AttemptsForgotten).UnixMilli()
		if _, err := t.exec(ctx, dropAttempts, old); err != nil {
			return err
		}
		counts := make([]int, len(tries))
		for i, k := range tries {
			var freeAt int64
			err := t.row(ctx, selectAttempt, []any{k.Key[:], old}, &counts[i], &freeAt)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			// A clock that was set back must not shut anybody out for longer.
			left := min(time.Duration(freeAt-t.ms())*time.Millisecond, k.Wait(counts[i]))
			longest = max(longest, left)
		}
		wait = longest
		if longest > 0 {
			return nil
		}
		for i, k := range tries {
			free := t.now.Add(k.Wait(counts[i] + 1)).UnixMilli()
			if _, err := t.exec(ctx, saveAttempt, k.Key[:], counts[i]+1, free, t.ms()); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

const (
	dropAttempt = `DELETE FROM attempt WHERE key = $1`
	lessAttempt = `UPDATE attempt SET tries = tries - 1, free_at = 0 WHERE key = $1 AND tries > 0`
)

// forgive takes back what Try counted: the first key is the account's, which has
// shown that it is its owner; the others are shared with strangers.
func forgive(ctx context.Context, t *tx, tries []account.Attempt) error {
	for i, k := range tries {
		query := lessAttempt
		if i == 0 {
			query = dropAttempt
		}
		if _, err := t.exec(ctx, query, k.Key[:]); err != nil {
			return err
		}
	}
	return nil
}

// Forgive implements [account.PasswordStore].
func (a *Accounts) Forgive(ctx context.Context, tries []account.Attempt) error {
	return a.s.update(ctx, func(t *tx) error { return forgive(ctx, t, tries) })
}

const renewPassword = `UPDATE password SET hash = $3 WHERE account = $1 AND hash = $2`

// OpenPasswordSession implements [account.PasswordStore].
func (a *Accounts) OpenPasswordSession(ctx context.Context, s account.Session, ended [32]byte, kept, next string, tries []account.Attempt) error {
	if next == "" {
		next = kept
	}
	return a.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, renewPassword, s.Account, kept, next)
		if err != nil {
			return err
		}
		if n == 0 {
			return account.ErrPassword
		}
		if err := forgive(ctx, t, tries); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}

const (
	endOthers   = `DELETE FROM session WHERE account = $1 AND hash <> $2`
	dropResets  = `DELETE FROM letter WHERE topic = '` + string(account.LetterReset) + `' AND email = (SELECT email FROM account WHERE id = $1)`
	dropLetters = `DELETE FROM letter WHERE email = $1 AND topic = $2`
)

// SetPassword implements [account.PasswordStore].
func (a *Accounts) SetPassword(ctx context.Context, id, hash string, keep [32]byte) error {
	return a.s.update(ctx, func(t *tx) error { return setPassword(ctx, t, id, hash, keep) })
}

func setPassword(ctx context.Context, t *tx, id, hash string, keep [32]byte) error {
	if _, err := t.exec(ctx, insertPassword, id, hash, t.ms()); err != nil {
		return err
	}
	if _, err := t.exec(ctx, dropResets, id); err != nil {
		return err
	}
	_, err := t.exec(ctx, endOthers, id, keep[:])
	return err
}

const confirmedOwner = `SELECT COUNT(*) FROM account a JOIN letter l ON l.email = a.email
	WHERE a.id = $1 AND a.verified > 0 AND l.id = $2`

// ResetPassword implements [account.PasswordStore].
func (a *Accounts) ResetPassword(ctx context.Context, hash string, s account.Session, ended [32]byte, l account.LetterID, tries []account.Attempt) error {
	return a.s.update(ctx, func(t *tx) error {
		var owns int
		if err := t.row(ctx, confirmedOwner, []any{s.Account, l[:]}, &owns); err != nil {
			return err
		}
		if owns == 0 {
			return account.ErrLetter
		}
		if err := useLetter(ctx, t, l, account.LetterReset); err != nil {
			return err
		}
		if err := setPassword(ctx, t, s.Account, hash, [32]byte{}); err != nil {
			return err
		}
		if err := forgive(ctx, t, tries); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}

const (
	keysInForce = `SELECT COUNT(*) FROM passkey WHERE account = $1 AND revoked = 0`
	newRecovery = `UPDATE account SET recovery = $2, changed = $3 WHERE id = $1`
)

// AddPasskey implements [account.PasswordStore].
func (a *Accounts) AddPasskey(ctx context.Context, c account.Credential, recovery [32]byte, s account.Session, ended [32]byte, u account.Used) error {
	return a.s.update(ctx, func(t *tx) error {
		if err := spend(ctx, t, u); err != nil {
			return err
		}
		var inForce int
		if err := t.row(ctx, keysInForce, []any{c.Account}, &inForce); err != nil {
			return err
		}
		if inForce > 0 {
			return account.ErrHasPasskey
		}
		if err := addPasskey(ctx, t, c); err != nil {
			return err
		}
		if _, err := t.exec(ctx, newRecovery, c.Account, recovery[:], t.ms()); err != nil {
			return err
		}
		return openSession(ctx, t, s, ended)
	})
}
