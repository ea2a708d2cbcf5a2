package frames

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
)

// Renderer renders scenes. It keeps its buffers, and the pages of the last scene in case the next
// is another shot of them. One goroutine at a time.
type Renderer struct {
	sensor *sensor
	room   room
	held   []*held
	last   []Scene // the pages that room and held were built for
	img    []float32
	tmp    []float32
}

// held is a phone or a sheet in a hand.
type held struct {
	code, second *Code
	face         screen
	hand         hand
}

// NewRenderer makes a Renderer.
func NewRenderer() *Renderer { return &Renderer{sensor: newSensor()} }

// Render draws one frame of profile p, a shorthand for tests.
func Render(p Profile, seed uint64, size image.Point, text string) (*image.Gray, error) {
	return NewRenderer().Gray(p.Scene(seed, size, text))
}

// Gray renders a scene to gray pixels. With a Quality the pixels went through a JPEG.
// Errors wrap ErrScene or ErrText.
func (r *Renderer) Gray(s Scene) (*image.Gray, error) {
	if s.Quality == 0 {
		return r.expose(s)
	}
	data, err := r.JPEG(s)
	if err != nil {
		return nil, err
	}
	decoded, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode our own frame: %w", err)
	}
	gray, ok := decoded.(*image.Gray)
	if !ok {
		return nil, fmt.Errorf("decode our own frame: got a %T", decoded)
	}
	return gray, nil
}

// JPEG renders a scene as the gray JPEG that a camera sends, of the scene's Quality or 90.
// Errors wrap ErrScene or ErrText.
func (r *Renderer) JPEG(s Scene) ([]byte, error) {
	gray, err := r.expose(s)
	if err != nil {
		return nil, err
	}
	quality := s.Quality
	if quality == 0 {
		quality = 90
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, gray, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	return buf.Bytes(), nil
}

func (r *Renderer) expose(s Scene) (*image.Gray, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	parts := s.parts()
	if err := r.build(parts); err != nil {
		return nil, err
	}
	w, h := s.Size.X, s.Size.Y
	if cap(r.img) < w*h {
		r.img, r.tmp = make([]float32, w*h), make([]float32, w*h)
	}
	r.img, r.tmp = r.img[:w*h], r.tmp[:w*h]
	r.room.paint(r.img, w, h)
	if !s.NoPhone {
		var moved image.Rectangle
		for i := range parts {
			moved = moved.Union(r.draw(r.held[i], parts[i]))
		}
		blur(r.img, r.tmp, w, moved, s.Defocus)
		smear(r.img, r.tmp, w, moved, s.Motion, s.MotionDir)
	}
	veil(r.img, w, h, s.Bloom)
	out := image.NewGray(image.Rect(0, 0, w, h))
	r.sensor.expose(r.img, s, out)
	return out, nil
}

// build lays out what the scene shows unless the last scene showed the same.
func (r *Renderer) build(parts []Scene) error {
	pages := make([]Scene, len(parts))
	for i := range parts {
		pages[i] = parts[i].page()
	}
	if slices.Equal(r.last, pages) {
		return nil
	}
	r.last = nil
	r.room.build(parts[0], rand.New(rand.NewPCG(parts[0].Seed, 11)))
	for i, s := range parts {
		if len(r.held) == i {
			r.held = append(r.held, &held{})
		}
		if err := r.held[i].build(s); err != nil {
			return err
		}
	}
	r.last = pages
	return nil
}

func (h *held) build(s Scene) error {
	if s.NoPhone {
		return nil
	}
	var err error
	h.code, h.second = nil, nil
	if s.Text != "" {
		if h.code, err = EncodeAt(s.Text, s.Level); err != nil {
			return err
		}
	}
	if s.Second != "" {
		if h.second, err = EncodeAt(s.Second, s.Level); err != nil {
			return err
		}
	}
	rng := rand.New(rand.NewPCG(s.Seed, 13))
	switch {
	case s.Picture != nil:
		h.face.show(s.Picture, s.CodeMM)
	case s.Paper:
		err = h.face.print(s, h.code, h.second, rng)
	default:
		err = h.face.build(s, h.code, rng)
	}
	if err != nil {
		return err
	}
	h.hand = grip(&h.face, rand.New(rand.NewPCG(s.Seed, 15)))
	if s.Finger > 0 {
		h.hand.point(s.Finger, s.CodeMM, rand.New(rand.NewPCG(s.Seed, 19)))
	}
	return nil
}

// page is the scene without what may change from shot to shot of the same page.
func (s Scene) page() Scene {
	return Scene{
		Seed: s.Seed, Size: s.Size, Text: s.Text, Level: s.Level, Second: s.Second, Picture: s.Picture, Paper: s.Paper,
		NoPhone: s.NoPhone, CodeMM: s.CodeMM, Quiet: s.Quiet,
		Inverted: s.Inverted, DarkUI: s.DarkUI, Cracks: s.Cracks, Finger: s.Finger, Ambient: s.Ambient,
	}
}

// draw draws what one hand holds over the room, and the lamps that it mirrors. It returns the part
// of the frame that is out of focus and moves.
func (r *Renderer) draw(h *held, s Scene) image.Rectangle {
	modules, half := 49.0, s.CodeMM/2
	switch {
	case s.Picture != nil:
		modules = float64(s.Picture.Modules)
	case h.code != nil:
		modules = float64(h.code.Side)
	}
	reach := rect{-half, -half, half, half}
	if h.second != nil {
		at, side := s.second(h.code, h.second)
		reach.u1, reach.v1 = at+side, max(half, side-half)
	}
	p := s.pose(modules, reach)
	c := &h.face
	rng := rand.New(rand.NewPCG(s.Seed, 17))
	light := newLighting(s, rng)
	whole := p.box(rect{c.u0 - 70, c.v0 - 10, c.u1 + 70, c.v1 + 240}, 4, s.Size)
	for y := whole.Min.Y; y < whole.Max.Y; y++ {
		h.scan(s, &p, &light, r.img, y, whole.Min.X, whole.Max.X)
	}
	x0, y0, x1, y1 := p.bounds(reach)
	for range s.Glares {
		cx, cy := x0+rng.Float64()*(x1-x0), y0+rng.Float64()*(y1-y0)
		a, b := (x1-x0)*(0.05+0.2*rng.Float64()), (x1-x0)*(0.02+0.08*rng.Float64())
		glare(r.img, s.Size.X, s.Size.Y, cx, cy, a, b, rng.Float64()*math.Pi, s.Glare)
	}
	return p.box(rect{c.u0 - 25, c.v0, c.u1 + 25, c.v1 + 30}, 3*s.Defocus+s.Motion+8, s.Size)
}

// lighting is how a screen shines in one scene, or what shines on a sheet.
type lighting struct {
	lamp                  lamp
	pitch, phaseU, phaseV float64 // of the screen's grid, millimetres and radians
	period, phase         float64 // of the dark bands, rows and radians
}

func newLighting(s Scene, rng *rand.Rand) lighting {
	l := lighting{
		pitch: 0.055 + rng.Float64()*0.03, phaseU: rng.Float64() * 2 * math.Pi, phaseV: rng.Float64() * 2 * math.Pi,
		period: (25 + rng.Float64()*110) * float64(s.Size.Y) / 480, phase: rng.Float64() * 2 * math.Pi,
	}
	if s.Paper {
		l.lamp = newLamp(s, rng)
	}
	return l
}

// scan draws the part of one row that shows the phone or the sheet, and the hand.
func (h *held) scan(s Scene, p *pose, l *lighting, img []float32, y, x0, x1 int) {
	c := &h.face
	page := rect{c.u0, c.v0, c.u1, c.v1}
	band := s.White
	if s.Bands > 0 {
		band *= 1 - s.Bands*(0.5+0.5*math.Tanh(2.5*math.Sin(2*math.Pi*float64(y)/l.period+l.phase)))
	}
	base := s.Reflect + 0.03*s.Ambient
	row := img[y*s.Size.X : (y+1)*s.Size.X]
	for x := x0; x < x1; x++ {
		t, ok := p.hit(float64(x)+0.5, float64(y)+0.5, page)
		if !ok {
			continue
		}
		value := float64(row[x])
		inside := min((t.u-c.u0)/t.du, (c.u1-t.u)/t.du, (t.v-c.v0)/t.dv, (c.v1-t.v)/t.dv) + 0.5
		if inside < 1 {
			value = cover(h.hand.under, value, s.Ambient, &t)
		}
		if inside > 0 {
			light := 0.0
			switch {
			case !s.Paper:
				shine := c.gather(t.u, t.v, t.du, t.dv)
				if s.Moire > 0 {
					shine *= (1 + s.Moire*wave(t.u/l.pitch+l.phaseU)) * (1 + s.Moire*wave(t.v/l.pitch+l.phaseV))
				}
				light = band*shine + base
			case t.front:
				light = c.gather(t.u, t.v, t.du, t.dv)*l.lamp.on(&t) + s.Reflect
			default: // the back of a bent sheet
				light = paperWhite*l.lamp.on(&t) + s.Reflect
			}
			value += (light - value) * min(inside, 1)
		}
		if t.u < c.u0+12 || t.u > c.u1-12 {
			value = cover(h.hand.over, value, s.Ambient, &t)
		}
		row[x] = float32(cover(h.hand.tip, value, s.Ambient, &t))
	}
}

// wave is close to the cosine of 2πt at a fraction of its cost.
func wave(t float64) float64 {
	t -= math.Floor(t)
	t = 4*math.Abs(t-0.5) - 1 // a triangle from 1 over -1 to 1
	return t * (1.5 - 0.5*t*t)
}
