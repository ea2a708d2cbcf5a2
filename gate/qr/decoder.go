// Package qr turns the pixels of one camera frame into the bytes of the QR code it shows.
//
// It takes gray planes and returns exact bytes with the place they were seen at. It does not judge
// the bytes: nothing that comes out of this package is trusted until a signature over it verifies.
// It keeps no picture, opens no device and knows nothing of tickets. Camera frames are outside
// input: sizes are limited, time is limited, and no frame, however broken, makes it panic.
//
// It is the only package that imports gozxing. The strategies inside may change; [Decoder] is what
// callers rely on.
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
	// Budget is the time a frame may cost; DefaultBudget if zero. It is checked between
	// strategies and inside the search for finder patterns, so that a frame overruns it by no
	// more than one pass over its pixels or one attempt at a symbol (a few milliseconds at
	// 1280×720).
	Budget time.Duration
	// Exhaustive tries every strategy on every frame. A camera shows the same code again in the
	// next frame, so by default the costlier strategies take turns over the frames; a single
	// picture has no next frame.
	Exhaustive bool
	// Now is the clock that the budget is measured with. Required.
	Now func() time.Time
}

// Decoder reads one QR code per frame. It keeps buffers and the turn of the strategies between
// frames: one Decoder belongs to one stream of frames and one goroutine at a time.
type Decoder struct {
	cfg  Config
	turn int // whose turn it is among the costlier strategies
	half plane
	// crisp and sums are buffers for sharpening.
	crisp plane
	sums  []int32
	eye   eye
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
	return &Decoder{cfg: cfg, eye: newEye()}, nil
}

// Decode looks for a code in gray and returns it, or nothing if it sees none within the budget.
// Several codes in one frame: one of them is returned. gray is only read and not kept.
// Errors wrap ErrFrame or ErrReader; neither stops the next frame from being read.
func (d *Decoder) Decode(gray *image.Gray) (codes []Code, err error) {
	full, err := planeOf(gray)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			d.eye = newEye() // its buffers are in an unknown state
			codes, err = nil, fmt.Errorf("%w: %v", ErrReader, r)
		}
	}()
	code, ok := d.decode(full)
	if !ok {
		return nil, nil
	}
	return []Code{code}, nil
}

func (d *Decoder) decode(full plane) (Code, bool) {
	start := d.cfg.Now()
	expired := func() bool { return d.cfg.Now().Sub(start) >= d.cfg.Budget }
	d.half = full.halved(d.half)
	hopeful := false
	for _, s := range always {
		code, seen := d.try(s, full, expired)
		if code != nil {
			return *code, true
		}
		hopeful = hopeful || seen
		if expired() {
			return Code{}, false
		}
	}
	// A frame that showed something like a code gets every strategy. A frame that did not gets
	// the one whose turn it is: cheap, and yet nothing stays invisible for long.
	rounds := 1
	if hopeful || d.cfg.Exhaustive {
		rounds = len(turns)
	}
	for range rounds {
		s := turns[d.turn%len(turns)]
		d.turn++
		code, _ := d.try(s, full, expired)
		if code != nil {
			d.turn-- // what helped now helps again
			return *code, true
		}
		if expired() {
			return Code{}, false
		}
	}
	return Code{}, false
}

// try runs one strategy. seen says that there was something like a finder pattern.
func (d *Decoder) try(s strategy, full plane, expired func() bool) (code *Code, seen bool) {
	p, scale := full, 1.0
	if s.half {
		p, scale = d.half, 2
	}
	if s.sharp {
		d.crisp, d.sums = p.sharpened(d.crisp, d.sums)
		p = d.crisp
	}
	if p.w < MinSide || p.h < MinSide || !d.eye.open(p, s) {
		return nil, false
	}
	corners, seen := d.eye.seek(expired)
	for _, c := range corners {
		if code, ok := d.eye.read(c, expired); ok {
			for i := range code.Corners {
				code.Corners[i].X *= scale
				code.Corners[i].Y *= scale
			}
			return &code, true
		}
		if expired() {
			break
		}
	}
	return nil, seen
}
