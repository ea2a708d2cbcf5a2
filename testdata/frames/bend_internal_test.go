package frames

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// bent is a sheet of 60 mm that is seen a little from the side.
func bent(degrees, direction float64) Scene {
	return Scene{
		Size: image.Pt(640, 480), Text: "CTR1:BENT", CodeMM: 60, ModulePX: 10, Quiet: 4, Paper: true,
		Roll: 10, Yaw: 15, Pitch: -10, Bend: degrees, BendDir: direction, Ambient: 0.5, Gain: 1,
	}
}

var square = rect{-30, -30, 30, 30}

// What a ray meets is seen where the ray is, and a pixel covers what lies between it and the next.
func TestRayMeetsSheet(t *testing.T) {
	met := 0
	for _, degrees := range []float64{-120, -60, -5, 5, 60, 120} {
		for _, direction := range []float64{0, 30, 90} {
			p := bent(degrees, direction).pose(21, square)
			for _, place := range [][2]float64{{0, 0}, {-29, -29}, {29, -29}, {29, 29}, {-10, 25}} {
				x, y, distance := p.project(place[0], place[1])
				got, ok := p.hit(x, y, square)
				if !ok {
					t.Errorf("bend %v along %v: nothing is met where %v is seen", degrees, direction, place)
					continue
				}
				if _, _, nearer := p.project(got.u, got.v); nearer < distance-0.001 {
					continue // the place is behind the bulge
				}
				met++
				if math.Hypot(got.u-place[0], got.v-place[1]) > 1e-6 {
					t.Errorf("bend %v along %v: met (%.3f, %.3f) where %v is seen", degrees, direction, got.u, got.v, place)
				}
				const step = 1e-4
				right, _ := p.hit(x+step, y, square)
				under, _ := p.hit(x, y+step, square)
				du := math.Hypot(right.u-got.u, under.u-got.u) / step
				dv := math.Hypot(right.v-got.v, under.v-got.v) / step
				if math.Abs(du/got.du-1) > 0.01 || math.Abs(dv/got.dv-1) > 0.01 {
					t.Errorf("bend %v along %v at %v: a pixel covers %.4f by %.4f mm, want %.4f by %.4f", degrees, direction, place, got.du, got.dv, du, dv)
				}
			}
		}
	}
	if met < 80 {
		t.Errorf("%d of 90 places are in sight, want most", met)
	}
}

// The arc has the length that the sheet has: bending neither stretches nor shrinks it.
func TestBendKeepsLengths(t *testing.T) {
	for _, degrees := range []float64{-120, 1, 120} {
		b := newBend(degrees, 20, 60)
		sum := 0.0
		px, py, pz := b.point(-80, 5)
		for u := -79.9; u <= 80; u += 0.1 {
			x, y, z := b.point(u, 5)
			sum += math.Sqrt((x-px)*(x-px) + (y-py)*(y-py) + (z-pz)*(z-pz))
			px, py, pz = x, y, z
		}
		if math.Abs(sum-160) > 0.2 {
			t.Errorf("bent by %v°, 160 mm are %.2f mm", degrees, sum)
		}
	}
}

// A homography through the corners of a flat code gives all its places; through those of a bent one
// it is wrong by modules in the middle.
func TestBentIsNoHomography(t *testing.T) {
	off := func(degrees float64) float64 {
		p := bent(degrees, 0).pose(21, square)
		corners := [4][2]float64{{-30, -30}, {30, -30}, {30, 30}, {-30, 30}}
		var seen [4][2]float64
		for i, c := range corners {
			seen[i][0], seen[i][1], _ = p.project(c[0], c[1])
		}
		h := through(corners, seen)
		most := 0.0
		for v := -30.0; v <= 30; v += 5 {
			for u := -30.0; u <= 30; u += 5 {
				x, y, _ := p.project(u, v)
				d := h[6]*u + h[7]*v + 1
				most = max(most, math.Hypot((h[0]*u+h[1]*v+h[2])/d-x, (h[3]*u+h[4]*v+h[5])/d-y))
			}
		}
		return most / 10 // in modules
	}
	if got := off(0); got > 1e-6 {
		t.Errorf("flat: %.6f modules off a homography, want none", got)
	}
	for _, degrees := range []float64{-60, 60} {
		if got := off(degrees); got < 1 {
			t.Errorf("bent by %v°: %.2f modules off a homography, want more than 1", degrees, got)
		}
	}
}

// through is the homography that takes four places to four others.
func through(from, to [4][2]float64) (h [8]float64) {
	var m [8][9]float64
	for i := range 4 {
		u, v, x, y := from[i][0], from[i][1], to[i][0], to[i][1]
		m[2*i] = [9]float64{u, v, 1, 0, 0, 0, -u * x, -v * x, x}
		m[2*i+1] = [9]float64{0, 0, 0, u, v, 1, -u * y, -v * y, y}
	}
	for c := range 8 {
		best := c
		for r := c; r < 8; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[best][c]) {
				best = r
			}
		}
		m[c], m[best] = m[best], m[c]
		for r := range 8 {
			if r == c {
				continue
			}
			k := m[r][c] / m[c][c]
			for j := c; j < 9; j++ {
				m[r][j] -= k * m[c][j]
			}
		}
	}
	for i := range h {
		h[i] = m[i][8] / m[i][i]
	}
	return h
}

// Every module of a sheet is seen where the geometry says, dark or light as the code has it.
func TestModulesAreWhereTheyBelong(t *testing.T) {
	for _, degrees := range []float64{0, -50, 50} {
		s := bent(degrees, 10)
		code, err := Encode(s.Text)
		if err != nil {
			t.Fatal(err)
		}
		gray, err := NewRenderer().Gray(s)
		if err != nil {
			t.Fatal(err)
		}
		p, n := s.pose(float64(code.Side), square), float64(code.Side)
		var dark, light []uint8
		for y := range code.Side {
			for x := range code.Side {
				px, py, _ := p.project((float64(x)+0.5)/n*60-30, (float64(y)+0.5)/n*60-30)
				level := gray.GrayAt(int(px), int(py)).Y
				if code.Dark(x, y) {
					dark = append(dark, level)
				} else {
					light = append(light, level)
				}
			}
		}
		darkest, lightest := uint8(0), uint8(255)
		for _, l := range dark {
			darkest = max(darkest, l)
		}
		for _, l := range light {
			lightest = min(lightest, l)
		}
		if darkest >= lightest {
			t.Errorf("bent by %v°: dark modules up to %d, light ones from %d", degrees, darkest, lightest)
		}
	}
}

// The screen's grid, sampled by the sensor's, beats at the frequency that aliasing predicts.
func TestMoireBeats(t *testing.T) {
	for seed := range uint64(2) {
		s := Scene{
			Seed: seed, Size: image.Pt(640, 480), CodeMM: 56, ModulePX: 6, Quiet: 4, White: 0.3, Gain: 1,
		}
		light := newLighting(s, rand.New(rand.NewPCG(s.Seed, 17)))
		p := s.pose(49, rect{-28, -28, 28, 28})
		cycles := 1 / light.pitch / (p.to[0] / p.to[8]) // of the grid in a pixel
		cycles -= math.Round(cycles)
		energy := func(depth, at float64) float64 {
			s.Moire = depth
			gray, err := NewRenderer().Gray(s)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for y := 100; y < 380; y++ { // over the page, row by row
				re, im := 0.0, 0.0
				for x := 200; x < 440; x++ {
					sin, cos := math.Sincos(2 * math.Pi * at * float64(x))
					re, im = re+cos*float64(gray.Pix[y*gray.Stride+x]), im+sin*float64(gray.Pix[y*gray.Stride+x])
				}
				sum += re*re + im*im
			}
			return sum
		}
		name := fmt.Sprintf("seed %d, %.4f cycles a pixel", seed, cycles)
		with, without := energy(0.4, cycles), energy(0, cycles)
		if with < 5*without {
			t.Errorf("%s: energy %.3g with a grid and %.3g without, want five times", name, with, without)
		}
		if beside := energy(0.4, cycles+0.06); with < 5*beside {
			t.Errorf("%s: energy %.3g and %.3g at another frequency, want five times", name, with, beside)
		}
	}
}
