package qr

// Bounds on bending a layout.
const (
	bendRounds = 6     // times that the edges of modules are looked at
	bendRidge  = 2.0   // edges that speak against bending
	bendMost   = 0.45  // modules that one edge may be off
	bendLeast  = 0.5   // least difference of two modules between which an edge is looked for, in soft units
	bendMark   = 12.0  // edges that an alignment pattern weighs
	bendGain   = 0.004 // agreement that a further step has to bring
	bendIdle   = 1     // steps without that in all
	bendFlat   = 0.96  // agreement of known modules from which the symbol is flat enough
)

// bends are the terms of a bend: all products of powers of both coordinates up to the third degree,
// which follow a sheet that is rolled or a page that curls.
const bends = 10

// bend is how far what a layout has at a place of the grid really lies from there, in modules.
type bend struct {
	on   bool
	half float64 // of the side, in modules
	u, v [bends]float64
}

func (b *bend) terms(u, v float64) [bends]float64 {
	x, y := u/b.half-1, v/b.half-1
	return [bends]float64{1, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y}
}

// apply moves a place of the grid.
func (b *bend) apply(u, v float64) (float64, float64) {
	t := b.terms(u, v)
	du, dv := 0.0, 0.0
	for i, f := range t {
		du += b.u[i] * f
		dv += b.v[i] * f
	}
	return u + du, v + dv
}

// frame is where the grid point (u, v) lies in the frame.
func (l *layout) frame(u, v float64) (x, y float64) {
	if l.bend.on {
		u, v = l.bend.apply(u, v)
	}
	return l.homography.frame(u, v)
}

// bending gathers what is seen of a bend along one direction.
type bending [bends][bends + 1]float64

func (q *bending) add(t *[bends]float64, off, weight float64) {
	for i, f := range t {
		f *= weight
		for j := i; j < bends; j++ {
			q[i][j] += f * t[j]
		}
		q[i][bends] += f * off
	}
}

// solve adds the bend that explains most to to.
func (q *bending) solve(to *[bends]float64) bool {
	for i := range bends {
		for j := range i {
			q[i][j] = q[j][i]
		}
		q[i][i] += bendRidge
	}
	for i := range bends {
		if !(q[i][i] > 1e-9) { // NaN too
			return false
		}
		for k := i + 1; k < bends; k++ {
			f := q[k][i] / q[i][i]
			for j := i; j <= bends; j++ {
				q[k][j] -= f * q[i][j]
			}
		}
	}
	for i := bends - 1; i >= 0; i-- {
		for j := i + 1; j < bends; j++ {
			q[i][bends] -= q[i][j] * q[j][bends]
		}
		q[i][bends] /= q[i][i]
	}
	for i := range bends {
		to[i] += q[i][bends]
	}
	return true
}

// bendToMarks bends l so that the alignment patterns that were found lie where they should.
func (e *eye) bendToMarks(l *layout) bool {
	l.bend = bend{half: float64(l.side) / 2}
	var qu, qv bending
	for _, k := range e.marks {
		x, y := (k.x-l.cx)/l.scale, (k.y-l.cy)/l.scale
		w := l.toGrid[6]*x + l.toGrid[7]*y + l.toGrid[8]
		du := (l.toGrid[0]*x+l.toGrid[1]*y+l.toGrid[2])/w - k.u
		dv := (l.toGrid[3]*x+l.toGrid[4]*y+l.toGrid[5])/w - k.v
		t := l.bend.terms(k.u, k.v)
		qu.add(&t, du, bendMark)
		qv.add(&t, dv, bendMark)
	}
	n := float64(l.side)
	for _, c := range [3][2]float64{{3.5, 3.5}, {n - 3.5, 3.5}, {3.5, n - 3.5}} { // the finders lie well
		t := l.bend.terms(c[0], c[1])
		qu.add(&t, 0, 4*bendMark)
		qv.add(&t, 0, 4*bendMark)
	}
	l.bend.on = qu.solve(&l.bend.u) && qv.solve(&l.bend.v)
	return l.bend.on
}

// bendToEdges bends l so that the edges between modules of different colour lie half way between
// them. soft is what the modules are taken for.
func (e *eye) bendToEdges(l *layout, soft []float32) bool {
	n := l.side
	var qu, qv bending
	for v := range n {
		for u := range n {
			here := soft[v*n+u]
			if u+1 < n {
				if off, weight := e.offset(l, float64(u+1), float64(v)+0.5, v*n+u, v*n+u+1, here, soft[v*n+u+1]); weight > 0 {
					t := l.bend.terms(float64(u+1), float64(v)+0.5)
					qu.add(&t, off, weight)
				}
			}
			if v+1 < n {
				if off, weight := e.offset(l, float64(u)+0.5, float64(v+1), v*n+u, v*n+n+u, here, soft[v*n+n+u]); weight > 0 {
					t := l.bend.terms(float64(u)+0.5, float64(v+1))
					qv.add(&t, off, weight)
				}
			}
		}
	}
	l.bend.on = qu.solve(&l.bend.u) && qv.solve(&l.bend.v)
	return l.bend.on
}

// offset is how far the edge between modules i and j, which should be at (u, v), lies from there
// towards j.
func (e *eye) offset(l *layout, u, v float64, i, j int, a, b float32) (off, weight float64) {
	if a*b >= 0 || max(a-b, b-a) < bendLeast {
		return 0, 0
	}
	from, to := float64(e.levels[i]), float64(e.levels[j])
	level := e.source.at(l.frame(u, v))
	if e.corners[0].inverted {
		level = 255 - level
	}
	slope := to - from
	if slope > -4 && slope < 4 {
		return 0, 0
	}
	off = ((from+to)/2 - level) / slope
	return min(max(off, -bendMost), bendMost), 1
}
