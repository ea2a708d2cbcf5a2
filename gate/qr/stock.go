//go:build !js

package qr

import (
	"cmp"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// Bounds on gozxing's own search, which has none.
const (
	stockCentres = 200 // candidates after which the scan stops
	stockKept    = 12  // best candidates that are combined
	stockTriples = 3   // best combinations that are read
	stockRatio   = 1.6 // largest to smallest module of a combination
)

// hasStock says that gozxing's detector is there. A browser would have to download its tables of
// character sets with it, which are more than all the rest.
const hasStock = true

// stock is gozxing's detector and what it is fed with.
type stock struct {
	matrix *gozxing.BitMatrix
	line   *gozxing.BitArray
	soft   []float32 // the modules of a symbol that it found
}

// export fills the matrix with b; inverted swaps dark and light.
func (s *stock) export(b *bitmap, inverted bool) error {
	if s.matrix == nil || s.matrix.GetWidth() != b.w || s.matrix.GetHeight() != b.h {
		m, err := gozxing.NewBitMatrix(b.w, b.h)
		if err != nil {
			return err
		}
		s.matrix, s.line = m, gozxing.NewBitArray(b.w)
	}
	var flip uint32
	if inverted {
		flip = ^uint32(0)
	}
	for y := range b.h {
		row := b.bits[y*b.words : (y+1)*b.words]
		for i, w := range row {
			w ^= flip
			if rest := b.w % 32; rest != 0 && i == len(row)-1 {
				w &= 1<<rest - 1
			}
			s.line.SetBulk(i*32, w)
		}
		s.matrix.SetRow(y, s.line)
	}
	return nil
}

// look searches v with gozxing's finder and detector for e. It is the last resort.
func (s *stock) look(e *eye, v *view, w way, c *clock) {
	if w.global {
		if !e.thresholds.global(v.plane) {
			e.ready = c.left()
			return
		}
	} else {
		e.thresholds.local(v.plane, w.inverted, w.contrast)
	}
	e.bitmap.fill(v.plane, &e.thresholds)
	broken := c.out() || s.export(&e.bitmap, w.inverted) != nil
	e.ready = c.left()
	if broken {
		return
	}
	for _, info := range stockTriplesOf(s.centres(e, w.inverted, c)) {
		if c.out() {
			return
		}
		found, err := detector.NewDetector(s.matrix).ProcessFinderPatternInfo(info)
		if err != nil {
			continue
		}
		code, ok := s.read(e, found.GetBits())
		if !ok {
			continue
		}
		tl, tr, bl := info.GetTopLeft(), info.GetTopRight(), info.GetBottomLeft()
		frame := func(p *detector.FinderPattern) Point {
			return Point{p.GetX()*v.scale + v.x0, p.GetY()*v.scale + v.y0}
		}
		code.Corners = parallelogram(frame(tl), frame(tr), frame(bl), code.side())
		e.codes = append(e.codes, code)
		return
	}
}

// read makes text of modules, all of them equally sure.
func (s *stock) read(e *eye, modules *gozxing.BitMatrix) (Code, bool) {
	n := modules.GetWidth()
	b := e.symbols.blueprint((n - 17) / 4)
	if b == nil || b.side != n || modules.GetHeight() != n {
		return Code{}, false
	}
	s.soft = s.soft[:0]
	for i := range n * n {
		soft := float32(-1)
		if modules.Get(i%n, i/n) {
			soft = 1
		}
		s.soft = append(s.soft, soft)
	}
	text, ok := e.symbols.read(b, s.soft)
	return Code{Text: text, Version: b.version}, ok
}

// parallelogram extends the centres of three finders to the corners of a symbol of side modules.
func parallelogram(tl, tr, bl Point, side float64) [4]Point {
	k := 1 / (side - 7)
	ux, uy, vx, vy := (tr.X-tl.X)*k, (tr.Y-tl.Y)*k, (bl.X-tl.X)*k, (bl.Y-tl.Y)*k
	at := func(u, v float64) Point {
		return Point{tl.X + (u-3.5)*ux + (v-3.5)*vx, tl.Y + (u-3.5)*uy + (v-3.5)*vy}
	}
	return [4]Point{at(0, 0), at(side, 0), at(side, side), at(0, side)}
}

// centres scans rows for runs of 1:1:3:1:1 and lets gozxing cross-check each.
func (s *stock) centres(e *eye, inverted bool, c *clock) []*detector.FinderPattern {
	f := detector.NewFinderPatternFinder(s.matrix, nil)
	var runs [5]int
	first := 1 // odd runs are dark
	if inverted {
		first = 0
	}
	for i, y := 0, 2; y < e.bitmap.h; i, y = i+1, y+3 {
		if i%checkEvery == 0 && (c.out() || len(f.GetPossibleCenters()) > stockCentres) {
			break
		}
		e.ends = e.bitmap.edges(y, e.ends[:0])
		for k := first; k+4 < len(e.ends); k += 2 {
			prev := int32(0)
			if k > 0 {
				prev = e.ends[k-1]
			}
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

// stockTriplesOf combines candidates to the shapes that come closest to three corners of a square.
func stockTriplesOf(centres []*detector.FinderPattern) []*detector.FinderPatternInfo {
	if len(centres) < 3 {
		return nil
	}
	// A finder pattern is crossed by several rows; a chance find mostly by one.
	slices.SortStableFunc(centres, func(a, b *detector.FinderPattern) int { return cmp.Compare(b.GetCount(), a.GetCount()) })
	centres = centres[:min(len(centres), stockKept)]
	type rated struct {
		info  *detector.FinderPatternInfo
		score float64
	}
	var found []rated
	for i, a := range centres {
		for j, b := range centres[i+1:] {
			for _, c := range centres[i+j+2:] {
				if info, score, ok := stockCorner(a, b, c); ok {
					found = append(found, rated{info, score})
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b rated) int { return cmp.Compare(a.score, b.score) })
	var out []*detector.FinderPatternInfo
	for _, r := range found[:min(len(found), stockTriples)] {
		out = append(out, r.info)
	}
	return out
}

// stockCorner orders three candidates as corners and measures how far they are from a square's.
func stockCorner(a, b, c *detector.FinderPattern) (*detector.FinderPatternInfo, float64, bool) {
	ma, mb, mc := a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize(), c.GetEstimatedModuleSize()
	least, most := min(ma, mb, mc), max(ma, mb, mc)
	if most > stockRatio*least {
		return nil, 0, false
	}
	p0, p1, p2 := gozxing.ResultPoint_OrderBestPatterns(a, b, c)
	bl, ok0 := p0.(*detector.FinderPattern)
	tl, ok1 := p1.(*detector.FinderPattern)
	tr, ok2 := p2.(*detector.FinderPattern)
	if !ok0 || !ok1 || !ok2 {
		return nil, 0, false
	}
	left, top, across := squared(tl, bl), squared(tl, tr), squared(bl, tr)
	// Finder centres are 14 modules apart in version 1 and 170 in version 40; foreshortening
	// makes a leg shorter, never longer.
	if math.Sqrt(min(left, top)) < 7*least || math.Sqrt(max(left, top)) > 180*most {
		return nil, 0, false
	}
	d := (math.Abs(across-2*left) + math.Abs(across-2*top)) / across
	return detector.NewFinderPatternInfo(bl, tl, tr), d + (most/least-1)/2, true
}

// squared is the squared distance of two candidates in pixels.
func squared(a, b *detector.FinderPattern) float64 {
	dx, dy := a.GetX()-b.GetX(), a.GetY()-b.GetY()
	return dx*dx + dy*dy
}
