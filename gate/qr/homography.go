package qr

import "math"

// homography maps between frame and grid: grid coordinates count modules from the symbol's outer
// upper left corner, frame coordinates pixels. Frame coordinates are shifted and scaled to about 1
// inside, so that the equations are well conditioned.
type homography struct {
	cx, cy, scale float64
	toGrid        [9]float64 // normalised frame to grid
	toFrame       [9]float64 // grid to normalised frame
}

// frame is where the grid point (u, v) lies in the frame.
func (h *homography) frame(u, v float64) (x, y float64) {
	m := &h.toFrame
	w := m[6]*u + m[7]*v + m[8]
	return (m[0]*u+m[1]*v+m[2])/w*h.scale + h.cx, (m[3]*u+m[4]*v+m[5])/w*h.scale + h.cy
}

// module is the length of a module's diagonal at (u, v) in pixels, divided by the root of 2.
func (h *homography) module(u, v float64) float64 {
	x0, y0 := h.frame(u-0.5, v-0.5)
	x1, y1 := h.frame(u+0.5, v+0.5)
	x2, y2 := h.frame(u+0.5, v-0.5)
	return math.Sqrt(math.Abs((x2-x0)*(y1-y0) - (x1-x0)*(y2-y0)))
}

// equations gathers linear constraints on the eight unknowns of a mapping from frame to grid and
// solves them by least squares. Each observation gives the grid's u or v alone, or both.
type equations struct {
	a [8][9]float64
	n int
}

// u adds: the frame point (x, y) has grid coordinate u.
func (q *equations) u(x, y, u, weight float64) {
	r := [5]float64{x, y, 1, -u * x, -u * y}
	q.add(&[5]int{0, 1, 2, 6, 7}, &r, u, weight)
}

// v adds: the frame point (x, y) has grid coordinate v.
func (q *equations) v(x, y, v, weight float64) {
	r := [5]float64{x, y, 1, -v * x, -v * y}
	q.add(&[5]int{3, 4, 5, 6, 7}, &r, v, weight)
}

func (q *equations) add(at *[5]int, r *[5]float64, want, weight float64) {
	for i, ri := range r {
		row := &q.a[at[i]]
		wr := weight * ri
		for j := i; j < 5; j++ {
			row[at[j]] += wr * r[j]
		}
		row[8] += wr * want
	}
	q.n++
}

// solve returns the mapping, the ninth element being 1. It fails if the equations leave it open.
func (q *equations) solve() (m [9]float64, ok bool) {
	a := q.a
	for i := range 8 {
		for j := range i {
			a[i][j] = a[j][i]
		}
		a[i][i] += 1e-9
	}
	for i := range 8 {
		pivot := i
		for k := i + 1; k < 8; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[pivot][i]) {
				pivot = k
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if !(math.Abs(a[i][i]) >= 1e-14) { // NaN too
			return m, false
		}
		for k := range 8 {
			if k == i {
				continue
			}
			f := a[k][i] / a[i][i]
			for j := i; j < 9; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	for i := range 8 {
		m[i] = a[i][8] / a[i][i]
	}
	m[8] = 1
	return m, true
}

// inverse inverts a 3×3 matrix given row by row.
func inverse(m *[9]float64) (o [9]float64, ok bool) {
	o[0] = m[4]*m[8] - m[5]*m[7]
	o[1] = m[2]*m[7] - m[1]*m[8]
	o[2] = m[1]*m[5] - m[2]*m[4]
	o[3] = m[5]*m[6] - m[3]*m[8]
	o[4] = m[0]*m[8] - m[2]*m[6]
	o[5] = m[2]*m[3] - m[0]*m[5]
	o[6] = m[3]*m[7] - m[4]*m[6]
	o[7] = m[1]*m[6] - m[0]*m[7]
	o[8] = m[0]*m[4] - m[1]*m[3]
	det := m[0]*o[0] + m[1]*o[3] + m[2]*o[6]
	if !(math.Abs(det) >= 1e-18) { // NaN too
		return o, false
	}
	for i := range o {
		o[i] /= det
	}
	return o, true
}
