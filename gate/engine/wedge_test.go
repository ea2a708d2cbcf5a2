//go:build linux

package engine

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/testdata/uinput"
)

// patience is for a machine that is slow, never what is expected.
const patience = time.Minute

// pipes is a source of keyboards that are pipes: whoever writes into them is the
// kernel.
type pipes struct{ next chan int }

func (p *pipes) open() (device, parser, error) {
	select {
	case fd := <-p.next:
		return &keyboard{fd: fd}, newKeys(nobodyHeld), nil
	default:
		return nil, nil, fs.ErrNotExist
	}
}

// plug returns the kernel's end of a new keyboard.
func (p *pipes) plug(t *testing.T) int {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	p.next <- fds[0]
	return fds[1]
}

func write(t *testing.T, fd int, data []byte) {
	t.Helper()
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
}

func quietly(t *testing.T) Config {
	t.Helper()
	return Config{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now}
}

func until(t *testing.T, e *Engine, what string, ok func(Stats) bool) Stats {
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

func want(t *testing.T, e *Engine, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, text := range texts {
		if got, err := e.Next(ctx); err != nil || got.Text != text {
			t.Fatalf("got %.80q, %v; want %.80q", got.Text, err, text)
		}
	}
}

// TestWedge plays a kernel to the reader of keyboards: codes, a half, a loss, a
// wrong layout, the plug pulled in the middle of a code, and its return.
func TestWedge(t *testing.T) {
	p := &pipes{next: make(chan int, 1)}
	c := quietly(t)
	c.Pause = 50 * time.Millisecond
	kernel := p.plug(t)
	e, err := start(t.Context(), p, "wedge", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })

	write(t, kernel, slices.Concat(typed("CTP1ONE:/"), typed("CTP1TWO")))
	want(t, e, "CTP1ONE:/", "CTP1TWO")

	write(t, kernel, tap(keyA))
	until(t, e, "a half", func(s Stats) bool { return s.Halves == 1 })
	write(t, kernel, slices.Concat(tap(keyA), syn(synDropped), syn(synReport), typed("REST"), typed("CTP1AFTER")))
	want(t, e, "CTP1AFTER")
	if s := e.Stats(); s.Lost != 1 {
		t.Errorf("a loss: %+v", s)
	}

	write(t, kernel, typed("CTR1A/B>C]D}")) // CTR1A-B:C+D* of an engine that is set to German
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := e.Next(ctx)
	if err != nil || got.Text != "CTR1A/B>C]D}" || !strings.Contains(got.Hint, "US English") || e.Stats().Hint != got.Hint {
		t.Errorf("wrong layout: %+v, %v", got, err)
	}

	write(t, kernel, typed("CTP1HALF")[:200])
	until(t, e, "typing", func(s Stats) bool { return s.Texts == 4 })
	if err := unix.Close(kernel); err != nil {
		t.Fatal(err)
	}
	until(t, e, "away", func(s Stats) bool { return !s.Connected && s.Halves == 2 })
	kernel = p.plug(t)
	until(t, e, "back", func(s Stats) bool { return s.Connected })
	write(t, kernel, typed("CTP1BACK"))
	want(t, e, "CTP1BACK")
	if s := e.Stats(); s.Hint != "" || s.Connects != 2 {
		t.Errorf("got %+v", s)
	}
	_ = unix.Close(kernel)
}

// TestKeyboardPaths finds devices in the kernel's list by what they are.
func TestKeyboardPaths(t *testing.T) {
	sys := t.TempDir()
	for node, files := range map[string][3]string{
		"event0":  {"Power Button", "0000", "0001"},
		"event3":  {"Honeywell Imaging HF680", "0c2e", "0b61"},
		"event4":  {"Honeywell Imaging HF680", "0c2e", "0b61"}, // its volume keys
		"event10": {"Sycreader RFID", "ffff", "0035"},
	} {
		dir := filepath.Join(sys, node, "device", "id")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"../name": files[0], "vendor": files[1], "product": files[2]} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(sys, "event9"), 0o700); err != nil { // going away
		t.Fatal(err)
	}
	for k, want := range map[Keyboard][]string{
		"usb:0c2e:0b61":                {"/dev/input/event3", "/dev/input/event4"},
		"name:Honeywell Imaging HF680": {"/dev/input/event3", "/dev/input/event4"},
		"name:Sycreader RFID":          {"/dev/input/event10"},
		"/dev/input/by-id/x":           {"/dev/input/by-id/x"},
		"usb:0000:0000":                nil,
		"name:Honeywell":               nil,
	} {
		got, err := k.paths(sys, "/dev/input")
		if !slices.Equal(got, want) || want == nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %q, %v; want %q", k, got, err, want)
		}
	}
}

// TestUinput reads a keyboard of this machine's own kernel. make test-devices runs
// it where a kernel has uinput.
func TestUinput(t *testing.T) {
	const name = "conting test wedge"
	k, err := uinput.New(name, 0xc0de, 0x0001)
	if err != nil {
		t.Skipf("NOT TESTED HERE: no keyboard can be made on this machine (%v); make test-devices does it in a virtual one", err)
	}
	e, err := OpenWedge(t.Context(), "usb:c0de:0001", quietly(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	until(t, e, "there", func(s Stats) bool { return s.Connected })

	other, err := OpenWedge(t.Context(), "name:"+name, quietly(t))
	if err != nil {
		t.Fatal(err)
	}
	s := until(t, other, "refused", func(s Stats) bool { return s.LastError != nil })
	if !errors.Is(s.LastError, ErrBusy) {
		t.Errorf("a second reader: %v", s.LastError)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}

	code := "CTP1" + alphabet
	// A code that the kernel lost a part of, on a machine that stood still, is
	// typed again: so would its holder.
	show := func() (took time.Duration) {
		t.Helper()
		for range 20 {
			before := e.Stats()
			if err := errors.Join(k.Type(code), k.Tap(uinput.Enter)); err != nil {
				t.Fatal(err)
			}
			last := time.Now()
			after := until(t, e, "a code or a loss", func(s Stats) bool {
				return s.Texts > before.Texts || s.Lost > before.Lost && time.Since(last) > DefaultPause
			})
			if after.Texts == before.Texts {
				continue
			}
			want(t, e, code)
			return time.Since(last)
		}
		t.Fatal("the kernel loses every code")
		return 0
	}
	took := make([]time.Duration, 20)
	for i := range took {
		took[i] = show()
	}
	slices.Sort(took)
	t.Logf("last key released to text: median %s, worst %s of %d; %d lost by the kernel", took[len(took)/2], took[len(took)-1], len(took), e.Stats().Lost)

	// The plug is pulled in the middle of a code, and put back.
	if err := errors.Join(k.Type("CTP1HALF"), k.Close()); err != nil {
		t.Fatal(err)
	}
	until(t, e, "away", func(s Stats) bool { return !s.Connected && s.Halves == 1 })
	if k, err = uinput.New(name, 0xc0de, 0x0001); err != nil {
		t.Fatal(err)
	}
	until(t, e, "back", func(s Stats) bool { return s.Connected })
	show()

	// More than the kernel keeps while nobody reads: it says so, and so do we.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	held, err := openKeyboard(mustPath(t, name))
	if err != nil {
		t.Fatal(err)
	}
	k.Pace = 0
	if err := errors.Join(k.Type(strings.Repeat("A", 500)), k.Tap(uinput.Enter)); err != nil {
		t.Fatal(err)
	}
	keys, got, buf := newKeys(held.held), said{}, make([]byte, 1<<16)
	for {
		n, err := held.read(buf, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		keys.feed(buf[:n], got.take)
	}
	if !slices.Equal(got, said{"lost"}) {
		t.Errorf("after a loss: got %q", got)
	}
	if err := errors.Join(held.close(), k.Close()); err != nil {
		t.Error(err)
	}
}

func mustPath(t *testing.T, name string) string {
	t.Helper()
	paths, err := Keyboard("name:"+name).paths(inputSys, inputDev)
	if err != nil {
		t.Fatal(err)
	}
	return paths[0]
}
