package turnstile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Config says how a software lane behaves.
type Config struct {
	// Now is the clock that events are stamped with. Required.
	Now func() time.Time

	// Queue is how many accepted grants may wait behind the armed one. Zero
	// means 2.
	Queue int

	// Script, if not nil, plays the person: it is asked once for each armed
	// grant what happens and how long after. The kind must be [Passed],
	// [TurnedBack], [Jam] or [Fault]; any other means that nobody moves.
	// Without a script, Push and TurnBack are the only person.
	Script func(Grant) (Kind, time.Duration)
}

// AutoPassage returns a script in which everybody walks through after that delay.
func AutoPassage(after time.Duration) func(Grant) (Kind, time.Duration) {
	return func(Grant) (Kind, time.Duration) { return Passed, after }
}

// Software is a lane made of nothing but timers. It is safe for concurrent use.
type Software struct {
	cfg  Config
	feed *feed

	// mu guards all fields below.
	mu      sync.Mutex
	closed  bool
	stuck   Kind    // Jam, Free or Fault while the lane cannot serve, else 0
	waiting []Grant // accepted; waiting[0] is armed
	timer   *time.Timer
	actor   *time.Timer
}

var _ Lane = (*Software)(nil)

// New starts a software lane. The context bounds nothing but the start; Close
// ends the lane.
func New(_ context.Context, cfg Config) (*Software, error) {
	if cfg.Now == nil {
		return nil, errors.New("software lane without a clock")
	}
	if cfg.Queue < 0 || cfg.Queue > 64 {
		return nil, fmt.Errorf("software lane with a queue of %d, want 0 to 64", cfg.Queue)
	}
	if cfg.Queue == 0 {
		cfg.Queue = 2
	}
	return &Software{cfg: cfg, feed: newFeed(cfg.Now)}, nil
}

// Events returns the lane's events.
func (s *Software) Events() <-chan Event { return s.feed.events }

// Grant accepts a passage; see [Lane].
func (s *Software) Grant(ctx context.Context, g Grant) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("grant %d: %w", g.ID, err)
	}
	g, err := g.check()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Errorf("grant %d: %w", g.ID, ErrClosed)
	case s.stuck != 0:
		return fmt.Errorf("grant %d: lane reports %s: %w", g.ID, s.stuck, ErrFault)
	case len(s.waiting) > s.cfg.Queue:
		return fmt.Errorf("grant %d: %d are waiting: %w", g.ID, len(s.waiting), ErrBusy)
	case s.feed.full():
		return fmt.Errorf("grant %d: nobody reads the lane's events: %w", g.ID, ErrBusy)
	case slices.ContainsFunc(s.waiting, func(w Grant) bool { return w.ID == g.ID }):
		return fmt.Errorf("grant %d: given twice: %w", g.ID, ErrInvalid)
	}
	s.waiting = append(s.waiting, g)
	if len(s.waiting) == 1 {
		s.armLocked()
	}
	return nil
}

// Push is a person who walks into the lane. With a grant armed they pass, and
// Push returns that grant's id. A locked lane does not move: Push returns zero.
func (s *Software) Push() uint64 { return s.act(Passed) }

// TurnBack is a person who entered the lane and left it the way they came. It
// returns the id of the grant that this ended, or zero.
func (s *Software) TurnBack() uint64 { return s.act(TurnedBack) }

// Inject makes the lane report [Forced], [Jam], [Free], [Fault] or [Ready]. A
// jam, a free lane and a fault end every outstanding grant and refuse new ones
// until Ready.
func (s *Software) Inject(k Kind) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("inject %s: %w", k, ErrClosed)
	}
	if s.feed.full() {
		return fmt.Errorf("inject %s: nobody reads the lane's events: %w", k, ErrBusy)
	}
	switch k {
	case Forced:
		s.feed.emit(0, Forced)
	case Ready:
		s.stuck = 0
		s.feed.emit(0, Ready)
	case Jam, Free, Fault:
		s.failLocked(k)
	case Armed, Passed, Expired, TurnedBack:
		return fmt.Errorf("inject %s: comes of a grant only: %w", k, ErrInvalid)
	default:
		return fmt.Errorf("inject %s: %w", k, ErrInvalid)
	}
	return nil
}

// Close locks the lane, ends its outstanding grants with [Fault] and closes the
// event channel once the reader has taken what was left, or has gone.
func (s *Software) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.failLocked(Fault)
	}
	s.mu.Unlock()
	s.feed.close()
	return nil
}

// armLocked opens the lane for the first waiting grant.
func (s *Software) armLocked() {
	g := s.waiting[0]
	s.feed.emit(g.ID, Armed)
	s.timer = time.AfterFunc(g.Timeout, func() { s.end(g.ID, Expired) })
	if s.cfg.Script == nil {
		return
	}
	kind, after := s.cfg.Script(g)
	switch kind {
	case Passed, TurnedBack:
		s.actor = time.AfterFunc(after, func() { s.end(g.ID, kind) })
	case Jam, Fault:
		s.actor = time.AfterFunc(after, func() { s.endStuck(g.ID, kind) })
	case Armed, Expired, Forced, Free, Ready:
	}
}

// act ends the armed grant, whichever it is.
func (s *Software) act(k Kind) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return 0
	}
	id := s.waiting[0].ID
	s.endLocked(id, k)
	return id
}

func (s *Software) end(id uint64, k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(id, k)
}

func (s *Software) endStuck(id uint64, k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 && s.waiting[0].ID == id {
		s.failLocked(k)
	}
}

// endLocked ends the armed grant if it still is that one: a timer that fired
// while somebody passed finds another grant, or none, and does nothing.
func (s *Software) endLocked(id uint64, k Kind) {
	if len(s.waiting) == 0 || s.waiting[0].ID != id {
		return
	}
	s.stopLocked()
	s.feed.emit(id, k)
	s.waiting = slices.Delete(s.waiting, 0, 1)
	if len(s.waiting) > 0 {
		s.armLocked()
	}
}

// failLocked ends all grants; the lane serves none until Ready.
func (s *Software) failLocked(k Kind) {
	s.stopLocked()
	s.stuck = k
	if len(s.waiting) == 0 {
		s.feed.emit(0, k)
	}
	for _, g := range s.waiting {
		s.feed.emit(g.ID, k)
	}
	s.waiting = nil
}

func (s *Software) stopLocked() {
	for _, t := range []*time.Timer{s.timer, s.actor} {
		if t != nil {
			t.Stop()
		}
	}
	s.timer, s.actor = nil, nil
}
