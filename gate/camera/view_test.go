package camera_test

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/testdata/frames"
)

const pass = "CTR1ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func TestMeasure(t *testing.T) {
	level := func(a, b uint8) *image.Gray {
		g := image.NewGray(image.Rect(0, 0, 64, 64))
		for i := range g.Pix {
			if g.Pix[i] = a; i%2 == 1 {
				g.Pix[i] = b
			}
		}
		return g
	}
	for _, tt := range []struct {
		g                  *image.Gray
		mean, dark, bright int
		white              float64
		plot               string
		say                string
	}{
		{level(10, 14), 12, 10, 14, 0, "@               ", "too dark: 12 of 255"},
		{level(250, 255), 252, 250, 255, 1, "               @", "too bright: 252 of 255"},
		{level(100, 110), 105, 100, 110, 0, "      @         ", "no contrast"},
		{level(20, 220), 120, 20, 220, 0, " @           @  ", ""},
		{level(180, 255), 217, 180, 255, 0.5, "           @   @", ""},
		{&image.Gray{}, 0, 0, 0, 0, "                ", "too dark"},
	} {
		got := camera.Measure(tt.g)
		if got.Mean != tt.mean || got.Dark != tt.dark || got.Bright != tt.bright || got.White != tt.white || got.Plot() != tt.plot {
			t.Errorf("got %+v %q, want %d, %d to %d, %v white, %q", got, got.Plot(), tt.mean, tt.dark, tt.bright, tt.white, tt.plot)
		}
		if !strings.HasPrefix(got.Advice(), tt.say) || (tt.say == "") != (got.Advice() == "") {
			t.Errorf("%+v: %q, want %q", got, got.Advice(), tt.say)
		}
	}
	bright := level(180, 255)
	for i := range bright.Pix {
		if i%10 < 7 {
			bright.Pix[i] = 255
		}
	}
	if a := camera.Measure(bright).Advice(); !strings.HasPrefix(a, "glare: 9") {
		t.Errorf("a picture that is mostly white: %q, want glare", a)
	}
	few := level(20, 20)
	few.Pix[0] = 255
	if p := camera.Measure(few).Plot(); p != " @             ." {
		t.Errorf("one white pixel of a thousand: %q; want it to show", p)
	}
}

// film shows scenes to a meter as a camera does, ten a second.
func film(t *testing.T, shots []*image.Gray) camera.View {
	t.Helper()
	m := camera.NewMeter(50 * time.Millisecond)
	at := time.Unix(1_790_000_000, 0)
	for i, g := range shots {
		m.Add(camera.Frame{Gray: g, At: at.Add(time.Duration(i) * 100 * time.Millisecond), Seq: uint64(i + 1)})
	}
	return m.View()
}

// TestAdvice films generated scenes whose light and focus are known.
func TestAdvice(t *testing.T) {
	small, both := []image.Point{{X: 480, Y: 360}}, []image.Point{{X: 480, Y: 360}, {X: 960, Y: 540}}
	r := frames.NewRenderer()
	for _, tt := range []struct {
		name    string
		profile frames.Profile
		sizes   []image.Point
		change  func(*frames.Scene)
		lens    float64 // blur of the whole frame, as a share of its height
		want    string  // how the first advice begins; empty for none
	}{
		{"well lit", frames.Easy, small, func(*frames.Scene) {}, 0, ""},
		{"a busy gate", frames.Gate, small, func(*frames.Scene) {}, 0, ""},
		{"nobody there", frames.Empty, small, func(s *frames.Scene) { s.Gain = 1 }, 0, ""},
		{"the lamp is out", frames.Easy, small, func(s *frames.Scene) { s.Gain, s.Noise = 0.004, 3 }, 0, "too dark: "},
		{"nobody there, in the dark", frames.Empty, small, func(s *frames.Scene) { s.Gain = 0.01 }, 0, "too dark: "},
		{"sun in the lens", frames.Easy, small, func(s *frames.Scene) { s.Gain, s.Ambient = 60, 1 }, 0, "too bright: "},
		{"a lamp in the glass", frames.Easy, small, func(s *frames.Scene) { s.Gain, s.Reflect, s.DarkUI, s.ModulePX = 2, 0.5, false, 7 }, 0, "glare: "},
		{"phone out of focus", frames.Easy, small, func(s *frames.Scene) { s.Defocus = float64(s.Size.Y) / 120 }, 0, "blurred: "},
		{"phone out of focus and dim", frames.Easy, small, func(s *frames.Scene) { s.Defocus, s.Gain = float64(s.Size.Y)/120, 0.15 }, 0, "blurred: "},
		{"dim and in focus", frames.Easy, small, func(s *frames.Scene) { s.Defocus, s.Gain = 1, 0.15 }, 0, ""},
		{"lens out of focus", frames.Gate, both, func(*frames.Scene) {}, 1.0 / 120, "blurred: "},
		{"lens a little soft", frames.Gate, both, func(*frames.Scene) {}, 1.0 / 600, ""},
	} {
		for _, size := range tt.sizes {
			right, seeds := 0, 2
			if size.X > 480 {
				seeds = 1 // large ones take long to draw
			}
			var seen []string
			for seed := range uint64(seeds) {
				s := tt.profile.Scene(seed+1, size, pass)
				s.Motion, s.Defocus, s.Gain = 0, min(s.Defocus, 1.2), min(s.Gain, 1.2)
				tt.change(&s)
				g, err := r.Gray(s)
				if err != nil {
					t.Fatal(err)
				}
				defocus(g, tt.lens*float64(size.Y))
				v := film(t, []*image.Gray{g})
				advice := strings.Join(v.Advice(), "; ")
				seen = append(seen, fmt.Sprintf("%v: %q", v, advice))
				if v.Width == size.X && strings.HasPrefix(advice, tt.want) && (tt.want == "") == (advice == "") {
					right++
				}
			}
			if right != seeds {
				t.Errorf("%s at %v: %d of %d right, want %q:\n%s", tt.name, size, right, seeds, tt.want, strings.Join(seen, "\n"))
			}
		}
	}
}

// defocus blurs a frame by about that standard deviation, and adds the grain that a sensor adds after
// the lens.
func defocus(g *image.Gray, sigma float64) {
	if sigma == 0 {
		return
	}
	w, h := g.Rect.Dx(), g.Rect.Dy()
	n := int(sigma + 0.5) // three boxes of 2n+1 make (2n+1)²-1 over 4 of variance: n² and a little
	box := func(src []uint8, step, length int) {
		sums := make([]int, length+2*n+1) // of all before, the ends drawn out
		for i := range length + 2*n {
			sums[i+1] = sums[i] + int(src[min(max(i-n, 0), length-1)*step])
		}
		for i := range length {
			src[i*step] = uint8((sums[i+2*n+1] - sums[i]) / (2*n + 1))
		}
	}
	for range 3 {
		for y := range h {
			box(g.Pix[y*g.Stride:], 1, w)
		}
		for x := range w {
			box(g.Pix[x:], g.Stride, h)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i, v := range g.Pix {
		g.Pix[i] = uint8(min(max(float64(v)+1.5*rng.NormFloat64(), 0), 255))
	}
}

// TestEdge blurs a picture by a known amount, in bright and dim light, with and without grain: the
// width of an edge is 2.5 times the standard deviation of the blur, whatever the light.
func TestEdge(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, light := range []float64{1, 0.5, 0.25} {
		for _, grain := range []float64{0, 6 * light * light} { // of a dim wide edge much grain leaves nothing
			for _, sigma := range []float64{0.5, 1, 2, 4, 6} {
				var steps [640]float64 // smooth ones, every 80 pixels
				for i := range steps {
					at := math.Mod(float64(i), 160)
					steps[i] = 0.5 * (math.Erf((at-40)/sigma/math.Sqrt2) - math.Erf((at-120)/sigma/math.Sqrt2))
				}
				g := image.NewGray(image.Rect(0, 0, 640, 480))
				for i := range g.Pix {
					v := light*(40+90*steps[i%640]+90*steps[i/640]) + grain*rng.NormFloat64()
					g.Pix[i] = uint8(min(max(v, 0), 255))
				}
				v := film(t, []*image.Gray{g})
				want := max(math.Sqrt(2*math.Pi)*sigma, 1)
				if v.Edge < 0.7*want-0.3 || v.Edge > 1.3*want+0.3 {
					t.Errorf("light %v, grain %v, blur %v: edges of %.2f px, want about %.2f", light, grain, sigma, v.Edge, want)
				}
			}
		}
	}
	flat := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range flat.Pix {
		flat.Pix[i] = uint8(min(max(100+4*rng.NormFloat64(), 0), 255))
	}
	if v := film(t, []*image.Gray{flat}); v.Edge != 0 || v.Noise < 3 || v.Noise > 5 {
		t.Errorf("a wall: edges of %.2f px, noise %.1f; want none to be seen, and noise 4", v.Edge, v.Noise)
	}
}

// TestFlicker runs the bands of lamps through a film of a moving hand: 100 flickers a second on a
// sensor that reads its rows in 25 ms, at a rate that the lamps are no multiple of.
func TestFlicker(t *testing.T) {
	r := frames.NewRenderer()
	scene := frames.Gate.Scene(3, image.Pt(320, 240), pass)
	var plain []*image.Gray
	for i := range 12 {
		g, err := r.Gray(scene.At(i))
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, g)
	}
	shots := func(depth, fps float64) []*image.Gray {
		var out []*image.Gray
		for i := range plain {
			g := &image.Gray{Pix: slices.Clone(plain[i].Pix), Stride: plain[i].Stride, Rect: plain[i].Rect}
			for y := range g.Rect.Dy() {
				at := float64(i)/fps + float64(y)/float64(g.Rect.Dy())*0.025
				by := 1 - depth + depth*math.Sin(2*math.Pi*100*at)
				row := g.Pix[y*g.Stride : y*g.Stride+g.Rect.Dx()]
				for x, v := range row {
					row[x] = uint8(float64(v) * by)
				}
			}
			out = append(out, g)
		}
		return out
	}
	for _, tt := range []struct {
		depth, fps float64
		say        bool
	}{{0, 30, false}, {0.01, 30, false}, {0.1, 30, true}, {0.2, 29.97, true}, {0.15, 15, true}} {
		v := film(t, shots(tt.depth, tt.fps))
		said := strings.Contains(strings.Join(v.Advice(), ";"), "flicker: ")
		if said != tt.say || tt.say && (v.Flicker < 0.4*tt.depth || v.Flicker > 1.6*tt.depth) {
			t.Errorf("bands of %v at %v frames a second: %.3f, advice %q", tt.depth, tt.fps, v.Flicker, v.Advice())
		}
	}
}

func TestMeter(t *testing.T) {
	r := frames.NewRenderer()
	render := func(size image.Point, gain float64) *image.Gray {
		s := frames.Easy.Scene(1, size, pass)
		s.Gain = gain
		g, err := r.Gray(s)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	bright, dark, large := render(frames.VGA, 1), render(frames.VGA, 0.004), render(image.Pt(800, 600), 1)
	m := camera.NewMeter(time.Second)
	if v := m.View(); v.Frames != 0 || v.Advice() != nil || v.String() != "no frame was looked at" {
		t.Errorf("before the first frame: %v %q", v, v.Advice())
	}
	at, seq := time.Unix(1_790_000_000, 0), uint64(0)
	show := func(g *image.Gray, n int, every time.Duration) {
		for range n {
			seq++
			m.Add(camera.Frame{Gray: g, At: at, Seq: seq})
			at = at.Add(every)
		}
	}
	show(bright, 50, 40*time.Millisecond)
	if v := m.View(); v.Frames != 2 || math.Abs(v.FPS-25) > 0.1 || len(v.Advice()) != 0 {
		t.Errorf("two seconds: %+v, %q; want two frames looked at, 25 a second", v, v.Advice())
	}
	show(dark, 25, 40*time.Millisecond)
	if v := m.View(); len(v.Advice()) != 0 {
		t.Errorf("a hand over the lens for a second: %q", v.Advice())
	}
	show(dark, 100, time.Second)
	if v := m.View(); v.Frames != 16 || len(v.Advice()) != 2 || !strings.HasPrefix(v.Advice()[0], "too dark") || !strings.HasPrefix(v.Advice()[1], "few frames: 1.0") {
		t.Errorf("a minute in the dark: %v, %q", v, v.Advice())
	}
	at = at.Add(time.Minute)
	show(bright, 1, time.Second)
	if v := m.View(); v.Frames != 1 || len(v.Advice()) != 0 {
		t.Errorf("after a break: %v, %q; want what was before to be forgotten", v, v.Advice())
	}
	show(large, 1, time.Second)
	if v := m.View(); v.Frames != 1 || v.Width != 800 {
		t.Errorf("another size: %+v; want only frames of that size", v)
	}
	at = at.Add(-time.Hour)
	show(bright, 1, time.Second)
	if v := m.View(); v.Frames != 1 || v.Width != 640 {
		t.Errorf("a clock that was set back: %+v", v)
	}
	for _, g := range []*image.Gray{nil, {}, image.NewGray(image.Rect(0, 0, 1, 1)), image.NewGray(image.Rect(5, 5, 20, 500))} {
		at = at.Add(time.Minute)
		show(g, 1, time.Second) // must not fail
		_ = m.View().Advice()
	}
	stuck := camera.View{Stuck: 4}
	if a := stuck.Advice(); len(a) != 1 || !strings.HasPrefix(a[0], "the camera shows the same frame for 4 s") {
		t.Errorf("stuck: %q", a)
	}
	data, err := json.Marshal(m.View())
	var back camera.View
	if err != nil || json.Unmarshal(data, &back) != nil || back != m.View() || !strings.Contains(string(data), `"histogram":[`) {
		t.Errorf("%s (%v) is %+v, want %+v", data, err, back, m.View())
	}
}

// TestMeterLooksAtPartOfAFrame has frames that are cut out of larger ones.
func TestMeterLooksAtPartOfAFrame(t *testing.T) {
	whole := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range whole.Pix {
		whole.Pix[i] = 255
	}
	part, ok := whole.SubImage(image.Rect(100, 100, 500, 400)).(*image.Gray)
	if !ok {
		t.Fatal("no part")
	}
	for y := 100; y < 400; y++ {
		for x := 100; x < 500; x++ {
			part.Pix[part.PixOffset(x, y)] = uint8(10 + 5*(x/40%2))
		}
	}
	m := camera.NewMeter(0)
	m.Add(camera.Frame{Gray: part, At: time.Unix(1, 0), Size: whole.Rect.Size()})
	if v := m.View(); !strings.HasPrefix(v.String(), "400×300 of 640×480, ") {
		t.Errorf("got %v, want the size of the frame as well", v)
	}
	if v := film(t, []*image.Gray{part}); v.Width != 400 || v.Height != 300 || v.White != 0 || v.Bright != 15 {
		t.Errorf("got %+v, want the dark part alone", v)
	}
}

// TestRegionIsNotBlurred reads a small part of a sharp picture: what is sharp does not depend on how
// much of it is read.
func TestRegionIsNotBlurred(t *testing.T) {
	g, err := frames.Render(frames.Easy, 1, frames.VGA, pass)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []image.Rectangle{g.Rect, image.Rect(200, 180, 440, 260)} {
		sub, ok := g.SubImage(part).(*image.Gray)
		if !ok {
			t.Fatal("no part")
		}
		m := camera.NewMeter(0)
		m.Add(camera.Frame{Gray: sub, At: time.Unix(1, 0), Size: g.Rect.Size()})
		if v := m.View(); v.Edge < 1 || strings.Contains(strings.Join(v.Advice(), ";"), "blurred") {
			t.Errorf("%v: %v, %q; want edges, and no blur", part, v, v.Advice())
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	g, err := frames.Render(frames.Gate, 1, frames.HD, pass)
	if err != nil {
		b.Fatal(err)
	}
	m := camera.NewMeter(0)
	at := time.Unix(1_790_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Millisecond)
		m.Add(camera.Frame{Gray: g, At: at})
	}
}
