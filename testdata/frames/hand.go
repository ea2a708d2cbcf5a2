package frames

import (
	"math"
	"math/rand/v2"
)

// limb is a finger, a thumb or a forearm: a rounded stroke in millimetres on the phone's plane.
type limb struct {
	u0, v0, u1, v1 float64
	radius         float64
	light          float64 // share of the room's light that it throws back
}

// hand holds the phone: what lies under it, what lies over its edges, and a finger over the code.
type hand struct{ under, over, tip []limb }

// grip draws a hand by lot, left or right.
func grip(c *screen, rng *rand.Rand) hand {
	side := 1.0
	if rng.Float64() < 0.5 {
		side = -1
	}
	edge, bottom := c.u1, c.v1
	skin, sleeve := 0.35+0.3*rng.Float64(), 0.05+0.5*rng.Float64()
	h := hand{under: []limb{
		{side * 20, bottom + 25, side * 45, bottom + 230, 42, sleeve},
		{side * 10, bottom - 25, side * 22, bottom + 30, 38, skin * 0.8},
	}}
	low := bottom - 16 - rng.Float64()*10
	h.over = append(h.over, limb{side * (edge + 12), low + 22, side * (edge + 1), low - 12, 9.5, skin})
	for i := range 4 {
		v := low - 8 - float64(i)*19
		h.over = append(h.over, limb{-side * (edge + 14), v + 2, -side * (edge + 4), v, 8, skin * (0.85 + 0.15*rng.Float64())})
	}
	return h
}

// point lays a finger over one edge of the code. depth is how far it reaches in, a share of the side.
func (h *hand) point(depth, side float64, rng *rand.Rand) {
	const radius = 8
	along, in := (0.2+0.6*rng.Float64()-0.5)*side, side/2-depth*side+radius
	skin := 0.35 + 0.2*rng.Float64()
	sin, cos := math.Sincos(float64(rng.IntN(4)) * math.Pi / 2)
	slant := (rng.Float64() - 0.5) * 40
	turn := func(x, y float64) (float64, float64) { return x*cos - y*sin, x*sin + y*cos }
	u0, v0 := turn(in+60, along+slant)
	u1, v1 := turn(in, along)
	h.tip = []limb{{u0, v0, u1, v1, radius, skin}}
}

// cover puts limbs over a pixel of some light.
func cover(limbs []limb, value, ambient float64, t *touch) float64 {
	if shine, part := at(limbs, t.u, t.v, t.du); part > 0 {
		value += (shine*ambient - value) * part
	}
	return value
}

// at is the light that limbs throw back at (u, v) per light of the room, and how much of the place
// they cover. soft is the width of an edge in millimetres.
func at(limbs []limb, u, v, soft float64) (light, cover float64) {
	for i := range limbs {
		l := &limbs[i]
		du, dv := l.u1-l.u0, l.v1-l.v0
		k := min(max(((u-l.u0)*du+(v-l.v0)*dv)/(du*du+dv*dv), 0), 1)
		eu, ev := u-l.u0-k*du, v-l.v0-k*dv
		d2 := eu*eu + ev*ev
		if r := l.radius + soft; d2 >= r*r {
			continue
		}
		d := math.Sqrt(d2)
		c := min(1, (l.radius+soft/2-d)/soft)
		if c <= cover {
			continue
		}
		round := d / l.radius
		cover, light = c, l.light*(1.05-0.55*round*round*round)
	}
	return light, cover
}
