//go:build linux

package engine_test

import (
	"path/filepath"
	"testing"

	"github.com/con-ting/conting/testdata/pty"
)

// line is a serial line: what is sent to it, a reader of the path gets.
type line struct {
	t    *testing.T
	path string // as /dev/serial/by-id would name it
	line *pty.Line
}

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{t: t, path: filepath.Join(t.TempDir(), "usb-Engine-if00")}
	t.Cleanup(func() {
		if l.line != nil {
			l.unplug()
		}
	})
	return l
}

func (l *line) plug() {
	l.t.Helper()
	var err error
	if l.line, err = pty.Plug(l.path); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) send(text string) {
	l.t.Helper()
	if _, err := l.line.Engine.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) unplug() {
	l.t.Helper()
	if err := l.line.Unplug(); err != nil {
		l.t.Error(err)
	}
	l.line = nil
}
