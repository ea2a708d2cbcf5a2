package main

import (
	"bytes"
	"io"
	"testing"
	"time"
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
