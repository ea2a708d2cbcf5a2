package frames

import (
	"image"
	"math"
	"math/rand/v2"
)

// sensor turns light into 8-bit levels: shot noise, tone curve, read noise, sharpening.
type sensor struct {
	curve [4097]float32 // tone curve over linear light in 4096 steps, to 0…255
	root  [4097]float32 // square root, for shot noise
	grain []float32     // normally distributed numbers
}

// grains is the number of prepared random numbers, a power of two.
const grains = 1 << 16

func newSensor() *sensor {
	s := &sensor{grain: make([]float32, grains)}
	for i := range s.curve {
		l := float64(i) / 4096
		s.curve[i], s.root[i] = float32(255*math.Pow(l, 1/2.2)), float32(math.Sqrt(l))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range s.grain {
		s.grain[i] = float32(rng.NormFloat64())
	}
	return s
}

// expose writes the frame. img is overwritten with levels.
func (s *sensor) expose(img []float32, scene Scene, out *image.Gray) {
	w, h := scene.Size.X, scene.Size.Y
	rng := rand.New(rand.NewPCG(scene.Shot, 3))
	gain, shot, read := float32(scene.Gain*4096), float32(scene.Noise*0.0035*4096), float32(scene.Noise*0.6)
	for y := range h {
		a, b := rng.Uint32(), rng.Uint32()
		row := img[y*w : (y+1)*w]
		for x := range row {
			l := min(max(row[x]*gain, 0), 4096)
			l = min(max(l+s.grain[(a+uint32(x))%grains]*s.root[int(l)]*shot, 0), 4096)
			row[x] = s.curve[int(l)] + s.grain[(b+uint32(x)*3)%grains]*read
		}
	}
	amount := float32(scene.Sharpen)
	for y := range h {
		row, dst := img[y*w:(y+1)*w], out.Pix[y*out.Stride:y*out.Stride+w]
		up, low := img[max(y-1, 0)*w:], img[min(y+1, h-1)*w:]
		for x, v := range row {
			if amount > 0 && x > 0 && x < w-1 {
				mean := (row[x-1] + row[x+1] + up[x] + low[x]) / 4
				v += amount * (v - mean)
			}
			dst[x] = uint8(min(max(v+0.5, 0), 255))
		}
	}
}
