package turnstile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/firmware/board/host"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/gate/turnstile"
)

// osdpTest runs f with a controller and a driver that serves.
func osdpTest(t *testing.T, f func(t *testing.T, s *site, o *turnstile.OSDP)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		f(t, s, s.open())
	})
}

func give(t *testing.T, o turnstile.Lane, g turnstile.Grant, as error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := o.Grant(ctx, g); !errors.Is(err, as) || (as != nil && !errors.Is(as, turnstile.ErrInDoubt) && errors.Is(err, turnstile.ErrInDoubt)) {
		t.Errorf("Grant(%d) = %v, want %v", g.ID, err, as)
	}
}

func TestOSDPPassage(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		if c := o.Condition(); !c.Serves() || !strings.Contains(c.Note, "serial 1 ") {
			t.Errorf("condition %+v", c)
		}
		give(t, o, turnstile.Grant{ID: 1}, nil)
		want(t, "armed", later(o, 200*time.Millisecond), "1 armed")
		if s.held() {
			t.Error("the lane is armed, and the way in is held")
		}
		s.walk(turnstile.In)
		want(t, "walked", later(o, 200*time.Millisecond), "1 passed")
		give(t, o, turnstile.Grant{ID: 2, Direction: turnstile.Out}, nil)
		s.walk(turnstile.Out)
		want(t, "out", later(o, 200*time.Millisecond), "2 armed, 2 passed")
		give(t, o, turnstile.Grant{ID: 3}, nil)
		s.back()
		want(t, "back", later(o, 2*time.Second), "3 armed, 3 turned_back")
		give(t, o, turnstile.Grant{ID: 4}, nil)
		want(t, "nobody", later(o, 6*time.Second), "4 armed, 4 expired")
		if !s.held() {
			t.Error("the way in is not held")
		}
	})
}

func TestOSDPQueue(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{}, turnstile.ErrInvalid)
		give(t, o, turnstile.Grant{ID: 1}, nil)
		give(t, o, turnstile.Grant{ID: 2}, nil)
		give(t, o, turnstile.Grant{ID: 2}, turnstile.ErrInvalid)
		give(t, o, turnstile.Grant{ID: 3}, nil)
		give(t, o, turnstile.Grant{ID: 4}, turnstile.ErrBusy)
		s.walk(turnstile.In)
		s.walk(turnstile.In)
		want(t, "in order", later(o, 200*time.Millisecond), "1 armed, 1 passed, 2 armed, 2 passed, 3 armed")
		give(t, o, turnstile.Grant{ID: 4}, nil)
		want(t, "nobody more", later(o, 11*time.Second), "3 expired, 4 armed, 4 expired")
	})
}

func TestOSDPTrouble(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		s.set(lane.Home, false)
		want(t, "forced", later(o, 200*time.Millisecond), "0 forced")
		want(t, "condition", o.Condition().Word, "forced")
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		s.set(lane.Home, true)
		s.await(o, "ready")

		give(t, o, turnstile.Grant{ID: 2}, nil)
		give(t, o, turnstile.Grant{ID: 3}, nil)
		s.set(lane.ClearA|lane.Home, false)
		want(t, "stuck in it", later(o, 31*time.Second), "2 armed, 2 jam, 3 jam")
		want(t, "condition", o.Condition().Word, "jam")
		give(t, o, turnstile.Grant{ID: 4}, turnstile.ErrFault)
		s.set(lane.ClearA|lane.Home, true)
		want(t, "freed of it", later(o, time.Second), "0 ready")

		give(t, o, turnstile.Grant{ID: 5}, nil)
		s.set(lane.LoopClosed, false)
		want(t, "fire", later(o, 200*time.Millisecond), "5 armed, 5 free")
		want(t, "condition", o.Condition().Word, "fire")
		if s.held() {
			t.Error("fire, and the way in is held")
		}
		give(t, o, turnstile.Grant{ID: 6}, turnstile.ErrFault)
		s.walk(turnstile.In) // nobody counts who leaves
		s.set(lane.LoopClosed, true)
		want(t, "over", later(o, 2*time.Second), "0 ready")
		give(t, o, turnstile.Grant{ID: 7}, nil)
		s.walk(turnstile.In)
		want(t, "after it", later(o, 200*time.Millisecond), "7 armed, 7 passed")
	})
}

// Who follows in somebody's passage went through without a grant.
func TestOSDPTailgate(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		for _, m := range []struct {
			pin  lane.Inputs
			high bool
		}{
			{lane.ClearA, false},
			{lane.Home, false},
			{lane.ClearA, true},
			{lane.ClearB, false},
			{lane.ClearB, true},
			{lane.ClearA, false},
			{lane.ClearA, true},
			{lane.ClearB, false},
			{lane.Home, true},
			{lane.ClearB, true},
		} {
			s.set(m.pin, m.high)
		}
		want(t, "two of them", later(o, 300*time.Millisecond), "1 armed, 0 forced, 1 passed")
	})
}

// The cable is cut with a grant armed, and nobody knows what becomes of it.
func TestOSDPCableCut(t *testing.T) {
	for name, tc := range map[string]struct {
		away time.Duration
		then func(s *site)
		told string // until the cable is back
		back string // afterwards
	}{
		"for a moment, somebody passes":   {2 * time.Second, func(s *site) { s.walk(turnstile.In) }, "", "1 passed"},
		"for a moment, somebody turns":    {3 * time.Second, func(s *site) { s.back() }, "", "1 turned_back"},
		"until the window is over":        {7 * time.Second, func(*site) {}, "", "1 expired"},
		"for long, somebody passes":       {20 * time.Second, func(s *site) { s.walk(turnstile.In) }, "1 fault", "0 ready"},
		"for long, nobody comes":          {20 * time.Second, func(*site) {}, "1 fault", "0 ready"},
		"for long, somebody forces it":    {20 * time.Second, func(s *site) { time.Sleep(7 * time.Second); s.set(lane.Home, false); s.set(lane.Home, true) }, "1 fault", "0 forced, 0 ready"},
		"for a moment, and the fire loop": {2 * time.Second, func(s *site) { s.set(lane.LoopClosed, false) }, "", "1 free"},
	} {
		t.Run(name, func(t *testing.T) {
			osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
				give(t, o, turnstile.Grant{ID: 1}, nil)
				want(t, "armed", later(o, 200*time.Millisecond), "1 armed")
				start := time.Now()
				s.unplug(true)
				tc.then(s)
				want(t, "cut", later(o, tc.away-time.Since(start)), tc.told)
				if len(tc.told) > 0 {
					give(t, o, turnstile.Grant{ID: 2}, turnstile.ErrFault)
					want(t, "condition", o.Condition().Word, "no_answer")
				}
				s.unplug(false)
				want(t, "back", later(o, 8*time.Second), tc.back)
				if !strings.Contains(tc.back, "free") {
					give(t, o, turnstile.Grant{ID: 3}, nil)
					s.walk(turnstile.In)
					want(t, "served", later(o, time.Second), "3 armed, 3 passed")
				}
			})
		})
	}
}

// A line that swallows everything: the grant is in doubt, is not forgotten, and is
// taken back when the line is well again.
func TestOSDPInDoubt(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		s.hush(1)
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrInDoubt)
		s.hush(0)
		s.await(o, "ready")
		want(t, "never accepted", later(o, 8*time.Second), "")
		give(t, o, turnstile.Grant{ID: 2}, nil)
		s.walk(turnstile.In)
		want(t, "served", later(o, time.Second), "2 armed, 2 passed")
	})
}

// Without a line a grant is refused, not in doubt.
func TestOSDPUnsent(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		s.unplug(true)
		time.Sleep(100 * time.Millisecond)
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		s.unplug(false)
		s.await(o, "ready")
		want(t, "nothing opened", later(o, time.Second), "")
	})
}

// A short cut while a grant is asked for: it is given again, and opens once.
func TestOSDPGivenAgain(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		s.unplug(true)
		time.AfterFunc(100*time.Millisecond, func() { s.unplug(false) })
		give(t, o, turnstile.Grant{ID: 1}, nil)
		s.walk(turnstile.In)
		want(t, "once", later(o, 7*time.Second), "1 armed, 1 passed")
	})
}

// A grant reaches the controller and its answer is lost with the channel: it is given
// again, and opens once; unless the controller has restarted, which nobody can tell
// the grant's fate after.
func TestOSDPAnswerLost(t *testing.T) {
	for name, restarts := range map[string]bool{"and comes again": false, "with the controller": true} {
		t.Run(name, func(t *testing.T) {
			osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
				s.lull()
				s.mute.Store(true)
				time.AfterFunc(150*time.Millisecond, func() {
					if s.held() {
						t.Error("the grant did not reach the controller")
					}
					s.unplug(true)
					s.mute.Store(false)
					if restarts {
						s.restart(nil)
					}
					s.unplug(false)
				})
				if restarts {
					give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrInDoubt)
					want(t, "not accepted", later(o, 8*time.Second), "")
					return
				}
				give(t, o, turnstile.Grant{ID: 1}, nil)
				s.walk(turnstile.In)
				want(t, "once", later(o, 8*time.Second), "1 armed, 1 passed")
			})
		})
	}
}

func TestOSDPRestart(t *testing.T) {
	for name, memory := range map[string]keep.Memory{
		"restarted":                   nil,
		"another in its place":        host.Provision(settings(2)), // with the same boot counter
		"the same without its memory": host.Provision(settings(1)), // too
	} {
		t.Run(name, func(t *testing.T) {
			osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
				give(t, o, turnstile.Grant{ID: 1}, nil)
				give(t, o, turnstile.Grant{ID: 2}, nil)
				want(t, "armed", later(o, 200*time.Millisecond), "1 armed")
				s.restart(memory)
				want(t, "restarted", later(o, 4*time.Second), "1 fault, 2 fault")
				if got := o.Stats(); got.Restarts != 1 || got.Missing != 0 {
					t.Errorf("stats %+v, want one restart and nothing missing", got)
				}
				give(t, o, turnstile.Grant{ID: 3}, nil)
				s.walk(turnstile.In)
				want(t, "served", later(o, time.Second), "3 armed, 3 passed")
			})
		})
	}
}

func TestOSDPWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.cfg.Key[0] ^= 1
		o := s.start()
		s.await(o, "wrong_key")
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		want(t, "events", later(o, 20*time.Second), "0 fault")
		if !s.log.says("does not know our key") || strings.Count(s.log.text.String(), "does not know our key") > 4 {
			t.Errorf("the log says\n%s", s.log.text.String())
		}
		if c := o.Condition(); c.Word != "wrong_key" || c.Hint == "" || c.Serves() {
			t.Errorf("condition %+v", c)
		}
	})
}

func TestOSDPNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.unplug(true)
		o := s.start()
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrFault)
		want(t, "events", later(o, 10*time.Second), "0 fault")
		want(t, "condition", o.Condition().Word, "no_answer")
		s.unplug(false)
		want(t, "it comes", later(o, 10*time.Second), "0 ready")
		give(t, o, turnstile.Grant{ID: 1}, nil)
	})
}

// A gate that was killed left grants behind: they are taken back, and the events of
// its life are no business of the next.
func TestOSDPAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.open()
		for id := range uint64(60) {
			give(t, o, turnstile.Grant{ID: id + 1}, nil)
			s.walk(turnstile.In)
			if id < 40 {
				heard(o) // the rest stays with the controller
			}
		}
		s.set(lane.Home, false) // nobody reads that, so that the controller keeps it
		s.set(lane.Home, true)
		give(t, o, turnstile.Grant{ID: 90}, nil)
		give(t, o, turnstile.Grant{ID: 91}, nil)
		o.Kill()
		s.unplug(true)
		next := s.start()
		s.unplug(false)
		s.await(next, "ready")
		want(t, "what was", later(next, time.Second), "0 forced")
		if !s.held() {
			t.Error("the way in is still open")
		}
		if got := next.Stats(); got.Missing > 0 {
			t.Errorf("%d events missing", got.Missing)
		}
		give(t, next, turnstile.Grant{ID: 1}, nil)
		s.walk(turnstile.In)
		want(t, "served", later(next, time.Second), "1 armed, 1 passed")
	})
}

// Close takes back what nobody has used.
func TestOSDPClose(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		give(t, o, turnstile.Grant{ID: 2}, nil)
		want(t, "armed", later(o, 200*time.Millisecond), "1 armed")
		done := make(chan error, 1)
		go func() { done <- o.Close() }()
		want(t, "closed", later(o, time.Second), "1 fault, 2 fault, closed")
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !s.held() {
			t.Error("the way in is still open")
		}
		give(t, o, turnstile.Grant{ID: 3}, turnstile.ErrClosed)
	})
}

// Nobody reads the lane's events for a while: none is lost, though the driver has
// room for fewer than there are, and the controller keeps what it could not tell.
func TestOSDPSlowReader(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		const forced = 280
		for range forced {
			s.set(lane.Home, false)
			s.set(lane.Home, true)
		}
		give(t, o, turnstile.Grant{ID: 1}, turnstile.ErrBusy)
		got := heard(o)
		for range 100 {
			got += later(o, 100*time.Millisecond)
		}
		if n := strings.Count(got, "forced"); n != forced {
			t.Errorf("%d events, want %d", n, forced)
		}
		if m := o.Stats().Missing; m > 0 {
			t.Errorf("%d events missing", m)
		}
		give(t, o, turnstile.Grant{ID: 1}, nil)
	})
}

// Nobody reads for so long that the controller has to overwrite events: that shows,
// and no grant waits for ever for its end.
func TestOSDPEventsOverwritten(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		want(t, "armed", later(o, 200*time.Millisecond), "1 armed")
		s.unplug(true)
		s.walk(turnstile.In)
		for range 50 {
			s.set(lane.Home, false)
			s.set(lane.Home, true)
		}
		s.unplug(false)
		got := later(o, 10*time.Second)
		if m := o.Stats().Missing; m == 0 || !strings.Contains(got, "1 fault") || strings.Contains(got, "1 passed") {
			t.Errorf("%d events missing, %q", m, got)
		}
		give(t, o, turnstile.Grant{ID: 2}, nil)
		s.walk(turnstile.In)
		if got := later(o, time.Second); !strings.HasSuffix(got, "2 armed, 2 passed") {
			t.Errorf("served: %q", got)
		}
	})
}

// One byte in a hundred is wrong: every grant that was accepted ends once, and none
// opens that was refused.
func TestOSDPNoise(t *testing.T) {
	osdpTest(t, func(t *testing.T, s *site, o *turnstile.OSDP) {
		s.hush(100)
		armed, passed, accepted, doubted := 0, 0, 0, 0
		for id := range uint64(150) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := o.Grant(ctx, turnstile.Grant{ID: id + 1})
			cancel()
			switch {
			case err == nil:
				accepted++
			case errors.Is(err, turnstile.ErrInDoubt):
				doubted++
			}
			if err == nil {
				s.walk(turnstile.In)
			}
			got := later(o, 3*time.Second)
			armed += strings.Count(got, fmt.Sprintf("%d armed", id+1))
			passed += strings.Count(got, fmt.Sprintf("%d passed", id+1))
			if err == nil && !strings.Contains(got, fmt.Sprintf("%d passed", id+1)) {
				t.Errorf("grant %d: %q", id+1, got)
			}
			if err != nil && got != "" {
				t.Errorf("grant %d was not accepted (%v), and %q", id+1, err, got)
			}
		}
		if accepted < 140 || armed != accepted || passed != accepted {
			t.Errorf("%d accepted, %d in doubt, %d armed, %d passed", accepted, doubted, armed, passed)
		}
		if got := o.Stats(); got.BadChecks == 0 || got.Missing > 0 {
			t.Errorf("stats %+v", got)
		}
		t.Logf("%d accepted, %d in doubt, %+v", accepted, doubted, o.Stats())
	})
}

func TestOSDPConfig(t *testing.T) {
	good := newOSDPConfig()
	for name, tc := range map[string]struct {
		spoil func(*turnstile.OSDPConfig)
		as    error
	}{
		"no key":      {func(c *turnstile.OSDPConfig) { c.Key = turnstile.OSDPKey{} }, turnstile.ErrKey},
		"default key": {func(c *turnstile.OSDPConfig) { copy(c.Key[:], "0123456789:;<=>?") }, turnstile.ErrKey},
		"address":     {func(c *turnstile.OSDPConfig) { c.Address = 127 }, turnstile.ErrLine},
		"baud":        {func(c *turnstile.OSDPConfig) { c.Baud = 300 }, turnstile.ErrLine},
		"poll":        {func(c *turnstile.OSDPConfig) { c.Poll = time.Millisecond }, turnstile.ErrLine},
		"no url":      {func(c *turnstile.OSDPConfig) { c.URL = "" }, turnstile.ErrLine},
		"http":        {func(c *turnstile.OSDPConfig) { c.URL = "http://x" }, turnstile.ErrLine},
		"no port":     {func(c *turnstile.OSDPConfig) { c.URL = "tcp://host" }, turnstile.ErrLine},
		"no socket":   {func(c *turnstile.OSDPConfig) { c.URL = "unix:" }, turnstile.ErrLine},
		"no device":   {func(c *turnstile.OSDPConfig) { c.URL = "serial:" }, turnstile.ErrLine},
		"queue":       {func(c *turnstile.OSDPConfig) { c.Queue = 4 }, nil},
		"clock":       {func(c *turnstile.OSDPConfig) { c.Now = nil }, nil},
		"no output":   {func(c *turnstile.OSDPConfig) { c.Wiring.Fire = turnstile.Pin{Wired: true} }, turnstile.ErrWiring},
		"high output": {func(c *turnstile.OSDPConfig) { c.Wiring.Unlock[0] = turnstile.Pin{Wired: true, Line: 256} }, turnstile.ErrWiring},
	} {
		bad := good
		tc.spoil(&bad)
		o, err := turnstile.NewOSDP(t.Context(), bad)
		if err == nil {
			_ = o.Close()
			t.Errorf("%s: no error", name)
		} else if tc.as != nil && !errors.Is(err, tc.as) {
			t.Errorf("%s: %v, want %v", name, err, tc.as)
		}
	}
}

func TestParseOSDPKey(t *testing.T) {
	for text, ok := range map[string]bool{
		"0102030405060708090a0b0c0d0e0f10\n": true, "0102030405060708090A0B0C0D0E0F10": true,
		"": false, "01": false, "zz02030405060708090a0b0c0d0e0f10": false,
		"303132333435363738393a3b3c3d3e3f": false, "00000000000000000000000000000000": false,
	} {
		k, err := turnstile.ParseOSDPKey(text)
		if (err == nil) != ok || !ok && !errors.Is(err, turnstile.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %s", k, k, k), "1 2 3") {
			t.Error("a key prints itself")
		}
	}
}
