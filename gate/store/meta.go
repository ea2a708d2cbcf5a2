package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The names of what other packages keep here as bytes of their own.
const (
	MetaAnchor    = "trust/anchor" // trust.Anchor, as encoded
	MetaTrustList = "trust/list"   // the newest accepted trust list, signed
	MetaEnrolment = "enrolment"    // what the gate was told at enrolment
)

// MetaBeacon names the newest accepted beacon of an event, signed.
func MetaBeacon(event fmt.Stringer) string { return "beacon/" + event.String() }

// Meta returns the bytes kept under the name, or [ErrNotFound].
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?1", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return value, s.fault("read "+name, err)
}

// SetMeta keeps bytes under the name, in place of those before.
func (s *Store) SetMeta(ctx context.Context, name string, value []byte) error {
	return s.inTx(ctx, "write "+name, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?1, ?2)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}
