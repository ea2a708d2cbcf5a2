package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// Row is everything the gate knows of one ticket.
type Row struct {
	// Ticket is as the set has it, or as a pass carried it in a higher version when
	// it was admitted here.
	Ticket ticket.Ticket
	Status ticket.Status

	// Carried is true if the set does not know the ticket and it came with a pass.
	Carried bool

	// Entries is how many admissions count, here and elsewhere. Inside is true if
	// there are more of them than exits.
	Entries uint8
	Inside  bool

	// Claim is this gate's newest admission of the ticket, or nil.
	Claim *Claim

	// Elsewhere is what other devices did, and exits through this gate, oldest first.
	Elsewhere []Seen

	// LastExit is when the holder last went out; 0 for never.
	LastExit journal.HLC
}

const (
	sqlTicket = `SELECT ` + ticketColumns + `, status FROM ticket
		WHERE generation = (SELECT current FROM event WHERE event = ?1) AND id = ?2`

	sqlCarried = `SELECT ` + ticketColumns + `, 0 FROM carried WHERE event = ?1 AND id = ?2`

	sqlClaims = `SELECT nth, seq, time, lane, state FROM claim WHERE event = ?1 AND ticket = ?2 ORDER BY nth`

	sqlSeen = `SELECT device, seq, kind, time FROM seen WHERE event = ?1 AND ticket = ?2 AND void = 0 ORDER BY time, device, seq`
)

// LookupTicket reads what is known of a ticket, in one consistent view. It
// returns [ErrNotFound] for a ticket that neither the set nor an earlier pass
// made known, and [ErrNoSet] as well if the event has no set at all. The row
// then still says whether the ticket was admitted elsewhere.
func (s *Store) LookupTicket(ctx context.Context, event ticket.EventID, id ticket.ID) (Row, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Row{}, s.fault("look up", err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	r, err := lookup(ctx, tx, event, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Row{}, s.fault("look up", err)
	}
	return r, err
}

func lookup(ctx context.Context, tx *sql.Tx, event ticket.EventID, id ticket.ID) (Row, error) {
	claims, seen, err := history(ctx, tx, event, id)
	if err != nil {
		return Row{}, err
	}
	var r Row
	r.count(claims, seen)
	t, status, inSet, err := scanTicket(tx.QueryRowContext(ctx, sqlTicket, event, id[:]), event, id)
	if err != nil {
		return Row{}, err
	}
	carried, _, isCarried, err := scanTicket(tx.QueryRowContext(ctx, sqlCarried, event, id[:]), event, id)
	if err != nil {
		return Row{}, err
	}
	r.Ticket, r.Status = t, status
	if isCarried && carried.Version > t.Version {
		r.Ticket, r.Carried = carried, !inSet
	}
	if inSet || isCarried {
		return r, nil
	}
	var current sql.NullInt64
	err = tx.QueryRowContext(ctx, "SELECT current FROM event WHERE event = ?1", event).Scan(&current)
	switch {
	case err == nil && current.Valid:
		return r, fmt.Errorf("ticket %.8s of event %s: %w", id, event, ErrNotFound)
	case err == nil || errors.Is(err, sql.ErrNoRows):
		return r, fmt.Errorf("ticket %.8s of event %s: %w: %w", id, event, ErrNotFound, ErrNoSet)
	}
	return Row{}, err
}

func (r *Row) count(claims []Claim, seen []Seen) {
	came, gone := len(claims), 0
	for _, e := range seen {
		if e.Kind == Exit {
			gone++
			r.LastExit = max(r.LastExit, e.Time)
		} else {
			came++
		}
	}
	r.Entries = uint8(min(came, 255))
	r.Inside = came > gone
	r.Elsewhere = seen
	r.Claim = newest(claims)
}

func newest(claims []Claim) *Claim {
	if len(claims) == 0 {
		return nil
	}
	return &claims[len(claims)-1]
}

// scanTicket reads a row of [ticketColumns] and the status.
func scanTicket(row *sql.Row, event ticket.EventID, id ticket.ID) (t ticket.Ticket, status ticket.Status, found bool, err error) {
	var holder, mint []byte
	t = ticket.Ticket{ID: id, Event: event}
	err = row.Scan(&t.Zone, &t.Class, &t.Seat, &t.Version, &holder, &t.NotBefore, &t.NotAfter, &t.Flags, &mint, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return ticket.Ticket{}, 0, false, nil
	}
	if err != nil {
		return ticket.Ticket{}, 0, false, err
	}
	copy(t.Holder[:], holder)
	if len(mint) > 0 {
		t.Mint = mint
	}
	return t, status, true, nil
}

// columns is the inverse of scanTicket, without the status.
func columns(t *ticket.Ticket) []any {
	var holder, mint any
	if !t.Holder.IsZero() {
		holder = t.Holder[:]
	}
	if len(t.Mint) > 0 {
		mint = t.Mint
	}
	return []any{t.Zone, t.Class, t.Seat, t.Version, holder, t.NotBefore, t.NotAfter, t.Flags, mint}
}

// history reads the claims and sightings of a ticket.
func history(ctx context.Context, in querier, event ticket.EventID, id ticket.ID) ([]Claim, []Seen, error) {
	claims, err := all(ctx, in, func(rows *sql.Rows, c *Claim) error {
		var seq, at int64
		err := rows.Scan(&c.Nth, &seq, &at, &c.Lane, &c.State)
		c.Seq, c.Time = u64(seq), hlc(at)
		return err
	}, sqlClaims, event, id[:])
	if err != nil {
		return nil, nil, err
	}
	seen, err := all(ctx, in, func(rows *sql.Rows, e *Seen) error {
		var seq, at int64
		err := rows.Scan(&e.Device, &seq, &e.Kind, &at)
		e.Seq, e.Time = u64(seq), hlc(at)
		return err
	}, sqlSeen, event, id[:])
	return claims, seen, err
}

// Admitted returns how many tickets this gate has admitted to the event, for a gate
// with a limit: who goes in and out, as staff do all day, is one person.
func (s *Store) Admitted(ctx context.Context, event ticket.EventID) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT count(DISTINCT ticket) FROM claim WHERE event = ?1", event).Scan(&n)
	return n, s.fault("count admissions", err)
}
