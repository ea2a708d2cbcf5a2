package uplink

import (
	"context"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// plan computes what this gate needs from what it has and what the beacon says
// there is, and asks for it: revocations first, then sets, then the ledger.
func (u *Uplink) plan(ctx context.Context) {
	var wishes []wish
	for _, step := range []func(*room) []wish{u.wantRefresh, u.wantDeltas(ctx), u.wantSet, u.wantLedger} {
		for _, e := range u.cfg.Events {
			wishes = append(wishes, step(u.rooms[e])...)
		}
	}
	u.pulls.want(ctx, wishes)
}

// wantRefresh wishes for what is retained under a standing subscription and was
// missed or could not be verified when it came.
func (u *Uplink) wantRefresh(r *room) []wish {
	var out []wish
	manifest := topic.Manifest(r.event)
	loading := uint64(0)
	if r.staging != nil {
		loading = r.staging.Manifest().Version
	}
	if r.again[manifest] || r.beacon != nil && r.beacon.Version > max(r.state.Version, loading) {
		out = append(out, wish{manifest, true})
	}
	if beacon := topic.BeaconOf(r.event); r.again[beacon] {
		out = append(out, wish{beacon, true})
	}
	return out
}

// wantDeltas wishes for the deltas between the set in force and the newest one
// that is known to exist.
func (u *Uplink) wantDeltas(ctx context.Context) func(*room) []wish {
	return func(r *room) []wish {
		if r.state.Version == 0 {
			return nil // the set comes first, and may contain them
		}
		newest := r.ahead
		if r.beacon != nil {
			newest = max(newest, r.beacon.Delta.Seq)
		}
		if newest <= r.state.Delta.Seq {
			return nil
		}
		missing, err := u.cfg.Store.MissingDeltas(ctx, r.event, newest, u.cfg.Window)
		if err != nil {
			u.refuse(ctx, "missing deltas", "", err)
			return nil
		}
		out := make([]wish, 0, len(missing))
		for _, seq := range missing {
			out = append(out, wish{topic.DeltaAt(r.event, seq), false})
		}
		return out
	}
}

// wantSet wishes for the parts of the staged set. Chunks need the status list.
func (u *Uplink) wantSet(r *room) []wish {
	if r.staging == nil {
		return nil
	}
	m, version := r.staging.Missing(), r.staging.Manifest().Version
	var out []wish
	if m.Rules {
		out = append(out, wish{topic.Rules(r.event, version), false})
	}
	if m.Status {
		return append(out, wish{topic.Status(r.event, version), false})
	}
	for _, n := range m.Chunks[:min(len(m.Chunks), u.cfg.Window)] {
		out = append(out, wish{topic.Chunk(r.event, version, uint32(n)), false}) //nolint:gosec // at most ticketset.MaxChunks
	}
	return out
}

// wantLedger wishes for the next page of central's ledger that is not known whole.
func (u *Uplink) wantLedger(r *room) []wish {
	if r.beacon == nil || r.beacon.Ledger <= r.state.Ledger {
		return nil
	}
	page := uint32(r.state.Ledger / ticketset.LedgerEntries) //nolint:gosec // central's own numbering
	return []wish{{topic.LedgerPage(r.event, page), false}}
}
