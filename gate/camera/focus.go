package camera

import (
	"image"
	"math"
	"slices"
)

// sharpness says how wide the sharpest edges of a frame are.
//
// An edge's width is its height, from the level before it to the level behind it, over the steepest
// slope on the way, in pixels: 1 to 2 where the lens is in focus, about 2.5 times the standard deviation
// of the blur where it is not. Twice the light makes both twice as much, so that the measure depends
// neither on light nor on contrast. Only edges count that stand out of the frame's own noise and
// make up a good part of its range; of those the sharpest quarter speaks for the lens, because much
// else in a picture may be nearer, farther or moving.
type sharpness struct {
	a, b   []int // one smoothed row or column, eight times the levels
	widths []float64
}

const (
	focusStep  = 12 // rows and columns from one that is looked at to the next
	fewEdges   = 40 // edges, below which nothing can be said
	smooth     = 8  // what the smoothed values are more than levels
	edgeHeight = 12 // gray levels that an edge has at least
	smoothing  = 6  // what our own smoothing adds to the square of a width
)

// measure returns the width in pixels, 0 if there are too few edges to tell, and the standard
// deviation of the noise in gray levels.
func (s *sharpness) measure(g *image.Gray) (width, noise float64) {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if w < 16 || h < 16 {
		return 0, 0
	}
	noise = grain(g)
	light := Measure(g)
	least := max(edgeHeight, 0.2*float64(light.Bright-light.Dark), 5*noise) * smooth
	slack := int(0.7 * noise * smooth)
	s.widths = s.widths[:0]
	for y := focusStep / 2; y+1 < h; y += focusStep {
		o := y * g.Stride
		s.line(g.Pix[o:o+w], g.Pix[o+g.Stride:o+g.Stride+w], 1, w)
		s.edges(int(least), slack)
	}
	for x := focusStep / 2; x+1 < w; x += focusStep {
		s.line(g.Pix[x:], g.Pix[x+1:], g.Stride, h)
		s.edges(int(least), slack)
	}
	if len(s.widths) < fewEdges {
		return 0, noise
	}
	slices.Sort(s.widths)
	return s.widths[len(s.widths)/4], noise
}

// grain is the noise, estimated from how far pixels are from the middle of their neighbours, half of them less
// than edges and texture reach.
func grain(g *image.Gray) float64 {
	var away [511]int // how many pixels are so far from twice the middle
	n := 0
	w, h := g.Rect.Dx(), g.Rect.Dy()
	for y := 2; y < h; y += 4 * focusStep {
		row := g.Pix[y*g.Stride : y*g.Stride+w]
		for x := 1; x+1 < w; x += 3 {
			d := int(row[x-1]) - 2*int(row[x]) + int(row[x+1])
			away[max(d, -d)]++
			n++
		}
	}
	for d, k := range away {
		if n -= 2 * k; n <= 0 {
			return float64(d) / 0.6745 / math.Sqrt(6)
		}
	}
	return 0
}

// line smooths n pixels along a row or column together with its neighbour.
func (s *sharpness) line(p, q []uint8, step, n int) {
	s.a, s.b = s.a[:0], s.b[:0]
	for i := range n {
		s.b = append(s.b, int(p[i*step])+int(q[i*step]))
	}
	for i := 1; i+1 < n; i++ {
		s.a = append(s.a, s.b[i-1]+2*s.b[i]+s.b[i+1])
	}
}

// edges finds where the smoothed line rises or falls by at least so much without turning back by
// more than slack.
func (s *sharpness) edges(least, slack int) {
	v := s.a
	for _, sign := range [...]int{1, -1} {
		start, top := 0, 0 // of the rise that is followed
		steep := 0         // its steepest slope, over two pixels
		end := func() {
			if height := sign * (v[top] - v[start]); height >= least && steep > 0 {
				width := float64(2*height) / float64(steep)
				s.widths = append(s.widths, math.Sqrt(max(1, width*width-smoothing)))
			}
		}
		for i := 1; i+1 < len(v); i++ {
			switch {
			case sign*(v[i]-v[start]) <= 0: // below the foot: it begins here
				end()
				start, top, steep = i, i, 0
			case sign*(v[i]-v[top]) > 0:
				top = i
				steep = max(steep, sign*(v[i+1]-v[i-1]))
			case sign*(v[top]-v[i]) > slack:
				end()
				start, top, steep = i, i, 0
			}
		}
		end()
	}
}
