package camera

import (
	"context"
	"fmt"
	"image"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sensed is a frame as a sensor gives it: no two are the same.
func sensed(n int) *image.Gray {
	g := shade(100)
	g.Pix[0], g.Pix[1], g.Pix[2] = uint8(n), uint8(n>>8), uint8(n>>16)
	return g
}

// sensing is a source of a frame each period.
type sensing struct {
	every  time.Duration
	dead   bool // it has no sensor, like a file
	once   bool // it cannot be opened again, like a pipe
	frozen atomic.Bool
	opens  atomic.Int64
	n      int
}

func (s *sensing) lasting() bool { return !s.once }
func (s *sensing) paced() bool   { return true }
func (s *sensing) live() bool    { return !s.dead }

func (s *sensing) open(context.Context) (stream, error) { s.opens.Add(1); return sensingStream{s}, nil }

type sensingStream struct{ *sensing }

func (s sensingStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	if !sleep(ctx, s.every) {
		return nil, time.Time{}, ctx.Err()
	}
	if !s.frozen.Load() {
		s.n++
	}
	return sensed(s.n), time.Now(), nil
}

func (sensingStream) close() error { return nil }

// later lets the bubble's clock run, and the camera come to rest.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sensing{every: 50 * time.Millisecond}
		cfg := quietConfig()
		cfg.StuckAfter = 2 * time.Second
		c := start(t.Context(), s, "sensing", cfg)
		defer c.Close() //nolint:errcheck // never fails
		expect := func(when string, stuck bool, opens int64) {
			t.Helper()
			if got := c.Stats(); got.Stuck > 0 != stuck || s.opens.Load() != opens {
				t.Errorf("%s: stuck for %v, opened %d times; want %t and %d", when, got.Stuck, s.opens.Load(), stuck, opens)
			}
		}
		later(time.Minute)
		expect("alive", false, 1)
		s.frozen.Store(true)
		later(1800 * time.Millisecond)
		expect("not yet", false, 1)
		later(300 * time.Millisecond)
		expect("after two seconds", true, 1) // it is about to be opened again
		later(time.Second)
		expect("opened again", true, 2)
		if got := c.Stats(); !strings.Contains(fmt.Sprint(got.LastError), "the same picture for 2s") {
			t.Errorf("LastError %v does not say why", got.LastError)
		}
		later(10 * time.Minute)
		expect("once is enough", true, 2)
		if got := c.Stats().Stuck; got < 10*time.Minute || got > 11*time.Minute {
			t.Errorf("stuck for %v, want ten minutes and a little", got)
		}
		s.frozen.Store(false)
		later(time.Second)
		expect("alive again", false, 2)
		s.frozen.Store(true)
		later(10 * time.Second)
		expect("stuck again", true, 3)
		s.frozen.Store(false)
		later(time.Second)
		s.frozen.Store(true)
		later(10 * time.Second)
		expect("again and again", true, 3)
		s.frozen.Store(false)
		later(stuckRest)
		s.frozen.Store(true)
		later(10 * time.Second)
		expect("after a rest", true, 4)
	})
}

func TestNotStuck(t *testing.T) {
	for name, c := range map[string]struct {
		every      time.Duration
		frozen     bool
		dead, once bool
		after      time.Duration
		stuck      bool
	}{
		"a file":         {every: 50 * time.Millisecond, frozen: true, dead: true, after: 2 * time.Second},
		"told not to":    {every: 50 * time.Millisecond, frozen: true, after: -1},
		"told to wait":   {every: 50 * time.Millisecond, frozen: true, after: time.Hour},
		"slow and alive": {every: time.Second, after: 2 * time.Second},
		"slow and stuck": {every: time.Second, frozen: true, after: 2 * time.Second, stuck: true},
		"a live pipe":    {every: 50 * time.Millisecond, frozen: true, once: true, after: 2 * time.Second, stuck: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := &sensing{every: c.every, dead: c.dead, once: c.once}, quietConfig()
				s.frozen.Store(c.frozen)
				cfg.StuckAfter = c.after
				cam := start(t.Context(), s, name, cfg)
				defer cam.Close() //nolint:errcheck // never fails
				later(time.Minute)
				opens := int64(1)
				if c.stuck && !c.once {
					opens = 2
				}
				if got := cam.Stats(); got.Stuck > 0 != c.stuck || s.opens.Load() != opens || !got.Connected {
					t.Errorf("%+v, opened %d times; want stuck %t and %d", got, s.opens.Load(), c.stuck, opens)
				}
			})
		})
	}
}

// TestSlowCamera gives a frame a second, as some do in the dark. Each must be seen, soon.
func TestSlowCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sensing{every: time.Second}
		c := start(t.Context(), s, "slow", quietConfig())
		defer c.Close() //nolint:errcheck // never fails
		for n := range uint64(60) {
			f, err := c.Next(t.Context())
			if err != nil || f.Seq != n+1 || time.Since(f.At) > 0 {
				t.Fatalf("frame %d, %v old: %v; want frame %d at once", f.Seq, time.Since(f.At), err, n+1)
			}
		}
		if got := c.Stats(); got.Rate != 1 || got.Connects != 1 || got.Dropped != 0 || got.Size != image.Pt(8, 8) {
			t.Errorf("stats %+v; want one frame a second of 8×8, none dropped", got)
		}
	})
}

// TestRegionOfAnySource cuts what a source gives, and looks at all of it for what is stuck.
func TestRegionOfAnySource(t *testing.T) {
	s := &script{keep: true, frames: make(chan any)}
	cfg := quietConfig()
	cfg.Region = Region{X: 50, Y: 0, Width: 50, Height: 25}
	c := start(t.Context(), s, "script", cfg)
	defer c.Close() //nolint:errcheck // never fails
	s.frames <- ramp(16, 8)
	f, err := c.Next(t.Context())
	if err != nil || f.Gray.Rect != image.Rect(0, 0, 8, 2) || f.Gray.GrayAt(0, 0) != ramp(16, 8).GrayAt(8, 0) {
		t.Errorf("got %v, %v; want the upper right quarter of a quarter", f.Gray, err)
	}
	if got := c.Stats().Size; got != image.Pt(16, 8) || f.Size != got {
		t.Errorf("sizes %v and %v, want that of the whole frame", got, f.Size)
	}
	if _, err := Open(t.Context(), "test:", Config{Logger: cfg.Logger, Now: cfg.Now, Region: Region{Width: 200, Height: 1}}); err == nil {
		t.Error("Open with a region outside the frame: no error")
	}
}

// TestErrorBursts gives errors in bursts, as a loose cable does: what comes between them is seen.
func TestErrorBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keep: true, frames: make(chan any)}
		cfg, log := quietConfig(), new(strings.Builder)
		cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
		c := start(t.Context(), s, "script", cfg)
		for n := range 20 {
			for range badFrames {
				s.frames <- fmt.Errorf("%w: torn", ErrFrame)
			}
			s.frames <- sensed(n)
			if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[0] != uint8(n) {
				t.Fatalf("after burst %d: %v", n, err)
			}
			s.frames <- io.ErrUnexpectedEOF // the connection breaks
		}
		later(time.Minute)
		if got := c.Stats(); got.Frames != 20 || got.Errors != 20*(badFrames+1) || got.Connects != 21 {
			t.Errorf("stats %+v; want 20 frames, %d errors, 21 connects", got, 20*(badFrames+1))
		}
		s.frames <- io.ErrUnexpectedEOF
		later(time.Minute)
		_ = c.Close()
		if said := log.String(); strings.Count(said, "camera lost") != lossLines+1 || !strings.Contains(said, "omitted=10") {
			t.Errorf("21 losses, 20 of them in a minute: want %d lines and the last with 10 omitted:\n%s", lossLines+1, said)
		}
	})
}

// TestAlmostStuck changes one pixel at a time, wherever it is: that is not stuck.
func TestAlmostStuck(t *testing.T) {
	g := image.NewGray(image.Rect(0, 0, 40, 33))
	wide := &image.Gray{Pix: make([]byte, 64*33), Stride: 64, Rect: g.Rect}
	for _, g := range []*image.Gray{g, wide} {
		s, at := newStill(), time.Unix(0, 0)
		for y := range 33 {
			g.Pix[y*g.Stride+7]++
			at = at.Add(time.Second)
			if s.see(g, at); s.stuck(2*time.Second) > 0 {
				t.Errorf("stride %d: stuck although row %d changed", g.Stride, y)
			}
		}
		for range 4 {
			at = at.Add(time.Second)
			s.see(g, at)
		}
		if s.stuck(2*time.Second) < 4*time.Second {
			t.Errorf("stride %d: not stuck although nothing changed", g.Stride)
		}
	}
}

// TestFewAlike has a camera so slow that two frames are further apart than a stuck one may take: two
// alike say nothing yet.
func TestFewAlike(t *testing.T) {
	s, at := newStill(), time.Unix(1_790_000_000, 0)
	for n, want := range []time.Duration{0, 0, 6 * time.Second, 9 * time.Second} {
		s.see(shade(100), at.Add(time.Duration(n)*3*time.Second))
		if got := s.stuck(2 * time.Second); got != want || s.reopen(2*time.Second) != (n == 2) {
			t.Errorf("frame %d: stuck for %v, want %v", n, got, want)
		}
	}
}
