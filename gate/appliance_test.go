package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/sync/ticket"
)

// built returns an enrolled gate of a world with all its rooms, not running yet.
func built(t *testing.T, more string) *appliance {
	t.Helper()
	w := newWorld(t, 4)
	name := w.config(t.TempDir(), more)
	var out bytes.Buffer
	a := &app{in: bytes.NewReader(nil), out: &out, err: &out, now: time.Now, getenv: func(string) string { return "" }, pid: 7}
	if code := a.run(t.Context(), []string{"enrol", "--config", name, w.invitation(worldCode)}); code != 0 {
		t.Fatalf("enrol: exit status %d\n%s", code, &out)
	}
	conf, err := loadConfig(name)
	w.ok(err)
	g, err := a.build(t.Context(), conf, io.Discard)
	w.ok(err)
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// However long the cable was cut, the gate tries again every few seconds.
func TestReconnectsSoon(t *testing.T) {
	g := built(t, "")
	if c := g.linkConfig(g.uplink, g.conf.brokers(g.id)); c.BackoffMax <= 0 || c.BackoffMax > 5*time.Second {
		t.Errorf("the link pauses up to %s between attempts, want at most 5s", c.BackoffMax)
	}
}

// The screen asks everybody for an answer when no other pass can enter here: a
// gate that is alone knows no session to be alive.
func TestScreenAsksForChallenges(t *testing.T) {
	g := built(t, "[uplink]\nenabled = false\n")
	for name, c := range map[string]struct {
		event ticket.Event
		mode  admit.Mode
		want  bool
	}{
		"nothing asked":             {ticket.Event{}, admit.ModeAlone, false},
		"always":                    {ticket.Event{AlwaysChallenge: true}, admit.ModeCentral, true},
		"leases required, alone":    {ticket.Event{Leases: ticket.LeaseRequired}, admit.ModeAlone, true},
		"leases required, peers":    {ticket.Event{Leases: ticket.LeaseRequired}, admit.ModePeers, true},
		"leases required, central":  {ticket.Event{Leases: ticket.LeaseRequired}, admit.ModeCentral, false},
		"leases advisory, alone":    {ticket.Event{Leases: ticket.LeaseAdvisory}, admit.ModeAlone, false},
		"leases switched off, none": {ticket.Event{Leases: ticket.LeaseOff}, admit.ModeAlone, false},
	} {
		g.situation.current.Store(&known{Situation: lane.Situation{Event: &c.event}})
		g.situation.mode = func() admit.Mode { return c.mode }
		if got := g.status().Challenge; got != c.want {
			t.Errorf("%s: the screen asks %t, want %t", name, got, c.want)
		}
	}
}

// The watchdog is fed only while the lane decides: fresh figures do not make up
// for a lane that hangs.
func TestAlive(t *testing.T) {
	g := built(t, "")
	now := time.Now()
	g.now = func() time.Time { return now }
	now = now.Add(hungAfter + time.Second) // the lane has not run since it was built
	g.beat.Store(now.UnixNano())
	if g.alive() {
		t.Error("a gate whose lane stands still is called alive")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.lane.Run(ctx) }()
	if _, err := g.lane.Scan(t.Context(), "not ours"); err != nil {
		t.Fatal(err)
	}
	// Scan's answer comes before the desk's next turn; its second answer after it.
	if _, err := g.lane.Scan(t.Context(), "not ours either"); err != nil {
		t.Fatal(err)
	}
	now = g.lane.Heartbeat()
	g.beat.Store(now.UnixNano())
	if !g.alive() {
		t.Error("a gate that decides is not called alive")
	}
	g.beat.Store(now.Add(-hungAfter).UnixNano())
	if g.alive() {
		t.Error("a gate that knows nothing new is called alive")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
