package queue

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// maxScan is how many ranks one tick passes over at most, and maxWindow how many
// ranks the centrals tell each other about.
const (
	maxScan   = 1 << 16
	maxWindow = 1 << 20
	maxBudget = time.Second // what is due in this time may be admitted at once
)

// tick does what is due in the room: elapsed is the time since the last tick.
func (r *room) tick(ctx context.Context, now time.Time, elapsed time.Duration, leads bool) error {
	r.fold.mu.Lock()
	defer r.fold.mu.Unlock()
	before, waiting := r.mark.Load(), r.last.Load() > r.mark.Load()
	if err := r.syncLocked(ctx); err != nil {
		return err
	}
	r.forget(now)
	r.settle(now)
	set := r.shown.Load().row.Settings
	if leads {
		if err := r.lead(ctx, now, elapsed, &set); err != nil {
			return err
		}
	}
	if waiting && r.shown.Load().order != nil && !set.Paused && !set.Closed {
		r.fold.pace.note(r.mark.Load()-before, elapsed, set.Rate)
		fast, slow := r.fold.pace.bounds()
		r.fast.Store(math.Float64bits(fast))
		r.slow.Store(math.Float64bits(slow))
	}
	r.retry.Store(int64(r.again(elapsed)))
	return nil
}

// rushSpan is what the rush is a mean over.
const rushSpan = 2 * time.Second

// again is when the crowd shall ask again. While people rush in, those who have a
// place leave them up to half of what this central can answer.
func (r *room) again(elapsed time.Duration) time.Duration {
	f, total := &r.fold, r.enters.Load()
	if elapsed > 0 {
		now := float64(total-f.enters) / elapsed.Seconds()
		f.rush += (now - f.rush) * (1 - math.Exp(-elapsed.Seconds()/rushSpan.Seconds()))
		f.enters = total
	}
	polls := float64(r.q.cfg.Polls)
	polls = max(polls/2, polls-f.rush)
	crowd := float64(r.last.Load() - min(r.mark.Load(), r.last.Load()))
	return min(max(time.Duration(crowd/polls*float64(time.Second)), minRetry), maxRetry)
}

// lead opens the room when it is time, and admits those who are due.
func (r *room) lead(ctx context.Context, now time.Time, elapsed time.Duration, set *Settings) error {
	if r.shown.Load().order == nil {
		return r.open(ctx, set)
	}
	f := &r.fold
	still := set.Paused || set.Closed
	if still {
		f.budget = 0 // no time counts in which nobody was admitted
	} else {
		due := float64(set.Rate) / 60
		f.budget = min(f.budget+due*elapsed.Seconds(), max(1, due*maxBudget.Seconds()))
	}
	records, spent := r.returned(now)
	more := 0
	if !still {
		var rec record
		if rec, more = r.pass(now, spent, f.settled); rec.to > rec.from {
			records = append(records, rec.encode())
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := r.q.cfg.Engine.Append(ctx, r.event, records); err != nil {
		return err
	}
	f.budget = max(0, f.budget-float64(spent+more))
	return r.syncLocked(ctx)
}

// open fixes the list of the lobby, and, unless a beacon is due, the shuffle. The
// wall clock decides, for that is what people were told.
func (r *room) open(ctx context.Context, set *Settings) error {
	row := r.row()
	if set.Closed || r.q.cfg.Now().Before(set.Opens) {
		return nil
	}
	if row.Sealed.IsZero() {
		entries, err := r.q.cfg.Engine.Lobby(ctx, r.event)
		if err != nil {
			return err
		}
		if len(entries) > MaxPeople {
			return fmt.Errorf("a lobby of %d: %w", len(entries), ErrCorrupt)
		}
		row.Sealed, row.People, row.List = r.q.cfg.Now(), uint32(len(entries)), ListHash(r.event, entries) //nolint:gosec // checked
		if row, err = r.q.cfg.Store.Seal(ctx, row, entries); err != nil {
			return fmt.Errorf("seal the lobby: %w", err)
		}
		r.take(row)
	}
	if row.Opened.IsZero() && row.Settings.BeaconSource == "" {
		row.Opened = r.q.cfg.Now()
		row, err := r.q.cfg.Store.Open(ctx, row)
		if err != nil {
			return fmt.Errorf("open the room: %w", err)
		}
		r.take(row)
	}
	return nil
}

// settling is for how long somebody new counts as there: only then has every central
// been able to say so to the others.
const settling = 3 * time.Second

// settle notes the largest number that is not new.
func (r *room) settle(now time.Time) {
	f := &r.fold
	f.news = append(f.news, news{at: now, last: r.last.Load()})
	n := 0
	for n+1 < len(f.news) && now.Sub(f.news[n+1].at) >= settling {
		n++
	}
	f.news = append(f.news[:0], f.news[n:]...)
	if now.Sub(f.news[0].at) >= settling {
		f.settled = f.news[0].last
	}
}

// forget drops those who are not to be let in any more, or were.
func (r *room) forget(now time.Time) {
	grace := r.row().Settings.Grace
	r.fold.skips = slices.DeleteFunc(r.fold.skips, func(s skip) bool {
		fate := r.fate.load(s.number)
		return fate>>fateShift != fateSkipped || now.After(fromSeconds(fate&maxSeconds).Add(grace))
	})
	if len(r.fold.skips) == 0 {
		r.fold.skips = nil // gives the memory back
	}
}

// returned is a record for each who was passed over and is there again: that they
// are let in, as far as that is due, and otherwise, before the grace is over, that
// they were there.
func (r *room) returned(now time.Time) (records [][]byte, spent int) {
	sec, grace := seconds(now), r.row().Settings.Grace
	for _, s := range r.fold.skips {
		if len(records) == maxLeaves/2 {
			break
		}
		fate := r.fate.load(s.number)
		if fate>>fateShift != fateSkipped || !r.heard(s.number, sec) && !r.elsewhere(s.rank) {
			continue
		}
		rec := record{kind: recordSeen, at: now, number: s.number}
		switch {
		case float64(spent)+1 <= r.fold.budget:
			rec.kind = recordBack
			spent++
		case now.Sub(fromSeconds(fate&maxSeconds)) < grace/2:
			continue
		}
		records = append(records, rec.encode())
	}
	return records, spent
}

// pass moves the watermark over as many as are due and there, and over those who
// are not there. people are those who were there.
func (r *room) pass(now time.Time, spent int, settled uint32) (rec record, people int) {
	o, sec, last := r.shown.Load().order, seconds(now), r.last.Load()
	from := r.mark.Load()
	rec = record{kind: recordStep, at: now, from: from, to: from}
	for rec.to < last && rec.to-from < maxScan && len(rec.skipped) < maxSkips {
		rank := rec.to + 1
		number := o.number(rank)
		switch {
		case r.fate.load(number)>>fateShift == fateLeft:
		case number <= settled && !r.present(number, sec) && !r.elsewhere(rank):
			rec.skipped = append(rec.skipped, rank)
		case float64(spent+people)+1 > r.fold.budget:
			return rec, people
		default:
			people++
		}
		rec.to = rank
	}
	return rec, people
}

// elsewhere reports whether some central has lately said that it heard of somebody.
func (r *room) elsewhere(rank uint32) bool {
	w := &r.fold.window
	if rank < w.From || int64(rank-w.From) >= 8*int64(len(w.Bits)) {
		return false
	}
	return w.Bits[(rank-w.From)/8]&(1<<((rank-w.From)%8)) != 0
}

// share tells the other centrals who was heard of here, and hears from them.
func (r *room) share(ctx context.Context, now time.Time) error {
	r.fold.mu.Lock()
	defer r.fold.mu.Unlock()
	o := r.shown.Load().order
	if o == nil {
		return nil
	}
	mark, last, sec := r.mark.Load(), r.last.Load(), seconds(now)
	low := mark + 1
	for _, s := range r.fold.skips {
		low = min(low, s.rank)
	}
	ahead := uint32(max(maxScan, 4*r.row().Settings.Rate/60)) //nolint:gosec // small
	if mark > maxWindow-ahead {
		low = max(low, mark-(maxWindow-ahead))
	}
	w := Window{From: (low-1)/8*8 + 1}
	if high := min(last, mark+ahead); high >= w.From {
		w.Bits = make([]byte, (high-w.From)/8+1)
		for rank := w.From; rank <= high; rank++ {
			if number := o.number(rank); r.heard(number, sec) || rank > mark && r.present(number, sec) {
				w.Bits[(rank-w.From)/8] |= 1 << ((rank - w.From) % 8)
			}
		}
	}
	union, err := r.q.cfg.Engine.Presence(ctx, r.event, w)
	if err != nil {
		return err
	}
	r.fold.window = union
	return nil
}
