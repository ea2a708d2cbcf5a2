package update

// stage is an image on its way into a slot.
type stage struct {
	on      bool
	into    int
	total   uint32 // header and image
	got     uint32
	checked uint32 // of the image, read back
	header  Header
	pending [Unit]byte // of the image, not yet a whole unit
}

// Begin starts to take a header and an image of that total length, into the
// slot that does not run: call [Slots.Boot] or [Slots.Run] first. It changes no
// flash: what was staged before stays until a header is accepted.
func (s *Slots) Begin(total uint32) Answer {
	s.stage = stage{}
	switch {
	case s.flash == nil:
		return Faulty
	case total <= HeaderSize:
		return Malformed
	case total > HeaderSize+s.layout.Size-bodyAt:
		return TooLarge
	}
	s.stage = stage{on: true, into: 1 - s.runs, total: total}
	return Accepted
}

// Abort gives a transfer up. The slot that it went to holds nothing then.
func (s *Slots) Abort() { s.stage = stage{} }

// Write takes the next piece, which begins at that place in the transfer. A
// piece that came before is accepted and ignored; any other that is not the
// next is Misplaced and changes nothing. With the last piece the answer is
// Checking, and [Slots.Work] goes on. Each other answer ends the transfer. A call
// erases at most one page more than its piece covers.
func (s *Slots) Write(at uint32, piece []byte) Answer {
	g := &s.stage
	switch {
	case !g.on:
		return Idle
	case uint64(at)+uint64(len(piece)) > uint64(g.total):
		s.stage = stage{}
		return Malformed
	case at > g.got:
		return Misplaced
	case at+uint32(len(piece)) <= g.got: // #nosec G115 -- checked above
		return g.taken()
	}
	piece = piece[g.got-at:]
	if g.got < HeaderSize {
		n := copy(s.raw[g.got:], piece)
		g.got += uint32(n) // #nosec G115 -- at most HeaderSize
		piece = piece[n:]
		if g.got < HeaderSize {
			return Accepted
		}
		if a := s.accept(); a != Accepted {
			s.stage = stage{}
			return a
		}
	}
	for len(piece) > 0 {
		i := (g.got - HeaderSize) % Unit
		n := copy(g.pending[i:], piece)
		g.got += uint32(n) // #nosec G115 -- at most Unit
		piece = piece[n:]
		if (g.got-HeaderSize)%Unit != 0 && g.got != g.total {
			continue
		}
		if !s.flush() {
			s.stage = stage{}
			return Faulty
		}
	}
	return g.taken()
}

// taken is the answer to a piece that was taken.
func (g *stage) taken() Answer {
	if g.got == g.total {
		return Checking
	}
	return Accepted
}

// Slice is how much of an image one call of [Slots.Work] reads, in bytes.
const Slice = 512

// Work does the next part of what is left once all of an image came: it reads
// that back, and in the end makes it bootable. It is Checking until then; each
// other answer but Accepted, which means that pieces are missing, ends the
// transfer.
func (s *Slots) Work() Answer {
	g := &s.stage
	switch {
	case !g.on:
		return Idle
	case g.got < g.total:
		return Accepted
	case g.checked == 0:
		s.hash.reset()
	}
	to := min(g.checked+Slice, g.header.Length)
	ok := s.digest(g.into, g.checked, to)
	if g.checked = to; ok && to < g.header.Length {
		return Checking
	}
	a := Faulty
	if ok {
		a = s.finish()
	}
	s.stage = stage{}
	return a
}

// accept judges the header and, if it will do, makes the slot's own unreadable
// before anything of its image is changed.
func (s *Slots) accept() Answer {
	g := &s.stage
	h := &g.header
	runs, other := &s.slot[1-g.into], &s.slot[g.into]
	switch {
	case !h.Parse(&s.raw) || h.Length != g.total-HeaderSize:
		return Malformed
	case h.Board != s.layout.Board:
		return WrongBoard
	case runs.whole && h.Version <= runs.header.Version,
		other.whole && !other.spent() && h.Version < other.header.Version:
		return Downgrade
	case runs.whole && !runs.proved && other.whole && !other.spent():
		return OnTrial
	}
	*other = slot{}
	if !s.flash.Erase(s.layout.Slot[g.into]) {
		return Faulty
	}
	return Accepted
}

// flush writes the unit that ends at got, filled up at the end of the image.
func (s *Slots) flush() bool {
	g := &s.stage
	offset := g.got - HeaderSize
	if rest := offset % Unit; rest != 0 {
		for i := rest; i < Unit; i++ {
			g.pending[i] = 0xFF
		}
		offset += Unit - rest
	}
	at := s.layout.Slot[g.into] + bodyAt + offset - Unit
	if at%s.layout.Page == 0 && !s.flash.Erase(at) {
		return false
	}
	return s.flash.Write(at, g.pending[:])
}

// finish writes the header of an image that was read back, if it is right, and
// reads that back too.
func (s *Slots) finish() Answer {
	g := &s.stage
	if s.hash.sum(&s.sum); s.sum != g.header.Hash {
		return Damaged
	}
	at := s.layout.Slot[g.into]
	g.header.Put(&s.raw)
	if !s.flash.Write(at, s.raw[:]) || !s.flash.Read(at, s.raw[:]) {
		return Faulty
	}
	var back Header
	if !back.Parse(&s.raw) || back != g.header {
		return Faulty
	}
	s.slot[g.into] = slot{header: back, whole: true}
	return Complete
}
