package frames

import "math"

// bend is the shape of a sheet rolled about an axis in its plane: an arc, and beyond its ends the
// tangents. A place (u, v) on the unrolled sheet has the arc length a along the way it is bent and
// b along the axis; x, y, z are millimetres, z away from the camera when the sheet faces it.
type bend struct {
	radius   float64 // millimetres; positive bulges towards the camera, negative is hollow
	end      float64 // arc length at which the arc ends, on either side
	sin, cos float64 // of the angle from u to a
}

// newBend rolls a sheet so that its code turns by degrees from its one edge to the other.
func newBend(degrees, direction, codeMM float64) bend {
	radius := codeMM / (degrees * math.Pi / 180)
	sin, cos := math.Sincos(direction * math.Pi / 180)
	return bend{radius: radius, end: math.Abs(radius) * farthestTurn, sin: sin, cos: cos}
}

// farthestTurn is the angle in radians at which a bent sheet goes on straight.
const farthestTurn = 1.2

// point is the place in space of (u, v).
func (b *bend) point(u, v float64) (x, y, z float64) {
	a, along := u*b.cos+v*b.sin, v*b.cos-u*b.sin
	on := min(max(a, -b.end), b.end)
	sin, cos := math.Sincos(on / b.radius)
	p, z := b.radius*sin+(a-on)*cos, b.radius*(1-cos)+(a-on)*sin
	return p*b.cos - along*b.sin, p*b.sin + along*b.cos, z
}

// touch is where a ray meets the sheet.
type touch struct {
	u, v   float64
	du, dv float64    // how much of the sheet one pixel covers
	normal [3]float64 // towards the side that is printed
	front  bool       // that side is seen
}

// hit finds where the ray through a pixel first meets the sheet within the rectangle, or, if it
// meets none of that, the sheet's continuation.
func (b *bend) hit(p *pose, px, py float64, page rect) (touch, bool) {
	d := p.ray(px, py)
	oa, ob, oz := p.eye[0]*b.cos+p.eye[1]*b.sin, p.eye[1]*b.cos-p.eye[0]*b.sin, p.eye[2]
	da, db, dz := d[0]*b.cos+d[1]*b.sin, d[1]*b.cos-d[0]*b.sin, d[2]
	best, inside, found := 0.0, false, false
	var at, angle, along float64
	offer := func(t, a float64) {
		if t <= 0 || math.IsNaN(t) || math.IsInf(t, 0) {
			return
		}
		w := ob + t*db
		u, v := a*b.cos-w*b.sin, a*b.sin+w*b.cos
		in := u >= page.u0 && u <= page.u1 && v >= page.v0 && v <= page.v1
		if found && (inside && !in || inside == in && best <= t) {
			return
		}
		best, inside, found = t, in, true
		at, along, angle = a, w, min(max(a, -b.end), b.end)/b.radius
	}
	// the arc: (oa+t·da)² + (oz+t·dz-radius)² = radius²
	h := oz - b.radius
	qa, qb, qc := da*da+dz*dz, oa*da+h*dz, oa*oa+h*h-b.radius*b.radius
	if root := qb*qb - qa*qc; root >= 0 && qa > 0 {
		root = math.Sqrt(root)
		for _, t := range [2]float64{(-qb - root) / qa, (-qb + root) / qa} {
			sign := math.Copysign(1, b.radius)
			a := b.radius * math.Atan2((oa+t*da)*sign, -(h+t*dz)*sign)
			if math.Abs(a) <= b.end {
				offer(t, a)
			}
		}
	}
	for _, end := range [2]float64{-b.end, b.end} { // the tangents
		sin, cos := math.Sincos(end / b.radius)
		pa, pz := b.radius*sin-oa, b.radius*(1-cos)-oz
		if det := dz*cos - da*sin; det != 0 {
			t, k := (pz*cos-pa*sin)/det, (da*pz-dz*pa)/det
			if k*end > 0 {
				offer(t, end+k)
			}
		}
	}
	if !found {
		return touch{}, false
	}
	sin, cos := math.Sincos(angle)
	r := touch{u: at*b.cos - along*b.sin, v: at*b.sin + along*b.cos, normal: [3]float64{sin * b.cos, sin * b.sin, -cos}}
	facing := -sin*da + cos*dz // along the normal that points away from the camera
	r.front = facing > 0
	if math.Abs(facing) < 1e-9 {
		return touch{}, false
	}
	// what one pixel covers: the ray's change, slid along itself onto the tangent plane
	for _, c := range [2][3]float64{p.rayX, p.rayY} {
		ca, cb, cz := c[0]*b.cos+c[1]*b.sin, c[1]*b.cos-c[0]*b.sin, c[2]
		slide := (-sin*ca + cos*cz) / facing
		ea, eb := best*((ca-slide*da)*cos+(cz-slide*dz)*sin), best*(cb-slide*db)
		r.du = math.Hypot(r.du, ea*b.cos-eb*b.sin)
		r.dv = math.Hypot(r.dv, ea*b.sin+eb*b.cos)
	}
	return r, true
}
