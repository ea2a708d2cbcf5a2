package lane

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"runtime/debug"
	"time"
)

// reading is what the eye hands to the desk: the texts of one frame. It may be a
// steward's word instead.
type reading struct {
	texts       []string
	confirm     uint64 // the referral's entry; else 0
	frame, read time.Time
	answer      chan answer // nil for a frame's texts; else buffered
}

type answer struct {
	result Result
	err    error
}

// cameraPause is the wait after a camera's error.
const cameraPause = 200 * time.Millisecond

// watch is the eye. It holds one frame at a time: while the desk is busy the
// camera drops what grows old.
func (l *Lane) watch(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		f, err := l.cfg.Camera.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, io.EOF):
			l.cfg.Logger.InfoContext(ctx, "camera has no more frames", slog.String("lane", l.cfg.Name))
			return
		case err != nil:
			if !failing {
				l.cfg.Logger.WarnContext(ctx, "camera gives no frames", slog.String("lane", l.cfg.Name), slog.Any("error", err))
			}
			failing = true
			pause(ctx, cameraPause)
			continue
		}
		failing = false
		texts := l.look(ctx, f)
		if len(texts) == 0 {
			continue
		}
		select {
		case l.readings <- reading{texts: texts, frame: f.At, read: l.cfg.Now()}:
		case <-ctx.Done():
			return
		}
	}
}

// look decodes one frame.
func (l *Lane) look(ctx context.Context, f Frame) []string {
	start := l.cfg.Now()
	l.looking.Store(start.UnixNano())
	defer l.looking.Store(0)
	texts, err := l.decode(ctx, f.Gray)
	took := l.cfg.Now().Sub(start)
	l.tell(func(o Observer) { o.Looked(Look{At: f.At, Took: took, Codes: len(texts), Err: err}) })
	return texts
}

var errPanic = errors.New("panic")

// decode keeps the lane alive whatever a picture does to the decoder.
func (l *Lane) decode(ctx context.Context, gray *image.Gray) (texts []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			texts, err = nil, fmt.Errorf("decode: %w: %v", errPanic, p)
			l.cfg.Logger.ErrorContext(ctx, "decoder panicked", slog.String("lane", l.cfg.Name),
				slog.Any("error", err), slog.String("stack", string(debug.Stack())))
		}
	}()
	return l.cfg.Decoder.Decode(gray)
}

// pause waits, or returns early when the context ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
