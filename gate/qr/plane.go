package qr

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
)

// plane is a gray picture: h rows of w pixels, each row stride bytes after the one before.
type plane struct {
	pix          []byte
	w, h, stride int
}

// planeOf checks that g is a picture of a size we take and that it has all the pixels it promises.
// The plane shares g's pixels.
func planeOf(g *image.Gray) (plane, error) {
	if g == nil {
		return plane{}, fmt.Errorf("%w: no picture", ErrFrame)
	}
	// Dx and Dy of a garbage rectangle may overflow, hence the sides are checked by both ends.
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if g.Rect.Min.X > g.Rect.Max.X || g.Rect.Min.Y > g.Rect.Max.Y || w < MinSide || h < MinSide || w > MaxSide || h > MaxSide {
		return plane{}, fmt.Errorf("%w: %d×%d pixels, want %d to %d a side", ErrFrame, w, h, MinSide, MaxSide)
	}
	if g.Stride < w || len(g.Pix) < w || (len(g.Pix)-w)/g.Stride < h-1 {
		return plane{}, fmt.Errorf("%w: %d bytes with stride %d are too few for %d×%d pixels", ErrFrame, len(g.Pix), g.Stride, w, h)
	}
	return plane{pix: g.Pix, w: w, h: h, stride: g.Stride}, nil
}

// row returns the pixels of row y.
func (p plane) row(y int) []byte {
	o := y * p.stride
	return p.pix[o : o+p.w : o+p.w]
}

// part returns the pixels of p from (x0, y0) to before (x1, y1), which must lie in p.
func (p plane) part(x0, y0, x1, y1 int) plane {
	o := y0*p.stride + x0
	return plane{pix: p.pix[o : (y1-1)*p.stride+x1], w: x1 - x0, h: y1 - y0, stride: p.stride}
}

// at is the gray level at (x, y) between pixels, whose centres are at halves. Outside the picture
// it is the level of the rim; any number is taken.
func (p *plane) at(x, y float64) float64 {
	x, y = x-0.5, y-0.5
	if !(x > 0) { // NaN too
		x = 0
	} else if most := float64(p.w) - 1.001; x > most {
		x = most
	}
	if !(y > 0) { // NaN too
		y = 0
	} else if most := float64(p.h) - 1.001; y > most {
		y = most
	}
	xi, yi := int(x), int(y)
	fx, fy := x-float64(xi), y-float64(yi)
	o := yi*p.stride + xi
	a, b := p.pix[o:o+2:o+2], p.pix[o+p.stride:o+p.stride+2]
	a0, b0 := float64(a[0]), float64(b[0])
	up, low := a0+(float64(a[1])-a0)*fx, b0+(float64(b[1])-b0)*fx
	return up + (low-up)*fy
}

// source is a picture of the frame at some scale, read in the frame's coordinates.
type source struct {
	plane
	k float64 // pixels here per pixel of the frame
}

func (s *source) at(x, y float64) float64 { return s.plane.at(x*s.k, y*s.k) }

// line fills out with the levels at (x, y) and in steps of (dx, dy) from there, all in the frame's
// coordinates, as at does. It fails if not all of them and their neighbours are in the picture.
func (s *source) line(x, y, dx, dy float64, out []float64) bool {
	x, y, dx, dy = x*s.k-0.5, y*s.k-0.5, dx*s.k, dy*s.k
	last := float64(len(out) - 1)
	if right, low := float64(s.w-2), float64(s.h-2); !(min(x, x+last*dx) > 1 && max(x, x+last*dx) < right &&
		min(y, y+last*dy) > 1 && max(y, y+last*dy) < low) { // NaN too
		return false
	}
	// In 65,536ths of a pixel, and levels in as many.
	const bits, one = 16, 1 << 16
	fx, fy, sx, sy := int64(x*one+0.5), int64(y*one+0.5), int64(math.Round(dx*one)), int64(math.Round(dy*one))
	for i := range out {
		at := int(fy>>bits)*s.stride + int(fx>>bits)
		a, b := s.pix[at:at+2:at+2], s.pix[at+s.stride:at+s.stride+2]
		kx, ky := fx&(one-1), fy&(one-1)
		up, low := int64(a[0])<<bits+(int64(a[1])-int64(a[0]))*kx, int64(b[0])<<bits+(int64(b[1])-int64(b[0]))*kx
		out[i] = float64(up<<bits+(low-up)*ky) * (1.0 / one / one)
		fx, fy = fx+sx, fy+sy
	}
	return true
}

// halved returns p at half size, each pixel the mean of four. It reuses the pixels of buf if they
// are enough; buf must not share p's.
func (p plane) halved(buf plane) plane {
	w, h := p.w/2, p.h/2
	if cap(buf.pix) < w*h {
		buf.pix = make([]byte, w*h)
	}
	out := plane{pix: buf.pix[:w*h], w: w, h: h, stride: w}
	for y := range h {
		a, b, dst := p.row(2 * y)[:2*w], p.row(2*y + 1)[:2*w], out.row(y)
		x := 0
		for ; x+block/2 <= w; x += block / 2 { // four means at once, each in 16 bits
			v, u := binary.LittleEndian.Uint64(a[2*x:2*x+block]), binary.LittleEndian.Uint64(b[2*x:2*x+block])
			v = (v&evens + v>>8&evens + u&evens + u>>8&evens + 2*halves) >> 2 & evens
			v |= v >> 8
			binary.LittleEndian.PutUint32(dst[x:x+block/2], uint32(v&0xFFFF|v>>16&0xFFFF0000)) //nolint:gosec // what is left of v
		}
		for ; x < w; x++ {
			dst[x] = byte((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) >> 2) //nolint:gosec // the mean of four bytes is a byte
		}
	}
	return out
}

// curve says what each gray level becomes.
type curve [256]byte

// newCurve is the fourth power of levels, which sets apart what is nearly white.
func newCurve() *curve {
	var c curve
	for i := range c {
		v := i * i
		c[i] = byte((v*v + 255*255*255/2) / (255 * 255 * 255)) //nolint:gosec // 255 at most
	}
	return &c
}

// curved returns p with c applied to each pixel. It reuses buf's pixels.
func (p plane) curved(c *curve, buf plane) plane {
	if cap(buf.pix) < p.w*p.h {
		buf.pix = make([]byte, p.w*p.h)
	}
	out := plane{pix: buf.pix[:p.w*p.h], w: p.w, h: p.h, stride: p.w}
	for y := range p.h {
		src, dst := p.row(y), out.row(y)
		for x := range dst {
			dst[x] = c[src[x]]
		}
	}
	return out
}

// reach is how far sharpened looks to each side, in pixels.
const reach = 2

// sharpened returns p with amount times the difference to the mean of each pixel's neighbourhood added,
// which undoes some of a lens's blur. It reuses buf's pixels and sums, the latter for column sums.
func (p plane) sharpened(amount int32, buf plane, sums []int32) (plane, []int32) {
	if cap(buf.pix) < p.w*p.h {
		buf.pix = make([]byte, p.w*p.h)
	}
	if cap(sums) < p.w {
		sums = make([]int32, p.w)
	}
	out, column := plane{pix: buf.pix[:p.w*p.h], w: p.w, h: p.h, stride: p.w}, sums[:p.w]
	const side = 2*reach + 1
	clear(column)
	for y := -reach; y <= reach; y++ {
		for x, v := range p.row(max(y, 0)) {
			column[x] += int32(v)
		}
	}
	n := p.w - 2*reach
	for y := range p.h {
		src, dst := p.row(y), out.row(y)
		copy(dst[:reach], src)
		copy(dst[p.w-reach:], src[p.w-reach:])
		sum := int32(0)
		for _, v := range column[:side-1] {
			sum += v
		}
		here, to, enters, leaves := src[reach:reach+n], dst[reach:reach+n], column[side-1:side-1+n], column[:n]
		for x, v := range here {
			sum += enters[x]
			to[x] = uint8(min(max((1+amount)*int32(v)-amount*sum/(side*side), 0), 255))
			sum -= leaves[x]
		}
		below, gone := p.row(min(y+reach+1, p.h-1))[:len(column)], p.row(max(y-reach, 0))[:len(column)]
		for x := range column {
			column[x] += int32(below[x]) - int32(gone[x])
		}
	}
	return out, column
}
