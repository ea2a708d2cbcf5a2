package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// room is one waiting room in memory: 8 bytes a person, and 8 more for those who
// were shuffled.
type room struct {
	q     *Queue
	event ticket.EventID

	// What polls read, without a lock. The mark is stored after everything that a
	// step changes besides.
	taking  sync.Mutex // held while shown is replaced
	shown   atomic.Pointer[view]
	steps   atomic.Pointer[[]step]        // appended to under fold.mu
	mark    atomic.Uint32                 // watermark: ranks up to it were passed
	last    atomic.Uint32                 // largest number known to be issued
	due     pages                         // by number: seconds until which they count as there
	fate    pages                         // by number: see fate
	amnesty atomic.Uint64                 // seconds ‖ number: up to that number all count as there until then
	retry   atomic.Int64                  // when the crowd is asked to come again
	enters  atomic.Uint64                 // how often somebody was let in, or told again where they stand
	fast    atomic.Uint64                 // ranks passed a second, as float64 bits, at best …
	slow    atomic.Uint64                 // … and at worst
	pulse   atomic.Pointer[chan struct{}] // closed and replaced when the mark moved

	fold fold

	watchers map[uint32]int // by number; guarded by q.watchMu

	asks  chan *ask
	stop  chan struct{} // closed to end serve
	ended chan struct{} // closed by serve
}

// view is a room's row with what follows from it.
type view struct {
	row   Room
	order *order // nil until the room is open
}

// step is where the watermark stood from a time on.
type step struct {
	to uint32
	at time.Time
}

// fold is what moving the watermark needs to know. All fields are guarded by mu.
type fold struct {
	mu      sync.Mutex
	seen    int     // records folded
	skips   []skip  // passed over in silence and still within the grace, in order
	window  Window  // who was heard of anywhere, about a second ago
	news    []news  // how many there were in the last seconds, oldest first
	settled uint32  // numbers up to it are not new
	budget  float64 // people that may be admitted now
	pace    pace    // measured
	enters  uint64  // as of the last tick
	rush    float64 // who enter here a second, as a mean of some seconds
	counted Counts  // but for Waiting and Lobby
}

// news is how many people there were at a time.
type news struct {
	at   time.Time
	last uint32
}

// skip is somebody who was passed over.
type skip struct{ number, rank uint32 }

// The fate of a number: a kind in the upper two bits, and when, in seconds.
const (
	fateNone    = 0
	fateSkipped = 1 // and when they were last there, if they came back
	fateBack    = 2 // skipped, and let in later
	fateLeft    = 3

	fateShift = 30
)

func newRoom(q *Queue, row Room) *room {
	r := &room{q: q, event: row.Event, asks: make(chan *ask, maxBatch), stop: make(chan struct{}), ended: make(chan struct{}), watchers: make(map[uint32]int)}
	r.steps.Store(&[]step{})
	first := make(chan struct{})
	r.pulse.Store(&first)
	r.retry.Store(int64(minRetry))
	return r
}

// end lets serve return. The caller holds q.mu.
func (r *room) end() {
	select {
	case <-r.stop:
	default:
		close(r.stop)
	}
}

// take takes over what the store says. What is fixed once for all stays, though the
// row was read before it was fixed.
func (r *room) take(row Room) {
	r.taking.Lock()
	defer r.taking.Unlock()
	v := &view{row: row}
	if old := r.shown.Load(); old != nil {
		if v.row.Sealed.IsZero() {
			v.row.Sealed, v.row.People, v.row.List = old.row.Sealed, old.row.People, old.row.List
		}
		if v.row.Opened.IsZero() {
			v.row.Opened, v.row.Beacon = old.row.Opened, old.row.Beacon
		}
		v.order = old.order
	}
	if v.order == nil && !v.row.Opened.IsZero() {
		v.order = newOrder(v.row)
	}
	r.shown.Store(v)
}

func (r *room) row() Room { return r.shown.Load().row }

// know notes that numbers up to last exist.
func (r *room) know(last uint32) {
	for {
		old := r.last.Load()
		if last <= old || r.last.CompareAndSwap(old, last) {
			return
		}
	}
}

// forgive lets everybody up to now count as there until then, or for as long as they
// do already.
func (r *room) forgive(until time.Time) {
	end := max(uint64(seconds(until)), r.amnesty.Load()>>32)
	r.amnesty.Store(end<<32 | uint64(r.last.Load()))
}

// heard reports whether the number was heard of here lately enough.
func (r *room) heard(number, now uint32) bool { return r.due.load(number) >= now }

// present is heard, or that it could not be.
func (r *room) present(number, now uint32) bool {
	if r.heard(number, now) {
		return true
	}
	a := r.amnesty.Load()
	return now <= uint32(a>>32) && number <= uint32(a&(1<<32-1))
}

// admittedAt is when the watermark passed a rank that is at most mark.
func (r *room) admittedAt(rank uint32) time.Time {
	steps := *r.steps.Load()
	low, high := 0, len(steps)
	for low < high {
		if mid := (low + high) / 2; steps[mid].to < rank {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(steps) {
		return time.Time{}
	}
	return steps[low].at
}

// sync folds what the log has that is new. It keeps what is there when it fails.
func (r *room) sync(ctx context.Context) error {
	r.fold.mu.Lock()
	defer r.fold.mu.Unlock()
	return r.syncLocked(ctx)
}

func (r *room) syncLocked(ctx context.Context) error {
	first := r.last.Load() == 0 && r.fold.seen == 0
	records, last, err := r.q.cfg.Engine.Records(ctx, r.event, r.fold.seen)
	if err != nil {
		return err
	}
	r.know(last)
	if first && last > 0 { // of an earlier process: nobody could be heard of yet
		r.forgive(r.q.now().Add(r.row().Settings.Silence + 2*maxRetry))
	}
	for _, b := range records {
		rec, err := parseRecord(b)
		if err != nil {
			return fmt.Errorf("log of event %s: %w", r.event, err)
		}
		if rec.kind == recordStep && r.shown.Load().order == nil {
			return nil // opened by another central: the store says so soon
		}
		r.apply(rec)
		r.fold.seen++
	}
	return nil
}

// apply folds one record. Doubles, and steps that another was quicker to make, do
// nothing.
func (r *room) apply(rec record) {
	f := &r.fold
	switch rec.kind {
	case recordLeft:
		if r.fate.load(rec.number)>>fateShift != fateLeft {
			f.counted.Left++
			r.fate.store(rec.number, fateLeft<<fateShift|seconds(rec.at))
		}
	case recordBack:
		if r.fate.load(rec.number)>>fateShift == fateSkipped {
			f.counted.Back++
			r.fate.store(rec.number, fateBack<<fateShift|seconds(rec.at))
		}
	case recordSeen:
		if old := r.fate.load(rec.number); old>>fateShift == fateSkipped && old&maxSeconds < seconds(rec.at) {
			r.fate.store(rec.number, fateSkipped<<fateShift|seconds(rec.at))
		}
	case recordStep:
		r.applyStep(rec)
	}
}

func (r *room) applyStep(rec record) {
	mark := r.mark.Load()
	if rec.to <= mark {
		return
	}
	o := r.shown.Load().order
	skipped := uint32(0)
	for _, rank := range rec.skipped {
		number := o.number(rank)
		if rank <= mark || r.fate.load(number)>>fateShift != fateNone {
			continue
		}
		skipped++
		r.fate.store(number, fateSkipped<<fateShift|seconds(rec.at))
		r.fold.skips = append(r.fold.skips, skip{number: number, rank: rank})
	}
	r.fold.counted.Skipped += uint64(skipped)
	r.fold.counted.Passed += uint64(rec.to - mark)
	steps := append(*r.steps.Load(), step{to: rec.to, at: rec.at})
	r.steps.Store(&steps)
	r.know(rec.to)
	r.mark.Store(rec.to)
	next := make(chan struct{})
	close(*r.pulse.Swap(&next))
}

// patience is for how long after they should have asked somebody counts as there.
func (r *room) patience() time.Duration {
	return r.row().Settings.Silence + time.Duration(r.retry.Load())
}

func (r *room) log() *slog.Logger { return r.q.cfg.Logger.With(slog.String("event", r.event.String())) }
