package qr

import (
	"encoding/binary"
	"math/bits"
)

// bitmap is a picture in black and white: a set bit is a dark pixel.
type bitmap struct {
	w, h  int
	words int      // 32-bit words a row
	bits  []uint32 // row by row, the lowest bit leftmost
}

// fill divides p by t into dark and light.
func (b *bitmap) fill(p plane, t *thresholds) {
	b.w, b.h, b.words = p.w, p.h, (p.w+31)/32
	if n := b.words * p.h; cap(b.bits) < n {
		b.bits = make([]uint32, n)
	}
	b.bits = b.bits[:b.words*p.h]
	for y := range p.h {
		src, thr := p.row(y), t.smooth[(y/block)*t.bw:(y/block+1)*t.bw]
		dst := b.bits[y*b.words : (y+1)*b.words]
		for i := range dst {
			dst[i] = pack(src[i*32:min(i*32+32, p.w)], thr[i*4:])
		}
	}
}

// gather brings the lowest bits of eight bytes together in the highest byte.
const gather = 0x0102040810204080

// pack compares up to 32 pixels with the thresholds of their blocks.
func pack(src, thr []byte) uint32 {
	var w uint32
	k := 0
	for ; k+block <= len(src); k += block {
		dark := notAbove(binary.LittleEndian.Uint64(src[k:k+block]), uint64(thr[k/block])*ones)
		w |= uint32(dark>>7*gather>>56) << k
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

// run counts pixels of one colour from (x, y) on in steps of (dx, dy), at most most.
func (b *bitmap) run(x, y, dx, dy int, dark bool, most int) int {
	switch { // the rim is found once, not at every step
	case dx > 0:
		most = min(most, b.w-x)
	case dx < 0:
		most = min(most, x+1)
	}
	switch {
	case dy > 0:
		most = min(most, b.h-y)
	case dy < 0:
		most = min(most, y+1)
	}
	if most <= 0 || x < 0 || y < 0 || x >= b.w || y >= b.h {
		return 0
	}
	n := 0
	if dx == 0 {
		bit := uint32(1) << (x & 31)
		for at, step := y*b.words+x>>5, dy*b.words; n < most && (b.bits[at]&bit != 0) == dark; at += step {
			n++
		}
		return n
	}
	for row, step := y*b.words, dy*b.words; n < most && (b.bits[row+x>>5]>>(x&31)&1 != 0) == dark; row += step {
		n++
		x += dx
	}
	return n
}

// cross measures five runs through (x, y) along (dx, dy) in half steps, the middle one in the colour
// of a finder's centre, each at most most steps long. off is where the middle run's centre is from
// (x, y), in steps. It fails if there are no five runs.
func (b *bitmap) cross(x, y, dx, dy int, inverted bool, most int) (runs [5]int, off float64, ok bool) {
	dark := !inverted
	ahead := b.run(x, y, dx, dy, dark, most)
	if ahead == 0 {
		return runs, 0, false
	}
	behind := b.run(x-dx, y-dy, -dx, -dy, dark, most)
	most = min(most, 2*(ahead+behind)+2) // what is longer beside such a centre is no ring
	r3 := b.run(x+ahead*dx, y+ahead*dy, dx, dy, !dark, most)
	r1 := b.run(x-(behind+1)*dx, y-(behind+1)*dy, -dx, -dy, !dark, most)
	if r1 == 0 || r3 == 0 {
		return runs, 0, false
	}
	r4 := b.run(x+(ahead+r3)*dx, y+(ahead+r3)*dy, dx, dy, dark, most)
	r0 := b.run(x-(behind+1+r1)*dx, y-(behind+1+r1)*dy, -dx, -dy, dark, most)
	if r0 == 0 || r4 == 0 {
		return runs, 0, false
	}
	return [5]int{2 * r0, 2 * r1, 2 * (ahead + behind), 2 * r3, 2 * r4}, float64(ahead-1-behind) / 2, true
}
