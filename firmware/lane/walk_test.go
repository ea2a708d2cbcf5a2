package lane_test

import (
	"fmt"
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// node is a lane in the walk, with what the referee knows of it.
type node struct {
	lane  lane.Lane
	now   uint32
	judge referee
}

// alphabet is what the walk tries at each lane.
type alphabet struct {
	levels   []lane.Inputs
	commands []lane.Command
	waits    []uint32
	grants   uint8 // no more are given at a time
}

// walk tries, breadth first, all of the alphabet at each lane that it finds,
// until it finds none that is new or has found most. It returns how many it
// found of each state and whether those were all.
func walk(t *testing.T, cfg lane.Config, try alphabet, most int) (states [lane.OutOfService + 1]int, all bool) {
	t.Helper()
	const tenths = 20
	first := &node{}
	first.lane.Start(0, cfg)
	seen := map[lane.Key]bool{}
	todo := []*node{first}
	var next node
	for len(todo) > 0 {
		n := todo[0]
		todo[0], todo = nil, todo[1:]
		for _, in := range try.levels {
			for _, c := range try.commands {
				if c.Op == lane.GrantOne && n.lane.Status().Grants >= try.grants {
					continue
				}
				for _, wait := range try.waits {
					next = *n
					if err := next.move(in, c, wait); err != nil {
						t.Fatalf("%s, then inputs %07b, %+v and %d ms: %v", n.lane.State(), in, c, wait, err)
					}
					k := next.lane.Key(tenths)
					if seen[k] {
						continue
					}
					if len(seen) == most {
						return states, false
					}
					seen[k] = true
					states[next.lane.State()]++
					if err := next.settles(); err != nil {
						t.Fatalf("%s, then inputs %07b, %+v and %d ms: %v", n.lane.State(), in, c, wait, err)
					}
					kept := new(node)
					*kept = next
					todo = append(todo, kept)
				}
			}
		}
	}
	return states, true
}

// settles reports a lane that does not come to rest when all is well again.
func (n *node) settles() error {
	end := *n
	for range 12 {
		if err := end.move(lane.AllWell, lane.Command{}, 600); err != nil {
			return err
		}
	}
	if s := end.lane.Status(); s.State != lane.Locked && s.State != lane.OutOfService || s.Grants != 0 {
		return fmt.Errorf("comes to rest %s with %d grants", s.State, s.Grants)
	}
	return nil
}

// move gives the command, then the inputs for long enough to count, then time.
func (n *node) move(in lane.Inputs, c lane.Command, wait uint32) error {
	if c.Op != lane.NoOp {
		n.judge.command(c, n.lane.Do(n.now, c))
	}
	for _, ms := range [...]uint32{1, 1, wait} {
		if ms == 0 {
			continue
		}
		n.now += ms
		if err := n.judge.step(&n.lane, in, n.lane.Step(n.now, in)); err != nil {
			return err
		}
	}
	n.lane.Confirm(n.judge.seen)
	return nil
}

// levelsOf returns every combination of the inputs named, the others being well.
func levelsOf(vary lane.Inputs) []lane.Inputs {
	var all []lane.Inputs
	for in := range lane.Inputs(1 << 7) {
		if (in^lane.AllWell)&^vary == 0 {
			all = append(all, in)
		}
	}
	return all
}

// fast makes everything happen soon.
func fast(a, b lane.Mode) lane.Config {
	return lane.Config{
		Modes: [2]lane.Mode{a, b}, GrantMS: 500, JamMS: 1000, TurnBackMS: 100, PanelMS: 1000, StuckMS: 5000,
		RestoreMS: 100, RotorMS: 1, BeamMS: 1, SlowMS: 1,
	}
}

// TestWalk finds every lane that the rotor, the beams, the fire loop, grants
// and time can lead to, in each pair of modes, with one grant at a time.
func TestWalk(t *testing.T) {
	try := alphabet{
		levels: levelsOf(lane.Home | lane.ClearA | lane.ClearB | lane.LoopClosed),
		commands: []lane.Command{
			{},
			{Op: lane.GrantOne, Way: in},
			{Op: lane.GrantOne, Way: out},
			{Op: lane.RevokeOne},
		},
		waits:  []uint32{0, 600},
		grants: 1,
	}
	for a := lane.Controlled; a <= lane.Closed; a++ {
		for b := lane.Controlled; b <= lane.Closed; b++ {
			t.Run(fmt.Sprintf("%s and %s", a, b), func(t *testing.T) {
				most := 100_000
				if slow {
					most = 500 // the rest without the race detector, which has nothing to find here
				}
				states, all := walk(t, fast(a, b), try, most)
				t.Logf("lanes by state, from locked on: %v", states)
				if slow {
					return
				}
				if !all {
					t.Error("the walk did not find the end")
				}
				for s := lane.Locked; s <= lane.Free; s++ {
					want := true
					switch s {
					case lane.Armed:
						want = a != lane.Closed || b != lane.Closed
					case lane.Forced:
						want = a != lane.Open && b != lane.Open
					case lane.Locked, lane.Passing, lane.Jammed, lane.Free, lane.OutOfService:
					}
					if (states[s] > 0) != want {
						t.Errorf("the walk found %d lanes %s", states[s], s)
					}
				}
			})
		}
	}
}

// TestWalkWide gives every command, and several grants at a time. There are too
// many such lanes to find all; it finds those that the fewest moves lead to.
func TestWalkWide(t *testing.T) {
	try := alphabet{
		levels:   levelsOf(lane.Home | lane.ClearA | lane.ClearB | lane.LoopClosed | lane.KeyTurned),
		commands: []lane.Command{{}, {Op: lane.RevokeOne}, {Op: lane.StopService}, {Op: lane.StartService}, {Op: lane.Restore}},
		waits:    []uint32{0, 600},
		grants:   lane.QueueSize,
	}
	for d := in; d <= out; d++ {
		try.commands = append(try.commands, lane.Command{Op: lane.GrantOne, Way: d})
		for m := lane.Controlled; m <= lane.Closed; m++ {
			try.commands = append(try.commands, lane.Command{Op: lane.SetMode, Way: d, Mode: m})
		}
	}
	states, _ := walk(t, fast(lane.Controlled, lane.Controlled), try, 10_000)
	t.Logf("lanes by state, from locked on: %v", states)
	for s, n := range states {
		if n == 0 {
			t.Errorf("the walk found no lane %s", lane.State(s))
		}
	}
}
