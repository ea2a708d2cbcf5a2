// Package camera gives gray frames from a camera, a stream, a program, a pipe or a file, the newest
// first to hand, and says how they are lit and how sharp they are ([Meter]).
//
// It opens, reconnects, checks sizes, notices a picture that stands still, and counts. It reads no
// code, does not look at what a frame shows beyond its light, edges and grain, keeps no picture, and
// records nothing. Nothing that a camera, a program or a server on the network sends is
// trusted: headers, parts, pixels and waiting times are limited, a bad frame is counted and dropped,
// and a source that goes away is opened again until somebody closes the camera. The operator, who
// writes addresses and names programs, is trusted.
package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Errors that callers may look for, wrapped.
var (
	// ErrAddress is a camera address that we cannot make sense of.
	ErrAddress = errors.New("unusable camera address")
	// ErrFrame is one picture that cannot be used; the next may be well.
	ErrFrame = errors.New("unusable frame")
	// ErrStream is a source that does not speak as it should.
	ErrStream = errors.New("unusable stream")
	// ErrClosed is returned by Next after Close.
	ErrClosed = errors.New("camera is closed")
	// ErrUnsupported is a kind of camera that this build or system cannot open.
	ErrUnsupported = errors.New("not supported on this system")
)

// Frame is one picture. It is the receiver's to keep.
type Frame struct {
	Gray *image.Gray
	At   time.Time // when it was taken, as nearly as we know: when all of it had arrived
	Seq  uint64    // counts the frames of this camera from 1, dropped ones too

	// Size is that of the whole picture in pixels, of which Gray may be a part: see Config.Region.
	Size image.Point
}

// Stats says how a camera is doing. Counts are since Open.
type Stats struct {
	Frames    uint64    // good frames
	Dropped   uint64    // good frames that a newer one replaced before anybody took them
	Errors    uint64    // bad frames and failed connections
	Connects  uint64    // times the source was opened
	Connected bool      // whether it is open now
	LastFrame time.Time // zero if there was none
	LastError error     // nil if there was none; an old one may stay while all is well

	Rate  float64       // frames a second of late, taken or not; 0 before the second since it was opened
	Size  image.Point   // of the last frame in pixels, before the region was cut out
	Stuck time.Duration // how long the same picture has come again and again; 0 below Config.StuckAfter
}

// Config says how to open a camera.
type Config struct {
	Logger *slog.Logger     // required
	Now    func() time.Time // required
	// Width and Height are the wanted frame size in pixels; 1280×720 if zero. A device gives
	// the nearest it has; streams and files are as they are.
	Width, Height int
	// StallAfter is how long a source may give no frame before it is opened again; 5 s if zero. A
	// program has 15 s more for its first.
	StallAfter time.Duration
	// Device says how a camera of this machine is set; other sources are as they are.
	Device DeviceConfig
	// StuckAfter is how long a live source may give the same picture, to the last pixel, before
	// Stats says that it is stuck and it is opened again, once; 2 s if zero, never if negative. Files,
	// folders and the test card are never stuck.
	StuckAfter time.Duration
	// Region is the part of each frame that Next gives; all of it if zero.
	Region Region
	// Stdin is what the address stdin: reads. It is read until its end, also after Close: a read of
	// it cannot be interrupted.
	Stdin io.Reader
	// Command is the program of the address program:, with its arguments; no shell sees them. The
	// program writes pictures to its standard output in Format, and what it says on its standard
	// error is logged, a few lines a minute.
	Command []string
	// Format is how the program of the address program: writes pictures.
	Format Format
}

// Bounds of reconnecting and of what counts as fresh.
const (
	firstPause    = 250 * time.Millisecond // before the first new try
	longestPause  = 10 * time.Second       // between tries
	lossLines     = 10                     // a minute in the log, where a source comes and goes
	badFrames     = 30                     // in a row, after which the source is opened again
	staleAfter    = 2 * time.Second        // age at which Next passes over a frame of a device or stream
	defaultStall  = 5 * time.Second
	defaultStuck  = 2 * time.Second
	defaultWidth  = 1280
	defaultHeight = 720
)

// source is one way to get frames.
type source interface {
	// open connects. It is called again after a stream has failed.
	open(ctx context.Context) (stream, error)
	// lasting says that a failure is worth another try.
	lasting() bool
	// paced says that frames go by whether or not they are taken.
	paced() bool
	// live says that frames come from a sensor, whose noise makes no two the same.
	live() bool
}

// stream is one connection to a source, used by one goroutine.
type stream interface {
	// read waits for the next picture and says when all of it had arrived, before its pixels were worked
	// out. An error wrapping ErrFrame leaves the stream usable, io.EOF is its proper end, any other
	// error is a failure.
	read(ctx context.Context) (gray *image.Gray, at time.Time, err error)
	close() error
}

// Camera gives the frames of one source. Next is for one goroutine at a time, the other methods
// for any.
type Camera struct {
	cfg    Config
	name   string // for logs, without credentials
	source source
	box    chan Frame // the one frame that waits to be taken
	stop   context.CancelFunc
	done   chan struct{} // closed when run has returned; err is set before

	err error // why there are no more frames

	still  still // owned by run
	pulse  pulse // owned by run
	losses quota // owned by run

	mu    sync.Mutex // guards stats
	stats Stats
}

// Open starts to read from an address until ctx ends or Close is called:
//
//	v4l2:/dev/video0                a camera of this machine (Linux); /dev/v4l/by-id/… survives replugging
//	http://host/path, https://…     a stream of JPEGs (multipart/x-mixed-replace)
//	program:                        what Config.Command writes
//	stdin:?format=yu12&width=1280&height=720   what somebody pipes into us
//	file:/path/frame.jpg            one picture, JPEG or PNG
//	file:/path/film.y4m             a video: .y4m, .mjpeg or .mjpg, or raw with format= as for stdin:
//	dir:/path?loop=1&fps=10         the pictures of a folder in the order of their names
//	test:?width=1280&height=720&fps=10   a test card, which needs no camera
//
// Pipes and programs give Y4M or JPEGs one after the other, which show themselves, or raw frames
// (see [Format]). With fps= a pipe is a recording, read at that speed.
//
// file: and dir: wait for each frame to be taken, unless fps= or the header of a Y4M file says how
// fast they go; all others drop what is not taken in time, so that Next always gives the newest. A
// camera, stream or program that is not there yet is no error: it is tried again with growing
// pauses, and Stats tells. Errors wrap ErrAddress or ErrUnsupported, or say why a file cannot be read.
func Open(ctx context.Context, address string, cfg Config) (*Camera, error) {
	if cfg.Logger == nil || cfg.Now == nil {
		return nil, errors.New("camera: Config.Logger and Config.Now are required")
	}
	if cfg.Width == 0 && cfg.Height == 0 {
		cfg.Width, cfg.Height = defaultWidth, defaultHeight
	}
	if cfg.StallAfter == 0 {
		cfg.StallAfter = defaultStall
	}
	if cfg.StuckAfter == 0 {
		cfg.StuckAfter = defaultStuck
	}
	if err := cfg.Region.Check(); err != nil {
		return nil, err
	}
	src, name, err := parse(address, cfg)
	if err != nil {
		return nil, err
	}
	return start(ctx, src, name, cfg), nil
}

func start(ctx context.Context, src source, name string, cfg Config) *Camera {
	ctx, stop := context.WithCancel(ctx)
	c := &Camera{
		cfg: cfg, name: name, source: src, still: newStill(),
		box: make(chan Frame, 1), stop: stop, done: make(chan struct{}),
	}
	go c.run(ctx)
	return c
}

// Next waits for a frame that has not been returned before and returns the newest. After the last
// frame of a file or folder it returns io.EOF, after Close an error wrapping ErrClosed.
func (c *Camera) Next(ctx context.Context) (Frame, error) {
	for {
		f, err := c.next(ctx)
		if err == nil && c.source.lasting() && c.cfg.Now().Sub(f.At) > staleAfter {
			continue // it lay here while the source was away
		}
		return f, err
	}
}

func (c *Camera) next(ctx context.Context) (Frame, error) {
	select {
	case f := <-c.box:
		return f, nil
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	case <-c.done:
	}
	select {
	case f := <-c.box: // put there before the end
		return f, nil
	default:
		return Frame{}, c.err
	}
}

// Close stops reading and waits until the source is released. It may be called more than once.
func (c *Camera) Close() error {
	c.stop()
	<-c.done
	return nil
}

// Stats returns the counts so far.
func (c *Camera) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// run opens the source again and again until the context ends or the source does.
func (c *Camera) run(ctx context.Context) {
	defer close(c.done)
	defer c.stop()
	pause := firstPause
	for {
		good, err := c.session(ctx)
		switch {
		case ctx.Err() != nil:
			c.err = fmt.Errorf("%w: %s", ErrClosed, c.name)
			return
		case errors.Is(err, io.EOF) && !c.source.lasting():
			c.err = io.EOF
			return
		case !c.source.lasting():
			c.failed(ctx, err)
			c.err = err
			return
		}
		c.failed(ctx, err)
		if good {
			pause = firstPause
		}
		if !sleep(ctx, pause/2+rand.N(pause)) { //nolint:gosec // jitter, no secret
			c.err = fmt.Errorf("%w: %s", ErrClosed, c.name)
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// session is one connection from open to failure. good says that it gave at least one frame.
func (c *Camera) session(ctx context.Context) (good bool, err error) {
	c.note(func(s *Stats) { s.Connects++ })
	st, err := c.source.open(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		c.note(func(s *Stats) { s.Connected = false })
		if cerr := st.close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	c.note(func(s *Stats) { s.Connected = true })
	c.pulse = pulse{}
	for bad := 0; ; {
		gray, at, err := st.read(ctx)
		switch {
		case err == nil:
			good, bad = true, 0
			if !c.deliver(ctx, gray, at) {
				return good, ctx.Err()
			}
			if c.source.lasting() && c.still.reopen(c.cfg.StuckAfter) {
				return good, fmt.Errorf("%w: the same picture for %v", ErrStream, c.still.lasts.Round(time.Second))
			}
		case errors.Is(err, ErrFrame) && (bad < badFrames || !c.source.lasting()):
			bad++
			c.note(func(s *Stats) { s.Errors++; s.LastError = err })
		default:
			return good, err
		}
	}
}

// deliver puts a frame where Next finds it. For a paced source it replaces one that nobody took.
func (c *Camera) deliver(ctx context.Context, gray *image.Gray, at time.Time) bool {
	if c.source.live() && c.cfg.StuckAfter > 0 {
		c.still.see(gray, at)
	}
	rate, size := c.pulse.beat(at), gray.Rect.Size()
	f := Frame{Gray: c.cfg.Region.cut(gray), At: at, Size: size}
	c.note(func(s *Stats) {
		s.Frames++
		s.LastFrame, s.Rate, s.Size, s.Stuck = f.At, rate, size, c.still.stuck(c.cfg.StuckAfter)
		f.Seq = s.Frames
	})
	if !c.source.paced() {
		select {
		case c.box <- f:
			return true
		case <-ctx.Done():
			return false
		}
	}
	select {
	case <-c.box:
		c.note(func(s *Stats) { s.Dropped++ })
	default:
	}
	c.box <- f // there is room: only this goroutine puts frames in
	return ctx.Err() == nil
}

// failed counts and reports a lost or refused connection. One that comes and goes, a loose plug or a
// program that ends after a frame, does so four times a second.
func (c *Camera) failed(ctx context.Context, err error) {
	c.note(func(s *Stats) { s.Errors++; s.LastError = err })
	if omitted, ok := c.losses.take(c.cfg.Now(), lossLines); ok {
		c.cfg.Logger.WarnContext(ctx, "camera lost", slog.String("camera", c.name), slog.String("error", err.Error()), slog.Int("omitted", omitted))
	}
}

func (c *Camera) note(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

// sleep waits, and reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
