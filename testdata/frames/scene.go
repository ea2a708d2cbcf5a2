// Package frames renders photographs that a gate's camera would take of a phone held up to it:
// gray, in perspective, out of focus, in motion, noisy, dim, with glare, moiré and a hand, for
// tests, the demo and benches.
//
// The same [Scene] gives the same bytes on one architecture (another may fuse multiplications and
// differ in the last bit). Scenes are made up: they stand in for photographs where none can be
// had, and a reader tuned on them alone proves little about real ones.
package frames

import (
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

// ErrScene is a scene that cannot be rendered.
var ErrScene = errors.New("unusable scene")

// Sizes that cameras commonly give.
var (
	VGA = image.Pt(640, 480)
	HD  = image.Pt(1280, 720)
)

// Profile is a kind of scene.
type Profile uint8

// The profiles, from kind to unkind.
const (
	Easy  Profile = iota + 1 // held still and straight, well lit
	Gate                     // what a busy gate sees: tilted, a little blurred and noisy, some glare
	Hard                     // at the limits: far, dark or overexposed, moving, cracked, inverted
	Empty                    // no code: people, a wall, a phone that shows something else
)

// Profiles lists all profiles.
func Profiles() []Profile { return []Profile{Easy, Gate, Hard, Empty} }

// String returns the name that ParseProfile takes.
func (p Profile) String() string {
	switch p {
	case Easy:
		return "easy"
	case Gate:
		return "gate"
	case Hard:
		return "hard"
	case Empty:
		return "empty"
	}
	return fmt.Sprintf("profile(%d)", uint8(p))
}

// ParseProfile returns the profile of that name.
func ParseProfile(name string) (Profile, error) {
	for _, p := range Profiles() {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("profile %q: want one of %v", name, Profiles())
}

// Scene is everything that a frame depends on. Lengths in pixels are pixels of the frame; light is
// linear, 1 being what the sensor just holds at gain 1.
type Scene struct {
	Seed uint64      // the room, the hand, the page around the code
	Shot uint64      // the grain of this one exposure
	Size image.Point // of the frame
	Text string      // what the code says; empty for no code

	// Picture is what the phone's screen shows, instead of Text and a page made up
	// around it. CodeMM is how wide its Code is on the glass.
	Picture *Picture

	Level    Level   // error correction of the codes
	NoPhone  bool    // only the room
	CodeMM   float64 // side of the code without quiet zone in millimetres
	ModulePX float64 // pixels a module where the code's centre is, made smaller if the code would not fit
	Quiet    float64 // modules of quiet zone
	Roll     float64 // degrees in the plane of the frame
	Yaw      float64 // degrees about the upright axis
	Pitch    float64 // degrees about the level axis
	OffX     float64 // place of the code from -1 (left edge) to 1
	OffY     float64 // place of the code from -1 (upper edge) to 1
	Inverted bool    // light modules on a dark ground
	DarkUI   bool    // dark page around the code
	Cracks   int     // in the glass over the code
	Finger   float64 // share of the code's side that a finger covers from one edge

	// Paper is a printed sheet instead of a phone: it shines by the light of the room,
	// unevenly. White, Moire, Bands, DarkUI and Cracks are nothing to it.
	Paper   bool
	Bend    float64 // degrees that the sheet turns from one edge of the code to the other; negative is hollow
	BendDir float64 // degrees from level of the way it is bent
	Second  string  // what another code on the sheet says, to the right of the first

	// Beside is what another hand holds up in the same view, over what this one does. The
	// frame, the room, the lens and the sensor are this scene's; at most [MostBeside].
	Beside *Scene

	White   float64 // light of a white pixel of the screen
	Ambient float64 // light of the room
	Reflect float64 // light of the room that the whole glass mirrors
	Glares  int     // lamps mirrored by the glass
	Glare   float64 // their light
	Gain    float64 // exposure

	Defocus   float64 // standard deviation of the blur in pixels
	Motion    float64 // way the phone moves while the shutter is open, in pixels
	MotionDir float64 // its direction in radians
	Bloom     float64 // share of the light that veils the lens
	Moire     float64 // depth of the pattern that the screen's grid makes
	Bands     float64 // depth of the dark bands that a dimmed screen makes
	Noise     float64 // standard deviation in 8-bit levels at medium light
	Sharpen   float64 // the camera's own sharpening
	Quality   int     // of the JPEG that the camera sends, 1 to 100; 0 for none
}

// Scene draws a scene of this profile by lot. text is ignored by Empty.
func (p Profile) Scene(seed uint64, size image.Point, text string) Scene {
	side := 49
	if c, err := Encode(text); err == nil {
		side = c.Side
	}
	return p.lot(seed, size, text, side)
}

// Photograph draws a scene of this profile in which the phone shows a picture.
func (p Profile) Photograph(seed uint64, size image.Point, pic *Picture) Scene {
	s := p.lot(seed, size, "", pic.Modules)
	s.Picture, s.NoPhone, s.Inverted = pic, false, false
	return s
}

func (p Profile) lot(seed uint64, size image.Point, text string, modules int) Scene {
	rng := rand.New(rand.NewPCG(seed, uint64(p)))
	between := func(a, b float64) float64 { return a + (b-a)*rng.Float64() }
	around := func(a float64) float64 { return between(-a, a) }
	chance := func(of float64) bool { return rng.Float64() < of }
	side := float64(modules)
	// hard is how far the profile goes: 0 in the best, 1 in the worst conditions.
	hard, low, high, least := 0.2, 0.5, 0.75, 4.0
	switch p {
	case Easy:
	case Gate:
		hard, low, high, least = 0.55, 0.4, 0.75, 3.2
	case Hard:
		hard, low, high, least = 1, 0.25, 0.7, 2.2
	case Empty:
		hard, text = 0.7, ""
	}
	s := Scene{Seed: seed, Shot: seed, Size: size, Text: text, Quiet: 4, CodeMM: between(52, 60)}
	s.ModulePX = max(between(low, high)*float64(size.Y)/side, least)
	s.NoPhone = p == Empty && chance(0.35)
	s.Roll = around(15)
	if chance(0.3) {
		s.Roll = around(45 * hard)
	}
	s.Yaw, s.Pitch = around(35*hard), around(35*hard)
	s.OffX, s.OffY = around(0.7), around(0.7)
	s.DarkUI = chance(0.3)
	s.White, s.Ambient = between(1-0.9*hard, 1), between(0.05, 0.1+hard)
	s.Reflect, s.Gain = between(0, 0.12*hard), between(0.7, 1+2*hard)
	if chance(0.6 * hard) {
		s.Glares, s.Glare = 1+rng.IntN(2), between(0.1, 0.9*hard)
	}
	s.Defocus = max(0.35, s.ModulePX*between(0.05, 0.65*hard))
	if chance(0.5) {
		s.Motion, s.MotionDir = s.ModulePX*between(0, 1.2*hard), around(math.Pi)
	}
	s.Bloom, s.Noise = between(0, 0.2*hard), between(1, 1+7*hard)
	s.Moire, s.Bands = between(0, 0.35*hard), between(0, 0.5*hard)
	s.Sharpen, s.Quality = between(0, 0.5), 90-rng.IntN(1+int(50*hard))
	if p == Hard {
		s.Inverted = chance(0.1)
		if chance(0.2) {
			s.Cracks = 1 + rng.IntN(2)
		}
	}
	return s
}
