package qr

// reachTaps are the neighbours, in modules, that the equaliser weighs: blur and motion mix them into
// a module. The table is never changed.
var reachTaps = [...][2]int{
	{0, 0},
	{-1, 0},
	{1, 0},
	{0, -1},
	{0, 1},
	{-1, -1},
	{1, -1},
	{-1, 1},
	{1, 1},
	{-2, 0},
	{2, 0},
	{0, -2},
	{0, 2},
}

// taps are the unknowns of the equaliser: a weight for each neighbour and one for what all have in
// common.
const taps = len(reachTaps) + 1

// Bounds on the equaliser.
const (
	outside    = -1.0   // level beyond the symbol's rim: a quiet zone
	knownTrust = 2.0    // how much a module that is known weighs against one that was guessed
	mostTrain  = 6000   // modules that it learns from
	ridge      = 0.0005 // of the modules that speak against large weights
)

// equaliser undoes, module by module, what a lens or a moving hand did: it learns from modules that
// are known, and from guesses at the others, how neighbours show through, whatever the direction
// and width of the blur.
type equaliser struct {
	want, trust []float32 // what each module should be, and how surely
	padded      []float32 // levels with a rim of two modules
	normal      [taps][taps + 1]float64
	weights     [taps]float32
}

func newEqualiser() equaliser {
	return equaliser{
		want: make([]float32, mostSide*mostSide), trust: make([]float32, mostSide*mostSide),
		padded: make([]float32, (mostSide+4)*(mostSide+4)),
	}
}

// teach sets what the modules of a symbol should be: what b knows and what the present soft values
// say.
func (q *equaliser) teach(b *blueprint, soft []float32) {
	for i, k := range b.modules {
		switch k {
		case knownDark:
			q.want[i], q.trust[i] = 1, knownTrust
		case knownPale:
			q.want[i], q.trust[i] = -1, knownTrust
		default:
			v := soft[i]
			q.want[i], q.trust[i] = 1, min(v, 1)
			if v < 0 {
				q.want[i], q.trust[i] = -1, min(-v, 1)
			}
		}
	}
}

// run learns from raw levels, n×n of them around 0, and writes to out what the modules then are. It
// fails if nothing can be learnt.
func (q *equaliser) run(raw, out []float32, n int) bool {
	w := n + 4
	for i := range q.padded[:w*w] {
		q.padded[i] = outside
	}
	for v := range n {
		copy(q.padded[(v+2)*w+2:(v+2)*w+2+n], raw[v*n:v*n+n])
	}
	var offset [len(reachTaps)]int
	for k, t := range reachTaps {
		offset[k] = t[1]*w + t[0]
	}
	var sum [taps][taps + 1]float32
	stride := 1 + n*n/mostTrain
	total := float32(0)
	for i := 0; i < n*n; i += stride {
		trust := q.trust[i]
		if trust < 0.05 {
			continue
		}
		at := (i/n+2)*w + i%n + 2
		var x [taps]float32
		for k, o := range offset {
			x[k] = q.padded[at+o]
		}
		x[taps-1] = 1
		total += trust
		for r := range taps {
			f := trust * x[r]
			row := &sum[r]
			for c := r; c < taps; c++ {
				row[c] += f * x[c]
			}
			row[taps] += f * q.want[i]
		}
	}
	for r := range taps {
		for c := range taps + 1 {
			q.normal[r][c] = float64(sum[min(r, c)][max(r, c)])
		}
		q.normal[r][taps] = float64(sum[r][taps])
		q.normal[r][r] += float64(total)*ridge + 1e-6
	}
	if !q.solve() {
		return false
	}
	for v := range n {
		for u := range n {
			at := (v+2)*w + u + 2
			s := q.weights[taps-1]
			for k, o := range offset {
				s += q.weights[k] * q.padded[at+o]
			}
			out[v*n+u] = min(max(s, -mostSoft), mostSoft)
		}
	}
	return true
}

// solve fills q.weights.
func (q *equaliser) solve() bool {
	a := &q.normal
	for i := range taps {
		pivot := a[i][i]
		if !(pivot > 1e-9) { // NaN too
			return false
		}
		for k := i + 1; k < taps; k++ {
			f := a[k][i] / pivot
			for j := i; j <= taps; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	for i := taps - 1; i >= 0; i-- {
		s := a[i][taps]
		for j := i + 1; j < taps; j++ {
			s -= a[i][j] * float64(q.weights[j])
		}
		q.weights[i] = float32(s / a[i][i])
	}
	return true
}

// agreement is how well soft agrees with the modules known to b, 1 at best.
func (b *blueprint) agreement(soft []float32) float32 {
	n, good := 0, float32(0)
	for i, k := range b.modules {
		if k == knownDark || k == knownPale {
			n++
			good += min(max(soft[i]*float32(k), -0.3), 0.3)
		}
	}
	return 0.5 + good/float32(n)/0.6
}
