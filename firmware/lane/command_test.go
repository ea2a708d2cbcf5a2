package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

func TestInvalid(t *testing.T) {
	for _, c := range []lane.Command{
		{Op: lane.Refuse + 1},
		{Op: 255},
		{Op: lane.GrantOne, Way: lane.NoWay},
		{Op: lane.GrantOne, Way: 255},
		{Op: lane.GrantOne, MS: lane.MinGrantMS - 1},
		{Op: lane.GrantOne, MS: lane.MaxGrantMS + 1},
		{Op: lane.GrantOne, MS: ^uint32(0)},
		{Op: lane.SetMode, Way: 3},
		{Op: lane.SetMode, Mode: lane.Closed + 1},
		{Op: lane.Beep},
		{Op: lane.Beep, MS: lane.MaxSignalMS + 1},
		{Op: lane.Refuse, Way: 3, MS: 1},
		{Op: lane.Refuse},
	} {
		r := newRig(t, lane.Config{})
		if a := r.do(c); a != lane.Invalid {
			t.Errorf("%+v: %s", c, a)
		}
		r.run(100)
		r.wantState(lane.Locked)
		r.wantHeld(lane.Hold)
		r.want("booted =0", "panel_back")
	}
}

// TestSameGrantTwice gives a grant again, at once and after it was used, as a
// panel does that is not sure of having been heard.
func TestSameGrantTwice(t *testing.T) {
	r := newRig(t, lane.Config{})
	again := func() {
		t.Helper()
		if a := r.do(lane.Command{Op: lane.GrantOne, Grant: 7}); a != lane.Duplicate {
			t.Fatalf("the same grant again: %s", a)
		}
		r.run(1)
	}
	r.grant(7, in)
	again()
	r.walk(in)
	again()
	r.wantHeld(lane.Hold)
	for id := range uint32(lane.Memory - 1) {
		r.grant(100+id, in)
		r.walk(in)
	}
	again()
	if n := r.l.Status().Counters; n.Passed[in] != lane.Memory || n.Granted != lane.Memory {
		t.Errorf("%d passed on %d grants, want %d", n.Passed[in], n.Granted, lane.Memory)
	}
}

// TestBusy fills the queue. Anonymous grants are never the same one.
func TestBusy(t *testing.T) {
	r := newRig(t, lane.Config{})
	for range lane.QueueSize {
		r.grant(0, in)
	}
	for _, id := range []uint32{0, 9} {
		if a := r.do(lane.Command{Op: lane.GrantOne, Grant: id}); a != lane.Busy {
			t.Errorf("one more than there is room for: %s", a)
		}
	}
	for range lane.QueueSize {
		r.walk(in)
	}
	if got := r.l.Status().Counters.Passed[in]; got != lane.QueueSize {
		t.Errorf("%d passed, want %d", got, lane.QueueSize)
	}
	r.grant(9, in) // was refused before, so it is new
}

func TestUnknownGrantIsNotTakenBack(t *testing.T) {
	r := newRig(t, lane.Config{})
	r.grant(1, in)
	if a := r.do(lane.Command{Op: lane.RevokeOne, Grant: 2}); a != lane.Refused {
		t.Errorf("revoke of a grant that is not there: %s", a)
	}
	r.wantState(lane.Armed)
}

func TestSignals(t *testing.T) {
	r := newRig(t, lane.Config{})
	idle := lane.Hold | lane.RedA | lane.RedB | lane.Ready
	if r.out != idle {
		t.Fatalf("outputs at rest: %08b, want %08b", r.out, idle)
	}
	r.must(lane.Command{Op: lane.Beep, MS: 100})
	if r.out != idle|lane.Buzzer {
		t.Errorf("outputs with a beep: %08b", r.out)
	}
	r.run(100)
	if r.out != idle {
		t.Errorf("outputs after a beep: %08b", r.out)
	}
	r.must(lane.Command{Op: lane.Refuse, Way: out, MS: 1000})
	r.run(250)
	if r.out != idle&^lane.RedB {
		t.Errorf("outputs of a refusal on side B, second quarter: %08b", r.out)
	}
	r.run(250)
	if r.out != idle {
		t.Errorf("outputs of a refusal on side B, third quarter: %08b", r.out)
	}
	r.run(600)
	r.grant(1, in)
	if want := lane.HoldB | lane.GreenA | lane.RedB | lane.Ready; r.out != want {
		t.Errorf("outputs armed: %08b, want %08b", r.out, want)
	}
	r.down(lane.ClearA)
	r.down(lane.Home)
	if want := lane.HoldB | lane.RedA | lane.RedB | lane.Ready; r.out != want {
		t.Errorf("outputs in a passage: %08b, want %08b: the next must not follow", r.out, want)
	}
}

// TestAlarmEnds wants a forced lane to fall silent in the end, and to sound again.
func TestAlarmEnds(t *testing.T) {
	r := newRig(t, lane.Config{AlarmMS: 2000})
	for range 2 {
		r.down(lane.Home)
		r.run(1900)
		if r.out&lane.Buzzer == 0 {
			t.Error("forced and silent")
		}
		r.run(200)
		if r.out&lane.Buzzer != 0 {
			t.Error("still sounding after its time")
		}
		r.up(lane.Home)
	}
}

// TestBounds starts with a configuration of noise and wants a lane that works.
func TestBounds(t *testing.T) {
	for _, v := range []uint32{1, ^uint32(0)} {
		r := newRig(t, lane.Config{
			Modes: [2]lane.Mode{200, 3}, Reason: 99, GrantMS: v, JamMS: v, TurnBackMS: v, PanelMS: v,
			StuckMS: v, RestoreMS: v, AlarmMS: v, RotorMS: v, BeamMS: v, SlowMS: v,
		})
		r.want("booted =0")
		r.wantHeld(lane.Hold)
		if got := r.l.Status().Modes; got != [2]lane.Mode{} {
			t.Errorf("modes %v", got)
		}
		r.must(lane.Command{Op: lane.GrantOne, Grant: 1, MS: 60_000})
		r.run(200)
		r.wantHeld(lane.HoldB)
		r.in &^= lane.LoopClosed
		r.run(1)
		r.wantHeld(0)
		r.in |= lane.LoopClosed
		r.run(60_001)
		r.wantHeld(lane.Hold)
	}
}
