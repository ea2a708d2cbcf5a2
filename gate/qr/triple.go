package qr

import (
	"cmp"
	"math"
	"slices"
)

// Bounds on the combination of finders.
const (
	ringed     = 48   // candidates that are looked at in all directions
	kept       = 14   // best candidates that are combined
	maxTriples = 24   // best combinations that are tried
	maxFailed  = 5    // combinations in a row that were no code, after which no better ones are expected
	worstScore = 2.1  // of a combination that is tried
	sharpScore = 1.5  // the same in sharpened frames, whose noise looks like finders too
	goodRing   = 0.55 // least quality
	sizeRatio  = 2.8  // largest to smallest module among three finders of one code seen in perspective
	legRatio   = 2    // longer to shorter distance between the corner finder and the others
	leastSine  = 0.3  // of the angle at the corner
	leastSpan  = 11   // modules between finder centres: 14 in version 1
	greatSpan  = 190  // 170 in version 40
)

// triple is three finders that could be the corners of one code.
type triple struct {
	topLeft, topRight, bottomLeft int // in e.finders
	score                         float64
}

// rate looks at the candidates in all directions, drops those that are no finders and those in a
// code that was read, and puts the best first.
func (e *eye) rate(c *clock) {
	slices.SortFunc(e.finders, func(a, b finder) int { return cmp.Compare(b.rows, a.rows) })
	n := 0
	for i := range e.finders {
		if i >= ringed || c.out() {
			break
		}
		f := e.finders[i]
		if f.used || e.covered(f.x, f.y) {
			continue
		}
		if e.ring(&f); f.quality < goodRing {
			continue
		}
		e.finders[n] = f
		n++
	}
	e.finders = e.finders[:n]
	slices.SortFunc(e.finders, func(a, b finder) int {
		return cmp.Compare(b.quality*math.Sqrt(float64(b.rows)), a.quality*math.Sqrt(float64(a.rows)))
	})
	if n > kept {
		e.finders = e.finders[:kept]
	}
}

// combine fills e.triples with what could be three corners of a code, likeliest first.
func (e *eye) combine(worst float64) {
	e.triples = e.triples[:0]
	for i := range e.finders {
		for j := i + 1; j < len(e.finders); j++ {
			for k := j + 1; k < len(e.finders); k++ {
				if t, ok := e.corner(i, j, k); ok && t.score < worst && (worst > sharpScore || e.anyRegular(i, j, k)) {
					e.triples = append(e.triples, t)
				}
			}
		}
	}
	slices.SortFunc(e.triples, byScore)
	if len(e.triples) > maxTriples {
		e.triples = e.triples[:maxTriples]
	}
}

// anyRegular says whether one of three finders is regular.
func (e *eye) anyRegular(i, j, k int) bool {
	return e.finders[i].regular || e.finders[j].regular || e.finders[k].regular
}

// byScore orders triples, likeliest first.
func byScore(a, b triple) int { return cmp.Compare(a.score, b.score) }

// distance of two finders in pixels.
func (f *finder) distance(o *finder) float64 { return math.Hypot(f.x-o.x, f.y-o.y) }

// modules is the distance of two finders in modules, of a size between theirs: in perspective the
// nearer finder is larger.
func (f *finder) modules(o *finder) float64 { return f.distance(o) / math.Sqrt(f.module*o.module) }

// corner orders three finders as corners and measures how unlike a square's they are.
func (e *eye) corner(i, j, k int) (triple, bool) {
	a, b, c := &e.finders[i], &e.finders[j], &e.finders[k]
	if a.inverted != b.inverted || b.inverted != c.inverted {
		return triple{}, false
	}
	most, least := max(a.module, b.module, c.module), min(a.module, b.module, c.module)
	if most > sizeRatio*least {
		return triple{}, false
	}
	// The corner is opposite the longest side, which is the longest in modules: on the frame a leg
	// that is nearer to the camera may be longer.
	ab, ac, bc := a.modules(b), a.modules(c), b.modules(c)
	switch {
	case ab >= ac && ab >= bc:
		i, j, k, ab, ac, bc = k, i, j, ac, bc, ab
	case ac >= ab && ac >= bc:
		i, j, ac, bc = j, i, bc, ac
	}
	a, b, c = &e.finders[i], &e.finders[j], &e.finders[k]
	cross := (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x)
	if cross < 0 {
		j, k, ab, ac, cross = k, j, ac, ab, -cross
	}
	sine := cross / (a.distance(b)*a.distance(c) + 1e-9)
	if span := max(ab, ac); sine < leastSine || ab > legRatio*ac || ac > legRatio*ab || span < leastSpan || span > greatSpan {
		return triple{}, false
	}
	score := 1 - sine + math.Abs(math.Log(ab/ac)) + math.Log(most/least)/2 + math.Abs(bc*bc/(ab*ab+ac*ac)-1)
	score -= 0.12*math.Log(float64(a.rows*b.rows*c.rows)) + 3*(a.quality+b.quality+c.quality-3)
	return triple{i, j, k, score}, true
}
