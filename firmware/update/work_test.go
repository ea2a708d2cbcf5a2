package update_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

// counted is a flash that counts what one call reads.
type counted struct {
	*flash

	read int
}

func (c *counted) Read(at uint32, dst []byte) bool {
	c.read += len(dst)
	return c.flash.Read(at, dst)
}

// TestWork: no call reads or writes so much that a lane would wait for it.
func TestWork(t *testing.T) {
	f := &counted{flash: installed(t, 0)}
	var s update.Slots
	s.Open(f, layout)
	if a := s.Work(); a != update.Idle {
		t.Errorf("work before anything: %s", a)
	}
	running, _ := s.Boot()
	if running != 0 {
		t.Fatalf("slot %d runs", running)
	}
	data := transfer(t, 6)
	s.Begin(uint32(len(data)))
	s.Write(0, data[:200])
	if a := s.Work(); a != update.Accepted {
		t.Errorf("work with pieces missing: %s", a)
	}
	a := s.Write(200, data[200:])
	calls := 0
	for ; a == update.Checking; calls++ {
		if st := s.State(); st.Next != 0 {
			t.Error("it would start before it is checked")
		}
		f.read, f.count = 0, 0
		a = s.Work()
		if f.read > update.Slice+update.HeaderSize || f.count > update.HeaderSize {
			t.Errorf("a call reads %d bytes and changes %d", f.read, f.count)
		}
	}
	if want := (len(image(6)) + update.Slice - 1) / update.Slice; a != update.Complete || calls != want {
		t.Errorf("%s after %d calls, want %d", a, calls, want)
	}
	if a := s.Work(); a != update.Idle {
		t.Errorf("work after the end: %s", a)
	}
}

// TestStopWhileChecked gives a transfer up, or begins another, between two calls.
func TestStopWhileChecked(t *testing.T) {
	f := installed(t, 0)
	s, _ := mustBoot(t, f)
	data, next := transfer(t, 6), transfer(t, 5)
	for _, stop := range []func(){s.Abort, func() { s.Begin(uint32(len(next))) }} {
		s.Begin(uint32(len(data)))
		s.Write(0, data)
		s.Work()
		stop()
		if st := s.State(); st.Next != 0 {
			t.Errorf("version %d is staged", st.Next)
		}
	}
	s.Write(0, next)
	if a := work(s, s.Work()); a != update.Complete {
		t.Errorf("the other one: %s", a)
	}
}

// TestReadBack damages the flash between the last piece and the check of it.
func TestReadBack(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	data := transfer(t, 6)
	s.Begin(uint32(len(data)))
	s.Write(0, data)
	f.cells[layout.Slot[1-running]+256+uint32(len(image(6)))-1] ^= 2
	if a := work(s, s.Work()); a != update.Damaged {
		t.Errorf("%s", a)
	}
	if s, running := mustBoot(t, f); s.Version(running) != 1 {
		t.Errorf("version %d starts", s.Version(running))
	}
}

func TestState(t *testing.T) {
	f := installed(t, 0)
	s, running := mustBoot(t, f)
	want := update.State{Board: board, Runs: 1, Proved: true, Longest: size - 256}
	if got := s.State(); got != want {
		t.Errorf("at rest: %+v", got)
	}
	send(s, running, transfer(t, 2), 64)
	want.Next = 2
	if got := s.State(); got != want {
		t.Errorf("staged: %+v", got)
	}
	s, _ = mustBoot(t, f)
	if got := s.State(); got.Runs != 2 || got.Proved || got.Next != 0 {
		t.Errorf("on trial: %+v", got)
	}
	for range update.Trials {
		s, _ = mustBoot(t, f)
	}
	if got := s.State(); got.Runs != 1 || !got.Proved || got.Next != 0 {
		t.Errorf("after its trials: %+v", got)
	}
	// An image that other code has booted.
	again := new(update.Slots)
	again.Open(f, layout)
	again.Run(1)
	if got := again.State(); got.Runs != 2 {
		t.Errorf("told that slot 1 runs: %+v", got)
	}
	if again.Run(2); again.State().Runs != 2 {
		t.Error("there is no slot 2")
	}
	if got := new(update.Slots).State(); got != (update.State{}) {
		t.Errorf("without a flash: %+v", got)
	}
}
