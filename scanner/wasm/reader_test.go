package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// memory is a page's typed array.
type memory []byte

func (m memory) size() int { return len(m) }

func (m memory) copyTo(dst []byte, offset int) int { return copy(dst, m[min(offset, len(m)):]) }

// liar is a typed array that has less than it says.
type liar struct {
	memory
	says int
}

func (l liar) size() int { return l.says }

// still is a clock that stands: the machine's pace must not decide what is read.
func still() time.Time { return time.Unix(0, 0) }

const text = "CTR1:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./"

func frame(t testing.TB, seed uint64, size image.Point) *image.Gray {
	t.Helper()
	gray, err := frames.NewRenderer().Gray(frames.Category("clean").Scene(seed, size, text))
	if err != nil {
		t.Fatal(err)
	}
	return gray
}

// coloured is g as RGBA whose lightness is g's and whose alpha is noise.
func coloured(g *image.Gray) memory {
	out := make(memory, 0, 4*len(g.Pix))
	for i, v := range g.Pix {
		out = append(out, v, v, v, byte(i))
	}
	return out
}

func open(t testing.TB, rs *readers, s settings) *reader {
	t.Helper()
	h, err := rs.add(s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rs.get(h)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGrayAndColourReadAlike(t *testing.T) {
	rs := newReaders(still)
	for _, size := range []image.Point{frames.VGA, frames.HD} { // both more than one strip of colour
		g := frame(t, 1, size)
		var got [2][]qr.Code
		for i, p := range []memory{g.Pix, coloured(g)} {
			codes, err := open(t, rs, settings{still: true}).read(p, size.X, size.Y)
			if err != nil {
				t.Fatal(err)
			}
			got[i] = slices.Clone(codes)
		}
		if len(got[0]) != 1 || got[0][0].Text != text {
			t.Errorf("%v: gray read %v, want %q", size, got[0], text)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%v: gray read %v, colour %v", size, got[0], got[1])
		}
	}
}

func TestLightness(t *testing.T) {
	const w, h = 300, 301 // colour ends in the middle of a strip
	p := make(memory, 4*w*h)
	for i := range p {
		p[i] = byte(i * 7)
	}
	r := open(t, newReaders(still), settings{})
	if _, err := r.read(p, w, h); err != nil {
		t.Fatal(err)
	}
	for i, got := range r.gray.Pix {
		want := 0.299*float64(p[4*i]) + 0.587*float64(p[4*i+1]) + 0.114*float64(p[4*i+2])
		if math.Abs(float64(got)-want) > 1.5 {
			t.Fatalf("pixel %d of %v is %d, want %.1f", i, p[4*i:4*i+4], got, want)
		}
	}
	for i := range p {
		p[i] = 255
	}
	if _, err := r.read(p, w, h); err != nil {
		t.Fatal(err)
	}
	if slices.Min(r.gray.Pix) != 255 {
		t.Errorf("white became %d", slices.Min(r.gray.Pix))
	}
}

func TestBadFrames(t *testing.T) {
	r := open(t, newReaders(still), settings{})
	for _, c := range []struct{ bytes, w, h int }{
		{0, 0, 0},
		{0, 640, 480},
		{640*480 - 1, 640, 480},
		{640*480 + 1, 640, 480},
		{640 * 480 * 3, 640, 480},
		{640*480*4 - 1, 640, 480},
		{100, 100, 1},
		{28 * 28, 28, 28},
		{4097 * 29, 4097, 29},
		{1, -1, -1},
		{1, math.MaxInt32, math.MaxInt32},
		{1, math.MinInt, math.MinInt},
		{2049 * 2048, 2049, 2048}, // more than maxPixels
	} {
		codes, err := r.read(make(memory, c.bytes), c.w, c.h)
		if !errors.Is(err, qr.ErrFrame) || codeOf(err) != badFrame || codes != nil {
			t.Errorf("%d bytes as %d×%d: %v, %v, want %v", c.bytes, c.w, c.h, codes, err, qr.ErrFrame)
		}
	}
	for _, says := range []int{640 * 480, 4 * 640 * 480} {
		if _, err := r.read(liar{make(memory, 640*480-1), says}, 640, 480); codeOf(err) != badFrame {
			t.Errorf("an array that says %d bytes and has fewer: %v, want %s", says, err, badFrame)
		}
	}
	if cap(r.gray.Pix) > maxPixels || cap(r.colour) > strip {
		t.Errorf("refused frames left %d bytes of gray and %d of colour", cap(r.gray.Pix), cap(r.colour))
	}
	if _, err := r.read(make(memory, 2048*2048), 2048, 2048); err != nil {
		t.Errorf("the largest frame: %v", err)
	}
	g := frame(t, 2, frames.VGA)
	if codes, err := r.read(memory(g.Pix), 640, 480); err != nil || len(codes) != 1 || codes[0].Text != text {
		t.Errorf("after bad frames: %v, %v", codes, err)
	}
}

func TestSettings(t *testing.T) {
	for _, ms := range []float64{-1, math.NaN(), math.Inf(1), 10_001, -math.SmallestNonzeroFloat64} {
		if _, err := newReaders(still).add(settings{budgetMS: ms}); codeOf(err) != badSettings {
			t.Errorf("budget of %v ms: %v, want %s", ms, err, badSettings)
		}
	}
	for _, ms := range []float64{0, 0.5, 10_000} {
		if _, err := newReaders(still).add(settings{budgetMS: ms}); err != nil {
			t.Errorf("budget of %v ms: %v", ms, err)
		}
	}
}

func TestHandles(t *testing.T) {
	rs := newReaders(still)
	var handles []int
	for range maxReaders {
		h, err := rs.add(settings{})
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	if _, err := rs.add(settings{}); codeOf(err) != tooMany {
		t.Errorf("one too many: %v, want %s", err, tooMany)
	}
	rs.drop(handles[0])
	rs.drop(handles[0])
	rs.drop(-1)
	if _, err := rs.get(handles[0]); codeOf(err) != readerClosed {
		t.Errorf("closed: %v, want %s", err, readerClosed)
	}
	h, err := rs.add(settings{})
	if err != nil || slices.Contains(handles, h) {
		t.Errorf("handle %d, %v, want a new one", h, err)
	}
}

func TestBudget(t *testing.T) {
	g := frame(t, 3, frames.HD)
	now := time.Unix(0, 0)
	asked := 0
	rs := newReaders(func() time.Time { asked++; now = now.Add(time.Millisecond); return now })
	if _, err := open(t, rs, settings{budgetMS: 5, still: true}).read(memory(g.Pix), frames.HD.X, frames.HD.Y); err != nil {
		t.Fatal(err)
	}
	if asked > 50 { // each question costs a millisecond; what is begun is finished
		t.Errorf("a budget of 5 ms was still asked for after %d ms", asked)
	}
	if codeOf(fmt.Errorf("x: %w", qr.ErrReader)) != readerFailed {
		t.Error("a fault of the reader has another code")
	}
}

// FuzzRead holds that no bytes and no sizes make a reader do anything but answer.
func FuzzRead(f *testing.F) {
	f.Add([]byte{}, 0, 0, false)
	f.Add(bytes.Repeat([]byte{0, 255}, 29*29/2+1), 29, 29, false)
	f.Add(bytes.Repeat([]byte{1, 2, 3, 4}, 32*32), 32, 32, true)
	f.Add([]byte{1}, math.MaxInt32, math.MaxInt32, true)
	g := frame(f, 4, image.Pt(160, 120))
	f.Add(g.Pix, 160, 120, true)
	rs := newReaders(time.Now)
	lane, alone := open(f, rs, settings{budgetMS: 20}), open(f, rs, settings{budgetMS: 20, still: true})
	f.Fuzz(func(t *testing.T, p []byte, w, h int, single bool) {
		r := lane
		if single {
			r = alone
		}
		codes, err := r.read(memory(p), w, h)
		fits := w >= qr.MinSide && h >= qr.MinSide && w <= qr.MaxSide && h <= qr.MaxSide && w*h <= maxPixels && (len(p) == w*h || len(p) == 4*w*h)
		if fits != (err == nil) {
			t.Errorf("%d bytes as %d×%d: %v", len(p), w, h, err)
		}
		if err != nil && codes != nil {
			t.Errorf("codes %v beside %v", codes, err)
		}
	})
}
