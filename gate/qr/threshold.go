package qr

// block is the side of the neighbourhoods that get a threshold of their own, in pixels.
const block = 8

// thresholds holds one black point for each block of a frame, smoothed over 5×5 blocks: the hybrid
// method of ZXing. A pixel is dark if it is not above the threshold of its block.
type thresholds struct {
	bw, bh int
	raw    []uint8 // black points before smoothing
	smooth []uint8
	column []int // sums of five black points, one above the other
}

// local computes the thresholds of p block by block. inverted takes flat blocks for dark ground
// instead of light.
func (t *thresholds) local(p plane, inverted bool, minRange uint8) {
	t.size(p)
	for by := range t.bh {
		y0 := min(by*block, p.h-block)
		for bx := range t.bw {
			t.raw[by*t.bw+bx] = t.blackPoint(p, bx, by, min(bx*block, p.w-block), y0, inverted, minRange)
		}
	}
	for by := range t.bh {
		centre := min(max(by, 2), max(t.bh-3, 2))
		for bx := range t.bw {
			s := 0
			for y := centre - 2; y <= centre+2; y++ {
				s += int(t.raw[min(max(y, 0), t.bh-1)*t.bw+bx])
			}
			t.column[bx] = s
		}
		for bx := range t.bw {
			centre := min(max(bx, 2), max(t.bw-3, 2))
			s := 0
			for x := centre - 2; x <= centre+2; x++ {
				s += t.column[min(max(x, 0), t.bw-1)]
			}
			level := s / 25
			if inverted { // from the negative back to the frame: 255-v > level is v <= 254-level
				level = max(0, 254-level)
			}
			t.smooth[by*t.bw+bx] = uint8(level)
		}
	}
}

// blackPoint estimates the level that divides the block at (x0, y0) into dark and light, in the
// negative of the frame if inverted.
func (t *thresholds) blackPoint(p plane, bx, by, x0, y0 int, inverted bool, minRange uint8) uint8 {
	sum, lo, hi := 0, uint8(255), uint8(0)
	o := y0*p.stride + x0
	for range block {
		r := p.pix[o : o+block : o+block]
		sum += int(r[0]) + int(r[1]) + int(r[2]) + int(r[3]) + int(r[4]) + int(r[5]) + int(r[6]) + int(r[7])
		lo = min(lo, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		hi = max(hi, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		o += p.stride
	}
	if inverted {
		sum, lo, hi = 255*block*block-sum, 255-hi, 255-lo
	}
	if hi-lo > minRange {
		return uint8(sum / (block * block))
	}
	// A flat block counts as light ground unless it is darker than what its neighbours, which may
	// have seen an edge, call the black point.
	if by > 0 && bx > 0 {
		i := by*t.bw + bx
		near := (int(t.raw[i-t.bw]) + 2*int(t.raw[i-1]) + int(t.raw[i-t.bw-1])) / 4
		if int(lo) < near {
			return uint8(near) //nolint:gosec // the mean of four bytes is a byte
		}
	}
	return lo / 2
}

// raise moves the thresholds of light neighbourhoods a good way towards white.
func (t *thresholds) raise() {
	for i, v := range t.smooth {
		if v > 100 {
			t.smooth[i] = v + (255-v)/2
		}
	}
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
		t.raw, t.smooth = make([]uint8, n), make([]uint8, n)
	}
	if cap(t.column) < t.bw {
		t.column = make([]int, t.bw)
	}
	t.raw, t.smooth, t.column = t.raw[:n], t.smooth[:n], t.column[:t.bw]
}
