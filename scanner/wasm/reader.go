package main

import (
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/con-ting/conting/gate/qr"
)

// Limits on what a page may ask for.
const (
	// maxPixels bounds a frame; its gray plane is what the module's memory grows by, for good,
	// because WebAssembly memory never shrinks. A camera gives 2 million at 1080p.
	maxPixels = 4 << 20
	// maxBudget bounds the time that one frame may cost.
	maxBudget = 10 * time.Second
	// maxReaders bounds how many readers one module keeps.
	maxReaders = 8
	// strip is how much of a colour picture is copied at a time, in bytes.
	strip = 256 << 10
)

// Codes of what can go wrong, for the page to branch on. See [codeOf].
const (
	badSettings  = "bad_settings"
	tooMany      = "too_many_readers"
	readerClosed = "reader_closed"
	badFrame     = "bad_frame"
	readerFailed = "reader_failed"
)

var (
	errSettings = errors.New("unusable settings")
	errTooMany  = errors.New("too many readers")
	errClosed   = errors.New("no such reader")
)

// codeOf is the stable code of an error.
func codeOf(err error) string {
	switch {
	case errors.Is(err, errSettings):
		return badSettings
	case errors.Is(err, errTooMany):
		return tooMany
	case errors.Is(err, errClosed):
		return readerClosed
	case errors.Is(err, qr.ErrFrame):
		return badFrame
	}
	return readerFailed
}

// settings are a reader's.
type settings struct {
	// budgetMS is the time that one frame may cost in milliseconds; 0 is the decoder's default.
	budgetMS float64
	// still says that each frame stands for itself and has no next one.
	still bool
}

// readers are the readers that the page has opened, by handle.
type readers struct {
	now  func() time.Time
	open map[int]*reader
	last int
}

func newReaders(now func() time.Time) *readers {
	return &readers{now: now, open: make(map[int]*reader)}
}

// add opens a reader and returns its handle. Errors wrap errSettings or errTooMany.
func (r *readers) add(s settings) (int, error) {
	if !(s.budgetMS >= 0 && s.budgetMS <= float64(maxBudget/time.Millisecond)) { // NaN neither
		return 0, fmt.Errorf("%w: a budget of %v ms, want 0 to %d", errSettings, s.budgetMS, maxBudget/time.Millisecond)
	}
	if len(r.open) >= maxReaders {
		return 0, fmt.Errorf("%w: %d are open", errTooMany, len(r.open))
	}
	d, err := qr.New(qr.Config{
		Budget:     time.Duration(s.budgetMS * float64(time.Millisecond)),
		Exhaustive: s.still,
		Own:        true, // what reads here is what reads in a browser
		Now:        r.now,
	})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errSettings, err)
	}
	r.last++
	r.open[r.last] = &reader{decoder: d}
	return r.last, nil
}

// get returns the reader of a handle, or an error that wraps errClosed.
func (r *readers) get(handle int) (*reader, error) {
	if found := r.open[handle]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("%w: handle %d", errClosed, handle)
}

// drop closes a reader. A handle that is not open is no error.
func (r *readers) drop(handle int) { delete(r.open, handle) }

// reader reads the frames of one stream.
type reader struct {
	decoder *qr.Decoder
	gray    image.Gray
	colour  []byte // one strip
}

// pixels is a frame as the page holds it.
type pixels interface {
	// size is the number of bytes.
	size() int
	// copyTo copies bytes from offset on to dst and returns how many.
	copyTo(dst []byte, offset int) int
}

// read copies a frame of w×h pixels and returns the codes in it. It is gray if p has one byte a
// pixel, red, green, blue and alpha if it has four. Errors wrap qr.ErrFrame or qr.ErrReader.
func (r *reader) read(p pixels, w, h int) ([]qr.Code, error) {
	if w < qr.MinSide || h < qr.MinSide || w > qr.MaxSide || h > qr.MaxSide || w*h > maxPixels {
		return nil, fmt.Errorf("%w: %d×%d pixels, want sides of %d to %d and %d in all", qr.ErrFrame, w, h, qr.MinSide, qr.MaxSide, maxPixels)
	}
	n := w * h
	if cap(r.gray.Pix) < n {
		r.gray.Pix = make([]byte, n)
	}
	r.gray = image.Gray{Pix: r.gray.Pix[:n], Stride: w, Rect: image.Rect(0, 0, w, h)}
	whole := false
	switch p.size() {
	case n:
		whole = p.copyTo(r.gray.Pix, 0) == n
	case 4 * n:
		whole = r.grayOf(p)
	}
	if !whole {
		return nil, fmt.Errorf("%w: %d bytes for %d×%d pixels, want one or four a pixel", qr.ErrFrame, p.size(), w, h)
	}
	return r.decoder.Decode(&r.gray)
}

// grayOf fills r.gray with the lightness of a colour picture (ITU-R BT.601), a strip at a time.
// Alpha is not looked at: a camera has none. It says whether the bytes were there.
func (r *reader) grayOf(p pixels) bool {
	if r.colour == nil {
		r.colour = make([]byte, strip)
	}
	dst := r.gray.Pix
	for at := 0; len(dst) > 0; at += strip {
		src := r.colour[:min(strip, 4*len(dst))]
		if p.copyTo(src, at) != len(src) {
			return false
		}
		for i := range len(src) / 4 {
			c := src[4*i : 4*i+4 : 4*i+4]
			dst[i] = byte((77*uint32(c[0]) + 150*uint32(c[1]) + 29*uint32(c[2]) + 128) >> 8) //nolint:gosec // the weights sum to 256
		}
		dst = dst[len(src)/4:]
	}
	return true
}
