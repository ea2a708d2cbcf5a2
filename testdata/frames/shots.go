package frames

import (
	"math"
	"math/rand/v2"
)

// At is the scene n frames later in a hand that holds still as well as hands do: the phone sways by
// a few degrees and pixels, and each frame has its own grain. At(0) is the scene itself.
func (s Scene) At(n int) Scene {
	if n == 0 {
		return s
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0x5ea7))
	sway := func(amount float64) float64 {
		phase, speed := rng.Float64()*2*math.Pi, 0.1+0.25*rng.Float64()
		return amount * (math.Sin(phase+speed*float64(n)) - math.Sin(phase))
	}
	s.Roll += sway(2)
	s.Yaw += sway(2.5)
	s.Pitch += sway(2.5)
	s.OffX = min(max(s.OffX+sway(0.12), -1), 1)
	s.OffY = min(max(s.OffY+sway(0.12), -1), 1)
	s.Motion *= math.Abs(math.Cos(0.7 * float64(n)))
	s.Shot += uint64(n) * 0x9e3779b97f4a7c15
	if s.Beside != nil {
		beside := s.Beside.At(n)
		s.Beside = &beside
	}
	return s
}

// MostBeside is how many more hands a scene may have than one.
const MostBeside = 3

// parts are the scenes of all hands, the first hand's first, each by itself with what they share.
func (s Scene) parts() []Scene {
	first := s
	first.Beside = nil
	parts := []Scene{first}
	for b := s.Beside; b != nil && len(parts) <= MostBeside; b = b.Beside {
		part := *b
		part.Beside, part.Size, part.Ambient, part.Defocus, part.Motion = nil, s.Size, s.Ambient, s.Defocus, s.Motion
		parts = append(parts, part)
	}
	return parts
}

// Texts are what the codes in view say. A Picture's text is not known.
func (s Scene) Texts() []string {
	var texts []string
	if s.NoPhone {
		return texts
	}
	for _, p := range s.parts() {
		for _, t := range []string{p.Text, p.Second} {
			if t != "" {
				texts = append(texts, t)
			}
		}
	}
	return texts
}
