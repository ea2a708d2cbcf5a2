package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"time"
)

// film is a video file.
type film struct {
	path   string
	format Format
	loop   bool
	every  time.Duration // between frames; zero: when the last was taken
	now    func() time.Time
}

// look makes sure that there is a video, and takes its speed from its header if nobody named one.
func (f *film) look() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("camera file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a file", ErrAddress, f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("camera file: %w", err)
	}
	v, err := newVideo(file, f.format)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("camera file %s: %w", f.path, err)
	}
	if y, ok := v.(*y4m); ok && f.every == 0 {
		f.every = y.every
	}
	return nil
}

func (f *film) lasting() bool { return false }
func (f *film) paced() bool   { return f.every > 0 }
func (f *film) live() bool    { return false }

func (f *film) open(context.Context) (stream, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("camera file: %w", err)
	}
	s := &filmStream{film: f, file: file, pacer: pacer{every: f.every}}
	if s.video, err = newVideo(file, f.format); err != nil {
		return nil, errors.Join(fmt.Errorf("camera file %s: %w", f.path, err), file.Close())
	}
	return s, nil
}

// filmStream plays a film once, or round and round.
type filmStream struct {
	*film
	pacer
	file  *os.File
	video video
	any   bool // whether this round gave a picture
}

func (s *filmStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	if err := s.wait(ctx); err != nil {
		return nil, time.Time{}, err
	}
	err := s.video.next()
	if errors.Is(err, io.EOF) && s.loop && s.any {
		err = s.rewind()
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	at := s.now()
	gray, err := s.video.picture()
	s.any = s.any || err == nil
	return gray, at, err
}

// rewind reads the first picture again.
func (s *filmStream) rewind() (err error) {
	s.any = false
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if s.video, err = newVideo(s.file, s.format); err != nil {
		return err
	}
	return s.video.next()
}

func (s *filmStream) close() error {
	s.stop()
	return s.file.Close()
}
