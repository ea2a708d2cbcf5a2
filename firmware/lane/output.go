package lane

// Outputs are the levels of all outputs. Zero holds nobody: an unpowered lane
// is free.
type Outputs uint8

// The outputs.
const (
	HoldA  Outputs = 1 << iota // energises the lock against who comes from side A ([In])
	HoldB                      // energises the lock against who comes from side B ([Out])
	GreenA                     // lamps that side A sees
	RedA
	GreenB
	RedB
	Buzzer
	Ready // relay: the lane takes grants
)

// Hold is both locks.
const Hold = HoldA | HoldB

// alarmChirp is how long the buzzer tells of tailgating and wrong way.
const alarmChirp = 2000

// timer is something that lasts for a while.
type timer struct {
	on   bool
	from uint32
	ms   uint32
}

func (t *timer) start(now, ms uint32) { *t = timer{on: true, from: now, ms: ms} }

// running reports whether the time is not over. It must be asked at least once
// in 2^31 ms, as every Step does.
func (t *timer) running(now uint32) bool {
	if t.on && now-t.from >= t.ms {
		t.on = false
	}
	return t.on
}

// signals returns the outputs of the present state.
func (l *Lane) signals() Outputs {
	var out Outputs
	var free [2]bool // released in this direction
	for d := In; d <= Out; d++ {
		free[d] = l.released(d)
		hold, green, red := lamps(d)
		if !free[d] {
			out |= hold
		}
		if l.inviting(d) {
			out |= green
		} else {
			out |= red
		}
		if l.flash[d].running(l.now) && l.state != Free {
			out &^= green | red
			if (l.now-l.flash[d].from)/250%2 == 0 {
				out |= red
			}
		}
	}
	siren, chirp := l.siren.running(l.now), l.chirp.running(l.now)
	if siren || chirp || l.state == Free && l.now/500%2 == 0 {
		out |= Buzzer
	}
	if l.takesGrants() {
		out |= Ready
	}
	return out
}

// released reports whether a direction is not held.
func (l *Lane) released(d Direction) bool {
	switch l.state {
	case Free, Jammed:
		return true
	case Passing:
		return l.passage.opened[d&1]
	case Armed:
		return l.queue.grant[0].way == d || l.open(d)
	case Locked:
		return l.open(d)
	case Forced, OutOfService:
	}
	return false
}

// inviting reports whether a direction's lamp is green.
func (l *Lane) inviting(d Direction) bool {
	switch l.state {
	case Free:
		return true
	case Armed:
		return l.queue.grant[0].way == d || l.open(d)
	case Locked, Passing:
		return l.open(d)
	case Forced, Jammed, OutOfService:
	}
	return false
}

func lamps(d Direction) (hold, green, red Outputs) {
	if d == Out {
		return HoldB, GreenB, RedB
	}
	return HoldA, GreenA, RedA
}
