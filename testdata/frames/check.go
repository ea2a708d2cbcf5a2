package frames

import (
	"fmt"
	"math"
)

// check refuses what would take for ever or make no picture. Errors wrap [ErrScene].
func (s Scene) check() error {
	if s.Size.X < 64 || s.Size.Y < 64 || s.Size.X > 4096 || s.Size.Y > 4096 {
		return fmt.Errorf("%w: size %v, want 64 to 4096 a side", ErrScene, s.Size)
	}
	hands := 1
	for b := s.Beside; b != nil; b = b.Beside {
		if hands++; hands > 1+MostBeside {
			return fmt.Errorf("%w: more than %d hands beside the first", ErrScene, MostBeside)
		}
	}
	for _, p := range s.parts() {
		if err := p.checkPart(); err != nil {
			return err
		}
	}
	return nil
}

// checkPart checks one hand's scene. All ranges are closed; a number that is none is in no range.
func (s Scene) checkPart() error {
	for _, r := range []struct {
		name            string
		is, least, most float64
	}{
		{"CodeMM", s.CodeMM, 5, 200},
		{"ModulePX", s.ModulePX, 0.1, 500},
		{"Quiet", s.Quiet, 0, 20},
		{"Roll", s.Roll, -1e6, 1e6},
		{"Yaw", s.Yaw, -70, 70},
		{"Pitch", s.Pitch, -70, 70},
		{"OffX", s.OffX, -4, 4},
		{"OffY", s.OffY, -4, 4},
		{"Cracks", float64(s.Cracks), 0, 100},
		{"Finger", s.Finger, 0, 1},
		{"Bend", s.Bend, -120, 120},
		{"BendDir", s.BendDir, -1e6, 1e6},
		{"White", s.White, 0, 1e3},
		{"Ambient", s.Ambient, 0, 1e3},
		{"Reflect", s.Reflect, 0, 1e3},
		{"Glares", float64(s.Glares), 0, 100},
		{"Glare", s.Glare, 0, 1e3},
		{"Gain", s.Gain, 0, 1e3},
		{"Defocus", s.Defocus, 0, 30},
		{"Motion", s.Motion, 0, 60},
		{"MotionDir", s.MotionDir, -1e6, 1e6},
		{"Bloom", s.Bloom, 0, 1},
		{"Moire", s.Moire, 0, 1},
		{"Bands", s.Bands, 0, 1},
		{"Noise", s.Noise, 0, 100},
		{"Sharpen", s.Sharpen, 0, 10},
		{"Quality", float64(s.Quality), 0, 100},
	} {
		if !(r.is >= r.least && r.is <= r.most) {
			return fmt.Errorf("%w: %s is %v, want %v to %v", ErrScene, r.name, r.is, r.least, r.most)
		}
	}
	switch {
	case s.Picture != nil && s.Text != "":
		return fmt.Errorf("%w: both a text and a picture", ErrScene)
	case s.Picture != nil && s.Paper:
		return fmt.Errorf("%w: a picture of a screen on paper", ErrScene)
	case s.Bend != 0 && !s.Paper:
		return fmt.Errorf("%w: a phone that is bent", ErrScene)
	case s.Bend != 0 && math.Abs(s.Bend) < 0.01:
		return fmt.Errorf("%w: Bend is %v, want 0 or at least 0.01", ErrScene, s.Bend)
	case s.Second != "" && (!s.Paper || s.Text == ""):
		return fmt.Errorf("%w: a second code without paper or a first", ErrScene)
	}
	if s.Picture != nil {
		return s.Picture.check()
	}
	return nil
}
