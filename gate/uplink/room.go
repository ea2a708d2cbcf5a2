package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// room is what the uplink knows of one event. Run's goroutine owns it.
type room struct {
	event   ticket.EventID
	beacon  *ticketset.Beacon
	state   store.SetState // as the disk has it
	staging *store.Staging // the set being loaded, or nil
	ahead   uint64         // highest delta that was seen

	// again holds standing subscriptions whose retained message is wanted once more.
	again map[string]bool
}

// enter reads what the disk knows of an event.
func (u *Uplink) enter(ctx context.Context, e ticket.EventID) (*room, error) {
	r := &room{event: e, again: map[string]bool{}}
	if err := u.readState(ctx, r); err != nil {
		return nil, err
	}
	raw, err := u.cfg.Store.Meta(ctx, store.MetaBeacon(e))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if k := u.ring.Load(); k != nil && len(raw) > 0 {
		// One that cannot be verified any more says nothing, and the next will come.
		if b, err := ticketset.OpenBeacon(k, e, raw, u.cfg.Now()); err == nil {
			r.beacon = b
		}
	}
	return r, nil
}

func (u *Uplink) readState(ctx context.Context, r *room) error {
	st, err := u.cfg.Store.SetState(ctx, r.event)
	if err != nil && !errors.Is(err, store.ErrNoSet) {
		return err
	}
	r.state = st
	return nil
}

// resume goes on with a set that an earlier life began to load.
func (u *Uplink) resume(ctx context.Context, e ticket.EventID) {
	raw, err := u.cfg.Store.StagedManifest(ctx, e)
	if errors.Is(err, store.ErrNotFound) {
		return
	}
	if err == nil {
		err = u.takeManifest(ctx, u.rooms[e], raw)
	}
	if err != nil {
		u.refuse(ctx, "set begun before", "", err)
	}
}

// takeManifest begins to load the set of a newer manifest.
func (u *Uplink) takeManifest(ctx context.Context, r *room, raw []byte) error {
	name := topic.Manifest(r.event)
	k, err := u.keyring()
	if err != nil {
		return err
	}
	m, err := ticketset.OpenManifest(k, r.event, raw, u.cfg.Now())
	if err != nil {
		u.pulls.refused(name)
		return err
	}
	staging, err := u.cfg.Store.Stage(ctx, m, raw)
	switch {
	case errors.Is(err, ticketset.ErrKnown) || err == nil && r.staging.Same(staging):
		u.settle(r, name, r.beacon == nil || m.Version >= r.beacon.Version)
		return nil
	case err != nil:
		u.pulls.refused(name)
		return err
	}
	u.settle(r, name, true)
	r.staging = staging
	u.cfg.Logger.InfoContext(ctx, "loading a ticket set", slog.String("event", r.event.String()), slog.Uint64("version", m.Version),
		slog.Uint64("tickets", uint64(m.Total)), slog.Int("chunks_missing", len(staging.Missing().Chunks)))
	return u.finish(ctx, r)
}

// settle ends the wish for what is retained under a standing subscription, or has
// it asked for again after a while if the broker still has an old one.
func (u *Uplink) settle(r *room, name string, newest bool) {
	if !newest {
		u.pulls.refused(name)
		return
	}
	u.pulls.got(name)
	delete(r.again, name)
}

// reread takes note of what another program did to the disk, such as load-set.
func (u *Uplink) reread(ctx context.Context) {
	for _, r := range u.rooms {
		before := r.state
		if err := u.readState(ctx, r); err != nil {
			u.refuse(ctx, "disk", "", err)
			continue
		}
		if r.state.Current() == before.Current() && r.state.Delta == before.Delta {
			continue
		}
		if r.staging != nil && r.staging.Manifest().Version <= r.state.Version {
			r.staging = nil
		}
		u.changedSet(r)
	}
}

// takeObject takes a part of the set that is being loaded.
func (u *Uplink) takeObject(ctx context.Context, r *room, n topic.Name, m message) error {
	s := r.staging
	if s == nil || s.Manifest().Version != n.Number {
		u.pulls.got(m.name) // of a set that was given up, or is complete
		return nil
	}
	feed := func(ctx context.Context, data []byte) error { return s.Chunk(ctx, int(n.Chunk), data) }
	if n.Kind == topic.SetRules {
		feed = s.Rules
	}
	if n.Kind == topic.SetStatus {
		feed = s.Status
	}
	err := feed(ctx, m.payload)
	if errors.Is(err, store.ErrAbandoned) {
		r.staging = nil
	}
	if err != nil {
		u.pulls.refused(m.name)
		return err
	}
	u.pulls.got(m.name)
	return u.finish(ctx, r)
}

// finish switches to the staged set if it is complete.
func (u *Uplink) finish(ctx context.Context, r *room) error {
	if r.staging == nil || r.staging.Missing().Any() {
		return nil
	}
	err := r.staging.Switch(ctx)
	if errors.Is(err, store.ErrIncomplete) {
		return nil // deltas that the set in force has must come first; plan asks for them
	}
	version := r.staging.Manifest().Version
	r.staging = nil
	if err != nil {
		return err
	}
	if err := u.readState(ctx, r); err != nil {
		return err
	}
	u.cfg.Logger.InfoContext(ctx, "ticket set in force", slog.String("event", r.event.String()),
		slog.Uint64("version", version), slog.Uint64("delta", r.state.Delta.Seq))
	u.changedSet(r)
	u.sweep(ctx)
	return nil
}

func (u *Uplink) changedSet(r *room) {
	kick(u.report)
	if u.cfg.OnChange != nil {
		u.cfg.OnChange(r.event)
	}
}

// sweep removes replaced sets beside everything else.
func (u *Uplink) sweep(ctx context.Context) {
	if u.sweeps {
		return
	}
	u.sweeps = true
	u.tasks.Go(func() { u.swept <- u.cfg.Store.Sweep(ctx) })
}

// takeDelta applies a delta, or keeps it until those before it have come.
func (u *Uplink) takeDelta(ctx context.Context, r *room, n topic.Name, m message) error {
	k, err := u.keyring()
	if err != nil {
		return err
	}
	d, err := ticketset.OpenDelta(k, r.event, m.payload, u.cfg.Now())
	if err == nil && d.Seq != n.Number {
		err = fmt.Errorf("delta %d on the topic of %d: %w", d.Seq, n.Number, ticketset.ErrMalformed)
	}
	if err != nil {
		u.pulls.refused(m.name)
		return err
	}
	before := r.state.Delta.Seq
	head, err := u.cfg.Store.ApplyDelta(ctx, d, ticketset.Hash(m.payload))
	if err != nil && !errors.Is(err, ticketset.ErrGap) { // with a gap it is kept
		u.pulls.refused(m.name)
		return err
	}
	r.ahead = max(r.ahead, d.Seq)
	u.pulls.got(m.name)
	if head.Seq > before {
		r.state.Delta = head
		u.changedSet(r)
	}
	return u.finish(ctx, r)
}

// takeBeacon accepts central's newest word.
func (u *Uplink) takeBeacon(ctx context.Context, r *room, raw []byte) error {
	k, err := u.keyring()
	if err != nil {
		return err
	}
	b, err := ticketset.OpenBeacon(k, r.event, raw, u.cfg.Now())
	if err != nil {
		return err
	}
	name := topic.BeaconOf(r.event)
	if err := b.Follows(r.beacon); errors.Is(err, ticketset.ErrKnown) {
		u.settle(r, name, true)
		return nil
	} else if err != nil {
		return err
	}
	if err := u.cfg.Store.SetMeta(ctx, store.MetaBeacon(r.event), raw); err != nil {
		return err
	}
	r.beacon = b
	u.settle(r, name, true)
	u.heard(b)
	return nil
}

// takeLedger applies a page of central's ledger.
func (u *Uplink) takeLedger(ctx context.Context, r *room, n topic.Name, m message) error {
	k, err := u.keyring()
	if err != nil {
		return err
	}
	p, err := ticketset.OpenLedgerPage(k, r.event, m.payload, u.cfg.Now())
	if err == nil && uint64(p.Page) != n.Number {
		err = fmt.Errorf("ledger page %d on the topic of %d: %w", p.Page, n.Number, ticketset.ErrMalformed)
	}
	if err == nil {
		err = u.cfg.Store.ApplyLedger(ctx, p)
	}
	if err != nil {
		u.pulls.refused(m.name)
		return err
	}
	before := r.state.Ledger
	if err := u.readState(ctx, r); err != nil {
		return err
	}
	if r.state.Ledger > before {
		u.pulls.got(m.name)
	} else {
		u.pulls.refused(m.name) // the broker does not have the longer page yet
	}
	return nil
}
