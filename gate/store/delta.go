package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

const (
	// drainOps is about how many operations one transaction applies.
	drainOps = 1000

	// maxAhead is how far beyond the last applied delta one may lie and be kept.
	maxAhead = 100_000
)

// ApplyDelta applies a verified delta with the given hash of its signed bytes,
// and every later one that waited for it. It returns the new head. A delta that
// comes too early is kept and [ticketset.ErrGap] returned, until a set is loaded
// as well; one that is known changes nothing. [ticketset.ErrForked] if another
// delta has its number or it descends from another one.
func (s *Store) ApplyDelta(ctx context.Context, d *ticketset.Delta, hash [32]byte) (ticketset.Head, error) {
	payload, err := d.Encode()
	if err != nil {
		return ticketset.Head{}, err
	}
	var head ticketset.Head
	var generation int64
	known, more := false, false
	step := func(tx *sql.Tx) (err error) {
		if head, generation, err = s.currentHead(ctx, tx, d.Event); err != nil || generation == 0 {
			return err
		}
		if more, err = s.drain(ctx, tx, d.Event, generation); err != nil {
			return err
		}
		head, _, err = s.deltaHead(ctx, tx, generation)
		return err
	}
	err = s.inTx(ctx, "apply delta", func(tx *sql.Tx) (err error) {
		if known, err = s.keepDelta(ctx, tx, d, hash, payload); err != nil {
			return err
		}
		return step(tx) // also for a known one: it may have waited through a restart
	})
	for err == nil && more { // what waited for it, in transactions of bounded size
		err = s.inTx(ctx, "apply deltas", step)
	}
	switch {
	case err != nil || known:
		return head, err
	case generation == 0:
		return head, fmt.Errorf("delta %d before any set: %w", d.Seq, ticketset.ErrGap)
	case head.Seq < d.Seq:
		return head, fmt.Errorf("delta %d, the last applied is %d: %w", d.Seq, head.Seq, ticketset.ErrGap)
	}
	return head, nil
}

// currentHead returns the newest delta applied to the set in force, and its
// generation; zeros if there is none.
func (s *Store) currentHead(ctx context.Context, tx *sql.Tx, event ticket.EventID) (ticketset.Head, int64, error) {
	var current sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT current FROM event WHERE event = ?1", event).Scan(&current)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !current.Valid {
		return ticketset.Head{}, 0, nil
	}
	if err != nil {
		return ticketset.Head{}, 0, err
	}
	head, _, err := s.deltaHead(ctx, tx, current.Int64)
	return head, current.Int64, err
}

func (s *Store) deltaHead(ctx context.Context, tx *sql.Tx, generation int64) (head, base ticketset.Head, err error) {
	var seq, baseSeq int64
	var hash, baseHash []byte
	err = tx.QueryRowContext(ctx, "SELECT delta_seq, delta_hash, base_seq, base_hash FROM generation WHERE id = ?1", generation).
		Scan(&seq, &hash, &baseSeq, &baseHash)
	return headOf(seq, hash), headOf(baseSeq, baseHash), err
}

// keepDelta stores a delta unless it is known. One of a known number must be the
// known one, and one that follows the head must descend from it.
func (s *Store) keepDelta(ctx context.Context, tx *sql.Tx, d *ticketset.Delta, hash [32]byte, payload []byte) (known bool, err error) {
	head, generation, err := s.currentHead(ctx, tx, d.Event)
	if err != nil {
		return false, err
	}
	var have []byte
	err = tx.QueryRowContext(ctx, "SELECT hash FROM delta WHERE event = ?1 AND seq = ?2", d.Event, i64(d.Seq)).Scan(&have)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	same := err != nil || hash32(have) == hash
	if !same || generation != 0 && d.Seq == head.Seq && hash != head.Hash {
		return false, fmt.Errorf("another delta %d: %w", d.Seq, ticketset.ErrForked)
	}
	if generation != 0 {
		switch follows := d.Follows(head); {
		case errors.Is(follows, ticketset.ErrForked):
			return false, follows
		case errors.Is(follows, ticketset.ErrKnown):
			return true, nil
		}
	}
	if d.Seq-head.Seq > maxAhead { // beyond the head, or there is no set
		return false, fmt.Errorf("delta %d, the last applied is %d: %w", d.Seq, head.Seq, ticketset.ErrGap)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO delta (event, seq, hash, payload) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
		d.Event, i64(d.Seq), hash[:], payload)
	return false, err
}

// drain applies to the generation the kept deltas that follow its head, until a
// gap or about drainOps operations. It reports whether there may be more.
func (s *Store) drain(ctx context.Context, tx *sql.Tx, event ticket.EventID, generation int64) (more bool, err error) {
	head, _, err := s.deltaHead(ctx, tx, generation)
	if err != nil {
		return false, err
	}
	for ops := 0; ops < drainOps; {
		var hash, payload []byte
		err := tx.QueryRowContext(ctx, "SELECT hash, payload FROM delta WHERE event = ?1 AND seq = ?2", event, i64(head.Seq+1)).Scan(&hash, &payload)
		if errors.Is(err, sql.ErrNoRows) {
			return false, s.moveHead(ctx, tx, generation, head)
		}
		if err != nil {
			return false, err
		}
		d, err := ticketset.ParseDelta(payload)
		if err != nil {
			return false, fmt.Errorf("delta %d: %w: %w", head.Seq+1, ErrCorrupt, err)
		}
		if err := d.Follows(head); err != nil {
			// It was kept before the one it should descend from was known. Without
			// it the right one can come.
			if _, err := tx.ExecContext(ctx, "DELETE FROM delta WHERE event = ?1 AND seq = ?2", event, i64(d.Seq)); err != nil {
				return false, err
			}
			return false, s.moveHead(ctx, tx, generation, head)
		}
		for i := range d.Ops {
			if err := applyOp(ctx, tx, generation, &d.Ops[i]); err != nil {
				return false, fmt.Errorf("delta %d, operation %d: %w", d.Seq, i, err)
			}
		}
		ops += len(d.Ops)
		head = ticketset.Head{Seq: d.Seq, Hash: hash32(hash)}
	}
	return true, s.moveHead(ctx, tx, generation, head)
}

func (s *Store) moveHead(ctx context.Context, tx *sql.Tx, generation int64, head ticketset.Head) error {
	_, err := tx.ExecContext(ctx, "UPDATE generation SET delta_seq = ?2, delta_hash = ?3 WHERE id = ?1 AND delta_seq < ?2", generation, i64(head.Seq), head.Hash[:])
	return err
}

// applyOp changes one ticket of a generation. A ticket never goes back to a
// lower version.
func applyOp(ctx context.Context, tx *sql.Tx, generation int64, op *ticketset.Op) error {
	t := &op.Ticket
	switch op.Kind {
	case ticketset.OpNew:
		args := append(append([]any{generation, t.ID[:]}, columns(t)...), op.Status)
		_, err := tx.ExecContext(ctx, `INSERT INTO ticket (generation, id, `+ticketColumns+`, status)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
			ON CONFLICT (generation, id) DO UPDATE SET zone = excluded.zone, class = excluded.class, seat = excluded.seat,
				version = excluded.version, holder = excluded.holder, not_before = excluded.not_before, not_after = excluded.not_after,
				flags = excluded.flags, mint = excluded.mint, status = excluded.status
			WHERE excluded.version >= version`, args...)
		return err
	case ticketset.OpRebind:
		_, err := tx.ExecContext(ctx, "UPDATE ticket SET holder = ?3, version = ?4 WHERE generation = ?1 AND id = ?2 AND version < ?4",
			generation, t.ID[:], t.Holder[:], t.Version)
		return err
	case ticketset.OpStatus:
		return applyStatus(ctx, tx, generation, t.ID, op.Status)
	}
	return fmt.Errorf("operation %s: %w", op.Kind, ErrInvalid)
}

// applyStatus changes a ticket's status. A ticket that the set does not have is
// kept under version 0 while its status is bad, so that it is refused even if a
// pass carries it.
func applyStatus(ctx context.Context, tx *sql.Tx, generation int64, id ticket.ID, status ticket.Status) error {
	if status == ticket.StatusValid {
		if _, err := tx.ExecContext(ctx, "DELETE FROM ticket WHERE generation = ?1 AND id = ?2 AND version = 0", generation, id[:]); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE ticket SET status = ?3 WHERE generation = ?1 AND id = ?2", generation, id[:], status)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO ticket (generation, id, `+ticketColumns+`, status)
		VALUES (?1, ?2, 0, 0, '', 0, NULL, 0, 0, 0, NULL, ?3)
		ON CONFLICT (generation, id) DO UPDATE SET status = excluded.status`, generation, id[:], status)
	return err
}

// MissingDeltas returns the numbers of up to limit deltas, lowest first, that
// come after the set in force and up to newest, and are not kept here.
func (s *Store) MissingDeltas(ctx context.Context, event ticket.EventID, newest uint64, limit int) ([]uint64, error) {
	out, err := all(ctx, s.read, func(rows *sql.Rows, seq *uint64) error {
		var i int64
		err := rows.Scan(&i)
		*seq = u64(i)
		return err
	}, `WITH RECURSIVE next (seq) AS (
			SELECT g.delta_seq + 1 FROM event e JOIN generation g ON g.id = e.current WHERE e.event = ?1
			UNION ALL SELECT seq + 1 FROM next WHERE seq < ?2)
		SELECT seq FROM next WHERE seq <= ?2 AND NOT EXISTS (SELECT 1 FROM delta d WHERE d.event = ?1 AND d.seq = next.seq) LIMIT ?3`,
		event, i64(newest), limit)
	return out, s.fault("list missing deltas", err)
}
