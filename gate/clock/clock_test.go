package clock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/clock"
)

// rig is a gate whose true time, system clock and kernel a test sets.
type rig struct {
	*clock.Clock
	system time.Time
	kernel clock.Kernel
	err    error
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{system: noon}
	c, err := clock.New(t.Context(), clock.Config{
		Now:    func() time.Time { return r.system },
		Kernel: func() (clock.Kernel, error) { return r.kernel, r.err },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Clock = c
	return r
}

func (r *rig) pass(d time.Duration) { r.system = r.system.Add(d) }

func synced(err time.Duration) clock.Kernel { return clock.Kernel{Synchronised: true, MaxError: err} }

func check(t *testing.T, got clock.Reading, source clock.Source, now time.Time, least, most time.Duration) {
	t.Helper()
	if got.Source != source || !got.Now.Equal(now) || got.Uncertainty < least || got.Uncertainty > most {
		t.Errorf("Read() = %s ± %s (%s), want %s ± %s to %s (%s)",
			got.Now.Format(time.TimeOnly), got.Uncertainty, got.Source, now.Format(time.TimeOnly), least, most, source)
	}
}

func TestSources(t *testing.T) {
	const ms = time.Millisecond
	tests := map[string]struct {
		do          func(*rig)
		source      clock.Source
		now         time.Time
		least, most time.Duration
	}{
		"disciplined": {
			do: func(r *rig) { r.kernel = synced(20 * ms) }, source: clock.SourceKernel, now: noon, least: 20 * ms, most: 20 * ms,
		},
		"nobody knows": {
			do: func(*rig) {}, source: clock.SourceRTC, now: noon, least: 5 * time.Minute, most: 5 * time.Minute,
		},
		"kernel does not answer": {
			do:     func(r *rig) { r.kernel, r.err = synced(ms), errors.New("no adjtimex") },
			source: clock.SourceRTC, now: noon, least: 5 * time.Minute, most: 5 * time.Minute,
		},
		// What a broker kept for three hours must not set a clock.
		"one stale beacon": {
			do:     func(r *rig) { r.Beacon(noon.Add(-3 * time.Hour)) },
			source: clock.SourceRTC, now: noon, least: 5 * time.Minute, most: 5 * time.Minute,
		},
		"one beacon, dead battery": {
			do:     func(r *rig) { r.Beacon(noon.Add(24 * time.Hour)) },
			source: clock.SourceRTC, now: noon.Add(24 * time.Hour), least: 5 * time.Minute, most: 5 * time.Minute,
		},
		"two beacons at their beat": {
			do: func(r *rig) {
				r.Beacon(noon.Add(2 * time.Minute))
				r.pass(30 * time.Second)
				r.Beacon(noon.Add(2*time.Minute + 30*time.Second))
			},
			source: clock.SourceBeacon, now: noon.Add(2*time.Minute + 31500*ms), least: 1500 * ms, most: 1500 * ms,
		},
		"live beacon drifts": {
			do: func(r *rig) {
				r.Beacon(noon)
				r.pass(30 * time.Second)
				r.Beacon(noon.Add(30 * time.Second))
				r.pass(10000 * time.Second)
			},
			source: clock.SourceBeacon, now: noon.Add(10031500 * ms), least: 2500 * ms, most: 2500 * ms,
		},
		"stale, then live": {
			do: func(r *rig) {
				r.Beacon(noon.Add(-time.Hour))
				r.pass(10 * time.Second)
				r.Beacon(noon.Add(10 * time.Second))
			},
			source: clock.SourceRTC, now: noon.Add(10 * time.Second), least: 5 * time.Minute, most: 5 * time.Minute,
		},
		"older beacon after a newer": {
			do: func(r *rig) {
				r.Beacon(noon.Add(time.Hour))
				r.Beacon(noon.Add(30 * time.Minute))
			},
			source: clock.SourceRTC, now: noon.Add(time.Hour), least: 5 * time.Minute, most: 5 * time.Minute,
		},
		"disciplined better than beacon": {
			do: func(r *rig) {
				r.kernel = synced(5 * ms)
				r.Beacon(noon)
				r.pass(30 * time.Second)
				r.Beacon(noon.Add(30 * time.Second))
			},
			source: clock.SourceKernel, now: noon.Add(30 * time.Second), least: 5 * ms, most: 5 * ms,
		},
		// Time set back over the network to revive old codes.
		"disciplined to a false time": {
			do: func(r *rig) {
				r.kernel = synced(5 * ms)
				r.Beacon(noon.Add(10 * time.Minute))
			},
			source: clock.SourceDisputed, now: noon.Add(10 * time.Minute), least: 10 * time.Minute, most: 11 * time.Minute,
		},
		// Beacons held back to make the gate believe an earlier time.
		"beacons all held back ten minutes": {
			do: func(r *rig) {
				r.Beacon(noon.Add(-10 * time.Minute))
				r.pass(30 * time.Second)
				r.Beacon(noon.Add(-10*time.Minute + 30*time.Second))
			},
			source: clock.SourceDisputed, now: noon.Add(30 * time.Second), least: 10 * time.Minute, most: 11 * time.Minute,
		},
		"behind the journal": {
			do: func(r *rig) {
				r.kernel = synced(5 * ms)
				r.Floor(noon.Add(time.Hour))
			},
			source: clock.SourceHeld, now: noon.Add(time.Hour), least: time.Hour, most: time.Hour + time.Second,
		},
		"ahead of the journal": {
			do: func(r *rig) {
				r.kernel = synced(5 * ms)
				r.Floor(noon.Add(-time.Hour))
			},
			source: clock.SourceKernel, now: noon, least: 5 * ms, most: 5 * ms,
		},
		"small step back": {
			do: func(r *rig) {
				r.kernel = synced(5 * ms)
				r.Read()
				r.pass(-100 * ms)
			},
			source: clock.SourceKernel, now: noon, least: 105 * ms, most: 105 * ms,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			tc.do(r)
			check(t, r.Read(), tc.source, tc.now, tc.least, tc.most)
		})
	}
}

// Whatever the system clock does, readings do not run backwards.
func TestNeverBackwards(t *testing.T) {
	r := newRig(t)
	r.kernel = synced(time.Millisecond)
	last := r.Read()
	for i := range 2000 {
		r.pass(time.Duration((i*7919)%4001-2000) * time.Millisecond)
		if i%97 == 0 {
			r.kernel.Synchronised = !r.kernel.Synchronised
		}
		if i%131 == 0 {
			r.Beacon(r.system.Add(time.Duration(i%7) * time.Second))
		}
		got := r.Read()
		if got.Now.Before(last.Now) || got.Uncertainty < 0 {
			t.Fatalf("step %d: Read() = %+v after %+v", i, got, last)
		}
		last = got
	}
}

func TestNewChecksConfig(t *testing.T) {
	for name, cfg := range map[string]clock.Config{
		"no source":     {},
		"negative rtc":  {Now: time.Now, RTC: -1},
		"negative beat": {Now: time.Now, BeaconPeriod: -1},
	} {
		if _, err := clock.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: New passed", name)
		}
	}
}

func TestReadKernel(t *testing.T) {
	k, err := clock.ReadKernel()
	if err != nil {
		t.Skipf("NOT TESTED HERE: what the kernel says of its clock, because it does not: %v", err)
	}
	if k.MaxError < 0 {
		t.Errorf("ReadKernel() = %+v", k)
	}
}
