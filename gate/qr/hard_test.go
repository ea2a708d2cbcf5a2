package qr_test

import (
	"image"
	"math"
	"testing"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// held is a phone before the camera, without anything to make it hard.
func held(seed uint64, module float64) frames.Scene {
	s := frames.Easy.Scene(seed, frames.VGA, ordinary)
	s.ModulePX, s.Roll, s.Yaw, s.Pitch, s.OffX, s.OffY = module, 0, 0, 0, 0, 0
	s.Glares, s.Moire, s.Bands, s.Motion, s.Defocus, s.Noise = 0, 0, 0, 0, 0.15*module, 2
	return s
}

// count is how many of scenes a decoder reads as single pictures. Any other text is an error.
func count(t *testing.T, scenes []frames.Scene) (read int) {
	t.Helper()
	r, d := frames.NewRenderer(), newDecoder(t, qr.Config{Exhaustive: true})
	for i, s := range scenes {
		g, err := r.Gray(s)
		if err != nil {
			t.Fatal(err)
		}
		codes, err := d.Decode(g)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codes {
			if c.Text != ordinary {
				t.Errorf("scene %d: read %q", i, c.Text)
			}
		}
		if len(codes) > 0 {
			read++
		}
	}
	return read
}

// TestConditions holds how many frames of one trouble each are read, a little below what was
// measured.
func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		module  float64
		n, want int
		spoil   func(s *frames.Scene, i, n float64)
	}{
		{"turned by any angle", 6, 24, 24, func(s *frames.Scene, i, n float64) { s.Roll = 360 * i / n }},
		{"seen from the side", 6, 16, 15, func(s *frames.Scene, i, n float64) {
			s.Yaw, s.Pitch = 48*math.Cos(2*math.Pi*i/n), 48*math.Sin(2*math.Pi*i/n)
		}},
		{"moving by a module and a half", 6, 16, 14, func(s *frames.Scene, i, n float64) {
			s.Motion, s.MotionDir = 1.5*s.ModulePX, math.Pi*i/n
		}},
		{"blurred over half a module", 6, 8, 8, func(s *frames.Scene, _, _ float64) { s.Defocus = 0.5 * s.ModulePX }},
		{"overexposed", 6, 8, 6, func(s *frames.Scene, _, _ float64) { s.Gain, s.White, s.Defocus = 2.4, 1, 0.25*s.ModulePX }},
		{"faint", 5, 8, 8, func(s *frames.Scene, _, _ float64) { s.White, s.Ambient, s.Reflect = 0.06, 0.7, 0.06 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, want := tt.n, tt.want
			if qr.Racing || testing.Short() {
				n, want = n/8, want/8-1
			}
			var scenes []frames.Scene
			for i := range n {
				s := held(uint64(i+1), tt.module)
				tt.spoil(&s, float64(i), float64(n))
				scenes = append(scenes, s)
			}
			read := count(t, scenes)
			t.Logf("read %d of %d", read, n)
			if read < want {
				t.Errorf("read %d of %d frames, want %d at least", read, n, want)
			}
		})
	}
}

// TestThirdFinder covers one of the three finders with a finger.
func TestThirdFinder(t *testing.T) {
	const x, y, scale = 100, 60, 6
	clean := flat(t, ordinary, "", 640, 480, x, y, scale)
	code, err := frames.Encode(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	far := (code.Side - 7) * scale
	for name, at := range map[string]image.Point{"upper left": {x, y}, "upper right": {x + far, y}, "lower left": {x, y + far}} {
		g := image.NewGray(clean.Rect)
		copy(g.Pix, clean.Pix)
		for v := range 7 * scale { // half of its centre is left
			for u := range 7*scale - v {
				g.Pix[g.PixOffset(at.X+u, at.Y+v)] = 140
			}
		}
		codes, err := newDecoder(t, qr.Config{}).Decode(g)
		if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
			t.Errorf("%s: got %q, %v; want the code", name, texts(codes), err)
		}
	}
}

// TestNoMargin fills the picture with the code, up to its rim.
func TestNoMargin(t *testing.T) {
	code, err := frames.Encode(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, scale := range []int{2, 3, 5} {
		side := code.Side * scale
		codes, err := newDecoder(t, qr.Config{Exhaustive: true}).Decode(flat(t, ordinary, "", side, side, 0, 0, scale))
		if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
			t.Errorf("%d pixels a module: got %q, %v; want the code", scale, texts(codes), err)
		}
	}
}

// TestMirrored reads a code that is seen in a mirror.
func TestMirrored(t *testing.T) {
	g := flat(t, ordinary, "", 640, 480, 100, 60, 5)
	for y := range 480 {
		row := g.Pix[y*g.Stride : y*g.Stride+640]
		for x := range 320 {
			row[x], row[639-x] = row[639-x], row[x]
		}
	}
	codes, err := newDecoder(t, qr.Config{}).Decode(g)
	if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
		t.Errorf("got %q, %v; want the code", texts(codes), err)
	}
}

// TestCurvedPaper bends a sheet with a code until modules in its middle lie two from where flat paper
// would have them.
func TestCurvedPaper(t *testing.T) {
	const x, y, scale = 120, 60, 6
	sheet := flat(t, ordinary, "", 640, 480, x, y, scale)
	code, err := frames.Encode(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	side := float64(code.Side * scale)
	for _, modules := range []float64{-2, -1.2, 1.2, 2} {
		g := image.NewGray(sheet.Rect)
		for py := range 480 {
			for px := range 640 {
				across := 2*(float64(px)-x)/side - 1
				from := py + int(math.Round(modules*scale*(1-across*across)))
				g.Pix[py*640+px] = 230
				if from >= 0 && from < 480 {
					g.Pix[py*640+px] = sheet.Pix[from*640+px]
				}
			}
		}
		codes, err := newDecoder(t, qr.Config{}).Decode(g)
		if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
			t.Errorf("bent by %v modules: got %q, %v; want the code", modules, texts(codes), err)
		}
	}
}
