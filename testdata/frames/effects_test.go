package frames_test

import (
	"bytes"
	"image"
	"math"
	"reflect"
	"testing"

	"github.com/con-ting/conting/testdata/frames"
)

// plain is a phone seen straight on that fills most of a small frame, without any difficulty: the
// code is 21 modules of 9 pixels in the middle.
var plain = frames.Scene{
	Seed: 5, Size: image.Pt(320, 240), Text: "CTR1:EFFECT", CodeMM: 56, ModulePX: 9, Quiet: 4, White: 0.7, Ambient: 0.2, Gain: 1,
}

var (
	whole   = image.Rect(0, 0, 320, 240)
	code    = image.Rect(160-94, 120-94, 160+94, 120+94) // without its rim
	finder  = image.Rect(66+27, 26+27, 66+34, 26+34)     // the dark middle of the upper left one
	quiet   = image.Rect(160-110, 60, 160-102, 180)      // left of the code
	margin  = image.Rect(23, 60, 28, 180)                // between the quiet zone and the phone's edge
	midline = image.Rect(160-94, 120, 160+94, 121)
)

// level is the mean of a part of a picture.
func level(g *image.Gray, r image.Rectangle) float64 {
	sum := 0.0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += float64(g.GrayAt(x, y).Y)
		}
	}
	return sum / float64(r.Dx()*r.Dy())
}

// spread is the standard deviation of a part of a picture.
func spread(g *image.Gray, r image.Rectangle) float64 {
	m, sum := level(g, r), 0.0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += (float64(g.GrayAt(x, y).Y) - m) * (float64(g.GrayAt(x, y).Y) - m)
		}
	}
	return math.Sqrt(sum / float64(r.Dx()*r.Dy()))
}

// steps is the mean square difference of neighbours dx and dy apart, large where edges are steep.
func steps(g *image.Gray, r image.Rectangle, dx, dy int) float64 {
	sum := 0.0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := float64(g.GrayAt(x+dx, y+dy).Y) - float64(g.GrayAt(x, y).Y)
			sum += d * d
		}
	}
	return sum / float64(r.Dx()*r.Dy())
}

// changed is the share of pixels that differ much.
func changed(a, b *image.Gray, r image.Rectangle) float64 {
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if math.Abs(float64(a.GrayAt(x, y).Y)-float64(b.GrayAt(x, y).Y)) > 40 {
				n++
			}
		}
	}
	return float64(n) / float64(r.Dx()*r.Dy())
}

// TestEffects changes one thing in a plain scene and measures what it is for: more, less, or as much
// as before within a twentieth.
func TestEffects(t *testing.T) {
	type measure = func(was, is *image.Gray) (before, after float64)
	of := func(f func(*image.Gray) float64) measure {
		return func(was, is *image.Gray) (float64, float64) { return f(was), f(is) }
	}
	levelOf := func(r image.Rectangle) measure {
		return of(func(g *image.Gray) float64 { return level(g, r) })
	}
	contrast := of(func(g *image.Gray) float64 { return level(g, quiet) - level(g, finder) })
	across := of(func(g *image.Gray) float64 { return steps(g, code, 1, 0) })
	down := of(func(g *image.Gray) float64 { return steps(g, code, 0, 1) })
	grain := of(func(g *image.Gray) float64 { return spread(g, finder.Inset(1)) })
	touched := func(r image.Rectangle) measure {
		return func(was, is *image.Gray) (float64, float64) { return 0, changed(was, is, r) }
	}
	const more, less, same = 1, -1, 0
	for _, tt := range []struct {
		name    string
		change  func(*frames.Scene)
		what    string
		measure measure
		want    int
	}{
		{"white", func(s *frames.Scene) { s.White = 0.1 }, "contrast", contrast, less},
		{"gain", func(s *frames.Scene) { s.Gain = 3 }, "level", levelOf(whole), more},
		{"ambient", func(s *frames.Scene) { s.Ambient = 0.9 }, "level of the room", levelOf(image.Rect(0, 0, 25, 40)), more},
		{"ambient", func(s *frames.Scene) { s.Ambient = 0.9 }, "level of the quiet zone", levelOf(quiet), same},
		{"reflection", func(s *frames.Scene) { s.Reflect = 0.1 }, "level of dark modules", levelOf(finder), more},
		{"glare", func(s *frames.Scene) { s.Glares, s.Glare = 3, 1 }, "pixels of the code changed", touched(code), more},
		{"bloom", func(s *frames.Scene) { s.Bloom = 0.25 }, "level of dark modules", levelOf(finder), more},
		{"bloom", func(s *frames.Scene) { s.Bloom = 0.25 }, "contrast", contrast, less},
		{"defocus", func(s *frames.Scene) { s.Defocus = 3 }, "steps across", across, less},
		{"defocus", func(s *frames.Scene) { s.Defocus = 3 }, "steps down", down, less},
		{"motion across", func(s *frames.Scene) { s.Motion, s.MotionDir = 8, 0 }, "steps across", across, less},
		{"motion down", func(s *frames.Scene) { s.Motion, s.MotionDir = 8, math.Pi/2 }, "steps down", down, less},
		{"motion across", func(s *frames.Scene) { s.Motion, s.MotionDir = 8, 0 }, "edges across to edges down", of(func(g *image.Gray) float64 {
			return steps(g, code, 0, 1) / steps(g, code, 1, 0)
		}), more},
		{"motion down", func(s *frames.Scene) { s.Motion, s.MotionDir = 8, math.Pi/2 }, "edges down to edges across", of(func(g *image.Gray) float64 {
			return steps(g, code, 1, 0) / steps(g, code, 0, 1)
		}), more},
		{"noise", func(s *frames.Scene) { s.Noise = 10 }, "grain", grain, more},
		{"sharpening", func(s *frames.Scene) { s.Defocus, s.Sharpen = 0.3, 2 }, "steps across", across, more},
		{"moire", func(s *frames.Scene) { s.Moire = 0.5 }, "unevenness of the quiet zone", of(func(g *image.Gray) float64 { return spread(g, quiet) }), more},
		{"bands", func(s *frames.Scene) { s.Bands = 0.7 }, "unevenness down the quiet zone", of(func(g *image.Gray) float64 { return spread(g, quiet) }), more},
		{"inverted", func(s *frames.Scene) { s.Inverted = true }, "contrast", contrast, less},
		{"quiet zone", func(s *frames.Scene) { s.DarkUI, s.Quiet = true, 0 }, "level left of the code", levelOf(quiet), less},
		{"dark page", func(s *frames.Scene) { s.DarkUI = true }, "level of the quiet zone", levelOf(quiet), same},
		{"dark page", func(s *frames.Scene) { s.DarkUI = true }, "level of the page", levelOf(margin), less},
		{"cracks", func(s *frames.Scene) { s.Cracks = 8 }, "pixels of the code changed", touched(code), more},
		{"a finger", func(s *frames.Scene) { s.Finger = 0.3 }, "pixels of the code changed", touched(code), more},
		{"compression", func(s *frames.Scene) { s.Quality = 10 }, "difference", func(was, is *image.Gray) (float64, float64) {
			sum := 0.0
			for i := range was.Pix {
				sum += math.Abs(float64(was.Pix[i]) - float64(is.Pix[i]))
			}
			return 1, sum / float64(len(was.Pix))
		}, more},
		{"roll", func(s *frames.Scene) { s.Roll = 45 }, "pixels of the code changed", touched(code), more},
		{"far", func(s *frames.Scene) { s.ModulePX = 3 }, "steps across", across, less},
		{"paper in a dark room", func(s *frames.Scene) { s.Paper, s.Ambient = true, 0.1 }, "contrast", contrast, less},
		{"another code", func(s *frames.Scene) { s.Text = "CTR1:ANOTHER" }, "pixels of a row changed", touched(midline), more},
	} {
		before, after := render(t, plain), render(t, changedScene(tt.change))
		a, b := tt.measure(before, after)
		switch tt.want {
		case more:
			if !(b > a*1.15 && b > a+0.02) {
				t.Errorf("%s: %s %.3f, before %.3f; want clearly more", tt.name, tt.what, b, a)
			}
		case less:
			if !(b < a*0.87) {
				t.Errorf("%s: %s %.3f, before %.3f; want clearly less", tt.name, tt.what, b, a)
			}
		default:
			if math.Abs(b-a) > a/20 {
				t.Errorf("%s: %s %.3f, before %.3f; want the same", tt.name, tt.what, b, a)
			}
		}
	}
}

// A renderer that has just drawn another scene draws what a new one draws, whichever field is changed:
// what it keeps from scene to scene is what is the same.
func TestNothingStale(t *testing.T) {
	phone := plain
	phone.Size, phone.ModulePX, phone.Noise = image.Pt(120, 90), 3, 2
	sheet := phone
	sheet.Paper, sheet.Second, sheet.Bend = true, "CTR1:SECOND", 20
	for _, base := range []frames.Scene{phone, sheet} {
		used, unchanged := frames.NewRenderer(), render(t, base)
		fields := reflect.TypeFor[frames.Scene]()
		for i := range fields.NumField() {
			s := base
			switch f := reflect.ValueOf(&s).Elem().Field(i); f.Kind() { //nolint:exhaustive // the kinds that a scene has
			case reflect.Float64:
				f.SetFloat(f.Float()*0.8 + 0.2)
			case reflect.Int:
				f.SetInt(f.Int() + 3)
			case reflect.Uint64:
				f.SetUint(f.Uint() + 1)
			case reflect.Uint8:
				f.SetUint(uint64(frames.LevelH))
			case reflect.Bool:
				f.SetBool(!f.Bool())
			case reflect.String:
				f.SetString(f.String() + "A")
			case reflect.Pointer:
				if fields.Field(i).Name == "Beside" {
					s.Beside = &base
				}
			case reflect.Struct:
				s.Size = s.Size.Add(image.Pt(8, 8))
			}
			if frames.Check(s) != nil {
				continue // only one of the bases can be changed so
			}
			for _, one := range []struct {
				scene frames.Scene
				want  *image.Gray
			}{{base, unchanged}, {s, render(t, s)}, {base, unchanged}} {
				got, err := used.Gray(one.scene)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Pix, one.want.Pix) {
					t.Errorf("%s: a used renderer draws another picture than a new one", fields.Field(i).Name)
				}
			}
		}
	}
}

func changedScene(change func(*frames.Scene)) frames.Scene {
	s := plain
	change(&s)
	return s
}

func render(t *testing.T, s frames.Scene) *image.Gray {
	t.Helper()
	g, err := frames.NewRenderer().Gray(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Paper shines by the room's light and has no grid, no bands and no dark page of its own.
func TestPaperIsNoScreen(t *testing.T) {
	paper := changedScene(func(s *frames.Scene) { s.Paper = true })
	screen := paper
	screen.White, screen.Moire, screen.Bands, screen.DarkUI = 0.1, 0.5, 0.5, true
	if changed(render(t, paper), render(t, screen), whole) > 0 {
		t.Error("a screen's light changes a sheet of paper")
	}
	bright := paper
	bright.Ambient *= 2
	if a, b := level(render(t, paper), quiet), level(render(t, bright), quiet); b < 1.2*a {
		t.Errorf("paper in twice the light: level %.0f, before %.0f; want it brighter", b, a)
	}
}

// A bent sheet is lit unevenly.
func TestBentPaperIsShaded(t *testing.T) {
	flat := changedScene(func(s *frames.Scene) { s.Paper = true })
	bend := flat
	bend.Bend, bend.BendDir = 70, 90
	uneven := func(s frames.Scene) float64 {
		g := render(t, s)
		top, bottom := level(g, image.Rect(60, 25, 260, 60)), level(g, image.Rect(60, 180, 260, 215))
		return math.Abs(top - bottom)
	}
	if a, b := uneven(flat), uneven(bend); b < a+8 {
		t.Errorf("levels above and below differ by %.1f on a bent sheet, %.1f on a flat one", b, a)
	}
}
