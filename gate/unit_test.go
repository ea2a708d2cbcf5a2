package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/doctor"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/ticket"
)

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 10*maxLine)
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{"a\nb", []string{"a", "b"}},
		{"a\r\n\n b \n", []string{"a", "", " b ", ""}},
		{long + "\nafter\n", []string{long[:maxLine], "after", ""}},
		{long, []string{long[:maxLine]}},
	} {
		r := bufio.NewReaderSize(strings.NewReader(c.in), 64)
		var got []string
		for {
			line, err := readLine(r)
			got = append(got, line)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%.40q: got %.80q, want %.80q", c.in, got, c.want)
		}
	}
}

func TestHeldCamera(t *testing.T) {
	for _, c := range []struct {
		body string
		want doctor.Level
	}{
		{`{"checks":[{"name":"set","state":"down"},{"name":"camera","state":"ready","detail":{"width":640,"height":480,"frames":9,"mean":90,"dark":20,"bright":180,"edge_px":2}}]}`, doctor.OK},
		{`{"checks":[{"name":"camera","state":"ready","detail":{"width":640,"height":480,"frames":9,"mean":12,"dark":10,"bright":14}}]}`, doctor.Warn},
		{`{"checks":[{"name":"camera","state":"degraded","detail":{"width":640,"height":480,"frames":9,"mean":90,"dark":20,"bright":180,"stuck_s":4}}]}`, doctor.Warn},
		{`{"checks":[{"name":"camera","state":"down","hint":"plug it in"}]}`, doctor.Fail},
		{`{"checks":[]}`, doctor.Warn},
		{`not json`, doctor.Warn},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable) // a gate that is down answers so
			_, _ = io.WriteString(w, c.body)
		}))
		f := doctor.Camera{Watch: askCamera(strings.TrimPrefix(s.URL, "http://"))}.Look(t.Context())
		s.Close()
		if f.Level != c.want || f.Level != doctor.OK && f.Advice == "" {
			t.Errorf("%s: got %+v, want %s", c.body, f, c.want)
		}
	}
}

func TestCameraHealth(t *testing.T) {
	good := camera.View{Width: 640, Height: 480, Frames: 9, FPS: 25, Edge: 2, Light: camera.Light{Mean: 90, Dark: 20, Bright: 180}}
	change := func(f func(*camera.View)) camera.View {
		v := good
		f(&v)
		return v
	}
	for name, c := range map[string]struct {
		view  camera.View
		blind bool
		state panel.State
		hint  string
	}{
		"well":          {good, false, panel.StateReady, ""},
		"blind":         {good, true, panel.StateDown, "check the camera's plug"},
		"never saw":     {camera.View{}, true, panel.StateDown, "check the camera's plug"},
		"stuck":         {change(func(v *camera.View) { v.Stuck = 4 }), false, panel.StateDegraded, "the camera shows the same frame for 4 s"},
		"dark":          {change(func(v *camera.View) { v.Light = camera.Light{Mean: 12, Dark: 10, Bright: 14} }), false, panel.StateReady, "too dark: 12 of 255"},
		"blurred":       {change(func(v *camera.View) { v.Edge = 12 }), false, panel.StateReady, "blurred: "},
		"one a second":  {change(func(v *camera.View) { v.FPS = 1 }), false, panel.StateReady, "few frames: 1.0 a second"},
		"flicker":       {change(func(v *camera.View) { v.Flicker = 0.2 }), false, panel.StateReady, "flicker: dark bands take 20 %"},
		"stuck in dark": {change(func(v *camera.View) { v.Stuck, v.Light = 4, camera.Light{} }), false, panel.StateDegraded, "the camera shows the same"},
	} {
		got := cameraHealth(c.view, c.blind)
		if got.State != c.state || !strings.HasPrefix(got.Hint, c.hint) || (c.hint == "") != (got.Hint == "") {
			t.Errorf("%s: %+v, want %s %q", name, got, c.state, c.hint)
		}
	}
}

func TestBlind(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	for name, c := range map[string]struct {
		stats camera.Stats
		want  bool
	}{
		"frames come":                        {camera.Stats{Connected: true, LastFrame: now.Add(-time.Second)}, false},
		"lost a moment ago":                  {camera.Stats{LastFrame: now.Add(-5 * time.Second)}, false},
		"lost":                               {camera.Stats{LastFrame: now.Add(-time.Minute)}, true},
		"never there":                        {camera.Stats{}, true},
		"answers and sends nothing":          {camera.Stats{Connected: true}, true},
		"answers, and nothing can be used":   {camera.Stats{Connected: true, LastFrame: now.Add(-time.Minute)}, true},
		"a clock that was set back a little": {camera.Stats{Connected: true, LastFrame: now.Add(time.Second)}, false},
	} {
		if got := blind(c.stats, now); got != c.want {
			t.Errorf("%s: blind(%+v) = %t, want %t", name, c.stats, got, c.want)
		}
	}
}

func TestAway(t *testing.T) {
	e := &ticket.Event{Doors: 1000, Ends: 2000}
	for at, want := range map[int64]time.Duration{
		400: 600 * time.Second, 1000: 0, 1500: 0, 2000: 0, 2060: time.Minute,
	} {
		if got := away(e, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: got %s, want %s", at, got, want)
		}
	}
}
