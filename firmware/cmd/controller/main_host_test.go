//go:build !tinygo

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.bug.st/serial"

	"github.com/con-ting/conting/firmware/emulator/rig"
	"github.com/con-ting/conting/firmware/keep"
	"github.com/con-ting/conting/firmware/lane"
	"github.com/con-ting/conting/firmware/osdp"
	"github.com/con-ting/conting/sync/hint"
)

var key = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// sim is one running controller-sim.
type sim struct {
	line  string
	pins  io.Writer
	words *bufio.Scanner
	done  chan error
	stop  context.CancelFunc
}

func start(t *testing.T, args ...string) *sim {
	t.Helper()
	scbk := filepath.Join(t.TempDir(), "scbk")
	if err := os.WriteFile(scbk, []byte(hex.EncodeToString(key[:])+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &sim{pins: inW, words: bufio.NewScanner(outR), done: make(chan error, 1), stop: cancel}
	go func() {
		err := run(ctx, append(args, "--scbk", scbk), inR, outW, io.Discard, time.Now)
		_ = outW.Close()
		s.done <- err
	}()
	t.Cleanup(func() {
		cancel()
		_ = outR.Close()
		_ = inW.Close()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
	if !s.words.Scan() {
		t.Fatal("it said nothing")
	}
	line, ok := strings.CutPrefix(s.words.Text(), "listening ")
	if !ok {
		t.Fatalf("it says %q", s.words.Text())
	}
	s.line = line
	return s
}

// do gives one command and returns what came before "ok".
func (s *sim) do(t *testing.T, command string) (said []string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.pins, command); err != nil {
		t.Fatal(err)
	}
	for s.words.Scan() {
		switch line := s.words.Text(); {
		case line == "ok":
			return said
		case strings.HasPrefix(line, "error"):
			t.Fatalf("%s: %s", command, line)
		default:
			said = append(said, line)
		}
	}
	t.Fatalf("%s: no answer", command)
	return nil
}

func dial(t *testing.T, where string) net.Conn {
	t.Helper()
	network, address, _ := strings.Cut(where, ":")
	if network != "pty" {
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	port, err := serial.Open(address, &serial.Mode{BaudRate: 115200})
	if err != nil {
		t.Fatal(err)
	}
	return terminal{Port: port}
}

// terminal is a serial port as the rig wants it.
type terminal struct {
	serial.Port
	net.Conn
}

func (p terminal) Read(b []byte) (int, error)  { return p.Port.Read(b) }
func (p terminal) Write(b []byte) (int, error) { return p.Port.Write(b) }
func (p terminal) Close() error                { return p.Port.Close() }

func attach(t *testing.T, where string) *rig.Lane {
	t.Helper()
	p, err := rig.Attach(dial(t, where), osdp.CPConfig{Address: 3, Key: key, PollMS: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return &rig.Lane{Panel: p}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLines(t *testing.T) {
	for name, where := range map[string]string{
		"unix": "unix:" + filepath.Join(t.TempDir(), "line"), "tcp": "tcp:127.0.0.1:0", "pty": "pty",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, "--listen", where, "--address", "3")
			ctx := within(t)
			for range 2 { // the panel may come back
				p := attach(t, s.line)
				must(t, p.Secured(ctx))
				got, err := p.Do(ctx, osdp.CmdIStat, nil)
				must(t, err)
				if got.Code != osdp.ReplyIStat || !bytes.Equal(got.Data, make([]byte, 7)) {
					t.Errorf("contacts at rest: %#x % x", got.Code, got.Data)
				}
				must(t, p.Panel.Close())
			}
		})
	}
}

func TestPins(t *testing.T) {
	s := start(t, "--listen", "tcp:127.0.0.1:0", "--address", "3")
	ctx := within(t)
	p := attach(t, s.line)
	must(t, p.Secured(ctx))
	must(t, p.Grant(ctx, 1, lane.In))
	s.do(t, "walk in")
	e, err := p.Happened(ctx, 0, lane.Passed)
	must(t, err)
	if e.Grant != 1 {
		t.Errorf("passed: %+v", e)
	}
	must(t, p.Grant(ctx, 2, lane.Out))
	s.do(t, "back out")
	_, err = p.Happened(ctx, 0, lane.TurnedBack)
	must(t, err)
	s.do(t, "set loop_closed 0")
	_, err = p.Happened(ctx, 0, lane.Freed)
	must(t, err)
	said := s.do(t, "get")
	if len(said) != 2 || !strings.Contains(said[0], "loop_closed=0") || !strings.Contains(said[1], "hold_a=0 hold_b=0") {
		t.Errorf("get: %q", said)
	}
}

func TestKeySurvives(t *testing.T) {
	memory := filepath.Join(t.TempDir(), "memory")
	args := []string{"--listen", "tcp:127.0.0.1:0", "--address", "3", "--memory", memory}
	s := start(t, args...)
	ctx := within(t)
	p := attach(t, s.line)
	must(t, p.Secured(ctx))
	next := [16]byte{5}
	must(t, p.Rekey(ctx, next))
	must(t, p.Panel.Close())
	s.stop()

	s = start(t, args...)
	q, err := rig.Attach(dial(t, s.line), osdp.CPConfig{Address: 3, Key: next})
	must(t, err)
	t.Cleanup(func() { _ = q.Close() })
	must(t, q.Secured(ctx))
	info, err := os.Stat(memory)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %s", info.Mode())
	}
}

func TestProvision(t *testing.T) {
	dir := t.TempDir()
	scbk, image := filepath.Join(dir, "scbk"), filepath.Join(dir, "image")
	must(t, os.WriteFile(scbk, key[:], 0o600))
	must(t, run(t.Context(), []string{"--scbk", scbk, "--address", "9", "--provision", image}, nil, io.Discard, io.Discard, time.Now))
	cells, err := os.ReadFile(image)
	must(t, err)
	var st keep.Store
	if len(cells) != keep.Size || !st.Open(&array{cells}) || st.Address != 9 || st.Key != key || st.Seed == [16]byte{} {
		t.Errorf("%d bytes: address %d", len(cells), st.Address)
	}
}

type array struct{ cells []byte }

func (a *array) Read(at uint16, dst []byte) bool {
	return copy(dst, a.cells[at:]) == len(dst)
}

func (a *array) Write(at uint16, src []byte) bool {
	return copy(a.cells[at:], src) == len(src)
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, content, 0o600))
		return path
	}
	good := write("good", key[:])
	for name, args := range map[string][]string{
		"no key":      {"--listen", "pty"},
		"no line":     {"--scbk", good},
		"address":     {"--scbk", good, "--listen", "pty", "--address", "127"},
		"version":     {"--scbk", good, "--listen", "pty", "--version", "16777216"},
		"no flash":    {"--scbk", good, "--listen", "pty", "--flash", good},
		"argument":    {"--scbk", good, "--listen", "pty", "more"},
		"line":        {"--scbk", good, "--listen", "/dev/ttyS0"},
		"short key":   {"--scbk", write("short", key[:15]), "--listen", "pty"},
		"default key": {"--scbk", write("default", []byte("0123456789:;<=>?")), "--listen", "pty"},
		"zero key":    {"--scbk", write("zero", make([]byte, 16)), "--listen", "pty"},
		"a file":      {"--scbk", good, "--listen", "unix:" + good},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is taken ends at once
		err := run(ctx, args, strings.NewReader(""), io.Discard, io.Discard, time.Now)
		if err == nil {
			t.Errorf("%s: taken", name)
		}
		t.Logf("%s: %v (%s)", name, err, hint.Of(err))
	}
}
