package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// TestClockWraps plays the same minute with the counter wrapping somewhere in
// it, and wants the same events.
func TestClockWraps(t *testing.T) {
	play := func(start uint32) (*rig, []string) {
		r := newRigAt(t, lane.Config{}, start)
		r.grant(1, in)
		r.walk(in)
		r.grant(2, in)
		r.run(5000) // expires
		r.grant(3, out)
		r.down(lane.ClearB)
		r.down(lane.Home)
		r.up(lane.Home)
		r.up(lane.ClearB)
		r.run(1100) // turned back
		r.grant(4, out)
		r.run(8000) // panel lost
		r.grant(5, in)
		r.down(lane.Home)
		r.run(30_000) // jam
		r.up(lane.Home)
		r.down(lane.LoopClosed)
		r.up(lane.LoopClosed)
		r.run(600)
		r.down(lane.ClearA)
		r.run(60_000) // stuck
		r.up(lane.ClearA)
		return r, r.events()
	}
	first, want := play(0)
	length := first.now
	stride := uint32(1999)
	if slow {
		stride *= 10
	}
	for from := uint32(0); from < length; from += stride {
		_, got := play(-from)
		if len(got) != len(want) {
			t.Fatalf("wrapping after %d ms: %q, want %q", from, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("wrapping after %d ms: event %d is %q, want %q", from, i, got[i], want[i])
			}
		}
	}
}

// TestAlarmWraps restores an alarm with the counter wrapping somewhere in that.
func TestAlarmWraps(t *testing.T) {
	for from := uint32(0); from < 600; from += 20 {
		r := newRigAt(t, lane.Config{}, -from)
		r.in &^= lane.LoopClosed
		r.run(1)
		r.in |= lane.LoopClosed
		r.run(500)
		r.wantState(lane.Free)
		r.run(1)
		r.wantState(lane.Locked)
	}
}

// TestIdleForMonths steps a lane coarsely over many wraps: nothing that it
// remembers grows old enough to look new.
func TestIdleForMonths(t *testing.T) {
	for _, s := range states {
		if s.state == lane.Armed || s.state == lane.Passing {
			continue // end by themselves
		}
		t.Run(s.name, func(t *testing.T) {
			r := newRig(t, lane.Config{ManualRestore: true})
			s.reach(r)
			r.run(70_000)
			r.down(lane.ClearA)
			r.run(70_000)
			r.events()
			state := r.l.State()
			const step = 20_000_000 // 5.5 h
			for range 5 * (1 << 32 / step) {
				r.now += step
				r.run(1)
				r.wantState(state)
			}
			r.want()
		})
	}
}
