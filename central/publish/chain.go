package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

const (
	// drainAtOnce is how many rows of the outbox one transaction turns into deltas.
	drainAtOnce = 2000

	// opsPerDelta keeps a delta of the longest tickets below ticketset.MaxDelta.
	opsPerDelta = 250

	// readAtOnce is how many stored deltas are read at a time.
	readAtOnce = 64
)

// event is what the chain goroutine knows of one event.
type event struct {
	id   ticket.EventID
	head ticketset.Head
	sets []Set // kept versions, newest first
	base Set   // the newest before any of sets: of no version unless the database was restored

	building bool
	retryAt  time.Time      // no automatic build before, after one failed
	serving  []chan outcome // who waits for the build in progress
	waiting  []chan outcome // who waits for the one after it
}

func (e *event) newest() Set {
	if len(e.sets) == 0 {
		return Set{}
	}
	return e.sets[0]
}

// previous is what the next set follows.
func (e *event) previous() Set {
	if len(e.sets) == 0 {
		return e.base
	}
	return e.sets[0]
}

// runChain turns changes into deltas, and orders sets and beacons.
func (p *Publisher) runChain(ctx context.Context) error {
	beacon := time.NewTicker(p.cfg.BeaconEvery)
	defer beacon.Stop()
	poll := time.NewTicker(p.cfg.Poll)
	defer poll.Stop()
	group := time.NewTimer(0)
	defer group.Stop()
	grouping := true
	for {
		var err error
		select {
		case <-ctx.Done():
			p.giveUp()
			return nil
		case <-p.wake:
			if !grouping {
				group.Reset(p.cfg.GroupWithin)
				grouping = true
			}
			continue
		case <-group.C:
			grouping = false
			err = p.update(ctx)
		case <-poll.C:
			err = p.update(ctx)
		case <-beacon.C:
			p.eachEvent(func(e *event) { err = first(err, p.beacon(ctx, e)) })
		case <-p.joined:
			p.unsent = true
		case <-p.listed:
			err = p.sendTrust(ctx)
		case r := <-p.requests:
			err = p.request(ctx, r)
		case b := <-p.built:
			err = p.finish(ctx, b)
		}
		if err == nil && p.unsent && p.connected.Load() {
			p.unsent = false
			err = p.republish(ctx)
		}
		if errors.Is(err, ErrMoved) {
			p.giveUp()
			return err
		}
		if err != nil {
			p.behind(ctx, err)
		}
	}
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (p *Publisher) eachEvent(fn func(*event)) {
	for _, e := range p.events {
		fn(e)
	}
}

// update brings the chain up to the outbox, finds new events, and starts the
// builds that are due.
func (p *Publisher) update(ctx context.Context) error {
	if err := p.findEvents(ctx); err != nil {
		return err
	}
	if err := p.drain(ctx, math.MaxUint64); err != nil {
		return err
	}
	now := p.cfg.Now()
	var err error
	p.eachEvent(func(e *event) {
		if len(e.waiting) > 0 || !now.Before(e.retryAt) && p.due(e, now) {
			err = first(err, p.build(ctx, e))
		}
	})
	return err
}

func (p *Publisher) due(e *event, now time.Time) bool {
	set := e.newest()
	return set.Version == 0 || e.head.Seq-set.Delta >= p.cfg.MaxDeltas ||
		now.Unix() >= set.Issued+(set.Expires-set.Issued)/2
}

// findEvents loads the state of events that were not known yet.
func (p *Publisher) findEvents(ctx context.Context) error {
	ids, err := p.cfg.Sales.Events(ctx)
	if err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	for _, id := range ids {
		if p.events[id] != nil {
			continue
		}
		last, err := p.cfg.Store.LastDelta(ctx, id)
		if err != nil {
			return fmt.Errorf("last delta of event %s: %w", id, err)
		}
		sets, err := p.cfg.Store.Sets(ctx, id)
		if err != nil {
			return fmt.Errorf("sets of event %s: %w", id, err)
		}
		floor, err := p.cfg.Store.Floor(ctx, id)
		if err != nil {
			return fmt.Errorf("floor of event %s: %w", id, err)
		}
		e := &event{id: id, head: ticketset.Head{Seq: last.Seq, Hash: last.Hash}, sets: sets, base: Set{Version: floor.Version, Hash: floor.Hash}}
		if floor.Delta > last.Seq {
			e.head = ticketset.Head{Seq: floor.Delta, Hash: floor.Hash}
		}
		p.events[id] = e
	}
	return nil
}

// drain turns the outbox into stored deltas and publishes them, up to and
// including a row of the outbox. Only what concerns the database is an error.
func (p *Publisher) drain(ctx context.Context, through uint64) error {
	for {
		changes, err := p.cfg.Sales.Changes(ctx, p.cursor, drainAtOnce)
		if err != nil {
			return fmt.Errorf("read outbox: %w", err)
		}
		for len(changes) > 0 && changes[len(changes)-1].Seq > through {
			changes = changes[:len(changes)-1]
		}
		if len(changes) == 0 {
			return nil
		}
		if err := p.chain(ctx, changes); err != nil {
			return err
		}
	}
}

// chain makes the deltas of some changes, stores them, and publishes them.
func (p *Publisher) chain(ctx context.Context, changes []Change) error {
	ops, order := p.ops(ctx, changes)
	heads := make(map[ticket.EventID]ticketset.Head, len(order))
	var deltas []SignedDelta
	for _, id := range order {
		head := ticketset.Head{}
		if e := p.events[id]; e != nil {
			head = e.head
		}
		for all := ops[id]; len(all) > 0; {
			n := min(len(all), opsPerDelta)
			d, err := p.sign(id, head, all[:n])
			if err != nil {
				return err
			}
			deltas, all = append(deltas, d), all[n:]
			head = ticketset.Head{Seq: d.Seq, Hash: d.Hash}
		}
		heads[id] = head
	}
	last := changes[len(changes)-1].Seq
	if err := p.cfg.Store.Append(ctx, p.cursor, last, deltas); err != nil {
		return fmt.Errorf("store deltas: %w", err)
	}
	p.cursor = last
	for id, head := range heads {
		if p.events[id] == nil {
			p.events[id] = &event{id: id}
		}
		p.events[id].head = head
	}
	if err := p.sendDeltas(ctx, deltas, ops, order); err != nil {
		p.behind(ctx, err)
	}
	return nil
}

// behind notes that something stored was not sent: it will be, with everything
// else that is current.
func (p *Publisher) behind(ctx context.Context, err error) {
	p.unsent = true
	if ctx.Err() == nil {
		p.cfg.Logger.WarnContext(ctx, "publishing is behind and is tried again", slog.Any("error", err))
	}
}

// ops sorts changes by event and leaves out what no gate could read, loudly.
func (p *Publisher) ops(ctx context.Context, changes []Change) (map[ticket.EventID][]ticketset.Op, []ticket.EventID) {
	ops := make(map[ticket.EventID][]ticketset.Op)
	var order []ticket.EventID
	for i := range changes {
		c := &changes[i]
		op := ticketset.Op{Kind: ticketset.OpStatus, Ticket: ticket.Ticket{ID: c.ID}, Status: c.Status}
		if c.New != nil {
			op = ticketset.Op{Kind: ticketset.OpNew, Ticket: *c.New, Status: c.Status}
			if err := c.New.Check(); err != nil || c.New.Event != c.Event {
				p.cfg.Logger.ErrorContext(ctx, "the sale issued a ticket that gates cannot read",
					slog.Uint64("outbox", c.Seq), slog.String("ticket", short(c.ID)), slog.Any("error", err))
				continue
			}
			if c.Rebound {
				op = ticketset.Op{Kind: ticketset.OpRebind, Ticket: ticket.Ticket{ID: c.ID, Holder: c.New.Holder, Version: c.New.Version}}
			}
		}
		if _, seen := ops[c.Event]; !seen {
			order = append(order, c.Event)
		}
		ops[c.Event] = append(ops[c.Event], op)
	}
	return ops, order
}

func (p *Publisher) sign(id ticket.EventID, head ticketset.Head, ops []ticketset.Op) (SignedDelta, error) {
	data, err := ticketset.SignDelta(p.cfg.Signer, ticketset.Delta{
		Event: id, Seq: head.Seq + 1, Previous: head.Hash, Issued: p.cfg.Now().Unix(), Ops: ops,
	})
	if err != nil {
		return SignedDelta{}, fmt.Errorf("delta of event %s: %w", id, err)
	}
	return SignedDelta{Event: id, Seq: head.Seq + 1, Hash: ticketset.Hash(data), Data: data}, nil
}

func (p *Publisher) sendDeltas(ctx context.Context, deltas []SignedDelta, ops map[ticket.EventID][]ticketset.Op, order []ticket.EventID) error {
	if !p.connected.Load() {
		return nil // all is sent at the next connection
	}
	for _, d := range deltas {
		if err := p.send(ctx, topic.DeltaAt(d.Event, d.Seq), d.Data); err != nil {
			return err
		}
		n := min(opsPerDelta, len(ops[d.Event]))
		ops[d.Event] = ops[d.Event][n:]
		p.cfg.Observe.DeltaPublished(d.Event, d.Seq, n)
	}
	for _, id := range order {
		if err := p.beacon(ctx, p.events[id]); err != nil {
			return err
		}
	}
	return nil
}

// beacon signs and publishes what is newest of an event.
func (p *Publisher) beacon(ctx context.Context, e *event) error {
	if !p.connected.Load() {
		return nil
	}
	length, err := p.cfg.Store.LedgerLength(ctx, e.id)
	if err != nil {
		return fmt.Errorf("length of the ledger of event %s: %w", e.id, err)
	}
	set := e.newest()
	data, err := ticketset.SignBeacon(p.cfg.Signer, ticketset.Beacon{
		Event: e.id, Issued: p.cfg.Now().Unix(), Version: set.Version, Manifest: set.Hash, Delta: e.head, Ledger: length,
	})
	if err != nil {
		return fmt.Errorf("beacon of event %s: %w", e.id, err)
	}
	return p.send(ctx, topic.BeaconOf(e.id), data)
}

// republish sends all that is current once more: a broker may have lost it, and
// what was stored just before a crash was perhaps never sent.
func (p *Publisher) republish(ctx context.Context) error {
	if err := p.sendTrust(ctx); err != nil {
		return err
	}
	var err error
	p.eachEvent(func(e *event) { err = first(err, p.republishEvent(ctx, e)) })
	return err
}

// sendTrust publishes who is trusted, and then which credentials were revoked.
func (p *Publisher) sendTrust(ctx context.Context) error {
	if !p.connected.Load() {
		return nil
	}
	if p.cfg.TrustList != nil {
		list, err := p.cfg.TrustList(ctx)
		if err != nil {
			return fmt.Errorf("trust list: %w", err)
		}
		if err := p.send(ctx, topic.TrustList(), list); err != nil {
			return err
		}
	}
	if p.cfg.Listings == nil {
		return nil
	}
	all, err := p.cfg.Listings(ctx)
	if err != nil {
		return fmt.Errorf("status lists: %w", err)
	}
	for _, l := range all {
		data, err := l.Encode()
		if err != nil { // of one issuer, and no reason to keep the others' back
			p.cfg.Logger.ErrorContext(ctx, "a status list cannot be published", slog.Any("error", err))
			continue
		}
		if err := p.send(ctx, topic.StatusListOf(l.URL), data); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) republishEvent(ctx context.Context, e *event) error {
	for i := len(e.sets) - 1; i >= 0; i-- {
		if err := p.sendObjects(ctx, &e.sets[i]); err != nil {
			return err
		}
	}
	if set := e.newest(); set.Version != 0 {
		if err := p.send(ctx, topic.Manifest(e.id), set.Manifest); err != nil {
			return err
		}
	}
	var after uint64
	if n := len(e.sets); n > 0 {
		after = e.sets[n-1].Delta
	}
	for {
		deltas, err := p.cfg.Store.Deltas(ctx, e.id, after, readAtOnce)
		if err != nil {
			return fmt.Errorf("deltas of event %s: %w", e.id, err)
		}
		for _, d := range deltas {
			if err := p.send(ctx, topic.DeltaAt(e.id, d.Seq), d.Data); err != nil {
				return err
			}
			after = d.Seq
		}
		if len(deltas) < readAtOnce {
			break
		}
	}
	if err := p.retire(ctx, e); err != nil {
		return err
	}
	return p.beacon(ctx, e)
}

// short is as much of a ticket's id as a log may hold.
func short(id ticket.ID) string { return id.String()[:8] }
