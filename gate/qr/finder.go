package qr

import (
	"math"
	"slices"
)

// Bounds on the search for finder patterns.
const (
	checkEvery = 8   // scanned rows between looks at the clock
	maxFinders = 160 // candidates after which those in texture are dropped, or the scan stops
	manyRows   = 4   // scanned rows after which a candidate is not dropped
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

// What like reckons in, and its bounds in that.
const (
	unit     = 140           // a pixel
	shortest = unit * 9 / 10 // least module of a finder in the scanned picture
	slack    = unit * 6 / 10 // by how much pixels round an edge
)

// like says whether five runs, in half pixels, have the proportions 1:1:3:1:1 of a finder, and the
// module they imply, in pixels. It looks at sums of neighbouring runs: blur and bloom move an edge,
// and so make one run longer by what they take from its neighbour, but leave the sum alone. It takes
// whole numbers because it is asked about every run of a frame.
func like(a, b, c, d, e int) (module float64, ok bool) {
	m := (a + b + c + d + e) * (unit / 14)
	a, b, c, d, e = a*(unit/2), b*(unit/2), c*(unit/2), d*(unit/2), e*(unit/2)
	if m < shortest || !near(a+b, 2*m, m*3/4+slack) || !near(d+e, 2*m, m*3/4+slack) ||
		!near(b+c, 4*m, m+slack) || !near(c+d, 4*m, m+slack) {
		return 0, false
	}
	rim := m / 4
	return float64(m) / unit, a >= rim && b >= rim && d >= rim && e >= rim && 2*c >= 3*m && c <= 5*m
}

// near says whether a and b differ by most at most.
func near(a, b, most int) bool { return a-b <= most && b-a <= most }

// scan looks for finders of both polarities in v, which has been divided into dark and light, row
// by row, and adds them to e.finders.
func (e *eye) scan(v *view, rowStep int, sharp bool, c *clock) {
	for i, y := 0, rowStep-1; y < v.h; i, y = i+1, y+rowStep {
		if i%checkEvery == 0 && (!e.room(v.y0+float64(y)*v.scale, sharp) || c.out()) {
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
				if m, ok := like(2*int(r0), 2*int(r1), 2*int(r2), 2*int(r3), 2*int(r4)); ok {
					e.check(v, int(x1+x2)/2, y, m, k&1 == 0)
				}
			}
			start = ends[k]
		}
	}
}

// room says whether there is any for more candidates below y. If they are many, those that few rows
// crossed and that end above are dropped: they are noise or texture. A sharpened frame is made of
// that, and not worth it.
func (e *eye) room(y float64, sharp bool) bool {
	most := ringed
	for rows := 1; !sharp && len(e.finders) >= most && rows < manyRows; rows++ {
		e.finders = slices.DeleteFunc(e.finders, func(f finder) bool { return f.rows <= rows && f.ends(y) })
		most = maxFinders
	}
	e.open = e.open[:0]
	for i := range e.finders {
		if f := &e.finders[i]; !f.ends(y) {
			e.open = append(e.open, column{int32(f.x), int32(i)})
		}
	}
	return len(e.finders) < maxFinders
}

// ends says whether f does above y. At most three modules of its centre are below the middle of it.
func (f *finder) ends(y float64) bool { return f.y+3*f.module < y }

// column is where a candidate is that the next rows may cross.
type column struct{ x, finder int32 }

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
			if _, ok = like(runs[0]+1, runs[1]+1, runs[2], runs[3]+1, runs[4]+1); ok {
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
		e.open = append(e.open, column{int32(fx), int32(len(e.finders) - 1)}) //nolint:gosec // at most 4096, and some more than maxFinders
	}
}

// seen counts another row for the candidate at (x, y), if there is one already.
func (e *eye) seen(x, y, near float64, inverted bool) bool {
	from, span := int32(x-near)-1, uint32(2*near)+3
	for _, c := range e.open {
		if uint32(c.x-from) > span { //nolint:gosec // to the left of it is far to the right
			continue
		}
		f := &e.finders[c.finder]
		if f.inverted == inverted && math.Abs(f.x-x) < near && math.Abs(f.y-y) < near {
			f.rows++
			return true
		}
	}
	return false
}
