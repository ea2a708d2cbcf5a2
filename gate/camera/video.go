package camera

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"time"
)

// video takes pictures out of a run of bytes, one after the other. The bytes are not trusted.
type video interface {
	// next reads to the end of the next picture. An error wrapping ErrFrame leaves the video usable,
	// io.EOF is its end between two pictures; after any other error it is lost.
	next() error
	// picture works out the pixels of what next has read. They are the caller's. Errors wrap ErrFrame.
	picture() (*image.Gray, error)
}

// readAhead is how much is read of a video at once, where it is not read straight into a picture.
const readAhead = 64 << 10

// newVideo reads what comes before the first picture, if anything does. Errors wrap ErrStream, or
// come from the reader.
func newVideo(r io.Reader, f Format) (video, error) {
	b := bufio.NewReaderSize(r, readAhead)
	if f.Pixels == anyVideo {
		head, err := b.Peek(len(y4mMagic))
		switch {
		case string(head) == y4mMagic:
			f.Pixels = y4mVideo
		case len(head) > 2 && head[0] == 0xFF && head[1] == markerSOI:
			f.Pixels = jpgVideo
		case err != nil:
			return nil, err
		default:
			return nil, fmt.Errorf("%w: it begins with %q, neither Y4M nor JPEG; raw frames need format, width and height", ErrStream, head)
		}
	}
	switch f.Pixels {
	case y4mVideo:
		v, err := newY4M(b)
		if err != nil {
			return nil, err
		}
		return v, nil
	case jpgVideo:
		return &jpegs{r: b}, nil
	}
	return &raw{r: b, width: f.Width, height: f.Height, layout: f.layout()}, nil
}

// torn turns the end of a video inside a picture into an error of that picture alone: the next
// read says that it is the end.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the video ends inside a picture", ErrFrame)
	}
	return err
}

// discard skips n bytes.
func discard(r *bufio.Reader, n int) error {
	_, err := r.Discard(n)
	return err
}

// pacer keeps frames to a speed. The zero pacer does not wait.
type pacer struct {
	every time.Duration
	tick  *time.Ticker
}

// wait waits for the time of the next frame. The first is at once.
func (p *pacer) wait(ctx context.Context) error {
	if p.every <= 0 {
		return ctx.Err()
	}
	if p.tick == nil {
		p.tick = time.NewTicker(p.every)
		return ctx.Err()
	}
	select {
	case <-p.tick.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pacer) stop() {
	if p.tick != nil {
		p.tick.Stop()
	}
}
