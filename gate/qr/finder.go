package qr

import (
	"cmp"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// Bounds on the search, so that a frame full of texture costs no more than its share.
const (
	rowStep     = 3   // rows between scanned rows; a finder's dark centre is three modules high
	checkEvery  = 8   // scanned rows between looks at the clock
	maxCentres  = 400 // candidates after which a frame is taken for texture and the scan stops
	keptCentres = 20  // best candidates that are combined to triples
	maxTriples  = 4   // best triples that are read
	sizeRatio   = 1.6 // largest to smallest module among three finders of one code seen in perspective
)

// triple is three finder patterns that could be the corners of one code.
type triple struct {
	bottomLeft, topLeft, topRight *detector.FinderPattern
	// distortion is 0 for a right angle with equal legs and grows with the difference.
	distortion float64
}

// eye looks for codes in one plane at a time. It owns the buffers for that.
type eye struct {
	thresholds thresholds
	bitmap     bitmap
	ends       []int32
	symbols    symbols
}

func newEye() eye { return eye{symbols: newSymbols()} }

// open divides p into dark and light as s wants it. It reports false if p has no contrast for it.
func (e *eye) open(p plane, s strategy) bool {
	if s.global {
		if !e.thresholds.global(p) {
			return false
		}
	} else {
		minRange := uint8(clearRange)
		if s.faint {
			minRange = faintRange
		}
		e.thresholds.local(p, s.inverted, minRange)
		if s.bloom {
			e.thresholds.raise()
		}
	}
	return e.bitmap.fill(p, &e.thresholds, s.inverted) == nil
}

// seek returns the likeliest triples of finder patterns, best first, and whether there was anything
// like a finder pattern at all. It stops early when expired says so and works with what it has.
func (e *eye) seek(expired func() bool) (found []triple, seen bool) {
	centres := e.centres(expired)
	// What several scanned rows cross in the same place is no chance find.
	seen = slices.ContainsFunc(centres, func(c *detector.FinderPattern) bool { return c.GetCount() > 1 })
	return triples(centres), seen
}

// centres scans rows for runs of 1:1:3:1:1 and lets gozxing cross-check each.
func (e *eye) centres(expired func() bool) []*detector.FinderPattern {
	f := detector.NewFinderPatternFinder(e.bitmap.matrix, nil)
	var runs [5]int
	for i, y := 0, rowStep-1; y < e.bitmap.h; i, y = i+1, y+rowStep {
		if i%checkEvery == 0 && (expired() || len(f.GetPossibleCenters()) > maxCentres) {
			break
		}
		e.ends = e.bitmap.edges(y, e.ends[:0])
		for k := 1; k+4 < len(e.ends); k += 2 { // odd runs are dark
			prev := e.ends[k-1]
			for j := range runs {
				runs[j] = int(e.ends[k+j] - prev)
				prev = e.ends[k+j]
			}
			if runs[2] <= runs[1] && runs[2] <= runs[3] || !detector.FinderPatternFinder_foundPatternCross(runs[:]) {
				continue
			}
			f.HandlePossibleCenter(runs[:], y, int(e.ends[k+4]))
		}
	}
	return f.GetPossibleCenters()
}

// triples combines candidates to the shapes that come closest to three corners of a square.
func triples(centres []*detector.FinderPattern) []triple {
	if len(centres) < 3 {
		return nil
	}
	// A finder pattern is crossed by several rows; a chance find mostly by one.
	slices.SortStableFunc(centres, func(a, b *detector.FinderPattern) int { return cmp.Compare(b.GetCount(), a.GetCount()) })
	centres = centres[:min(len(centres), keptCentres)]
	var found []triple
	for i, a := range centres {
		for j, b := range centres[i+1:] {
			for _, c := range centres[i+j+2:] {
				if t, ok := combine(a, b, c); ok {
					found = append(found, t)
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b triple) int { return cmp.Compare(a.distortion, b.distortion) })
	return found[:min(len(found), maxTriples)]
}

// combine orders three candidates as corners and measures how far they are from a square's.
func combine(a, b, c *detector.FinderPattern) (triple, bool) {
	ma, mb, mc := a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize(), c.GetEstimatedModuleSize()
	least, most := min(ma, mb, mc), max(ma, mb, mc)
	if most > sizeRatio*least {
		return triple{}, false
	}
	p0, p1, p2 := gozxing.ResultPoint_OrderBestPatterns(a, b, c)
	bl, ok0 := p0.(*detector.FinderPattern)
	tl, ok1 := p1.(*detector.FinderPattern)
	tr, ok2 := p2.(*detector.FinderPattern)
	if !ok0 || !ok1 || !ok2 {
		return triple{}, false
	}
	left, top, across := square(tl, bl), square(tl, tr), square(bl, tr)
	// Finder centres are 14 modules apart in version 1 and 170 in version 40; foreshortening
	// makes a leg shorter, never longer.
	if shortest := math.Sqrt(min(left, top)); shortest < 7*least || math.Sqrt(max(left, top)) > 180*most {
		return triple{}, false
	}
	d := (math.Abs(across-2*left) + math.Abs(across-2*top)) / across
	spread := most/least - 1
	return triple{bl, tl, tr, d + spread/2}, true
}

// square is the squared distance of two candidates in pixels.
func square(a, b *detector.FinderPattern) float64 {
	dx, dy := a.GetX()-b.GetX(), a.GetY()-b.GetY()
	return dx*dx + dy*dy
}
