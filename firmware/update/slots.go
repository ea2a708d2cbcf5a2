package update

// Slots are the two images of a controller. The zero value works only after
// [Slots.Open]. One loop owns it; the memory of who calls Open must outlive it.
type Slots struct {
	flash  Flash
	layout Layout
	hash   digest
	sum    [32]byte
	buffer [64]byte
	raw    [HeaderSize]byte
	slot   [2]slot
	runs   int // the slot that runs
	stage  stage
}

// slot is what is known of one.
type slot struct {
	header Header
	whole  bool // the header and the image's hash are right
	proved bool
	starts uint8 // on trial
}

// Open reads both slots and hashes their images. It returns false for a layout
// that cannot work; then nothing else does either.
func (s *Slots) Open(f Flash, l Layout) bool {
	*s = Slots{layout: l}
	if f == nil || !l.check() {
		return false
	}
	s.flash = f
	for i := range s.slot {
		s.inspect(i)
	}
	return true
}

// Version returns the version of the image in a slot, 0 for none that is whole.
func (s *Slots) Version(i int) uint32 {
	if i < 0 || i > 1 || !s.slot[i].whole {
		return 0
	}
	return s.slot[i].header.Version
}

// Proved reports whether the image in a slot is past its trial.
func (s *Slots) Proved(i int) bool {
	return s.Version(i) != 0 && s.slot[i].proved
}

// Run says which slot runs, to an image that other code has booted.
func (s *Slots) Run(i int) {
	if i == 0 || i == 1 {
		s.runs = i
	}
}

// State is what a panel may know of a controller's images.
type State struct {
	Board   uint16
	Runs    uint32 // version of the image that runs; 0 where it is not in a slot
	Proved  bool   // it is past its trial
	Next    uint32 // version that the next start begins, 0 for the same again
	Longest uint32 // image that fits, in bytes; 0 where none does
}

// State tells which images there are.
func (s *Slots) State() State {
	if s.flash == nil {
		return State{Board: s.layout.Board}
	}
	st := State{
		Board: s.layout.Board, Runs: s.Version(s.runs), Proved: s.Proved(s.runs), Longest: s.layout.Size - bodyAt,
	}
	if other := 1 - s.runs; s.Version(other) > st.Runs && !s.slot[other].spent() {
		st.Next = s.Version(other)
	}
	return st
}

// Boot says which slot to start, and has it be the one that runs: the newest whole one that is proved or has
// trials left, and counts the trial in flash. Where none is, it is any whole
// one. It returns false where there is nothing to start: the board must then
// leave its outputs off, which frees the lane.
func (s *Slots) Boot() (i int, ok bool) {
	if s.flash == nil {
		return 0, false
	}
	i, ok = s.choose()
	s.runs = i
	return i, ok
}

func (s *Slots) choose() (i int, ok bool) {
	first := 0
	if s.better(1, 0) {
		first = 1
	}
	for _, i := range [2]int{first, 1 - first} {
		c := &s.slot[i]
		if !c.whole {
			continue
		}
		if c.proved {
			return i, true
		}
		if c.starts >= Trials {
			continue
		}
		if s.mark(s.layout.Slot[i] + marksAt + uint32(c.starts)*markSize) {
			c.starts++
			return i, true
		}
		// A trial that cannot be counted could go on for ever.
	}
	return first, s.slot[first].whole
}

// better reports whether slot a is to be tried before slot b.
func (s *Slots) better(a, b int) bool {
	x, y := &s.slot[a], &s.slot[b]
	if !x.whole || !y.whole {
		return x.whole
	}
	return x.header.Version > y.header.Version
}

// spent reports whether a slot has used its trials up.
func (c *slot) spent() bool { return !c.proved && c.starts >= Trials }

// Prove ends the trial of the image that runs. It does nothing when that is over
// already.
func (s *Slots) Prove() bool {
	if s.Version(s.runs) == 0 {
		return false
	}
	c := &s.slot[s.runs]
	if !c.proved {
		c.proved = s.mark(s.layout.Slot[s.runs] + provedAt)
	}
	return c.proved
}

// inspect reads a slot.
func (s *Slots) inspect(i int) {
	c := &s.slot[i]
	*c = slot{}
	at := s.layout.Slot[i]
	if !s.flash.Read(at, s.raw[:]) || !c.header.Parse(&s.raw) || !s.fits(&c.header) || !s.right(i, &c.header) {
		return
	}
	for n := range uint8(Trials) {
		if s.marked(at + marksAt + uint32(n)*markSize) {
			c.starts = n + 1
		}
	}
	c.proved = s.marked(at + provedAt)
	c.whole = true
}

// fits reports whether an image is for this board and small enough.
func (s *Slots) fits(h *Header) bool {
	return h.Board == s.layout.Board && h.Length <= s.layout.Size-bodyAt
}

// right reports whether the image in a slot has the header's hash.
func (s *Slots) right(i int, h *Header) bool {
	s.hash.reset()
	if !s.digest(i, 0, h.Length) {
		return false
	}
	s.hash.sum(&s.sum)
	return s.sum == h.Hash
}

// digest adds a part of the image in a slot to the hash.
func (s *Slots) digest(i int, from, to uint32) bool {
	for from < to {
		n := min(uint32(len(s.buffer)), to-from) // #nosec G115 -- 64
		if !s.flash.Read(s.layout.Slot[i]+bodyAt+from, s.buffer[:n]) {
			return false
		}
		s.hash.write(s.buffer[:n])
		from += n
	}
	return true
}

// mark sets a mark.
func (s *Slots) mark(at uint32) bool {
	clear(s.buffer[:markSize])
	return s.flash.Write(at, s.buffer[:markSize])
}

// marked reports whether a mark is set, if only in part: a power cut while it
// was being set.
func (s *Slots) marked(at uint32) bool {
	if !s.flash.Read(at, s.buffer[:markSize]) {
		return false
	}
	for _, b := range s.buffer[:markSize] {
		if b != 0xFF {
			return true
		}
	}
	return false
}
