package qr

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// looked says in how many ways a new decoder looks at frames like g, by a clock that never stands
// still.
func looked(t *testing.T, g *image.Gray, frames int, cfg Config) int {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	cfg.Budget, cfg.Now = time.Hour, func() time.Time {
		now = now.Add(time.Microsecond)
		return now
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range frames {
		if _, err := d.Decode(g); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, price := range d.prices {
		if price > 0 {
			n++
		}
	}
	return n
}

// TestGivesUpEarly counts the ways in which frames are looked at: few where nothing is like a finder.
func TestGivesUpEarly(t *testing.T) {
	grounds := map[string]func(x, y int) byte{
		"plain":   func(int, int) byte { return 90 },
		"stripes": func(x, y int) byte { return byte(60 + 120*((x+y/3)/9%2)) },
		"boards":  func(x, y int) byte { return byte(60 + 120*((x/16+y/24)%2)) },
		"slope":   func(x, y int) byte { return byte(x/4 + y/8) },
	}
	for name, level := range grounds {
		g := image.NewGray(image.Rect(0, 0, 640, 480))
		for i := range g.Pix {
			g.Pix[i] = level(i%640, i/640)
		}
		if n := looked(t, g, 1, Config{Exhaustive: true}); n > always {
			t.Errorf("%s: a single picture was looked at in %d ways, want %d at most", name, n, always)
		}
		if n := looked(t, g, idleFrames-1, Config{}); n > always {
			t.Errorf("%s: a stream's first frames were looked at in %d ways, want %d at most", name, n, always)
		}
	}
	if n := looked(t, unreadable(t, 640, 480), 1, Config{Exhaustive: true}); n != len(ways) && n != len(ways)-1 { // nothing faint is there
		t.Errorf("a code that cannot be read was looked at in %d ways, want all but the faint one", n)
	}
}

// TestOwn holds that gozxing is not asked where that is not wanted, and that our own ways have its
// turns.
func TestOwn(t *testing.T) {
	own := 0
	for _, w := range ways {
		if !w.stock && w.contrast != faintRange { // nothing faint is there
			own++
		}
	}
	g := unreadable(t, 640, 480)
	if n := looked(t, g, 1, Config{Exhaustive: true, Own: true}); n != own {
		t.Errorf("a single picture was looked at in %d ways, want our own %d", n, own)
	}
	if n := looked(t, g, 1, Config{Own: true}); n != own {
		t.Errorf("a promising frame of a stream was looked at in %d ways, want our own %d", n, own)
	}
}

// TestFaintWay holds that a picture that shows only faint edges is looked at with an eye for them.
func TestFaintWay(t *testing.T) {
	g := corners(640, 480)
	for i, v := range g.Pix {
		g.Pix[i] = 100 + v/16
	}
	if n := looked(t, g, 1, Config{Exhaustive: true}); n <= always {
		t.Errorf("looked in %d ways, want the faint one too", n)
	}
}

// TestRoomForFinders covers the upper part of a picture with what looks like finders, more than are
// remembered, each crossed by few rows. Those below must be found all the same.
func TestRoomForFinders(t *testing.T) {
	g := corners(1200, 900)
	for i := range 700 * 200 { // the corners move down
		g.Pix[len(g.Pix)-1-i] = 220
	}
	copy(g.Pix[500*1200:], g.Pix[:300*1200])
	for i := range 500 * 1200 {
		g.Pix[i] = 220
	}
	n := 0
	for y := 4; y < 480; y += 22 {
		for x := 4; x+18 < 1200; x += 22 {
			n++
			for v := range 9 * 2 {
				for u := range 9 * 2 {
					ring := max(abs(u/2-4), abs(v/2-4))
					g.Pix[(y+v)*1200+x+u] = [5]uint8{20, 20, 220, 20, 220}[ring]
				}
			}
		}
	}
	if n < 3*maxFinders {
		t.Fatalf("%d finders, too few", n)
	}
	full, err := planeOf(g)
	if err != nil {
		t.Fatal(err)
	}
	e := newEye()
	c := clock{now: time.Now, end: time.Now().Add(time.Hour)}
	e.begin(full, full.halved(plane{}))
	e.look(&view{plane: e.half, scale: 2}, way{contrast: clearRange}, &c)
	found := 0
	for _, f := range e.finders {
		if f.module > 4 {
			found++
		}
	}
	if found < 3 {
		t.Errorf("%d of the 3 large finders were found among %d small ones", found, n)
	}
}

// TestLine compares levels along lines with those at each place.
func TestLine(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := plane{pix: make([]byte, 64*48), w: 64, h: 48, stride: 64}
	for i := range p.pix {
		p.pix[i] = byte(rng.IntN(256))
	}
	inside := 0
	for range 2000 {
		s := source{p, []float64{1, 0.5, 0.25}[rng.IntN(3)]}
		x, y := rng.Float64()*64/s.k, rng.Float64()*48/s.k
		dx, dy := (rng.Float64()-0.5)/s.k, (rng.Float64()-0.5)/s.k
		var out [raySteps]float64
		if !s.line(x, y, dx, dy, out[:]) {
			continue
		}
		inside++
		for i, got := range out {
			if want := s.at(x+float64(i)*dx, y+float64(i)*dy); math.Abs(got-want) > 0.3 {
				t.Fatalf("sample %d from (%v, %v) by (%v, %v): got %v want %v", i, x, y, dx, dy, got, want)
			}
		}
	}
	if inside < 200 {
		t.Errorf("only %d lines were inside", inside)
	}
	for _, wild := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300} {
		s := source{p, 1}
		var out [raySteps]float64
		for _, at := range [][4]float64{{wild, 20, 0.1, 0.1}, {20, wild, 0.1, 0.1}, {20, 20, wild, 0.1}, {20, 20, 0.1, wild}} {
			if s.line(at[0], at[1], at[2], at[3], out[:]) {
				t.Errorf("%v is a line in the picture", at)
			}
		}
	}
}

// TestCrossLimit compares candidates whose runs are cut short with those whose are not: what is cut
// is none.
func TestCrossLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	kept := 0
	for range 50000 {
		var b bitmap
		b.w, b.h, b.words = 1, 200, 1
		b.bits = make([]uint32, b.h)
		dark, m := uint32(rng.IntN(2)), 1+rng.IntN(6)
		var want [5]int
		y, middle := 3, 0
		for i := range want {
			want[i] = max(1, []int{1, 1, 3, 1, 1}[i]*m+rng.IntN(4*m+1)-2*m)
		}
		bits := make([]uint32, 0, b.h)
		for range y {
			bits = append(bits, 1-dark)
		}
		for i, n := range want {
			if i == 2 {
				middle = len(bits)
			}
			for range n {
				bits = append(bits, dark^uint32(i&1))
			}
		}
		for len(bits) < b.h {
			bits = append(bits, 1-dark)
		}
		copy(b.bits, bits)
		runs, _, ok := b.cross(0, middle+rng.IntN(want[2]), 0, 1, dark == 0, 100)
		_, whole := like(2*want[0], 2*want[1], 2*want[2], 2*want[3], 2*want[4])
		cut := false
		if ok {
			_, cut = like(runs[0], runs[1], runs[2], runs[3], runs[4])
		}
		if whole != cut {
			t.Fatalf("runs %v: like a finder %v, as crossed (%v in half pixels) %v", want, whole, runs, cut)
		}
		if whole {
			kept++
		}
	}
	if kept < 200 {
		t.Errorf("only %d of the candidates were like finders", kept)
	}
}

// TestHalvedAndSharpened compares both with what they say of each pixel.
func TestHalvedAndSharpened(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, size := range []image.Point{{29, 29}, {30, 31}, {64, 48}, {77, 41}} {
		p := plane{pix: make([]byte, (size.X+3)*size.Y), w: size.X, h: size.Y, stride: size.X + 3}
		for i := range p.pix {
			p.pix[i] = byte(rng.IntN(256))
			if i%7 == 0 {
				p.pix[i] = 255
			}
		}
		px := func(x, y int) int { return int(p.pix[min(max(y, 0), p.h-1)*p.stride+x]) }
		half := p.halved(plane{})
		for y := range half.h {
			for x := range half.w {
				want := (px(2*x, 2*y) + px(2*x+1, 2*y) + px(2*x, 2*y+1) + px(2*x+1, 2*y+1) + 2) / 4
				if got := int(half.row(y)[x]); got != want {
					t.Fatalf("%v halved at (%d, %d): got %d want %d", size, x, y, got, want)
				}
			}
		}
		for _, amount := range []int{2, 5} {
			crisp, _ := p.sharpened(int32(amount), plane{}, nil)
			for y := range p.h {
				for x := range p.w {
					want := px(x, y)
					if x >= reach && x < p.w-reach {
						sum := 0
						for v := -reach; v <= reach; v++ {
							for u := -reach; u <= reach; u++ {
								sum += px(x+u, y+v)
							}
						}
						want = min(max((1+amount)*want-amount*sum/25, 0), 255)
					}
					if got := int(crisp.row(y)[x]); got != want {
						t.Fatalf("%v sharpened by %d at (%d, %d): got %d want %d", size, amount, x, y, got, want)
					}
				}
			}
		}
	}
}
