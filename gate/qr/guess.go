package qr

import (
	"math"
	"slices"
)

// Bounds on the search for the third finder of a code of which two were found.
const (
	guessPairs  = 4    // likeliest pairs whose third is looked for
	guessStep   = 0.7  // modules between places looked at
	guessReach  = 0.16 // of the distance of the two, around the place where a square's third is
	guessLeast  = 2.5  // modules that are looked at in any case
	guessMost   = 7.0  // and at most
	guessLike   = 0.58 // least correlation with a finder
	guessSlack  = 0.12 // of that, in a first glance
	guessRatio  = 1.7  // larger to smaller module of the two
	guessModule = 60   // modules between the two, at most
)

// spot is one place of a finder in modules from its centre, and what it should be.
type spot struct{ u, v, dark float64 }

// newSpots samples a finder: the centre, the light ring, the dark ring and the light border.
func newSpots() []spot {
	var s []spot
	sum := 0.0
	for ring, dark := range [5]float64{1, 1, -1, 1, -1} {
		r := float64(ring)
		for _, k := range [8][2]float64{{1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, -1}, {1, -1}} {
			if s = append(s, spot{k[0] * r, k[1] * r, dark}); ring == 0 {
				break
			}
		}
	}
	for _, p := range s {
		sum += p.dark
	}
	square := 0.0
	for i := range s {
		s[i].dark -= sum / float64(len(s))
		square += s[i].dark * s[i].dark
	}
	for i := range s {
		s[i].dark /= math.Sqrt(square)
	}
	return s
}

// finderLike is how well the frame around (x, y) correlates with a finder whose module is (ux, uy)
// along one direction and (vx, vy) along the other.
func (e *eye) finderLike(x, y, ux, uy, vx, vy float64, inverted bool) float64 {
	var sum, squares, dot float64
	for i := range e.spots {
		p := &e.spots[i]
		g := e.source.at(x+p.u*ux+p.v*vx, y+p.u*uy+p.v*vy)
		sum += g
		squares += g * g
		dot -= g * p.dark
	}
	if inverted {
		dot = -dot
	}
	n := float64(len(e.spots))
	if variance := squares - sum*sum/n; variance > markFlat {
		return dot / math.Sqrt(variance)
	}
	return 0
}

// guess looks for a third finder where two that surely are some would have it, and fills e.triples
// with what it finds. Blur and glare often spoil one of three.
func (e *eye) guess(c *clock) {
	e.triples = e.triples[:0]
	n, pairs := len(e.finders), 0
	for sum := 1; sum < 2*n && pairs < guessPairs; sum++ { // the best come first
		for i := max(0, sum-n+1); i < sum-i; i++ {
			j := sum - i
			a, b := e.finders[i], e.finders[j]
			if a.used || b.used || a.inverted != b.inverted || !a.regular || !b.regular ||
				max(a.module, b.module) > guessRatio*min(a.module, b.module) {
				continue
			}
			if d := a.distance(&b) / (a.module + b.module) * 2; d < leastSpan || d > guessModule {
				continue
			}
			if c.out() {
				return
			}
			pairs++
			e.guessThird(i, j)
		}
	}
	slices.SortFunc(e.triples, byScore)
}

// guessThird takes finders i and j for two corners of a square, neighbours or not, and looks where
// the third would be.
func (e *eye) guessThird(i, j int) {
	a, b := e.finders[i], e.finders[j]
	dx, dy := b.x-a.x, b.y-a.y
	for k, at := range [6][2]float64{
		{a.x - dy, a.y + dx},
		{a.x + dy, a.y - dx},
		{b.x - dy, b.y + dx},
		{b.x + dy, b.y - dx},
		{(a.x+b.x)/2 - dy/2, (a.y+b.y)/2 + dx/2},
		{(a.x+b.x)/2 + dy/2, (a.y+b.y)/2 - dx/2},
	} {
		m := math.Sqrt(a.module * b.module)
		ux, uy := dx, dy
		if k >= 4 { // the two are across from each other
			ux, uy = dx-dy, dy+dx
		}
		if len(e.finders) == cap(e.finders) || len(e.triples) == cap(e.triples) {
			return
		}
		length := math.Hypot(ux, uy)
		f, like := e.search(at[0], at[1], ux/length*m, uy/length*m, math.Hypot(dx, dy)*guessReach, a.inverted)
		if like < guessLike || e.covered(f.x, f.y) {
			continue
		}
		f.module, f.inverted, f.rows = m, a.inverted, 1
		e.ring(&f)
		f.quality = max(f.quality, like)
		e.finders = append(e.finders, f)
		if t, ok := e.corner(i, j, len(e.finders)-1); ok && t.score < worstScore {
			e.triples = append(e.triples, t)
		} else {
			e.finders = e.finders[:len(e.finders)-1]
		}
	}
}

// search is the place within reach of (x, y) that looks most like a finder whose module is (ux, uy)
// along the rows.
func (e *eye) search(x, y, ux, uy, reach float64, inverted bool) (f finder, like float64) {
	m := math.Hypot(ux, uy)
	reach = min(max(reach, guessLeast*m), guessMost*m)
	step := guessStep * m
	like = -1
	e.aim(ux, uy)
	for py := y - reach; py <= y+reach; py += step {
		for px := x - reach; px <= x+reach; px += step {
			if v := e.glance(px, py, inverted); v > like {
				like, f.x, f.y = v, px, py
			}
		}
	}
	if like < guessLike-guessSlack {
		return f, like
	}
	like = -1
	for step /= 2; step > 0.15*m; step /= 2 {
		ox, oy := f.x, f.y
		for k := range 9 {
			px, py := ox+float64(k%3-1)*step, oy+float64(k/3-1)*step
			if v := e.finderLike(px, py, ux, uy, -uy, ux, inverted); v > like {
				like, f.x, f.y = v, px, py
			}
		}
	}
	return f, like
}

// aim prepares e.glances for finders whose module is (ux, uy) along the rows.
func (e *eye) aim(ux, uy float64) {
	p := &e.source
	e.glances, e.glanceRim = e.glances[:0], 0
	for _, s := range e.spots {
		dx, dy := int(math.Round((s.u*ux-s.v*uy)*p.k)), int(math.Round((s.u*uy+s.v*ux)*p.k))
		e.glances = append(e.glances, dy*p.stride+dx)
		e.glanceRim = max(e.glanceRim, dx, -dx, dy, -dy)
	}
}

// glance is finderLike, to the nearest pixel, where all of it is in the frame.
func (e *eye) glance(x, y float64, inverted bool) float64 {
	p := &e.source
	cx, cy := int(x*p.k), int(y*p.k)
	if cx < e.glanceRim || cy < e.glanceRim || cx >= p.w-e.glanceRim || cy >= p.h-e.glanceRim {
		return -1
	}
	at := cy*p.stride + cx
	var sum, squares int
	var dot float32
	for i, o := range e.glances {
		g := int(p.pix[at+o])
		sum += g
		squares += g * g
		dot -= float32(g) * e.weights[i]
	}
	if inverted {
		dot = -dot
	}
	if variance := float64(squares) - float64(sum*sum)/float64(len(e.glances)); variance > markFlat {
		return float64(dot) / math.Sqrt(variance)
	}
	return 0
}
