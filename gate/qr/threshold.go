package qr

import "encoding/binary"

// block is the side of the neighbourhoods that get a threshold of their own, in pixels.
const block = 8

// thresholds holds one threshold for each block of a frame: the mean of the black points of those
// of the 5×5 blocks around it that show an edge. A pixel is dark if it is not above the threshold
// of its block. It differs from ZXing's hybrid method in leaving out blocks without an edge, which
// say nothing about where dark ends: beside a bright quiet zone they would pull the threshold of a
// veiled screen below its dark modules.
type thresholds struct {
	bw, bh int
	raw    []uint8 // black points of blocks with an edge, 0 for others
	weak   []uint8 // 1 for those of the others with a faint edge
	flat   []uint8 // threshold of blocks with no edge near
	smooth []uint8
	column []int // sums of five black points, one above the other
	count  []int // how many of the five have an edge
	// faint counts the blocks that have an edge only if a fainter one counts, and no better ones near.
	faint int
}

// local computes the thresholds of p block by block. A block whose levels differ by no more than
// minRange has no edge. Where there is none in the neighbourhood, all is ground: light, or dark if
// inverted.
func (t *thresholds) local(p plane, inverted bool, minRange uint8) {
	t.size(p)
	t.faint = 0
	for by := range t.bh {
		y0 := min(by*block, p.h-block)
		for bx := range t.bw {
			mean, lo, hi := p.block(min(bx*block, p.w-block), y0)
			i := by*t.bw + bx
			t.raw[i], t.weak[i], t.flat[i] = 0, 0, lo/2
			if inverted {
				t.flat[i] = hi + (255-hi)/2
			}
			switch {
			case hi-lo > minRange:
				t.raw[i] = max(1, mean)
			case hi-lo > faintRange:
				t.weak[i] = 1
			}
		}
	}
	for by := range t.bh {
		clear(t.column)
		clear(t.count)
		for y := max(0, by-2); y <= min(t.bh-1, by+2); y++ {
			for bx, v := range t.raw[y*t.bw : (y+1)*t.bw] {
				t.column[bx] += int(v)
				if v != 0 {
					t.count[bx]++
				}
			}
		}
		sum, n := 0, 0
		for bx := range min(2, t.bw) {
			sum, n = sum+t.column[bx], n+t.count[bx]
		}
		for bx := range t.bw {
			if bx+2 < t.bw {
				sum, n = sum+t.column[bx+2], n+t.count[bx+2]
			}
			if bx > 2 {
				sum, n = sum-t.column[bx-3], n-t.count[bx-3]
			}
			i := by*t.bw + bx
			if n > 0 {
				t.smooth[i] = uint8(sum / n) //nolint:gosec // a mean of bytes
				continue
			}
			t.smooth[i] = t.flat[i]
			t.faint += int(t.weak[i])
		}
	}
}

// block is the mean, least and greatest level of the block at (x0, y0).
func (p plane) block(x0, y0 int) (mean, lo, hi uint8) {
	o := y0*p.stride + x0
	var sum, least, most uint64
	for k := 0; k < block; k += 2 {
		a := binary.LittleEndian.Uint64(p.pix[o : o+block])
		b := binary.LittleEndian.Uint64(p.pix[o+p.stride : o+p.stride+block])
		o += 2 * p.stride
		sum += a&evens + a>>8&evens + b&evens + b>>8&evens
		small, large := sorted(a, b)
		if k == 0 {
			least, most = small, large
			continue
		}
		least, _ = sorted(least, small)
		_, most = sorted(most, large)
	}
	for shift := 32; shift >= 8; shift /= 2 {
		least, _ = sorted(least, least>>shift)
		_, most = sorted(most, most>>shift)
	}
	sum = sum&0xFFFFFFFF + sum>>32
	sum = sum&0xFFFF + sum>>16
	return uint8(sum / (block * block)), uint8(least), uint8(most) //nolint:gosec // a mean of bytes, and lowest bytes
}

// Eight pixels at once: masks of bytes.
const (
	evens  = 0x00FF00FF00FF00FF
	halves = 0x0001000100010001
	tops   = 0x8080808080808080
	ones   = 0x0101010101010101
)

// notAbove sets the highest bit of each byte of v that is not above the same byte of t.
func notAbove(v, t uint64) uint64 {
	d := (t | tops) - v&^tops
	return (t&^v | ^(t^v)&d) & tops
}

// sorted returns the smaller and the greater of each pair of bytes.
func sorted(a, b uint64) (small, large uint64) {
	m := notAbove(a, b) >> 7 * 0xFF // all ones where a is the smaller
	return a&m | b&^m, b&m | a&^m
}

// buckets is how finely the histogram of a frame is taken: 32 levels, as ZXing does.
const buckets = 32

// global puts one threshold for the whole frame everywhere: the valley between the two peaks of
// its histogram. It reports false if there are no two peaks.
func (t *thresholds) global(p plane) bool {
	t.size(p)
	var hist [buckets]int
	for y := p.h / 8; y < p.h-p.h/8; y += 4 {
		r := p.row(y)
		for _, v := range r[p.w/8 : p.w-p.w/8] {
			hist[v/(256/buckets)]++
		}
	}
	at, ok := valley(hist[:])
	if !ok {
		return false
	}
	level := uint8(at*(256/buckets) - 1) //nolint:gosec // at is 1 to 31
	for i := range t.smooth {
		t.smooth[i] = level
	}
	return true
}

// valley finds the bucket between the highest peak and the one that stands out farthest from it,
// preferring one that is low and nearer to the light peak. It fails if the peaks are too close.
func valley(hist []int) (int, bool) {
	first, second, score := 0, 0, 0
	for i, n := range hist {
		if n > hist[first] {
			first = i
		}
	}
	for i, n := range hist {
		if s := n * (i - first) * (i - first); s > score {
			second, score = i, s
		}
	}
	dark, light := min(first, second), max(first, second)
	if light-dark <= len(hist)/16 {
		return 0, false
	}
	best, bestScore := light-1, -1
	for i := light - 1; i > dark; i-- {
		if s := (i - dark) * (i - dark) * (light - i) * (hist[first] - hist[i]); s > bestScore {
			best, bestScore = i, s
		}
	}
	return best, best > 0
}

// size makes room for the blocks of p.
func (t *thresholds) size(p plane) {
	t.bw, t.bh = (p.w+block-1)/block, (p.h+block-1)/block
	n := t.bw * t.bh
	if cap(t.raw) < n {
		t.raw, t.weak, t.flat, t.smooth = make([]uint8, n), make([]uint8, n), make([]uint8, n), make([]uint8, n)
	}
	if cap(t.column) < t.bw {
		t.column, t.count = make([]int, t.bw), make([]int, t.bw)
	}
	t.raw, t.weak, t.flat, t.smooth = t.raw[:n], t.weak[:n], t.flat[:n], t.smooth[:n]
	t.column, t.count = t.column[:t.bw], t.count[:t.bw]
}
