// Package clock says what time it is at a gate and how sure that is.
//
// It joins what the operating system knows (adjtimex on Linux), the signed time
// beacons of the central server and the time of the last journal entry. It sets
// no clock, asks nobody and signs nothing.
//
// Who is trusted: the kernel's own estimate of its error; a beacon's signature,
// which the caller has verified, but not the beacon's delivery: a beacon alone
// only proves that its time has come, because a broker may keep one back for
// hours. Where two sources contradict each other neither is believed: the
// reading's uncertainty then spans both, and rules that need the time refuse to
// guess.
package clock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Source is where a reading comes from. The words are stable: status pages and
// logs show them.
type Source string

// The sources of a reading.
const (
	SourceKernel   Source = "kernel"   // the system clock, disciplined by NTP, PTP or GNSS
	SourceBeacon   Source = "beacon"   // the central server's signed beacons
	SourceRTC      Source = "rtc"      // the system clock, disciplined by nobody
	SourceHeld     Source = "held"     // the clock fell behind what was already recorded
	SourceDisputed Source = "disputed" // two sources exclude each other
)

// Reading is the time and how far off it may be.
type Reading struct {
	Now         time.Time
	Uncertainty time.Duration // the true time lies within Now ± Uncertainty
	Source      Source
}

// Kernel is what the operating system says about its own clock.
type Kernel struct {
	Synchronised bool
	MaxError     time.Duration // the bound of the error while synchronised
}

// Config holds what a clock needs.
type Config struct {
	// Now is the system's clock, with its monotonic reading. Required.
	Now func() time.Time

	// Kernel reports the state of the system clock. Nil means [ReadKernel].
	Kernel func() (Kernel, error)

	// RTC is how far off the system clock may be while nobody disciplines it.
	// Zero means five minutes: more than any pass tolerates, so that such a gate
	// asks for challenge passes until a beacon or NTP has told it the time.
	RTC time.Duration

	// BeaconPeriod is how often central signs a beacon. Zero means 30 s.
	BeaconPeriod time.Duration

	// BeaconDelay is the longest that a live beacon travels. Zero means 2 s.
	BeaconDelay time.Duration
}

// The defaults of [Config], and the drift of an undisciplined oscillator.
const (
	defaultRTC    = 5 * time.Minute
	defaultPeriod = 30 * time.Second
	defaultDelay  = 2 * time.Second
	driftPPM      = 100
	beaconGrain   = time.Second // beacons carry whole seconds
)

// Clock joins the sources. It is safe for concurrent use.
type Clock struct {
	cfg Config

	// mu guards all fields below.
	mu     sync.Mutex
	floor  time.Time // no reading is earlier
	proven sample    // the latest beacon: its time has come
	live   sample    // the best beacon that was delivered at once
}

// sample is one estimate, tied to the monotonic clock so that a step of the
// system clock does not move it.
type sample struct {
	local time.Time     // when it was taken
	at    time.Time     // the true time then
	half  time.Duration // ± around at
}

func (s sample) ok() bool { return !s.local.IsZero() }

// reading moves the sample to now and widens it by the drift since.
func (s sample) reading(now time.Time) Reading {
	age := max(now.Sub(s.local), 0)
	return Reading{Now: s.at.Add(age), Uncertainty: s.half + drift(age), Source: SourceBeacon}
}

func drift(age time.Duration) time.Duration { return age / (1_000_000 / driftPPM) }

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Clock, error) {
	if cfg.Now == nil {
		return nil, errors.New("clock without a time source")
	}
	if cfg.RTC < 0 || cfg.BeaconPeriod < 0 || cfg.BeaconDelay < 0 {
		return nil, fmt.Errorf("clock with a negative bound: rtc %s, period %s, delay %s", cfg.RTC, cfg.BeaconPeriod, cfg.BeaconDelay)
	}
	if cfg.Kernel == nil {
		cfg.Kernel = ReadKernel
	}
	if cfg.RTC == 0 {
		cfg.RTC = defaultRTC
	}
	if cfg.BeaconPeriod == 0 {
		cfg.BeaconPeriod = defaultPeriod
	}
	if cfg.BeaconDelay == 0 {
		cfg.BeaconDelay = defaultDelay
	}
	return &Clock{cfg: cfg}, nil
}

// Floor tells the clock a time that has certainly been, such as that of an entry
// in the journal less its uncertainty. No later reading falls behind it.
func (c *Clock) Floor(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.floor) {
		c.floor = t.Round(0)
	}
}

// Beacon takes a beacon that has just arrived; the caller has verified its
// signature. One that is not newer than the last tells nothing and is ignored.
//
// A single beacon may have been kept by a broker for any time, so it only
// proves that its time has come. A second one that follows at the beat of the
// first was delivered as it was signed and sets the clock.
func (c *Clock) Beacon(issued time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	issued = issued.Round(0)
	if c.proven.ok() && !issued.After(c.proven.at) {
		return
	}
	if c.proven.ok() {
		sent, came := issued.Sub(c.proven.at), now.Sub(c.proven.local)
		slack := c.cfg.BeaconDelay + beaconGrain
		if came <= 2*c.cfg.BeaconPeriod+slack && (sent-came).Abs() <= slack {
			half := slack / 2
			s := sample{local: now, at: issued.Add(half), half: half}
			if !c.live.ok() || s.half <= c.live.reading(now).Uncertainty {
				c.live = s
			}
		}
	}
	c.proven = sample{local: now, at: issued}
}

// Read returns the time. Readings never run backwards; while the sources are
// behind an earlier reading or the journal, that time is held and the
// uncertainty grows by the gap.
func (c *Clock) Read() Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.joinLocked()
	r.Now = r.Now.Round(0)
	if gap := c.floor.Sub(r.Now); gap > 0 {
		r.Now, r.Uncertainty = c.floor, r.Uncertainty+gap
		if gap > time.Second { // a smaller step back is NTP at work
			r.Source = SourceHeld
		}
	}
	c.floor = r.Now
	return r
}

func (c *Clock) joinLocked() Reading {
	now := c.cfg.Now()
	system := Reading{Now: now, Uncertainty: c.cfg.RTC, Source: SourceRTC}
	if k, err := c.cfg.Kernel(); err == nil && k.Synchronised {
		system.Uncertainty, system.Source = k.MaxError, SourceKernel
	}
	if c.proven.ok() {
		system = atLeast(system, c.proven.at.Add(max(now.Sub(c.proven.local), 0)))
	}
	if !c.live.ok() {
		return system
	}
	beacon := c.live.reading(now)
	if gap := system.Now.Sub(beacon.Now).Abs(); gap > system.Uncertainty+beacon.Uncertainty {
		return dispute(system, beacon)
	}
	if beacon.Uncertainty < system.Uncertainty {
		return beacon
	}
	return system
}

// atLeast raises a reading to a time that has been signed as past. A clock that
// nobody disciplines simply gives way (its battery died); one that claims to be
// synchronised and is not is disputed.
func atLeast(r Reading, proven time.Time) Reading {
	gap := proven.Sub(r.Now)
	switch {
	case gap <= r.Uncertainty:
		return r
	case r.Source == SourceRTC:
		return Reading{Now: proven, Uncertainty: r.Uncertainty, Source: SourceRTC}
	}
	return Reading{Now: proven, Uncertainty: r.Uncertainty + gap, Source: SourceDisputed}
}

// dispute keeps the later time, so that no expired pass comes back to life, and
// an uncertainty that reaches the other.
func dispute(a, b Reading) Reading {
	if a.Now.Before(b.Now) {
		a, b = b, a
	}
	return Reading{Now: a.Now, Uncertainty: a.Now.Sub(b.Now) + b.Uncertainty, Source: SourceDisputed}
}
