package store

import (
	"context"
	"errors"
	"time"
)

const (
	dropReplies = `DELETE FROM idempotency WHERE started <= $1`
	claimReply  = `INSERT INTO idempotency (key, request, status, started) VALUES ($1, $2, 0, $3)
		ON CONFLICT (key) DO UPDATE SET request = $2, status = 0, response = NULL, started = $3
		WHERE idempotency.status = 0 AND idempotency.request = $2 AND idempotency.started <= $4 OR idempotency.started <= $5`
	selectReply = `SELECT request, status, response FROM idempotency WHERE key = $1`
)

// ClaimReply notes that a request which carries an idempotency key is being
// worked on. It reports claimed when nobody did before, or when whoever did has
// been silent since abandoned. If not claimed, it returns what was asked under
// the key and the answer; status 0 means that the answer is being made. Entries
// that began before forget count for nothing. Both key and request are SHA-256
// hashes.
func (s *Store) ClaimReply(ctx context.Context, key, request [32]byte, abandoned, forget time.Time) (claimed bool, asked [32]byte, status int, sealed []byte, err error) {
	err = s.updateShared(ctx, func(t *tx) error {
		if key[0] < 8 { // one in 32 clears away
			if _, err := t.exec(ctx, dropReplies, forget.UnixMilli()); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, claimReply, key[:], request[:], t.ms(), abandoned.UnixMilli(), forget.UnixMilli())
		if claimed = n == 1; err != nil || claimed {
			return err
		}
		var raw []byte
		err = t.row(ctx, selectReply, []any{key[:]}, &raw, &status, &sealed)
		copy(asked[:], raw)
		return err
	})
	return claimed, asked, status, sealed, err
}

const saveReply = `UPDATE idempotency SET status = $2, response = $3 WHERE key = $1 AND status = 0`

// SaveReply stores the answer to a claimed request.
func (s *Store) SaveReply(ctx context.Context, key [32]byte, status int, sealed []byte) error {
	return s.updateShared(ctx, func(t *tx) error {
		n, err := t.exec(ctx, saveReply, key[:], status, sealed)
		if err == nil && n == 0 {
			err = errors.New("save reply: it was not claimed")
		}
		return err
	})
}

const dropReply = `DELETE FROM idempotency WHERE key = $1 AND status = 0`

// DropReply forgets a claim, so that the same request may be tried again.
func (s *Store) DropReply(ctx context.Context, key [32]byte) error {
	return s.updateShared(ctx, func(t *tx) error {
		_, err := t.exec(ctx, dropReply, key[:])
		return err
	})
}
