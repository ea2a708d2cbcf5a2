package lane

// Config says how a lane behaves. A zero field means its default; a value
// beyond its bounds is brought to the nearest bound, so that a damaged
// configuration still makes a lane that works. Times are milliseconds.
type Config struct {
	// Modes are those of [In] and [Out] after a start. Zero is [Controlled].
	Modes [2]Mode

	// Boot numbers this start. It must differ from start to start (a counter
	// kept with the key): it is how a panel tells a restart from a gap.
	Boot uint16

	// Reason is why the controller started; see [Booted].
	Reason Reason

	// GrantMS is the time-out of a grant that names none: 5000, 500 to [MaxGrantMS].
	GrantMS uint32

	// JamMS is how long the rotor may be off its rest position in a passage:
	// 30000, 1000 to 300000.
	JamMS uint32

	// TurnBackMS is how long the near beam must be clear, with the rotor home
	// again, before somebody counts as turned back: 1000, 100 to 10000.
	TurnBackMS uint32

	// PanelMS is how long a silent panel is still there: 8000, 1000 to 60000.
	PanelMS uint32

	// StuckMS is how long a beam may be interrupted with the rotor at home
	// before it counts as stuck: 60000, 5000 to 600000.
	StuckMS uint32

	// RestoreMS is how long a fire loop must be closed before it counts as
	// closed: 500, 100 to 60000. An open loop counts at once.
	RestoreMS uint32

	// AlarmMS is how long a forced or jammed lane sounds: 30000, 1000 to 600000.
	AlarmMS uint32

	// RotorMS, BeamMS and SlowMS are how long an input must keep a level before
	// it counts: 5, 1 to 100 for the rotor; 10, 1 to 200 for the beams; 50, 1
	// to 1000 for cover, power and key.
	RotorMS, BeamMS, SlowMS uint32

	// ManualRestore keeps the lane free after an alarm until somebody gives
	// [Restore] or turns the key.
	ManualRestore bool

	// FreeOnPowerFail frees the lane while the supply is failing.
	FreeOnPowerFail bool
}

// Bounds of a grant's time-out, in milliseconds.
const (
	MinGrantMS uint32 = 500
	MaxGrantMS uint32 = 60_000
)

func (c Config) bounded() Config {
	for i := range c.Modes {
		if c.Modes[i] > Closed {
			c.Modes[i] = Controlled
		}
	}
	if c.Reason > Software {
		c.Reason = UnknownReason
	}
	c.GrantMS = within(c.GrantMS, 5000, MinGrantMS, MaxGrantMS)
	c.JamMS = within(c.JamMS, 30_000, 1000, 300_000)
	c.TurnBackMS = within(c.TurnBackMS, 1000, 100, 10_000)
	c.PanelMS = within(c.PanelMS, 8000, 1000, 60_000)
	c.StuckMS = within(c.StuckMS, 60_000, 5000, 600_000)
	c.RestoreMS = within(c.RestoreMS, 500, 100, 60_000)
	c.AlarmMS = within(c.AlarmMS, 30_000, 1000, 600_000)
	c.RotorMS = within(c.RotorMS, 5, 1, 100)
	c.BeamMS = within(c.BeamMS, 10, 1, 200)
	c.SlowMS = within(c.SlowMS, 50, 1, 1000)
	return c
}

func within(v, normal, low, high uint32) uint32 {
	if v == 0 {
		return normal
	}
	return min(max(v, low), high)
}

// Reason is why the controller started.
type Reason uint8

// The reasons.
const (
	UnknownReason Reason = iota
	PowerOn
	Watchdog
	BrownOut
	Pin      // the reset pin
	Software // asked for, as after an update
)
