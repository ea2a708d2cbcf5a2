package mint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/mint/chain"
)

// troubleMost is the longest that the worker waits after something went wrong.
const troubleMost = 15 * time.Second

// Run works until ctx ends, and then returns nil. Neither a store nor a cluster that
// is away ends it.
func (w *Worker) Run(ctx context.Context) error {
	w.running(true)
	defer w.running(false)
	s := newShift(w)
	if !s.open(ctx) {
		return nil
	}
	var g errgroup.Group
	g.Go(func() error { s.work(ctx); return nil })
	g.Go(func() error { w.walk(ctx); return nil })
	return g.Wait()
}

func (w *Worker) running(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Running = is
}

// trouble notes what could not be done.
func (w *Worker) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	w.status.Trouble = what
	w.troubles++
	w.mu.Unlock()
	w.cfg.Observe.Trouble(what)
	w.cfg.Logger.WarnContext(ctx, "a part of the mint's work could not be done; it is tried again",
		slog.String("trouble", what), slog.Any("error", err))
}

// well takes back what trouble said, unless there was more of it than there had been.
func (w *Worker) well(before int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.troubles == before {
		w.status.Trouble = ""
	}
}

func (w *Worker) troubled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.troubles
}

// troubleOf is the stable word for an error.
func troubleOf(err error) string {
	for _, known := range []struct {
		is   error
		word string
	}{
		{chain.ErrGenesis, "cluster"},
		{ErrGenesis, "cluster"},
		{chain.ErrBusy, "busy"},
		{chain.ErrBehind, "behind"},
		{chain.ErrUnavailable, "unavailable"},
		{chain.ErrRejected, "rejected"},
		{errKeys, "keys"},
		{chain.ErrSigner, "signer"},
	} {
		if errors.Is(err, known.is) {
			return known.word
		}
	}
	return "store"
}

// at is where a test may end the work, see [Worker.pause].
func (w *Worker) at(ctx context.Context, step string) error {
	if w.pause != nil {
		if err := w.pause(ctx, step); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// shift is one run of a worker. What is in it need not last: it only saves questions.
// It is owned by the goroutine of work, but for what says otherwise.
type shift struct {
	*Worker
	pace  pace
	units units
	price price
	purse purse

	lock sync.Mutex          // guards what follows
	due  map[int64]time.Time // when those that are open are to be looked at
	cost map[int64]int64     // lamports, of those that are signed and not known to have landed
}

func newShift(w *Worker) *shift {
	return &shift{
		Worker: w, pace: pace{slot: w.cfg.Look}, units: newUnits(), price: price{},
		due: make(map[int64]time.Time), cost: make(map[int64]int64),
	}
}

// open finds out whether the cluster is that of the store's tokens, and reports
// whether it is: not before ctx ends.
func (s *shift) open(ctx context.Context) bool {
	wait := s.cfg.Poll
	for {
		err := s.cluster(ctx)
		if err == nil {
			return true
		}
		s.trouble(ctx, troubleOf(err), err)
		if !sleep(ctx, wait) {
			return false
		}
		wait = min(2*wait, troubleMost)
	}
}

// cluster pins the cluster that the tokens are on.
func (s *shift) cluster(ctx context.Context) error {
	genesis, err := s.cfg.Chain.Genesis(ctx)
	if err != nil {
		return fmt.Errorf("genesis hash: %w", err)
	}
	kept, err := s.cfg.Store.Cluster(ctx, genesis.String())
	if err != nil {
		return fmt.Errorf("cluster of the tokens: %w", err)
	}
	if kept != genesis.String() {
		return fmt.Errorf("tokens are on the cluster %s: %w", kept, ErrGenesis)
	}
	s.cfg.Chain.Pin(genesis)
	return nil
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// work makes rounds until ctx ends.
func (s *shift) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var wait time.Duration
	wake := s.wake
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-wake:
		}
		before := s.troubled()
		full, err := s.round(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // something new is no reason to try sooner
			wake, wait = nil, min(max(2*wait, s.cfg.Look), troubleMost)
			s.trouble(ctx, troubleOf(err), err)
		case full:
			wake, wait = s.wake, 0
			s.well(before)
		default:
			wake, wait = s.wake, s.until()
			s.well(before)
		}
		timer.Reset(wait)
	}
}

// until is how long nothing is due, at most a poll.
func (s *shift) until() time.Duration {
	now := s.cfg.Now()
	wait := s.cfg.Poll
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, t := range s.due {
		wait = min(wait, t.Sub(now))
	}
	return max(wait, time.Millisecond)
}

// round does what there is to do, and reports whether there was as much as it does at
// once.
func (s *shift) round(ctx context.Context) (full bool, err error) {
	due, err := s.cfg.Store.Due(ctx, s.cfg.Batch)
	if err != nil {
		return false, fmt.Errorf("read actions: %w", err)
	}
	if room := s.cfg.Batch - len(due); room > 0 {
		fresh, err := s.begin(ctx, room)
		if err != nil {
			return false, err
		}
		due = append(due, fresh...)
	}
	if len(due) == 0 {
		return false, s.rest(ctx)
	}
	s.cfg.Observe.Backlog(len(due), s.cfg.Now().Sub(slices.MinFunc(due, func(a, b Action) int { return a.Created.Compare(b.Created) }).Created))
	var wanted, flying []Action
	s.lock.Lock()
	for _, a := range due {
		delete(s.due, a.ID)
		if a.State == Wanted {
			wanted = append(wanted, a)
		} else {
			flying = append(flying, a)
		}
	}
	s.lock.Unlock()
	// What is under way goes first: the purse depends on it, and its time runs.
	err = errors.Join(s.watch(ctx, flying), s.prepare(ctx, wanted))
	return len(due) >= s.cfg.Batch, err
}

// rest is a round in which nothing is due.
func (s *shift) rest(ctx context.Context) error {
	now := s.cfg.Now()
	s.lock.Lock()
	for id, t := range s.due { // that was due and is not: another worker has done it
		if t.Before(now) {
			delete(s.due, id)
			delete(s.cost, id)
		}
	}
	s.lock.Unlock()
	if now.Sub(s.purse.asked) < countEvery {
		return nil
	}
	if err := s.count(ctx); err != nil {
		return err
	}
	s.alarm(ctx)
	return nil
}

// begin opens actions for tokens that are not what they shall be.
func (s *shift) begin(ctx context.Context, room int) ([]Action, error) {
	tokens, err := s.cfg.Store.Unsettled(ctx, room)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	now := s.cfg.Now()
	var open []Action
	for i := range tokens {
		a, ok := next(&tokens[i])
		if !ok {
			continue
		}
		a.Due = now
		open = append(open, a)
	}
	if len(open) == 0 {
		return nil, nil
	}
	opened, err := s.cfg.Store.Begin(ctx, open)
	if err != nil {
		return nil, fmt.Errorf("open actions: %w", err)
	}
	return opened, s.at(ctx, "opened")
}

// save stores what was changed and returns what was stored: an action that somebody
// else has changed since is left to them.
func (s *shift) save(ctx context.Context, changed []Action) ([]Action, error) {
	if len(changed) == 0 {
		return nil, nil
	}
	saved, err := s.cfg.Store.Save(ctx, changed)
	if err != nil {
		return nil, fmt.Errorf("store actions: %w", err)
	}
	now := s.cfg.Now()
	kept := saved[:0]
	s.lock.Lock()
	defer s.lock.Unlock()
	for i, a := range saved {
		if a.ID == 0 {
			delete(s.cost, changed[i].ID)
			continue
		}
		kept = append(kept, a)
		if a.State.Open() {
			s.due[a.ID] = a.Due
			continue
		}
		delete(s.due, a.ID)
		delete(s.cost, a.ID)
		s.cfg.Observe.Ended(a.Kind, a.State, now.Sub(a.Created), a.Attempt)
		if a.State == Failed {
			s.cfg.Logger.ErrorContext(ctx, "something about a ticket's token needs a person",
				slog.Int64("action", a.ID), slog.String("kind", string(a.Kind)), slog.String("reason", string(a.Reason)), slog.Int("attempts", a.Attempt))
		}
	}
	return kept, nil
}

// pace is how long a slot takes, as it is seen.
type pace struct {
	slot time.Duration // the estimate
	at   time.Time
	seen uint64
}

// paceOver is how many slots an estimate is made of, at least.
const paceOver = 8

// see notes that the cluster is at a slot.
func (p *pace) see(now time.Time, slot uint64) {
	switch {
	case p.seen == 0 || slot < p.seen:
		p.at, p.seen = now, slot
	case slot-p.seen >= paceOver:
		p.slot = min(max(now.Sub(p.at)/time.Duration(min(slot-p.seen, 1<<20)), time.Millisecond), time.Second) // #nosec G115 -- bounded
		p.at, p.seen = now, slot
	}
}

// slots is how long some slots take.
func (p *pace) slots(n uint64) time.Duration {
	return time.Duration(min(n, 1<<10)) * p.slot // #nosec G115 -- bounded
}
