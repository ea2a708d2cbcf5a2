package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// SetState is the set in force for an event, and how far its news have come.
type SetState struct {
	// Event is the rules. It is shared: nobody may change it.
	Event *ticket.Event

	Version         uint64
	Hash            [32]byte // of the signed manifest
	Issued, Expires int64    // Unix seconds
	Total           uint32   // tickets of the manifest, without the deltas since
	Delta           ticketset.Head
	Ledger          uint64 // ledger entries known without a gap
}

// Current returns the set's place in the chain of versions.
func (s *SetState) Current() ticketset.Current {
	return ticketset.Current{Version: s.Version, Hash: s.Hash}
}

// Have returns what the gate holds, to be compared with a beacon.
func (s *SetState) Have() ticketset.Have {
	return ticketset.Have{Version: s.Version, Delta: s.Delta.Seq, Ledger: s.Ledger, Expires: s.Expires}
}

// SetState returns the set in force. Without one it returns [ErrNoSet] and a
// state that still has Ledger.
func (s *Store) SetState(ctx context.Context, event ticket.EventID) (SetState, error) {
	var st SetState
	var ledger, id, version, seq sql.NullInt64
	var hash, deltaHash []byte
	var issued, expires, total sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT e.ledger, g.id, g.version, g.hash, g.issued, g.expires, g.total, g.delta_seq, g.delta_hash
		FROM event e LEFT JOIN generation g ON g.id = e.current WHERE e.event = ?1`, event).
		Scan(&ledger, &id, &version, &hash, &issued, &expires, &total, &seq, &deltaHash)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !id.Valid {
		return SetState{Ledger: u64(ledger.Int64)}, fmt.Errorf("event %s: %w", event, ErrNoSet)
	}
	if err != nil {
		return SetState{}, s.fault("read set state", err)
	}
	st = SetState{
		Version: u64(version.Int64), Hash: hash32(hash), Issued: issued.Int64, Expires: expires.Int64,
		Total: uint32(total.Int64), Delta: headOf(seq.Int64, deltaHash), Ledger: u64(ledger.Int64), //nolint:gosec // written from a uint32
	}
	st.Event, err = s.rulesOf(ctx, id.Int64)
	return st, err
}

// rulesOf parses the rules of a generation once.
func (s *Store) rulesOf(ctx context.Context, generation int64) (*ticket.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.rules[generation]; e != nil {
		return e, nil
	}
	var data []byte
	if err := s.read.QueryRowContext(ctx, "SELECT rules FROM generation WHERE id = ?1", generation).Scan(&data); err != nil {
		return nil, s.fault("read rules", err)
	}
	e, err := ticketset.ParseRules(data)
	if err != nil {
		return nil, s.fault("read rules", fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	clear(s.rules) // the others are of sets that were replaced, or are parsed again
	s.rules[generation] = e
	return e, nil
}

// Events returns the events that have a set in force.
func (s *Store) Events(ctx context.Context) ([]ticket.EventID, error) {
	out, err := all(ctx, s.read, func(rows *sql.Rows, id *ticket.EventID) error { return rows.Scan(id) },
		"SELECT event FROM event WHERE current IS NOT NULL ORDER BY event")
	return out, s.fault("list events", err)
}

// sweepRows is how many rows of replaced sets one transaction removes.
const sweepRows = 1000

// Sweep removes what is left of replaced and abandoned sets, a small transaction
// at a time, so that the lanes go on. It may be stopped and called again.
func (s *Store) Sweep(ctx context.Context) error {
	for {
		id, err := s.garbage(ctx)
		if err != nil || id == 0 {
			return err
		}
		removed := int64(sweepRows)
		for removed == sweepRows {
			err := s.inTx(ctx, "sweep", func(tx *sql.Tx) error {
				res, err := tx.ExecContext(ctx, `DELETE FROM ticket WHERE (generation, id) IN
					(SELECT generation, id FROM ticket WHERE generation = ?1 LIMIT ?2)`, id, sweepRows)
				if err != nil {
					return err
				}
				removed, err = res.RowsAffected()
				if err != nil || removed == sweepRows {
					return err
				}
				_, err = tx.ExecContext(ctx, "DELETE FROM generation WHERE id = ?1", id)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
}

// garbage returns a generation that no event refers to, or 0.
func (s *Store) garbage(ctx context.Context) (int64, error) {
	var id int64
	err := s.read.QueryRowContext(ctx, `SELECT id FROM generation g WHERE NOT EXISTS
		(SELECT 1 FROM event e WHERE e.current = g.id OR e.staged = g.id) ORDER BY id LIMIT 1`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, s.fault("sweep", err)
}
