package frames

import (
	"image"
	"math"
)

// pose maps the phone's plane, in millimetres from the code's centre, to the frame and back.
type pose struct {
	to   [9]float64 // millimetres to pixels, row by row
	from [9]float64 // pixels to millimetres
}

// fieldOfView is the horizontal angle of the camera in degrees.
const fieldOfView = 60

// pose puts the phone where the scene wants it. modules is the side of the code.
func (s Scene) pose(modules float64) pose {
	w, h := float64(s.Size.X), float64(s.Size.Y)
	f := w / 2 / math.Tan(fieldOfView/2*math.Pi/180)
	r := rotation(s.Roll, s.Yaw, s.Pitch)
	depth := f * s.CodeMM / (s.ModulePX * modules)
	var p pose
	x, y := 0.0, 0.0
	place := func() {
		// K [r1 r2 t] with the principal point in the middle of the frame
		for i, c := range [3][3]float64{{r[0], r[3], r[6]}, {r[1], r[4], r[7]}, {x, y, depth}} {
			p.to[i] = f*c[0] + w/2*c[2]
			p.to[3+i] = f*c[1] + h/2*c[2]
			p.to[6+i] = c[2]
		}
	}
	place()
	half := s.CodeMM / 2
	for range 60 { // farther until it fits
		x0, y0, x1, y1 := p.bounds(-half, -half, half, half)
		if x1-x0 < 0.92*w && y1-y0 < 0.92*h {
			break
		}
		depth *= 1.05
		place()
	}
	for range 3 { // then to its place; perspective makes that a matter of a few steps
		x0, y0, x1, y1 := p.bounds(-half, -half, half, half)
		wantX := w/2 + s.OffX*max(0, (w-(x1-x0))/2-6)
		wantY := h/2 + s.OffY*max(0, (h-(y1-y0))/2-6)
		x += (wantX - (x0+x1)/2) * depth / f
		y += (wantY - (y0+y1)/2) * depth / f
		place()
	}
	p.from = invert(p.to)
	return p
}

// project gives the pixel where a place on the phone is seen.
func (p *pose) project(u, v float64) (x, y float64) {
	d := p.to[6]*u + p.to[7]*v + p.to[8]
	return (p.to[0]*u + p.to[1]*v + p.to[2]) / d, (p.to[3]*u + p.to[4]*v + p.to[5]) / d
}

// bounds is the box of pixels that holds a rectangle of the phone.
func (p *pose) bounds(u0, v0, u1, v1 float64) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, c := range [4][2]float64{{u0, v0}, {u1, v0}, {u1, v1}, {u0, v1}} {
		x, y := p.project(c[0], c[1])
		x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
	}
	return x0, y0, x1, y1
}

// box is bounds in whole pixels with a margin, cut to the frame. A plane that reaches behind the
// camera fills the frame.
func (p *pose) box(u0, v0, u1, v1, margin float64, size image.Point) image.Rectangle {
	frame := image.Rectangle{Max: size}
	for _, c := range [4][2]float64{{u0, v0}, {u1, v0}, {u1, v1}, {u0, v1}} {
		if p.to[6]*c[0]+p.to[7]*c[1]+p.to[8] <= 1 {
			return frame
		}
	}
	x0, y0, x1, y1 := p.bounds(u0, v0, u1, v1)
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
