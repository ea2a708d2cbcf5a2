package queue

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/work"
	"github.com/con-ting/conting/sync/ticket"
)

// engineTime is how long one call of the engine may take.
const engineTime = 5 * time.Second

// Request is what somebody who enters says. Account is who they are, as their
// sign-in proves.
type Request struct {
	Event   ticket.EventID
	Account string

	// Token is a queue token that they already have; it saves the proof of work, and
	// brings their place back to an engine that lost it. Empty for none.
	Token string

	// Work is a proof of work; see [Info]. Empty for none.
	Work string
}

// Enter gives a person their place: the one they have, or a new one at the end.
// When it returns, the place is durable. The error wraps [ErrNoRoom], [ErrClosed],
// [ErrToken], [ErrWork], [ErrFull] or [ErrUnavailable] where one of them fits.
func (q *Queue) Enter(ctx context.Context, in Request) (Place, Receipt, error) {
	r, err := q.room(in.Event)
	if err != nil {
		return Place{}, Receipt{}, err
	}
	account, err := ParseAccount(in.Account)
	if err != nil {
		return Place{}, Receipt{}, err
	}
	set := &r.shown.Load().row.Settings
	if set.Closed {
		return Place{}, Receipt{}, fmt.Errorf("event %s: %w", in.Event, ErrClosed)
	}
	had := held{event: in.Event, account: account}
	if in.Token != "" {
		h, ok := q.tokens.open(in.Event, in.Token)
		if !ok || h.account != account {
			return Place{}, Receipt{}, fmt.Errorf("event %s: %w", in.Event, ErrToken)
		}
		had = h
	}
	a := &ask{entry: Entry{Key: q.tokens.key(in.Event, account)}, done: make(chan error, 1)}
	if had.number != 0 && !r.gone(had.number, q.now()) {
		a.entry.Had = had.number
	} else {
		a.entry.Instead = had.number
		if !work.Check(WorkPurpose(in.Event), in.Account, set.WorkBits, in.Work, q.cfg.Now()) {
			return Place{}, Receipt{}, fmt.Errorf("event %s: %w", in.Event, ErrWork)
		}
	}
	if err := r.ask(ctx, a); err != nil {
		return Place{}, Receipt{}, err
	}
	now := q.now()
	had.number = a.number
	a.receipt.Text = base64.RawURLEncoding.EncodeToString(a.signed)
	return r.place(had, now), a.receipt, nil
}

// WorkPurpose is what a proof of work for the room is bound to, besides the account;
// see [work.Check].
func WorkPurpose(event ticket.EventID) string { return "queue/" + event.String() }

// WorkBucket is the time to make a proof of work for.
func WorkBucket(now time.Time) uint64 { return work.Bucket(now) }

// Leave gives up the place of whoever has the token, durably. The error wraps
// [ErrNoRoom], [ErrToken] or [ErrUnavailable] where one of them fits.
func (q *Queue) Leave(ctx context.Context, event ticket.EventID, token string) error {
	r, err := q.room(event)
	if err != nil {
		return err
	}
	h, ok := q.tokens.open(event, token)
	if !ok {
		return fmt.Errorf("event %s: %w", event, ErrToken)
	}
	if r.gone(h.number, q.now()) {
		return nil
	}
	return r.ask(ctx, &ask{leaves: true, number: h.number, done: make(chan error, 1)})
}

// gone reports whether a number is no place any more.
func (r *room) gone(number uint32, now time.Time) bool {
	s, _, _, _ := r.standing(number, now)
	return s == Left
}

// ask is one person's wish to enter or to leave.
type ask struct {
	entry  Entry
	leaves bool
	number uint32     // who leaves; or what who enters was given
	done   chan error // of one element

	receipt Receipt // of who entered, and its bytes
	signed  []byte
}

// ask has the wish done together with others'.
func (r *room) ask(ctx context.Context, a *ask) error {
	select {
	case r.asks <- a:
	case <-r.stop:
		return fmt.Errorf("the queue is ending: %w", ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err() // the place is there the next time
	case <-r.ended:
	}
	select {
	case err := <-a.done:
		return err
	default:
		return fmt.Errorf("the queue has ended: %w", ErrUnavailable)
	}
}

// serve does what is asked, as much at once as waits: the engine then writes, and
// waits for the disk or the network, once for all of them.
func (r *room) serve() {
	defer close(r.ended)
	batch := make([]*ask, 0, maxBatch)
	for {
		batch = batch[:0]
		select {
		case a := <-r.asks:
			batch = append(batch, a)
		case <-r.stop:
			r.dismiss()
			return
		}
	more:
		for len(batch) < maxBatch {
			select {
			case a := <-r.asks:
				batch = append(batch, a)
			default:
				break more
			}
		}
		r.do(batch)
		clear(batch)
	}
}

// dismiss answers those who still wait when the room ends.
func (r *room) dismiss() {
	for {
		select {
		case a := <-r.asks:
			a.done <- fmt.Errorf("the queue is ending: %w", ErrUnavailable)
		default:
			return
		}
	}
}

func (r *room) do(batch []*ask) {
	ctx, cancel := context.WithTimeout(context.Background(), engineTime)
	defer cancel()
	var entering, leaving []*ask
	for _, a := range batch {
		if a.leaves {
			leaving = append(leaving, a)
		} else {
			entering = append(entering, a)
		}
	}
	answer(leaving, r.leave(ctx, leaving))
	err := r.enter(ctx, entering)
	if err == nil {
		r.q.sign(r.event, entering)
		r.enters.Add(uint64(len(entering)))
	}
	answer(entering, err)
}

func answer(asks []*ask, err error) {
	for _, a := range asks {
		a.done <- err
	}
}

// enter gives each who asks a number, and those whose old one is no place any more
// a new one.
func (r *room) enter(ctx context.Context, asks []*ask) error {
	if len(asks) == 0 {
		return nil
	}
	if err := r.numbers(ctx, asks); err != nil {
		return err
	}
	now := r.q.now()
	var again []*ask
	for _, a := range asks {
		if r.gone(a.number, now) {
			a.entry.Had, a.entry.Instead = 0, a.number
			again = append(again, a)
		}
	}
	return r.numbers(ctx, again)
}

func (r *room) numbers(ctx context.Context, asks []*ask) error {
	if len(asks) == 0 {
		return nil
	}
	entries := make([]Entry, len(asks))
	for i, a := range asks {
		entries[i] = a.entry
	}
	numbers, err := r.q.cfg.Engine.Enter(ctx, r.event, entries)
	if err != nil {
		return err
	}
	if len(numbers) != len(asks) {
		return fmt.Errorf("engine gave %d numbers for %d: %w", len(numbers), len(asks), ErrCorrupt)
	}
	last := uint32(0)
	for i, a := range asks {
		a.number = numbers[i]
		last = max(last, a.number)
	}
	r.know(last)
	return nil
}

// maxLeaves is how many records one call adds.
const maxLeaves = 1000

func (r *room) leave(ctx context.Context, asks []*ask) error {
	for len(asks) > 0 {
		some := asks[:min(len(asks), maxLeaves)]
		asks = asks[len(some):]
		now := r.q.now()
		records := make([][]byte, len(some))
		for i, a := range some {
			rec := record{kind: recordLeft, at: now, number: a.number}
			records[i] = rec.encode()
		}
		if err := r.q.cfg.Engine.Append(ctx, r.event, records); err != nil {
			return err
		}
	}
	return r.sync(ctx)
}
