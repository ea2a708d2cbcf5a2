package qr

import (
	"math"
	"slices"
	"time"
)

// maxTries bounds the symbols that are decoded per frame, right or wrong.
const maxTries = 24

// Bounds on the care that is taken over one layout.
const (
	leastCurved = 0.6  // share of the modules that every symbol has, from which it is tried to follow curved paper
	leastKnown  = 0.72 // share of the modules that every symbol has, from which it is gone on
	rounds      = 4    // of the equaliser
	stages      = 4    // of squaring levels
)

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
	open       []column // of finders, while they are looked for
	triples    []triple
	compass    compass
	ray        profile
	template   template
	spots      []spot
	weights    []float32 // of the spots
	glances    []int     // the spots in bytes from the centre
	glanceRim  int       // the farthest in pixels

	// Of the triple that is being read: its finders, their edges, the likeliest layouts.
	corners [3]finder
	traced  [3][]edge
	found   []layout
	marks   []mark

	// Of the layout that is being read, one for each module.
	levels, crisp, means []float32
	rows, spreads, soft  []float32
	column, start        []float32
	raw, plain           []float32
	equaliser            equaliser
	symbols              *symbols

	ready time.Duration // what was left of the budget when the present view had been divided
	// seenFinders is how many finders the present view has, without those that were guessed.
	seenFinders int
	laid        int // layouts of the present view that looked right
	tries       int // symbols decoded in this frame
	codes       []Code
}

func newEye() eye {
	e := eye{
		symbols: newSymbols(), compass: newCompass(), template: newTemplate(), spots: newSpots(),
		finders: make([]finder, 0, maxFinders), open: make([]column, 0, maxFinders), triples: make([]triple, 0, kept*kept*kept/6),
		found: make([]layout, 0, maxLayouts), marks: make([]mark, 0, 49),
		levels: make([]float32, mostSide*mostSide), crisp: make([]float32, mostSide*mostSide),
		means: make([]float32, mostSide*mostSide), column: make([]float32, mostSide),
		start: make([]float32, mostSide*mostSide), raw: make([]float32, mostSide*mostSide), plain: make([]float32, mostSide*mostSide), equaliser: newEqualiser(),
		rows: make([]float32, mostSide*mostSide), spreads: make([]float32, mostSide*mostSide), soft: make([]float32, mostSide*mostSide),
	}
	for _, s := range e.spots {
		e.weights = append(e.weights, float32(s.dark))
	}
	e.glances = make([]int, 0, len(e.spots))
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
	e.finders, e.open, e.seenFinders, e.laid = e.finders[:0], e.open[:0], 0, 0
	e.source = source{e.frame, 1}
	if w.sharp > 0 || w.bloom {
		e.source = source{v.plane, 1 / v.scale}
	}
	e.thresholds.local(v.plane, false, w.contrast)
	e.bitmap.fill(v.plane, &e.thresholds)
	e.ready = c.left()
	rowStep := 2
	if v.h >= 700 || v.scale == 1 && v.h >= 480 {
		rowStep = 3
	}
	e.scan(v, rowStep, w.sharp > 0, c)
	e.rate(c)
	worst := worstScore
	if w.sharp > 0 {
		worst = sharpScore
	}
	e.combine(worst)
	e.seenFinders = len(e.finders)
	before := len(e.codes)
	e.readTriples(c)
	if len(e.codes) == before {
		e.guess(c)
		e.readTriples(c)
	}
	switch {
	case e.laid > 0:
		return promise
	case e.pair():
		return hint
	case w.sharp == 0 && slices.ContainsFunc(e.finders[:e.seenFinders], func(f finder) bool { return f.regular }):
		return whisper // sharpened noise has finders too
	}
	return hopeless
}

// pair says whether two of the finders that the view had before anything was guessed may belong to
// one code, one of them being beyond doubt.
func (e *eye) pair() bool {
	for i := range e.finders[:e.seenFinders] {
		for j := range i {
			a, b := &e.finders[i], &e.finders[j]
			if a.inverted == b.inverted && a.regular && b.regular && (a.perfect || b.perfect) &&
				max(a.module, b.module) < guessRatio*min(a.module, b.module) {
				if d := a.modules(b); d >= leastSpan && d < greatSpan {
					return true
				}
			}
		}
	}
	return false
}

// readTriples reads what lies between e.triples.
func (e *eye) readTriples(c *clock) {
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
}

// read tries to read the symbol between three finders.
func (e *eye) read(t *triple, c *clock) (Code, bool) {
	side, ok := e.measure(t)
	if !ok {
		return Code{}, false
	}
	e.layouts(side)
	for i := range e.found {
		if e.found[i].timing >= goodTiming {
			e.laid++
		}
	}
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
	b := e.symbols.blueprint((n - 17) / 4)
	if b == nil {
		return Code{}, false
	}
	e.sample(l)
	e.tries++
	raw := e.soften(e.levels[:n*n], n)
	if text, ok := e.symbols.read(b, raw); ok {
		return e.code(l, text), true
	}
	best := b.agreement(raw)
	if best >= leastCurved && best < bendFlat {
		text, ok := "", false
		if best, text, ok = e.flatten(b, l, best, c); ok {
			return e.code(l, text), true
		}
		raw = e.soften(e.levels[:n*n], n)
	}
	if best < leastKnown || e.symbols.score < leastFormat {
		return Code{}, false
	}
	// Which way the known modules come out best says how light was mixed.
	copy(e.start, raw)
	copy(e.raw, raw)
	for stage := range stages {
		if stage > 0 {
			square(e.levels[:n*n])
			raw = e.soften(e.levels[:n*n], n)
		}
		plain := e.plain[:n*n]
		copy(plain, raw)
		for _, k := range kernels {
			if c.out() {
				return Code{}, false
			}
			soft := plain
			if k.amount > 0 {
				soft = e.soften(e.sharpen(n, k), n)
			}
			if known := b.agreement(soft); known > best {
				best = known
				copy(e.start, soft)
				copy(e.raw, plain)
			}
		}
	}
	start := e.start[:n*n]
	e.tries++
	if text, ok := e.symbols.read(b, start); ok {
		return e.code(l, text), true
	}
	for range rounds {
		if c.out() {
			return Code{}, false
		}
		e.equaliser.teach(b, start)
		e.symbols.teach(b, &e.equaliser)
		if !e.equaliser.run(e.raw[:n*n], start, n) {
			break
		}
		if text, ok := e.symbols.read(b, start); ok {
			return e.code(l, text), true
		}
	}
	return Code{}, false
}

// flatten bends l to follow paper that is not flat, and reads again after each step. It leaves l and
// e.levels as they agree best with the modules that are known.
func (e *eye) flatten(b *blueprint, l *layout, best float32, c *clock) (agreement float32, text string, ok bool) {
	n := l.side
	kept, idle := *l, 0
	for round := range bendRounds + 1 {
		if c.out() {
			break
		}
		if round == 0 {
			if len(e.marks) == 0 || !e.bendToMarks(l) {
				l.bend = bend{half: float64(n) / 2}
				continue
			}
		} else if !e.bendToEdges(l, e.soften(e.levels[:n*n], n)) || !l.finite(e.frame.w, e.frame.h) {
			break
		}
		e.sample(l)
		raw := e.soften(e.levels[:n*n], n)
		e.tries++
		if text, ok = e.symbols.read(b, raw); ok {
			return best, text, true
		}
		known := b.agreement(raw)
		if known < best+bendGain {
			if idle++; idle > bendIdle {
				break
			}
		}
		if known > best {
			best, kept = known, *l
		}
	}
	*l = kept
	e.sample(l)
	return best, "", false
}

// square replaces levels by their squares: what was mixed as light is mixed evenly again, and what
// differs little from white differs more.
func square(levels []float32) {
	for i, v := range levels {
		levels[i] = v * v * (1.0 / 255)
	}
}

// code is what was read in l.
func (e *eye) code(l *layout, text string) Code {
	code := Code{Text: text, Version: (l.side - 17) / 4}
	side := float64(l.side)
	for i, p := range [4][2]float64{{0, 0}, {side, 0}, {side, side}, {0, side}} {
		code.Corners[i].X, code.Corners[i].Y = l.frame(p[0], p[1])
	}
	return code
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
