package frames

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Category is a kind of frame by the one thing that makes it hard to read. Unlike a
// [Profile] it also draws the code by lot: its length, alphabet and level.
type Category string

// The categories. All but the last four have that one difficulty only.
const (
	Clean       Category = "clean"       // well lit, near, straight, sharp
	Far         Category = "far"         // 1.6 to 2.6 pixels a module
	Perspective Category = "perspective" // seen from the side, 22° to 48°
	Rotate      Category = "rotate"      // any angle in the plane
	Blur        Category = "blur"        // out of focus by a quarter to a half of a module
	Motion      Category = "motion"      // moved by 0.8 to 1.9 modules while the shutter was open
	Glare       Category = "glare"       // lamps mirrored over the code
	Bloom       Category = "bloom"       // a bright screen in a dark place, overexposed
	Dim         Category = "dim"         // a dark screen in a bright place
	Noise       Category = "noise"       // a grainy sensor
	Moire       Category = "moire"       // the screen's grid against the sensor's, dark bands
	Inverted    Category = "inverted"    // light modules on a dark ground
	Cracked     Category = "cracked"     // cracks in the glass, a finger over an edge
	MJPEG       Category = "mjpeg"       // hardly anything left by the camera's compression
	Dense       Category = "dense"       // much text in small modules
	Curved      Category = "curved"      // printed on paper that is bent, by 10° to 60° over the code
	Several     Category = "several"     // two or three phones, or a sheet with two codes
	Gated       Category = "gate"        // what a busy gate sees: a little of everything
	Harsh       Category = "hard"        // too much of everything
	Codeless    Category = "empty"       // people, a wall, a phone or a sheet without a code
)

// Categories lists all categories.
func Categories() []Category {
	return []Category{
		Clean, Gated, Far, Perspective, Rotate, Blur, Motion, Glare, Bloom, Dim, Noise,
		Moire, Inverted, Cracked, MJPEG, Dense, Curved, Several, Harsh, Codeless,
	}
}

// ParseCategories returns the categories that a list with commas names, all for "all".
func ParseCategories(list string) ([]Category, error) {
	if list == "all" {
		return Categories(), nil
	}
	var out []Category
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(Categories(), Category(name)) {
			return nil, fmt.Errorf("category %q: want all or some of %v", name, Categories())
		}
		out = append(out, Category(name))
	}
	return out, nil
}

// FHD is the largest of the common sizes.
var FHD = image.Pt(1920, 1080)

// Scene draws a scene of this category by lot. The frame's size is drawn too if it
// is zero, and the text if it is empty; Codeless ignores the text.
func (c Category) Scene(seed uint64, size image.Point, text string) Scene {
	of := uint64(14695981039346656037) // FNV-1a: categories with one seed have little in common
	for _, b := range []byte(c) {
		of = (of ^ uint64(b)) * 1099511628211
	}
	d := dice{rand.New(rand.NewPCG(seed, of))}
	if lot := d.size(); size == (image.Point{}) {
		size = lot
	}
	level := Level(d.IntN(2))
	if lot := d.text(c, size); text == "" {
		text = lot
	}
	side := 49.0
	if code, err := EncodeAt(text, level); err == nil {
		side = float64(code.Side)
	}
	s := d.plain(size, side)
	s.Seed, s.Shot, s.Text, s.Level = seed^of, seed^of, text, level
	c.spoil(&s, d, side)
	return s
}

// dice draws lots.
type dice struct{ *rand.Rand }

func (d dice) between(a, b float64) float64 { return a + (b-a)*d.Float64() }
func (d dice) around(a float64) float64     { return d.between(-a, a) }
func (d dice) chance(of float64) bool       { return d.Float64() < of }
func (d dice) sign() float64                { return float64(2*d.IntN(2) - 1) }

// size is VGA four times of seven, 720p twice, 1080p once.
func (d dice) size() image.Point {
	switch n := d.IntN(7); {
	case n < 4:
		return VGA
	case n < 6:
		return HD
	}
	return FHD
}

// text is a payload of 80 to 450 bytes in base45, or as many characters in byte mode.
func (d dice) text(c Category, size image.Point) string {
	const (
		base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
		mixed  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	)
	lengths := []int{80, 200, 300, 450}
	n := lengths[d.IntN(4)]
	switch few := d.IntN(2); {
	case c == Dense:
		n = 450 + d.IntN(250)
	case c == Several:
		n = lengths[d.IntN(2)]
	case c == Far || n == 450 && size.Y <= 480 && few == 0:
		n = lengths[d.IntN(3)]
	}
	alphabet := mixed
	if d.chance(0.5) {
		alphabet, n = base45, n*3/2
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	if alphabet == mixed {
		b[0] = 'a' // so that no text is in the other alphabet by chance
	}
	return string(b)
}

// plain is a scene without any difficulty.
func (d dice) plain(size image.Point, side float64) Scene {
	most := 0.9 * float64(size.Y) / side
	s := Scene{
		Size: size, Quiet: 4, CodeMM: d.between(48, 60), ModulePX: d.between(min(3, 0.9*most), min(8, most)),
		Roll: d.around(8), Yaw: d.around(8), Pitch: d.around(8), OffX: d.around(0.7), OffY: d.around(0.7),
		DarkUI: d.chance(1.0 / 3), White: d.between(0.6, 0.9), Ambient: d.between(0.1, 0.5), Reflect: d.between(0, 0.02), Gain: 1,
		Defocus: d.between(0.3, 0.7) * float64(size.X) / 640, Bloom: d.between(0, 0.05), Noise: d.between(1, 4),
		Moire: d.between(0, 0.08), Sharpen: d.between(0, 0.5), Quality: 75 + d.IntN(20),
	}
	if d.chance(0.25) {
		s.Quiet = 2
	}
	return s
}

// spoil gives the scene the category's difficulty. side is that of its code in modules.
func (c Category) spoil(s *Scene, d dice, side float64) {
	most := 0.9 * float64(s.Size.Y) / side
	switch c {
	case Clean:
	case Far:
		s.ModulePX, s.Defocus = d.between(1.6, 2.6), d.between(0.3, 0.5)
	case Perspective:
		s.Yaw, s.Pitch = d.sign()*d.between(22, 48), d.around(30)
		if d.chance(0.5) {
			s.Yaw, s.Pitch = s.Pitch, s.Yaw
		}
		s.ModulePX = d.between(min(3.5, 0.9*most), min(9, 1.1*most))
	case Rotate:
		s.Roll, s.ModulePX = d.between(0, 360), min(s.ModulePX, 0.7*most)
	case Blur:
		s.Defocus = s.ModulePX * d.between(0.25, 0.55)
	case Motion:
		s.Motion, s.MotionDir = s.ModulePX*d.between(0.8, 1.9), d.between(0, math.Pi)
	case Glare:
		s.Glares, s.Glare, s.Reflect = 1+d.IntN(3), d.between(0.4, 1.2), d.between(0.02, 0.1)
	case Bloom:
		s.Gain, s.Bloom, s.Ambient = d.between(2, 6), d.between(0.05, 0.25), d.between(0.005, 0.05)
		s.Defocus = s.ModulePX * d.between(0.15, 0.35)
	case Dim:
		s.White, s.Ambient, s.Reflect = d.between(0.04, 0.12), d.between(0.3, 0.9), d.between(0.02, 0.1)
		s.Noise = d.between(3, 9)
	case Noise:
		s.White, s.Ambient, s.Noise = d.between(0.25, 0.6), d.between(0.05, 0.3), d.between(9, 18)
	case Moire:
		s.Moire, s.Bands = d.between(0.2, 0.5), d.between(0, 0.7)
	case Inverted:
		s.Inverted, s.DarkUI = true, d.chance(0.75)
	case Cracked:
		s.Cracks, s.Glares, s.Glare = 1+d.IntN(4), 1, d.between(0, 0.4)
		if d.chance(0.5) {
			s.Finger = d.between(0.02, 0.07)
		}
	case MJPEG:
		s.Quality, s.Noise = 12+d.IntN(24), d.between(2, 6)
	case Dense:
		s.ModulePX = min(d.between(2.4, 3.6), most)
	case Curved:
		s.sheet(d)
		s.Bend = d.sign() * d.between(10, 60)
		if s.BendDir = d.around(15); d.chance(0.4) {
			s.BendDir += 90
		}
		s.Yaw, s.Pitch, s.ModulePX = d.around(20), d.around(20), min(s.ModulePX, 0.75*most)
	case Several:
		if d.chance(1.0 / 3) {
			s.twoOnSheet(d)
		} else {
			s.more(d, side)
		}
	case Gated:
		s.mix(d, 0.55)
	case Harsh:
		s.mix(d, 1)
	case Codeless:
		s.Text, s.NoPhone, s.Roll = "", d.chance(1.0/3), d.around(40)
		s.Noise, s.Quality = d.between(1, 8), 40+d.IntN(50)
		if d.chance(0.2) {
			s.sheet(d)
			s.Bend = d.around(60)
		}
	}
}

// sheet makes the phone a printed sheet.
func (s *Scene) sheet(d dice) {
	s.Paper, s.DarkUI, s.Moire, s.Bloom = true, false, 0, 0
	s.Ambient, s.Reflect, s.Gain = d.between(0.3, 0.8), 0, d.between(0.8, 1.3)
}

// twoOnSheet makes the phone a sheet with two codes.
func (s *Scene) twoOnSheet(d dice) {
	s.sheet(d)
	s.Second = d.text(Several, s.Size)
	if d.chance(0.3) {
		s.Bend = d.around(30)
	}
	a, err := EncodeAt(s.Text, s.Level)
	if err != nil {
		return // the renderer says so
	}
	b, err := EncodeAt(s.Second, s.Level)
	if err != nil {
		return
	}
	modules := float64(a.Side+b.Side) + 2*s.Quiet + 4
	s.ModulePX = min(s.ModulePX, d.between(0.7, 0.9)*float64(s.Size.X)/modules, 0.8*float64(s.Size.Y)/float64(max(a.Side, b.Side)))
}

// more adds one or two hands, side by side with the first, so that none covers another's code.
// side is that of the first's code in modules.
func (s *Scene) more(d dice, side float64) {
	hands := 2
	if s.Size.X > VGA.X && d.chance(0.4) {
		hands = 3
	}
	// phones are a good deal wider than their codes, and hands wider still
	share := [...]float64{2: 0.27, 3: 0.17}[hands]
	place := func(s *Scene, i int, side float64) {
		s.ModulePX = min(d.between(0.85, 1)*share*float64(s.Size.X), 0.7*float64(s.Size.Y)) / side
		s.OffX = 0.94 * (2*float64(i)/float64(hands-1) - 1) // from edge to edge
		s.OffY = d.around(0.6)
		s.Roll, s.Yaw, s.Pitch = d.around(6), d.around(10), d.around(10)
		s.CodeMM = d.between(52, 56) // about as far from the camera as the others
	}
	first := *s
	place(s, 0, side)
	last := s
	for i := 1; i < hands; i++ {
		next := first
		next.Seed, next.Text, next.Level = first.Seed+uint64(i), d.text(Several, s.Size), Level(d.IntN(2))
		next.White, next.DarkUI = d.between(0.4, 0.9), d.chance(0.3)
		code, err := EncodeAt(next.Text, next.Level)
		if err != nil {
			return // no text by lot is too long
		}
		place(&next, i, float64(code.Side))
		last.Beside = &next
		last = &next
	}
}

// mix gives the scene a little or, with hard 1, much of everything.
func (s *Scene) mix(d dice, hard float64) {
	s.Roll = d.around(15)
	if d.chance(1.0 / 3) {
		s.Roll = d.around(45 * hard)
	}
	s.Yaw, s.Pitch = d.around(35*hard), d.around(35*hard)
	s.Defocus = s.ModulePX * d.between(0.1, 0.7*hard)
	if d.chance(0.5) {
		s.Motion, s.MotionDir = s.ModulePX*d.between(0, 1.2*hard), d.between(0, math.Pi)
	}
	s.White, s.Ambient = d.between(0.12, 1), d.between(0.05, 0.7)
	s.Reflect, s.Gain = d.between(0, 0.12*hard), d.between(0.7, 1+2*hard)
	s.Bloom, s.Noise = d.between(0, 0.2*hard), d.between(1, 8*hard)
	s.Moire, s.Bands = d.between(0, 0.35*hard), d.between(0, 0.5*hard)
	if d.chance(1.0 / 3) {
		s.Glares, s.Glare = 1+d.IntN(2), d.between(0.1, 0.9*hard)
	}
	if d.chance(1.0 / 8) {
		s.Cracks = 1 + d.IntN(2)
	}
	s.Quality = 40 + d.IntN(50)
}
