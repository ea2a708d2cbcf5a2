package qr

import "math"

// rays is the number of directions in which a finder is looked at.
const rays = 16

// compass holds the directions, none of them along the rows or columns of the frame.
type compass [rays]struct{ cos, sin float64 }

func newCompass() (c compass) {
	for k := range c {
		c[k].sin, c[k].cos = math.Sincos(2 * math.Pi * (float64(k) + 0.25) / rays)
	}
	return c
}

// ring is the share of rays from f's centre that cross dark, light, dark and light again at the
// distances of a finder, in the gray frame. Letters and textures cross some lines like a finder;
// hardly any does in all directions.
func (e *eye) ring(f *finder) float64 {
	sign := 1.0
	if f.inverted {
		sign = -1
	}
	p := &e.source
	good := 0
	centre := sign * p.at(f.x, f.y)
	step := max(0.5, f.module*0.15)
	for k := range e.compass {
		cos, sin := e.compass[k].cos, e.compass[k].sin
		lo, hi := centre, centre
		for i := 1.0; i <= 8; i++ {
			r := i * 0.6 * f.module
			v := sign * p.at(f.x+r*cos, f.y+r*sin)
			lo, hi = min(lo, v), max(hi, v)
		}
		if hi-lo < 10 {
			continue
		}
		mid := (lo + hi) / 2
		var at [3]float64
		n, before := 0, centre
		for r := step; r < 9*f.module && n < 3; r += step {
			v := sign * p.at(f.x+r*cos, f.y+r*sin)
			if rising := n&1 == 0; (v > mid) == rising && (before > mid) != rising {
				at[n] = r - step*(v-mid)/(v-before)
				n++
			}
			before = v
		}
		if n == 3 && at[1] > 1.12*at[0] && at[1] < 3*at[0] && at[2] > 1.08*at[1] && at[2] < 2.1*at[1] {
			good++
		}
	}
	return float64(good) / rays
}

// edge is a point on one of the three nested squares of a finder.
type edge struct {
	x, y float64 // in the frame
	side int     // of the square: 0 right, 1 left, 2 below, 3 above its centre
	half float64 // of the square's side: 1.5, 2.5 or 3.5 modules
}

// slopes are the directions of the rays to one side of a finder, in modules sideways per module.
var slopes = [7]float64{-0.66, -0.42, -0.2, 0, 0.2, 0.42, 0.66}

// minContrast is the least difference in gray levels between a finder's centre and its light ring.
const minContrast = 8

// edges follows rays from f's centre and appends where they cross the squares' edges. (ux, uy) and
// (vx, vy) are one module along the grid's rows and columns in pixels.
func (e *eye) edges(f *finder, ux, uy, vx, vy float64, out []edge) []edge {
	sign := 1.0
	if f.inverted {
		sign = -1
	}
	p := &e.source
	dark, light := sign*p.at(f.x, f.y), 0.0
	for _, k := range [8][2]float64{{2, 0}, {-2, 0}, {0, 2}, {0, -2}, {2, 2}, {-2, -2}, {2, -2}, {-2, 2}} {
		light += sign * p.at(f.x+k[0]*ux+k[1]*vx, f.y+k[0]*uy+k[1]*vy) / 8
	}
	if light-dark < minContrast {
		return out
	}
	mid := (dark + light) / 2
	for side := range 4 {
		for _, t := range slopes {
			var dx, dy float64
			switch side {
			case 0:
				dx, dy = ux+t*vx, uy+t*vy
			case 1:
				dx, dy = -ux+t*vx, -uy+t*vy
			case 2:
				dx, dy = vx+t*ux, vy+t*uy
			default:
				dx, dy = -vx+t*ux, -vy+t*uy
			}
			out = e.follow(f, dx, dy, mid, sign, dark, side, out)
		}
	}
	return out
}

// follow appends the three edges along one ray.
func (e *eye) follow(f *finder, dx, dy, mid, sign, centre float64, side int, out []edge) []edge {
	step := max(0.5/math.Hypot(dx, dy), 0.06)
	n, before, at := 0, centre, 0.0
	for k := step; k < 6.2 && n < 3; k += step {
		v := sign * e.source.at(f.x+k*dx, f.y+k*dy)
		rising := n != 1
		if rising && before < mid && v >= mid || !rising && before > mid && v <= mid {
			q := at + (k-at)*(mid-before)/(v-before)
			half := float64(n) + 1.5
			if q < half*0.45 || q > half*1.9 {
				return out
			}
			out = append(out, edge{f.x + q*dx, f.y + q*dy, side, half})
			n++
		}
		before, at = v, k
	}
	return out
}
