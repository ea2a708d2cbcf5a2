// Package keep holds what a controller must remember through a power cut: its
// address, its key, how its lane is set up, and how often it has started. It
// also makes the nonces of Secure Channel from that.
//
// The form is two copies of one record, each with a number and a check; a save
// overwrites the older, so that a power cut at any byte leaves the other. It
// allocates nothing, reads no clock and knows no chip: cells come in through
// [Memory].
//
// Who can read the memory can speak for this lane: the record is neither
// enciphered nor signed. A record that is damaged, or a memory that does not
// answer, leaves no key and no seed: then no Secure Channel comes up, and the
// lane still frees itself in a fire.
package keep

// Memory is a place of cells that keeps its content without power. Read and
// Write return false when the cells do not answer; then nothing may be assumed
// about them. A write never crosses a page of [Page] bytes.
type Memory interface {
	Read(at uint16, dst []byte) bool
	Write(at uint16, src []byte) bool
}

// Sizes, in bytes.
const (
	Page       = 32
	recordSize = 2 * Page

	// Size is what the two copies take, from cell 0 on.
	Size = 2 * recordSize
)

// Settings are what somebody sets up once, by hand.
type Settings struct {
	Address byte   // on the line, 0 … 126
	Serial  uint32 // told to who asks for ID
	Baud    uint32 // of the line
	Key     [16]byte
	Seed    [16]byte // secret, random, of this board alone: see [Store.Fill]

	Modes           [2]byte // of the directions after a start, as lane.Mode
	ManualRestore   bool
	FreeOnPowerFail bool
}

// Store is the two copies. Its zero value holds nothing; call Open first. One
// loop owns it.
type Store struct {
	Settings

	memory  Memory
	copy    int    // which of the two holds what was read or written last
	number  uint32 // of that copy; grows with each save, so with each start
	started uint32 // the number that this start was given
	nonces  uint32 // made since Open
	ready   bool
	record  [recordSize]byte
	check   [recordSize]byte
}

// Open reads the newest whole copy and counts this start, in memory too. It
// returns false where there is nothing whole or the count cannot be stored:
// then there is no key and [Store.Fill] makes nothing.
func (s *Store) Open(m Memory) bool {
	*s = Store{memory: m}
	found := false
	var best Settings
	for i := range 2 {
		if !m.Read(uint16(i*recordSize), s.record[:]) || !s.decode() { // #nosec G115 -- 0 or 64
			continue
		}
		number := get32(s.record[4:])
		if !found || int32(number-s.number) > 0 { // #nosec G115 -- serial-number arithmetic
			found, s.copy, s.number, best = true, i, number, s.Settings
		}
	}
	s.Settings = best
	if found && s.save() {
		s.ready, s.started = true, s.number
		return true
	}
	s.Settings = Settings{}
	return false
}

// Ready reports whether Open found settings and could count the start.
func (s *Store) Ready() bool { return s.ready }

// Boot numbers this start: it differs from those of the 65,535 saves before it.
func (s *Store) Boot() uint16 { return uint16(s.started) } // #nosec G115 -- the low half is meant

// Save stores s.Settings. Where it returns false, what was stored before still
// stands. It takes some ten writes' time of the memory.
func (s *Store) Save() bool { return s.ready && s.save() }

func (s *Store) save() bool {
	other := 1 - s.copy
	s.encode(s.number + 1)
	at := uint16(other * recordSize) // #nosec G115 -- 0 or 64
	for page := 0; page < recordSize; page += Page {
		if !s.memory.Write(at+uint16(page), s.record[page:page+Page]) { // #nosec G115 -- 0 or 32
			return false
		}
	}
	if !s.memory.Read(at, s.check[:]) || s.check != s.record {
		return false
	}
	s.copy = other
	s.number++
	return true
}

// Image lays s out as a new memory holds it, for whoever programs one.
func Image(s Settings) [Size]byte {
	var image [Size]byte
	st := Store{Settings: s}
	st.encode(1)
	copy(image[:], st.record[:])
	return image
}
