package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/embedded"
	"github.com/con-ting/conting/sync/ticket"
)

const event = ticket.EventID(7)

func open(t testing.TB, folder string, marks queue.Marks) *embedded.Engine {
	t.Helper()
	e, err := embedded.New(t.Context(), embedded.Config{Folder: folder, Marks: marks, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func who(i int) queue.Entry {
	return queue.Entry{Key: queue.Key{1, byte(i), byte(i >> 8), byte(i >> 16)}}
}

func entries(from, to int) (out []queue.Entry) {
	for i := from; i < to; i++ {
		out = append(out, who(i))
	}
	return out
}

func mustEnter(t testing.TB, e queue.Engine, in ...queue.Entry) []uint32 {
	t.Helper()
	got, err := e.Enter(context.Background(), event, in)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Whatever a crash leaves of the last write, everything before it is there, and what
// comes next gets the numbers that nobody was told.
func TestTornEnd(t *testing.T) {
	folder := t.TempDir()
	e := open(t, folder, nil)
	mustEnter(t, e, entries(0, 10)...)
	if err := e.Append(t.Context(), event, [][]byte{[]byte("first")}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "7.log")
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	mustEnter(t, e, entries(10, 14)...)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(before); cut < len(after); cut++ {
		for what, text := range map[string][]byte{
			"cut":     after[:cut],
			"zeros":   append(bytes.Clone(after[:cut]), make([]byte, len(after)-cut)...),
			"garbage": append(bytes.Clone(after[:cut]), bytes.Repeat([]byte{0xa5}, 200)...),
		} {
			if what == "zeros" && bytes.Equal(text, after) {
				continue
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "7.log"), text, 0o600); err != nil {
				t.Fatal(err)
			}
			again := open(t, dir, nil)
			records, last, err := again.Records(t.Context(), event, 0)
			if err != nil || last != 10 || len(records) != 1 || string(records[0]) != "first" {
				t.Fatalf("%s at %d: %q, %d, %v; want the record and 10", what, cut, records, last, err)
			}
			if got := mustEnter(t, again, who(99), who(3)); got[0] != 11 || got[1] != 4 {
				t.Fatalf("%s at %d: entered as %v, want 11 and 4", what, cut, got)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if got := mustEnter(t, open(t, dir, nil), who(99), who(98)); got[0] != 11 || got[1] != 12 {
				t.Fatalf("%s at %d, opened again: entered as %v, want 11 and 12", what, cut, got)
			}
		}
	}
}

// Damage before the end is not mistaken for a torn end: what was answered would be
// lost.
func TestDamage(t *testing.T) {
	folder := t.TempDir()
	e := open(t, folder, nil)
	for i := range 5 {
		mustEnter(t, e, entries(i*3, i*3+3)...)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "7.log")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	frame := (len(good) - 16) / 5
	for at := range len(good) - frame { // all but the last frame
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := open(t, folder, nil).Records(t.Context(), event, 0); !errors.Is(err, queue.ErrCorrupt) {
			t.Fatalf("a bit changed at %d of %d: %v, want ErrCorrupt", at, len(good), err)
		}
		if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, bad) {
			t.Fatalf("a damaged file was touched, %v", err)
		}
	}
}

// flaky is a file that fails when told to.
type flaky struct {
	embedded.Disk
	write, sync, truncate error
	part                  int // of a write that fails, so much is written
}

func (f *flaky) Write(b []byte) (int, error) {
	if f.write == nil {
		return f.Disk.Write(b)
	}
	n, err := f.Disk.Write(b[:min(f.part, len(b))])
	return n, errors.Join(f.write, err)
}

func (f *flaky) Sync() error {
	if f.sync != nil {
		return f.sync
	}
	return f.Disk.Sync()
}

func (f *flaky) Truncate(size int64) error {
	if f.truncate != nil {
		return f.truncate
	}
	return f.Disk.Truncate(size)
}

// A full disk refuses newcomers, tells those who have a place, and goes on when
// there is room.
func TestDiskFull(t *testing.T) {
	folder := t.TempDir()
	e := open(t, folder, nil)
	mustEnter(t, e, entries(0, 5)...)
	f := &flaky{write: syscall.ENOSPC, part: 11}
	e.Replace(event, func(d embedded.Disk) embedded.Disk {
		f.Disk = d
		return f
	})
	for range 3 {
		if _, err := e.Enter(t.Context(), event, entries(5, 8)); !errors.Is(err, queue.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("on a full disk: %v, want ErrUnavailable", err)
		}
		if err := e.Append(t.Context(), event, [][]byte{{1}}); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("on a full disk: %v, want ErrUnavailable", err)
		}
		if got := mustEnter(t, e, entries(0, 5)...); !slices.Equal(got, []uint32{1, 2, 3, 4, 5}) {
			t.Fatalf("those who were there are %v", got)
		}
	}
	f.write = nil
	if got := mustEnter(t, e, entries(5, 8)...); !slices.Equal(got, []uint32{6, 7, 8}) {
		t.Fatalf("with room again: %v", got)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := mustEnter(t, open(t, folder, nil), entries(0, 9)...); !slices.Equal(got, []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Fatalf("opened again: %v", got)
	}
}

// After a failed sync nobody knows what is on the disk: nothing is answered until a
// new start has looked.
func TestSyncFails(t *testing.T) {
	for what, f := range map[string]*flaky{
		"sync":             {sync: syscall.EIO},
		"write and repair": {write: syscall.EIO, truncate: syscall.EIO},
	} {
		folder := t.TempDir()
		e := open(t, folder, nil)
		mustEnter(t, e, who(0))
		e.Replace(event, func(d embedded.Disk) embedded.Disk {
			f.Disk = d
			return f
		})
		if _, err := e.Enter(t.Context(), event, entries(1, 2)); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("%s fails: %v", what, err)
		}
		f.sync, f.write, f.truncate = nil, nil, nil
		if _, err := e.Enter(t.Context(), event, entries(2, 3)); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("after %s failed: %v, want ErrUnavailable", what, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if got := mustEnter(t, open(t, folder, nil), who(0), who(9)); got[0] != 1 || got[1] < 2 {
			t.Fatalf("opened again: %v", got)
		}
	}
}

// marks is a mark in memory.
type marks struct {
	mark uint32
	err  error
}

func (m *marks) Reserve(_ context.Context, _ ticket.EventID, upTo uint32) (uint32, error) {
	if m.err == nil {
		m.mark = max(m.mark, upTo)
	}
	return m.mark, m.err
}

// When the file is lost, or an older copy of it is put back, nobody's number is given
// to somebody else; whoever brings a token has theirs again.
func TestLostFile(t *testing.T) {
	folder, m := t.TempDir(), &marks{}
	e := open(t, folder, m)
	mustEnter(t, e, entries(0, 3)...)
	name := filepath.Join(folder, "7.log")
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 5*embedded.Block; i += 4096 {
		mustEnter(t, e, entries(3+i, 3+i+4096)...)
	}
	last := mustEnter(t, e, who(1<<20))[0]
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for what, prepare := range map[string]func() error{
		"lost":  func() error { return os.Remove(name) },
		"older": func() error { return os.WriteFile(name, old, 0o600) },
	} {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		again := open(t, folder, m)
		got := mustEnter(t, again, who(1<<21), queue.Entry{Key: who(100).Key, Had: 101})
		if got[0] <= last || got[1] != 101 {
			t.Errorf("%s: a newcomer got %d after %d, who had 101 got %d", what, got[0], last, got[1])
		}
		last = got[0]
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if got := mustEnter(t, open(t, folder, m), who(1<<21), who(100)); got[0] != last || got[1] != 101 {
			t.Errorf("%s, opened again: %v, want %d and 101", what, got, last)
		}
	}
}

// Even a file that held little is missed.
func TestLostSmallFile(t *testing.T) {
	folder, m := t.TempDir(), &marks{}
	e := open(t, folder, m)
	mustEnter(t, e, entries(0, 3)...)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "7.log")); err != nil {
		t.Fatal(err)
	}
	if got := mustEnter(t, open(t, folder, m), who(9)); got[0] <= 3 {
		t.Errorf("a newcomer got number %d, which was somebody's", got[0])
	}
}

// Opening a sound file leaves no gap, however often, though numbers are reserved
// ahead.
func TestNoGaps(t *testing.T) {
	folder, m := t.TempDir(), &marks{}
	for i := range 5 {
		e := open(t, folder, m)
		if got := mustEnter(t, e, who(i)); int(got[0]) != i+1 {
			t.Fatalf("start %d: number %d", i, got[0])
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m.err = queue.ErrUnavailable
	e := open(t, folder, m)
	if _, err := e.Enter(t.Context(), event, entries(9, 10)); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("without the store: %v, want ErrUnavailable", err)
	}
	m.err = nil
	if got := mustEnter(t, e, who(9)); got[0] != 6 {
		t.Errorf("with the store again: number %d, want 6", got[0])
	}
}

func FuzzLoad(f *testing.F) {
	folder := f.TempDir()
	e := open(f, folder, nil)
	mustEnter(f, e, entries(0, 3)...)
	if err := e.Append(f.Context(), event, [][]byte{[]byte("x")}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(folder, "7.log"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte("conting-que1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "7.log"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		e := open(t, dir, nil)
		_, last, err := e.Records(t.Context(), event, 0)
		if err != nil {
			if !errors.Is(err, queue.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if last > queue.MaxPeople-10 {
			return
		}
		if got := mustEnter(t, e, queue.Entry{Key: queue.Key{0xee, 15: 0xee}}); got[0] > last+1 {
			t.Fatalf("number %d after %d", got[0], last)
		}
	})
}
