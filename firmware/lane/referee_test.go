package lane_test

import (
	"fmt"

	"github.com/con-ting/conting/firmware/lane"
)

// referee knows what must be true of any lane at any time. It reads the events
// that are waiting before anybody confirms them.
type referee struct {
	accepted int // grants
	ended    int
	passed   int
	seen     uint32 // the newest event it has read
	modes    [2]lane.Mode
	known    bool
}

func (r *referee) command(c lane.Command, a lane.Answer) {
	if c.Op == lane.GrantOne && a == lane.Accepted {
		r.accepted++
	}
}

func (r *referee) step(l *lane.Lane, in lane.Inputs, out lane.Outputs) error {
	s := l.Status()
	if err := r.read(l); err != nil {
		return err
	}
	if !r.known {
		r.known, r.modes = true, s.Modes
	}
	controlled := s.Modes[0] == lane.Controlled && s.Modes[1] == lane.Controlled
	switch {
	case s.Outputs != out:
		return fmt.Errorf("status has outputs %08b, step gave %08b", s.Outputs, out)
	case in&lane.LoopClosed == 0 && (out&lane.Hold != 0 || s.State != lane.Free):
		return fmt.Errorf("fire loop open: state %s, outputs %08b", s.State, out)
	case s.State == lane.Free && (out&lane.Hold != 0 || s.Grants != 0):
		return fmt.Errorf("free with outputs %08b and %d grants", out, s.Grants)
	case r.passed > r.accepted:
		return fmt.Errorf("%d passed on %d grants", r.passed, r.accepted)
	case r.accepted-r.ended != int(s.Grants):
		return fmt.Errorf("%d grants accepted, %d ended, %d held", r.accepted, r.ended, s.Grants)
	case s.Grants > lane.QueueSize:
		return fmt.Errorf("%d grants held", s.Grants)
	case controlled && (s.State == lane.Locked || s.State == lane.Forced) && out&lane.Hold != lane.Hold,
		s.State == lane.OutOfService && out&lane.Hold != lane.Hold:
		return fmt.Errorf("%s, yet outputs %08b", s.State, out)
	case s.State == lane.Locked && s.Grants != 0, s.State == lane.Armed && s.Grants == 0:
		return fmt.Errorf("%s with %d grants", s.State, s.Grants)
	case controlled && s.State == lane.Armed && out&lane.Hold != lane.HoldA && out&lane.Hold != lane.HoldB:
		return fmt.Errorf("armed for one direction, outputs %08b", out)
	}
	for _, side := range []lane.Outputs{lane.GreenA | lane.RedA, lane.GreenB | lane.RedB} {
		if out&side == side {
			return fmt.Errorf("a lamp is green and red: %08b", out)
		}
	}
	return nil
}

// read takes in the events that are new, and holds their numbers to the promise.
func (r *referee) read(l *lane.Lane) error {
	for i := range l.Waiting() {
		e, ok := l.Event(i)
		if !ok {
			return fmt.Errorf("event %d of %d cannot be read", i, l.Waiting())
		}
		if int32(e.Seq-r.seen) <= 0 {
			continue
		}
		if e.Seq != r.seen+1 {
			return fmt.Errorf("event %d follows %d", e.Seq, r.seen)
		}
		r.seen = e.Seq
		if e.Kind == lane.Passed {
			r.passed++
		}
		if ends(e) {
			r.ended++
		}
	}
	if _, ok := l.Event(l.Waiting()); ok {
		return fmt.Errorf("an event after the last of %d", l.Waiting())
	}
	return nil
}

// ends reports whether an event is the last of its grant.
func ends(e lane.Event) bool {
	return e.Kind >= lane.Passed && e.Kind <= lane.Revoked || e.Kind == lane.JamBegan && e.Detail&lane.Moved != 0
}
