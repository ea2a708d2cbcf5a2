package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"go.bug.st/serial"

	"github.com/con-ting/conting/sync/hint"
)

// Line is how a serial line is set. A USB-CDC engine ignores all but Framing.
type Line struct {
	Baud     int     // bits a second, 300 to 4,000,000
	DataBits int     // 7 or 8
	Parity   string  // none, even or odd
	StopBits int     // 1 or 2
	Framing  Framing //
}

// Check reports a value that no line has; the error wraps ErrDevice.
func (l Line) Check() error {
	_, err := l.mode()
	return err
}

func (l Line) mode() (*serial.Mode, error) {
	parity := map[string]serial.Parity{"none": serial.NoParity, "even": serial.EvenParity, "odd": serial.OddParity}
	stops := map[int]serial.StopBits{1: serial.OneStopBit, 2: serial.TwoStopBits}
	p, ok := parity[l.Parity]
	s, well := stops[l.StopBits]
	switch {
	case l.Baud < 300 || l.Baud > 4_000_000:
		return nil, fmt.Errorf("%w: %d baud, want 300 to 4000000", ErrDevice, l.Baud)
	case l.DataBits != 7 && l.DataBits != 8:
		return nil, fmt.Errorf("%w: %d data bits, want 7 or 8", ErrDevice, l.DataBits)
	case !ok:
		return nil, fmt.Errorf("%w: parity %q, want none, even or odd", ErrDevice, l.Parity)
	case !well:
		return nil, fmt.Errorf("%w: %d stop bits, want 1 or 2", ErrDevice, l.StopBits)
	}
	if _, err := newFrames(l.Framing); err != nil {
		return nil, err
	}
	return &serial.Mode{BaudRate: l.Baud, DataBits: l.DataBits, Parity: p, StopBits: s}, nil
}

// OpenSerial starts to read from a serial device, by its path, until ctx ends or
// Close is called. /dev/serial/by-id/… names the same engine after it was pulled
// out and put into another socket; /dev/ttyACM0 may not. A device that is not
// there yet is no error: it is tried again, and Stats tells. Errors wrap ErrDevice.
func OpenSerial(ctx context.Context, path string, line Line, cfg Config) (*Engine, error) {
	mode, err := line.mode()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%w: %q, want a path that begins with /", ErrDevice, path)
	}
	return start(ctx, &serialSource{path: path, mode: mode, framing: line.Framing}, path, cfg)
}

// serialSource is a serial line of this machine.
type serialSource struct {
	path    string
	mode    *serial.Mode
	framing Framing
}

func (s *serialSource) open() (device, parser, error) {
	p, err := newFrames(s.framing)
	if err != nil {
		return nil, nil, err
	}
	port, err := serial.Open(s.path, s.mode)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", s.path, explain(err))
	}
	return &serialPort{port: port}, p, nil
}

// explain says what the library's error is to us, and what to do.
func explain(err error) error {
	var p *serial.PortError
	if !errors.As(err, &p) {
		if errors.Is(err, fs.ErrNotExist) {
			return hint.Errorf("is it plugged in? ls -l /dev/serial/by-id shows what is there", "%w", err)
		}
		return err
	}
	code := p.Code()
	if code == serial.PortBusy {
		return hint.Errorf("stop the other program; fuser -v on the device shows it", "%w: %w", ErrBusy, err)
	}
	if code == serial.PermissionDenied {
		return hint.Errorf("add the gate's user to the group dialout", "%w: %w", fs.ErrPermission, err)
	}
	return hint.Errorf("want a serial device; ls -l /dev/serial/by-id shows what is there", "%w: %w", ErrDevice, err)
}

// serialPort is an open line. Only its reader closes it: the library closes a
// descriptor before whoever waits on it has noticed.
type serialPort struct{ port serial.Port }

func (p *serialPort) read(buf []byte, wait time.Duration) (int, error) {
	if err := p.port.SetReadTimeout(wait); err != nil {
		return 0, err
	}
	n, err := p.port.Read(buf)
	if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	return n, nil
}

func (p *serialPort) close() error { return p.port.Close() }
