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

// walk tries, breadth first, every combination of inputs with every command
// and every wait at each lane that it finds, until it finds none that is new or
// has found most. It returns how many it found and whether those were all.
func walk(t *testing.T, cfg lane.Config, levels []lane.Inputs, commands []lane.Command, waits []uint32, most int) (found int, all bool, states map[lane.State]int) {
	t.Helper()
	const tenths = 20
	states = map[lane.State]int{}
	first := &node{}
	first.lane.Start(0, cfg)
	seen := map[lane.Key]bool{}
	todo := []*node{first}
	for len(todo) > 0 {
		n := todo[0]
		todo[0], todo = nil, todo[1:]
		for _, in := range levels {
			for _, c := range commands {
				for _, wait := range waits {
					next := *n
					if err := next.move(in, c, wait); err != nil {
						t.Fatalf("%s, then inputs %07b, %+v and %d ms: %v", n.lane.State(), in, c, wait, err)
					}
					k := next.lane.Key(tenths)
					if seen[k] {
						continue
					}
					if len(seen) == most {
						return len(seen), false, states
					}
					seen[k] = true
					states[next.lane.State()]++
					todo = append(todo, &next)
				}
			}
		}
	}
	return len(seen), true, states
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

// TestWalk walks the whole state machine with one grant at a time, in each pair
// of modes: every lane that can be reached, whatever the inputs do.
func TestWalk(t *testing.T) {
	fast := lane.Config{
		GrantMS: 500, JamMS: 1000, TurnBackMS: 100, PanelMS: 1000, StuckMS: 5000,
		RestoreMS: 100, RotorMS: 1, BeamMS: 1, SlowMS: 1,
	}
	commands := []lane.Command{
		{},
		{Op: lane.GrantOne, Way: in},
		{Op: lane.GrantOne, Way: out},
		{Op: lane.RevokeOne},
	}
	most := 6000
	if testing.Short() {
		most = 500
	}
	for a := lane.Controlled; a <= lane.Closed; a++ {
		for b := lane.Controlled; b <= lane.Closed; b++ {
			t.Run(fmt.Sprintf("%s and %s", a, b), func(t *testing.T) {
				cfg := fast
				cfg.Modes = [2]lane.Mode{a, b}
				levels := levelsOf(lane.Home | lane.ClearA | lane.ClearB | lane.LoopClosed)
				found, all, states := walk(t, cfg, levels, commands, []uint32{0, 600}, most)
				t.Logf("%d lanes, all of them: %t, by state %v", found, all, states)
			})
		}
	}
}
