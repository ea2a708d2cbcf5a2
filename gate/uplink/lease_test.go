package uplink_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// Three sessions of page 10.
var (
	mine   = [8]byte{0xa0, 1}
	second = [8]byte{0xa5, 2}
	never  = [8]byte{0xaf, 3}
)

// sessions signs a page as of now.
func (w *world) sessions(s trust.Signer, e ticket.EventID, at time.Time, live, lapsed [][8]byte) []byte {
	w.t.Helper()
	data, err := ticketset.SignLeasePage(s, ticketset.LeasePage{
		Event: e, Page: 10, Issued: at.UnixMilli(), Live: ticketset.NewLeaseIDs(live), Lapsed: ticketset.NewLeaseIDs(lapsed),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// tell is central's newest word of the sessions, later than the one before.
func (w *world) tell(live, lapsed [][8]byte) {
	w.t.Helper()
	time.Sleep(time.Millisecond)
	w.put(topic.LeasePage(event, 10), w.sessions(w.key, event, time.Now(), live, lapsed), true)
}

func (g *gate) wantLease(what string, want map[[8]byte]admit.LeaseState) {
	g.t.Helper()
	for id, state := range want {
		if got := g.uplink.Lease(event, id); got != state {
			g.t.Errorf("%s: session %x is %s, want %s", what, id[:2], got, state)
		}
	}
}

type ids = [][8]byte

// A lapse reaches an online gate within seconds; the session that the holder
// begins next is another.
func TestLeaseLapsesOnline(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		g.wantLease("before anything was heard", map[[8]byte]admit.LeaseState{mine: admit.LeaseUnknown})
		w.tell(ids{mine}, nil)
		eventually(t, "the session", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLive })
		g.wantLease("live", map[[8]byte]admit.LeaseState{second: admit.LeaseUnknown, never: admit.LeaseUnknown})
		if got := g.uplink.Lease(event+1, mine); got != admit.LeaseUnknown {
			t.Errorf("the session is %s at another event", got)
		}
		time.Sleep(time.Second)
		w.tell(ids{second}, ids{mine})
		eventually(t, "the lapse", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLapsed })
		g.wantLease("after the lapse", map[[8]byte]admit.LeaseState{second: admit.LeaseLive, never: admit.LeaseUnknown})
	})
}

// A gate without network knows of no session, but what it has heard to be over
// stays so. It hears of the rest as soon as it can.
func TestLeaseLapsesOffline(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		w.tell(ids{mine, second}, ids{never})
		eventually(t, "the sessions", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLive })
		g.link.cut()
		eventually(t, "the cut", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseUnknown })
		w.tell(ids{second}, ids{mine, never})
		time.Sleep(time.Second)
		synctest.Wait()
		g.wantLease("offline", map[[8]byte]admit.LeaseState{
			mine: admit.LeaseUnknown, second: admit.LeaseUnknown, never: admit.LeaseLapsed,
		})
		g.link.connect("central")
		eventually(t, "the lapse", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLapsed })
		g.wantLease("online again", map[[8]byte]admit.LeaseState{second: admit.LeaseLive})
	})
}

// Whoever withholds the pages makes them stale, and nothing more.
func TestLeaseStale(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		w.tell(ids{mine}, ids{never})
		eventually(t, "the session", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLive })
		time.Sleep(ticketset.LeaseStale - 2*time.Second)
		g.wantLease("almost stale", map[[8]byte]admit.LeaseState{mine: admit.LeaseLive})
		time.Sleep(3 * time.Second)
		g.wantLease("stale", map[[8]byte]admit.LeaseState{mine: admit.LeaseUnknown, never: admit.LeaseLapsed})
		w.tell(ids{mine}, ids{never})
		eventually(t, "a newer page", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLive })
	})
}

// A page that is forged, old, or about something else changes nothing.
func TestLeasePageRefused(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		old := w.sessions(w.key, event, time.Now(), ids{mine, never}, nil)
		time.Sleep(2 * time.Second)
		w.tell(ids{mine}, ids{never})
		eventually(t, "the sessions", time.Second, func() bool { return g.uplink.Lease(event, mine) == admit.LeaseLive })

		later := func() time.Time { time.Sleep(time.Millisecond); return time.Now() }
		device, _ := w.certificate("gate-2", trust.RoleGate)
		good := w.sessions(w.key, event, later(), nil, ids{mine})
		flipped := append([]byte(nil), good...)
		flipped[len(flipped)-70] ^= 0x10
		beacon, err := ticketset.SignBeacon(w.key, ticketset.Beacon{Event: event, Issued: time.Now().Unix()})
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range map[string]struct {
			topic   string
			payload []byte
		}{
			"signed by a gate":       {topic.LeasePage(event, 10), w.sessions(device, event, later(), nil, ids{mine})},
			"signed by a stranger":   {topic.LeasePage(event, 10), w.sessions(edKey(t, 9), event, later(), nil, ids{mine})},
			"one bit flipped":        {topic.LeasePage(event, 10), flipped},
			"older":                  {topic.LeasePage(event, 10), old},
			"of another event":       {topic.LeasePage(event, 10), w.sessions(w.key, event+1, later(), nil, ids{mine})},
			"on another page":        {topic.LeasePage(event, 11), good},
			"another kind of object": {topic.LeasePage(event, 10), beacon},
			"cut off":                {topic.LeasePage(event, 10), good[:len(good)-1]},
			"too large":              {topic.LeasePage(event, 10), make([]byte, ticketset.MaxLeasePage+1)},
		} {
			before := g.uplink.Status().Refused["lease page"]
			w.put(m.topic, m.payload, false)
			eventually(t, name, time.Second, func() bool { return g.uplink.Status().Refused["lease page"] == before+1 })
			g.wantLease(name, map[[8]byte]admit.LeaseState{mine: admit.LeaseLive, never: admit.LeaseLapsed})
		}
		// The same page again, or its removal, is no offence.
		before := g.uplink.Status().Refused["lease page"]
		w.mu.Lock()
		current := w.retained[topic.LeasePage(event, 10)]
		w.mu.Unlock()
		w.put(topic.LeasePage(event, 10), current, false)
		w.put(topic.LeasePage(event, 10), nil, false)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := g.uplink.Status().Refused["lease page"]; n != before {
			t.Errorf("%d more refusals", n-before)
		}
		g.wantLease("afterwards", map[[8]byte]admit.LeaseState{mine: admit.LeaseLive, never: admit.LeaseLapsed})
	})
}

// A gate that restarts takes a page that somebody kept for as old as it is.
func TestLeaseAfterARestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		w.tell(ids{mine}, ids{never})
		time.Sleep(ticketset.LeaseStale + time.Second)
		for range 2 {
			g.link.connect("central")
			eventually(t, "the page", time.Second, func() bool { return g.uplink.Lease(event, never) == admit.LeaseLapsed })
			g.wantLease("an old page", map[[8]byte]admit.LeaseState{mine: admit.LeaseUnknown})
			g.restart()
			g.wantLease("after the restart", map[[8]byte]admit.LeaseState{mine: admit.LeaseUnknown, never: admit.LeaseUnknown})
		}
	})
}

// A gate whose clock is behind must not take a withheld page for a fresh one, and
// one whose clock is ahead must not take a fresh one for live.
func TestLeaseWithAWrongClock(t *testing.T) {
	for name, tc := range map[string]struct {
		off  time.Duration
		want admit.LeaseState // of a page that has just come
	}{
		"behind": {-time.Minute, admit.LeaseLive},
		"ahead":  {time.Minute, admit.LeaseUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.skew = tc.off
				g := w.gate("gate-1")
				g.link.connect("central")
				w.tell(ids{mine}, ids{never})
				eventually(t, "the page", time.Second, func() bool { return g.uplink.Lease(event, never) == admit.LeaseLapsed })
				g.wantLease("fresh", map[[8]byte]admit.LeaseState{mine: tc.want})
				time.Sleep(ticketset.LeaseStale + time.Second)
				g.wantLease("stale", map[[8]byte]admit.LeaseState{mine: admit.LeaseUnknown})
			})
		})
	}
}
