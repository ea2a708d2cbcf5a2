package frames

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

// Renderer renders scenes. It keeps its buffers, and the page of the last scene in case the next
// is another shot of it. One goroutine at a time.
type Renderer struct {
	sensor *sensor
	room   room
	screen screen
	hand   hand
	code   *Code
	last   Scene // what room, screen and hand were built for
	built  bool
	img    []float32
	tmp    []float32
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
	rng, err := r.build(s)
	if err != nil {
		return nil, err
	}
	w, h := s.Size.X, s.Size.Y
	if cap(r.img) < w*h {
		r.img, r.tmp = make([]float32, w*h), make([]float32, w*h)
	}
	r.img, r.tmp = r.img[:w*h], r.tmp[:w*h]
	r.room.paint(r.img, w, h)
	if !s.NoPhone {
		r.phone(s, rng)
	}
	veil(r.img, w, h, s.Bloom)
	out := image.NewGray(image.Rect(0, 0, w, h))
	r.sensor.expose(r.img, s, out)
	return out, nil
}

// build lays out what the scene shows unless the last scene showed the same. The generator it
// returns is for what comes after, and is in the same state either way.
func (r *Renderer) build(s Scene) (*rand.Rand, error) {
	later := rand.New(rand.NewPCG(s.Seed, 17))
	if r.built && r.last.page() == s.page() {
		return later, nil
	}
	r.built, r.code = false, nil
	if s.Text != "" && !s.NoPhone {
		code, err := EncodeAt(s.Text, s.Level)
		if err != nil {
			return nil, err
		}
		r.code = code
	}
	r.room.build(s, rand.New(rand.NewPCG(s.Seed, 11)))
	switch {
	case s.NoPhone:
	case s.Picture != nil:
		r.screen.show(s.Picture, s.CodeMM)
		r.hand = grip(&r.screen, rand.New(rand.NewPCG(s.Seed, 15)))
	default:
		r.screen.build(s, r.code, rand.New(rand.NewPCG(s.Seed, 13)))
		r.hand = grip(&r.screen, rand.New(rand.NewPCG(s.Seed, 15)))
	}
	r.last, r.built = s, true
	return later, nil
}

// page is the scene without what may change from shot to shot of the same page.
func (s Scene) page() Scene {
	return Scene{
		Seed: s.Seed, Size: s.Size, Text: s.Text, Level: s.Level, Picture: s.Picture, NoPhone: s.NoPhone, CodeMM: s.CodeMM, Quiet: s.Quiet,
		Inverted: s.Inverted, DarkUI: s.DarkUI, Cracks: s.Cracks, Ambient: s.Ambient,
	}
}

// phone draws the phone and the hand over the room and blurs them.
func (r *Renderer) phone(s Scene, rng *rand.Rand) {
	modules := 49.0
	switch {
	case s.Picture != nil:
		modules = float64(s.Picture.Modules)
	case r.code != nil:
		modules = float64(r.code.Side)
	}
	p := s.pose(modules)
	c := &r.screen
	w, h := s.Size.X, s.Size.Y
	whole := p.box(c.u0-70, c.v0-10, c.u1+70, c.v1+240, 4, s.Size)
	light := newLighting(s, rng)
	for y := whole.Min.Y; y < whole.Max.Y; y++ {
		r.scan(s, &p, &light, y, whole.Min.X, whole.Max.X)
	}
	reach := 3*s.Defocus + s.Motion + 8
	box := p.box(c.u0-25, c.v0, c.u1+25, c.v1+30, reach, s.Size)
	half := s.CodeMM / 2
	x0, y0, x1, y1 := p.bounds(-half, -half, half, half)
	for range s.Glares {
		cx, cy := x0+rng.Float64()*(x1-x0), y0+rng.Float64()*(y1-y0)
		a, b := (x1-x0)*(0.05+0.2*rng.Float64()), (x1-x0)*(0.02+0.08*rng.Float64())
		glare(r.img, w, h, cx, cy, a, b, rng.Float64()*math.Pi, s.Glare)
	}
	blur(r.img, r.tmp, w, box, s.Defocus)
	smear(r.img, r.tmp, w, box, s.Motion, s.MotionDir)
}

// lighting is how the screen shines in one scene.
type lighting struct {
	pitch, phaseU, phaseV float64 // of the screen's grid, millimetres and radians
	period, phase         float64 // of the dark bands, rows and radians
}

func newLighting(s Scene, rng *rand.Rand) lighting {
	return lighting{
		pitch: 0.055 + rng.Float64()*0.03, phaseU: rng.Float64() * 2 * math.Pi, phaseV: rng.Float64() * 2 * math.Pi,
		period: (25 + rng.Float64()*110) * float64(s.Size.Y) / 480, phase: rng.Float64() * 2 * math.Pi,
	}
}

// scan draws the phone's and the hand's part of one row.
func (r *Renderer) scan(s Scene, p *pose, l *lighting, y, x0, x1 int) {
	c, m := &r.screen, &p.from
	band := s.White
	if s.Bands > 0 {
		band *= 1 - s.Bands*(0.5+0.5*math.Tanh(2.5*math.Sin(2*math.Pi*float64(y)/l.period+l.phase)))
	}
	base := s.Reflect + 0.03*s.Ambient
	row := r.img[y*s.Size.X : (y+1)*s.Size.X]
	fy := float64(y) + 0.5
	for x := x0; x < x1; x++ {
		fx := float64(x) + 0.5
		d := m[6]*fx + m[7]*fy + m[8]
		if d <= 0 { // behind the horizon of the phone's plane
			continue
		}
		u, v := (m[0]*fx+m[1]*fy+m[2])/d, (m[3]*fx+m[4]*fy+m[5])/d
		// what one pixel covers, from the derivatives of the mapping
		du := math.Hypot(m[0]-u*m[6], m[1]-u*m[7]) / d
		dv := math.Hypot(m[3]-v*m[6], m[4]-v*m[7]) / d
		value := float64(row[x])
		inside := min((u-c.u0)/du, (c.u1-u)/du, (v-c.v0)/dv, (c.v1-v)/dv) + 0.5
		if inside < 1 {
			if shine, cover := at(r.hand.under, u, v, du); cover > 0 {
				value += (shine*s.Ambient - value) * cover
			}
		}
		if inside > 0 {
			shine := c.gather(u, v, du, dv)
			if s.Moire > 0 {
				shine *= (1 + s.Moire*wave(u/l.pitch+l.phaseU)) * (1 + s.Moire*wave(v/l.pitch+l.phaseV))
			}
			value += (band*shine + base - value) * min(inside, 1)
		}
		if u < c.u0+12 || u > c.u1-12 {
			if shine, cover := at(r.hand.over, u, v, du); cover > 0 {
				value += (shine*s.Ambient - value) * cover
			}
		}
		row[x] = float32(value)
	}
}

// wave is close to the cosine of 2πt at a fraction of its cost.
func wave(t float64) float64 {
	t -= math.Floor(t)
	t = 4*math.Abs(t-0.5) - 1 // a triangle from 1 over -1 to 1
	return t * (1.5 - 0.5*t*t)
}
