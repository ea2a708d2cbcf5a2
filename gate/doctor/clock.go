package doctor

import (
	"context"
	"fmt"
	"time"
)

// Time is what the gate knows about the time.
type Time struct {
	Synchronised bool          // the kernel says that something disciplines its clock
	Uncertainty  time.Duration // how wrong it may be
	Source       string        // "ntp", "beacon", "rtc"
}

// Clock checks that the gate knows the time well enough for rotating passes.
type Clock struct {
	Read func(ctx context.Context) (Time, error)
}

// The limits of the clock check: beyond warnClock a code of four seconds is
// judged too widely, beyond failClock only challenge passes are accepted.
const (
	warnClock = 2 * time.Second
	failClock = 60 * time.Second
)

// Name returns "clock".
func (Clock) Name() string { return "clock" }

// Look reads the clock's state.
func (c Clock) Look(ctx context.Context) Finding {
	const advice = "enable time synchronisation: timedatectl set-ntp true, or point chrony at the venue's server"
	t, err := c.Read(ctx)
	if err != nil {
		return Finding{Level: Fail, Found: "cannot read the clock: " + err.Error(), Advice: advice}
	}
	f := Finding{Found: fmt.Sprintf("%s, ± %s, source %s", word(t.Synchronised, "synchronised", "not synchronised"), t.Uncertainty.Round(time.Millisecond), t.Source)}
	switch {
	case t.Uncertainty > failClock:
		f.Level, f.Advice = Fail, advice+"; until then only challenge passes enter"
	case !t.Synchronised || t.Uncertainty > warnClock:
		f.Level, f.Advice = Warn, advice
	}
	return f
}

func word(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
