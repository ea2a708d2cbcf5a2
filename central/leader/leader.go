// Package leader decides which of several centrals does the work that one must do
// alone: publishing, handing the outbox out, offering places, asking providers.
//
// The seat is one row of the database that all share. Its holder raises a counter in
// it, the beat; whoever sees the same beat for a whole lease, by their own clock, may
// take the seat, with one conditional statement, and a higher term. Clocks are never
// compared: one that is set forward or back moves no seat, because durations are
// measured by the monotonic clock. The holder stops working when its beat has not
// been confirmed for three quarters of the lease, counted from before it was sent:
// so it has stopped before anybody else may begin, unless the process was frozen.
//
// That is why the lease is not what keeps things right, only what keeps them calm.
// All work of a leader is fenced where it writes: a publisher's and a consumer's
// cursor move only from where they were seen, a version exists once, an offer and a
// payment change state in one conditional statement. Two leaders would be a waste,
// and the second to write would be told.
//
// It does no work itself and knows no SQL. The database is trusted, and so is every
// central that may write to it.
package leader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrLost is returned by a [Store] when the seat is not as the caller saw it.
var ErrLost = errors.New("the seat was taken by another central")

// Seat is who leads, as the database has it.
type Seat struct {
	Holder  string // of the central that has it; empty when nobody does
	Address string // where other centrals reach the holder
	Term    uint64 // grows with each new holder
	Beat    uint64 // grows as long as the holder lives
}

// Store keeps the seat. Each method is one transaction.
type Store interface {
	// Seat returns the seat; all zero before anybody ever had it.
	Seat(ctx context.Context) (Seat, error)

	// Take gives the seat to a holder, with the next term, unless its term or beat is
	// other than in seen: then the error wraps [ErrLost].
	Take(ctx context.Context, seen Seat, holder, address string) (Seat, error)

	// Renew raises the beat. If holder or term are other than in mine, the error
	// wraps [ErrLost].
	Renew(ctx context.Context, mine Seat) (Seat, error)

	// Release empties the seat, so that nobody need wait. If holder or term are other
	// than in mine, the error wraps [ErrLost].
	Release(ctx context.Context, mine Seat) error
}

// Limits of [Config.Lease].
const (
	MinLease     = time.Second
	MaxLease     = 10 * time.Minute
	DefaultLease = 20 * time.Second
)

// Config is what an [Election] needs. Fields without a default are required.
type Config struct {
	Store Store

	// Holder names this central, other than every other that shares the database. If
	// it also was the name of the one that ran here before, the seat is taken at once
	// when that one had it: whoever starts it makes sure that it has ended.
	Holder string

	// Address is where other centrals reach this one.
	Address string

	// Lease is how long a leader may be silent before another takes the seat,
	// [MinLease] to [MaxLease]. All centrals must have the same. [DefaultLease].
	Lease time.Duration

	// Work is what the leader does. It runs while this central leads, with a context
	// that ends when it does not any more, and must then return soon. If it returns
	// before, the seat is given up for others to take.
	Work func(ctx context.Context, term uint64) error

	Logger *slog.Logger
	Now    func() time.Time
}

// Election takes part in the election. Its methods are safe for concurrent use.
type Election struct {
	cfg Config

	mu    sync.Mutex // guards what follows
	seen  Seat       // as last read
	until time.Time  // this central leads until then; zero when it does not
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Election, error) {
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	switch {
	case cfg.Store == nil || cfg.Holder == "" || cfg.Work == nil || cfg.Logger == nil || cfg.Now == nil:
		return nil, errors.New("leader: store, holder, work, logger and now are required")
	case cfg.Lease < MinLease || cfg.Lease > MaxLease:
		return nil, fmt.Errorf("leader: lease of %s, want %s to %s", cfg.Lease, MinLease, MaxLease)
	}
	return &Election{cfg: cfg}, nil
}

// Leads reports whether this central leads now.
func (e *Election) Leads() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cfg.Now().Before(e.until)
}

// Leader returns where the leader is reached, as far as is known here; an empty
// address for nobody. It may have ceased to lead.
func (e *Election) Leader() (address string, self bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cfg.Now().Before(e.until) {
		return e.cfg.Address, true
	}
	if e.seen.Holder == e.cfg.Holder { // it was this one
		return "", false
	}
	return e.seen.Address, false
}
