package mint

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// shift is one run of a worker: what it keeps in memory only saves questions. Actions
// go down two lanes, that of those which are wanted and that of those under way, each
// of which works on one batch at a time; what is to be sent is sent beside both.
type shift struct {
	*Worker
	units units
	price price
	pace  pace

	wanted, flying lane
	ended          chan struct{} // a lane has, or something was sent
	sending        chan struct{} // a place for each batch that is being sent
	all            sync.WaitGroup

	lock  sync.Mutex // guards what follows
	purse purse
	due   map[int64]look  // when those that are open are to be looked at
	cost  map[int64]int64 // lamports, of those that are signed and not known to have landed
	busy  map[int64]int   // who is being worked on, and by how many

	groups map[ticket.EventID]time.Time // when a collection may be opened again
}

// look is when a lane is to look at an action.
type look struct {
	at   time.Time
	lane *lane
}

// lane works on one batch of actions after the other. Its fields are guarded by the
// shift's lock.
type lane struct {
	running bool
	wait    time.Duration // after it failed; zero while all goes well
	until   time.Time     // that it waits
}

func newShift(w *Worker) *shift {
	return &shift{
		Worker: w, pace: pace{slot: w.cfg.Look}, units: units{base: make(map[string]uint64), refused: make(map[int64]int)},
		ended: make(chan struct{}, 1), sending: make(chan struct{}, sendingMost),
		due: make(map[int64]look), cost: make(map[int64]int64), busy: make(map[int64]int), groups: make(map[ticket.EventID]time.Time),
	}
}

const (
	sendingMost = 8 // batches that are being sent at once
	flyingMost  = 4 // batches that are signed and not known to have landed, before no more are begun
)

// work hands actions to lanes until ctx ends.
func (s *shift) work(ctx context.Context) {
	defer s.all.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var wait time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		case <-s.ended:
		}
		before := s.troubled()
		err := s.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait = min(max(2*wait, s.cfg.Look), troubleMost)
			s.trouble(ctx, troubleOf(err), err)
			if !sleep(ctx, wait) { // whatever else happens is no reason to try sooner
				return
			}
			timer.Reset(0)
			continue
		}
		wait = 0
		if s.calm() {
			s.well(before)
		}
		timer.Reset(s.quiet())
	}
}

// calm reports whether no lane is in trouble.
func (s *shift) calm() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.wanted.wait == 0 && s.flying.wait == 0
}

// quiet is for how long nothing is due, at most a poll.
func (s *shift) quiet() time.Duration {
	now := s.cfg.Now()
	s.lock.Lock()
	defer s.lock.Unlock()
	until := now.Add(s.cfg.Poll)
	for id, d := range s.due {
		if s.busy[id] > 0 || d.lane.running { // whose end is heard of
			continue
		}
		if d.lane.until.After(d.at) {
			d.at = d.lane.until
		}
		if d.at.Before(until) {
			until = d.at
		}
	}
	return max(until.Sub(now), time.Millisecond)
}

// round reads what is due and hands it to those lanes that are free.
func (s *shift) round(ctx context.Context) error {
	s.lock.Lock()
	limit := s.cfg.Batch + len(s.busy)
	s.lock.Unlock()
	due, err := s.cfg.Store.Due(ctx, limit)
	if err != nil {
		return fmt.Errorf("read actions: %w", err)
	}
	wanted, flying := s.sort(due)
	if s.room() && len(wanted) < s.cfg.Batch {
		fresh, err := s.begin(ctx, s.cfg.Batch-len(wanted))
		if err != nil {
			return err
		}
		wanted = append(wanted, fresh...)
	}
	s.start(ctx, &s.wanted, wanted, s.prepare)
	s.start(ctx, &s.flying, flying, s.watch)
	if len(due) > 0 || len(wanted) > 0 {
		s.backlog(due)
		return nil
	}
	return s.rest(ctx)
}

// sort tells apart what nobody works on.
func (s *shift) sort(due []Action) (wanted, flying []Action) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, a := range due {
		switch {
		case s.busy[a.ID] > 0:
		case a.State == Wanted:
			wanted = append(wanted, a)
		default:
			flying = append(flying, a)
		}
	}
	return wanted, flying
}

// room reports whether more may be begun.
func (s *shift) room() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.wanted.free(s.cfg.Now()) && len(s.cost) < flyingMost*s.cfg.Batch
}

func (l *lane) free(now time.Time) bool { return !l.running && !l.until.After(now) }

func (s *shift) backlog(due []Action) {
	var oldest time.Duration
	for i := range due {
		oldest = max(oldest, s.cfg.Now().Sub(due[i].Created))
	}
	s.cfg.Observe.Backlog(len(due), oldest)
}

// start has a lane work on actions, if it is free.
func (s *shift) start(ctx context.Context, l *lane, actions []Action, do func(context.Context, []Action) error) {
	if len(actions) == 0 {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if !l.free(s.cfg.Now()) {
		return
	}
	l.running = true
	s.take(actions)
	s.all.Go(func() {
		err := do(ctx, actions)
		s.end(ctx, l, err)
		s.lock.Lock()
		s.give(actions)
		l.running = false
		s.lock.Unlock()
		s.notify()
	})
}

// end notes how a lane fared.
func (s *shift) end(ctx context.Context, l *lane, err error) {
	if err != nil {
		s.trouble(ctx, troubleOf(err), err)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if err == nil {
		l.wait, l.until = 0, time.Time{}
		return
	}
	l.wait = min(max(2*l.wait, s.cfg.Look), troubleMost)
	l.until = s.cfg.Now().Add(l.wait)
}

// take and give say who is being worked on. The caller holds the lock.
func (s *shift) take(actions []Action) {
	for i := range actions {
		delete(s.due, actions[i].ID)
		s.busy[actions[i].ID]++
	}
}

func (s *shift) give(actions []Action) {
	for i := range actions {
		if id := actions[i].ID; s.busy[id] > 1 {
			s.busy[id]--
		} else {
			delete(s.busy, id)
		}
	}
}

func (s *shift) notify() {
	select {
	case s.ended <- struct{}{}:
	default:
	}
}

// rest is a round in which nothing is due.
func (s *shift) rest(ctx context.Context) error {
	now := s.cfg.Now()
	s.lock.Lock()
	for id, d := range s.due { // that was due and is not: another worker has done it
		if d.at.Before(now) && s.busy[id] == 0 {
			delete(s.due, id)
			delete(s.cost, id)
		}
	}
	asked := s.purse.asked
	s.lock.Unlock()
	if now.Sub(asked) < countEvery {
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
			of := &s.flying
			if a.State == Wanted {
				of = &s.wanted
				delete(s.cost, a.ID) // nothing of it is on its way
			}
			s.due[a.ID] = look{a.Due, of}
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
