package main

import (
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/surge"
)

// A terminal is written over; a log gets a line now and then.
func TestProgress(t *testing.T) {
	at := func(elapsed time.Duration) surge.Snapshot {
		return surge.Snapshot{Elapsed: elapsed, Total: time.Minute, People: 10, Open: 5, Steps: []surge.Step{{Name: "enter", Requests: 3}}}
	}
	var out strings.Builder
	p := &progress{w: &out, width: 60}
	p.observe(at(time.Second))
	p.observe(at(2 * time.Second))
	p.end()
	if got := strings.Count(out.String(), "\x1b[2A\x1b[J"); got != 2 {
		t.Errorf("two lines were taken away %d times, want 2: %q", got, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if len(strings.TrimPrefix(line, "\x1b[2A\x1b[J")) > 60 {
			t.Errorf("%q does not fit", line)
		}
	}
	out.Reset()
	p = newProgress(&out)
	for i := range 21 {
		p.observe(at(time.Duration(i) * 500 * time.Millisecond))
	}
	p.end()
	if got := strings.Count(out.String(), "of 60 s"); got != 2 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("ten seconds of a log: %d lines, want 2 without control characters: %q", got, out.String())
	}
}
