package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	insertRoot = `INSERT INTO mint_root (event, version, root, chunks, kept) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (event, version) DO NOTHING`
	selectRoot = `SELECT root, chunks FROM mint_root WHERE event = $1 AND version = $2`
)

// KeepRoot implements [mint.Roots]. One that differs from what is kept is refused with
// [mint.ErrStale].
func (m *Mint) KeepRoot(ctx context.Context, r mint.Root) error {
	return m.s.update(ctx, func(t *tx) error {
		chunks := bytes.Join(slices32(r.Chunks), nil)
		if chunks == nil {
			chunks = []byte{}
		}
		n, err := t.exec(ctx, insertRoot, int64(r.Event), signed(r.Version), r.Root[:], chunks, t.ms())
		if err != nil || n == 1 {
			return err
		}
		have, _, err := rootOf(ctx, t, r.Event, r.Version)
		if err == nil && have.Root != r.Root {
			err = fmt.Errorf("set %d of event %s has another root: %w", r.Version, r.Event, mint.ErrStale)
		}
		return err
	})
}

func slices32(all [][32]byte) [][]byte {
	out := make([][]byte, len(all))
	for i := range all {
		out[i] = all[i][:]
	}
	return out
}

func rootOf(ctx context.Context, t *tx, event ticket.EventID, version uint64) (mint.Root, bool, error) {
	r := mint.Root{Event: event, Version: version}
	var root, chunks []byte
	err := t.row(ctx, selectRoot, []any{int64(event), signed(version)}, &root, &chunks)
	if errors.Is(err, sql.ErrNoRows) {
		return mint.Root{}, false, nil
	}
	if err != nil {
		return mint.Root{}, false, err
	}
	copy(r.Root[:], root)
	r.Chunks = make([][32]byte, len(chunks)/32)
	for i := range r.Chunks {
		copy(r.Chunks[i][:], chunks[i*32:])
	}
	return r, true, nil
}

// RootOf implements [mint.Roots].
func (m *Mint) RootOf(ctx context.Context, event ticket.EventID, version uint64) (r mint.Root, ok bool, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		r, ok, err = rootOf(ctx, t, event, version)
		return err
	})
	return r, ok, err
}

const lastCommit = `SELECT ` + actionColumns + ` FROM mint_action WHERE kind = 'commit' AND event = $1 AND state = 'finalized'
	AND EXISTS (SELECT 1 FROM mint_root r WHERE r.event = $1 AND r.version = set_version) ORDER BY set_version DESC LIMIT 1`

// LastRoot implements [mint.Roots].
func (m *Mint) LastRoot(ctx context.Context, event ticket.EventID) (r mint.Root, a mint.Action, ok bool, err error) {
	err = m.s.view(ctx, func(t *tx) error {
		r, a, ok = mint.Root{}, mint.Action{}, false
		got, err := rows(ctx, t, scanAction, lastCommit, int64(event))
		if err != nil || len(got) == 0 {
			return err
		}
		a = got[0]
		r, ok, err = rootOf(ctx, t, event, a.Set)
		return err
	})
	return r, a, ok, err
}
