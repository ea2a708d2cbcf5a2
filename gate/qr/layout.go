package qr

import "math"

// Bounds on the search for the right number of modules.
const (
	leastTiming = 0.28 // score of the timing patterns below which a layout is not read
	goodTiming  = 0.55 // from which it hardly is by chance
	leastEdges  = 24   // observations that a homography rests on
	maxLayouts  = 2    // best layouts of one triple that are read
)

// layout is one idea of where the modules of a symbol lie.
type layout struct {
	homography
	bend   bend
	side   int // modules
	timing float64
}

// mark is an alignment pattern that was found.
type mark struct {
	x, y float64 // in the frame
	u, v float64 // on the grid
}

// markWeight is how many edge points an alignment pattern weighs.
const markWeight = 15

// measure follows the rays of three finders and estimates the number of modules along one side.
func (e *eye) measure(t *triple) (side float64, ok bool) {
	e.corners = [3]finder{e.finders[t.topLeft], e.finders[t.topRight], e.finders[t.bottomLeft]}
	tl, tr, bl := &e.corners[0], &e.corners[1], &e.corners[2]
	wide, high := tl.distance(tr), tl.distance(bl)
	if wide < 1 || high < 1 {
		return 0, false
	}
	ux, uy := (tr.x-tl.x)/wide, (tr.y-tl.y)/wide
	vx, vy := (bl.x-tl.x)/high, (bl.y-tl.y)/high
	dot := ux*vx + uy*vy
	if dot > 0.95 || dot < -0.95 {
		return 0, false
	}
	var mu, mv [3]float64
	for i := range e.corners {
		mu[i], mv[i] = e.corners[i].module, e.corners[i].module
	}
	// A finder's module is first what its runs said, and then what its outer edges say along the
	// grid's directions.
	for range 2 {
		for i := range e.corners {
			f := &e.corners[i]
			e.traced[i] = e.edges(f, ux*mu[i], uy*mu[i], vx*mv[i], vy*mv[i], e.traced[i][:0])
			var su, sv, nu, nv float64
			for _, p := range e.traced[i] {
				if p.half < 3 {
					continue
				}
				along, down := (p.x-f.x)*ux+(p.y-f.y)*uy, (p.x-f.x)*vx+(p.y-f.y)*vy
				if p.side < 2 {
					su += math.Abs(along-dot*down) / (1 - dot*dot)
					nu++
				} else {
					sv += math.Abs(down-dot*along) / (1 - dot*dot)
					nv++
				}
			}
			if nu < 4 || nv < 4 {
				return 0, false
			}
			mu[i], mv[i] = su/nu/3.5, sv/nv/3.5
		}
	}
	side = (wide/(mu[0]+mu[1])*2 + high/(mv[0]+mv[2])*2 + 14) / 2
	return side, side > 0 && side < 250
}

// layouts fills e.layouts with the versions near side whose timing patterns look best, best first.
func (e *eye) layouts(side float64) {
	e.found = e.found[:0]
	near := max(1, int(math.Round((side-17)/4)))
	span := 1 + int(side/60)
	for version := max(1, near-span); version <= min(40, near+span); version++ {
		l := layout{side: 17 + 4*version}
		if !e.fit(&l, nil) {
			continue
		}
		l.timing = e.timing(&l)
		at := len(e.found)
		for at > 0 && e.found[at-1].timing < l.timing {
			at--
		}
		if at == cap(e.found) {
			continue
		}
		if len(e.found) < cap(e.found) {
			e.found = e.found[:len(e.found)+1]
		}
		copy(e.found[at+1:], e.found[at:])
		e.found[at] = l
	}
	n := 0
	for n < len(e.found) && e.found[n].timing >= leastTiming && (n == 0 || e.found[n].timing >= 0.75*e.found[0].timing) {
		n++
	}
	e.found = e.found[:n]
}

// fit computes l's homography from the traced edges of the corners and from marks.
func (e *eye) fit(l *layout, marks []mark) bool {
	tr, bl := &e.corners[1], &e.corners[2]
	l.cx, l.cy = (tr.x+bl.x)/2, (tr.y+bl.y)/2
	l.scale = tr.distance(bl) / 2
	n := float64(l.side)
	centre := [3][2]float64{{3.5, 3.5}, {n - 3.5, 3.5}, {3.5, n - 3.5}}
	var m [9]float64
	for pass := range 2 {
		var q equations
		for i := range e.traced {
			for _, p := range e.traced[i] {
				x, y := (p.x-l.cx)/l.scale, (p.y-l.cy)/l.scale
				half := p.half
				if p.side&1 == 1 {
					half = -half
				}
				w := m[6]*x + m[7]*y + 1
				if p.side < 2 {
					want := (centre[i][0] + half) / n
					if pass == 0 || math.Abs((m[0]*x+m[1]*y+m[2])/w-want)*n <= outlier {
						q.u(x, y, want, 1)
					}
				} else {
					want := (centre[i][1] + half) / n
					if pass == 0 || math.Abs((m[3]*x+m[4]*y+m[5])/w-want)*n <= outlier {
						q.v(x, y, want, 1)
					}
				}
			}
		}
		for _, k := range marks {
			x, y := (k.x-l.cx)/l.scale, (k.y-l.cy)/l.scale
			q.u(x, y, k.u/n, markWeight)
			q.v(x, y, k.v/n, markWeight)
		}
		if q.n < leastEdges {
			return false
		}
		var ok bool
		if m, ok = q.solve(); !ok {
			return false
		}
	}
	l.toGrid = m
	for i := range 6 {
		l.toGrid[i] *= n
	}
	var ok bool
	l.toFrame, ok = inverse(&l.toGrid)
	return ok
}

// outlier is how many modules an edge may be off before it is no longer believed.
const outlier = 0.7

// timing scores how well the modules between the finders alternate in l, from -1 to 1.
func (e *eye) timing(l *layout) float64 {
	sum, n := 0.0, 0
	for k := range 2 {
		level := func(i int) float64 {
			u, v := float64(i)+0.5, 6.5
			if k == 1 {
				u, v = v, u
			}
			return e.source.at(l.frame(u, v))
		}
		before, here := level(7), level(8)
		for i := 8; i < l.side-8; i++ {
			after := level(i + 1)
			d := here - (before+after)/2
			if i%2 == 0 != e.corners[0].inverted {
				d = -d
			}
			sum += min(max(2*d/(math.Abs(here-before)+math.Abs(here-after)+4), -1), 1)
			n++
			before, here = here, after
		}
	}
	return sum / float64(n)
}
