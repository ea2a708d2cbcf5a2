package frames

import (
	"image"
	"math"
)

// pose maps the phone's plane, in millimetres from the code's centre, to the frame and back. A sheet
// may be bent out of that plane.
type pose struct {
	to   [9]float64 // millimetres to pixels, row by row
	from [9]float64 // pixels to millimetres
	bend *bend      // nil if flat

	lift       [3]float64 // what a millimetre out of the plane adds to the pixels
	eye        [3]float64 // where the camera is
	rayX, rayY [3]float64 // change of the ray from column to column and from row to row
	ray0       [3]float64 // through the frame's upper left corner
}

// fieldOfView is the horizontal angle of the camera in degrees.
const fieldOfView = 60

// rect is a rectangle of the phone's plane in millimetres.
type rect struct{ u0, v0, u1, v1 float64 }

// pose puts the phone where the scene wants it. modules is the side of the code, reach what must
// be in the frame.
func (s Scene) pose(modules float64, reach rect) pose {
	w, h := float64(s.Size.X), float64(s.Size.Y)
	f := w / 2 / math.Tan(fieldOfView/2*math.Pi/180)
	r := rotation(s.Roll, s.Yaw, s.Pitch)
	depth := f * s.CodeMM / (s.ModulePX * modules)
	var p pose
	if s.Bend != 0 {
		b := newBend(s.Bend, s.BendDir, s.CodeMM)
		p.bend = &b
	}
	x, y := 0.0, 0.0
	place := func() {
		// K [r1 r2 t] with the principal point in the middle of the frame
		for i, c := range [3][3]float64{{r[0], r[3], r[6]}, {r[1], r[4], r[7]}, {x, y, depth}} {
			p.to[i] = f*c[0] + w/2*c[2]
			p.to[3+i] = f*c[1] + h/2*c[2]
			p.to[6+i] = c[2]
		}
		p.lift = [3]float64{f*r[2] + w/2*r[8], f*r[5] + h/2*r[8], r[8]}
	}
	place()
	for range 60 { // farther until it fits
		x0, y0, x1, y1 := p.bounds(reach)
		if x1-x0 < 0.92*w && y1-y0 < 0.92*h {
			break
		}
		depth *= 1.05
		place()
	}
	for range 3 { // then to its place; perspective makes that a matter of a few steps
		x0, y0, x1, y1 := p.bounds(reach)
		wantX := w/2 + s.OffX*max(0, (w-(x1-x0))/2-6)
		wantY := h/2 + s.OffY*max(0, (h-(y1-y0))/2-6)
		x += (wantX - (x0+x1)/2) * depth / f
		y += (wantY - (y0+y1)/2) * depth / f
		place()
	}
	p.from = invert(p.to)
	for i := range 3 { // the camera seen from the phone: the rotation is undone by its transpose
		p.eye[i] = -(r[i]*x + r[3+i]*y + r[6+i]*depth)
		p.rayX[i], p.rayY[i] = r[i]/f, r[3+i]/f
		p.ray0[i] = r[6+i] - w/2*p.rayX[i] - h/2*p.rayY[i]
	}
	return p
}

// hit is where the ray through a place of the frame meets the phone or the sheet; page is where that
// has something on it.
func (p *pose) hit(x, y float64, page rect) (t touch, ok bool) {
	if p.bend != nil {
		return p.bend.hit(p, x, y, page)
	}
	m := &p.from
	d := m[6]*x + m[7]*y + m[8]
	if d <= 0 { // behind the horizon of the phone's plane
		return touch{}, false
	}
	u, v := (m[0]*x+m[1]*y+m[2])/d, (m[3]*x+m[4]*y+m[5])/d
	// what one pixel covers, from the derivatives of the mapping
	return touch{
		u: u, v: v, normal: [3]float64{0, 0, -1}, front: true,
		du: math.Hypot(m[0]-u*m[6], m[1]-u*m[7]) / d,
		dv: math.Hypot(m[3]-v*m[6], m[4]-v*m[7]) / d,
	}, true
}

// ray is the direction in which the camera sees a place of the frame.
func (p *pose) ray(x, y float64) (d [3]float64) {
	for i := range d {
		d[i] = p.ray0[i] + x*p.rayX[i] + y*p.rayY[i]
	}
	return d
}

// project gives the pixel where a place on the phone is seen, and its distance; that is 0 or less
// behind the camera.
func (p *pose) project(u, v float64) (x, y, distance float64) {
	x, y, distance = p.to[0]*u+p.to[1]*v+p.to[2], p.to[3]*u+p.to[4]*v+p.to[5], p.to[6]*u+p.to[7]*v+p.to[8]
	if p.bend != nil {
		bu, bv, z := p.bend.point(u, v)
		x = p.to[0]*bu + p.to[1]*bv + p.lift[0]*z + p.to[2]
		y = p.to[3]*bu + p.to[4]*bv + p.lift[1]*z + p.to[5]
		distance = p.to[6]*bu + p.to[7]*bv + p.lift[2]*z + p.to[8]
	}
	return x / distance, y / distance, distance
}

// steps is how finely the outline of a bent rectangle is followed.
const steps = 8

// each calls do for the corners of a rectangle or, if the sheet is bent, for a grid of places on it.
func (p *pose) each(r rect, do func(x, y, distance float64)) {
	n := 1
	if p.bend != nil {
		n = steps
	}
	for j := range n + 1 {
		for i := range n + 1 {
			do(p.project(r.u0+(r.u1-r.u0)*float64(i)/float64(n), r.v0+(r.v1-r.v0)*float64(j)/float64(n)))
		}
	}
}

// bounds is the box of pixels that holds a rectangle of the phone.
func (p *pose) bounds(r rect) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	p.each(r, func(x, y, _ float64) {
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
	})
	return x0, y0, x1, y1
}

// box is bounds in whole pixels with a margin, cut to the frame. A plane that reaches behind the
// camera fills the frame.
func (p *pose) box(r rect, margin float64, size image.Point) image.Rectangle {
	frame := image.Rectangle{Max: size}
	near := math.Inf(1)
	p.each(r, func(_, _, distance float64) { near = min(near, distance) })
	if near <= 1 {
		return frame
	}
	x0, y0, x1, y1 := p.bounds(r)
	clamp := func(v float64, n int) int { return int(min(max(v, 0), float64(n))) }
	return image.Rect(clamp(x0-margin, size.X), clamp(y0-margin, size.Y), clamp(x1+margin+1, size.X), clamp(y1+margin+1, size.Y)).Intersect(frame)
}

// rotation is Rx(pitch)·Ry(yaw)·Rz(roll), row by row, angles in degrees.
func rotation(roll, yaw, pitch float64) [9]float64 {
	sr, cr := math.Sincos(roll * math.Pi / 180)
	sy, cy := math.Sincos(yaw * math.Pi / 180)
	sp, cp := math.Sincos(pitch * math.Pi / 180)
	return multiply(
		[9]float64{1, 0, 0, 0, cp, -sp, 0, sp, cp},
		multiply([9]float64{cy, 0, sy, 0, 1, 0, -sy, 0, cy}, [9]float64{cr, -sr, 0, sr, cr, 0, 0, 0, 1}))
}

func multiply(a, b [9]float64) (c [9]float64) {
	for i := range 3 {
		for j := range 3 {
			c[3*i+j] = a[3*i]*b[j] + a[3*i+1]*b[3+j] + a[3*i+2]*b[6+j]
		}
	}
	return c
}

func invert(m [9]float64) [9]float64 {
	a := m[4]*m[8] - m[5]*m[7]
	b := m[5]*m[6] - m[3]*m[8]
	c := m[3]*m[7] - m[4]*m[6]
	d := m[0]*a + m[1]*b + m[2]*c
	return [9]float64{
		a / d, (m[2]*m[7] - m[1]*m[8]) / d, (m[1]*m[5] - m[2]*m[4]) / d,
		b / d, (m[0]*m[8] - m[2]*m[6]) / d, (m[2]*m[3] - m[0]*m[5]) / d,
		c / d, (m[1]*m[6] - m[0]*m[7]) / d, (m[0]*m[4] - m[1]*m[3]) / d,
	}
}
