package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/account"
)

const (
	letterColumns = `id, topic, email, account, language, facts, created, expires, due, tries`
	insertLetter  = `INSERT INTO letter (` + letterColumns + `)
		SELECT $1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), 0
		WHERE (SELECT COUNT(*) FROM letter WHERE email = $3 AND topic = $2 AND expires > $10) < $11
		ON CONFLICT (id) DO NOTHING`
)

// AddLetter implements [account.LetterStore].
func (a *Accounts) AddLetter(ctx context.Context, l account.Letter, most int) error {
	return a.s.update(ctx, func(t *tx) error { return addLetter(ctx, t, l, most) })
}

func addLetter(ctx context.Context, t *tx, l account.Letter, most int) error {
	facts, err := json.Marshal(l.Facts)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, insertLetter, l.ID[:], string(l.Topic), l.Email, l.Account, string(l.Language), string(facts),
		l.Created.UnixMilli(), l.Expires.UnixMilli(), l.Due.UnixMilli(), t.ms(), most)
	return err
}

const (
	oldLetters   = `DELETE FROM letter WHERE expires <= $1`
	claimLetters = `UPDATE letter SET due = $3, tries = tries + 1
		WHERE id IN (SELECT id FROM letter WHERE due <= $1 ORDER BY due, id LIMIT $2) RETURNING ` + letterColumns
)

// ClaimLetters implements [account.LetterStore].
func (a *Accounts) ClaimLetters(ctx context.Context, limit int, again time.Time) (out []account.Letter, err error) {
	err = a.s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, oldLetters, t.ms()); err != nil {
			return err
		}
		out, err = rows(ctx, t, scanLetter, claimLetters, t.ms(), limit, again.UnixMilli())
		return err
	})
	return out, err
}

func scanLetter(r scanner) (l account.Letter, err error) {
	var (
		id               []byte
		facts            string
		created, expires int64
		due              sql.NullInt64
	)
	if err := r.Scan(&id, &l.Topic, &l.Email, &l.Account, &l.Language, &facts, &created, &expires, &due, &l.Tries); err != nil {
		return l, err
	}
	copy(l.ID[:], id)
	l.Created, l.Expires = time.UnixMilli(created), time.UnixMilli(expires)
	if due.Valid {
		l.Due = time.UnixMilli(due.Int64)
	}
	if err := json.Unmarshal([]byte(facts), &l.Facts); err != nil {
		return l, fmt.Errorf("decode letter: %w", err)
	}
	return l, nil
}

const (
	postedLetter   = `UPDATE letter SET due = NULL WHERE id = $1`
	postponeLetter = `UPDATE letter SET due = $2 WHERE id = $1 AND due IS NOT NULL`
)

// Posted implements [account.LetterStore].
func (a *Accounts) Posted(ctx context.Context, id account.LetterID) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, postedLetter, id[:])
		return err
	})
}

// Postpone implements [account.LetterStore].
func (a *Accounts) Postpone(ctx context.Context, id account.LetterID, due time.Time) error {
	return a.s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, postponeLetter, id[:], due.UnixMilli())
		return err
	})
}

const selectLetter = `SELECT ` + letterColumns + ` FROM letter WHERE id = $1 AND expires > $2`

// Letter implements [account.LetterStore].
func (a *Accounts) Letter(ctx context.Context, id account.LetterID) (l account.Letter, err error) {
	err = a.s.view(ctx, func(t *tx) error {
		l, err = scanLetter(t.sql.QueryRowContext(ctx, selectLetter, id[:], t.ms()))
		if errors.Is(err, sql.ErrNoRows) {
			return account.ErrLetter
		}
		return err
	})
	return l, err
}

const verifyAccount = `UPDATE account SET verified = $2, changed = $2
	WHERE EXISTS (SELECT 1 FROM letter l WHERE l.id = $1 AND l.account = account.id AND l.email = account.email)`

// Verify implements [account.LetterStore].
func (a *Accounts) Verify(ctx context.Context, l account.LetterID) error {
	return a.s.update(ctx, func(t *tx) error {
		n, err := t.exec(ctx, verifyAccount, l[:], t.ms())
		if err != nil {
			return err
		}
		if n == 0 {
			return account.ErrLetter
		}
		return useLetter(ctx, t, l, account.LetterVerify)
	})
}
