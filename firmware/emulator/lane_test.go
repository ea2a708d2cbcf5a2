package emulator_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/lane"
)

func TestSize(t *testing.T) {
	flash, ram, err := emulator.Size(image(t))
	must(t, err)
	t.Logf("flash %d, RAM %d", flash, ram)
	if flash == 0 || flash > 32<<10 || ram == 0 || ram > 8<<10 {
		t.Errorf("flash %d bytes, RAM %d; at most 32 and 8 KiB", flash, ram)
	}
}

func TestWalk(t *testing.T) {
	l := ready(t)
	ctx := within(t)
	for id, test := range []struct {
		name  string
		way   lane.Direction
		steps []rig.Step
		want  lane.Kind
	}{
		{"in", lane.In, rig.Through(lane.In), lane.Passed},
		{"out", lane.Out, rig.Through(lane.Out), lane.Passed},
		{"turned back", lane.In, rig.Back(lane.In), lane.TurnedBack},
		{"nobody", lane.Out, nil, lane.Expired},
	} {
		mark := l.Panel.Mark()
		must(t, l.Grant(ctx, uint32(id+1), test.way))
		must(t, l.Walk(ctx, test.steps))
		e, err := l.Happened(ctx, mark, test.want)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if e.Grant != uint32(id+1) || lane.Direction(e.Way) != test.way {
			t.Errorf("%s: event %+v", test.name, e)
		}
	}
	n, err := l.StackUsed(ctx)
	must(t, err)
	t.Logf("stack used: %d bytes", n)
}
