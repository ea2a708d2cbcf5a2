package qr

import "math"

// Bounds on the search for alignment patterns.
const (
	markReach  = 1.5  // modules around its expected place in which a pattern is looked for
	markFar    = 3    // the same for the last one while none was found
	markStep   = 0.5  // modules between places looked at
	markLike   = 0.62 // least correlation with the pattern
	markFlat   = 100  // least variance of the 25 levels, times 25
	nearBetter = 0.02 // correlation that a module of distance costs
)

// alignmentStep is the number of modules between alignment patterns' rows and columns, by version
// (ISO/IEC 18004, Annex E). The first are at 6; the others, counted from the last, lie that far
// apart.
var alignmentStep = [41]int{
	0, 0, 12, 16, 20, 24, 28, 16, 18, 20, 22, 24, 26, 28, 20, 22, 24, 24, 26, 28, 28,
	22, 24, 24, 26, 26, 28, 28, 24, 24, 26, 26, 26, 28, 28, 24, 26, 26, 26, 28, 28,
}

// alignmentCentres are the rows and columns in which alignment patterns lie, written to out.
func alignmentCentres(version int, out *[7]int) []int {
	if version < 2 {
		return nil
	}
	n := version/7 + 2
	out[0] = 6
	for i := 1; i < n; i++ {
		out[i] = 4*version + 10 - (n-1-i)*alignmentStep[version]
	}
	return out[:n]
}

// template is what an alignment pattern looks like, with mean 0 and length 1.
type template [5][5]float64

func newTemplate() (t template) {
	sum := 0.0
	for y := range t {
		for x := range t[y] {
			t[y][x] = 1
			if x == 0 || y == 0 || x == 4 || y == 4 || x == 2 && y == 2 {
				t[y][x] = -1
			}
			sum += t[y][x]
		}
	}
	square := 0.0
	for y := range t {
		for x := range t[y] {
			t[y][x] -= sum / 25
			square += t[y][x] * t[y][x]
		}
	}
	for y := range t {
		for x := range t[y] {
			t[y][x] /= math.Sqrt(square)
		}
	}
	return t
}

// align looks for the symbol's alignment patterns, those near the corner first, and fits l anew
// after each.
func (e *eye) align(l *layout) {
	e.marks = e.marks[:0]
	version := (l.side - 17) / 4
	if version < 2 {
		return
	}
	var centres [7]int
	at := alignmentCentres(version, &centres)
	n := len(at)
	// Along diagonals, because a pattern's place is best foretold by those nearer the corner.
	for d := 0; d <= 2*(n-1); d++ {
		for j := max(0, d-n+1); j <= min(d, n-1); j++ {
			i := d - j
			if i == 0 && j == 0 || i == 0 && j == n-1 || i == n-1 && j == 0 || n > 4 && (i == 0 || j == 0) {
				continue // a finder's place, or one of many that add little on the timing pattern
			}
			reach := markReach
			if d == 2*(n-1) && len(e.marks) == 0 {
				reach = markFar
			}
			m, like := e.locate(l, float64(at[i])+0.5, float64(at[j])+0.5, reach)
			if like <= markLike {
				continue
			}
			e.marks = append(e.marks, m)
			better := *l
			if e.fit(&better, e.marks) {
				*l = better
			} else {
				e.marks = e.marks[:len(e.marks)-1]
			}
		}
	}
}

// locate looks for an alignment pattern around (u, v) and returns its place and its likeness.
func (e *eye) locate(l *layout, u, v, reach float64) (mark, float64) {
	cx, cy := l.frame(u, v)
	x1, y1 := l.frame(u+1, v)
	x2, y2 := l.frame(u, v+1)
	ux, uy, vx, vy := x1-cx, y1-cy, x2-cx, y2-cy
	sign := 1.0
	if e.corners[0].inverted {
		sign = -1
	}
	like := func(du, dv float64) float64 {
		var sum, squares, dot float64
		for j := range 5 {
			for i := range 5 {
				fu, fv := du+float64(i-2), dv+float64(j-2)
				g := e.source.at(cx+fu*ux+fv*vx, cy+fu*uy+fv*vy)
				sum += g
				squares += g * g
				dot += g * e.template[j][i]
			}
		}
		if variance := squares - sum*sum/25; variance >= markFlat {
			return sign * dot / math.Sqrt(variance)
		}
		return 0
	}
	best, bu, bv := -1.0, 0.0, 0.0
	try := func(du, dv float64) {
		if r := like(du, dv) - nearBetter*math.Hypot(du, dv); r > best {
			best, bu, bv = r, du, dv
		}
	}
	for dv := -reach; dv <= reach; dv += markStep {
		for du := -reach; du <= reach; du += markStep {
			try(du, dv)
		}
	}
	for step := markStep / 2; step >= markStep/4; step /= 2 {
		ou, ov := bu, bv
		for dv := -1.0; dv <= 1; dv++ {
			for du := -1.0; du <= 1; du++ {
				if du != 0 || dv != 0 {
					try(ou+du*step, ov+dv*step)
				}
			}
		}
	}
	// Where the pattern is sharp its likeness is level around the middle: the slopes to both sides
	// say better where that is.
	peak := like(bu, bv)
	bu, bv = bu+crest(like(bu-markStep, bv), peak, like(bu+markStep, bv)), bv+crest(like(bu, bv-markStep), peak, like(bu, bv+markStep))
	return mark{cx + bu*ux + bv*vx, cy + bu*uy + bv*vy, u, v}, best
}

// crest is where a parabola through three values, markStep apart, is highest, from the middle one.
func crest(before, here, after float64) float64 {
	bend := 2*here - before - after
	if bend < 1e-3 {
		return 0
	}
	return min(max(markStep/2*(after-before)/bend, -markStep), markStep)
}
