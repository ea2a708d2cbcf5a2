package journal

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// HLC is a hybrid logical timestamp (Kulkarni et al., 2014): Unix milliseconds
// in the upper 48 bits, a counter in the lower 16. Timestamps of one [Clock]
// strictly increase and stay close to the wall clock, so comparing two of them
// as numbers orders everything that could have known of each other.
type HLC uint64

const (
	counterBits = 16
	maxMillis   = 1<<48 - 1
)

// MaxAhead is how far a remote timestamp may lie before this device's own time to
// be followed: as far as a device whose clock nobody disciplines may be off. A
// single device with a wild clock must not drag all others with it: their entries
// would be dated by its clock for as long. What it says it did is not affected.
const MaxAhead = 5 * time.Minute

// ErrFuture means that a remote timestamp is more than [MaxAhead] ahead.
var ErrFuture = errors.New("timestamp is too far in the future")

// At returns the first timestamp of the millisecond that t falls into. Times
// before 1970 and after the year 10889 become the nearest that can be written.
func At(t time.Time) HLC {
	ms := min(max(t.UnixMilli(), 0), maxMillis)
	return HLC(uint64(ms) << counterBits)
}

// Time returns the wall-clock part, in UTC, to the millisecond.
func (h HLC) Time() time.Time {
	return time.UnixMilli(int64(h >> counterBits)).UTC()
}

// Counter returns the logical part.
func (h HLC) Counter() uint16 {
	return uint16(h & math.MaxUint16)
}

// String returns the time in RFC 3339 with milliseconds, and the counter.
func (h HLC) String() string {
	return fmt.Sprintf("%s#%d", h.Time().Format("2006-01-02T15:04:05.000Z07:00"), h.Counter())
}

// Clock hands out timestamps that never go backwards, whatever the wall clock
// does. It is safe for concurrent use.
type Clock struct {
	now func() time.Time // set once

	mu   sync.Mutex
	last HLC // guarded by mu
}

// NewClock starts a clock that reads the wall clock with now and continues after
// last, the greatest timestamp that this device ever wrote (zero for a new
// device). The caller must read last from the same disk as the journal.
func NewClock(now func() time.Time, last HLC) *Clock {
	return &Clock{now: now, last: last}
}

// Now returns a timestamp greater than every one returned or observed before.
// When the wall clock stands still or falls behind, the counter counts; when the
// counter is full it carries into the milliseconds. Only at the very last
// timestamp (year 10889) does it repeat itself instead of wrapping round.
func (c *Clock) Now() HLC {
	wall := At(c.now())
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case wall > c.last:
		c.last = wall
	case c.last < math.MaxUint64:
		c.last++
	}
	return c.last
}

// Observe takes note of another device's timestamp, so that everything this
// device writes from now on is later than it, and [Clock.Ahead] says by how much
// too late. It returns [ErrFuture] and changes nothing if remote is more than
// [MaxAhead] ahead of the wall clock.
func (c *Clock) Observe(remote HLC) error {
	now := c.now()
	if ahead := remote.Time().Sub(now); ahead > MaxAhead {
		return fmt.Errorf("%s is %s ahead, the most is %s: %w", remote, ahead, MaxAhead, ErrFuture)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.last, remote)
	return nil
}

// Ahead returns by how much the clock leads the wall clock: a wall clock that was
// set back, a wrong one that was later corrected, or another device's that was
// observed. It is zero in normal times and belongs to the uncertainty of every
// entry that is dated by this clock.
func (c *Clock) Ahead() time.Duration {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.last.Time().Sub(now))
}
