package update_test

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/con-ting/conting/firmware/update"
)

const (
	board = 0x0965
	page  = 256
	size  = 8 * page
)

var layout = update.Layout{Board: board, Slot: [2]uint32{2 * page, 2*page + size}, Size: size, Page: page}

// flash is a NOR flash whose power can be cut: bits are set by erasing a page
// and cleared by writing, and what was under way at the cut is left anyhow.
type flash struct {
	t     *testing.T
	cells []byte
	chaos *rand.Rand
	left  int // bytes until the power is cut; below 0 for never
	off   bool
	count int // bytes erased and written
	fail  int // operations until all fail, without a cut; below 0 for never
	from  uint32
	to    uint32 // no change below from or from to on
}

func newFlash(t *testing.T, seed uint64) *flash {
	t.Helper()
	f := &flash{
		t: t, chaos: rand.New(rand.NewPCG(seed, 1)), left: -1, fail: -1,
		cells: bytes.Repeat([]byte{0xFF}, 20*page), to: 20 * page,
	}
	return f
}

func (f *flash) Read(at uint32, dst []byte) bool {
	if f.off || int(at)+len(dst) > len(f.cells) {
		return false
	}
	copy(dst, f.cells[at:])
	return true
}

func (f *flash) Erase(at uint32) bool {
	f.t.Helper()
	if at%page != 0 {
		f.t.Fatalf("erase at %d, which is no page", at)
	}
	if !f.works(at, page) {
		return false
	}
	cells := f.cells[at:][:page]
	if f.left >= 0 && f.left < page {
		for i := range cells { // any cell may be at any stage of it
			cells[i] |= byte(f.chaos.Uint32()) | byte(-f.chaos.IntN(2))
		}
		f.cut()
		return false
	}
	f.spend(page)
	for i := range cells {
		cells[i] = 0xFF
	}
	return true
}

func (f *flash) Write(at uint32, src []byte) bool {
	f.t.Helper()
	if at%update.Unit != 0 || len(src)%update.Unit != 0 {
		f.t.Fatalf("write of %d bytes at %d, which are no whole units", len(src), at)
	}
	if !f.works(at, len(src)) {
		return false
	}
	for i, b := range src {
		cell := &f.cells[int(at)+i]
		if *cell != 0xFF {
			f.t.Fatalf("write at %d, which is not erased", int(at)+i)
		}
		if f.left == 0 {
			*cell &= b | byte(f.chaos.Uint32()) // some of its bits
			f.cut()
			return false
		}
		f.spend(1)
		*cell &= b
	}
	return true
}

func (f *flash) works(at uint32, n int) bool {
	f.t.Helper()
	if at < f.from || int(at)+n > int(f.to) {
		f.t.Fatalf("change of %d bytes at %d, where nothing may be changed", n, at)
	}
	if f.fail == 0 {
		return false
	}
	if f.fail > 0 {
		f.fail--
	}
	return !f.off
}

func (f *flash) spend(n int) {
	f.count += n
	if f.left >= 0 {
		f.left -= n
	}
}

func (f *flash) cut() { f.off = true }

// power turns the power back on, to be cut after that many bytes.
func (f *flash) power(left int) { f.off, f.left = false, left }

// fence lets one slot only be changed.
func (f *flash) fence(slot int) {
	f.from, f.to = layout.Slot[slot], layout.Slot[slot]+layout.Size
}

// image is the image of a version.
func image(version uint32) []byte {
	b := make([]byte, 700+int(version%7))
	r := rand.New(rand.NewPCG(uint64(version), 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func keyPair() (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	return ed25519.PublicKey(private[ed25519.SeedSize:]), private
}

// transfer returns what the controller is sent for a version.
func transfer(t *testing.T, version uint32) []byte {
	t.Helper()
	public, private := keyPair()
	file, err := update.Pack(image(version), board, version, private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := update.Verify(file, public)
	if err != nil {
		t.Fatal(err)
	}
	return v.Transfer
}

// send stages a transfer in pieces of a size, and returns the last answer.
func send(s *update.Slots, running int, data []byte, piece int) update.Answer {
	s.Run(running)
	a := s.Begin(uint32(len(data)))
	for at := 0; at < len(data) && a == update.Accepted; at += piece {
		a = s.Write(uint32(at), data[at:min(at+piece, len(data))])
	}
	return work(s, a)
}

// work goes on until the image is checked.
func work(s *update.Slots, a update.Answer) update.Answer {
	for a == update.Checking {
		a = s.Work()
	}
	return a
}

// boot starts what the flash holds, as after a reset.
func boot(t *testing.T, f *flash) (s *update.Slots, running int, ok bool) {
	t.Helper()
	s = new(update.Slots)
	if !s.Open(f, layout) {
		t.Fatal("open: the layout does not work")
	}
	running, ok = s.Boot()
	return s, running, ok
}

// mustBoot wants something whole to start, or the power to be off.
func mustBoot(t *testing.T, f *flash) (s *update.Slots, running int) {
	t.Helper()
	s, running, ok := boot(t, f)
	if f.off {
		return s, running
	}
	if !ok {
		t.Fatal("there is nothing to start")
	}
	want := image(s.Version(running))
	if got := f.cells[layout.Slot[running]+256:][:len(want)]; !bytes.Equal(got, want) {
		t.Fatalf("slot %d starts as version %d but holds another image", running, s.Version(running))
	}
	return s, running
}

// installed returns a flash that runs version 1, proved, in slot 0.
func installed(t *testing.T, seed uint64) *flash {
	t.Helper()
	f := newFlash(t, seed)
	var s update.Slots
	s.Open(f, layout)
	if a := send(&s, 1, transfer(t, 1), 100); a != update.Complete {
		t.Fatalf("install: %s", a)
	}
	s2, running := mustBoot(t, f)
	if running != 0 || !s2.Prove() {
		t.Fatalf("install: slot %d runs", running)
	}
	f.count = 0
	return f
}
