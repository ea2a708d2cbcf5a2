package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func quietConfig() Config {
	return Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now, Width: 1280, Height: 720, StallAfter: 5 * time.Second}
}

func shade(level uint8) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range g.Pix {
		g.Pix[i] = level
	}
	return g
}

// script is a source whose opens and reads a test writes down.
type script struct {
	opens  func(n int) error // the n-th open, from 1
	frames chan any          // *image.Gray or error, for read
	keep   bool
	tries  int
	closed int
}

func (s *script) lasting() bool { return s.keep }
func (s *script) paced() bool   { return s.keep }
func (s *script) live() bool    { return s.keep }

func (s *script) open(context.Context) (stream, error) {
	s.tries++
	if s.opens != nil {
		if err := s.opens(s.tries); err != nil {
			return nil, err
		}
	}
	return scriptStream{s}, nil
}

type scriptStream struct{ *script }

func (s scriptStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	select {
	case f := <-s.frames:
		switch f := f.(type) {
		case *image.Gray:
			return f, time.Now(), nil
		case error:
			return nil, time.Time{}, f
		}
		return nil, time.Time{}, fmt.Errorf("script holds a %T", f)
	case <-ctx.Done():
		return nil, time.Time{}, ctx.Err()
	}
}

func (s scriptStream) close() error { s.closed++; return nil }

func TestNewestFrameWins(t *testing.T) {
	s := &script{keep: true, frames: make(chan any)}
	c := start(t.Context(), s, "script", quietConfig())
	for level := range uint8(3) {
		s.frames <- shade(level)
	}
	s.frames <- fmt.Errorf("%w: torn", ErrFrame) // taken only after the third was delivered
	f, err := c.Next(t.Context())
	if err != nil || f.Gray.Pix[0] != 2 || f.Seq != 3 {
		t.Errorf("got frame %d of level %d, %v; want the third", f.Seq, f.Gray.Pix[0], err)
	}
	s.frames <- shade(9)
	if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[0] != 9 {
		t.Errorf("after a torn frame: got %v, %v; want the next", f, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if got := c.Stats(); got.Frames != 4 || got.Dropped != 2 || got.Errors != 1 || got.Connects != 1 || got.Connected || !errors.Is(got.LastError, ErrFrame) {
		t.Errorf("stats %+v; want 4 frames, 2 dropped, 1 error, 1 connect, not connected", got)
	}
	if s.closed != 1 {
		t.Errorf("the stream was closed %d times, want 1", s.closed)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Next after Close: %v, want ErrClosed", err)
	}
}

func TestReconnectWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		s := &script{keep: true, frames: make(chan any)}
		s.opens = func(n int) error {
			at = append(at, time.Now())
			if n < 12 {
				return errors.New("no such device")
			}
			return nil
		}
		c := start(t.Context(), s, "script", quietConfig())
		s.frames <- shade(7)
		if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[0] != 7 {
			t.Errorf("got %v, %v; want the frame after all those failures", f, err)
		}
		pause := firstPause
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < pause/2 || d > pause*3/2 {
				t.Errorf("pause %d: %v, want %v ± half", i, d, pause)
			}
			pause = min(2*pause, longestPause)
		}
		lost := time.Now()
		s.frames <- errors.New("unplugged")
		s.frames <- shade(8)
		if d := time.Since(lost); d > firstPause*3/2 {
			t.Errorf("after a good frame the first pause was %v, want %v ± half", d, firstPause)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got := c.Stats(); got.Connects != 13 || got.Errors != 12 {
			t.Errorf("stats %+v; want 13 connects, 12 errors", got)
		}
	})
}

func TestCloseDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keep: true, opens: func(int) error { return errors.New("no such device") }}
		c := start(t.Context(), s, "script", quietConfig())
		time.Sleep(time.Minute) // of the bubble's clock: the camera is in its longest pause
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("Close waited %v for the pause to end", d)
		}
	})
}

func TestManyBadFramesReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keep: true, frames: make(chan any)}
		c := start(t.Context(), s, "script", quietConfig())
		defer c.Close() //nolint:errcheck // never fails
		for range badFrames + 1 {
			s.frames <- fmt.Errorf("%w: torn", ErrFrame)
		}
		s.frames <- shade(1)
		if got := c.Stats(); got.Connects != 2 {
			t.Errorf("%d connects after %d bad frames, want 2", got.Connects, badFrames+1)
		}
	})
}

func TestStaleFrameIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keep: true, frames: make(chan any)}
		c := start(t.Context(), s, "script", quietConfig())
		defer c.Close() //nolint:errcheck // never fails
		s.frames <- shade(1)
		time.Sleep(staleAfter + time.Second) // of the bubble's clock
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if f, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got frame %d of %v, %v; want none", f.Seq, f.At, err)
		}
	})
}

func TestLastFramesThenEOF(t *testing.T) {
	s := &script{frames: make(chan any, 3)}
	s.frames <- shade(1)
	s.frames <- shade(2)
	s.frames <- io.EOF
	c := start(t.Context(), s, "script", quietConfig())
	defer c.Close() //nolint:errcheck // never fails
	for want := range uint8(2) {
		if f, err := c.Next(t.Context()); err != nil || f.Gray.Pix[0] != want+1 {
			t.Errorf("got %v, %v; want level %d: a folder drops nothing", f, err, want+1)
		}
	}
	for range 2 {
		if _, err := c.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v, want io.EOF", err)
		}
	}
}
