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
	sketch   uint64        // of some rows of the last picture
	whole    uint64        // of all its rows, if known
	known    bool          // whole is
	since    time.Time     // when it first came
	times    int           // how often it has come
	lasts    time.Duration // from its first time to its last
	tried    bool          // whether the source was opened again since this picture first came
	reopened time.Time     // when it last was
}

// sketchRows is of how many rows one is in the sketch. The noise of a sensor is in every row, so that
// all rows are looked at only when a source seems to be stuck.
const sketchRows = 16

func newStill() still { return still{seed: maphash.MakeSeed()} }

// see notes the next picture.
func (s *still) see(g *image.Gray, at time.Time) {
	sketch, whole, known := s.sum(g, sketchRows), s.whole, false
	again := s.times > 0 && sketch == s.sketch
	if again {
		whole, known = s.sum(g, 1), true
		again = !s.known || whole == s.whole
	}
	if !again {
		s.since, s.times, s.tried = at, 0, false
	}
	s.sketch, s.whole, s.known = sketch, whole, known
	s.times++
	s.lasts = at.Sub(s.since)
}

// sum is a hash of one row of each step.
func (s *still) sum(g *image.Gray, step int) uint64 {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if step == 1 && g.Stride == w {
		return maphash.Bytes(s.seed, g.Pix[:w*h])
	}
	var sum maphash.Hash
	sum.SetSeed(s.seed)
	for y := 0; y < h; y += step {
		_, _ = sum.Write(g.Pix[y*g.Stride : y*g.Stride+w])
	}
	return sum.Sum64()
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
