package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/doctor"
)

// hands is a person at a lane who does what they are told, or something else.
type hands struct {
	names  []string
	moves  chan string // the contact to move
	moving func(ask string) string
	said   strings.Builder
}

func (h *hands) Write(p []byte) (int, error) {
	h.said.Write(p)
	if line := strings.TrimSpace(string(p)); strings.Contains(line, " now") {
		go func() { h.moves <- h.moving(line) }()
	}
	return len(p), nil
}

func (h *hands) watch(ctx context.Context, see func([]doctor.Contact)) error {
	show := func(active string) {
		var c []doctor.Contact
		for _, name := range h.names {
			c = append(c, doctor.Contact{Name: name, Active: name == active})
		}
		see(c)
	}
	show("")
	for {
		select {
		case name := <-h.moves:
			if name == "unplug" {
				return errors.New("unplugged")
			}
			time.Sleep(time.Second)
			show(name)
			if name, stuck := strings.CutSuffix(name, "!"); stuck {
				show(name)
				continue
			}
			time.Sleep(time.Second)
			show("")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// asked is the contact that a person is asked for.
func asked(line string) string {
	for _, name := range []string{"near beam", "far beam", "rotor", "fire loop"} {
		if strings.Contains(line, name) {
			return name
		}
	}
	return ""
}

func TestLane(t *testing.T) {
	always := func(name string) func(string) string { return func(string) string { return name } }
	for name, c := range map[string]struct {
		moving func(string) string
		open   string
		err    error
		want   string
	}{
		"as it should be": {asked, "passed", nil, "contacts ok, near beam ok, far beam ok, rotor ok, fire loop ok, passage ok"},
		"beams swapped": {func(line string) string {
			return map[string]string{"near beam": "far beam", "far beam": "near beam", "rotor": "rotor", "fire loop": "fire loop"}[asked(line)]
		}, "passed", nil, "contacts ok, near beam fail, far beam fail, rotor ok, fire loop ok, passage ok"},
		"nobody moves":  {always(""), "expired", nil, "contacts ok, near beam fail, far beam fail, rotor fail, fire loop fail, passage warn"},
		"stuck":         {always("near beam!"), "passed", nil, "contacts ok, near beam fail, far beam fail, rotor fail, fire loop fail, passage ok"},
		"unplugged":     {always("unplug"), "passed", nil, "contacts ok, near beam fail"},
		"will not open": {asked, "", errors.New("jam"), "contacts ok, near beam ok, far beam ok, rotor ok, fire loop ok, passage fail"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hands{names: []string{"rotor", "near beam", "far beam", "fire loop", "supply"}, moves: make(chan string, 9), moving: c.moving}
				r := doctor.Lane{
					Watch: h.watch, Open: func(context.Context) (string, error) { return c.open, c.err },
					Say: h, Wait: 30 * time.Second, Now: time.Now,
				}.Examine(t.Context())
				var got []string
				for _, f := range r.Findings {
					got = append(got, f.Name+" "+f.Level.String())
					if (f.Advice == "") != (f.Level == doctor.OK) || f.Found == "" {
						t.Errorf("%+v", f)
					}
				}
				if list := strings.Join(got, ", "); list != c.want {
					t.Errorf("found %s, want %s; it said\n%s", list, c.want, h.said.String())
				}
			})
		})
	}
}

func TestLaneNotAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hands{}
		r := doctor.Lane{
			Watch: func(ctx context.Context, see func([]doctor.Contact)) error {
				see([]doctor.Contact{{"far beam", true}})
				<-ctx.Done()
				return ctx.Err()
			},
			Open: func(context.Context) (string, error) { return "", fmt.Errorf("opened all the same") },
			Say:  h, Wait: time.Second, Now: time.Now,
		}.Examine(t.Context())
		if len(r.Findings) != 1 || r.Level != doctor.Fail || !strings.Contains(r.Findings[0].Found, "far beam") || !strings.Contains(h.said.String(), "at rest") {
			t.Errorf("%+v; it said %s", r, h.said.String())
		}
	})
}
