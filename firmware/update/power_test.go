package update_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

// install brings the flash to run a version, proved, as far as the power lasts.
func install(t *testing.T, f *flash, data []byte, version uint32) (done bool) {
	t.Helper()
	s, running := mustBoot(t, f)
	if f.off {
		return false
	}
	if s.Version(running) != version {
		if a := send(s, running, data, 61); a != update.Complete {
			if !f.off {
				t.Fatalf("staging %d: %s", version, a)
			}
			return false
		}
		if s, running = mustBoot(t, f); f.off {
			return false
		}
	}
	if s.Version(running) != version {
		t.Fatalf("version %d runs after %d was staged", s.Version(running), version)
	}
	return s.Prove()
}

// TestPowerCut cuts the power at every byte that an update erases or writes,
// from the first erasure to the mark that ends the trial. What starts after is
// the old image or the new one, and the update can be done.
func TestPowerCut(t *testing.T) {
	data := transfer(t, 2)
	whole := installed(t, 0)
	if !install(t, whole, data, 2) {
		t.Fatal("the update does not work without a cut")
	}
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	old := installed(t, 0)
	for cut := range whole.count {
		for seed := range seeds {
			f := newFlash(t, seed<<32|uint64(cut))
			copy(f.cells, old.cells)
			f.power(cut)
			if install(t, f, data, 2) {
				t.Fatalf("cut at byte %d of %d: not cut", cut, whole.count)
			}
			f.power(-1)
			s, running := mustBoot(t, f)
			if v := s.Version(running); v != 1 && v != 2 {
				t.Fatalf("cut at byte %d: version %d starts", cut, v)
			}
			if !install(t, f, data, 2) {
				t.Fatalf("cut at byte %d: the update cannot be done after it", cut)
			}
			if s, running = mustBoot(t, f); s.Version(running) != 2 || !s.Proved(running) {
				t.Fatalf("cut at byte %d: version %d starts in the end", cut, s.Version(running))
			}
		}
	}
	t.Logf("%d bytes, each cut %d times", whole.count, seeds)
}

// TestPowerCuts cuts the power again and again, through many versions: there
// always is something to start, and what has proved itself is never replaced by
// something older.
func TestPowerCuts(t *testing.T) {
	f := installed(t, 99)
	cuts, proved := 0, uint32(1)
	for version := uint32(2); version < 60; version++ {
		data := transfer(t, version)
		for f.power(f.chaos.IntN(4000)); !install(t, f, data, version); f.power(f.chaos.IntN(4000)) {
			cuts++
			f.power(-1)
			s := new(update.Slots)
			s.Open(f, layout)
			if a, b := s.Version(0), s.Version(1); max(a, b) < proved {
				t.Fatalf("version %d had proved itself, and %d and %d are left", proved, a, b)
			}
		}
		proved = version
	}
	t.Logf("%d cuts", cuts)
}

// TestFlashFails lets each operation fail, without a cut, and all after it.
func TestFlashFails(t *testing.T) {
	data := transfer(t, 2)
	for n := 0; ; n++ {
		f := installed(t, 5)
		s, running := mustBoot(t, f)
		f.fence(1 - running)
		f.fail = n
		a := send(s, running, data, 61)
		if a == update.Complete {
			if n < 50 {
				t.Fatalf("complete, though operation %d failed", n)
			}
			break
		}
		if a != update.Faulty {
			t.Fatalf("operation %d failed: %s", n, a)
		}
		f.fail = -1
		s, running = mustBoot(t, f)
		if s.Version(running) != 1 {
			t.Fatalf("operation %d failed: version %d starts", n, s.Version(running))
		}
	}
}
