// Package turnstile is the port between a decision and the thing that lets a
// person through: one [Lane] interface, and a software lane for the desk, the
// demo and the tests. Drivers for real controllers implement the same port.
//
// It decides nothing and records nothing. A driver trusts its caller's grants
// and its own sensors only; it never opens without a grant, and it never loses
// an event that belongs to one.
package turnstile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors that a caller of [Lane.Grant] branches on.
var (
	// ErrBusy means that the lane already holds as many grants as it can queue.
	// The lane did not and will not open for this grant.
	ErrBusy = errors.New("lane is busy")

	// ErrFault means that the lane cannot open. It did not and will not open
	// for this grant.
	ErrFault = errors.New("lane fault")

	// ErrInDoubt means that the driver cannot tell whether the lane opened: the
	// link was lost after the command had left. A caller must treat the
	// admission as consumed and flag it.
	ErrInDoubt = errors.New("lane may have opened")

	// ErrClosed means that Close was called.
	ErrClosed = errors.New("lane is closed")

	// ErrInvalid means that the grant itself is impossible.
	ErrInvalid = errors.New("invalid grant")
)

// Lane is one turnstile, door or flap. Implementations are safe for concurrent
// use and keep these promises:
//
//   - Grants are served in the order in which they were accepted; one is armed
//     at a time, and a grant's time-out starts when it is armed.
//   - Grant returns nil only when the lane has accepted the grant. Any error
//     that does not wrap [ErrInDoubt] means that it never opens for this grant.
//   - Every accepted grant ends with exactly one event of a kind for which
//     [Kind.Ends] is true.
//   - Events carry numbers without a gap, from 1, in the order in which they
//     happened. None is dropped: a driver whose reader has gone refuses grants
//     with [ErrBusy] before it would lose one.
//   - Close ends the outstanding grants with [Fault], delivers what a reader
//     still takes within its bounds, and closes the event channel.
type Lane interface {
	// Grant lets one person through. It returns soon: it waits for the driver to
	// accept the command, never for the person.
	Grant(ctx context.Context, g Grant) error

	// Events returns the one channel of this lane. It has one reader.
	Events() <-chan Event

	// Close releases the device and locks the lane. It may be called twice.
	Close() error
}

// Direction is the way a grant opens.
type Direction uint8

// The directions. Exits come with the lanes that read tickets on both sides.
const (
	In Direction = iota
	Out
)

// String returns the stable word for the direction.
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	}
	return fmt.Sprintf("direction(%d)", uint8(d))
}

// Bounds and defaults of a grant.
const (
	DefaultTimeout = 5 * time.Second
	MaxTimeout     = time.Minute
)

// Grant is the permission for one passage.
type Grant struct {
	// ID ties events to the grant. The caller chooses it and never uses it
	// twice on one lane; zero is no grant.
	ID uint64

	Direction Direction

	// Timeout is how long the lane stays armed. Zero means [DefaultTimeout]; more
	// than [MaxTimeout] is refused.
	Timeout time.Duration
}

// check fills in the default and reports what no lane can serve.
func (g Grant) check() (Grant, error) {
	if g.Timeout == 0 {
		g.Timeout = DefaultTimeout
	}
	switch {
	case g.ID == 0:
		return g, fmt.Errorf("grant without an id: %w", ErrInvalid)
	case g.Direction > Out:
		return g, fmt.Errorf("grant %d: %s: %w", g.ID, g.Direction, ErrInvalid)
	case g.Timeout < 0 || g.Timeout > MaxTimeout:
		return g, fmt.Errorf("grant %d: time-out of %s, the most is %s: %w", g.ID, g.Timeout, MaxTimeout, ErrInvalid)
	}
	return g, nil
}

// Kind is what happened at a lane.
type Kind uint8

// The kinds of events.
const (
	Armed      Kind = iota + 1 // the lane is open for this grant
	Passed                     // the far sensor saw the person: the entry is consumed
	Expired                    // nobody went through in time: the entry is given back
	TurnedBack                 // the person went back out: the entry is given back
	Forced                     // somebody went through without a grant
	Jam                        // the lane is stuck; staff must look
	Free                       // the lane stands open for all (fire, power loss)
	Fault                      // the controller or the link to it failed
	Ready                      // a jam, free state or fault is over
)

// Kinds lists every kind, in the order above.
func Kinds() []Kind {
	return []Kind{Armed, Passed, Expired, TurnedBack, Forced, Jam, Free, Fault, Ready}
}

// String returns the stable word for the kind.
func (k Kind) String() string {
	switch k {
	case Armed:
		return "armed"
	case Passed:
		return "passed"
	case Expired:
		return "expired"
	case TurnedBack:
		return "turned_back"
	case Forced:
		return "forced"
	case Jam:
		return "jam"
	case Free:
		return "free"
	case Fault:
		return "fault"
	case Ready:
		return "ready"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Ends reports whether an event of this kind that names a grant is its last.
func (k Kind) Ends() bool {
	switch k {
	case Passed, Expired, TurnedBack, Jam, Free, Fault:
		return true
	case Armed, Forced, Ready:
		return false
	}
	return false
}

// Event is one thing that happened at a lane.
type Event struct {
	Seq   uint64 // from 1, without a gap
	Grant uint64 // the grant it belongs to, zero for none
	Kind  Kind
	At    time.Time
}
