package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// TestNoHeap wants nothing allocated, as the controller has nothing to allocate
// from.
func TestNoHeap(t *testing.T) {
	var l lane.Lane
	var now uint32
	l.Start(now, lane.Config{})
	inputs := [...]lane.Inputs{
		lane.AllWell, lane.AllWell &^ lane.ClearA, lane.AllWell &^ (lane.ClearA | lane.Home), lane.AllWell &^ lane.Home,
		lane.AllWell &^ (lane.ClearB | lane.Home), lane.AllWell &^ lane.ClearB, lane.AllWell &^ lane.LoopClosed,
	}
	words := 0
	if n := testing.AllocsPerRun(100, func() {
		for i, in := range inputs {
			words += len(l.Do(now, lane.Command{Op: lane.Op(i), Grant: now}).String())
			for range 30 {
				now++
				l.Step(now, in)
			}
			for {
				e, ok := l.Event(0)
				if !ok {
					break
				}
				words += len(e.Kind.String()) + len(e.Way.String()) + len(l.Status().State.String())
				l.Confirm(e.Seq)
			}
		}
	}); n != 0 || words == 0 {
		t.Errorf("%v allocations", n)
	}
}
