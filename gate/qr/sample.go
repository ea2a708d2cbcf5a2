package qr

import "math"

// mean is how many modules around a module its threshold is the mean of.
const meanReach = 4

// Bounds on how sure a module can be.
const (
	leastSpread = 0.7 // gray levels that are noise
	mostSoft    = 2
)

// border is the level outside of the symbol: a quiet zone.
const border = 230

// kernel is one way to sharpen the modules' levels, which undoes blur and motion.
type kernel struct {
	row, column float32 // weights of neighbours in the row and in the column
	amount      float32 // how much of the difference to them is added
}

// kernels are tried in this order. The table is never changed.
var kernels = [...]kernel{
	{},
	{row: 1, column: 1, amount: 0.9},
	{row: 1, column: 1, amount: 2},
	{row: 2, amount: 1.2},
	{column: 2, amount: 1.2},
}

// sample fills e.levels with the gray level of each module of l, dark being low.
func (e *eye) sample(l *layout) {
	n := l.side
	from := e.source
	size := l.module(float64(n)/2, float64(n)/2)
	if from.k == 1 && size >= coarse && e.half.w >= MinSide && e.half.h >= MinSide {
		from = source{e.half, 0.5}
	}
	single := size*from.k < fine
	levels := e.levels[:n*n]
	for v := range n {
		fv := float64(v) + 0.5
		for u := range n {
			fu := float64(u) + 0.5
			var g float64
			if single {
				x, y := l.frame(fu, fv)
				g = from.at(x, y)
			} else {
				for _, d := range [4][2]float64{{-0.2, -0.2}, {0.2, -0.2}, {-0.2, 0.2}, {0.2, 0.2}} {
					x, y := l.frame(fu+d[0], fv+d[1])
					g += from.at(x, y) / 4
				}
			}
			if e.corners[0].inverted {
				g = 255 - g
			}
			levels[v*n+u] = float32(g)
		}
	}
}

// Sizes of a module in pixels.
const (
	coarse = 7.0 // from which on the frame at half size is sampled
	fine   = 2.4 // up to which a module is sampled in one place
)

// sharpen fills e.crisp from e.levels.
func (e *eye) sharpen(n int, k kernel) []float32 {
	a, b := e.levels[:n*n], e.crisp[:n*n]
	for v := range n {
		for u := range n {
			i := v*n + u
			left, right, up, down := float32(border), float32(border), float32(border), float32(border)
			if u > 0 {
				left = a[i-1]
			}
			if u < n-1 {
				right = a[i+1]
			}
			if v > 0 {
				up = a[i-n]
			}
			if v < n-1 {
				down = a[i+n]
			}
			mean := (k.row*(left+right) + k.column*(up+down)) / 4
			b[i] = a[i] + k.amount*(a[i]-mean)
		}
	}
	return b
}

// soften fills e.soft from the n×n levels a: how far each is below the mean of its neighbourhood,
// in units of how much levels differ there. Dark modules are about 1, light ones about -1.
func (e *eye) soften(a []float32, n int) []float32 {
	mean, spread, soft := e.means[:n*n], e.spreads[:n*n], e.soft[:n*n]
	e.box(a, mean, n)
	for i, v := range a {
		d := mean[i] - v
		soft[i] = d
		spread[i] = max(d, -d)
	}
	e.box(spread, spread, n)
	for i := range soft {
		soft[i] = min(max(soft[i]/(spread[i]+leastSpread), -mostSoft), mostSoft)
	}
	return soft
}

// box writes to out the mean of a within meanReach modules of each module.
func (e *eye) box(a, out []float32, n int) {
	t := e.rows[:n*n]
	for v := range n {
		row, to := a[v*n:v*n+n], t[v*n:v*n+n]
		sum, count := float32(0), float32(0)
		for u := range min(meanReach, n) {
			sum += row[u]
			count++
		}
		for u := range n {
			if u+meanReach < n {
				sum += row[u+meanReach]
				count++
			}
			if u > meanReach {
				sum -= row[u-meanReach-1]
				count--
			}
			to[u] = sum / count
		}
	}
	sums := e.column[:n]
	clear(sums)
	for v := range min(meanReach, n) {
		for u, m := range t[v*n : v*n+n] {
			sums[u] += m
		}
	}
	for v := range n {
		if v+meanReach < n {
			for u, m := range t[(v+meanReach)*n : (v+meanReach)*n+n] {
				sums[u] += m
			}
		}
		if v > meanReach {
			for u, m := range t[(v-meanReach-1)*n : (v-meanReach-1)*n+n] {
				sums[u] -= m
			}
		}
		scale := 1 / float32(min(v+meanReach, n-1)-max(v-meanReach, 0)+1)
		for u, s := range sums {
			out[v*n+u] = s * scale
		}
	}
}

// finite says whether l maps the symbol's corners to the neighbourhood of a frame of w by h pixels
// in the right sense of rotation or its mirror image.
func (l *layout) finite(w, h int) bool {
	n := float64(l.side)
	far := 2 * float64(max(w, h))
	for _, c := range [4][2]float64{{0, 0}, {n, 0}, {n, n}, {0, n}} {
		x, y := l.frame(c[0], c[1])
		if !(math.Abs(x) < far && math.Abs(y) < far) { // NaN too
			return false
		}
	}
	return true
}
