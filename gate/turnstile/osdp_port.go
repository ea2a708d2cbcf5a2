package turnstile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"go.bug.st/serial"

	"github.com/con-ting/conting/sync/hint"
)

// ErrLine is wrapped by errors about the address or the settings of a line.
var ErrLine = errors.New("impossible line")

const (
	dialTimeout = 5 * time.Second
	serialLook  = 100 * time.Millisecond // how long a read of a serial line waits
	writeLimit  = 2 * time.Second        // how long a socket may leave a packet unwritten
)

// port is an open line. Read returns nothing, without an error, when nothing came
// for a while.
type port interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)

	// interrupt has a Read or Write under way return soon.
	interrupt()
	Close() error
}

// opener opens a line.
type opener func(ctx context.Context) (port, error)

// parseLine reads where a line is: a path or serial:PATH for a serial line,
// tcp://host:port or tcp:host:port for a serial server, unix:PATH for a socket.
func parseLine(url string, baud int, now func() time.Time) (opener, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	if strings.HasPrefix(url, "/") {
		scheme, rest, ok = "serial", url, true
	}
	bad := func(why string) (opener, error) {
		return nil, hint.Errorf("write /dev/serial/by-id/…, tcp://host:port or unix:/path", "%w: %q %s", ErrLine, url, why)
	}
	switch {
	case !ok:
		return bad("is no address")
	case scheme == "serial" || scheme == "pty":
		rest = "/" + strings.TrimLeft(rest, "/")
		if rest == "/" {
			return bad("names no device")
		}
		mode := &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}
		return func(context.Context) (port, error) { return openSerial(rest, mode) }, nil
	case scheme == "tcp":
		rest = strings.TrimPrefix(rest, "//")
		if host, number, err := net.SplitHostPort(rest); err != nil || host == "" || number == "" || number == "0" {
			return bad("lacks a host or a port")
		}
	case scheme == "unix":
		if rest = strings.TrimPrefix(rest, "//"); rest == "" {
			return bad("names no socket")
		}
	default:
		return bad("is of no kind that we know")
	}
	return func(ctx context.Context) (port, error) {
		d := net.Dialer{Timeout: dialTimeout}
		c, err := d.DialContext(ctx, scheme, rest)
		if err != nil {
			return nil, hint.Errorf("is the serial server on, and does nobody else use its port?", "dial: %w", err)
		}
		return socket{c, now}, nil
	}, nil
}

// socket is a line at the end of a connection.
type socket struct {
	net.Conn

	now func() time.Time
}

func (s socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(s.now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

func (s socket) interrupt() { _ = s.SetDeadline(time.Unix(1, 0)) } // the past; Close is what can fail

// serialLine is a serial line of this machine. Only who reads it closes it: the
// library closes a descriptor before whoever waits on it has noticed.
type serialLine struct{ serial.Port }

func openSerial(path string, mode *serial.Mode) (port, error) {
	p, err := serial.Open(path, mode)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explainSerial(err))
	}
	if err := p.SetReadTimeout(serialLook); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), p.Close())
	}
	return serialLine{p}, nil
}

func (s serialLine) interrupt() { _ = s.ResetOutputBuffer() } // a write that nobody takes ends

func explainSerial(err error) error {
	var p *serial.PortError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hint.Errorf("is it plugged in? ls -l /dev/serial/by-id shows what is there", "%w", err)
	case !errors.As(err, &p):
		return err
	}
	switch p.Code() { //nolint:exhaustive // the others have no better advice
	case serial.PortBusy:
		return hint.Errorf("stop the other program; fuser -v on the device shows it", "%w", err)
	case serial.PermissionDenied:
		return hint.Errorf("add the gate's user to the group dialout", "%w", err)
	case serial.PortNotFound:
		return hint.Errorf("is it plugged in? ls -l /dev/serial/by-id shows what is there", "%w", err)
	}
	return hint.Errorf("want a serial device; ls -l /dev/serial/by-id shows what is there", "%w", err)
}
