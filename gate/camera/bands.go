package camera

import (
	"image"
	"math"
)

// profile is how bright the rows of a frame are, from top to bottom, as natural logarithms: what the
// lamps do to the light is then added to what the scene is.
type profile [profileRows]float32

const profileRows = 96

// darkest is the mean of rows, in gray levels, below which they say nothing about the light.
const darkest = 4

func profileOf(g *image.Gray) (p profile, ok bool) {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if w < 16 || h < profileRows {
		return p, false
	}
	ok = true
	for i := range p {
		sum, n := 0, 0
		for y := i * h / profileRows; y < (i+1)*h/profileRows; y += 2 {
			row := g.Pix[y*g.Stride : y*g.Stride+w]
			for x := i % 4; x < w; x += 4 {
				sum += int(row[x])
				n++
			}
		}
		ok = ok && sum > darkest*n
		p[i] = float32(math.Log(max(float64(sum), 1) / float64(n)))
	}
	return p, ok
}

// Bounds of the bands that lamps make. At 50 Hz they flicker 100 times a second: over a shutter
// that takes a fortieth of a second from the first row to the last, that is two and a half bands.
const (
	fewestBands = 1.0
	mostBands   = 12.0
	bandStep    = 0.5
	bandsAgree  = 1.5 // bands that two pairs of frames may differ in
	bandsShare  = 0.5 // of all that differs between two frames, to be bands at all
	minBandPair = 4   // pairs of frames, below which nothing is said
)

// flicker returns how deep the dark bands are that run through the frames, as a share of the light:
// half of it from the middle to the darkest. A scene stands still between two frames or moves
// somehow; lamps differ by a wave of always the same length. Bands that stand still, as where the
// frame rate divides that of the lamps, are not told from the scene.
func flicker(frames []profile) float64 {
	type wave struct{ bands, depth float64 }
	var found []wave
	for i := 1; i < len(frames); i++ {
		if bands, depth, ok := difference(&frames[i-1], &frames[i]); ok {
			found = append(found, wave{bands, depth})
		}
	}
	best := 0.0
	for _, a := range found {
		agree, deepest := 0, 0.0
		for _, b := range found {
			if math.Abs(a.bands-b.bands) <= bandsAgree {
				agree++
				deepest = max(deepest, b.depth)
			}
		}
		if agree >= minBandPair && 2*agree > len(frames)-1 {
			best = max(best, deepest/2) // two waves half a length apart differ by twice their depth
		}
	}
	return best
}

// difference fits one wave to what two profiles differ in.
func difference(a, b *profile) (bands, depth float64, ok bool) {
	const n = profileRows
	var d [n]float64
	var mean, slope float64
	for i := range d {
		d[i] = float64(b[i] - a[i])
		mean += d[i] / n
	}
	mid, norm := float64(n-1)/2, 0.0
	for i := range d {
		x := float64(i) - mid
		slope += x * d[i]
		norm += x * x
	}
	slope /= norm
	total, window := 0.0, 0.0
	var hann [n]float64
	for i := range d {
		hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/n)
		d[i] -= mean + slope*(float64(i)-mid)
		total += d[i] * d[i] * hann[i]
		window += hann[i]
	}
	if total == 0 {
		return 0, 0, false
	}
	for k := fewestBands; k <= mostBands; k += bandStep {
		var re, im float64
		for i, v := range d {
			sin, cos := math.Sincos(2 * math.Pi * k * float64(i) / n)
			re += v * cos * hann[i]
			im += v * sin * hann[i]
		}
		if amount := 2 * math.Hypot(re, im) / window; amount > depth {
			bands, depth = k, amount
		}
	}
	return bands, depth, depth*depth/2*window >= bandsShare*total
}
