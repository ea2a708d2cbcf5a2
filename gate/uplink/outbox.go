package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// outbox cuts the journal into signed batches, with the receipts of what they
// consume, and holds them until central has acknowledged their last entry. The
// journal itself is on the disk; batches and receipts are made anew after a
// restart.
type outbox struct {
	store  *store.Store
	signer trust.Signer
	device ticket.DeviceID
	gate   string // its name in the event's rules
	topic  string

	mu     sync.Mutex  // guards the fields below
	acked  uint64      // what central has said it has
	sealed []link.Item // in order; Key is the number of the last entry
}

// Pending returns the oldest batches that central has not acknowledged. It is
// the [link.Outbox] of the gate.
func (u *Uplink) Pending(ctx context.Context, limit int) ([]link.Item, error) {
	return u.out.pending(ctx, limit)
}

func (o *outbox) pending(ctx context.Context, limit int) ([]link.Item, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.sealed) < limit {
		last := o.acked
		if n := len(o.sealed); n > 0 {
			last = o.sealed[n-1].Key
		}
		entries, err := o.store.Entries(ctx, last, journal.MaxEntries)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			break
		}
		payload, n, err := o.parcel(ctx, entries)
		if err != nil {
			return nil, fmt.Errorf("seal journal after entry %d: %w", last, err)
		}
		o.sealed = append(o.sealed, link.Item{Key: last + uint64(n), Topic: o.topic, Payload: payload}) // #nosec G115 -- a count
	}
	return o.sealed[:min(len(o.sealed), limit):min(len(o.sealed), limit)], nil
}

// free forgets the batches that end at or before an acknowledged entry.
func (o *outbox) free(acked uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acked = max(o.acked, acked)
	n := 0
	for n < len(o.sealed) && o.sealed[n].Key <= o.acked {
		n++
	}
	o.sealed = o.sealed[n:]
}

// rewind makes everything from an entry on be sent again, although it was
// acknowledged: central has lost it.
func (o *outbox) rewind(from uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if from > 0 && from <= o.acked {
		o.acked, o.sealed = from-1, nil
	}
}

// takeAck frees what central has stored.
func (u *Uplink) takeAck(ctx context.Context, raw []byte) error {
	a, err := topic.ParseAck(raw)
	if err != nil {
		return err
	}
	if a.Seq == 0 {
		return nil // central has nothing yet
	}
	if err := u.cfg.Store.Ack(ctx, a.Seq, a.Hash); err != nil {
		return err
	}
	u.out.free(a.Seq)
	u.link.Wake()
	return nil
}

// takeCommand obeys a command that is newer than all before it.
func (u *Uplink) takeCommand(ctx context.Context, raw []byte) error {
	k, err := u.keyring()
	if err != nil {
		return err
	}
	var c topic.Command
	for _, e := range u.cfg.Events { // the topic does not name the event
		if c, err = topic.OpenCommand(k, e, u.cfg.Device, raw, u.cfg.Now()); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	cursor := "command/" + c.Event.String()
	last, err := u.cfg.Store.Cursor(ctx, cursor)
	if err != nil || c.Number <= last {
		return err
	}
	if err := u.cfg.Store.SetCursor(ctx, cursor, c.Number); err != nil {
		return err
	}
	u.cfg.Logger.InfoContext(ctx, "command", slog.String("action", string(c.Action)), slog.Uint64("number", c.Number))
	switch c.Action {
	case topic.Pull:
		r := u.rooms[c.Event]
		r.again[topic.Manifest(c.Event)], r.again[topic.BeaconOf(c.Event)] = true, true
	case topic.Resend:
		u.out.rewind(c.From)
		u.link.Wake()
	case topic.Report:
		kick(u.report)
	case topic.Renew:
		if u.cfg.OnCommand != nil {
			u.cfg.OnCommand(c)
		}
	}
	return nil
}
