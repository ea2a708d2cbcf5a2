package update

// stage is an image on its way into a slot.
type stage struct {
	on      bool
	into    int
	total   uint32 // header and image
	got     uint32
	header  Header
	pending [Unit]byte // of the image, not yet a whole unit
}

// Begin starts to take a header and an image of that total length, into the
// slot that does not run. It changes no flash: what was staged before stays
// until a header is accepted.
func (s *Slots) Begin(running int, total uint32) Answer {
	s.stage = stage{}
	switch {
	case s.flash == nil:
		return Faulty
	case running != 0 && running != 1, total <= HeaderSize:
		return Malformed
	case total > HeaderSize+s.layout.Size-bodyAt:
		return TooLarge
	}
	s.stage = stage{on: true, into: 1 - running, total: total}
	return Accepted
}

// Abort gives a transfer up. The slot that it went to holds nothing then.
func (s *Slots) Abort() { s.stage = stage{} }

// Write takes the next piece, which begins at that place in the transfer. A
// piece that came before is accepted and ignored; any other that is not the
// next is Misplaced and changes nothing. Each answer but those two ends the
// transfer. A call erases at most one page more than its piece covers, and the
// last one reads the whole image.
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
		return Accepted
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
	if g.got < g.total {
		return Accepted
	}
	a := s.finish()
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

// finish reads the image back and, if it is right, writes the header.
func (s *Slots) finish() Answer {
	g := &s.stage
	if !s.right(g.into, &g.header) {
		return Damaged
	}
	g.header.Put(&s.raw)
	if !s.flash.Write(s.layout.Slot[g.into], s.raw[:]) {
		return Faulty
	}
	s.inspect(g.into)
	if !s.slot[g.into].whole {
		return Faulty
	}
	return Complete
}
