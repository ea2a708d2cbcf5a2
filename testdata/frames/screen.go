package frames

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// screen is the phone's face or a sheet of paper: what it emits or throws back, 0 to 1, on a fine grid,
// kept as sums over rectangles so that the light a camera pixel gathers is had from four places.
type screen struct {
	u0, v0, u1, v1 float64 // edges of the glass in millimetres from the code's centre
	texel          float64 // millimetres
	w, h           int
	light          []uint16 // 0 to one
	sums           []uint32 // (w+1)×(h+1); wraps around, differences do not
}

// one is full light in the grid's numbers.
const one = 4095

// texelsPerModule is the fineness of the grid.
const texelsPerModule = 8

// texelsMost is how large a grid may be: far more than any sensible scene needs.
const texelsMost = 1 << 25

// lay makes an empty grid over a rectangle in millimetres.
func (c *screen) lay(u0, v0, u1, v1, texel float64) error {
	c.u0, c.v0, c.u1, c.v1, c.texel = u0, v0, u1, v1, texel
	w, h := (u1-u0)/texel+1, (v1-v0)/texel+1
	if w*h > texelsMost {
		return fmt.Errorf("%w: modules of %.3f mm on a page of %.0f by %.0f mm", ErrScene, texel*texelsPerModule, u1-u0, v1-v0)
	}
	c.w, c.h = int(w), int(h)
	if n := c.w * c.h; cap(c.light) < n {
		c.light = make([]uint16, n)
	}
	c.light = c.light[:c.w*c.h]
	clear(c.light)
	return nil
}

// build lays out the page: bars, text, pictures, the code with its quiet zone, cracks.
func (c *screen) build(s Scene, code *Code, rng *rand.Rand) error {
	modules := 49.0
	if code != nil {
		modules = float64(code.Side)
	}
	module := s.CodeMM / modules
	half := s.CodeMM / 2
	wide := max(half+5*module, 33+rng.Float64()*3)
	bezel := 2 + rng.Float64()
	v0, v1 := -half-34-rng.Float64()*14, half+34+rng.Float64()*26
	if err := c.lay(-wide-bezel, v0, wide+bezel, v1, module/texelsPerModule); err != nil {
		return err
	}

	paper, ink := 0.85, 0.05
	if s.DarkUI {
		paper, ink = 0.015, 0.7
	}
	left, top, right, bottom := -wide, c.v0+bezel, wide, c.v1-bezel
	c.rect(left, top, right, bottom, paper)
	c.rect(left, top, right, top+9, 0.1+rng.Float64()*0.3)
	quiet := half + s.Quiet*module
	c.text(rng, left+4, top+12, right-8, -quiet-3, 2.2, ink)
	c.text(rng, left+4, quiet+4, right-8, bottom-10, 1.6+rng.Float64()*1.5, ink)
	if rng.Float64() < 0.6 {
		c.rect(left+6, bottom-8, right-6, bottom-2, 0.3+rng.Float64()*0.3)
	}
	if code == nil {
		c.decoy(rng, half, ink)
	} else {
		c.code(code, -half, -half, s.Quiet, 1, 0.004, s.Inverted)
	}
	for range s.Cracks {
		c.crack(rng, s.CodeMM)
	}
	c.sum()
	return nil
}

// rect fills a rectangle given in millimetres.
func (c *screen) rect(u0, v0, u1, v1, light float64) {
	x0, x1 := max(0, int((u0-c.u0)/c.texel)), min(c.w, int((u1-c.u0)/c.texel))
	y0, y1 := max(0, int((v0-c.v0)/c.texel)), min(c.h, int((v1-c.v0)/c.texel))
	level := uint16(light * one)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			c.light[y*c.w+x] = level
		}
	}
}

// text fills a rectangle with what looks like lines of letters of that height.
func (c *screen) text(rng *rand.Rand, u0, v0, u1, v1, height, ink float64) {
	for v := v0; v+height < v1; v += height * 2.1 {
		end := u0 + (u1-u0)*(0.5+rng.Float64()*0.5)
		for u := u0; u < end; {
			w := height * (0.2 + rng.Float64()*0.5)
			if rng.Float64() < 0.85 {
				c.rect(u, v+height*0.25*rng.Float64(), u+w, v+height*(0.8+0.2*rng.Float64()), ink)
			}
			u += w + height*(0.12+0.25*rng.Float64())
		}
	}
}

// decoy draws what phones show instead of a QR code: text, a seat map, a bar code.
func (c *screen) decoy(rng *rand.Rand, half, ink float64) {
	switch rng.IntN(3) {
	case 0:
		c.text(rng, -half, -half, half, half, 2.4, ink)
	case 1:
		g := 2 + rng.Float64()*2
		for v := -half; v < half; v += g {
			for u := -half; u < half; u += g {
				if rng.Float64() < 0.6 {
					c.rect(u, v, u+g*0.8, v+g*0.8, rng.Float64()*0.6)
				}
			}
		}
	default:
		c.rect(-half, -half/2, half, half/2, 0.9)
		for u := -half + 4; u < half-4; u += 1.6 {
			c.rect(u, -half/2.5, u+0.4+rng.Float64()*0.9, half/2.5, 0.02)
		}
	}
}

// code draws a code whose upper left corner is at (u, v), and its quiet zone of so many modules.
func (c *screen) code(code *Code, u, v, quiet, light, dark float64, inverted bool) {
	if inverted {
		dark, light = light, dark
	}
	margin, side := quiet*c.texel*texelsPerModule, float64(code.Side)*c.texel*texelsPerModule
	c.rect(u-margin, v-margin, u+side+margin, v+side+margin, light)
	x0, y0 := int((u-c.u0)/c.texel), int((v-c.v0)/c.texel)
	level := uint16(dark * one)
	for my := range code.Side {
		for mx := range code.Side {
			if !code.Dark(mx, my) {
				continue
			}
			for y := range texelsPerModule {
				row := c.light[(y0+my*texelsPerModule+y)*c.w+x0+mx*texelsPerModule:]
				for x := range texelsPerModule {
					row[x] = level
				}
			}
		}
	}
}

// crack draws a bent line across the code, dark or bright.
func (c *screen) crack(rng *rand.Rand, side float64) {
	u, v := (rng.Float64()-0.5)*side, (rng.Float64()-0.5)*side
	angle, light, width := rng.Float64()*2*math.Pi, 0.02, 0.12+0.25*rng.Float64()
	if rng.Float64() < 0.5 {
		light = 1
	}
	for range 8 {
		angle += (rng.Float64() - 0.5) * 0.9
		n := int(side * (0.06 + 0.12*rng.Float64()) / 0.1)
		for range n {
			u, v = u+0.1*math.Cos(angle), v+0.1*math.Sin(angle)
			c.rect(u-width/2, v-width/2, u+width/2, v+width/2, light)
		}
	}
}

// sum prepares sums over rectangles.
func (c *screen) sum() {
	stride := c.w + 1
	if n := stride * (c.h + 1); cap(c.sums) < n {
		c.sums = make([]uint32, n)
	}
	c.sums = c.sums[:stride*(c.h+1)]
	clear(c.sums[:stride])
	for y := range c.h {
		row := uint32(0)
		above, here := c.sums[y*stride:(y+1)*stride], c.sums[(y+1)*stride:(y+2)*stride]
		here[0] = 0
		for x, v := range c.light[y*c.w : (y+1)*c.w] {
			row += uint32(v)
			here[x+1] = above[x+1] + row
		}
	}
}

// gather is the mean light in a rectangle of du by dv millimetres around (u, v).
func (c *screen) gather(u, v, du, dv float64) float64 {
	x0, y0 := (u-du/2-c.u0)/c.texel, (v-dv/2-c.v0)/c.texel
	x1, y1 := x0+du/c.texel, y0+dv/c.texel
	x0, x1 = min(max(x0, 0), float64(c.w)-0.01), min(max(x1, 0), float64(c.w)-0.001)
	y0, y1 = min(max(y0, 0), float64(c.h)-0.01), min(max(y1, 0), float64(c.h)-0.001)
	area := (x1 - x0) * (y1 - y0)
	if !(area >= 1e-6) { // also for no number
		return 0
	}
	// The four corners are taken relative to the first, so that wrapping sums do no harm.
	base := c.sums[int(y0)*(c.w+1)+int(x0)]
	sum := c.corner(x1, y1, base) - c.corner(x0, y1, base) - c.corner(x1, y0, base) + c.corner(x0, y0, base)
	return sum / (area * one)
}

// corner is the sum of light left of x and above y, between grid points by interpolation.
func (c *screen) corner(x, y float64, base uint32) float64 {
	xi, yi := int(x), int(y)
	fx, fy := x-float64(xi), y-float64(yi)
	i := yi*(c.w+1) + xi
	a, b := float64(c.sums[i]-base), float64(c.sums[i+1]-base)
	d, e := float64(c.sums[i+c.w+1]-base), float64(c.sums[i+c.w+2]-base)
	return (a*(1-fx)+b*fx)*(1-fy) + (d*(1-fx)+e*fx)*fy
}
