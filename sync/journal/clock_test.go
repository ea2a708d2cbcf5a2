package journal_test

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/journal"
)

// wall is a clock that a test sets.
type wall struct {
	mu sync.Mutex
	t  time.Time // guarded by mu
}

func (w *wall) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.t
}

func (w *wall) set(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = t
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestClockNeverGoesBackwards(t *testing.T) {
	w := &wall{t: noon}
	c := journal.NewClock(w.now, 0)
	var last journal.HLC
	for i, at := range []time.Time{
		noon, noon, noon.Add(time.Millisecond), noon.Add(-time.Hour), noon.Add(-time.Hour),
		time.Unix(0, 0), time.Unix(-1000, 0), noon.Add(time.Second),
		{},
	} {
		w.set(at)
		got := c.Now()
		if got <= last {
			t.Errorf("step %d, wall %s: Now() = %s, not after %s", i, at, got, last)
		}
		last = got
	}
	if want := noon.Add(time.Second); !last.Time().Equal(want) {
		t.Errorf("Now() = %s after the wall clock fell back, want it to stay at %s", last, want)
	}
}

func TestClockFollowsTheWall(t *testing.T) {
	w := &wall{t: noon}
	c := journal.NewClock(w.now, 0)
	if got := c.Now(); got != journal.At(noon) || got.Counter() != 0 || !got.Time().Equal(noon) {
		t.Errorf("Now() = %s, want %s", got, journal.At(noon))
	}
	if got := c.Now(); got.Counter() != 1 || !got.Time().Equal(noon) {
		t.Errorf("second Now() = %s, want counter 1 in the same millisecond", got)
	}
}

func TestClockContinuesAfterRestart(t *testing.T) {
	last := journal.At(noon.Add(time.Hour)) + 7
	c := journal.NewClock((&wall{t: noon}).now, last) // the wall clock fell back while the device was off
	if got := c.Now(); got != last+1 {
		t.Errorf("Now() = %s, want %s", got, last+1)
	}
	if got := c.Ahead(); got != time.Hour {
		t.Errorf("Ahead() = %s, want %s", got, time.Hour)
	}
}

func TestClockCounterCarries(t *testing.T) {
	full := journal.At(noon) | math.MaxUint16
	c := journal.NewClock((&wall{t: noon}).now, full)
	got := c.Now()
	if got != full+1 || got.Counter() != 0 || !got.Time().Equal(noon.Add(time.Millisecond)) {
		t.Errorf("Now() after %s = %s, want the next millisecond", full, got)
	}
	end := journal.NewClock((&wall{t: noon}).now, math.MaxUint64)
	if got := end.Now(); got != math.MaxUint64 {
		t.Errorf("Now() at the end of time = %d, want it to stay", got)
	}
}

func TestClockObserve(t *testing.T) {
	for _, tt := range []struct {
		name   string
		remote journal.HLC
		err    error
	}{
		{"earlier", journal.At(noon.Add(-time.Hour)), nil},
		{"later", journal.At(noon.Add(time.Minute)), nil},
		{"as late as is allowed", journal.At(noon.Add(5 * time.Minute)), nil},
		{"too late", journal.At(noon.Add(5*time.Minute + time.Millisecond)), journal.ErrFuture},
		{"a day late", journal.At(noon.Add(23 * time.Hour)), journal.ErrFuture},
		{"end of time", math.MaxUint64, journal.ErrFuture},
	} {
		c := journal.NewClock((&wall{t: noon}).now, 0)
		before := c.Now()
		err := c.Observe(tt.remote)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: Observe(%s) = %v, want %v", tt.name, tt.remote, err, tt.err)
		}
		want := before + 1
		if tt.err == nil && tt.remote > before {
			want = tt.remote + 1
		}
		if got := c.Now(); got != want {
			t.Errorf("%s: Now() after Observe(%s) = %s, want %s", tt.name, tt.remote, got, want)
		}
	}
}

func TestAtIsBounded(t *testing.T) {
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.UnixMilli(math.MaxInt64)} {
		got := journal.At(at)
		if got != 0 && got != math.MaxUint64&^math.MaxUint16 {
			t.Errorf("At(%s) = %d, want the nearest end", at, got)
		}
	}
}

func TestClockConcurrently(t *testing.T) {
	c := journal.NewClock((&wall{t: noon}).now, 0)
	const workers, each = 8, 500
	got := make(chan journal.HLC, workers*each)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				got <- c.Now()
			}
		})
	}
	wg.Wait()
	close(got)
	seen := make(map[journal.HLC]bool)
	for h := range got {
		if seen[h] {
			t.Fatalf("%s was handed out twice", h)
		}
		seen[h] = true
	}
}
