// Package qr turns the pixels of one camera frame into the bytes of the QR code it shows.
//
// It takes gray planes and returns exact bytes with the place they were seen at. It does not judge
// the bytes: nothing that comes out of this package is trusted until a signature over it verifies.
// It keeps no picture, opens no device and knows nothing of tickets. Camera frames are outside
// input: sizes are limited, time is limited, and no frame, however broken, makes it panic.
//
// Whatever is read passed an error correction that left at least 30 bits of proof in every block and
// changed only what was unsure; that keeps noise from being read as a text, not a forger.
//
// One goroutine looks at a frame. A second would pay for more ways of looking, but twice the budget
// reads no more of a thousand rendered frames than once, and at a gate other lanes have the other
// cores.
//
// It is the only package of the gate that imports gozxing, whose detector is the last resort. The
// strategies inside may change; [Decoder] is what callers rely on.
package qr

import (
	"errors"
	"fmt"
	"image"
	"time"
)

// Limits on what a frame may be.
const (
	// MinSide is the shortest side of a frame in pixels: a version 1 code with its quiet zone at
	// one pixel a module.
	MinSide = 29
	// MaxSide is the longest side of a frame in pixels.
	MaxSide = 4096
)

// DefaultBudget is the time one frame may cost if [Config] names none.
const DefaultBudget = 40 * time.Millisecond

// Errors that [Decoder.Decode] returns, wrapped. "No code in the frame" is not an error.
var (
	// ErrFrame is a frame that cannot be read at all: no pixels, a side outside
	// [MinSide] … [MaxSide], or fewer pixels than its bounds promise.
	ErrFrame = errors.New("unusable frame")
	// ErrReader is a fault inside the symbol reader, which was contained. The frame is lost, the
	// decoder goes on.
	ErrReader = errors.New("symbol reader failed")
)

// Point is a place in a frame in pixels from the frame's upper left corner.
type Point struct{ X, Y float64 }

// Code is one QR code seen in a frame.
type Code struct {
	// Text is what the symbol carries, byte for byte: characters of alphanumeric and numeric
	// segments, raw bytes of byte segments. It need not be UTF-8.
	Text string
	// Corners are the outer corners of the symbol without its quiet zone: top left, top right,
	// bottom right, bottom left as the symbol is printed. They may lie outside the frame.
	Corners [4]Point
	// Version is the QR version, 1 to 40; the symbol has 17+4·Version modules a side.
	Version int
}

// Config says how a [Decoder] works.
type Config struct {
	// Budget is the time a frame may cost; DefaultBudget if zero. Nothing is begun that would
	// overrun it by what it cost before, so that only the first frames of a stream, or one that
	// costs more than its like, overrun it, by one attempt at a symbol (about a millisecond).
	Budget time.Duration
	// Exhaustive looks at a frame that shows something like a code in every way there is. A
	// camera shows the same code again in the next frame, so by default the costlier ways take
	// turns over the frames; a single picture has no next frame.
	Exhaustive bool
	// Own leaves out gozxing's detector, as a build for the browser does anyway.
	Own bool
	// Now is the clock that the budget is measured with. Required.
	Now func() time.Time
}

// Decoder reads the QR codes of a stream of frames. It keeps buffers, where the last codes were, and
// whose turn it is among the costlier ways of looking: one Decoder belongs to one stream of frames
// and one goroutine at a time.
type Decoder struct {
	cfg    Config
	turn   int // whose turn it is among the ways after the first
	faint  int // blocks of the present frame that show only a faint edge
	idle   int // frames since one of those had its turn
	prices prices
	track  track

	half, quarter plane
	// crisp and sums are buffers for sharpening.
	crisp plane
	sums  []int32
	// bright is the curve for overexposed frames.
	bright *curve
	eye    eye
	stock  stock
}

// New makes a Decoder. It fails if cfg has no clock or a negative budget.
func New(cfg Config) (*Decoder, error) {
	if cfg.Now == nil {
		return nil, errors.New("qr: Config.Now is required")
	}
	if cfg.Budget < 0 {
		return nil, fmt.Errorf("qr: budget %v is negative", cfg.Budget)
	}
	if cfg.Budget == 0 {
		cfg.Budget = DefaultBudget
	}
	return &Decoder{cfg: cfg, eye: newEye(), bright: newCurve()}, nil
}

// Decode looks for codes in gray and returns those it reads within the budget, in no order: the
// same text twice if two codes carry it. gray is only read and not kept. Errors wrap ErrFrame or
// ErrReader; neither stops the next frame from being read.
func (d *Decoder) Decode(gray *image.Gray) (codes []Code, err error) {
	full, err := planeOf(gray)
	if err != nil {
		return nil, err
	}
	defer func() {
		d.eye.release()
		if r := recover(); r != nil {
			d.eye, d.stock, d.track = newEye(), stock{}, track{} // their buffers are in an unknown state
			codes, err = nil, fmt.Errorf("%w: %v", ErrReader, r)
		}
	}()
	// What is begun is finished, and that costs something too.
	c := clock{now: d.cfg.Now, end: d.cfg.Now().Add(d.cfg.Budget - d.cfg.Budget/16)}
	d.half = full.halved(d.half)
	d.eye.begin(full, d.half)
	d.search(full, &c)
	d.track.update(d.eye.codes)
	return d.eye.codes, nil
}

// search fills d.eye.codes.
func (d *Decoder) search(full plane, c *clock) {
	// Where a code was, it mostly is.
	for i := range d.track.places {
		if v, ok := d.track.view(i, full, d.half); ok && !c.out() {
			d.eye.look(&v, way{contrast: clearRange}, c)
		}
	}
	d.faint = 0
	left, seen := hopeless, 0 // things like finders, if some at half size
	for i := range ways {
		if i >= always && (!d.cfg.Exhaustive || i >= left.worth()) {
			break
		}
		if c.out() {
			return
		}
		left = max(left, d.afford(i, full, c))
		if len(d.eye.codes) > 0 {
			return
		}
		if i == 0 || i == 1 && (seen > 0 || min(full.w, full.h) < 2*MinSide) {
			seen += d.eye.seenFinders
		}
		if seen >= leastSeen {
			left = max(left, glimpse)
		} else if i == always-1 && left <= whisper {
			left = hopeless
		}
	}
	if d.cfg.Exhaustive {
		return
	}
	// In a stream the other ways take turns. Of the frames that show nothing every few get the one
	// whose turn it is: cheap, and yet nothing stays invisible for long.
	if d.idle++; left > hopeless || d.idle >= idleFrames {
		d.idle = 0
		for range left.turns() {
			if c.out() {
				return
			}
			for !d.asksStock() && ways[always+d.turn%(len(ways)-always)].stock {
				d.turn++
			}
			if d.afford(always+d.turn%(len(ways)-always), full, c); len(d.eye.codes) > 0 {
				d.idle = idleFrames
				return // what helped now helps again
			}
			d.turn++
		}
	}
}

// afford looks in way i if it may help and what is left of the budget pays for it.
func (d *Decoder) afford(i int, full plane, c *clock) hope {
	d.eye.seenFinders = 0
	if ways[i].contrast == faintRange && d.faint < leastFaint || ways[i].stock && !d.asksStock() {
		return hopeless
	}
	if c.left() < d.prices.of(i, full) {
		d.doubt(i)
		return hopeless
	}
	return d.try(i, full, c)
}

// asksStock says whether gozxing's detector has its turns.
func (d *Decoder) asksStock() bool { return hasStock && !d.cfg.Own }

// doubt lowers the price of a way that was left out for it: a machine that stood still
// for a moment must not make the decoder blind. What does cost as much is tried again
// after some frames.
func (d *Decoder) doubt(i int) { d.prices[i] -= d.prices[i] / 16 }

// try looks in way i.
func (d *Decoder) try(i int, full plane, c *clock) (left hope) {
	w := ways[i]
	v := view{plane: full, scale: 1}
	if w.half {
		v = view{plane: d.half, scale: 2}
	}
	if w.quarter {
		d.quarter = d.half.halved(d.quarter)
		v = view{plane: d.quarter, scale: 4}
	}
	if v.w < MinSide || v.h < MinSide {
		return hopeless
	}
	before := c.left()
	if w.sharp > 0 {
		d.crisp, d.sums = v.sharpened(w.sharp, d.crisp, d.sums)
		v.plane = d.crisp
	}
	if w.bloom {
		d.crisp = v.curved(d.bright, d.crisp)
		v.plane = d.crisp
	}
	if w.stock {
		d.stock.look(&d.eye, &v, w, c)
	} else {
		left = d.eye.look(&v, w, c)
		if i == 0 {
			d.faint = d.eye.thresholds.faint
		}
	}
	// What comes after the view is divided can be broken off. More than all is no price but a stall.
	d.prices.learn(i, full, min(before-d.eye.ready, d.cfg.Budget))
	return left
}
