package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"time"
)

// pipe is what somebody pipes into us: rpicam-vid … -o - | gate run. It is read once; whoever wants
// it to come back after a failure names the program instead.
type pipe struct {
	r      io.Reader
	format Format
	every  time.Duration // between frames of a recording; zero: it is live
	now    func() time.Time
}

func (p *pipe) lasting() bool { return false }
func (p *pipe) paced() bool   { return true }
func (p *pipe) live() bool    { return p.every == 0 }

func (p *pipe) open(ctx context.Context) (stream, error) {
	shots := make(chan shot)
	go p.pump(ctx, shots)
	return pipeStream{shots}, nil
}

// shot is what one read gave.
type shot struct {
	gray *image.Gray
	at   time.Time
	err  error
}

// pump reads until nothing more can be read or ctx ends. A read that waits then goes on waiting
// for the next byte, or for the end of the process.
func (p *pipe) pump(ctx context.Context, shots chan<- shot) {
	pace := pacer{every: p.every}
	defer pace.stop()
	v, err := newVideo(p.r, p.format)
	for {
		s := shot{err: err}
		if err == nil {
			s = p.shoot(ctx, v, &pace)
		}
		select {
		case shots <- s:
		case <-ctx.Done():
			return
		}
		if s.err != nil && !errors.Is(s.err, ErrFrame) {
			return
		}
	}
}

func (p *pipe) shoot(ctx context.Context, v video, pace *pacer) (s shot) {
	if s.err = pace.wait(ctx); s.err != nil {
		return s
	}
	if s.err = v.next(); s.err != nil {
		return s
	}
	s.at = p.now()
	s.gray, s.err = v.picture()
	return s
}

// pipeStream is what pump sends.
type pipeStream struct{ shots <-chan shot }

func (s pipeStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	select {
	case f := <-s.shots:
		if errors.Is(f.err, ErrStream) {
			f.err = fmt.Errorf("standard input: %w", f.err)
		}
		return f.gray, f.at, f.err
	case <-ctx.Done():
		return nil, time.Time{}, ctx.Err()
	}
}

func (pipeStream) close() error { return nil }
