package uplink

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// Status is what the gate knows of its own place in the world.
type Status struct {
	Link   link.State
	Mode   journal.Mode
	Events []EventStatus // in the order of Config.Events

	Head, Acked uint64 // last entry of the journal, and the last one that central has
	Unacked     uint64

	// Peers are the devices that were heard, and when last.
	Peers map[ticket.DeviceID]time.Time

	// Refused counts what could not be used, by kind; LastRefusal is the newest reason.
	Refused     map[string]uint64
	LastRefusal string

	// TrustVersion and TrustExpires are of the trust list in use; 0 for none.
	TrustVersion uint64
	TrustExpires time.Time
}

// EventStatus is the state of one event's set.
type EventStatus struct {
	Event   ticket.EventID
	Version uint64 // of the set in force; 0 for none
	Delta   uint64
	Ledger  uint64
	Expires time.Time // of the set

	Loading uint64 // the version being loaded; 0 for none
	Missing int    // chunks of it that have not come

	Beacon time.Time // when central signed the newest one; zero for never
	have   ticketset.Have
	beacon *ticketset.Beacon
}

// Staleness tells how far behind the event's set is at a moment.
func (e *EventStatus) Staleness(now time.Time) ticketset.Staleness {
	return ticketset.StalenessOf(e.beacon, e.have, now)
}

// Status returns the newest status. It may be called at any time.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	s.Events = slices.Clone(s.Events)
	s.Peers = maps.Clone(s.Peers)
	s.Refused = maps.Clone(s.Refused)
	return s
}

// Mode returns whom the gate can ask now, with hysteresis.
func (u *Uplink) Mode() journal.Mode {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status.Mode
}

// refresh brings the status up to date. Run calls it after everything.
func (u *Uplink) refresh(ctx context.Context) {
	now := u.cfg.Now()
	var l link.State
	if u.link != nil {
		l = u.link.State()
	}
	u.leases.connected.Store(l.Connected)
	head, err := u.cfg.Store.Head(ctx)
	acked, errAcked := u.cfg.Store.Acked(ctx)
	events := make([]EventStatus, 0, len(u.cfg.Events))
	fresh := false
	for _, id := range u.cfg.Events {
		e := u.rooms[id].describe()
		events = append(events, e)
		s := e.Staleness(now)
		fresh = fresh || s.Heard && !s.Frozen
	}
	mode := u.mode.at(modeOf(l, fresh), u.cfg.Steady())
	u.mu.Lock()
	defer u.mu.Unlock()
	s := &u.status
	s.Link, s.Mode, s.Events = l, mode, events
	if err == nil && errAcked == nil {
		s.Head, s.Acked, s.Unacked = head.Seq, acked.Seq, head.Seq-acked.Seq
	}
	if k := u.ring.Load(); k != nil {
		s.TrustVersion, s.TrustExpires = k.Version(), k.Expires()
	}
}

func (r *room) describe() EventStatus {
	e := EventStatus{
		Event: r.event, Version: r.state.Version, Delta: r.state.Delta.Seq, Ledger: r.state.Ledger,
		have: r.state.Have(), beacon: r.beacon,
	}
	if r.state.Expires != 0 {
		e.Expires = time.Unix(r.state.Expires, 0)
	}
	if r.beacon != nil {
		e.Beacon = time.Unix(r.beacon.Issued, 0)
	}
	if r.staging != nil {
		e.Loading, e.Missing = r.staging.Manifest().Version, len(r.staging.Missing().Chunks)
	}
	return e
}

// heard passes the time of a beacon on.
func (u *Uplink) heard(b *ticketset.Beacon) {
	if u.cfg.OnBeacon != nil {
		u.cfg.OnBeacon(time.Unix(b.Issued, 0))
	}
}
