package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

const (
	// askAgainAfter is how long a device is left to obey before it is asked again.
	askAgainAfter = 10 * time.Second

	// commandLife is how long an order may be on its way.
	commandLife = time.Minute
)

// parcel is a batch as it came.
type parcel struct {
	device ticket.DeviceID
	data   []byte
}

// Journal takes a batch that came on a device's journal topic. It never blocks
// and keeps data: when too many wait, of all devices or of this one, it drops the
// batch, which the device sends again until it is acknowledged. It reports whether
// the batch was taken.
func (p *Publisher) Journal(device ticket.DeviceID, data []byte) bool {
	p.inboxMu.Lock()
	defer p.inboxMu.Unlock()
	if p.waiting[device] >= inboxShare {
		return false
	}
	select {
	case p.inbox <- parcel{device: device, data: data}:
		p.waiting[device]++
		return true
	default:
		return false
	}
}

// taken gives a parcel's place in the inbox back to its device.
func (p *Publisher) taken(device ticket.DeviceID) {
	p.inboxMu.Lock()
	defer p.inboxMu.Unlock()
	if p.waiting[device]--; p.waiting[device] == 0 {
		delete(p.waiting, device)
	}
}

// runIntake stores journals, one batch at a time: it is the only writer of
// heads, and each batch is one transaction.
func (p *Publisher) runIntake(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case in := <-p.inbox:
			p.taken(in.device)
			head, err := p.take(ctx, in)
			if err != nil {
				if ctx.Err() == nil {
					p.cfg.Logger.ErrorContext(ctx, "journal was not stored; the device keeps it and sends it again",
						slog.String("device", string(in.device)), slog.Any("error", err))
				}
				continue
			}
			if err := p.acknowledge(ctx, in.device, head); err != nil && ctx.Err() == nil {
				p.cfg.Logger.WarnContext(ctx, "acknowledgement was not sent", slog.String("device", string(in.device)), slog.Any("error", err))
			}
		}
	}
}

// errNotOurs ends the handling of a batch that gets no acknowledgement at all.
var errNotOurs = errors.New("batch is refused")

// take verifies and stores a batch. It returns the head to acknowledge: after a
// gap or a fork that is the last good one, so that the device goes on from there,
// or sees that central knows another history.
func (p *Publisher) take(ctx context.Context, in parcel) (journal.Head, error) {
	device, err := p.cfg.Devices.Device(ctx, in.device)
	if err != nil {
		return journal.Head{}, fmt.Errorf("device %s: %w", in.device, err)
	}
	if device.Revoked {
		p.incident(ctx, Incident{Device: in.device, Kind: IncidentRevoked, Detail: "a batch of a revoked device", Evidence: in.data})
		return journal.Head{}, errNotOurs
	}
	batch, err := p.open(ctx, in, device)
	if err != nil {
		p.incident(ctx, Incident{Device: in.device, Kind: IncidentBatch, Detail: err.Error(), Evidence: in.data})
		return journal.Head{}, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	head, err := p.cfg.Store.Head(ctx, in.device)
	if err != nil {
		return journal.Head{}, fmt.Errorf("head: %w", err)
	}
	fresh, next, err := p.extend(ctx, head, batch.Batch)
	var gap *journal.GapError
	switch {
	case errors.As(err, &gap):
		p.cfg.Logger.InfoContext(ctx, "journal has a gap", slog.String("device", string(in.device)),
			slog.Uint64("missing", gap.Missing), slog.Uint64("got", gap.Got))
		p.askAgain(ctx, in.device, device, gap.Missing)
		return head, nil
	case errors.Is(err, journal.ErrFork):
		p.incident(ctx, Incident{Device: in.device, Kind: IncidentFork, Seq: batch.Entries[0].Seq, Detail: err.Error(), Evidence: in.data})
		return head, nil
	case err != nil:
		return journal.Head{}, err
	case len(fresh) == 0:
		return head, p.addReceipts(ctx, batch)
	}
	return next, p.store(ctx, in, device, batch, head, next, fresh)
}

// askAgain orders a device to send its journal from an entry on, although that
// was perhaps acknowledged: a central that was restored from a copy has lost what
// came after, and an acknowledgement alone never takes a device back. A device
// that has not heard of these entries being stored is not moved by the order.
func (p *Publisher) askAgain(ctx context.Context, id ticket.DeviceID, device Device, from uint64) {
	now := p.cfg.Now()
	if len(device.Events) == 0 || now.Sub(p.asked[id]) < askAgainAfter {
		return
	}
	p.asked[id] = now
	data, err := topic.Command{
		Event: device.Events[0], Device: id, Number: uint64(max(1, now.UnixMilli())),
		Expires: now.Add(commandLife).Unix(), Action: topic.Resend, From: from,
	}.Sign(p.cfg.Signer)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, p.cfg.SendTimeout)
		defer cancel()
		err = p.cfg.Link.Publish(ctx, topic.CommandOf(id), data, false)
	}
	if err != nil && ctx.Err() == nil {
		p.cfg.Logger.WarnContext(ctx, "order to send again was not sent", slog.String("device", string(id)), slog.Any("error", err))
	}
}

// open tries the keys that the device has had.
func (p *Publisher) open(ctx context.Context, in parcel, device Device) (load, error) {
	up, err := topic.ParseUpload(in.data)
	if err != nil {
		return load{}, err
	}
	err = fmt.Errorf("device %s has no key: %w", in.device, ErrUnknownDevice)
	for _, key := range device.Keys {
		var batch *journal.Batch
		if batch, err = journal.OpenBatch(up.Batch, in.device, key); err == nil {
			return load{Batch: batch, receipts: p.openReceipts(ctx, in.device, device, key, up.Receipts)}, nil
		}
		if !errors.Is(err, journal.ErrCheckpoint) {
			break
		}
	}
	return load{}, err
}

// extend compares a batch with what is stored. A batch that ends before the head
// is compared with the entry of its own end, which its hash chain stands for.
func (p *Publisher) extend(ctx context.Context, head journal.Head, b *journal.Batch) ([]journal.Entry, journal.Head, error) {
	if b.Head.Seq < head.Seq {
		hash, ok, err := p.cfg.Store.EntryHash(ctx, b.Device, b.Head.Seq)
		if err != nil {
			return nil, head, fmt.Errorf("entry %d: %w", b.Head.Seq, err)
		}
		if !ok || hash != b.Head.Hash {
			return nil, head, fmt.Errorf("another entry %d is stored: %w", b.Head.Seq, journal.ErrFork)
		}
	}
	return head.Extend(b)
}

func (p *Publisher) store(ctx context.Context, in parcel, device Device, b load, head, next journal.Head, fresh []journal.Entry) error {
	events, err := p.limits(ctx, in, device, fresh)
	if err != nil {
		return err
	}
	if ahead := fresh[len(fresh)-1].Time.Time().Sub(p.cfg.Now()); ahead > journal.MaxAhead {
		p.incident(ctx, Incident{
			Device: in.device, Kind: IncidentFuture, Seq: fresh[0].Seq, Evidence: in.data,
			Detail: fmt.Sprintf("dated %s ahead of central", ahead.Round(1e9)),
		})
	}
	got, err := p.cfg.Store.Receive(ctx, Delivery{
		Device: in.device, Gate: device.Gate, From: head, To: next,
		Entries: fresh, Raw: b.Raw[len(b.Raw)-len(fresh):], Checkpoint: b.Checkpoint, Events: events,
		Receipts: b.receipts,
	})
	if err != nil {
		return fmt.Errorf("store entries %d to %d: %w", head.Seq+1, next.Seq, err)
	}
	p.cfg.Observe.JournalStored(in.device, len(fresh))
	if len(got.Ledger) > 0 {
		signal(p.grown)
	}
	p.stray(ctx, got.Strays)
	for _, c := range got.Overtaken {
		p.cfg.Logger.WarnContext(ctx, "a ticket had entered before it was given away; who has it now is refused",
			slog.String("event", c.Event.String()), slog.String("ticket", short(c.Ticket)))
	}
	for _, c := range got.Conflicts {
		p.cfg.Observe.ConflictFound(c.Event)
		p.alarm(ctx, c)
	}
	return nil
}

// limits finds the events whose entries count, and how often their tickets may
// enter.
func (p *Publisher) limits(ctx context.Context, in parcel, device Device, fresh []journal.Entry) (map[ticket.EventID]func(ticket.ID) int, error) {
	events := make(map[ticket.EventID]func(ticket.ID) int)
	seen := make(map[ticket.EventID]bool)
	for i := range fresh {
		id := fresh[i].Event
		if id == 0 || seen[id] {
			continue
		}
		seen[id] = true
		rules, err := p.cfg.Sales.Event(ctx, id)
		unknown := errors.Is(err, ErrUnknownEvent)
		if err != nil && !unknown {
			return nil, fmt.Errorf("event %s: %w", id, err)
		}
		if unknown || !slices.Contains(device.Events, id) {
			p.incident(ctx, Incident{
				Device: in.device, Kind: IncidentForeign, Seq: fresh[i].Seq, Evidence: in.data,
				Detail: fmt.Sprintf("entries about event %s, for which it is not enrolled", id),
			})
			continue
		}
		if events[id], err = p.limit(ctx, &rules, fresh); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// limit looks up the classes of the tickets that the batch may let in beforehand,
// and only where any class enters more than once, so that the transaction waits
// for nothing. A settlement lets in as well, when it outweighs an earlier one.
func (p *Publisher) limit(ctx context.Context, rules *ticket.Event, fresh []journal.Entry) (func(ticket.ID) int, error) {
	most := make(map[ticket.ID]int)
	if slices.ContainsFunc(rules.Classes, func(c ticket.Class) bool { return c.MaxEntries > 1 || c.Staff }) {
		for i := range fresh {
			e := &fresh[i]
			if _, known := most[e.Ticket]; known || e.Event != rules.ID || !letsIn(e) {
				continue
			}
			n, err := p.entries(ctx, rules, e.Ticket)
			if err != nil {
				return nil, err
			}
			most[e.Ticket] = n
		}
	}
	return func(id ticket.ID) int { return max(1, most[id]) }, nil
}

func letsIn(e *journal.Entry) bool {
	switch e.Kind {
	case journal.Decision:
		return e.Outcome == ticket.Admit
	case journal.Passed, journal.Flagged:
		return true
	case journal.Released, journal.Undone, journal.Left:
	}
	return false
}

// anyNumber is how often an accreditation may enter.
const anyNumber = math.MaxInt32

// entries returns how often a ticket may enter. Central has issued every ticket
// but an accreditation that its holder presents at a gate without registering it.
func (p *Publisher) entries(ctx context.Context, rules *ticket.Event, id ticket.ID) (int, error) {
	class, ok, err := p.cfg.Sales.Class(ctx, rules.ID, id)
	if err != nil {
		return 0, fmt.Errorf("class of ticket %s: %w", short(id), err)
	}
	c, known := rules.Class(class)
	switch {
	case !ok && slices.ContainsFunc(rules.Classes, func(c ticket.Class) bool { return c.Staff }), c.Staff:
		return anyNumber, nil
	case !ok || !known:
		return 1, nil
	}
	return max(1, int(c.MaxEntries)), nil
}

func (p *Publisher) acknowledge(ctx context.Context, device ticket.DeviceID, head journal.Head) error {
	data, err := topic.Ack{Seq: head.Seq, Hash: head.Hash}.Encode()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.SendTimeout)
	defer cancel()
	return p.cfg.Link.Publish(ctx, topic.AckOf(device), data, false)
}

// incident keeps what is wrong and raises the alarm the first time.
func (p *Publisher) incident(ctx context.Context, i Incident) {
	i.Found = p.cfg.Now().UnixMilli()
	fresh, err := p.cfg.Store.Record(ctx, i)
	if err != nil {
		p.cfg.Logger.ErrorContext(ctx, "incident was not kept", slog.String("device", string(i.Device)), slog.Any("error", err))
	}
	if !fresh && err == nil {
		return
	}
	p.cfg.Observe.IncidentRecorded(i.Kind)
	p.cfg.Logger.ErrorContext(ctx, "a device sent what it should not have", slog.String("device", string(i.Device)),
		slog.String("incident", string(i.Kind)), slog.Uint64("seq", i.Seq), slog.String("detail", i.Detail))
}

// Incidents lists at most limit incidents after a number, in the order in which
// they were found and without their evidence.
func (p *Publisher) Incidents(ctx context.Context, after uint64, limit int) ([]Incident, error) {
	return p.cfg.Store.Incidents(ctx, after, limit)
}

// IncidentCount returns how many incidents were kept.
func (p *Publisher) IncidentCount(ctx context.Context) (uint64, error) {
	return p.cfg.Store.IncidentCount(ctx)
}

// Evidence returns what the device of an incident sent, byte for byte. For an
// unknown number the error wraps [ErrUnknownIncident].
func (p *Publisher) Evidence(ctx context.Context, number uint64) ([]byte, error) {
	return p.cfg.Store.Evidence(ctx, number)
}
