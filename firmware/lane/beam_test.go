package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// turn is a turn of the rotor with somebody at the near beam and nothing at the
// far one: they turned back, or the far beam sees nobody.
func turn(r *rig) {
	r.t.Helper()
	r.down(lane.ClearA)
	r.down(lane.Home)
	r.up(lane.ClearA)
	r.up(lane.Home)
	r.run(1000)
}

func TestStuckBeam(t *testing.T) {
	t.Run("far", func(t *testing.T) {
		r := newRig(t, lane.Config{})
		r.down(lane.ClearB)
		r.run(59_900)
		r.want("booted =0")
		r.run(100)
		r.want("beam_stuck out")
		if !r.l.Status().Stuck[out] {
			t.Error("status does not say that the beam is stuck")
		}
		// It proves nothing any more: entries count as used, and flagged.
		r.grant(1, in)
		r.down(lane.ClearA)
		r.down(lane.Home)
		r.up(lane.ClearA)
		r.up(lane.Home)
		r.want("panel_back", "grant_armed in 1", "passed in 1 unsure moved")
		r.up(lane.ClearB)
		r.want("beam_back out")
		r.grant(2, in)
		turn(r)
		r.want("grant_armed in 2", "turned_back in 2 moved")
	})
	t.Run("near", func(t *testing.T) {
		r := newRig(t, lane.Config{})
		r.down(lane.ClearA)
		r.run(60_000)
		r.want("booted =0", "beam_stuck in")
		r.grant(1, in)
		r.down(lane.Home)
		r.down(lane.ClearB)
		r.up(lane.Home)
		r.up(lane.ClearB)
		r.want("panel_back", "grant_armed in 1", "passed in 1 crossed moved")
		r.grant(2, in)
		r.down(lane.Home)
		r.up(lane.Home)
		r.run(5000)
		r.want("grant_armed in 2", "turned_back in 2 moved")
	})
	t.Run("interrupted over and over is not stuck", func(t *testing.T) {
		r := newRig(t, lane.Config{})
		for range 5 {
			r.down(lane.ClearB)
			r.run(59_000)
			r.up(lane.ClearB)
		}
		r.want("booted =0")
	})
	t.Run("a passage in between is not stuck", func(t *testing.T) {
		r := newRig(t, lane.Config{})
		r.down(lane.ClearA)
		r.run(40_000)
		r.grant(1, in)
		r.down(lane.Home)
		r.down(lane.ClearB)
		r.up(lane.Home)
		r.up(lane.ClearB)
		r.l.Heard(r.now)
		r.run(40_000)
		r.want("booted =0", "panel_back", "grant_armed in 1", "passed in 1 crossed moved", "panel_lost")
	})
	t.Run("both, in every mode", func(t *testing.T) {
		r := newRig(t, lane.Config{Modes: [2]lane.Mode{lane.Open, lane.Open}})
		r.down(lane.ClearA | lane.ClearB)
		r.run(60_000)
		r.want("booted =0", "beam_stuck in", "beam_stuck out")
		r.down(lane.Home)
		r.up(lane.Home)
		r.want("free_passed unsure moved")
		r.grant(1, out)
		r.down(lane.Home)
		r.up(lane.Home)
		r.want("panel_back", "grant_armed out 1", "passed out 1 unsure moved")
	})
}

// TestBlindBeam never interrupts the far beam, as when somebody has glued a
// reflector before it: after some turns the entries are no longer given back.
func TestBlindBeam(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.events()
	given := 0
	for id := range uint32(8) {
		r.grant(id+1, in)
		turn(r)
		for _, e := range r.events() {
			if e == word(lane.Event{Kind: lane.TurnedBack, Grant: id + 1, Detail: lane.Moved}) {
				given++
			}
		}
	}
	if given != 5 {
		t.Errorf("%d entries given back, want 5", given)
	}
	if !r.l.Status().Blind[out] {
		t.Error("status does not say that the beam is blind")
	}
	r.down(lane.ClearB)
	r.up(lane.ClearB)
	r.want("beam_back out")
	r.grant(20, in)
	turn(r)
	r.want("grant_armed in 20", "turned_back in 20 moved")
}

// TestWobble moves the rotor without anybody at a beam, as often as you like:
// that says nothing about the beams.
func TestWobble(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.events()
	for id := range uint32(20) {
		r.grant(id+1, in)
		r.down(lane.Home)
		r.up(lane.Home)
		r.run(1100)
		r.want(func() []string {
			e := []string{
				word(lane.Event{Kind: lane.GrantArmed, Grant: id + 1}),
				word(lane.Event{Kind: lane.TurnedBack, Grant: id + 1, Detail: lane.Moved}),
			}
			if id == 0 {
				return append([]string{"panel_back"}, e...)
			}
			return e
		}()...)
	}
}

// TestLongGoneIsNoWrongWay has somebody leave by the far beam a while before the
// next pushes the rotor without having reached the near one.
func TestLongGoneIsNoWrongWay(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.down(lane.ClearB)
	r.up(lane.ClearB)
	r.run(3000)
	r.grant(1, in)
	r.down(lane.Home)
	r.down(lane.ClearA)
	r.up(lane.ClearA)
	r.down(lane.ClearB)
	r.up(lane.Home)
	r.want("booted =0", "panel_back", "grant_armed in 1", "passed in 1 crossed moved")
}

// TestLingererIsNoWrongWay has somebody stand in the far beam all the time.
func TestLingererIsNoWrongWay(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.down(lane.ClearB)
	r.grant(1, in)
	r.down(lane.Home)
	r.down(lane.ClearA)
	r.up(lane.Home)
	r.want("booted =0", "panel_back", "grant_armed in 1", "passed in 1 unsure moved")
}

// TestFollowerIsNoWrongWay has two people close behind each other, the first of
// whom left the near beam before the rotor moved.
func TestFollowerIsNoWrongWay(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.grant(1, in)
	r.down(lane.ClearA)
	r.up(lane.ClearA)
	r.down(lane.Home)
	r.down(lane.ClearB)
	r.down(lane.ClearA)
	r.up(lane.Home)
	r.up(lane.ClearA | lane.ClearB)
	r.want("booted =0", "panel_back", "grant_armed in 1", "passed in 1 crossed moved")
}
