package qr

import "math"

// Bounds on tracking.
const (
	maxPlaces = 4   // codes that are followed
	patience  = 5   // frames for which a place is remembered when its code is not read
	margin    = 0.3 // of the code's size that is looked at around its last place
	leastFull = 6.0 // module in pixels from which the frame at half size is looked at
)

// place is where a code was seen last.
type place struct {
	x0, y0, x1, y1 float64
	module         float64
	missed         int // frames since
}

// track remembers where codes were.
type track struct {
	places []place
}

// update moves the places to where codes were read in this frame.
func (t *track) update(codes []Code) {
	n := 0
	for _, p := range t.places {
		if p.missed++; p.missed < patience && !p.taken(codes) {
			t.places[n] = p
			n++
		}
	}
	t.places = t.places[:n]
	for i := range codes {
		if len(t.places) < maxPlaces {
			t.places = append(t.places, placeOf(&codes[i]))
		}
	}
}

// taken says whether one of codes lies where p is.
func (p *place) taken(codes []Code) bool {
	for i := range codes {
		q := placeOf(&codes[i])
		if x, y := (q.x0+q.x1)/2, (q.y0+q.y1)/2; x > p.x0 && x < p.x1 && y > p.y0 && y < p.y1 {
			return true
		}
	}
	return false
}

// placeOf is the neighbourhood of a code.
func placeOf(c *Code) place {
	p := place{x0: c.Corners[0].X, y0: c.Corners[0].Y, x1: c.Corners[0].X, y1: c.Corners[0].Y}
	for _, q := range c.Corners[1:] {
		p.x0, p.y0 = math.Min(p.x0, q.X), math.Min(p.y0, q.Y)
		p.x1, p.y1 = math.Max(p.x1, q.X), math.Max(p.y1, q.Y)
	}
	size := math.Max(p.x1-p.x0, p.y1-p.y0)
	p.module = size / c.side()
	p.x0, p.y0, p.x1, p.y1 = p.x0-margin*size, p.y0-margin*size, p.x1+margin*size, p.y1+margin*size
	return p
}

// view is the part of the frame to look at for place i. It fails if nothing of that is in the frame.
func (t *track) view(i int, full, half plane) (view, bool) {
	p, from, scale := &t.places[i], full, 1.0
	if p.module >= leastFull {
		from, scale = half, 2
	}
	x0, y0 := clamp(p.x0/scale, from.w), clamp(p.y0/scale, from.h)
	x1, y1 := clamp(p.x1/scale, from.w), clamp(p.y1/scale, from.h)
	if x1-x0 < MinSide || y1-y0 < MinSide {
		return view{}, false
	}
	return view{plane: from.part(x0, y0, x1, y1), scale: scale, x0: float64(x0) * scale, y0: float64(y0) * scale}, true
}

// clamp is v as a whole number of pixels between 0 and most; any number is taken.
func clamp(v float64, most int) int {
	if !(v > 0) { // NaN too
		return 0
	}
	return int(math.Min(v, float64(most)))
}
