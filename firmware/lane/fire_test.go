package lane_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// states brings a lane into each of its states.
var states = []struct {
	name  string
	state lane.State
	reach func(r *rig)
	lost  []string // what an alarm tells of the grants, after Freed
}{
	{"locked", lane.Locked, func(*rig) {}, nil},
	{
		"armed", lane.Armed,
		func(r *rig) { r.grant(1, in); r.grant(2, out) },
		[]string{"revoked in 1 fire", "revoked out 2 fire"},
	},
	{
		"armed again", lane.Armed,
		func(r *rig) { r.grant(1, in); r.down(lane.ClearA); r.down(lane.Home); r.up(lane.Home) },
		[]string{"revoked in 1 moved fire"},
	},
	{
		"passing", lane.Passing,
		func(r *rig) { r.grant(1, in); r.grant(2, out); r.down(lane.ClearA); r.down(lane.Home) },
		[]string{"revoked in 1 moved fire", "revoked out 2 fire"},
	},
	{
		"passing, far beam crossed", lane.Passing,
		func(r *rig) { r.grant(1, out); r.down(lane.ClearB); r.down(lane.Home); r.down(lane.ClearA) },
		[]string{"revoked out 1 crossed moved fire"},
	},
	{
		"passing an open direction", lane.Passing,
		func(r *rig) {
			r.must(lane.Command{Op: lane.SetMode, Way: out, Mode: lane.Open})
			r.grant(1, in)
			r.down(lane.ClearB)
			r.down(lane.Home)
		},
		[]string{"revoked in 1 fire"},
	},
	{"forced", lane.Forced, func(r *rig) { r.down(lane.Home) }, nil},
	{
		"jammed", lane.Jammed,
		func(r *rig) { r.grant(1, in); r.down(lane.Home); r.run(30_000) },
		nil,
	},
	{
		"out of service", lane.OutOfService,
		func(r *rig) { r.must(lane.Command{Op: lane.StopService}) },
		nil,
	},
	{
		"locked both ways", lane.Locked,
		func(r *rig) { r.must(lane.Command{Op: lane.SetMode, Way: lane.NoWay, Mode: lane.Closed}) },
		nil,
	},
	{
		"panel lost", lane.Locked,
		func(r *rig) { r.l.Heard(r.now); r.run(9000) },
		nil,
	},
}

// TestFire opens the loop for one step in every state: the lane frees itself in
// that step, takes nothing that a panel says for an answer, and is whole after.
func TestFire(t *testing.T) {
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			r := newRig(t, lane.Config{})
			s.reach(r)
			r.wantState(s.state)
			r.events()

			r.in &^= lane.LoopClosed
			r.run(1) // the referee holds every step of an open loop to nobody held
			r.wantState(lane.Free)
			r.want(append([]string{"freed fire"}, s.lost...)...)
			for op := lane.NoOp; op <= lane.Refuse; op++ {
				for _, mode := range []lane.Mode{lane.Closed, lane.Controlled} {
					r.do(lane.Command{Op: op, Way: in, Mode: mode, Grant: 99, MS: 1000})
					r.run(1)
				}
			}
			r.wantState(lane.Free)
			if r.out&(lane.GreenA|lane.GreenB) != lane.GreenA|lane.GreenB || r.out&lane.Ready != 0 {
				t.Errorf("outputs in an alarm: %08b", r.out)
			}
			r.in |= lane.LoopClosed
			r.run(400)
			r.wantState(lane.Free)
			r.in |= lane.Home | lane.ClearA | lane.ClearB
			r.run(200)
			r.wantState(lane.Locked)
			if r.l.Status().Modes[out] != lane.Open {
				r.wantHeld(lane.Hold)
			}
			if got := r.events(); !slices.Contains(got, "restored") {
				t.Errorf("events %q, want one restored", got)
			}
			r.grant(100, in)
			r.walk(in)
			r.want("grant_armed in 100", "passed in 100 crossed moved")
		})
	}
}

func TestFireAtStart(t *testing.T) {
	r := &rig{t: t} // all wires cut
	r.restart()
	r.wantState(lane.Free)
	r.want("booted =0", "cover_opened", "power_failed", "freed fire")
	r.in = lane.AllWell
	r.run(600)
	r.wantState(lane.Locked)
}

// TestChatteringLoop holds the lane free while the loop opens again and again.
func TestChatteringLoop(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.events()
	for range 100 {
		r.in &^= lane.LoopClosed
		r.run(1)
		r.in |= lane.LoopClosed
		r.run(490)
		r.wantState(lane.Free)
	}
	r.run(20)
	r.wantState(lane.Locked)
	r.want("freed fire", "restored")
}

func TestManualRestore(t *testing.T) {
	restore := lane.Command{Op: lane.Restore}
	alarm := func(t *testing.T) *rig {
		t.Helper()
		r := newRig(t, lane.Config{ManualRestore: true})
		if a := r.do(restore); a != lane.Refused {
			t.Errorf("restore without an alarm: %s", a)
		}
		r.down(lane.LoopClosed)
		if a := r.do(restore); a != lane.Refused {
			t.Errorf("restore with the loop open: %s", a)
		}
		r.down(lane.KeyTurned)
		r.in |= lane.KeyTurned
		r.run(100)
		r.in |= lane.LoopClosed
		r.run(60_000) // the key, turned all the time, ends nothing
		r.wantState(lane.Free)
		r.events()
		return r
	}
	t.Run("by the panel", func(t *testing.T) {
		r := alarm(t)
		r.must(restore)
		r.wantState(lane.Locked)
	})
	t.Run("by the key", func(t *testing.T) {
		r := alarm(t)
		r.in &^= lane.KeyTurned
		r.run(100)
		r.wantState(lane.Free)
		r.in |= lane.KeyTurned
		r.run(100)
		r.wantState(lane.Locked)
	})
	t.Run("not when the loop opens first", func(t *testing.T) {
		r := alarm(t)
		if a := r.do(restore); a != lane.Accepted {
			t.Fatalf("restore: %s", a)
		}
		r.in &^= lane.LoopClosed
		r.run(1)
		r.in |= lane.LoopClosed
		r.run(10_000)
		r.wantState(lane.Free)
	})
}

// TestRestoredWhileTurning closes the loop with somebody in the rotor: they get
// out, are no intruder, and do not count as having used a grant.
func TestRestoredWhileTurning(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.down(lane.LoopClosed)
	r.down(lane.ClearA | lane.Home)
	r.in |= lane.LoopClosed
	r.run(600)
	r.wantState(lane.Passing)
	r.wantHeld(0)
	r.grant(5, in)
	r.up(lane.ClearA)
	r.down(lane.ClearB)
	r.up(lane.ClearB)
	r.down(lane.ClearA) // and one more, who follows no grant either
	r.up(lane.ClearA)
	r.down(lane.ClearB)
	r.up(lane.Home)
	r.up(lane.ClearB)
	r.want("booted =0", "freed fire", "restored", "panel_back", "free_passed in unsure crossed moved", "grant_armed in 5")
}

// TestStartWhileTurning resets the controller, as its watchdog would, with
// somebody in the rotor: that is no force, and no grant either.
func TestStartWhileTurning(t *testing.T) {
	r := newRig(t, lane.Config{Reason: lane.Watchdog})
	r.grant(1, in)
	r.down(lane.ClearA)
	r.down(lane.Home)
	r.events()
	r.restart()
	r.wantState(lane.Passing)
	r.wantHeld(0)
	r.up(lane.ClearA)
	r.down(lane.ClearB)
	r.up(lane.Home)
	r.up(lane.ClearB)
	r.wantHeld(lane.Hold)
	r.want("booted =2", "free_passed in unsure crossed moved")
	r.down(lane.Home)
	r.restart()
	r.run(30_000)
	r.want("forced", "booted =2", "jam")
	r.wantState(lane.Jammed)
}

func TestPowerFail(t *testing.T) {
	r := newRig(t, lane.Config{FreeOnPowerFail: true})
	r.in &^= lane.PowerGood
	r.run(100)
	r.wantState(lane.Free)
	r.down(lane.LoopClosed)
	r.in |= lane.PowerGood
	r.run(100)
	r.wantState(lane.Free) // there still is the fire
	r.in |= lane.LoopClosed
	r.run(600)
	r.wantState(lane.Locked)
	r.want("booted =0", "power_failed", "freed power", "freed fire", "power_back", "restored")
}

// TestAlarmSounds wants the buzzer to be heard in an alarm, on and off.
func TestAlarmSounds(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.down(lane.Home) // forced: sounds all the time
	r.must(lane.Command{Op: lane.Beep, MS: lane.MaxSignalMS})
	r.down(lane.LoopClosed)
	var heard strings.Builder
	for range 4 {
		r.run(500)
		if r.out&lane.Buzzer != 0 {
			heard.WriteByte('1')
		} else {
			heard.WriteByte('0')
		}
	}
	if got := heard.String(); got != "0101" && got != "1010" {
		t.Errorf("buzzer %s, want on and off by turns", got)
	}
}
