package link

import (
	"math/rand/v2"
	"time"
)

// roster decides which endpoint is tried next. An endpoint that failed is held
// back for a while, longer each time, with jitter so that a thousand gates do not
// return in step; meanwhile the next ones are tried. It is pure but for the
// jitter, and owned by Run.
type roster struct {
	min, max time.Duration
	slots    []slot
	random   func() float64 // in [0, 1)
}

type slot struct {
	failures  int // since the last stable connection
	heldUntil time.Time
}

func newRoster(n int, least, most time.Duration) *roster {
	return &roster{min: least, max: most, slots: make([]slot, n), random: rand.Float64}
}

// next returns the first endpoint that is not held back, or -1 and how long to
// wait for one.
func (r *roster) next(now time.Time) (int, time.Duration) {
	wait := r.max
	for i, s := range r.slots {
		d := s.heldUntil.Sub(now)
		if d <= 0 {
			return i, 0
		}
		wait = min(wait, d)
	}
	return -1, wait
}

// failed holds an endpoint back, between half and all of the doubled pause.
func (r *roster) failed(i int, now time.Time) {
	s := &r.slots[i]
	pause := r.min
	for range s.failures {
		if pause *= 2; pause >= r.max {
			pause = r.max
			break
		}
	}
	s.failures++
	s.heldUntil = now.Add(pause/2 + r.jitter(pause/2))
}

// good forgets what an endpoint did before.
func (r *roster) good(i int) {
	r.slots[i].heldUntil = time.Time{}
	r.slots[i].failures = 0
}

// jitter returns a random part of d.
func (r *roster) jitter(d time.Duration) time.Duration {
	return time.Duration(r.random() * float64(d))
}
