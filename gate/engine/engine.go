// Package engine reads codes from scan engines: devices that find and decode a
// code themselves and send its text, over a serial line (RS-232, USB-CDC) or as a
// keyboard that types it (a wedge, an NFC or HID reader).
//
// It opens, frames, reconnects and counts. It does not know what a text means:
// who takes it decides, as about a text that a camera saw. Nobody is trusted.
// Whoever stands before an engine chooses its bytes, and a barcode can hold any:
// a frame is bounded in length and in time, keys other than those of text do
// nothing, and what is no text is counted and thrown away. An engine that goes
// away is opened again until somebody closes it.
//
// A wedge is a keyboard. While the gate holds it nobody else hears it; while
// nobody holds it, it types into the machine's console. Prefer a serial engine,
// and leave no console logged in.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/pass"
)

// The bounds of an engine.
const (
	// MaxText is the longest text of one code, in bytes. What is longer is no pass,
	// and is thrown away up to its end.
	MaxText = pass.MaxText

	// DefaultPause is how long an engine may fall silent inside one code.
	DefaultPause = 500 * time.Millisecond

	// Fresh is how old a text may become before somebody takes it: its holder has
	// gone, or shows another.
	Fresh = 10 * time.Second

	queued       = 16                     // texts that may wait to be taken
	poll         = 200 * time.Millisecond // how soon a silent engine hears that it is closed
	firstPause   = 250 * time.Millisecond // before the first new try to open
	longestPause = 2 * time.Second        // between tries: somebody is holding the plug
)

// Errors that callers may look for, wrapped. A device that is not there wraps
// [io/fs.ErrNotExist], one that may not be opened [io/fs.ErrPermission].
var (
	// ErrDevice is a device that we cannot make sense of, or that is none of the kind.
	ErrDevice = errors.New("unusable device")
	// ErrBusy is a device that another program holds.
	ErrBusy = errors.New("device is busy")
	// ErrClosed is returned by Next after Close.
	ErrClosed = errors.New("engine is closed")
	// ErrUnsupported is a kind of engine that this system does not have.
	ErrUnsupported = errors.New("not supported on this system")
)

// Text is what an engine read.
type Text struct {
	Text string    // never empty; at most MaxText bytes, of any value but the frame's own
	At   time.Time // when its last byte had arrived
	Hint string    // what is wrong with how the engine is set up; empty when it looks well
}

// Stats says how an engine is doing. Counts are since it was opened.
type Stats struct {
	Device    string    // as it was asked for
	Connected bool      // whether it is open now
	Connects  uint64    // times it was opened
	Errors    uint64    // times it failed, or could not be opened
	Texts     uint64    // codes read
	Halves    uint64    // codes that began and did not end
	Noise     uint64    // frames that are no text, or too long for one
	Lost      uint64    // codes of which the kernel lost a part (SYN_DROPPED)
	Dropped   uint64    // codes that nobody took in time
	LastText  time.Time // zero if there was none
	LastError error     // nil if there was none; an old one may stay while all is well
	Hint      string    // of the last code or half of one; empty when it looked well
}

// Config says how to run an engine.
type Config struct {
	Logger *slog.Logger     // required
	Now    func() time.Time // required; the wall clock with its monotonic reading

	// Pause is how long an engine may fall silent inside one code; DefaultPause if zero.
	Pause time.Duration
}

// source is one way to reach an engine.
type source interface {
	// open connects. It is called again after a device has failed.
	open() (device, parser, error)
}

// device is an open engine, used by one goroutine.
type device interface {
	// read waits at most wait for bytes, and takes what is there even if that is
	// zero. None without an error is silence.
	read(buf []byte, wait time.Duration) (int, error)
	close() error
}

// parser cuts what a device sends into codes.
type parser interface {
	// feed takes bytes as they come, cut anywhere.
	feed(data []byte, take func(piece))
	// open reports whether a code has begun and not ended.
	open() bool
	// silence ends a code that does not go on.
	silence(take func(piece))
}

// kind is what a parser found.
type kind uint8

const (
	whole kind = iota + 1 // a code, with its text
	half                  // a code that did not end, with its text so far
	noise                 // no text, or too long for one
	lost                  // a code of which the kernel lost a part
)

type piece struct {
	kind kind
	text string
}

// Engine gives the texts of one scan engine. Next is for one goroutine at a time,
// the other methods for any.
type Engine struct {
	cfg    Config
	name   string
	source source
	box    chan Text // what waits to be taken, oldest first
	stop   context.CancelFunc
	done   chan struct{} // closed when run has returned

	mu    sync.Mutex // guards stats
	stats Stats
}

func start(ctx context.Context, src source, name string, cfg Config) (*Engine, error) {
	if cfg.Logger == nil || cfg.Now == nil {
		return nil, errors.New("engine: Config.Logger and Config.Now are required")
	}
	if cfg.Pause == 0 {
		cfg.Pause = DefaultPause
	}
	if cfg.Pause < 0 {
		return nil, fmt.Errorf("engine: a pause of %s", cfg.Pause)
	}
	ctx, stop := context.WithCancel(ctx)
	e := &Engine{cfg: cfg, name: name, source: src, box: make(chan Text, queued), stop: stop, done: make(chan struct{})}
	e.stats.Device = name
	go e.run(ctx)
	return e, nil
}

// Next waits for a text and returns the oldest that is fresh. After Close it
// returns an error wrapping ErrClosed.
func (e *Engine) Next(ctx context.Context) (Text, error) {
	for {
		select {
		case t := <-e.box:
			if e.cfg.Now().Sub(t.At) <= Fresh {
				return t, nil
			}
			e.note(func(s *Stats) { s.Dropped++ })
		case <-ctx.Done():
			return Text{}, ctx.Err()
		case <-e.done:
			return Text{}, fmt.Errorf("%w: %s", ErrClosed, e.name)
		}
	}
}

// Close stops reading and waits until the device is released, for a fifth of a
// second at most. It may be called more than once.
func (e *Engine) Close() error {
	e.stop()
	<-e.done
	return nil
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

func (e *Engine) note(change func(*Stats)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.stats)
}

// run opens the device again and again until the context ends.
func (e *Engine) run(ctx context.Context) {
	defer close(e.done)
	defer e.stop()
	pause, said := firstPause, ""
	for {
		opened, err := e.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if opened {
			pause, said = firstPause, ""
		}
		e.note(func(s *Stats) { s.Errors++; s.LastError = err })
		if why := err.Error(); why != said { // once, not with every try
			e.cfg.Logger.WarnContext(ctx, "scan engine is away", slog.String("engine", e.name), slog.String("error", why))
			said = why
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// session is one connection from open to failure.
func (e *Engine) session(ctx context.Context) (opened bool, err error) {
	dev, p, err := e.source.open()
	if err != nil {
		return false, err
	}
	e.note(func(s *Stats) { s.Connects++; s.Connected = true })
	e.cfg.Logger.InfoContext(ctx, "scan engine is there", slog.String("engine", e.name))
	defer func() {
		e.note(func(s *Stats) { s.Connected = false })
		err = errors.Join(err, dev.close())
	}()
	buf := make([]byte, 4096)
	at := e.cfg.Now()
	take := func(p piece) { e.take(ctx, p, at) }
	for ctx.Err() == nil {
		wait := poll
		if p.open() {
			wait = min(wait, max(e.cfg.Pause-e.cfg.Now().Sub(at), 0))
		}
		n, err := dev.read(buf, wait)
		switch {
		case err != nil:
			p.silence(take) // pulled out in the middle of a code
			return true, err
		case n > 0:
			at = e.cfg.Now()
			p.feed(buf[:n], take)
		case p.open() && e.cfg.Now().Sub(at) >= e.cfg.Pause:
			p.silence(take) // only where nothing waited to be read: a machine that stood still is not a silent engine
		}
	}
	return true, ctx.Err()
}

// take counts a piece, and puts a text where Next finds it. The newest displaces
// the oldest: whoever showed that has waited longest and looks elsewhere by now.
func (e *Engine) take(ctx context.Context, p piece, at time.Time) {
	hint := suspect(p)
	e.note(func(s *Stats) {
		if p.kind != noise || s.Hint == "" { // noise beside good codes says nothing
			s.Hint = hint
		}
		switch p.kind {
		case whole:
			s.Texts++
			s.LastText = at
		case half:
			s.Halves++
		case noise:
			s.Noise++
		case lost:
			s.Lost++
		}
	})
	switch p.kind {
	case half, lost:
		e.cfg.Logger.WarnContext(ctx, "part of a code was thrown away", slog.String("engine", e.name),
			slog.Bool("lost_by_kernel", p.kind == lost), slog.String("hint", hint))
		return
	case noise:
		return
	case whole:
	}
	t := Text{Text: p.text, At: at, Hint: hint}
	for {
		select {
		case e.box <- t:
			return
		default:
		}
		select {
		case <-e.box:
			e.note(func(s *Stats) { s.Dropped++ })
		default:
		}
	}
}

// printable reports whether a text could be a code's at all: noise on a line
// is not. What begins like one of ours is, however broken, so that its holder is
// told.
func printable(text string) bool {
	if strings.HasPrefix(text, "CT") {
		return true
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return false
		}
	}
	return true
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
