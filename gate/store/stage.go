package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// Staging is a version of a set that is being loaded beside the one in force.
// It survives a restart: stage the same manifest again and go on with what is
// [Staging.Missing]. One goroutine uses it at a time.
type Staging struct {
	store    *Store
	manifest *ticketset.Manifest
	id       int64 // of the generation
	statuses *ticketset.Statuses
	rules    bool
	have     []bool // chunks
}

// Missing is what a staged set still lacks.
type Missing struct {
	Rules, Status bool
	Chunks        []int
}

// Any reports whether anything is missing.
func (m Missing) Any() bool { return m.Rules || m.Status || len(m.Chunks) > 0 }

// Stage begins to load the set of a verified manifest, or goes on with it. raw is
// its signed bytes. It refuses what [ticketset.Manifest.Follows] refuses for the
// set in force (wrapping ErrRollback, ErrForked, ErrKnown, ErrExpired), a delta
// head that contradicts the deltas known here (ErrForked, ErrRollback), and a
// version lower than the one being loaded already. A higher one replaces it.
func (s *Store) Stage(ctx context.Context, m *ticketset.Manifest, raw []byte) (*Staging, error) {
	st := &Staging{store: s, manifest: m, have: make([]bool, len(m.Chunks))}
	err := s.inTx(ctx, "stage set", func(tx *sql.Tx) error {
		var err error
		st.id, err = s.stage(ctx, tx, m, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return st, st.resume(ctx)
}

func (s *Store) stage(ctx context.Context, tx *sql.Tx, m *ticketset.Manifest, raw []byte) (int64, error) {
	hash := ticketset.Hash(raw)
	if _, err := tx.ExecContext(ctx, "INSERT INTO event (event) VALUES (?1) ON CONFLICT DO NOTHING", m.Event); err != nil {
		return 0, err
	}
	if err := s.follows(ctx, tx, m, hash); err != nil {
		return 0, err
	}
	var id, version int64
	var have []byte
	err := tx.QueryRowContext(ctx, "SELECT g.id, g.version, g.hash FROM event e JOIN generation g ON g.id = e.staged WHERE e.event = ?1", m.Event).
		Scan(&id, &version, &have)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return 0, err
	case hash32(have) == hash:
		return id, nil
	case u64(version) > m.Version:
		return 0, fmt.Errorf("version %d, while %d is being loaded: %w", m.Version, version, ticketset.ErrRollback)
	case u64(version) == m.Version:
		return 0, fmt.Errorf("version %d differs from the one being loaded: %w", m.Version, ticketset.ErrForked)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO generation (event, version, hash, manifest, issued, expires, total, chunks, base_seq, base_hash, delta_seq, delta_hash)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?9, ?10)`,
		m.Event, i64(m.Version), hash[:], raw, m.Issued, m.Expires, m.Total, len(m.Chunks), i64(m.Delta.Seq), m.Delta.Hash[:])
	if err != nil {
		return 0, err
	}
	if id, err = res.LastInsertId(); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "UPDATE event SET staged = ?2 WHERE event = ?1", m.Event, id)
	return id, err
}

// follows applies the rules of succession to the set in force and its deltas.
func (s *Store) follows(ctx context.Context, tx *sql.Tx, m *ticketset.Manifest, hash [32]byte) error {
	var version, base int64
	var have []byte
	err := tx.QueryRowContext(ctx, "SELECT g.version, g.hash, g.base_seq FROM event e JOIN generation g ON g.id = e.current WHERE e.event = ?1", m.Event).
		Scan(&version, &have, &base)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := m.Follows(ticketset.Current{Version: u64(version), Hash: hash32(have)}, hash, s.now()); err != nil {
		return err
	}
	if m.Delta.Seq < u64(base) {
		return fmt.Errorf("version %d is built on delta %d, the set in force on %d: %w", m.Version, m.Delta.Seq, base, ticketset.ErrRollback)
	}
	var known []byte
	err = tx.QueryRowContext(ctx, "SELECT hash FROM delta WHERE event = ?1 AND seq = ?2", m.Event, i64(m.Delta.Seq)).Scan(&known)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case hash32(known) != m.Delta.Hash:
		return fmt.Errorf("version %d is built on another delta %d: %w", m.Version, m.Delta.Seq, ticketset.ErrForked)
	}
	return nil
}

// StagedManifest returns the signed manifest of the set that is being loaded, so
// that a restarted gate can verify and [Store.Stage] it again. [ErrNotFound] if
// there is none.
func (s *Store) StagedManifest(ctx context.Context, event ticket.EventID) ([]byte, error) {
	var raw []byte
	err := s.read.QueryRowContext(ctx, "SELECT g.manifest FROM event e JOIN generation g ON g.id = e.staged WHERE e.event = ?1", event).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("staged set of event %s: %w", event, ErrNotFound)
	}
	return raw, s.fault("read staged set", err)
}

// resume finds out what was loaded before.
func (st *Staging) resume(ctx context.Context) error {
	var rules, status []byte
	err := st.store.read.QueryRowContext(ctx, "SELECT rules, status FROM generation WHERE id = ?1", st.id).Scan(&rules, &status)
	if err != nil {
		return st.store.fault("resume set", err)
	}
	st.rules = rules != nil
	if status != nil {
		list, err := st.manifest.OpenStatus(status)
		if err != nil {
			return st.store.fault("resume set", fmt.Errorf("%w: %w", ErrCorrupt, err))
		}
		st.statuses = &list
	}
	chunks, err := all(ctx, st.store.read, func(rows *sql.Rows, n *int) error { return rows.Scan(n) },
		"SELECT chunk FROM staged_chunk WHERE generation = ?1", st.id)
	if err != nil {
		return st.store.fault("resume set", err)
	}
	for _, n := range chunks {
		if n < 0 || n >= len(st.have) {
			return st.store.fault("resume set", fmt.Errorf("chunk %d of %d: %w", n, len(st.have), ErrCorrupt))
		}
		st.have[n] = true
	}
	return nil
}

// Manifest returns what is being loaded.
func (st *Staging) Manifest() *ticketset.Manifest { return st.manifest }

// Missing returns what must still come, chunks in order. The status list must
// come before any chunk.
func (st *Staging) Missing() Missing {
	m := Missing{Rules: !st.rules, Status: st.statuses == nil}
	for n, have := range st.have {
		if !have {
			m.Chunks = append(m.Chunks, n)
		}
	}
	return m
}

// Rules takes the rules object. Bytes that the manifest does not name are
// [ticketset.ErrAltered]; so for Status and Chunk.
func (st *Staging) Rules(ctx context.Context, data []byte) error {
	if _, err := st.manifest.OpenRules(data); err != nil {
		return err
	}
	if err := st.keep(ctx, "UPDATE generation SET rules = ?2 WHERE id = ?1", data); err != nil {
		return err
	}
	st.rules = true
	return nil
}

// Status takes the status list.
func (st *Staging) Status(ctx context.Context, data []byte) error {
	list, err := st.manifest.OpenStatus(data)
	if err != nil {
		return err
	}
	if err := st.keep(ctx, "UPDATE generation SET status = ?2 WHERE id = ?1", data); err != nil {
		return err
	}
	st.statuses = &list
	return nil
}

func (st *Staging) keep(ctx context.Context, update string, data []byte) error {
	return st.store.inTx(ctx, "load set", func(tx *sql.Tx) error {
		if err := st.stillStaged(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, update, st.id, data)
		return err
	})
}

// Chunk takes chunk n (from 0), verified, as one transaction. A chunk that is
// there already changes nothing.
func (st *Staging) Chunk(ctx context.Context, n int, data []byte) error {
	tickets, err := st.manifest.OpenChunk(n, data)
	if err != nil {
		return err
	}
	if st.statuses == nil {
		return fmt.Errorf("chunk %d before the status list: %w", n, ErrIncomplete)
	}
	if st.have[n] {
		return nil
	}
	offset := st.manifest.Offset(n)
	err = st.store.inTx(ctx, "load chunk", func(tx *sql.Tx) error {
		if err := st.stillStaged(ctx, tx); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO ticket (generation, id, `+ticketColumns+`, status)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }() // ends with the transaction anyway
		for i := range tickets {
			t := &tickets[i]
			args := append(append([]any{st.id, t.ID[:]}, columns(t)...), st.statuses.At(offset+i))
			if _, err := insert.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO staged_chunk (generation, chunk, count) VALUES (?1, ?2, ?3)", st.id, n, len(tickets))
		return err
	})
	if err != nil {
		return err
	}
	st.have[n] = true
	return nil
}

func (st *Staging) stillStaged(ctx context.Context, tx *sql.Tx) error {
	var id sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT staged FROM event WHERE event = ?1", st.manifest.Event).Scan(&id); err != nil {
		return err
	}
	if id.Int64 != st.id {
		return fmt.Errorf("version %d: %w", st.manifest.Version, ErrAbandoned)
	}
	return nil
}

// Switch puts the loaded set in force in one transaction: lanes see the old set
// until it commits and the new one afterwards. Deltas that came since the set
// was built are applied to it first. [ErrIncomplete] if anything is missing; the
// rules of succession are checked once more. What the old set leaves behind is
// removed by [Store.Sweep].
func (st *Staging) Switch(ctx context.Context) error {
	if m := st.Missing(); m.Any() {
		return fmt.Errorf("version %d: rules missing: %t, status list missing: %t, chunks missing: %d: %w",
			st.manifest.Version, m.Rules, m.Status, len(m.Chunks), ErrIncomplete)
	}
	s := st.store
	for { // catch up in small steps, so that the last one is small too
		more := false
		err := s.inTx(ctx, "catch up set", func(tx *sql.Tx) error {
			if err := st.stillStaged(ctx, tx); err != nil {
				return err
			}
			var err error
			more, err = s.drain(ctx, tx, st.manifest.Event, st.id)
			return err
		})
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return s.inTx(ctx, "switch set", func(tx *sql.Tx) error { return st.switchIn(ctx, tx) })
}

func (st *Staging) switchIn(ctx context.Context, tx *sql.Tx) error {
	if err := st.stillStaged(ctx, tx); err != nil {
		return err
	}
	event, s := st.manifest.Event, st.store
	var hash []byte
	var chunks, total int64
	err := tx.QueryRowContext(ctx, `SELECT g.hash, (SELECT count(*) FROM staged_chunk c WHERE c.generation = g.id),
		(SELECT total(count) FROM staged_chunk c WHERE c.generation = g.id) FROM generation g WHERE g.id = ?1 AND g.rules IS NOT NULL AND g.status IS NOT NULL`, st.id).
		Scan(&hash, &chunks, &total)
	if err != nil {
		return err
	}
	if chunks != int64(len(st.manifest.Chunks)) || total != int64(st.manifest.Total) {
		return fmt.Errorf("version %d has %d chunks with %d tickets: %w", st.manifest.Version, chunks, total, ErrIncomplete)
	}
	if err := s.follows(ctx, tx, st.manifest, hash32(hash)); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = s.drain(ctx, tx, event, st.id); err != nil {
			return err
		}
	}
	staged, _, err := s.deltaHead(ctx, tx, st.id)
	if err != nil {
		return err
	}
	var current sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT g.delta_seq FROM event e JOIN generation g ON g.id = e.current WHERE e.event = ?1", event).
		Scan(&current); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if staged.Seq < u64(current.Int64) {
		return fmt.Errorf("version %d reaches delta %d, the set in force %d: %w", st.manifest.Version, staged.Seq, current.Int64, ErrIncomplete)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE event SET current = ?2, staged = NULL WHERE event = ?1", event, st.id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM delta WHERE event = ?1 AND seq < ?2", event, i64(st.manifest.Delta.Seq)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM staged_chunk WHERE generation = ?1", st.id)
	return err
}

// Same reports whether both load the same set.
func (st *Staging) Same(other *Staging) bool {
	return st != nil && other != nil && st.id == other.id
}
