package turnstile_test

import (
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/gate/turnstile"
)

// liar knows the key, says that it is our controller, and tells what a test wants.
type liar struct {
	log  logBook
	over sync.WaitGroup

	mu     sync.Mutex // guards all below
	id     osdp.Identity
	orders []osdp.Order
	events []osdp.Passage // to be told
	report osdp.Report
	flood  func(n uint32) osdp.Passage // tells for ever
	told   uint32
	conn   net.Conn
	mute   bool // it hears and says nothing
	dials  int
}

// liarTest runs f with a liar and a lane that believes it.
func liarTest(t *testing.T, f func(t *testing.T, l *liar, o *turnstile.OSDP)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &liar{
			id:     osdp.Identity{Vendor: [3]byte([]byte(osdp.Vendor)), Model: 1, Serial: 9},
			report: osdp.Report{State: byte(lane.Locked), Boot: 3},
		}
		o, err := turnstile.NewOSDP(t.Context(), turnstile.OSDPConfig{
			Address: 5, Key: siteKey, Now: time.Now, Logger: slog.New(slog.NewTextHandler(&l.log, nil)),
		}.Over(l.dial))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			go func() {
				for range o.Events() {
				}
			}()
			_ = o.Close()
			l.over.Wait()
		}()
		for range 500 {
			if o.Condition().Serves() {
				f(t, l, o)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the lane is %+v", o.Condition())
	})
}

func (l *liar) dial() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ours, theirs := net.Pipe()
	l.conn = ours
	l.dials++
	l.over.Go(func() { l.serve(ours) })
	return theirs, nil
}

func (l *liar) serve(conn net.Conn) {
	var pd osdp.PD
	l.mu.Lock()
	pd.Init(&osdp.PDConfig{Address: 5, Key: siteKey, Nonce: new(nonce), ID: l.id})
	l.mu.Unlock()
	start := time.Now()
	buf := make([]byte, 256)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for _, c := range buf[:n] {
			a := pd.Feed(uint32(time.Since(start).Milliseconds()), c)
			if a == osdp.Handle {
				a = l.handle(&pd)
			}
			if a == osdp.Send && !l.silent() {
				time.Sleep(5 * time.Millisecond) // a line has a speed, or a flood would take no time
				_, _ = conn.Write(pd.Out())
			}
		}
	}
}

func (l *liar) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mute
}

func (l *liar) handle(pd *osdp.PD) osdp.Action {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := make([]byte, osdp.MaxData)
	c := pd.Command()
	if c.Code == osdp.CmdPoll {
		var p osdp.Passage
		switch {
		case l.flood != nil:
			l.told++
			p = l.flood(l.told)
		case len(l.events) > 0:
			p, l.events = l.events[0], l.events[1:]
		default:
			return pd.Reply(osdp.ReplyAck, nil)
		}
		return pd.Reply(osdp.ReplyMfg, d[:p.Put(d)])
	}
	kind, _ := osdp.VendorKind(c.Data)
	switch kind {
	case osdp.MfgOrder:
		var o osdp.Order
		o.Take(c.Data)
		l.orders = append(l.orders, o)
		out := osdp.Outcome{Op: o.Op, Grant: o.Grant}
		return pd.Reply(osdp.ReplyMfg, d[:out.Put(d)])
	case osdp.MfgAsk:
		l.report.MS = uint32(time.Now().UnixMilli())
		return pd.Reply(osdp.ReplyMfg, d[:l.report.Put(d)])
	}
	return pd.Reply(osdp.ReplyAck, nil)
}

// tell has the liar tell events, from a number on; grant zero is that of the last order.
func (l *liar) tell(number uint32, events ...osdp.Passage) {
	l.mu.Lock()
	for i, p := range events {
		p.Number, p.Boot = number+uint32(i), 3
		if p.Grant == 0 && len(l.orders) > 0 {
			p.Grant = l.orders[len(l.orders)-1].Grant
		}
		l.events = append(l.events, p)
	}
	l.mu.Unlock()
	time.Sleep(500 * time.Millisecond)
}

func (l *liar) asked() []osdp.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.orders)
}

func happening(k lane.Kind) osdp.Passage { return osdp.Passage{Kind: byte(k)} }

// A grant whose end never comes ends all the same, and is taken back.
func TestOSDPEndNeverComes(t *testing.T) {
	liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		give(t, o, turnstile.Grant{ID: 2}, nil)
		l.tell(1, osdp.Passage{Kind: byte(lane.GrantArmed), Grant: l.asked()[0].Grant})
		want(t, "while somebody may stand in it", later(o, 39*time.Second), "1 armed")
		want(t, "overdue", later(o, 2*time.Second), "1 fault")
		want(t, "the one behind it", later(o, 40*time.Second), "2 fault")
		got := l.asked()
		if len(got) != 4 || got[2].Op != byte(lane.RevokeOne) || got[2].Grant != got[0].Grant ||
			got[3].Op != byte(lane.RevokeOne) || got[3].Grant != got[1].Grant {
			t.Errorf("the device was told %+v, want both grants taken back", got)
		}
		l.tell(2, osdp.Passage{Kind: byte(lane.Passed), Grant: got[0].Grant}, osdp.Passage{Kind: byte(lane.Expired), Grant: got[1].Grant})
		want(t, "too late", heard(o), "")
		give(t, o, turnstile.Grant{ID: 3}, nil)
		l.tell(4, happening(lane.GrantArmed), happening(lane.Passed))
		want(t, "served", heard(o), "3 armed, 3 passed")
	})
}

// What a device says of grants that were never made, or have ended, ends nothing; and
// nothing is told of a grant twice.
func TestOSDPLies(t *testing.T) {
	liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
		for i, k := range []lane.Kind{lane.GrantArmed, lane.Passed, lane.Expired, lane.TurnedBack, lane.Revoked} {
			l.tell(uint32(i+1), osdp.Passage{Kind: byte(k), Grant: 0xBAD})
		}
		want(t, "no grant", heard(o), "")
		give(t, o, turnstile.Grant{ID: 1}, nil)
		l.tell(6, osdp.Passage{Kind: byte(lane.Passed), Grant: 0xBAD}, happening(lane.GrantArmed), happening(lane.GrantArmed),
			happening(lane.Passed), happening(lane.Passed), happening(lane.TurnedBack), happening(lane.Expired))
		want(t, "one grant", heard(o), "1 armed, 1 passed")
		l.tell(6, happening(lane.ForcedOpen), happening(lane.ForcedOpen))
		want(t, "numbers that were", heard(o), "")
	})
}

// Numbers far ahead are a gap: it is counted, and the device is asked how it is.
func TestOSDPFarAhead(t *testing.T) {
	for name, number := range map[string]uint32{"somewhat": 1000, "as far as it goes": 1<<31 - 1} {
		t.Run(name, func(t *testing.T) {
			liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
				give(t, o, turnstile.Grant{ID: 1}, nil)
				l.mu.Lock()
				l.report.Newest = number // and holds no grant
				l.mu.Unlock()
				l.tell(number, happening(lane.PanelBack))
				want(t, "the end was lost", later(o, time.Second), "1 fault")
				if got := o.Stats(); got.Missing != uint64(number)-1 || got.Restarts != 0 {
					t.Errorf("stats %+v", got)
				}
				give(t, o, turnstile.Grant{ID: 2}, nil)
				l.tell(number+1, happening(lane.GrantArmed), happening(lane.Passed))
				want(t, "served", heard(o), "2 armed, 2 passed")
			})
		})
	}
}

// A device that never stops telling fills neither the memory nor the log, and keeps
// nobody from closing the lane.
func TestOSDPFlood(t *testing.T) {
	// Nobody reads for half a minute.
	for name, flood := range map[string]func(n uint32) osdp.Passage{
		"forced":  func(n uint32) osdp.Passage { return osdp.Passage{Number: n, Boot: 3, Kind: byte(lane.ForcedOpen)} },
		"unknown": func(n uint32) osdp.Passage { return osdp.Passage{Number: n, Boot: 3, Kind: 200} },
		"gaps": func(n uint32) osdp.Passage {
			return osdp.Passage{Number: 100 * n, Boot: 3, Kind: byte(lane.CoverOpened)}
		},
		"starts": func(n uint32) osdp.Passage { return osdp.Passage{Number: 1, Boot: uint16(n), Kind: byte(lane.Booted)} },
		"stuck": func(n uint32) osdp.Passage {
			return osdp.Passage{Number: n, Boot: 3, Kind: byte(lane.JamBegan + lane.Kind(n%2))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
				l.mu.Lock()
				l.flood = flood
				l.mu.Unlock()
				time.Sleep(30 * time.Second)
				n := strings.Count(heard(o), ",")
				if n > 300 {
					t.Errorf("%d events waited", n)
				}
				l.log.mu.Lock()
				lines := strings.Count(l.log.text.String(), "\n")
				l.log.mu.Unlock()
				if lines > 30 {
					t.Errorf("%d lines in the log", lines)
				}
			})
		})
	}
}

// Another device takes the place of the one that holds a grant: it is none that can be
// driven, and nobody waits for it.
func TestOSDPReplacedByStranger(t *testing.T) {
	liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
		give(t, o, turnstile.Grant{ID: 1}, nil)
		l.mu.Lock()
		l.id = osdp.Identity{Vendor: [3]byte{0, 6, 0x8E}, Model: 9, Serial: 77}
		_ = l.conn.Close()
		l.mu.Unlock()
		want(t, "replaced", later(o, 3*time.Second), "1 fault")
		want(t, "condition", o.Condition().Word, "strange")
		give(t, o, turnstile.Grant{ID: 2}, turnstile.ErrFault)
		l.mu.Lock()
		l.id = osdp.Identity{Vendor: [3]byte([]byte(osdp.Vendor)), Model: 1, Serial: 9}
		_ = l.conn.Close()
		l.mu.Unlock()
		want(t, "returned", later(o, 10*time.Second), "0 ready")
		give(t, o, turnstile.Grant{ID: 3}, nil)
	})
}

// A connection over which nothing comes is given up: its other end may be long gone,
// and the next one answer at once.
func TestOSDPDeadConnection(t *testing.T) {
	liarTest(t, func(t *testing.T, l *liar, o *turnstile.OSDP) {
		l.mu.Lock()
		l.mute = true
		dials := l.dials
		l.mu.Unlock()
		want(t, "lost", later(o, 10*time.Second), "0 fault")
		want(t, "condition", o.Condition().Word, "no_answer")
		time.Sleep(30 * time.Second)
		l.mu.Lock()
		if l.dials == dials {
			t.Error("the dead connection was kept")
		}
		l.mute = false
		l.mu.Unlock()
		want(t, "back", later(o, 25*time.Second), "0 ready")
	})
}

func TestClockJumped(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		passed        time.Duration
		before, after uint32
		want          bool
	}{
		"as ours":                 {time.Minute, 1000, 61_000, false},
		"a little fast":           {time.Minute, 1000, 65_000, false},
		"stood still":             {time.Minute, 1000, 1000, true},
		"began anew":              {time.Hour, 50_000_000, 900, true},
		"far ahead":               {time.Minute, 1000, 600_000, true},
		"wrapped":                 {time.Minute, ^uint32(0) - 29_999, 30_000, false},
		"a silence of fifty days": {50 * day, 1000, uint32((50*day/time.Millisecond + 1000) % (1 << 32)), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := turnstile.ClockJumped(tc.passed, tc.before, tc.after); got != tc.want {
				t.Errorf("ClockJumped = %v, want %v", got, tc.want)
			}
		})
	}
}
