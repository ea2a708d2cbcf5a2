package lane

// Inputs are the levels of all inputs. Every one but the key reads 1 while all
// is well, so that a cut wire is an alarm or a fault and never goes unnoticed;
// all wires cut is zero, which frees the lane.
type Inputs uint8

// The inputs.
const (
	Home        Inputs = 1 << iota // the rotor is at rest (within its dead band, about 8 degrees)
	ClearA                         // the beam on side A is not interrupted
	ClearB                         // the beam on side B is not interrupted
	LoopClosed                     // the fire loop: normally closed; open frees the lane
	CoverClosed                    // the tamper contact
	PowerGood                      // the supply; 0 while it is failing
	KeyTurned                      // the staff key: its turning ends an alarm that waits for it

	// AllWell is a lane at rest.
	AllWell = Home | ClearA | ClearB | LoopClosed | CoverClosed | PowerGood
)

const inputs = 7

// senses are the debounced inputs.
type senses struct {
	level   Inputs         // as debounced
	pending Inputs         // differ from level, not yet for long enough
	since   [inputs]uint32 // since when; valid while pending

	darkAt [2]uint32 // since when each beam is interrupted with the rotor home; see counting
	timing [2]bool   // darkAt is valid
	stuck  [2]bool
	unseen [2]uint8 // passages since the beam was last interrupted
}

// sense debounces the inputs and returns which of them changed.
func (l *Lane) sense(in Inputs) (changed Inputs) {
	s := &l.senses
	if !l.begun {
		s.level = in
		return 0
	}
	for i := range inputs {
		bit := Inputs(1) << i
		switch {
		case (in^s.level)&bit == 0:
			s.pending &^= bit
			continue
		case s.pending&bit == 0:
			s.pending |= bit
			s.since[i] = l.now
		}
		if l.now-s.since[i] >= l.debounce(bit) {
			s.pending &^= bit
			s.level ^= bit
			changed |= bit
		}
	}
	return changed
}

func (l *Lane) debounce(bit Inputs) uint32 {
	switch bit {
	case Home:
		return l.cfg.RotorMS
	case ClearA, ClearB:
		return l.cfg.BeamMS
	case LoopClosed:
		return 0 // see watchAlarm
	}
	return l.cfg.SlowMS
}

// beams returns the near and the far beam of a direction.
func beams(way Direction) (near, far Inputs) {
	if way == Out {
		return ClearB, ClearA
	}
	return ClearA, ClearB
}

// dark reports whether a beam is interrupted.
func (l *Lane) dark(beam Inputs) bool { return l.senses.level&beam == 0 }

// watchLoops tells of the cover and the supply.
func (l *Lane) watchLoops(changed Inputs) {
	level := l.senses.level
	if !l.begun {
		changed = ^level & (CoverClosed | PowerGood) // what is wrong at the start is told
	}
	if changed&CoverClosed != 0 {
		l.emit(either(level&CoverClosed != 0, CoverShut, CoverOpened), NoWay, 0, 0)
	}
	if changed&PowerGood != 0 {
		l.emit(either(level&PowerGood != 0, PowerBack, PowerFailed), NoWay, 0, 0)
	}
}

func either(cond bool, a, b Kind) Kind {
	if cond {
		return a
	}
	return b
}

// blindAfter is how many passages in a row may leave a beam uninterrupted.
const blindAfter = 5

// watchBeams finds beams that are interrupted for too long, or never.
func (l *Lane) watchBeams() {
	s := &l.senses
	for d := In; d <= Out; d++ {
		beam, _ := beams(d)
		if !l.dark(beam) {
			s.timing[d] = false
			if s.stuck[d] {
				s.stuck[d] = false
				l.emit(BeamBack, d, 0, 0)
			}
			continue
		}
		if s.unseen[d] >= blindAfter {
			l.emit(BeamBack, d, 0, 0)
		}
		s.unseen[d] = 0
		switch {
		case !l.home():
			s.timing[d] = false
		case !s.timing[d]:
			s.timing[d], s.darkAt[d] = true, l.now
		case !s.stuck[d] && l.now-s.darkAt[d] >= l.cfg.StuckMS:
			s.stuck[d] = true
			l.emit(BeamStuck, d, 0, 0)
		}
	}
}

// missed counts a passage for the beams that it did not interrupt.
func (l *Lane) missed() {
	s := &l.senses
	for d := In; d <= Out; d++ {
		if s.unseen[d] < blindAfter {
			s.unseen[d]++
			if s.unseen[d] == blindAfter {
				l.emit(BeamBlind, d, 0, 0)
			}
		}
	}
}

// doubtful reports whether a direction's far beam cannot be relied on.
func (l *Lane) doubtful(far Direction) bool {
	return l.senses.stuck[far&1] || l.senses.unseen[far&1] >= blindAfter
}
