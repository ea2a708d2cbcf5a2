package qr

import (
	"cmp"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// Bounds on the search for the right grid of modules.
const (
	alignReach  = 8    // modules around its expected place in which the alignment pattern is looked for
	alignStep   = 4    // modules from one looked-at window to the next
	maxGrids    = 4    // best grids that are decoded
	timingShare = 0.75 // of the timing patterns that must be right in a grid worth decoding
)

// grid is one reading of the modules between three finder patterns.
type grid struct {
	modules *gozxing.BitMatrix
	points  []gozxing.ResultPoint // bottom left, top left, top right, and the alignment pattern if there is one
	timing  float64               // share of the timing patterns' modules that alternate as they should
}

// dimension estimates the number of modules a side from the distances of the finders.
func (t triple) dimension() int {
	module := (t.topLeft.GetEstimatedModuleSize() + t.topRight.GetEstimatedModuleSize() + t.bottomLeft.GetEstimatedModuleSize()) / 3
	legs := math.Sqrt(square(t.topLeft, t.topRight)) + math.Sqrt(square(t.topLeft, t.bottomLeft))
	return int(math.Round(legs/2/module/4))*4 + 9 // 7 modules more, and 1 more than a multiple of 4
}

// grids tries nearby numbers of modules and several places for the alignment pattern, and returns
// the grids whose timing patterns look best. Perspective makes both hard to foresee: far modules
// are smaller, and the fourth corner is not where a parallelogram would have it.
func (e *eye) grids(t triple, dimension int, expired func() bool) []grid {
	var out []grid
	for _, n := range []int{dimension, dimension + 4, dimension - 4} {
		if n < 21 || n > 177 {
			continue
		}
		for _, pattern := range append(e.alignments(t, n, expired), nil) {
			if expired() {
				return nil
			}
			transform := detector.Detector_createTransform(t.topLeft, t.topRight, t.bottomLeft, nil, n)
			points := []gozxing.ResultPoint{t.bottomLeft, t.topLeft, t.topRight}
			if pattern != nil {
				transform = detector.Detector_createTransform(t.topLeft, t.topRight, t.bottomLeft, pattern, n)
				points = append(points, pattern)
			}
			modules, err := detector.Detector_sampleGrid(e.bitmap.matrix, transform, n)
			if err != nil {
				continue
			}
			if share := timing(modules); share >= timingShare {
				out = append(out, grid{modules, points, share})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b grid) int { return cmp.Compare(b.timing, a.timing) })
	return out[:min(len(out), maxGrids)]
}

// alignments looks for the alignment pattern nearest the fourth corner in windows around its place.
func (e *eye) alignments(t triple, dimension int, expired func() bool) []*detector.AlignmentPattern {
	if dimension == 21 { // version 1 has none
		return nil
	}
	// In modules from the top left finder; the pattern is three modules nearer than a fourth finder
	// would be.
	span := float64(dimension - 7)
	near := 1 - 3/span
	ux, uy := (t.topRight.GetX()-t.topLeft.GetX())/span, (t.topRight.GetY()-t.topLeft.GetY())/span
	vx, vy := (t.bottomLeft.GetX()-t.topLeft.GetX())/span, (t.bottomLeft.GetY()-t.topLeft.GetY())/span
	module := (math.Hypot(ux, uy) + math.Hypot(vx, vy)) / 2
	var out []*detector.AlignmentPattern
	for dv := -alignReach; dv <= alignReach; dv += alignStep {
		for du := -alignReach; du <= alignReach; du += alignStep {
			if expired() {
				return out
			}
			u, v := span*near+float64(du), span*near+float64(dv)
			x, y := t.topLeft.GetX()+u*ux+v*vx, t.topLeft.GetY()+u*uy+v*vy
			p := e.alignment(x, y, module)
			if p != nil && !slices.ContainsFunc(out, func(o *detector.AlignmentPattern) bool {
				return math.Abs(o.GetX()-p.GetX())+math.Abs(o.GetY()-p.GetY()) < module
			}) {
				out = append(out, p)
			}
		}
	}
	return out
}

// alignment looks for an alignment pattern in a window of five modules around (x, y).
func (e *eye) alignment(x, y, module float64) *detector.AlignmentPattern {
	half := module*alignStep/2 + module/2
	x0, y0 := max(0, int(x-half)), max(0, int(y-half))
	x1, y1 := min(e.bitmap.w-1, int(x+half)), min(e.bitmap.h-1, int(y+half))
	if float64(x1-x0) < 3*module || float64(y1-y0) < 3*module {
		return nil
	}
	p, err := detector.NewAlignmentPatternFinder(e.bitmap.matrix, x0, y0, x1-x0, y1-y0, module, nil).Find()
	if err != nil {
		return nil
	}
	return p
}

// timing is the share of modules between the finders, in row and column 6, that alternate.
func timing(modules *gozxing.BitMatrix) float64 {
	n := modules.GetWidth()
	right := 0
	for i := 8; i < n-8; i++ {
		if modules.Get(i, 6) == (i%2 == 0) {
			right++
		}
		if modules.Get(6, i) == (i%2 == 0) {
			right++
		}
	}
	return float64(right) / float64(2*(n-16))
}
