package camera

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// Region is a part of the frame, in per cent of its width and height from its left and upper edge.
// The zero Region is the whole frame.
type Region struct{ X, Y, Width, Height float64 }

// smallestRegion is the least side of a region in per cent.
const smallestRegion = 5

// ParseRegion reads "x,y,w,h" as Region has them; "" is the whole frame. Errors wrap ErrAddress.
func ParseRegion(text string) (Region, error) {
	if text == "" {
		return Region{}, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return Region{}, fmt.Errorf("%w: region %.40q: want x,y,w,h in per cent", ErrAddress, text)
	}
	var v [4]float64
	for i, p := range parts {
		n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(p), "%"), 64)
		if err != nil {
			return Region{}, fmt.Errorf("%w: region: %.20q is not a number of per cent", ErrAddress, p)
		}
		v[i] = n
	}
	r := Region{v[0], v[1], v[2], v[3]}
	if r == (Region{}) {
		return r, fmt.Errorf("%w: the region is empty", ErrAddress)
	}
	return r, r.Check()
}

// Check says whether the region lies in the frame and is not too small. Errors wrap ErrAddress.
func (r Region) Check() error {
	inside := func(from, length float64) bool {
		return from >= 0 && length >= smallestRegion && from+length <= 100 // NaN is not
	}
	if r != (Region{}) && (!inside(r.X, r.Width) || !inside(r.Y, r.Height)) {
		return fmt.Errorf("%w: region %v,%v,%v,%v: want x+w and y+h of at most 100 per cent, w and h of at least %d",
			ErrAddress, r.X, r.Y, r.Width, r.Height, smallestRegion)
	}
	return nil
}

// cut gives the region of a frame, of one pixel at least, without a copy. Its upper left corner is (0, 0).
func (r Region) cut(g *image.Gray) *image.Gray {
	if r == (Region{}) {
		return g
	}
	side := func(from, length float64, n int) (int, int) {
		low := int(math.Floor(from * float64(n) / 100))
		high := int(math.Ceil((from + length) * float64(n) / 100))
		return min(max(low, 0), n-1), min(max(high, low+1), n)
	}
	x0, x1 := side(r.X, r.Width, g.Rect.Dx())
	y0, y1 := side(r.Y, r.Height, g.Rect.Dy())
	first := y0*g.Stride + x0
	last := (y1-1)*g.Stride + x1
	return &image.Gray{Pix: g.Pix[first:last:last], Stride: g.Stride, Rect: image.Rect(0, 0, x1-x0, y1-y0)}
}
