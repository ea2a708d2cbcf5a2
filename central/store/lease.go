package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/leader"
)

// Lease returns one seat as those who run for it want it; name says which.
func (s *Store) Lease(name string) *Lease { return &Lease{s: s, name: name} }

// Lease is one seat: whoever has it leads.
type Lease struct {
	s    *Store
	name string
}

var _ leader.Store = (*Lease)(nil)

const selectSeat = `SELECT holder, address, term, beat FROM seat WHERE name = $1`

// Seat implements [leader.Store].
func (l *Lease) Seat(ctx context.Context) (seat leader.Seat, err error) {
	err = l.s.view(ctx, func(t *tx) error {
		seat = leader.Seat{}
		err := t.row(ctx, selectSeat, []any{l.name}, &seat.Holder, &seat.Address, &seat.Term, &seat.Beat)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return seat, err
}

const (
	addSeat  = `INSERT INTO seat (name, holder, address, term, beat) VALUES ($1, '', '', 0, 0) ON CONFLICT (name) DO NOTHING`
	takeSeat = `UPDATE seat SET holder = $1, address = $2, term = term + 1, beat = beat + 1
		WHERE name = $3 AND term = $4 AND beat = $5`
)

// Take implements [leader.Store].
func (l *Lease) Take(ctx context.Context, seen leader.Seat, holder, address string) (seat leader.Seat, err error) {
	err = l.s.updateShared(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, addSeat, l.name); err != nil {
			return err
		}
		return l.one(t.exec(ctx, takeSeat, holder, address, l.name, signed(seen.Term), signed(seen.Beat)))
	})
	return leader.Seat{Holder: holder, Address: address, Term: seen.Term + 1, Beat: seen.Beat + 1}, err
}

const renewSeat = `UPDATE seat SET beat = beat + 1 WHERE name = $1 AND holder = $2 AND term = $3`

// Renew implements [leader.Store]. The beat that it returns is a guess where an
// earlier call was carried out and not confirmed; it counts for nothing but Take.
func (l *Lease) Renew(ctx context.Context, mine leader.Seat) (leader.Seat, error) {
	err := l.s.updateShared(ctx, func(t *tx) error {
		return l.one(t.exec(ctx, renewSeat, l.name, mine.Holder, signed(mine.Term)))
	})
	mine.Beat++
	return mine, err
}

const releaseSeat = `UPDATE seat SET holder = '', address = '', beat = beat + 1 WHERE name = $1 AND holder = $2 AND term = $3`

// Release implements [leader.Store].
func (l *Lease) Release(ctx context.Context, mine leader.Seat) error {
	return l.s.updateShared(ctx, func(t *tx) error {
		return l.one(t.exec(ctx, releaseSeat, l.name, mine.Holder, signed(mine.Term)))
	})
}

// one expects that a statement has changed one row.
func (l *Lease) one(n int64, err error) error {
	if err == nil && n != 1 {
		return fmt.Errorf("%s: %w", l.name, leader.ErrLost)
	}
	return err
}
