package camera

import (
	"hash/maphash"
	"image"
	"time"
)

const (
	stuckFrames = 3               // the same picture so often at least, or a slow camera is called stuck
	stuckRest   = 5 * time.Minute // between two times that a stuck source is opened again
)

// still notices a picture that does not change. It outlives connections: a camera may hang deeper
// than its driver. It is used by one goroutine.
type still struct {
	seed     maphash.Seed
	sum      uint64        // of the last picture
	since    time.Time     // when it first came
	times    int           // how often it has come
	lasts    time.Duration // from its first time to its last
	tried    bool          // whether the source was opened again since this picture first came
	reopened time.Time     // when it last was
}

func newStill() still { return still{seed: maphash.MakeSeed()} }

// see notes the next picture.
func (s *still) see(g *image.Gray, at time.Time) {
	var h maphash.Hash
	h.SetSeed(s.seed)
	w := g.Rect.Dx()
	for y := range g.Rect.Dy() {
		_, _ = h.Write(g.Pix[y*g.Stride : y*g.Stride+w])
	}
	if sum := h.Sum64(); s.times == 0 || sum != s.sum {
		s.sum, s.since, s.times, s.tried = sum, at, 0, false
	}
	s.times++
	s.lasts = at.Sub(s.since)
}

// stuck is how long the same picture has come, or zero if that is no longer than after.
func (s *still) stuck(after time.Duration) time.Duration {
	if after <= 0 || s.times < stuckFrames || s.lasts < after {
		return 0
	}
	return s.lasts
}

// reopen says whether to open the source again, and notes that it was said: once for a picture, and
// not again and again for a camera that compresses away the noise of a hall where nothing moves.
func (s *still) reopen(after time.Duration) bool {
	now := s.since.Add(s.lasts)
	if s.stuck(after) == 0 || s.tried || !s.reopened.IsZero() && now.Sub(s.reopened) < stuckRest {
		return false
	}
	s.tried, s.reopened = true, now
	return true
}

// pulse measures a frame rate over the last frames.
type pulse struct {
	at [16]time.Time // a ring
	n  int           // frames so far
}

// beat notes a frame and gives the rate in frames a second, or 0 if it is the first.
func (p *pulse) beat(at time.Time) float64 {
	p.at[p.n%len(p.at)] = at
	p.n++
	frames := min(p.n, len(p.at)) - 1
	span := at.Sub(p.at[(p.n-1-frames)%len(p.at)])
	if frames < 1 || span <= 0 {
		return 0
	}
	return float64(frames) / span.Seconds()
}

// The noise of a sensor makes no two pictures the same, wherever it comes from.
func (s *deviceSource) live() bool { return true }
func (s *httpSource) live() bool   { return true }
