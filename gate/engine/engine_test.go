//go:build linux

package engine_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/engine"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/testdata/pty"
)

// patience is for a machine that is slow, never what is expected.
const patience = time.Minute

func config(t *testing.T) engine.Config {
	t.Helper()
	return engine.Config{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now}
}

func usual() engine.Line {
	return engine.Line{Baud: 115200, DataBits: 8, Parity: "none", StopBits: 1, Framing: engine.Lines}
}

func open(t *testing.T, path string, l engine.Line, c engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.OpenSerial(t.Context(), path, l, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// until waits for the counts to say something.
func until(t *testing.T, e *engine.Engine, what string, ok func(engine.Stats) bool) engine.Stats {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s := e.Stats()
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("never %s: %+v", what, s)
		}
	}
}

func connected(s engine.Stats) bool { return s.Connected }

func want(t *testing.T, e *engine.Engine, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, text := range texts {
		got, err := e.Next(ctx)
		if err != nil || got.Text != text || got.At.IsZero() {
			t.Fatalf("got %.80q, %v; want %.80q", got.Text, err, text)
		}
	}
}

// TestSerial reads through the real library from a real terminal.
func TestSerial(t *testing.T) {
	l := newLine(t)
	l.plug()
	e := open(t, l.path, usual(), config(t))
	until(t, e, "connected", connected)
	l.send("CTP1ONE\r")
	want(t, e, "CTP1ONE")
	l.send("CTP1TWO $%*+-./:\r\nCTP1THREE\n") // two at once
	want(t, e, "CTP1TWO $%*+-./:", "CTP1THREE")
	s := e.Stats()
	if s.Texts != 3 || s.Connects != 1 || s.Halves+s.Noise+s.Dropped != 0 || s.LastText.IsZero() || s.Hint != "" || s.Device != l.path {
		t.Errorf("got %+v", s)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.Next(t.Context()); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSerialSTX(t *testing.T) {
	l := newLine(t)
	l.plug()
	set := usual()
	set.Framing = engine.STX
	e := open(t, l.path, set, config(t))
	until(t, e, "connected", connected)
	l.send("\x02CTP1ONE\x03\x02CTP1TWO\x03")
	want(t, e, "CTP1ONE", "CTP1TWO")
}

// TestSerialHalf: a code that does not go on is no code, and the next one is.
func TestSerialHalf(t *testing.T) {
	l := newLine(t)
	l.plug()
	c := config(t)
	c.Pause = 20 * time.Millisecond
	e := open(t, l.path, usual(), c)
	until(t, e, "connected", connected)
	l.send("CTP1HAL")
	until(t, e, "a half", func(s engine.Stats) bool { return s.Halves == 1 })
	l.send("CTP1WHOLE\r")
	want(t, e, "CTP1WHOLE")
}

// TestSerialNoise: a megabyte of noise does not hide the code behind it.
func TestSerialNoise(t *testing.T) {
	l := newLine(t)
	l.plug()
	c := config(t)
	c.Pause = 20 * time.Millisecond
	e := open(t, l.path, usual(), c)
	until(t, e, "connected", connected)
	noise := strings.Repeat("\xff\x00\x81~", 1<<18)
	for len(noise) > 0 { // a real engine does not outrun the reader either
		n := min(len(noise), 1<<12)
		l.send(noise[:n])
		noise = noise[n:]
	}
	until(t, e, "noise", func(s engine.Stats) bool { return s.Noise > 0 })
	l.send("\rCTP1AFTER\r")
	want(t, e, "CTP1AFTER")
}

// TestSerialUnplugged in the middle of a code: the half is thrown away, and the
// engine is read again when it returns, under its by-id name.
func TestSerialUnplugged(t *testing.T) {
	l := newLine(t)
	e := open(t, l.path, usual(), config(t))
	s := until(t, e, "away", func(s engine.Stats) bool { return s.Errors > 0 })
	if !errors.Is(s.LastError, fs.ErrNotExist) || !strings.Contains(hint.Of(s.LastError), "plugged in") || s.Connected {
		t.Errorf("not there: %+v", s)
	}
	for range 2 {
		l.plug()
		until(t, e, "connected", connected)
		l.send("CTP1BEFORE\rCTP1HAL")
		want(t, e, "CTP1BEFORE")
		halves := e.Stats().Halves
		l.unplug()
		until(t, e, "away", func(s engine.Stats) bool { return !s.Connected && s.Halves == halves+1 })
	}
	l.plug()
	until(t, e, "connected", connected)
	l.send("CTP1AFTER\r")
	want(t, e, "CTP1AFTER")
	if s := e.Stats(); s.Connects != 3 || s.Texts != 3 {
		t.Errorf("got %+v", s)
	}
}

// TestQueue: what nobody takes makes room for what is newer, and what is old is
// not given out.
func TestQueue(t *testing.T) {
	l := newLine(t)
	l.plug()
	c := config(t)
	var later atomic.Int64
	c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	e := open(t, l.path, usual(), c)
	until(t, e, "connected", connected)
	l.send(strings.Repeat("CTP1OLD\r", 100) + "CTP1LAST BUT ONE\rCTP1LAST\r")
	s := until(t, e, "102 texts", func(s engine.Stats) bool { return s.Texts == 102 })
	if s.Dropped != 102-16 {
		t.Errorf("dropped %d of 102, with room for 16", s.Dropped)
	}
	for range 14 {
		want(t, e, "CTP1OLD")
	}
	want(t, e, "CTP1LAST BUT ONE")
	later.Store(int64(engine.Fresh + time.Second)) // and CTP1LAST is too old
	l.send("CTP1NEW\r")
	want(t, e, "CTP1NEW")
	if s := e.Stats(); s.Dropped != 102-16+1 {
		t.Errorf("dropped %d, one of them too old", s.Dropped)
	}
}

func TestNotAnEngine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("CTP1X\r"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := open(t, file, usual(), config(t))
	if s := until(t, e, "refused", func(s engine.Stats) bool { return s.Errors > 0 }); !errors.Is(s.LastError, engine.ErrDevice) || hint.Of(s.LastError) == "" {
		t.Errorf("a file: %v", s.LastError)
	}
	e, err := engine.OpenWedge(t.Context(), engine.Keyboard(file), config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if s := until(t, e, "refused", func(s engine.Stats) bool { return s.Errors > 0 }); !errors.Is(s.LastError, engine.ErrDevice) || hint.Of(s.LastError) == "" {
		t.Errorf("a file as a wedge: %v", s.LastError)
	}
}

// BenchmarkSerial is the time from the last byte of a pass to its text: its
// terminal, the library, the framing and the hand-over.
func BenchmarkSerial(b *testing.B) {
	path := filepath.Join(b.TempDir(), "engine")
	l, err := pty.Plug(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Unplug() }()
	e, err := engine.OpenSerial(b.Context(), path, usual(), engine.Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	for !e.Stats().Connected {
		time.Sleep(time.Millisecond)
	}
	code := "CTR1" + strings.Repeat("A", 196) + "\r"
	for b.Loop() {
		if _, err := l.Engine.WriteString(code); err != nil {
			b.Fatal(err)
		}
		if _, err := e.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(*engine.Line){
		"baud": func(l *engine.Line) { l.Baud = 1 }, "bits": func(l *engine.Line) { l.DataBits = 9 }, "parity": func(l *engine.Line) { l.Parity = "mark" },
		"stop": func(l *engine.Line) { l.StopBits = 0 }, "framing": func(l *engine.Line) { l.Framing = "" },
	} {
		l := usual()
		change(&l)
		if err := l.Check(); !errors.Is(err, engine.ErrDevice) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := engine.OpenSerial(t.Context(), "/dev/null", l, config(t)); !errors.Is(err, engine.ErrDevice) {
			t.Errorf("open with %s: got %v", name, err)
		}
	}
	if _, err := engine.OpenSerial(t.Context(), "ttyACM0", usual(), config(t)); !errors.Is(err, engine.ErrDevice) {
		t.Errorf("a relative path: got %v", err)
	}
	for _, k := range []engine.Keyboard{"", "name:", "usb:0c2e", "usb:0C2E:0B61", "usb:0c2e:0b6g", "event0"} {
		if _, err := engine.OpenWedge(t.Context(), k, config(t)); !errors.Is(err, engine.ErrDevice) {
			t.Errorf("%q: got %v", k, err)
		}
	}
	if _, err := engine.OpenSerial(t.Context(), "/dev/null", usual(), engine.Config{}); err == nil {
		t.Error("without a clock and a logger")
	}
}
