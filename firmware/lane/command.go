package lane

// Mode says who may use a direction.
type Mode uint8

// The modes.
const (
	Controlled Mode = iota // held, unless a grant is armed
	Open                   // never held
	Closed                 // always held; grants are refused
)

// String returns the stable word for the mode.
func (m Mode) String() string {
	switch m {
	case Controlled:
		return "controlled"
	case Open:
		return "free"
	case Closed:
		return "locked"
	}
	return "unknown"
}

// Op is what a command asks for.
type Op uint8

// The operations, with the fields that each reads.
const (
	NoOp      Op = iota // nothing; like all, it shows that the panel is there
	GrantOne            // Way, Grant, MS: let one person through
	RevokeOne           // Grant: take back an unused grant; zero takes all back
	SetMode             // Way (NoWay for both), Mode
	StopService
	StartService
	Restore // end an alarm that waits for it; the loop must be closed
	Beep    // MS: sound
	Refuse  // Way (NoWay for both), MS: that side's red lamp flashes
)

// MaxSignalMS bounds Beep and Refuse.
const MaxSignalMS uint32 = 10_000

// Command is one thing that a panel asks for.
type Command struct {
	Op   Op
	Way  Direction
	Mode Mode

	// Grant ties events to a grant. A panel counts it up; zero is an anonymous
	// grant, for panels that cannot name one. A number that the lane holds, or
	// one of the last [Memory] it has taken, is not taken again.
	Grant uint32

	// MS is the grant's time-out (zero means Config.GrantMS) or a signal's length.
	MS uint32
}

// Answer is what became of a command.
type Answer uint8

// The answers. Only Accepted has changed anything.
const (
	Accepted  Answer = iota
	Duplicate        // this grant was accepted before: it does not open twice
	Busy             // as many grants wait as there is room for
	Refused          // not in this state
	Invalid          // a field makes no sense
)

// String returns the stable word for the answer.
func (a Answer) String() string {
	switch a {
	case Accepted:
		return "accepted"
	case Duplicate:
		return "duplicate"
	case Busy:
		return "busy"
	case Refused:
		return "refused"
	case Invalid:
		return "invalid"
	}
	return "unknown"
}

// Do carries a panel's command out and counts as having heard the panel. The
// outputs follow at the next Step.
func (l *Lane) Do(now uint32, c Command) Answer {
	l.Heard(now)
	switch c.Op {
	case NoOp:
		return Accepted
	case GrantOne:
		return l.grant(c)
	case RevokeOne:
		return l.revoke(c.Grant)
	case SetMode:
		return l.setMode(c)
	case StopService:
		return l.stop()
	case StartService:
		return l.resume()
	case Restore:
		if l.state != Free || l.alarm.causes != 0 {
			return Refused
		}
		l.alarm.restore = true
		return Accepted
	case Beep:
		if c.MS == 0 || c.MS > MaxSignalMS {
			return Invalid
		}
		l.chirp.start(l.now, c.MS)
		return Accepted
	case Refuse:
		if c.MS == 0 || c.MS > MaxSignalMS || c.Way > NoWay {
			return Invalid
		}
		for d := In; d <= Out; d++ {
			if c.Way == d || c.Way == NoWay {
				l.flash[d].start(l.now, c.MS)
			}
		}
		return Accepted
	}
	return Invalid
}

func (l *Lane) setMode(c Command) Answer {
	if c.Way > NoWay || c.Mode > Closed {
		return Invalid
	}
	for d := In; d <= Out; d++ {
		if c.Way != d && c.Way != NoWay || l.mode[d] == c.Mode {
			continue
		}
		l.mode[d] = c.Mode
		l.emit(ModeChange, d, 0, uint16(c.Mode))
		if c.Mode == Closed {
			l.takeBack(d, CauseMode)
		}
	}
	return Accepted
}

func (l *Lane) stop() Answer {
	if l.off {
		return Accepted
	}
	l.off = true
	l.emit(ServiceOff, NoWay, 0, 0)
	l.takeBack(NoWay, CauseMode)
	return Accepted
}

func (l *Lane) resume() Answer {
	if !l.off {
		return Accepted
	}
	l.off = false
	l.emit(ServiceOn, NoWay, 0, 0)
	if l.state == OutOfService {
		l.rest()
	}
	return Accepted
}
