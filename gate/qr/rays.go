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

// Bounds on what is seen along a ray.
const (
	raySteps    = 48   // samples along a ray
	boldRing    = 0.38 // contrast of the light and dark rings, of that along the whole ray, where print is rough
	faintRing   = 0.13 // the same where the frame is blurred
	leastEarly  = 3    // good rays of the first quarter without which the others are not asked
	leastGood   = 5    // the same of the first half
	fullRing    = 0.7  // share of good rays from which they say how large the finder is
	minContrast = 8    // in gray levels, for the whole ray
)

// What a regular finder may be like: of those that are none, one in twenty is.
const (
	sureRing     = 0.7  // least share of good rays
	sureUneven   = 0.12 // how far its rings are from where they should be, of their distance
	sureLopsided = 0.09 // how much the distances to both sides differ, of their sum

	idealRing, idealUneven, idealLopsided = 0.85, 0.08, 0.04 // the same of one in a hundred
)

// rayOrder has opposite rays and those square to them first, so that a few tell most of what all do.
// The table is never changed.
var rayOrder = [rays]int{0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}

// profile holds gray levels along one ray from a finder's centre outwards, dark being low.
type profile struct {
	level [raySteps]float64
	step  float64 // in the ray's unit
	n     int
}

// crossings are where a ray leaves the dark centre, enters the dark ring and leaves that, each half
// way between the extremes to both sides: blur takes contrast away from the rings, which are one
// module wide, and more of it from those that lie across the motion. Only the proportions of the
// distances are looked at: a finder that is seen from the side is narrower than high.
func (p *profile) crossings(at *[3]float64) bool {
	lo, hi := p.level[0], p.level[0]
	for _, v := range p.level[1:p.n] {
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi-lo < minContrast {
		return false
	}
	return p.alternates(max(boldRing*(hi-lo), minContrast/2), at) || p.alternates(max(faintRing*(hi-lo), minContrast/2), at)
}

// alternates does that for rings that differ by least levels.
func (p *profile) alternates(least float64, at *[3]float64) bool {
	// The extremes on the way: dark, light, dark, light.
	var extreme [4]int
	found, best, rising := 0, 0, false
	for i := 1; i < p.n && found < 4; i++ {
		d := p.level[i] - p.level[best]
		if rising {
			d = -d
		}
		switch {
		case d < 0:
			best = i
		case d >= least:
			extreme[found] = best
			found++
			best, rising = i, !rising
		}
	}
	if found == 3 { // the margin goes on to the end
		extreme[found] = best
		found++
	}
	if found < 4 {
		return false
	}
	at[0] = p.rise(extreme[0], extreme[1])
	at[1] = p.fall(extreme[1], extreme[2])
	at[2] = p.rise(extreme[2], p.highest(extreme[2], min(extreme[2]+extreme[2]/2+1, extreme[3]+1)))
	// Bloom moves the edges, but their sums in pairs stay as 4 to 6.
	ratio := (at[1] + at[2]) / (at[0] + at[1])
	return at[1] > 1.1*at[0] && at[1] < 3.1*at[0] && at[2] > 1.08*at[1] && ratio > 1.28 && ratio < 1.8
}

// highest is the first highest sample from a to before b, or a.
func (p *profile) highest(a, b int) int {
	best := a
	for i := a + 1; i < b; i++ {
		if p.level[i] > p.level[best] {
			best = i
		}
	}
	return best
}

// rise is where the levels between samples a and b pass half way between both.
func (p *profile) rise(a, b int) float64 {
	mid := (p.level[a] + p.level[b]) / 2
	i := a
	for i < b-1 && p.level[i+1] < mid {
		i++
	}
	return p.between(i, mid)
}

// fall is the same downwards.
func (p *profile) fall(a, b int) float64 {
	mid := (p.level[a] + p.level[b]) / 2
	i := a
	for i < b-1 && p.level[i+1] > mid {
		i++
	}
	return p.between(i, mid)
}

// between is where the level is mid from sample i to the next.
func (p *profile) between(i int, mid float64) float64 {
	k := 0.0
	if d := p.level[i+1] - p.level[i]; d != 0 {
		k = min(max((mid-p.level[i])/d, 0), 1)
	}
	return (float64(i) + k) * p.step
}

// cast fills e.ray along (dx, dy) from f's centre, up to most times that.
func (e *eye) cast(f *finder, dx, dy, most float64) *profile {
	p := &e.ray
	p.step = max(most/(raySteps-1), 0.5/math.Hypot(dx, dy))
	p.n = min(int(most/p.step)+1, raySteps)
	dx, dy = dx*p.step, dy*p.step
	if e.source.line(f.x, f.y, dx, dy, p.level[:p.n]) {
		if f.inverted {
			for i, v := range p.level[:p.n] {
				p.level[i] = 255 - v
			}
		}
		return p
	}
	brightest := 0.0
	w, h := float64(e.frame.w), float64(e.frame.h)
	x, y := f.x, f.y
	for i := range p.n {
		v := e.source.at(x, y)
		if f.inverted {
			v = 255 - v
		}
		if x < 0 || y < 0 || x > w || y > h {
			v = brightest // a code may fill the frame: beyond is a margin
		}
		p.level[i] = v
		brightest = max(brightest, v)
		x, y = x+dx, y+dy
	}
	return p
}

// ring looks at f along rays from its centre in the gray frame. It sets f's quality, which is the
// share of rays that cross dark, light, dark and light again as in a finder, less what they differ
// from nested squares: letters and textures cross some lines like a finder, but hardly any does in
// all directions, evenly to both sides. It sets f's module to what the distances imply, if enough
// rays say so.
func (e *eye) ring(f *finder) {
	good, area, uneven := 0, 0.0, 0.0
	var radius [rays]float64
	for i := range e.compass {
		if i == rays/4 && good < leastEarly || i == rays/2 && good < leastGood {
			good = 0
			break
		}
		k := rayOrder[i]
		p := e.cast(f, e.compass[k].cos, e.compass[k].sin, 8*f.module)
		var at [3]float64
		if p.crossings(&at) {
			good++
			// Bloom takes from the centre what it adds to the ring.
			r := (at[0] + at[1]) / 2
			radius[k] = r
			area += r * r
			uneven += math.Abs((at[1]+at[2])/(at[0]+at[1])/1.5 - 1)
		}
	}
	f.quality, f.regular = 0, false
	if good == 0 {
		return
	}
	lopsided, pairs := 0.0, 0.0
	for k := range rays / 2 {
		if a, b := radius[k], radius[k+rays/2]; a > 0 && b > 0 {
			lopsided += math.Abs(a-b) / (a + b)
			pairs++
		}
	}
	share := float64(good) / rays
	uneven, lopsided = uneven/float64(good), lopsided/max(pairs, 1)
	f.quality = share - max(0, uneven-sureUneven/2) - max(0, lopsided-sureLopsided/2)
	f.regular = share >= sureRing && uneven <= sureUneven && lopsided <= sureLopsided
	f.perfect = share >= idealRing && uneven <= idealUneven && lopsided <= idealLopsided
	if share >= fullRing {
		// The area of the square half way from the centre's edge to the ring's is 16 modules.
		if m := math.Sqrt(math.Pi*area/float64(good)) / 4; m > f.module/2 && m < f.module*2 {
			f.module = m
		}
	}
}

// edge is a point on one of the three nested squares of a finder.
type edge struct {
	x, y float64 // in the frame
	side int     // of the square: 0 right, 1 left, 2 below, 3 above its centre
	half float64 // of the square's side: 1.5, 2.5 or 3.5 modules
}

// slopes are the directions of the rays to one side of a finder, in modules sideways per module.
var slopes = [7]float64{-0.66, -0.42, -0.2, 0, 0.2, 0.42, 0.66}

// edges follows rays from f's centre and appends where they cross the squares' edges. (ux, uy) and
// (vx, vy) are one module along the grid's rows and columns in pixels.
func (e *eye) edges(f *finder, ux, uy, vx, vy float64, out []edge) []edge {
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
			out = e.follow(f, dx, dy, side, out)
		}
	}
	return out
}

// follow appends the three edges along one ray, whose unit is a module.
func (e *eye) follow(f *finder, dx, dy float64, side int, out []edge) []edge {
	p := e.cast(f, dx, dy, 6.2)
	var at [3]float64
	if !p.crossings(&at) {
		return out
	}
	for i, q := range at {
		half := float64(i) + 1.5
		if q < half*0.45 || q > half*1.9 {
			return out
		}
		out = append(out, edge{f.x + q*dx, f.y + q*dy, side, half})
	}
	return out
}
