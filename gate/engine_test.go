package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/hint"
)

func TestEngineHealth(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	for name, c := range map[string]struct {
		stats      engine.Stats
		state      panel.State
		hint, note string
	}{
		"there":        {engine.Stats{Connected: true}, panel.StateReady, "", "no code"},
		"reads":        {engine.Stats{Connected: true, Texts: 9, LastText: now.Add(-12 * time.Second)}, panel.StateReady, "", "last code 12s ago, 9 in all"},
		"wrong layout": {engine.Stats{Connected: true, Texts: 1, LastText: now, Hint: "set it to US"}, panel.StateDegraded, "set it to US", "last code"},
		"lost some":    {engine.Stats{Connected: true, Halves: 1, Noise: 2, Lost: 3, Dropped: 4}, panel.StateReady, "", "1 halves, 2 noise, 3 lost, 4 not taken"},
		"away":         {engine.Stats{LastError: hint.Errorf("plug it in", "gone: %w", fs.ErrNotExist)}, panel.StateDown, "plug it in", ""},
		"never there":  {engine.Stats{}, panel.StateDown, "[engine] device", ""},
	} {
		got := engineHealth(c.stats, now)
		if got.Name != "engine" || got.State != c.state || c.hint == "" != (got.Hint == "") || !strings.Contains(got.Hint, c.hint) || !strings.Contains(got.Note, c.note) {
			t.Errorf("%s: got %+v, want %+v", name, got, c)
		}
	}
}

func TestHeldEngine(t *testing.T) {
	for _, c := range []struct {
		body, found, advice string
		want                doctor.Level
	}{
		{`{"checks":[{"name":"engine","state":"ready","note":"last code 3s ago"}]}`, "last code 3s ago", "", doctor.OK},
		{`{"checks":[{"name":"engine","state":"degraded","note":"last code 3s ago","hint":"set it to US"}]}`, "last code", "set it to US", doctor.Warn},
		{`{"checks":[{"name":"engine","state":"down","hint":"plug it in"}]}`, "does not reach", "plug it in", doctor.Fail},
		{`{"checks":[]}`, "does not say", "stop the gate", doctor.Warn},
		{`not json`, "does not say", "stop the gate", doctor.Warn},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) }))
		f := heldDevice{"engine", strings.TrimPrefix(s.URL, "http://")}.Look(t.Context())
		s.Close()
		if f.Level != c.want || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Advice, c.advice) {
			t.Errorf("%s: got %+v", c.body, f)
		}
	}
}

// The check of an engine that nobody holds says what stands in its way.
func TestDoctorEngine(t *testing.T) {
	conf := defaults()
	a := &app{now: time.Now}
	for input, device := range map[string]string{inputSerial: "/dev/serial/by-id/none", inputWedge: "/dev/input/by-id/none"} {
		conf.Lane.Input, conf.Engine.Device = input, device
		f := doctor.Engine{Device: device, Try: a.tryEngine(&conf)}.Look(t.Context())
		if f.Level != doctor.Fail || !strings.Contains(f.Found, "no such file") || !strings.Contains(f.Advice, "plugged in") {
			t.Errorf("%s: got %+v", input, f)
		}
	}
	f := doctor.Engine{Device: "/dev/x", Try: func(context.Context) error { return nil }}.Look(t.Context())
	if f.Level != doctor.OK || !strings.Contains(f.Found, "/dev/x") {
		t.Errorf("well: got %+v", f)
	}
	f = doctor.Engine{Try: func(context.Context) error { return fmt.Errorf("odd: %w", errors.ErrUnsupported) }}.Look(t.Context())
	if f.Level != doctor.Fail || f.Advice == "" {
		t.Errorf("an error without a hint: got %+v", f)
	}
}
