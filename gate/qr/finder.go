package qr

import "math"

// Bounds on the search for finder patterns.
const (
	checkEvery = 8   // scanned rows between looks at the clock
	maxFinders = 160 // candidates after which a picture is taken for texture and the scan stops
	shortest   = 0.9 // least module of a finder in pixels of the scanned picture
)

// finder is a place that looks like one of the three corner patterns, in pixels of the frame.
type finder struct {
	x, y     float64
	module   float64
	rows     int  // scanned rows that crossed it
	inverted bool // light on dark
	quality  float64
	regular  bool // it hardly is anything else
	perfect  bool // still less so
	used     bool // belongs to a code that was read
}

// view is a picture that is searched: a part of the frame or of the frame at half size.
type view struct {
	plane
	scale  float64 // pixels of the frame per pixel here
	x0, y0 float64 // the upper left corner in the frame
}

// like says whether five runs of pixels have the proportions 1:1:3:1:1 of a finder, and the module
// they imply. It looks at sums of neighbouring runs: blur and bloom move an edge, and so make one
// run longer by what they take from its neighbour, but leave the sum alone.
func like(a, b, c, d, e float64) (module float64, ok bool) {
	m := (a + b + c + d + e) / 7
	if m < shortest {
		return 0, false
	}
	tol := 0.75*m + 0.6
	if math.Abs(a+b-2*m) > tol || math.Abs(d+e-2*m) > tol {
		return 0, false
	}
	tol = m + 0.6
	if math.Abs(b+c-4*m) > tol || math.Abs(c+d-4*m) > tol {
		return 0, false
	}
	least := m / 4
	return m, a >= least && b >= least && d >= least && e >= least && c >= 1.5*m && c <= 5*m
}

// scan looks for finders of both polarities in v, which has been divided into dark and light, row
// by row, and adds them to e.finders.
func (e *eye) scan(v *view, rowStep int, c *clock) {
	for i, y := 0, rowStep-1; y < v.h; i, y = i+1, y+rowStep {
		if i%checkEvery == 0 && (len(e.finders) >= maxFinders || c.out()) {
			return
		}
		e.ends = e.bitmap.edges(y, e.ends[:0])
		ends := e.ends
		start := int32(0)
		for k := 0; k+4 < len(ends); k++ {
			x1, x2 := ends[k+1], ends[k+2]
			r1, r2, r3 := x1-ends[k], x2-x1, ends[k+3]-x2
			if r2 >= r1 && r2 >= r3 {
				r0, r4 := ends[k]-start, ends[k+4]-ends[k+3]
				if m, ok := like(float64(r0), float64(r1), float64(r2), float64(r3), float64(r4)); ok {
					e.check(v, int(x1+x2)/2, y, m, k&1 == 0)
				}
			}
			start = ends[k]
		}
	}
}

// check crosses the candidate whose middle run was seen at (x, y) of v in the other directions, and
// keeps it if they agree.
func (e *eye) check(v *view, x, y int, m float64, inverted bool) {
	fx, fy := (float64(x)+0.5)*v.scale+v.x0, (float64(y)+0.5)*v.scale+v.y0
	if e.seen(fx, fy, 1.2*m*v.scale, inverted) {
		return
	}
	reach := int(9*m) + 4
	runs, off, ok := e.bitmap.cross(x, y, 0, 1, inverted, reach)
	if !ok {
		return
	}
	mv, ok := like(runs[0], runs[1], runs[2], runs[3], runs[4])
	if !ok || mv > 2.6*m || mv < m/2.6 {
		return
	}
	cy := float64(y) + off
	runs, off, ok = e.bitmap.cross(x, int(math.Round(cy)), 1, 0, inverted, reach)
	if !ok {
		return
	}
	mh, ok := like(runs[0], runs[1], runs[2], runs[3], runs[4])
	if !ok {
		return
	}
	cx := float64(x) + off
	good := false
	for _, dy := range [2]int{1, -1} { // one diagonal has to look right too
		runs, _, ok := e.bitmap.cross(int(math.Round(cx)), int(math.Round(cy)), 1, dy, inverted, 2*reach)
		if ok {
			if _, ok = like(runs[0]+0.5, runs[1]+0.5, runs[2], runs[3]+0.5, runs[4]+0.5); ok {
				good = true
				break
			}
		}
	}
	if !good {
		return
	}
	m = math.Sqrt(mv*mh) * v.scale
	fx, fy = (cx+0.5)*v.scale+v.x0, (cy+0.5)*v.scale+v.y0
	if !e.seen(fx, fy, 1.5*m, inverted) {
		e.finders = append(e.finders, finder{x: fx, y: fy, module: m, rows: 1, inverted: inverted})
	}
}

// seen counts another row for the candidate at (x, y), if there is one already.
func (e *eye) seen(x, y, near float64, inverted bool) bool {
	for i := range e.finders {
		f := &e.finders[i]
		if f.inverted == inverted && math.Abs(f.x-x) < near && math.Abs(f.y-y) < near {
			f.rows++
			return true
		}
	}
	return false
}
