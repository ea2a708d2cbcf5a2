package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/lane"
)

// stuckReader takes nothing until it is let go.
type stuckReader struct {
	entered, until chan struct{}
	got            bytes.Buffer
}

func (r *stuckReader) Write(p []byte) (int, error) {
	select {
	case r.entered <- struct{}{}:
	default:
	}
	<-r.until
	return r.got.Write(p)
}

// Whoever reads the events and stops must not stop the lane that tells them.
func TestStuckEventReader(t *testing.T) {
	r := &stuckReader{entered: make(chan struct{}, 1), until: make(chan struct{})}
	l := newEventLog(time.Now, r)
	l.say(event{Event: "ready"})
	<-r.entered
	told := make(chan struct{})
	const more = 10
	go func() {
		defer close(told)
		for n := range eventQueue + more {
			l.Decided(lane.Result{Seq: uint64(n + 1)})
		}
	}()
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Fatal("the lane waits for a reader that takes nothing")
	}
	close(r.until)
	l.close()
	l.close()
	lines := strings.Split(strings.TrimRight(r.got.String(), "\n"), "\n")
	if len(lines) != 1+1+eventQueue || !strings.Contains(lines[0], "ready") ||
		!strings.Contains(lines[1], `"lost"`) || !strings.Contains(lines[1], `"count":10`) || !strings.Contains(lines[2], `"seq":1,`) {
		t.Errorf("%d lines, the first are %q", len(lines), lines[:min(3, len(lines))])
	}
}
