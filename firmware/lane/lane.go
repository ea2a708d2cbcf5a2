// Package lane decides what one turnstile lane does: which direction is held,
// who has passed, turned back, forced or jammed it, and what its lamps show. It
// is a state machine without heap, clock or port: [Lane.Step] takes the time and
// the level of every input and returns the level of every output, [Lane.Do]
// takes the panel's commands. The same code runs in the controller, in its
// emulator and in the host's tests.
//
// It speaks no protocol, touches no pin and checks no ticket. It trusts its own
// inputs, and the caller of Do, which must have authenticated the panel. It
// trusts nobody for the fire loop: no command, mode or configuration holds
// anyone while the loop is open.
//
// # The lane
//
// People come from side A in direction [In] and from side B in direction [Out].
// Each side has a beam; seen from a direction, the beam on its own side is the
// near one and the other the far one. The beams must be mounted so that
// somebody who walks through reaches the far beam before the rotor (or flap)
// is home again. Each direction has a lock that is energised to hold.
//
//	Locked   --grant-->                        Armed
//	Armed    --rotor leaves home-->            Passing
//	Passing  --home, far beam crossed-->       Locked    Passed
//	Passing  --home, far beam not crossed-->   Armed
//	Armed    --came back, near beam clear-->   Locked    TurnedBack
//	Armed    --nobody within the time-out-->   Locked    Expired
//	Passing  --not home for 30 s-->            Jammed    Jammed
//	Locked   --rotor leaves home-->            Forced    Forced
//	Forced, Jammed --home-->                   Locked    Cleared
//	any      --fire loop open-->               Free      Freed
//	Free     --loop closed, restored-->        Locked    Restored
//
// A direction's [Mode] may be Open: it is not held, and who uses it without a
// grant is counted apart ([FreePassed]). One grant is armed at a time, in the
// order of acceptance, whichever its direction.
//
// Where the sensors leave a doubt (a far beam that is stuck, somebody lingering
// in it), the passage counts as used and its event carries [Unsure]: giving an
// entry back that was used lets two people in.
//
// # Time
//
// Times are milliseconds of a counter that wraps; only differences below 2^31
// are formed. Step must be called at least every few milliseconds (a board
// calls it from its main loop) and now must never run backwards.
package lane

// State is what the lane is doing.
type State uint8

// The states.
const (
	Locked       State = iota // at rest: holds each direction that is not open
	Armed                     // released for the first waiting grant
	Passing                   // the rotor is off its rest position, rightly
	Forced                    // the rotor moved though both directions are held
	Jammed                    // the rotor did not come home in time
	Free                      // alarm: nobody is held
	OutOfService              // at rest: holds both directions, takes no grant
)

// String returns the stable word for the state.
func (s State) String() string {
	switch s {
	case Locked:
		return "locked"
	case Armed:
		return "armed"
	case Passing:
		return "passing"
	case Forced:
		return "forced"
	case Jammed:
		return "jammed"
	case Free:
		return "free"
	case OutOfService:
		return "out_of_service"
	}
	return "unknown"
}

// Direction is the way somebody walks.
type Direction uint8

// The directions. They equal those of the gate's turnstile port.
const (
	In    Direction = iota // from side A to side B
	Out                    // from side B to side A
	NoWay                  // of an event that has no direction, or an unknown one
)

// String returns the stable word for the direction.
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	case NoWay:
		return "none"
	}
	return "unknown"
}

// Lane is one lane. Call [Lane.Start] before anything else. It is not safe for
// concurrent use: the one main loop owns it.
type Lane struct {
	cfg   Config
	now   uint32
	begun bool // a first Step has read the inputs
	state State
	out   Outputs
	mode  [2]Mode
	off   bool // out of service

	senses  senses
	alarm   alarm
	panel   panel
	queue   queue
	passage passage
	ring    ring
	count   Counters

	chirp timer // the buzzer, for a while
	flash [2]timer
	siren timer // how long Forced and Jammed sound
}

// Start sets the lane up as after a reset, with Booted as its first event. The
// outputs are those of an alarm (nothing held) until the first Step.
func (l *Lane) Start(now uint32, cfg Config) {
	*l = Lane{cfg: cfg.bounded(), now: now}
	l.mode = l.cfg.Modes
	l.panel.lost = true
	l.emit(Booted, NoWay, 0, uint16(l.cfg.Reason))
}

// Step reads the inputs at a time, advances the lane and returns its outputs.
// No output changes anywhere else.
func (l *Lane) Step(now uint32, in Inputs) Outputs {
	l.now = now
	was := l.senses.level
	changed := l.sense(in)
	if !l.begun {
		was, changed = l.senses.level, 0
	}
	l.watchLoops(changed)
	l.watchPanel()
	if l.watchAlarm(in, changed) {
		l.turn(was, changed)
	}
	l.watchBeams()
	l.begun = true
	l.out = l.signals()
	return l.out
}

// turn moves the lane on outside an alarm. The order matters: a rotor that has
// left starts a passage, then the beams are attributed to it, then a rotor that
// is home ends it.
func (l *Lane) turn(was, changed Inputs) {
	if !l.begun && !l.home() {
		l.begin(was, true)
	}
	switch l.state {
	case Locked, Armed, OutOfService:
		if !l.home() {
			l.leaveHome(was)
		}
	case Passing, Forced, Jammed, Free:
	}
	switch l.state {
	case Locked, OutOfService, Free:
	case Armed:
		l.waitForPerson(changed)
	case Passing:
		l.followBeams(changed)
		if l.home() {
			l.endPassage()
		} else if l.now-l.passage.since >= l.cfg.JamMS {
			l.jam()
		}
	case Forced, Jammed:
		l.followBeams(changed)
		if l.home() {
			l.clear()
		}
	}
}

// rest puts the lane at rest and arms the next waiting grant.
func (l *Lane) rest() {
	l.passage = passage{}
	l.siren = timer{}
	switch {
	case l.off:
		l.state = OutOfService
	case l.queue.armed:
		l.state = Armed
	case l.queue.n > 0:
		l.arm()
	default:
		l.state = Locked
	}
}

// home reports whether the rotor is at rest, debounced.
func (l *Lane) home() bool { return l.senses.level&Home != 0 }

// open reports whether a direction's mode leaves it unheld.
func (l *Lane) open(d Direction) bool { return !l.off && l.mode[d&1] == Open }
