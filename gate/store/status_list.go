package store

import (
	"context"
	"database/sql"
	"fmt"
)

// MaxStatusLists is how many status lists of credentials are kept: all that a
// trust list can name.
const MaxStatusLists = 512

// StatusList is a registrar's signed list of the credentials that it took back.
type StatusList struct {
	URL    string
	Issued int64 // Unix seconds
	JWT    string
}

// KeepStatusList keeps a verified list in place of an older one of its address.
// It reports false for one that is not newer than what is there: a list never
// goes back, so that nobody can bring a revoked credential to life with the list
// of yesterday. [ErrInvalid] when there are [MaxStatusLists] others.
func (s *Store) KeepStatusList(ctx context.Context, l StatusList) (fresh bool, err error) {
	if l.URL == "" || l.JWT == "" || l.Issued <= 0 {
		return false, fmt.Errorf("status list of %d bytes at %q: %w", len(l.JWT), l.URL, ErrInvalid)
	}
	err = s.inTx(ctx, "keep status list", func(tx *sql.Tx) error {
		var others int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM status_list WHERE url <> ?1", l.URL).Scan(&others); err != nil {
			return err
		}
		if others >= MaxStatusLists {
			return fmt.Errorf("status list at %q beside %d others: %w", l.URL, others, ErrInvalid)
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO status_list (url, issued, jwt) VALUES (?1, ?2, ?3)
			ON CONFLICT (url) DO UPDATE SET issued = excluded.issued, jwt = excluded.jwt
			WHERE excluded.issued > issued`, l.URL, l.Issued, l.JWT)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh, err
}

// StatusLists returns the lists that are kept, by address.
func (s *Store) StatusLists(ctx context.Context) ([]StatusList, error) {
	lists, err := all(ctx, s.read, func(rows *sql.Rows, l *StatusList) error {
		return rows.Scan(&l.URL, &l.Issued, &l.JWT)
	}, "SELECT url, issued, jwt FROM status_list ORDER BY url")
	return lists, s.fault("read status lists", err)
}
