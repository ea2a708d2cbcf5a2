package update_test

import (
	"bytes"
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

func TestOpen(t *testing.T) {
	for name, change := range map[string]func(*update.Layout){
		"no page":      func(l *update.Layout) { l.Page = 0 },
		"small page":   func(l *update.Layout) { l.Page = 128 },
		"no size":      func(l *update.Layout) { l.Size = 0 },
		"odd size":     func(l *update.Layout) { l.Size -= update.Unit },
		"off a page":   func(l *update.Layout) { l.Slot[0] += 8 },
		"same slot":    func(l *update.Layout) { l.Slot[0] = l.Slot[1] },
		"overlap":      func(l *update.Layout) { l.Slot[0] = l.Slot[1] - size + page },
		"past the end": func(l *update.Layout) { l.Slot[1] = 1<<32 - page },
	} {
		l := layout
		change(&l)
		var s update.Slots
		if s.Open(newFlash(t, 0), l) {
			t.Errorf("%s: open", name)
		}
		if _, ok := s.Boot(); ok || s.Begin(1000) == update.Accepted || s.Prove() {
			t.Errorf("%s: works all the same", name)
		}
	}
	f := newFlash(t, 0)
	if _, _, ok := boot(t, f); ok || f.count != 0 {
		t.Error("an empty flash starts")
	}
}

// TestPieces stages the same image in pieces of every size, some of them twice
// and some too early, and wants the same flash.
func TestPieces(t *testing.T) {
	data := transfer(t, 2)
	var want []byte
	for piece := 1; piece < 300; piece++ {
		f := installed(t, 0)
		s, running := mustBoot(t, f)
		f.fence(1 - running)
		if a := s.Begin(uint32(len(data))); a != update.Accepted {
			t.Fatalf("begin: %s", a)
		}
		var a update.Answer
		for at := 0; at < len(data); at += piece {
			end := min(at+piece, len(data))
			if end+1 < len(data) {
				if a := s.Write(uint32(end+1), data[end+1:]); a != update.Misplaced && at+piece < len(data) {
					t.Fatalf("piece at %d instead of %d: %s", end+1, at, a)
				}
			}
			from := max(0, at-at%3*7) // begins in what came before
			a = s.Write(uint32(from), data[from:end])
			want := update.Accepted
			if end == len(data) {
				want = update.Checking
			}
			if a != want {
				t.Fatalf("pieces of %d: %s at %d", piece, a, at)
			}
			if a := s.Write(uint32(from), data[from:end]); a != want {
				t.Fatalf("pieces of %d, again: %s at %d", piece, a, at)
			}
		}
		if a = work(s, a); a != update.Complete {
			t.Fatalf("pieces of %d: %s", piece, a)
		}
		if a := s.Write(uint32(len(data)), nil); a != update.Idle {
			t.Fatalf("after the end: %s", a)
		}
		if end := layout.Slot[1-running] + 256 + uint32(len(image(2))); !bytes.Equal(f.cells[end:end+8], bytes.Repeat([]byte{0xFF}, 8)) {
			t.Fatalf("pieces of %d: after the image comes % x", piece, f.cells[end:end+8])
		}
		if want == nil {
			want = bytes.Clone(f.cells)
		}
		if !bytes.Equal(f.cells, want) {
			t.Fatalf("pieces of %d make another flash", piece)
		}
	}
}

func TestRefused(t *testing.T) {
	public, private := keyPair()
	other := func(version uint32, forBoard uint16, length int) []byte {
		t.Helper()
		file, err := update.Pack(make([]byte, length), forBoard, version, private)
		if err != nil {
			t.Fatal(err)
		}
		v, err := update.Verify(file, public)
		if err != nil {
			t.Fatal(err)
		}
		return v.Transfer
	}
	good := transfer(t, 9)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name string
		data []byte
		want update.Answer
	}{
		{"the version that runs", other(5, board, 100), update.Downgrade},
		{"an older version", other(4, board, 100), update.Downgrade},
		{"another board", other(9, board+1, 100), update.WrongBoard},
		{"as long as a slot has room", other(9, board, size-256), update.Complete},
		{"a byte longer", other(9, board, size-255), update.TooLarge},
		{"header only", good[:update.HeaderSize], update.Malformed},
		{"cut short", good[:len(good)-1], update.Malformed},
		{"a byte more", append(bytes.Clone(good), 0), update.Malformed},
		{"nothing", nil, update.Malformed},
		{"magic", flip(0), update.Malformed},
		{"a board that the check does not know", flip(4), update.Malformed},
		{"a version that the check does not know", flip(8), update.Malformed},
		{"a length", flip(12), update.Malformed},
		{"a hash", flip(20), update.Malformed},
		{"the check", flip(48), update.Malformed},
		{"the filling", flip(52), update.Malformed},
		{"first byte of the image", flip(update.HeaderSize), update.Damaged},
		{"last byte of the image", flip(len(good) - 1), update.Damaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := installed(t, 0)
			install(t, f, transfer(t, 5), 5)
			s, running := mustBoot(t, f)
			f.fence(1 - running)
			before := bytes.Clone(f.cells)
			if a := send(s, running, c.data, 64); a != c.want {
				t.Fatalf("%s, want %s", a, c.want)
			}
			if c.want == update.Complete {
				return
			}
			if c.want != update.Damaged && !bytes.Equal(f.cells, before) {
				t.Error("the flash was changed")
			}
			if s, running := mustBoot(t, f); s.Version(running) != 5 {
				t.Errorf("version %d starts", s.Version(running))
			}
		})
	}
}

// TestTrial starts an image that never proves itself.
func TestTrial(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	if a := send(s, running, transfer(t, 2), 64); a != update.Complete {
		t.Fatal(a)
	}
	if v := s.Version(1); v != 2 || s.Proved(1) {
		t.Fatalf("staged version %d, proved %t", v, s.Proved(1))
	}
	for range update.Trials {
		if s, running = mustBoot(t, f); s.Version(running) != 2 {
			t.Fatalf("version %d starts on trial", s.Version(running))
		}
		// The one that works is not overwritten by one on trial.
		if a := send(s, running, transfer(t, 3), 64); a != update.OnTrial {
			t.Fatalf("staging over the image that works: %s", a)
		}
	}
	for range 3 {
		if s, running = mustBoot(t, f); s.Version(running) != 1 {
			t.Fatalf("version %d starts after the trials", s.Version(running))
		}
	}
	// An older one that is newer than what runs may be tried after it.
	if a := send(s, running, transfer(t, 4), 64); a != update.Complete {
		t.Fatal(a)
	}
	for range update.Trials + 1 {
		s, running = mustBoot(t, f)
	}
	// The same version may be tried again; once proved it stays.
	install(t, f, transfer(t, 2), 2)
	for range update.Trials + 2 {
		if s, running = mustBoot(t, f); s.Version(running) != 2 {
			t.Fatalf("version %d starts after it was proved", s.Version(running))
		}
	}
	if a := send(s, running, transfer(t, 1), 64); a != update.Downgrade {
		t.Errorf("the older version again: %s", a)
	}
}

// TestStagedIsNotReplacedByOlder stages two before a start.
func TestStagedIsNotReplacedByOlder(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	for _, c := range []struct {
		version uint32
		want    update.Answer
	}{{4, update.Complete}, {3, update.Downgrade}, {4, update.Complete}, {5, update.Complete}} {
		if a := send(s, running, transfer(t, c.version), 64); a != c.want {
			t.Errorf("staging %d: %s, want %s", c.version, a, c.want)
		}
	}
	if s, running = mustBoot(t, f); s.Version(running) != 5 {
		t.Errorf("version %d starts", s.Version(running))
	}
}

// TestRot damages a byte of the newest image, wherever: the other one starts.
func TestRot(t *testing.T) {
	f := installed(t, 0)
	install(t, f, transfer(t, 2), 2)
	whole := bytes.Clone(f.cells)
	for at := layout.Slot[1]; at < layout.Slot[1]+256+uint32(len(image(2))); at++ {
		if at == layout.Slot[1]+update.HeaderSize {
			at = layout.Slot[1] + 256 // the marks and what is not used
		}
		copy(f.cells, whole)
		f.cells[at] ^= 0x10
		s, running := mustBoot(t, f)
		if s.Version(running) != 1 || s.Version(1) != 0 {
			t.Fatalf("byte %d damaged: version %d starts", at-layout.Slot[1], s.Version(running))
		}
	}
}

// TestOnlyImage keeps starting the one image there is, proved or not.
func TestOnlyImage(t *testing.T) {
	f := newFlash(t, 0)
	var s update.Slots
	s.Open(f, layout)
	if a := send(&s, 1, transfer(t, 3), 64); a != update.Complete {
		t.Fatal(a)
	}
	for range 2 * update.Trials {
		if s, running := mustBoot(t, f); s.Version(running) != 3 {
			t.Fatalf("version %d starts", s.Version(running))
		}
	}
	s2, running := mustBoot(t, f)
	if a := send(s2, running, transfer(t, 4), 64); a != update.Complete {
		t.Errorf("an update of an image that is alone and not proved: %s", a)
	}
	f.cells[layout.Slot[1-running]+300] ^= 1 // a header without its image
	if s, running := mustBoot(t, f); s.Version(running) != 3 {
		t.Errorf("version %d starts", s.Version(running))
	}
}

// TestNeitherProved goes on to the other image after the trials of the newer.
func TestNeitherProved(t *testing.T) {
	f := newFlash(t, 0)
	s := new(update.Slots)
	s.Open(f, layout)
	send(s, 1, transfer(t, 1), 64)
	s, running := mustBoot(t, f)
	if a := send(s, running, transfer(t, 2), 64); a != update.Complete {
		t.Fatal(a)
	}
	for i, want := range []uint32{2, 2, 2, 1, 1, 2, 2} { // the last: better than nothing
		if s, running := mustBoot(t, f); s.Version(running) != want {
			t.Fatalf("start %d: version %d", i, s.Version(running))
		}
	}
}

// TestOtherBoardInFlash does not start an image that somebody programmed into
// the wrong board.
func TestOtherBoardInFlash(t *testing.T) {
	f := installed(t, 0)
	wrong := layout
	wrong.Board++
	var s update.Slots
	if !s.Open(f, wrong) {
		t.Fatal("open")
	}
	if i, ok := s.Boot(); ok {
		t.Errorf("slot %d starts", i)
	}
}

// TestTrialNotCounted starts the image that works when a trial cannot be counted.
func TestTrialNotCounted(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	send(s, running, transfer(t, 2), 64)
	f.fail = 0
	if s, running := mustBoot(t, f); s.Version(running) != 1 {
		t.Errorf("version %d starts", s.Version(running))
	}
}

func TestAbort(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	data := transfer(t, 2)
	s.Begin(uint32(len(data)))
	s.Write(0, data[:400])
	s.Abort()
	if a := s.Write(400, data[400:]); a != update.Idle {
		t.Errorf("write after abort: %s", a)
	}
	if a := send(s, running, data, 64); a != update.Complete {
		t.Errorf("the transfer again: %s", a)
	}
	if a := send(s, running, transfer(t, 3), 64); a != update.Complete {
		t.Fatal(a)
	}
	newer := transfer(t, 4)
	s.Begin(uint32(len(newer)))
	s.Write(0, newer[:400])
	s.Abort()
	if a := send(s, running, data, 64); a != update.Complete {
		t.Errorf("the older transfer after one that was given up: %s", a)
	}
}

func TestAnswerNames(t *testing.T) {
	seen := map[string]bool{"unknown": true}
	for a := update.Accepted; a <= update.Disturbed; a++ {
		if seen[a.String()] {
			t.Errorf("answer %d is called %q", a, a)
		}
		seen[a.String()] = true
	}
}
