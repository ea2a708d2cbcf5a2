package frames

import (
	"math"
	"math/rand/v2"
)

// Paper gives back the room's light instead of its own: what it does not swallow, as matt as it is.
const (
	paperWhite = 0.82
	paperInk   = 0.05
)

// print lays out a sheet: a heading, lines of text, the code and beside it the second one, if any.
func (c *screen) print(s Scene, code, second *Code, rng *rand.Rand) error {
	modules := 49.0
	if code != nil {
		modules = float64(code.Side)
	}
	module, half := s.CodeMM/modules, s.CodeMM/2
	quiet := half + s.Quiet*module
	left := quiet + 4 + rng.Float64()*14
	right := quiet + 4 + rng.Float64()*14
	low := quiet
	at, side := 0.0, 0.0
	if second != nil {
		at, side = s.second(code, second)
		right, low = at+side+s.Quiet*module+4+rng.Float64()*8, max(low, side-half+s.Quiet*module)
	}
	err := c.lay(-left, -quiet-14-rng.Float64()*20, right, low+10+rng.Float64()*25, module/texelsPerModule)
	if err != nil {
		return err
	}
	c.rect(c.u0, c.v0, c.u1, c.v1, paperWhite)
	c.rect(c.u0+4, c.v0+3, c.u0+4+(c.u1-c.u0)*(0.3+0.4*rng.Float64()), c.v0+7, 0.1+0.3*rng.Float64())
	c.text(rng, c.u0+4, c.v0+9, c.u1-4, -quiet-1, 1.8, paperInk)
	c.text(rng, c.u0+4, low+2, c.u1-4, c.v1-3, 1.4+rng.Float64()*1.2, paperInk)
	if code == nil {
		c.decoy(rng, half, paperInk)
	} else {
		c.code(code, -half, -half, s.Quiet, paperWhite, paperInk, s.Inverted)
	}
	if second != nil {
		c.code(second, at, -half, s.Quiet, paperWhite, paperInk, s.Inverted)
	}
	c.sum()
	return nil
}

// second is where the second code begins to the right of the first, and its side, in millimetres.
// Its modules are as large as the first's, and both have their quiet zone.
func (s Scene) second(code, second *Code) (at, side float64) {
	if code == nil || second == nil {
		return 0, 0
	}
	module := s.CodeMM / float64(code.Side)
	return s.CodeMM/2 + math.Ceil(2*s.Quiet+4)*module, float64(second.Side) * module
}

// lamp lights a sheet in the room.
type lamp struct {
	towards [3]float64 // on the sheet's plane, length 1
	light   float64
	shade   uint32 // of the shadows
}

// newLamp hangs a lamp above the camera's side of the sheet.
func newLamp(s Scene, rng *rand.Rand) lamp {
	x, y, z := rng.Float64()*1.2-0.6, -0.4-rng.Float64()*0.5, -0.5-rng.Float64()*0.5
	n := math.Sqrt(x*x + y*y + z*z)
	r := rotation(s.Roll, s.Yaw, s.Pitch)
	l := lamp{light: s.Ambient, shade: rng.Uint32()}
	for i := range 3 {
		l.towards[i] = (r[i]*x + r[3+i]*y + r[6+i]*z) / n
	}
	return l
}

// on is the light that falls on a place of a sheet: what comes from everywhere, and the lamp's share
// by the angle, with soft shadows.
func (l *lamp) on(t *touch) float64 {
	falls := max(0, t.normal[0]*l.towards[0]+t.normal[1]*l.towards[1]+t.normal[2]*l.towards[2])
	return l.light * (0.4 + 0.8*falls) * (0.85 + 0.3*lattice(t.u/35, t.v/35, l.shade))
}
