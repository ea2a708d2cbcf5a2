//go:build linux

package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// line is a serial line: what is written to the engine's end, a reader of the
// path gets.
type line struct {
	t      *testing.T
	path   string // as /dev/serial/by-id would name it
	engine *os.File
}

func newLine(t *testing.T) *line {
	l := &line{t: t, path: filepath.Join(t.TempDir(), "usb-Engine-if00")}
	t.Cleanup(l.unplug)
	return l
}

// plug makes a new pair of terminals and has the path lead there.
func (l *line) plug() {
	l.t.Helper()
	engine, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	l.engine = engine
	raw, err := engine.SyscallConn()
	if err != nil {
		l.t.Fatal(err)
	}
	number := 0
	if cerr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || cerr != nil {
		l.t.Fatal(err, cerr)
	}
	if err := os.Symlink(fmt.Sprintf("/dev/pts/%d", number), l.path); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) send(text string) {
	l.t.Helper()
	if _, err := l.engine.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
}

// unplug takes the terminals away under whoever reads them.
func (l *line) unplug() {
	if l.engine == nil {
		return
	}
	_ = os.Remove(l.path)
	_ = l.engine.Close()
	l.engine = nil
}
