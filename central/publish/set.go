package publish

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

const (
	// keepSets is how many versions stay published: a gate that is loading the
	// one before the newest may finish.
	keepSets = 2

	// maxBuilds is how many sets are built at once: each holds its tickets in
	// memory and a snapshot of the database open.
	maxBuilds = 2

	// buildAgain is how long a failed build waits before it is tried again.
	buildAgain = 10 * time.Second
)

// request asks for a new set.
type request struct {
	event ticket.EventID
	reply chan outcome // buffered
}

// outcome is how a build ended.
type outcome struct {
	event ticket.EventID
	set   Set
	took  time.Duration
	err   error
}

// Publish builds a new version of an event's set from the sale as it is now and
// returns its version once it is stored and, if the broker is there, published.
// An unknown event gives an error wrapping [ErrUnknownEvent].
func (p *Publisher) Publish(ctx context.Context, id ticket.EventID) (uint64, error) {
	r := request{event: id, reply: make(chan outcome, 1)}
	select {
	case p.requests <- r:
	case <-p.stopped:
		return 0, ErrStopped
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case o := <-r.reply:
		return o.set.Version, o.err
	case <-p.stopped:
		return 0, ErrStopped
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (p *Publisher) request(ctx context.Context, r request) error {
	if err := p.findEvents(ctx); err != nil {
		r.reply <- outcome{err: err}
		return err
	}
	e := p.events[r.event]
	if e == nil {
		r.reply <- outcome{err: fmt.Errorf("event %s: %w", r.event, ErrUnknownEvent)}
		return nil
	}
	e.waiting = append(e.waiting, r.reply)
	return p.build(ctx, e)
}

// build starts a build. The chain goroutine brings the chain to exactly the
// moment of the snapshot and goes on; the rest is done beside it, because a large
// set takes seconds and a revocation must not wait for it. While the event's last
// build goes on, or too many do, it starts nothing: update comes by again. (A set
// in progress may lack what somebody who asks now has just changed.)
func (p *Publisher) build(ctx context.Context, e *event) error {
	if e.building || p.building >= maxBuilds {
		return nil
	}
	e.building = true
	p.building++
	e.serving, e.waiting = append(e.serving, e.waiting...), nil
	opened := make(chan uint64, 1)
	head := make(chan ticketset.Head, 1)
	previous, id, begun := e.previous(), e.id, p.cfg.Now()
	p.builds.Go(func() {
		o := outcome{event: id}
		o.set, o.err = p.make(ctx, id, previous, opened, head)
		close(opened)
		if o.err == nil && p.connected.Load() {
			if err := p.sendObjects(ctx, &o.set); err != nil {
				p.cfg.Logger.WarnContext(ctx, "parts of a set were not sent yet", slog.String("event", id.String()), slog.Any("error", err))
				signal(p.joined)
			}
		}
		o.took = p.cfg.Now().Sub(begun)
		select {
		case p.built <- o:
		case <-ctx.Done():
		}
	})
	through, ok := <-opened
	if !ok {
		return nil // the outcome tells why
	}
	err := p.drain(ctx, through)
	if err != nil && p.cursor < through {
		close(head) // the chain is not where the snapshot is
		return err
	}
	head <- e.head
	return err
}

// make builds and stores a set. It sends the snapshot's place in the outbox and
// waits for the head of the chain at that place.
func (p *Publisher) make(ctx context.Context, id ticket.EventID, previous Set, opened chan<- uint64, heads <-chan ticketset.Head) (Set, error) {
	var b *ticketset.Bundle
	err := p.cfg.Sales.Snapshot(ctx, id, func(s Snapshot) error {
		opened <- s.Through
		var head ticketset.Head
		select {
		case h, ok := <-heads:
			if !ok {
				return errors.New("the chain did not reach the snapshot")
			}
			head = h
		case <-ctx.Done():
			return ctx.Err()
		}
		now := p.cfg.Now()
		var err error
		b, err = ticketset.Build(p.cfg.Signer, ticketset.Spec{
			Event: s.Event, Tickets: items(s.Tickets), Delta: head,
			Previous: ticketset.Current{Version: previous.Version, Hash: previous.Hash},
			Issued:   now.Unix(), Expires: now.Add(p.cfg.SetLifetime).Unix(),
		})
		return err
	})
	if err != nil {
		return Set{}, fmt.Errorf("build set of event %s: %w", id, err)
	}
	set := Set{
		Event: id, Version: b.Contents.Version, Hash: ticketset.Hash(b.Manifest), Issued: b.Contents.Issued,
		Expires: b.Contents.Expires, Delta: b.Contents.Delta.Seq, Tickets: int(b.Contents.Total),
		Chunks: len(b.Chunks), Manifest: b.Manifest,
	}
	objects := make([]Object, 0, len(b.Chunks)+2)
	for i, data := range b.Chunks {
		objects = append(objects, Object{Kind: ChunkObject, Number: i, Data: data})
	}
	objects = append(objects, Object{Kind: StatusObject, Data: b.Status}, Object{Kind: RulesObject, Data: b.Rules})
	if err := p.cfg.Store.SaveSet(ctx, set, objects); err != nil {
		return Set{}, fmt.Errorf("store set %d of event %s: %w", set.Version, id, err)
	}
	return set, nil
}

func items(in iter.Seq2[Issued, error]) iter.Seq2[ticketset.Item, error] {
	return func(yield func(ticketset.Item, error) bool) {
		for i, err := range in {
			if !yield(ticketset.Item{Ticket: i.Ticket, Status: i.Status}, err) {
				return
			}
		}
	}
}

// finish takes a build's outcome: the parts were sent, so the manifest may follow.
func (p *Publisher) finish(ctx context.Context, o outcome) error {
	e := p.events[o.event]
	e.building = false
	p.building--
	serving := e.serving
	e.serving = nil
	err := p.install(ctx, e, o)
	for _, reply := range serving {
		reply <- o
	}
	if len(e.waiting) > 0 {
		err = first(err, p.build(ctx, e))
	}
	return err
}

// install makes a finished set the event's newest.
func (p *Publisher) install(ctx context.Context, e *event, o outcome) error {
	if errors.Is(o.err, ErrMoved) {
		return o.err
	}
	if o.err != nil {
		e.retryAt = p.cfg.Now().Add(buildAgain)
		p.cfg.Logger.ErrorContext(ctx, "set was not built", slog.String("event", e.id.String()), slog.Any("error", o.err))
		return nil //nolint:nilerr // it is said here, told to who asked, and tried again
	}
	e.sets = append([]Set{o.set}, e.sets...)
	p.cfg.Logger.InfoContext(ctx, "set built", slog.String("event", e.id.String()), slog.Uint64("version", o.set.Version),
		slog.Int("tickets", o.set.Tickets), slog.Uint64("delta", o.set.Delta), slog.Duration("took", o.took))
	p.cfg.Observe.SetPublished(e.id, o.set.Version, o.set.Tickets, o.took)
	return p.sendManifest(ctx, e)
}

func (p *Publisher) sendManifest(ctx context.Context, e *event) error {
	if !p.connected.Load() {
		return nil
	}
	if err := p.send(ctx, topic.Manifest(e.id), e.newest().Manifest); err != nil {
		return err
	}
	if err := p.beacon(ctx, e); err != nil {
		return err
	}
	return p.retire(ctx, e)
}

// sendObjects publishes all parts of a set but the manifest.
func (p *Publisher) sendObjects(ctx context.Context, s *Set) error {
	return eachObject(s, func(kind ObjectKind, n int, name string) error {
		data, err := p.cfg.Store.Object(ctx, s.Event, s.Version, kind, n)
		if err != nil {
			return fmt.Errorf("set %d of event %s: %w", s.Version, s.Event, err)
		}
		return p.send(ctx, name, data)
	})
}

func eachObject(s *Set, fn func(kind ObjectKind, n int, name string) error) error {
	for n := range s.Chunks {
		if err := fn(ChunkObject, n, topic.Chunk(s.Event, s.Version, uint32(n))); err != nil {
			return err
		}
	}
	if err := fn(StatusObject, 0, topic.Status(s.Event, s.Version)); err != nil {
		return err
	}
	return fn(RulesObject, 0, topic.Rules(s.Event, s.Version))
}

// retire takes versions that are too old, and the deltas that only they needed,
// off the broker, and forgets the versions once that is done.
func (p *Publisher) retire(ctx context.Context, e *event) error {
	for len(e.sets) > keepSets {
		old := &e.sets[len(e.sets)-1]
		err := eachObject(old, func(_ ObjectKind, _ int, name string) error { return p.send(ctx, name, nil) })
		if err != nil {
			return err
		}
		if err := p.cfg.Store.DropSet(ctx, e.id, old.Version); err != nil {
			return fmt.Errorf("forget set %d of event %s: %w", old.Version, e.id, err)
		}
		e.sets = e.sets[:len(e.sets)-1]
	}
	if len(e.sets) == 0 {
		return nil
	}
	cleared, err := p.cfg.Store.Cleared(ctx, e.id)
	if err != nil {
		return fmt.Errorf("cleared deltas of event %s: %w", e.id, err)
	}
	through := e.sets[len(e.sets)-1].Delta
	if through <= cleared {
		return nil
	}
	for seq := cleared + 1; seq <= through; seq++ {
		if err := p.send(ctx, topic.DeltaAt(e.id, seq), nil); err != nil {
			return err
		}
	}
	return p.cfg.Store.SetCleared(ctx, e.id, through)
}

// giveUp answers everybody who still waits.
func (p *Publisher) giveUp() {
	p.eachEvent(func(e *event) {
		for _, reply := range append(e.serving, e.waiting...) {
			reply <- outcome{err: ErrStopped}
		}
		e.serving, e.waiting = nil, nil
	})
}
