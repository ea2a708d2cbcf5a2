package qr

import (
	"math/bits"

	"github.com/makiuchi-d/gozxing"
)

// bitmap is a frame in black and white: a set bit is a dark pixel. It keeps the rows twice, packed
// for our scan and as the matrix that gozxing takes.
type bitmap struct {
	w, h   int
	words  int      // 32-bit words a row
	bits   []uint32 // row by row, the lowest bit leftmost
	matrix *gozxing.BitMatrix
	line   *gozxing.BitArray
}

// fill divides p by t into dark and light; inverted swaps the two.
func (b *bitmap) fill(p plane, t *thresholds, inverted bool) error {
	if b.matrix == nil || b.w != p.w || b.h != p.h {
		m, err := gozxing.NewBitMatrix(p.w, p.h)
		if err != nil {
			return err
		}
		b.matrix, b.w, b.h, b.words = m, p.w, p.h, (p.w+31)/32
		b.bits = make([]uint32, b.words*p.h)
		b.line = gozxing.NewBitArray(p.w)
	}
	var flip uint32
	if inverted {
		flip = ^uint32(0)
	}
	for y := range p.h {
		src, thr := p.row(y), t.smooth[(y/block)*t.bw:(y/block+1)*t.bw]
		dst := b.bits[y*b.words : (y+1)*b.words]
		for i := range dst {
			dst[i] = pack(src[i*32:min(i*32+32, p.w)], thr[i*4:]) ^ flip
		}
		if rest := p.w % 32; rest != 0 {
			dst[b.words-1] &= 1<<rest - 1
		}
		for i, w := range dst {
			b.line.SetBulk(i*32, w)
		}
		b.matrix.SetRow(y, b.line)
	}
	return nil
}

// pack compares up to 32 pixels with the thresholds of their blocks.
func pack(src, thr []byte) uint32 {
	var w uint32
	k := 0
	for ; k+block <= len(src); k += block {
		// v <= t for bytes is the borrow of v-t-1.
		t := uint32(thr[k/block]) + 1
		s := src[k : k+block : k+block]
		w |= ((uint32(s[0])-t)>>31 | (uint32(s[1])-t)>>31<<1 | (uint32(s[2])-t)>>31<<2 | (uint32(s[3])-t)>>31<<3 |
			(uint32(s[4])-t)>>31<<4 | (uint32(s[5])-t)>>31<<5 | (uint32(s[6])-t)>>31<<6 | (uint32(s[7])-t)>>31<<7) << k
	}
	for ; k < len(src); k++ {
		if src[k] <= thr[k/block] {
			w |= 1 << k
		}
	}
	return w
}

// edges appends to ends the end of each run of equal pixels in row y, the first run being light
// (and of length zero if the row begins dark). The last end is the row's width.
func (b *bitmap) edges(y int, ends []int32) []int32 {
	row := b.bits[y*b.words : (y+1)*b.words]
	last := uint32(0)
	for i, w := range row {
		change := w ^ (w<<1 | last)
		last = w >> 31
		for change != 0 {
			x := i*32 + bits.TrailingZeros32(change)
			if x >= b.w {
				break
			}
			ends = append(ends, int32(x)) //nolint:gosec // a column of a frame of at most 4096
			change &= change - 1
		}
	}
	return append(ends, int32(b.w)) //nolint:gosec // at most 4096
}
