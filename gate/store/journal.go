package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

const cursorAcked = "acked"

// append places the entry at the end of the chain and writes it.
func (s *Store) append(ctx context.Context, tx *sql.Tx, e *journal.Entry) error {
	if err := s.place(ctx, tx, e); err != nil {
		return err
	}
	return s.put(ctx, tx, e)
}

// place gives the entry its number, its time and its link to the one before.
// Until the transaction ends nobody else can have them. By how much the time is
// ahead of the gate's clock, because it may not fall behind the journal or a
// peer, widens the entry's uncertainty.
func (s *Store) place(ctx context.Context, tx *sql.Tx, e *journal.Entry) error {
	seq, last, hash, err := s.tail(ctx, tx)
	if err != nil {
		return err
	}
	e.Seq, e.Prev = u64(seq)+1, hash
	if e.Time = s.clock.Now(); e.Time <= last {
		e.Time = last + 1 // another process wrote with a clock ahead of ours
	}
	e.Uncertainty = widen(e.Uncertainty, max(s.clock.Ahead(), e.Time.Time().Sub(s.now())))
	return nil
}

// widen adds a duration, rounded up to milliseconds, as far as an entry can hold it.
func widen(ms uint32, d time.Duration) uint32 {
	if d <= 0 {
		return ms
	}
	more := uint64((d + time.Millisecond - 1) / time.Millisecond)
	return uint32(min(uint64(ms)+more, math.MaxUint32))
}

// put writes an entry that has its place.
func (s *Store) put(ctx context.Context, tx *sql.Tx, e *journal.Entry) error {
	data, err := e.Encode()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	hash := journal.EntryHash(data)
	_, err = exec(ctx, tx, s.q.put, i64(e.Seq), i64(e.Time), e.Kind, i64(e.Refers), data, hash[:])
	return err
}

// tail returns the last entry's number, time and hash; zeros for an empty journal.
func (s *Store) tail(ctx context.Context, tx *sql.Tx) (seq int64, last journal.HLC, hash [32]byte, err error) {
	var at int64
	var sum []byte
	err = scanRow(ctx, tx, s.q.tail, nil, []any{&seq, &at, &sum})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, hash, nil
	}
	return seq, hlc(at), hash32(sum), err
}

// Record writes an entry that claims nothing: a refusal or a referral. The store
// sets Seq, Time and Prev. An admission must go through [Store.Claim], a
// settlement through [Store.Settle], an exit through [Store.Leave].
func (s *Store) Record(ctx context.Context, e journal.Entry) (seq uint64, err error) {
	if e.Kind != journal.Decision || e.Outcome == ticket.Admit {
		return 0, fmt.Errorf("record %s, %s: %w", e.Kind, e.Outcome, ErrInvalid)
	}
	err = s.inTx(ctx, "record", func(tx *sql.Tx) error { return s.append(ctx, tx, &e) })
	if err != nil {
		return 0, err
	}
	return e.Seq, nil
}

// Entries returns up to limit encoded entries after the given number, oldest first.
func (s *Store) Entries(ctx context.Context, after uint64, limit int) ([][]byte, error) {
	out, err := all(ctx, s.read, func(rows *sql.Rows, entry *[]byte) error { return rows.Scan(entry) },
		"SELECT entry FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2", i64(after), limit)
	return out, s.fault("read journal", err)
}

// Head returns the last entry of the journal; zero while it is empty.
func (s *Store) Head(ctx context.Context) (journal.Head, error) {
	return s.headRow(ctx, "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
}

// Acked returns the last entry that central has acknowledged; zero for none.
func (s *Store) Acked(ctx context.Context) (journal.Head, error) {
	return s.headRow(ctx, "SELECT seq, hash FROM cursor WHERE name = ?1", cursorAcked)
}

func (s *Store) headRow(ctx context.Context, query string, args ...any) (journal.Head, error) {
	var seq int64
	var hash []byte
	err := s.read.QueryRowContext(ctx, query, args...).Scan(&seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return journal.Head{}, nil
	}
	if err != nil {
		return journal.Head{}, s.fault("read journal", err)
	}
	return journal.Head{Seq: u64(seq), Hash: hash32(hash)}, nil
}

// Ack takes central's acknowledgement of every entry up to seq. It may come
// again or late. An acknowledgement of an entry that this journal does not have,
// or has otherwise, wraps [journal.ErrFork] and changes nothing.
func (s *Store) Ack(ctx context.Context, seq uint64, hash [32]byte) error {
	return s.inTx(ctx, "acknowledge", func(tx *sql.Tx) error {
		var have []byte
		err := tx.QueryRowContext(ctx, "SELECT hash FROM journal WHERE seq = ?1", i64(seq)).Scan(&have)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("entry %d does not exist here: %w", seq, journal.ErrFork)
		}
		if err != nil {
			return err
		}
		if hash32(have) != hash {
			return fmt.Errorf("entry %d is another one here: %w", seq, journal.ErrFork)
		}
		return setCursor(ctx, tx, cursorAcked, seq, hash)
	})
}

// Cursor returns how far a named task has come; 0 if it has not begun.
func (s *Store) Cursor(ctx context.Context, name string) (uint64, error) {
	h, err := s.headRow(ctx, "SELECT seq, hash FROM cursor WHERE name = ?1", "task/"+name)
	return h.Seq, err
}

// SetCursor moves a named task on. It never moves it back.
func (s *Store) SetCursor(ctx context.Context, name string, seq uint64) error {
	return s.inTx(ctx, "move cursor", func(tx *sql.Tx) error {
		return setCursor(ctx, tx, "task/"+name, seq, [32]byte{})
	})
}

func setCursor(ctx context.Context, tx *sql.Tx, name string, seq uint64, hash [32]byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO cursor (name, seq, hash) VALUES (?1, ?2, ?3)
		ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > seq`, name, i64(seq), hash[:])
	return err
}

// verifyJournal walks the entries that central does not have yet, because they
// exist nowhere else: numbers, links and hashes. It returns the last entry's time
// and notes which time had certainly come when these entries were written.
func (s *Store) verifyJournal(ctx context.Context) (journal.HLC, error) {
	acked, err := s.Acked(ctx)
	if err != nil {
		return 0, err
	}
	rows, err := s.read.QueryContext(ctx, "SELECT seq, time, entry, hash FROM journal WHERE seq >= ?1 ORDER BY seq", max(1, i64(acked.Seq)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var last journal.HLC
	head := journal.Head{}
	if acked.Seq > 0 {
		head.Seq = acked.Seq - 1
	}
	for rows.Next() {
		var seq, at int64
		var data, hash []byte
		if err := rows.Scan(&seq, &at, &data, &hash); err != nil {
			return 0, err
		}
		e, err := journal.ParseEntry(data)
		switch {
		case err != nil:
			return 0, fmt.Errorf("journal entry %d: %w: %w", seq, ErrCorrupt, err)
		case e.Seq != u64(seq) || e.Seq != head.Seq+1 || e.Time != hlc(at) || e.Time <= last,
			journal.EntryHash(data) != hash32(hash),
			e.Seq > max(1, acked.Seq) && e.Prev != head.Hash:
			return 0, fmt.Errorf("journal entry %d does not fit: %w: %w", seq, ErrCorrupt, journal.ErrBroken)
		}
		head, last = journal.Head{Seq: e.Seq, Hash: hash32(hash)}, e.Time
		if come := e.Time.Time().Add(-time.Duration(e.Uncertainty) * time.Millisecond); come.After(s.come) {
			s.come = come
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if head.Seq < acked.Seq {
		return 0, fmt.Errorf("entry %d was acknowledged and is gone: %w", acked.Seq, ErrCorrupt)
	}
	return last, nil
}
