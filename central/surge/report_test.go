package surge_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/surge"
)

// The report of a surge is a page that is well formed, and a picture that is not empty. To look at them,
// set SURGE_REPORT to a folder.
func TestReport(t *testing.T) {
	cfg := surge.Config{People: 600, Ramp: 5 * time.Second, Duration: 15 * time.Second, Connections: 16, Seed: 8}
	refuse := func(n int) int {
		if n%40 == 0 {
			return 503
		}
		return 0
	}
	in(t, &stub{retry: 3000, think: 3 * time.Millisecond, refuse: refuse}, cfg, queue(t, -1, 0, 1), func(t *testing.T, res *surge.Result) {
		res.Profile = "<queue>"
		var page, picture bytes.Buffer
		if err := errors.Join(res.HTML(&page), res.PNG(&picture)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"600 people in 5.0 s", "&lt;queue&gt;", "<svg", "order violations", "http 503", "poll p99", "enter errors"} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("the page has no %q", want)
			}
		}
		_, svg, _ := strings.Cut(page.String(), "<svg")
		svg, _, _ = strings.Cut(svg, "</svg>")
		d := xml.NewDecoder(strings.NewReader("<svg" + svg + "</svg>"))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("the chart is no XML: %v", err)
			}
		}
		img, err := png.Decode(bytes.NewReader(picture.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		colours := map[any]bool{}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				colours[img.At(x, y)] = true
			}
		}
		if len(colours) < 10 {
			t.Errorf("the picture has %d colours", len(colours))
		}
		if dir := os.Getenv("SURGE_REPORT"); dir != "" {
			err := errors.Join(os.WriteFile(filepath.Join(dir, "report.html"), page.Bytes(), 0o600), os.WriteFile(filepath.Join(dir, "report.png"), picture.Bytes(), 0o600))
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// A result is read again as it was written.
func TestResultAsJSON(t *testing.T) {
	cfg := surge.Config{People: 20, Ramp: time.Second, Duration: 5 * time.Second, Connections: 2}
	in(t, &stub{retry: 1000}, cfg, queue(t, 1, 0, 1), func(t *testing.T, res *surge.Result) {
		text, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		var back surge.Result
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || !bytes.Equal(text, again) || back.Format != surge.ResultFormat {
			t.Errorf("%s\nbecame\n%s (%v)", text, again, err)
		}
	})
}

// A surge of nobody's has a report, too.
func TestReportOfNothing(t *testing.T) {
	r := surge.Result{Steps: []surge.Step{{Name: "enter"}}}
	if err := errors.Join(r.HTML(io.Discard), r.PNG(io.Discard)); err != nil {
		t.Error(err)
	}
}

func TestBar(t *testing.T) {
	before := surge.Snapshot{Elapsed: 10 * time.Second, Steps: []surge.Step{{Name: "enter", Requests: 1000}}}
	now := surge.Snapshot{
		Elapsed: 15 * time.Second, Total: 30 * time.Second, Open: 99812, People: 100000, Due: 3,
		Steps: []surge.Step{{Name: "enter", Requests: 1501000, Errors: 2, P50: 1.234, P95: 45.67, P99: 345.6, Max: 12345}, {Name: "poll"}},
	}
	want := []string{
		"[############............]  50%  15 of 30 s  99,812 of 100,000 people not done  3 due",
		"enter        1,501,000  300,000/s  errors 2  p50 1.23 ms  p95 45.7 ms  p99 346 ms  max 12.3 s",
	}
	if got := now.Bar(before, 0); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, l := range now.Bar(before, 40) {
		if len(l) > 40 {
			t.Errorf("%q is longer than 40", l)
		}
	}
}
