package lane_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// rig is a lane with a hand on its inputs and a clock that ticks when told. It
// holds each Step to what must always be true.
type rig struct {
	t     *testing.T
	l     lane.Lane
	cfg   lane.Config
	now   uint32
	in    lane.Inputs
	out   lane.Outputs
	told  []string
	judge referee
}

func newRig(t *testing.T, cfg lane.Config) *rig {
	t.Helper()
	return newRigAt(t, cfg, 0)
}

func newRigAt(t *testing.T, cfg lane.Config, now uint32) *rig {
	t.Helper()
	r := &rig{t: t, cfg: cfg, now: now, in: lane.AllWell}
	r.restart()
	return r
}

// restart is a reset of the controller.
func (r *rig) restart() {
	r.l.Start(r.now, r.cfg)
	r.judge = referee{}
	r.run(1)
}

// run lets that many milliseconds go by.
func (r *rig) run(ms int) {
	r.t.Helper()
	for range ms {
		r.now++
		r.out = r.l.Step(r.now, r.in)
		if err := r.judge.step(&r.l, r.in, r.out); err != nil {
			r.t.Fatalf("at %d ms, inputs %07b: %v", r.now, r.in, err)
		}
		for {
			e, ok := r.l.Event(0)
			if !ok {
				break
			}
			r.told = append(r.told, word(e))
			r.l.Confirm(e.Seq)
		}
	}
}

func (r *rig) down(in lane.Inputs) { r.t.Helper(); r.in &^= in; r.run(20) }
func (r *rig) up(in lane.Inputs)   { r.t.Helper(); r.in |= in; r.run(20) }

func (r *rig) do(c lane.Command) lane.Answer {
	r.t.Helper()
	a := r.l.Do(r.now, c)
	r.judge.command(c, a)
	return a
}

// must gives a command that is accepted.
func (r *rig) must(c lane.Command) {
	r.t.Helper()
	if a := r.do(c); a != lane.Accepted {
		r.t.Fatalf("%+v: %s", c, a)
	}
	r.run(1)
}

func (r *rig) grant(id uint32, way lane.Direction) {
	r.t.Helper()
	r.must(lane.Command{Op: lane.GrantOne, Grant: id, Way: way})
}

// walk is somebody who walks through, up to the rotor's coming home.
func (r *rig) walk(way lane.Direction) {
	r.t.Helper()
	near, far := lane.ClearA, lane.ClearB
	if way == lane.Out {
		near, far = far, near
	}
	r.down(near)
	r.down(lane.Home)
	r.up(near)
	r.down(far)
	r.up(lane.Home)
	r.up(far)
}

// events takes what was told since the last call.
func (r *rig) events() []string {
	told := r.told
	r.told = nil
	return told
}

func (r *rig) want(events ...string) {
	r.t.Helper()
	got, want := strings.Join(r.events(), "\n"), strings.Join(events, "\n")
	if got != want {
		r.t.Fatalf("events:\n%s\nwant:\n%s", got, want)
	}
}

func (r *rig) wantState(s lane.State) {
	r.t.Helper()
	if got := r.l.State(); got != s {
		r.t.Fatalf("state %s, want %s", got, s)
	}
}

// wantHeld checks which directions are held.
func (r *rig) wantHeld(held lane.Outputs) {
	r.t.Helper()
	if got := r.out & lane.Hold; got != held {
		r.t.Fatalf("held %02b, want %02b", got, held)
	}
}

var details = []struct {
	bit  uint16
	word string
}{
	{lane.Unsure, "unsure"},
	{lane.Crossed, "crossed"},
	{lane.Moved, "moved"},
	{lane.CauseFire, "fire"},
	{lane.CausePower, "power"},
	{lane.CausePanel, "panel"},
	{lane.CauseJam, "jam"},
	{lane.CauseMode, "mode"},
	{lane.Gap, "gap"},
}

// word writes an event as the tables have it.
func word(e lane.Event) string {
	s := e.Kind.String()
	if e.Way != lane.NoWay {
		s += " " + e.Way.String()
	}
	if e.Grant != 0 {
		s += fmt.Sprint(" ", e.Grant)
	}
	if e.Kind == lane.Booted || e.Kind == lane.ModeChange {
		return fmt.Sprint(s, " =", e.Detail)
	}
	for _, d := range details {
		if e.Detail&d.bit != 0 {
			s += " " + d.word
		}
	}
	return s
}
