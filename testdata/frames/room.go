package frames

import (
	"math"
	"math/rand/v2"
)

// roomScale is how much coarser than the frame the room is kept: it is out of focus anyway.
const roomScale = 4

// room is what stands behind the phone, in linear light.
type room struct {
	w, h  int
	light []float32
}

// build lays out walls, people and stripes by lot.
func (m *room) build(s Scene, rng *rand.Rand) {
	m.w, m.h = s.Size.X/roomScale+2, s.Size.Y/roomScale+2
	if n := m.w * m.h; cap(m.light) < n {
		m.light = make([]float32, n)
	}
	m.light = m.light[:m.w*m.h]
	unit := float64(m.w) / 160
	noise := rng.Uint32()
	for y := range m.h {
		for x := range m.w {
			fx, fy := float64(x)/unit, float64(y)/unit
			v := 0.25 + 0.5*lattice(fx/22, fy/22, noise) + 0.25*lattice(fx/5, fy/5, noise+1) + 0.1*lattice(fx, fy, noise+2)
			m.light[y*m.w+x] = float32(v * s.Ambient)
		}
	}
	for range 10 + rng.IntN(16) {
		m.shade(rng.Float64(), rng.Float64(), 0.01+0.2*rng.Float64(), 0.01+0.25*rng.Float64(), 0.1+rng.Float64()*1.4)
	}
	if rng.Float64() < 0.35 {
		m.stripes(0.01+0.03*rng.Float64(), 0.5+0.3*rng.Float64())
	}
}

// shade multiplies the light of a rectangle, given in shares of the frame.
func (m *room) shade(x, y, w, h, by float64) {
	x0, y0 := int(x*float64(m.w)), int(y*float64(m.h))
	x1, y1 := min(m.w, x0+1+int(w*float64(m.w))), min(m.h, y0+1+int(h*float64(m.h)))
	for j := y0; j < y1; j++ {
		for i := x0; i < x1; i++ {
			m.light[j*m.w+i] *= float32(by)
		}
	}
}

// stripes darkens slanting stripes below a height: a shirt, a fence.
func (m *room) stripes(period, from float64) {
	p := max(2, period*float64(m.w))
	for y := int(from * float64(m.h)); y < m.h; y++ {
		for x := range m.w {
			if math.Mod(float64(x)+0.4*float64(y), p) < p/2 {
				m.light[y*m.w+x] *= 0.35
			}
		}
	}
}

// paint fills the frame with the room, smoothly enlarged, and darkens its corners as lenses do.
func (m *room) paint(out []float32, w, h int) {
	for y := range h {
		fy := (float32(y) + 0.5) / roomScale
		yi := int(fy)
		fy -= float32(yi)
		a, b := m.light[yi*m.w:(yi+1)*m.w], m.light[(yi+1)*m.w:(yi+2)*m.w]
		row := out[y*w : (y+1)*w]
		for x := range row {
			fx := (float32(x) + 0.5) / roomScale
			xi := int(fx)
			fx -= float32(xi)
			top := a[xi] + (a[xi+1]-a[xi])*fx
			low := b[xi] + (b[xi+1]-b[xi])*fx
			row[x] = top + (low-top)*fy
		}
	}
}

// lattice is smooth noise, 0 to 1, with one random value at each whole (x, y).
func lattice(x, y float64, seed uint32) float64 {
	xf, yf := math.Floor(x), math.Floor(y)
	fx, fy := x-xf, y-yf
	fx, fy = fx*fx*(3-2*fx), fy*fy*(3-2*fy)
	xi, yi := uint32(int32(xf)), uint32(int32(yf))
	a := hash(xi, yi, seed)*(1-fx) + hash(xi+1, yi, seed)*fx
	b := hash(xi, yi+1, seed)*(1-fx) + hash(xi+1, yi+1, seed)*fx
	return a*(1-fy) + b*fy
}

func hash(x, y, seed uint32) float64 {
	h := x*0x9E3779B1 ^ y*0x85EBCA77 ^ seed*0xC2B2AE3D
	h = (h ^ h>>15) * 0x2C1B3C6D
	h = (h ^ h>>12) * 0x297A2D39
	h ^= h >> 15
	return float64(h) / (1 << 32)
}
