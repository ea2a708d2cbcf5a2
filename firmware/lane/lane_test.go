package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

const (
	in  = lane.In
	out = lane.Out
)

func TestLane(t *testing.T) {
	open := func(a, b lane.Mode) lane.Config { return lane.Config{Modes: [2]lane.Mode{a, b}} }
	for _, c := range []struct {
		name  string
		cfg   lane.Config
		play  func(r *rig)
		want  []string
		state lane.State
		held  lane.Outputs
	}{
		{
			name: "at rest",
			play: func(r *rig) { r.run(10_000) },
			held: lane.Hold,
		},
		{
			name:  "armed in",
			play:  func(r *rig) { r.grant(7, in) },
			want:  []string{"panel_back", "grant_armed in 7"},
			state: lane.Armed,
			held:  lane.HoldB,
		},
		{
			name:  "armed out",
			play:  func(r *rig) { r.grant(7, out) },
			want:  []string{"panel_back", "grant_armed out 7"},
			state: lane.Armed,
			held:  lane.HoldA,
		},
		{
			name: "passed in",
			play: func(r *rig) { r.grant(7, in); r.walk(in) },
			want: []string{"panel_back", "grant_armed in 7", "passed in 7 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "passed out",
			play: func(r *rig) { r.grant(7, out); r.walk(out) },
			want: []string{"panel_back", "grant_armed out 7", "passed out 7 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "expired",
			play: func(r *rig) {
				r.grant(7, in)
				r.run(4990)
				r.wantState(lane.Armed)
				r.run(20)
			},
			want: []string{"panel_back", "grant_armed in 7", "expired in 7"},
			held: lane.Hold,
		},
		{
			name: "a grant's own time-out",
			play: func(r *rig) {
				r.must(lane.Command{Op: lane.GrantOne, Grant: 7, MS: 600})
				r.run(610)
			},
			want: []string{"panel_back", "grant_armed in 7", "expired in 7"},
			held: lane.Hold,
		},
		{
			name: "turned back",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.Home)
				r.wantState(lane.Armed) // still stands there
				r.run(1500)
				r.wantState(lane.Armed)
				r.up(lane.ClearA) // leaves
				r.run(1000)
			},
			want: []string{"panel_back", "grant_armed in 7", "turned_back in 7 moved"},
			held: lane.Hold,
		},
		{
			name: "hesitated, then passed",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.Home)
				r.run(500)
				r.walk(in)
			},
			want: []string{"panel_back", "grant_armed in 7", "passed in 7 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "hesitated until the time-out",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.Home)
				r.run(5000)
			},
			want: []string{"panel_back", "grant_armed in 7", "turned_back in 7 moved"},
			held: lane.Hold,
		},
		{
			name: "reached the far beam just after the rotor came home",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearA)
				r.up(lane.Home)
				r.run(300)
				r.down(lane.ClearB)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 7", "passed in 7 unsure crossed moved"},
			held: lane.Hold,
		},
		{
			name: "somebody else at the far beam, long after the rotor came home",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.Home)
				r.run(1000)
				r.down(lane.ClearB)
				r.up(lane.ClearB)
				r.up(lane.ClearA)
				r.run(1000)
			},
			want: []string{"panel_back", "grant_armed in 7", "turned_back in 7 moved"},
			held: lane.Hold,
		},
		{
			name: "forced, nobody through",
			play: func(r *rig) {
				r.down(lane.Home)
				r.wantState(lane.Forced)
				r.wantHeld(lane.Hold)
				if r.out&lane.Buzzer == 0 {
					r.t.Error("a forced lane is silent")
				}
				r.up(lane.Home)
				if r.out&lane.Buzzer != 0 {
					r.t.Error("sounds on at rest")
				}
			},
			want: []string{"forced", "cleared"},
			held: lane.Hold,
		},
		{
			name: "forced through",
			play: func(r *rig) { r.walk(in) },
			want: []string{"forced", "cleared in crossed"},
			held: lane.Hold,
		},
		{
			name: "forced after a grant expired",
			play: func(r *rig) { r.grant(7, in); r.run(5000); r.walk(in) },
			want: []string{"panel_back", "grant_armed in 7", "expired in 7", "forced", "cleared in crossed"},
			held: lane.Hold,
		},
		{
			name: "jammed",
			play: func(r *rig) {
				r.grant(7, in)
				r.grant(8, out)
				r.down(lane.Home)
				for range 30 {
					r.do(lane.Command{})
					r.run(1000)
				}
				r.wantState(lane.Jammed)
				r.wantHeld(0) // whoever is in it gets out
				if a := r.do(lane.Command{Op: lane.GrantOne, Grant: 9}); a != lane.Refused {
					r.t.Errorf("a jammed lane takes a grant: %s", a)
				}
				r.up(lane.Home)
			},
			want: []string{"panel_back", "grant_armed in 7", "jam in 7 moved", "revoked out 8 jam", "cleared in"},
			held: lane.Hold,
		},
		{
			name: "grants are served in order, one at a time",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, out)
				r.grant(3, in)
				r.wantHeld(lane.HoldB)
				r.walk(in)
				r.wantHeld(lane.HoldA)
				r.walk(out)
				r.walk(in)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "passed in 1 crossed moved", "grant_armed out 2",
				"passed out 2 crossed moved", "grant_armed in 3", "passed in 3 crossed moved",
			},
			held: lane.Hold,
		},
		{
			name: "a flap that two grants keep open",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.down(lane.ClearA) // the next is close behind
				r.up(lane.ClearB)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "passed in 1 crossed moved",
				"grant_armed in 2", "passed in 2 crossed moved",
			},
			held: lane.Hold,
		},
		{
			name: "tailgating",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, out) // is no excuse
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.down(lane.ClearA)
				r.up(lane.ClearB)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "tailgated in", "passed in 1 crossed moved", "grant_armed out 2",
			},
			state: lane.Armed,
			held:  lane.HoldA,
		},
		{
			name: "a crowd on one grant is told one by one",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.Home)
				for range 4 {
					r.down(lane.ClearA)
					r.up(lane.ClearA)
					r.down(lane.ClearB)
					r.up(lane.ClearB)
				}
				r.up(lane.Home)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "tailgated in", "tailgated in", "tailgated in", "passed in 1 crossed moved",
			},
			held: lane.Hold,
		},
		{
			name: "a flap that a stream of people keeps open is not jammed",
			cfg:  open(lane.Open, lane.Controlled),
			play: func(r *rig) {
				r.down(lane.Home)
				for range 3 {
					r.down(lane.ClearA)
					r.up(lane.ClearA)
					r.down(lane.ClearB)
					r.up(lane.ClearB)
					r.run(20_000)
				}
				r.up(lane.Home)
			},
			want: []string{"free_passed in crossed moved", "free_passed in crossed moved", "free_passed in crossed moved"},
			held: lane.HoldB,
		},
		{
			name: "a flap that grants keep open is not jammed",
			play: func(r *rig) {
				for id := range uint32(3) {
					r.grant(id+1, in)
				}
				r.down(lane.Home)
				for range 3 {
					r.down(lane.ClearA)
					r.up(lane.ClearA)
					r.down(lane.ClearB)
					r.up(lane.ClearB)
					for range 20 {
						r.run(1000)
						r.l.Heard(r.now)
					}
				}
				r.up(lane.Home)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "passed in 1 crossed moved", "grant_armed in 2",
				"passed in 2 crossed moved", "grant_armed in 3", "passed in 3 crossed moved",
			},
			held: lane.Hold,
		},
		{
			name: "two force it at once",
			play: func(r *rig) {
				r.down(lane.Home)
				for range 2 {
					r.down(lane.ClearA)
					r.up(lane.ClearA)
					r.down(lane.ClearB)
					r.up(lane.ClearB)
				}
				r.up(lane.Home)
			},
			want: []string{"forced", "cleared in crossed"},
			held: lane.Hold,
		},
		{
			name: "jammed, and then through",
			play: func(r *rig) {
				r.grant(7, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.run(30_000)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
				if n := r.l.Status().Counters; n.Intruded != 0 || n.Jammed != 1 || n.Passed != [2]uint32{} {
					r.t.Errorf("counters %+v", n)
				}
			},
			want: []string{"panel_back", "grant_armed in 7", "panel_lost", "jam in 7 moved", "cleared in crossed"},
			held: lane.Hold,
		},
		{
			name: "the next in the queue at the near beam is no tailgater",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.down(lane.ClearA)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 1", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "wrong way",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearB) // comes from the far side
				r.down(lane.Home)
				r.up(lane.ClearB)
				r.down(lane.ClearA)
				r.up(lane.Home)
				r.up(lane.ClearA)
			},
			want:  []string{"panel_back", "grant_armed in 1", "wrong_way out"},
			state: lane.Armed, // the holder has not passed
			held:  lane.HoldB,
		},
		{
			name: "wrong way, and the grant is used as well",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearB)
				r.down(lane.Home)
				r.up(lane.ClearB)
				r.down(lane.ClearA)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 1", "wrong_way out", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "both directions at once",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, out)
				r.down(lane.ClearA | lane.ClearB) // both stand before the rotor
				r.down(lane.Home)
				r.wantHeld(lane.HoldB) // it turns one way only
				r.up(lane.ClearB)      // gives way
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
				r.wantHeld(lane.HoldA)
				r.walk(out)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "passed in 1 crossed moved",
				"grant_armed out 2", "passed out 2 crossed moved",
			},
			held: lane.Hold,
		},
		{
			name: "somebody lingers at the far beam while the holder turns back",
			play: func(r *rig) {
				r.down(lane.ClearB)
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearB) // and leaves
				r.up(lane.Home)
				r.up(lane.ClearA)
				r.run(1000)
			},
			want: []string{"panel_back", "grant_armed in 1", "turned_back in 1 moved"},
			held: lane.Hold,
		},
		{
			name: "somebody lingers at the far beam all the time: used, in doubt",
			play: func(r *rig) {
				r.down(lane.ClearB)
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.Home)
			},
			want: []string{"panel_back", "grant_armed in 1", "passed in 1 unsure moved"},
			held: lane.Hold,
		},
		{
			name: "an open direction is not held and counts apart",
			cfg:  open(lane.Controlled, lane.Open),
			play: func(r *rig) {
				r.wantHeld(lane.HoldA)
				r.walk(out)
			},
			want: []string{"free_passed out crossed moved"},
			held: lane.HoldA,
		},
		{
			name: "an open direction, used beside an armed grant",
			cfg:  open(lane.Controlled, lane.Open),
			play: func(r *rig) {
				r.grant(1, in)
				r.wantHeld(0)
				r.walk(out)
				r.wantState(lane.Armed)
				r.run(3000)
				r.walk(in)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "free_passed out crossed moved", "passed in 1 crossed moved",
			},
			held: lane.HoldA,
		},
		{
			name: "an armed grant's time goes on while others use the open direction",
			cfg:  open(lane.Controlled, lane.Open),
			play: func(r *rig) {
				r.grant(1, in)
				r.run(4000)
				r.walk(out)
				r.run(1000)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "free_passed out crossed moved", "expired in 1",
			},
			held: lane.HoldA,
		},
		{
			name: "a grant in an open direction is used first",
			cfg:  open(lane.Open, lane.Controlled),
			play: func(r *rig) { r.grant(1, in); r.walk(in); r.walk(in) },
			want: []string{
				"panel_back", "grant_armed in 1", "passed in 1 crossed moved", "free_passed in crossed moved",
			},
			held: lane.HoldB,
		},
		{
			name: "both open",
			cfg:  open(lane.Open, lane.Open),
			play: func(r *rig) { r.walk(in); r.run(4000); r.walk(out) },
			want: []string{"free_passed in crossed moved", "free_passed out crossed moved"},
		},
		{
			name: "both open, a grant, and the rotor moves before any beam tells whose it is",
			cfg:  open(lane.Open, lane.Open),
			play: func(r *rig) {
				r.grant(1, out)
				r.down(lane.Home)
				r.down(lane.ClearA)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
				r.wantState(lane.Armed)
				r.run(3000)
				r.down(lane.Home)
				r.down(lane.ClearB)
				r.up(lane.ClearB)
				r.down(lane.ClearA)
				r.up(lane.Home)
				r.up(lane.ClearA)
			},
			want: []string{
				"panel_back", "grant_armed out 1", "free_passed in crossed moved", "passed out 1 crossed moved",
			},
		},
		{
			name: "a direction opened while the rotor turns is free at once",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.must(lane.Command{Op: lane.SetMode, Way: out, Mode: lane.Open})
				r.wantHeld(0)
				r.must(lane.Command{Op: lane.SetMode, Way: out, Mode: lane.Controlled})
				r.wantHeld(0) // whoever went in gets out
				r.up(lane.Home)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "mode_change out =1", "mode_change out =0",
			},
			state: lane.Armed,
			held:  lane.HoldB,
		},
		{
			name: "a bag at the far beam is no tailgater",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.up(lane.ClearA)
				for range 3 {
					r.down(lane.ClearB)
					r.up(lane.ClearB)
				}
				r.up(lane.Home)
			},
			want: []string{"panel_back", "grant_armed in 1", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "a crowd through an open flap is counted one by one",
			cfg:  open(lane.Open, lane.Controlled),
			play: func(r *rig) {
				r.down(lane.Home)
				for range 3 {
					r.down(lane.ClearA)
					r.up(lane.ClearA)
					r.down(lane.ClearB)
					r.up(lane.ClearB)
				}
				r.up(lane.Home)
			},
			want: []string{"free_passed in crossed moved", "free_passed in crossed moved", "free_passed in crossed moved"},
			held: lane.HoldB,
		},
		{
			name: "a locked direction refuses",
			cfg:  open(lane.Closed, lane.Controlled),
			play: func(r *rig) {
				if a := r.do(lane.Command{Op: lane.GrantOne, Grant: 1}); a != lane.Refused {
					r.t.Errorf("grant in a locked direction: %s", a)
				}
				r.grant(2, out)
				r.walk(out)
			},
			want: []string{"panel_back", "grant_armed out 2", "passed out 2 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "locking a direction takes its grants back, not the other's",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, out)
				r.must(lane.Command{Op: lane.SetMode, Way: in, Mode: lane.Closed})
			},
			want: []string{
				"panel_back", "grant_armed in 1", "mode_change in =2", "revoked in 1 mode", "grant_armed out 2",
			},
			state: lane.Armed,
			held:  lane.HoldA,
		},
		{
			name: "locking a direction while somebody is in it lets them through",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.must(lane.Command{Op: lane.SetMode, Way: in, Mode: lane.Closed})
				r.wantHeld(lane.HoldB)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 1", "mode_change in =2", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "out of service",
			cfg:  open(lane.Open, lane.Controlled),
			play: func(r *rig) {
				r.grant(1, out)
				r.must(lane.Command{Op: lane.StopService})
				r.must(lane.Command{Op: lane.StopService})
				r.wantState(lane.OutOfService)
				r.wantHeld(lane.Hold)
				if a := r.do(lane.Command{Op: lane.GrantOne, Grant: 2}); a != lane.Refused {
					r.t.Errorf("grant out of service: %s", a)
				}
				r.walk(in)
				r.must(lane.Command{Op: lane.StartService})
			},
			want: []string{
				"panel_back", "grant_armed out 1", "service_off", "revoked out 1 mode",
				"forced", "cleared in crossed", "service_on",
			},
			held: lane.HoldB,
		},
		{
			name: "out of service waits for who is in the rotor",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.must(lane.Command{Op: lane.StopService})
				if a := r.do(lane.Command{Op: lane.GrantOne, Grant: 3}); a != lane.Refused {
					r.t.Errorf("grant out of service: %s", a)
				}
				r.wantHeld(lane.HoldB)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "service_off", "revoked in 2 mode", "passed in 1 crossed moved",
			},
			state: lane.OutOfService,
			held:  lane.Hold,
		},
		{
			name: "the panel takes a grant back",
			play: func(r *rig) {
				r.grant(1, in)
				r.grant(2, out)
				r.must(lane.Command{Op: lane.RevokeOne, Grant: 1})
				r.must(lane.Command{Op: lane.RevokeOne})
			},
			want: []string{
				"panel_back", "grant_armed in 1", "revoked in 1 panel", "grant_armed out 2", "revoked out 2 panel",
			},
			held: lane.Hold,
		},
		{
			name: "a grant in use is not taken back",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				if a := r.do(lane.Command{Op: lane.RevokeOne, Grant: 1}); a != lane.Refused {
					r.t.Errorf("revoke of a grant in use: %s", a)
				}
				r.must(lane.Command{Op: lane.RevokeOne})
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 1", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "the panel dies with grants pending",
			play: func(r *rig) {
				r.must(lane.Command{Op: lane.GrantOne, Grant: 1, MS: 60_000})
				r.grant(2, out)
				r.run(7990)
				r.wantState(lane.Armed)
				r.run(20)
				r.wantState(lane.Locked)
				r.run(60_000)
				r.l.Heard(r.now)
				r.run(1)
			},
			want: []string{
				"panel_back", "grant_armed in 1", "panel_lost", "revoked in 1 panel", "revoked out 2 panel", "panel_back",
			},
			held: lane.Hold,
		},
		{
			name: "the panel dies with somebody in the rotor",
			play: func(r *rig) {
				r.grant(1, in)
				r.down(lane.ClearA)
				r.down(lane.Home)
				r.run(9000)
				r.up(lane.ClearA)
				r.down(lane.ClearB)
				r.up(lane.Home)
				r.up(lane.ClearB)
			},
			want: []string{"panel_back", "grant_armed in 1", "panel_lost", "passed in 1 crossed moved"},
			held: lane.Hold,
		},
		{
			name: "cover and supply",
			play: func(r *rig) {
				r.down(lane.CoverClosed)
				r.run(50)
				r.up(lane.CoverClosed)
				r.run(50)
				r.down(lane.PowerGood)
				r.run(50)
				r.up(lane.PowerGood)
				r.run(50)
			},
			want: []string{"cover_opened", "cover_shut", "power_failed", "power_back"},
			held: lane.Hold,
		},
		{
			name: "chatter is not a level",
			play: func(r *rig) {
				for range 200 {
					r.in ^= lane.Home | lane.CoverClosed | lane.PowerGood | lane.KeyTurned
					r.run(4)
				}
				for range 200 {
					r.in ^= lane.ClearA | lane.ClearB
					r.run(9)
				}
			},
			held: lane.Hold,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.cfg)
			r.want("booted =0")
			c.play(r)
			r.want(c.want...)
			r.wantState(c.state)
			r.wantHeld(c.held)
		})
	}
}
