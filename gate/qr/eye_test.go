package qr

import (
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// corners is a frame with three finders, as a code has them, and nothing between.
func corners(w, h int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i := range g.Pix {
		g.Pix[i] = 220
	}
	const m = 5
	for _, at := range [3]image.Point{{60, 60}, {60 + 30*m, 60}, {60, 60 + 30*m}} {
		for y := range 9 * m {
			for x := range 9 * m {
				ring := max(abs(x/m-4), abs(y/m-4))
				g.Pix[(at.Y+y)*w+at.X+x] = [5]uint8{20, 20, 220, 20, 220}[ring]
			}
		}
	}
	return g
}

func abs(v int) int { return max(v, -v) }

// TestNoAllocation holds what our own front end allocates for a frame after the first: nothing.
func TestNoAllocation(t *testing.T) {
	for name, g := range map[string]*image.Gray{"nothing between finders": corners(640, 480), "noise between finders": unreadable(t, 640, 480)} {
		t.Run(name, func(t *testing.T) { noAllocation(t, g) })
	}
}

// unreadable is a code in which every module that carries data is drawn by lot.
func unreadable(t *testing.T, w, h int) *image.Gray {
	t.Helper()
	b, soft := drawn(t, newSymbols(), strings.Repeat("CONTING 0123456789 ", 8), decoder.ErrorCorrectionLevel_L)
	rng := rand.New(rand.NewPCG(7, 8))
	for _, at := range b.order {
		soft[at] = float32(1 - 2*rng.IntN(2))
	}
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i := range g.Pix {
		g.Pix[i] = 220
		if u, v := (i%w-60)/6, (i/w-60)/6; i%w >= 60 && i/w >= 60 && u < b.side && v < b.side && soft[v*b.side+u] > 0 {
			g.Pix[i] = 20
		}
	}
	return g
}

func noAllocation(t *testing.T, g *image.Gray) {
	full, err := planeOf(g)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Now: time.Now, Budget: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	c := clock{now: time.Now, end: time.Now().Add(time.Hour)}
	triples := 0
	look := func() {
		d.half = full.halved(d.half)
		d.eye.begin(full, d.half)
		for i, w := range ways {
			if !w.stock {
				d.try(i, full, &c)
				triples += len(d.eye.triples)
			}
		}
		d.track.update(d.eye.codes)
		d.eye.release()
	}
	look()
	if triples == 0 {
		t.Fatal("the frame shows nothing to look at")
	}
	if n := testing.AllocsPerRun(1, look); n != 0 {
		t.Errorf("%v allocations a frame, want none", n)
	}
}

// TestAtTakesAnyPlace asks for gray levels where there is no frame.
func TestAtTakesAnyPlace(t *testing.T) {
	p := plane{pix: []byte{10, 20, 30, 40, 50, 60}, w: 3, h: 2, stride: 3}
	wild := []float64{0, 0.5, 1, 2.999, 3, -1, 1e300, -1e300, math.NaN(), math.Inf(1), math.Inf(-1)}
	for _, x := range wild {
		for _, y := range wild {
			if v := p.at(x, y); !(v >= 10 && v <= 60) {
				t.Errorf("at(%v, %v) = %v, want a level of the picture", x, y, v)
			}
		}
	}
	if v := p.at(1.5, 1); v != 35 {
		t.Errorf("at(1.5, 1) = %v, want 35, between 20 and 50", v)
	}
}

// TestHomography finds a perspective again from points on it.
func TestHomography(t *testing.T) {
	var q equations
	want := [9]float64{1.1, 0.2, 0.3, -0.1, 0.9, 0.2, 0.05, -0.04, 1}
	for x := -1.0; x <= 1; x += 0.25 {
		for y := -1.0; y <= 1; y += 0.25 {
			w := want[6]*x + want[7]*y + 1
			q.u(x, y, (want[0]*x+want[1]*y+want[2])/w, 1)
			q.v(x, y, (want[3]*x+want[4]*y+want[5])/w, 1)
		}
	}
	got, ok := q.solve()
	if !ok {
		t.Fatal("no solution")
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-6 {
			t.Errorf("element %d: got %v want %v", i, got[i], want[i])
		}
	}
	back, ok := inverse(&got)
	if !ok {
		t.Fatal("no inverse")
	}
	h := homography{scale: 1, toGrid: got, toFrame: back}
	w := got[6]*0.3 + got[7]*0.4 + 1
	u, v := (got[0]*0.3+got[1]*0.4+got[2])/w, (got[3]*0.3+got[4]*0.4+got[5])/w
	if x, y := h.frame(u, v); math.Hypot(x-0.3, y-0.4) > 1e-9 {
		t.Errorf("there and back: got %v, %v want 0.3, 0.4", x, y)
	}
	if _, ok := inverse(&[9]float64{}); ok {
		t.Error("the zero matrix has an inverse")
	}
}

// TestLike holds what a finder's runs may look like.
func TestLike(t *testing.T) {
	for _, tt := range []struct {
		name string
		runs [5]int
		want bool
	}{
		{"as printed", [5]int{2, 2, 6, 2, 2}, true},
		{"bloomed", [5]int{1, 3, 5, 3, 1}, true},
		{"thickened", [5]int{3, 1, 7, 1, 3}, true},
		{"in motion", [5]int{3, 2, 6, 2, 2}, true},
		{"small", [5]int{1, 1, 3, 1, 1}, true},
		{"too small", [5]int{1, 1, 2, 1, 1}, false},
		{"even stripes", [5]int{4, 4, 4, 4, 4}, false},
		{"one long run", [5]int{12, 2, 6, 2, 2}, false},
		{"no middle", [5]int{3, 3, 1, 3, 3}, false},
	} {
		if _, got := like(2*tt.runs[0], 2*tt.runs[1], 2*tt.runs[2], 2*tt.runs[3], 2*tt.runs[4]); got != tt.want {
			t.Errorf("%s %v: got %v want %v", tt.name, tt.runs, got, tt.want)
		}
	}
}
