package qr

import (
	"math"

	"github.com/makiuchi-d/gozxing"
)

// maxTries bounds the symbols that are decoded per frame, right or wrong.
const maxTries = 24

// mostSide is the modules along one side of version 40.
const mostSide = 177

// eye looks for codes in one frame at a time. It owns the buffers for that: in a stream of frames
// of one size it allocates nothing until a symbol is decoded.
type eye struct {
	frame  plane  // in whose coordinates everything is
	half   plane  // the same at half size
	source source // what gray levels are taken from

	thresholds thresholds
	bitmap     bitmap
	ends       []int32
	finders    []finder
	triples    []triple
	compass    compass
	template   template

	// Of the triple that is being read: its finders, their edges, the likeliest layouts.
	corners [3]finder
	traced  [3][]edge
	found   []layout
	marks   []mark

	// Of the layout that is being read, one for each module.
	levels, crisp, means []float32
	column               []float32
	modules              *gozxing.BitMatrix     // as the symbol decoder takes them
	matrices             [41]*gozxing.BitMatrix // the modules of each version that was seen
	symbols              symbols

	laid  int // layouts of the present view that looked right
	tries int // symbols decoded in this frame
	codes []Code
}

func newEye() eye {
	e := eye{
		symbols: newSymbols(), compass: newCompass(), template: newTemplate(),
		finders: make([]finder, 0, maxFinders), triples: make([]triple, 0, kept*kept*kept/6),
		found: make([]layout, 0, maxLayouts), marks: make([]mark, 0, 49),
		levels: make([]float32, mostSide*mostSide), crisp: make([]float32, mostSide*mostSide),
		means: make([]float32, mostSide*mostSide), column: make([]float32, mostSide),
	}
	for i := range e.traced {
		e.traced[i] = make([]edge, 0, 4*len(slopes)*3)
	}
	return e
}

// begin forgets the frame before.
func (e *eye) begin(frame, half plane) {
	e.frame, e.half = frame, half
	e.tries = 0
	e.codes = nil
}

// release lets go of the frame.
func (e *eye) release() { e.frame, e.half, e.source = plane{}, plane{}, source{} }

// look searches v in one way and adds the codes it reads to e.codes.
func (e *eye) look(v *view, w way, c *clock) hope {
	e.finders, e.laid = e.finders[:0], 0
	e.source = source{e.frame, 1}
	if w.sharp {
		e.source = source{v.plane, 1 / v.scale}
	}
	e.thresholds.local(v.plane, false, w.contrast)
	if w.bloom {
		e.thresholds.raise()
	}
	e.bitmap.fill(v.plane, &e.thresholds)
	rowStep := 2
	if v.h >= 700 {
		rowStep = 3
	}
	e.scan(v, rowStep, c)
	e.rate(c)
	e.combine()
	failed := 0
	for i := range e.triples {
		if failed >= maxFailed || e.tries >= maxTries || c.out() {
			break
		}
		t := &e.triples[i]
		if e.finders[t.topLeft].used || e.finders[t.topRight].used || e.finders[t.bottomLeft].used {
			continue
		}
		code, ok := e.read(t, c)
		if !ok {
			failed++
			continue
		}
		failed = 0
		e.codes = append(e.codes, code)
		for k := range e.finders {
			f := &e.finders[k]
			f.used = f.used || code.covers(f.x, f.y)
		}
		e.finders[t.topLeft].used, e.finders[t.topRight].used, e.finders[t.bottomLeft].used = true, true, true
	}
	switch {
	case e.laid > 0:
		return promise
	case !w.sharp && len(e.finders) > 1: // sharpened noise has finders too
		return hint
	}
	return hopeless
}

// read tries to read the symbol between three finders.
func (e *eye) read(t *triple, c *clock) (Code, bool) {
	side, ok := e.measure(t)
	if !ok {
		return Code{}, false
	}
	e.layouts(side)
	e.laid += len(e.found)
	for i := range e.found {
		l := e.found[i]
		e.align(&l)
		if !l.finite(e.frame.w, e.frame.h) {
			continue
		}
		if code, ok := e.decode(&l, c); ok {
			return code, true
		}
		if e.tries >= maxTries || c.out() {
			break
		}
	}
	return Code{}, false
}

// decode samples the modules of l and decodes them, sharpened more and more.
func (e *eye) decode(l *layout, c *clock) (Code, bool) {
	n := l.side
	version := (n - 17) / 4
	if e.matrices[version] == nil {
		m, err := gozxing.NewSquareBitMatrix(n)
		if err != nil {
			return Code{}, false
		}
		e.matrices[version] = m
	}
	e.modules = e.matrices[version]
	e.sample(l)
	for i, k := range kernels {
		if i > 0 && (e.tries >= maxTries || c.out()) {
			break
		}
		levels := e.levels[:n*n]
		if k.amount > 0 {
			levels = e.sharpen(n, k)
		}
		e.divide(levels, n)
		e.tries++
		if code, ok := e.symbols.decode(e.modules); ok {
			side := float64(n)
			for i, p := range [4][2]float64{{0, 0}, {side, 0}, {side, side}, {0, side}} {
				code.Corners[i].X, code.Corners[i].Y = l.frame(p[0], p[1])
			}
			return code, true
		}
	}
	return Code{}, false
}

// covered says whether (x, y) lies in a code that was read.
func (e *eye) covered(x, y float64) bool {
	for i := range e.codes {
		if e.codes[i].covers(x, y) {
			return true
		}
	}
	return false
}

// covers says whether (x, y) lies between c's corners.
func (c *Code) covers(x, y float64) bool {
	sign := 0.0
	for i := range c.Corners {
		a, b := c.Corners[i], c.Corners[(i+1)%4]
		s := (b.X-a.X)*(y-a.Y) - (b.Y-a.Y)*(x-a.X)
		if s == 0 || math.IsNaN(s) || s*sign < 0 {
			return false
		}
		sign = s
	}
	return true
}
