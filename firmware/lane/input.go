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

// lateness is how long before the rotor moves a beam's interruption still tells
// where somebody comes from.
const lateness = 3000

// senses are the debounced inputs.
type senses struct {
	level   Inputs         // as debounced
	pending Inputs         // differ from level, not yet for long enough
	since   [inputs]uint32 // since when; valid while pending

	// By the side of the beam:
	timing [2]bool   // it is dark with the rotor home
	darkAt [2]uint32 // since when
	stuck  [2]bool
	lately [2]bool // it is dark or was within lateness
	seenAt [2]uint32
	unseen [2]uint8 // passages in a row that missed it
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

// debounce returns how long an input must keep a level.
func (l *Lane) debounce(bit Inputs) uint32 {
	switch {
	case bit == Home:
		return l.cfg.RotorMS
	case bit&(ClearA|ClearB) != 0:
		return l.cfg.BeamMS
	case bit == LoopClosed:
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

// blindAfter is how many passages in a row may interrupt the other beam only.
const blindAfter = 5

// watchBeams finds beams that are interrupted for too long, or never.
func (l *Lane) watchBeams() {
	s := &l.senses
	for d := In; d <= Out; d++ {
		beam, _ := beams(d)
		if !l.dark(beam) {
			s.lately[d] = s.lately[d] && l.now-s.seenAt[d] < lateness
			s.timing[d] = false
			if s.stuck[d] {
				s.stuck[d] = false
				l.emit(BeamBack, d, 0, 0)
			}
			continue
		}
		if l.blind(d) {
			l.emit(BeamBack, d, 0, 0)
		}
		s.lately[d], s.seenAt[d], s.unseen[d] = true, l.now, 0
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

// blind reports whether a side's beam seems never to be interrupted.
func (l *Lane) blind(side Direction) bool { return l.senses.unseen[side&1] >= blindAfter }
