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

// hand holds the phone: what lies under it and what lies over its edges.
type hand struct{ under, over []limb }

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
