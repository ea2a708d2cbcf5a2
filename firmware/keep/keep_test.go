package keep_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/keep"
)

// cells is a memory that loses its power after some bytes: what was written
// before stays, the byte under way becomes anything.
type cells struct {
	b      [keep.Size]byte
	left   int // bytes until the power goes
	broken bool
}

func (c *cells) Read(at uint16, dst []byte) bool {
	return !c.broken && copy(dst, c.b[at:]) == len(dst)
}

func (c *cells) Write(at uint16, src []byte) bool {
	if c.broken || int(at)%keep.Page+len(src) > keep.Page {
		return false
	}
	for i, b := range src {
		if c.left == 0 {
			c.b[int(at)+i] ^= 0x5A
			return false
		}
		c.left--
		c.b[int(at)+i] = b
	}
	return true
}

const plenty = 1 << 20

func settings() keep.Settings {
	s := keep.Settings{
		Address: 5, Serial: 0x01020304, Baud: 115200, Modes: [2]byte{1, 2},
		ManualRestore: true, FreeOnPowerFail: true,
	}
	for i := range s.Key {
		s.Key[i], s.Seed[i] = byte(i+1), byte(0xF0-i)
	}
	return s
}

func provisioned() *cells { return &cells{b: keep.Image(settings()), left: plenty} }

func TestRoundTrip(t *testing.T) {
	m := provisioned()
	var s keep.Store
	for start := range 5 {
		if !s.Open(m) || s.Settings != settings() {
			t.Fatalf("start %d: %+v", start, s.Settings)
		}
	}
	s.Address, s.Key[3] = 9, 0xEE
	want := s.Settings
	if !s.Save() || !s.Open(m) || s.Settings != want {
		t.Errorf("got %+v, want %+v", s.Settings, want)
	}
}

// TestPowerCut cuts the power at every byte of a start and of a save: what is
// read afterwards is what stood before or what was being written, never a
// mixture, and the count never goes back.
func TestPowerCut(t *testing.T) {
	for cut := range 2*keep.Size + 1 {
		m := provisioned()
		var s keep.Store
		if !s.Open(m) {
			t.Fatal("a new memory does not open")
		}
		boot := s.Boot()
		changed := s.Settings
		changed.Address, changed.Key = 77, [16]byte{7}
		m.left = cut
		s.Settings = changed
		saved := s.Save()
		opened := s.Open(m)
		m.left = plenty
		var after keep.Store
		if !after.Open(m) {
			t.Fatalf("cut after %d bytes: nothing whole is left", cut)
		}
		if after.Settings != settings() && after.Settings != changed {
			t.Errorf("cut after %d bytes: %+v", cut, after.Settings)
		}
		if saved && after.Settings != changed {
			t.Errorf("cut after %d bytes: a save that was acknowledged is lost", cut)
		}
		if after.Boot() <= boot || opened && after.Boot() <= s.Boot() {
			t.Errorf("cut after %d bytes: boot %d came again", cut, after.Boot())
		}
	}
}

func TestDamage(t *testing.T) {
	for at := range keep.Size {
		m := provisioned()
		var s keep.Store
		s.Open(m) // both copies hold something
		s.Open(m)
		m.b[at] ^= 0x10
		if !s.Open(m) || s.Settings != settings() {
			t.Errorf("one wrong bit in cell %d: %+v", at, s.Settings)
		}
	}
	blank := &cells{left: plenty}
	for i := range blank.b {
		blank.b[i] = 0xFF
	}
	for name, m := range map[string]*cells{
		"blank": blank, "zero": {left: plenty}, "broken": {broken: true}, "cannot be written": {b: keep.Image(settings())},
	} {
		var s keep.Store
		var nonce [8]byte
		if s.Open(m) || s.Ready() || s.Key != [16]byte{} || s.Fill(&nonce) || s.Save() {
			t.Errorf("%s: opened as %+v", name, s.Settings)
		}
	}
}

func TestNonces(t *testing.T) {
	m := provisioned()
	seen := map[[8]byte]bool{}
	for range 20 {
		var s keep.Store
		if !s.Open(m) {
			t.Fatal("does not open")
		}
		for range 50 {
			var nonce [8]byte
			if !s.Fill(&nonce) {
				t.Fatal("no nonce")
			}
			if seen[nonce] {
				t.Fatalf("nonce % x came again", nonce)
			}
			seen[nonce] = true
		}
		if !s.Save() { // which must not bring back the next start's
			t.Fatal("does not save")
		}
	}
	other := settings()
	other.Seed[0] ^= 1
	var s keep.Store
	s.Open(&cells{b: keep.Image(other), left: plenty})
	var nonce [8]byte
	if s.Fill(&nonce); seen[nonce] {
		t.Error("another board makes the same nonces")
	}
	other.Seed = [16]byte{}
	s.Open(&cells{b: keep.Image(other), left: plenty})
	if s.Fill(&nonce) {
		t.Error("a board without a seed makes nonces")
	}
}

// TestSip: the published vector for a message of eight bytes.
func TestSip(t *testing.T) {
	const k0, k1, m, want = 0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x0706050403020100, 0x93f5f5799a932462
	if got := keep.Sip(k0, k1, m); got != want {
		t.Errorf("got %#x, want %#x", got, uint64(want))
	}
}

// FuzzOpen: whatever the cells hold, what opens has a check that is right, and
// opens again.
func FuzzOpen(f *testing.F) {
	image := keep.Image(settings())
	f.Add(image[:])
	f.Add(make([]byte, keep.Size))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &cells{left: plenty}
		copy(m.b[:], b)
		var s, again keep.Store
		if !s.Open(m) {
			return
		}
		if !again.Open(m) || again.Settings != s.Settings || again.Boot() == s.Boot() {
			t.Errorf("%+v, then %+v", s.Settings, again.Settings)
		}
	})
}

// liar is a memory that says that it wrote, and did not.
type liar struct {
	*cells

	byte uint16
}

func (l liar) Write(at uint16, src []byte) bool {
	ok := l.cells.Write(at, src)
	if l.byte >= at && int(l.byte) < int(at)+len(src) {
		l.b[l.byte] ^= 1
	}
	return ok
}

// TestWornCell: a save that did not come out as it was written has failed, and
// what was before still stands.
func TestWornCell(t *testing.T) {
	for cell := range uint16(keep.Size) {
		m := provisioned()
		var s keep.Store
		if !s.Open(m) {
			t.Fatal("Open")
		}
		want := s.Settings
		lying := liar{m, cell}
		var worn keep.Store
		opened := worn.Open(lying)
		worn.Address = 99
		saved := opened && worn.Save()
		var again keep.Store
		if !again.Open(m) {
			t.Fatalf("cell %d: nothing is left", cell)
		}
		if saved {
			want.Address = 99
		}
		if again.Settings != want {
			t.Errorf("cell %d: saved %v, and there is %+v", cell, saved, again.Settings)
		}
	}
}
