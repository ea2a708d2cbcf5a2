package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	// programStart is how much longer than a stall the first frame of a program may take: ffmpeg
	// looks at a stream for 5 s before it says anything.
	programStart = 15 * time.Second
	// programGrace is how long a program may take to end after it was asked to.
	programGrace = time.Second
	// programLeave is how long a program that has closed its output gets to say by its exit status why.
	programLeave = 500 * time.Millisecond
	programLook  = 5 * time.Millisecond // how often we look whether it has
)

// program is a camera behind a program that writes pictures: rpicam-vid for a camera on a Raspberry
// Pi's ribbon, ffmpeg for RTSP. It is started again when it ends or falls silent, and ended
// with all that it started when the camera is closed.
type program struct {
	argv   []string
	format Format
	stall  time.Duration
	talk   *talk // what it says
	now    func() time.Time
}

// newProgram makes sure that the program is there. Errors wrap ErrAddress.
func newProgram(cfg Config) (*program, error) {
	if len(cfg.Command) == 0 || cfg.Command[0] == "" {
		return nil, fmt.Errorf("%w: program: without a command", ErrAddress)
	}
	if _, err := exec.LookPath(cfg.Command[0]); err != nil {
		return nil, fmt.Errorf("%w: camera program: %w", ErrAddress, err)
	}
	if err := cfg.Format.Check(); err != nil {
		return nil, err
	}
	return &program{argv: slices.Clone(cfg.Command), format: cfg.Format, stall: cfg.StallAfter, talk: newTalk(cfg.Logger, cfg.Now), now: cfg.Now}, nil
}

func (p *program) lasting() bool { return true }
func (p *program) paced() bool   { return true }
func (p *program) live() bool    { return true }

// open starts the program. It outlives ctx by as long as close takes.
func (p *program) open(ctx context.Context) (stream, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("camera program: %w", err)
	}
	s := &programStream{program: p, out: out}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.argv[0], p.argv[1:]...) //nolint:gosec // the operator names the program
	s.cmd.Env = environment(os.Environ())
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = in, s.talk, programGrace
	group(s.cmd)
	p.talk.begin()
	err = s.cmd.Start()
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("camera program: %w", err), out.Close())
	}
	ctx, s.cancel = context.WithCancelCause(ctx)
	s.ctx = ctx
	s.quiet = time.AfterFunc(p.stall+programStart, func() {
		s.cancel(fmt.Errorf("%w: no frame for %v", ErrStream, p.stall+programStart))
	})
	// A read that waits returns at once when the context ends.
	s.stopped = make(chan struct{})
	s.unwatch = context.AfterFunc(ctx, func() {
		defer close(s.stopped)
		s.interrupt()
	})
	return s, nil
}

// environment leaves out what only the gate is to say to its service manager.
func environment(own []string) []string {
	return slices.DeleteFunc(own, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "NOTIFY_SOCKET" || name == "CREDENTIALS_DIRECTORY" ||
			strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "LISTEN_")
	})
}

// programStream is a program that runs.
type programStream struct {
	*program
	ctx     context.Context // ends with the camera, or when the program is silent too long
	cancel  context.CancelCauseFunc
	quiet   *time.Timer   // cancels ctx unless it is reset in time
	stopped chan struct{} // closed when the end of ctx has interrupted the reading
	unwatch func() bool   // keeps that from happening, or reports that it is too late
	cmd     *exec.Cmd
	out     *os.File // what it writes
	video   video    // nil before the first read
	ended   bool
}

// interrupt ends a read that waits, and those after it.
func (s *programStream) interrupt() { _ = s.out.SetReadDeadline(time.Unix(1, 0)) }

func (s *programStream) read(context.Context) (gray *image.Gray, at time.Time, err error) {
	if s.video == nil {
		s.video, err = newVideo(s.out, s.format)
	}
	if err == nil {
		err = s.video.next()
	}
	if err != nil && !errors.Is(err, ErrFrame) {
		return nil, at, s.because(err)
	}
	s.quiet.Reset(s.stall)
	if err != nil {
		return nil, at, err
	}
	at = s.now()
	gray, err = s.video.picture()
	return gray, at, err
}

// because prefers the reason for which we stopped to what the pipe says about it, and tells how a
// program ended that did so by itself.
func (s *programStream) because(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	for range programLeave / programLook {
		if exited(s.cmd) || !sleep(s.ctx, programLook) {
			break
		}
	}
	how := "without an error"
	if err := s.end(); err != nil {
		how = err.Error()
	}
	if last := s.talk.last(); last != "" {
		how += ": " + last
	}
	return fmt.Errorf("%w: the program ended: %s", ErrStream, how)
}

// end ends the program and all that it has started, and says how it ended.
func (s *programStream) end() error {
	if s.ended {
		return nil
	}
	s.ended = true
	s.quiet.Stop()
	if !s.unwatch() {
		<-s.stopped
		_ = s.out.SetReadDeadline(time.Time{})
	}
	terminate(s.cmd)
	// Its end closes the pipe. Until then it may be writing.
	grace := time.AfterFunc(programGrace, s.interrupt)
	_, _ = io.Copy(io.Discard, s.out)
	grace.Stop()
	kill(s.cmd)
	return s.cmd.Wait()
}

func (s *programStream) close() error {
	_ = s.end() // we ended it, or have said how it did
	s.cancel(nil)
	return s.out.Close()
}
