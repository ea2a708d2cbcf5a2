package turnstile

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Wires are the outputs and inputs of a turnstile that has nothing but contacts:
// most have, whatever else they speak. Unlock and Watch are called by one
// goroutine each, at the same time.
type Wires interface {
	// Unlock energises the output that unlocks a direction, or releases it. An error
	// that wraps [ErrInDoubt] means that the output may have moved all the same.
	Unlock(ctx context.Context, d Direction, on bool) error

	// Watch tells the inputs, at once and after each change, in order, until ctx
	// ends or the wires fail.
	Watch(ctx context.Context, see func(Inputs)) error

	// Close releases the outputs, as far as it can, and the device.
	Close() error
}

// timed is what wires may do besides: energise an output for a time, and release it
// by themselves. Errors are those of Unlock.
type timed interface {
	UnlockFor(ctx context.Context, d Direction, window time.Duration) error
}

// Inputs are what a turnstile says about itself. One that is not wired is false.
type Inputs struct {
	Passed [2]bool // by direction: a pulse or a level when somebody has gone through
	Fault  bool    // out of service: the turnstile's "ready" has fallen
	Alarm  bool    // jam, forced rotor, climbed over: staff must look
	Fire   bool    // the release loop has opened: it stands open for everybody
}

// WiresConfig says how a turnstile with contacts behaves.
type WiresConfig struct {
	// Open connects; it is called again, after a pause, when the wires failed. Required.
	Open func(context.Context) (Wires, error)

	Now    func() time.Time // stamps events. Required.
	Logger *slog.Logger     // Required.

	// Level holds the output for as long as the grant is armed. Without it the
	// output is energised for Pulse, and the turnstile measures its own window.
	Level bool

	// Pulse is how long a pulse lasts: 100 ms to 2 s; zero means 200 ms.
	Pulse time.Duration

	// Blind says, by direction, that no passage is wired: a grant counts as used when
	// its window ends, because nobody can tell.
	Blind [2]bool

	// Queue is how many accepted grants may wait behind the armed one. Zero means 2.
	Queue int
}

// Bounds of driving contacts.
const (
	defaultPulse = 200 * time.Millisecond
	minPulse     = 100 * time.Millisecond
	maxPulse     = 2 * time.Second

	// rest is how long an output stays released before the next grant: a turnstile
	// counts edges.
	rest = 100 * time.Millisecond
	// slack is how much longer than the grant we wait for its passage: the
	// turnstile's window began later than ours, and its contact comes after the person.
	slack = time.Second
	// roomLook is between looks whether somebody reads again.
	roomLook = 100 * time.Millisecond
	// wireTimeout bounds one command to the wires.
	wireTimeout = 500 * time.Millisecond
	// firstReturn and lastReturn are the pauses before wires that failed are opened again.
	firstReturn = 250 * time.Millisecond
	lastReturn  = 5 * time.Second
	maxQueue    = 64
)

func (c WiresConfig) check() (WiresConfig, error) {
	switch {
	case c.Open == nil || c.Now == nil || c.Logger == nil:
		return c, errors.New("wired lane needs Open, Now and Logger")
	case c.Pulse != 0 && (c.Pulse < minPulse || c.Pulse > maxPulse):
		return c, errors.New("wired lane: a pulse lasts 100 ms to 2 s")
	case c.Queue < 0 || c.Queue > maxQueue:
		return c, errors.New("wired lane: the queue holds 0 to 64")
	}
	if c.Pulse == 0 {
		c.Pulse = defaultPulse
	}
	if c.Queue == 0 {
		c.Queue = 2
	}
	return c, nil
}
