//go:build unix

package camera_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
)

// TestMain is also the program behind a camera: what it plays stands in its environment.
func TestMain(m *testing.M) {
	if play, ok := os.LookupEnv("CAMERA_PROGRAM"); ok {
		os.Exit(program(play))
	}
	os.Exit(m.Run())
}

const header = "YUV4MPEG2 W8 H6 F30:1 Cmono\n"

// gray is a Y4M frame of one level.
func gray(level int) string {
	return "FRAME\n" + strings.Repeat(string(rune(level&0x7F)), 48)
}

// program writes to its standard output what a camera's program may.
func program(play string) int {
	out := bufio.NewWriter(os.Stdout)
	film := func(n int) int { // until nobody reads, which ends us by a signal, or by an error if it is ignored
		for level := 0; level != n; level++ {
			if _, err := out.WriteString(gray(level)); err != nil || out.Flush() != nil {
				return 1
			}
			time.Sleep(5 * time.Millisecond)
		}
		return 0
	}
	say := func(text string) { fmt.Fprint(os.Stderr, text) }
	if play != "garbage" {
		_, _ = out.WriteString(header)
	}
	switch play {
	case "film":
		return film(-1)
	case "end":
		say("starting\nno camera at rtsp://name:secret@host/path?token=secret\n")
		film(3)
		return 3
	case "leaves":
		film(3)
		_ = os.Stdout.Close() // as every program of the C library does before it ends
		time.Sleep(10 * time.Millisecond)
		return 4
	case "silence":
		film(3)
		select {}
	case "garbage":
		_, _ = out.WriteString(strings.Repeat("\x00\x13garbage", 50_000))
		_ = out.Flush()
		return 0
	case "torn":
		_, _ = out.WriteString(gray(1)[:20])
		_ = out.Flush()
		return 0
	case "talk":
		for n := range 1000 {
			say(fmt.Sprintf("line %d %s\r", n, strings.Repeat("x", 3000)))
		}
		return film(-1)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGPIPE)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "CAMERA_PROGRAM=child")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			return 1
		}
		pids := fmt.Sprintf("%d %d", os.Getpid(), child.Process.Pid)
		if err := os.WriteFile(os.Getenv("PIDS"), []byte(pids), 0o600); err != nil {
			return 1
		}
		film(-1)
		select {}
	case "child":
		signal.Ignore(syscall.SIGTERM, syscall.SIGPIPE)
		select {}
	case "secrets":
		say(strings.Join(os.Environ(), " ") + "\n")
		return film(-1)
	}
	return 1
}

// logbook is a log that a test reads.
type logbook struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run opens a camera behind a program that plays something.
func run(t *testing.T, play string, change func(*camera.Config)) (*camera.Camera, *logbook) {
	t.Helper()
	t.Setenv("CAMERA_PROGRAM", play)
	log := new(logbook)
	cfg := config()
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	cfg.StallAfter = time.Minute // a busy machine may be silent as well
	cfg.Command = []string{os.Args[0]}
	if change != nil {
		change(&cfg)
	}
	c, err := camera.Open(t.Context(), "program:", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, log
}

// patience bounds what should happen soon.
const patience = time.Minute

// until waits for something that another process or goroutine does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to pass that %s", what)
		}
	}
}

func take(t *testing.T, c *camera.Camera) camera.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f, err := c.Next(ctx)
	if err != nil {
		t.Fatalf("Next: %v; %+v", err, c.Stats())
	}
	return f
}

func TestProgram(t *testing.T) {
	c, _ := run(t, "film", nil)
	first := take(t, c)
	if first.Gray.Rect != image.Rect(0, 0, 8, 6) {
		t.Errorf("got %v, want 8×6", first.Gray.Rect)
	}
	if second := take(t, c); second.Seq <= first.Seq || bytes.Equal(second.Gray.Pix, first.Gray.Pix) {
		t.Errorf("frame %d after frame %d, want another", second.Seq, first.Seq)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if got := c.Stats(); got.Connects != 1 || got.Errors != 0 || got.Connected {
		t.Errorf("stats %+v; want one start and no error", got)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, camera.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
}

// TestProgramTrouble has programs that end, or write what cannot be used. Each is started again.
func TestProgramTrouble(t *testing.T) {
	for play, want := range map[string]string{
		"end":     "the program ended: exit status 3: no camera at rtsp://…@host/path?…",
		"garbage": "neither Y4M nor JPEG",
		"torn":    "the program ended: without an error",
		"leaves":  "the program ended: exit status 4",
		"silence": "no frame for",
	} {
		t.Run(play, func(t *testing.T) {
			c, log := run(t, play, func(cfg *camera.Config) {
				if play == "silence" {
					cfg.StallAfter = 50 * time.Millisecond
				}
			})
			var errs []string
			until(t, "it was started three times", func() bool {
				s := c.Stats()
				errs = append(errs, fmt.Sprint(s.LastError))
				return s.Connects >= 3
			})
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if all := strings.Join(errs, "\n"); !strings.Contains(all, want) {
				t.Errorf("LastError never said %q; at last %s", want, errs[len(errs)-1])
			}
			if strings.Contains(log.String(), "secret") {
				t.Errorf("the log has a secret: %s", log)
			}
		})
	}
}

// TestProgramEndsWithAllItStarted closes a camera whose program ignores being asked to end, and has
// started another that holds its output.
func TestProgramEndsWithAllItStarted(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	t.Setenv("PIDS", pids)
	c, _ := run(t, "stubborn", nil)
	take(t, c)
	var running []int
	until(t, "it wrote its numbers", func() bool {
		text, err := os.ReadFile(pids)
		running = nil
		for _, word := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				running = append(running, n)
			}
		}
		return err == nil && len(running) == 2
	})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range running {
		until(t, fmt.Sprintf("process %d ended", pid), func() bool { return gone(pid) })
	}
}

// gone reports whether a process has ended, waited for or not.
func gone(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

func TestProgramTalk(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/none")
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/none")
	c, log := run(t, "talk", nil)
	take(t, c)
	until(t, "it talked", func() bool { return strings.Contains(log.String(), "line 19 ") })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "camera program speaks") != 20 || len(text) > 20*500 {
		t.Errorf("%d lines of %d bytes in all; want 20 lines, cut", strings.Count(text, "speaks"), len(text))
	}

	c, log = run(t, "secrets", nil)
	take(t, c)
	until(t, "it talked", func() bool { return strings.Contains(log.String(), "speaks") })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "NOTIFY_SOCKET") || strings.Contains(log.String(), "CREDENTIALS_DIRECTORY") {
		t.Errorf("the program was told what is the gate's: %s", log)
	}
}

func TestUnusablePrograms(t *testing.T) {
	for name, change := range map[string]func(*camera.Config){
		"none":        func(cfg *camera.Config) { cfg.Command = nil },
		"empty":       func(cfg *camera.Config) { cfg.Command = []string{""} },
		"not there":   func(cfg *camera.Config) { cfg.Command = []string{"/no/such/program"} },
		"a shell":     func(cfg *camera.Config) { cfg.Command = []string{"echo x | cat"} },
		"format":      func(cfg *camera.Config) { cfg.Format.Pixels = "h264" },
		"no raw size": func(cfg *camera.Config) { cfg.Format.Pixels = "gray" },
	} {
		cfg := config()
		cfg.Command = []string{os.Args[0]}
		change(&cfg)
		if c, err := camera.Open(t.Context(), "program:", cfg); !errors.Is(err, camera.ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", name, err)
			if err == nil {
				_ = c.Close()
			}
		}
	}
}

func TestStdin(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() //nolint:errcheck // of a test
	cfg := config()
	cfg.Stdin = r
	c, err := camera.Open(t.Context(), "stdin:?format=yuyv&width=4&height=2&stride=10", cfg)
	if err != nil {
		t.Fatal(err)
	}
	frame := func(level byte) []byte {
		return bytes.Repeat([]byte{level, 128}, 10)
	}
	for level := range byte(4) {
		if _, err := w.Write(frame(level)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all frames arrived", func() bool { return c.Stats().Frames == 4 })
	if f := take(t, c); f.Gray.Rect != image.Rect(0, 0, 4, 2) || f.Gray.Pix[0] != 3 || f.Seq != 4 {
		t.Errorf("got frame %d of level %d, want the newest", f.Seq, f.Gray.Pix[0])
	}
	if err := c.Close(); err != nil { // while it waits for more
		t.Error(err)
	}

	for _, tt := range []struct {
		name, address string
		data          []byte
		frames, bad   int
		end           error
	}{
		{"Y4M, then the end", "stdin:", []byte(header + gray(1) + gray(2)), 2, 0, io.EOF},
		{"cut", "stdin:", []byte(header + gray(1) + gray(2)[:9]), 1, 1, io.EOF},
		{"JPEGs", "stdin:?format=mjpeg", append(photo(t, 9), photo(t, 8)...), 2, 0, io.EOF},
		{"a recording", "stdin:?fps=500", []byte(header + gray(1) + gray(2)), 2, 0, io.EOF},
		{"nothing", "stdin:", nil, 0, 0, io.EOF},
		{"no pictures", "stdin:", []byte("no pictures at all"), 0, 1, camera.ErrStream},
	} {
		cfg.Stdin = bytes.NewReader(tt.data)
		c, err := camera.Open(t.Context(), tt.address, cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		for err == nil {
			_, err = c.Next(ctx)
		}
		cancel()
		if s := c.Stats(); !errors.Is(err, tt.end) || s.Frames != uint64(tt.frames) || s.Errors != uint64(tt.bad) {
			t.Errorf("%s: %v, %+v; want %v, %d frames and %d errors", tt.name, err, s, tt.end, tt.frames, tt.bad)
		}
		_ = c.Close()
	}
}
