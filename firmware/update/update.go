// Package update replaces a controller's image without ever leaving it without
// one. Two slots of flash hold an image each; a new one is staged into the slot
// that does not run, checked there, and only then given the header that makes it
// bootable. A power cut at any byte leaves a bootable slot.
//
// The part for the controller allocates nothing and reads flash through the
// small [Flash]; [Pack] and [Verify] are the part for who builds an image and
// for the gate, and are not in a controller's build.
//
// # Who is trusted
//
// An image is signed with the firmware key (Ed25519), which belongs to the
// maker of the firmware and to no event: the gate has its public half in its
// own configuration, not in the trust list, because the list says who may speak
// for events. The gate verifies the signature and sends the image over Secure
// Channel. The controller checks the hash, the board and that the version
// grows; it does not check the signature. So who holds a lane's Secure Channel
// key can replace its image: that key must be kept like the firmware key's
// public half, out of others' hands.
//
// # The file
//
//	0–55    the header, see below
//	56–119  Ed25519 signature over "conting/firmware/v1" 00 and the header
//	120–    the image
//
// The gate sends the header and the image, without the signature. The header,
// in the file, on the line and in flash, numbers with the low byte first:
//
//	0–3    43 54 46 31 ("CTF1")
//	4–5    board: 0x0001 host (no chip), 0x0965 lm3s6965
//	6–7    0
//	8–11   version, from 1 to 2^24-1, which is what ID can tell; grows with each
//	       release
//	12–15  length of the image
//	16–47  SHA-256 of the image
//	48–51  CRC-32 (IEEE) of bytes 0–47: a header that is whole in flash
//	52–55  FF FF FF FF
//
// A slot is a whole number of pages:
//
//	0–55    the header, written last
//	56–79   three marks of 8 bytes: one for each start of an image on trial
//	80–87   a mark: the image has proved itself
//	88–255  FF
//	256–    the image
//
// A mark is set by writing zeros, once; any bit of it that is 0 sets it. No byte
// is written twice between two erasures.
//
// # Trial
//
// A new image runs on trial until [Slots.Prove]. The controller calls that once
// it has read its inputs and driven its outputs for a minute and a panel has
// reached it over Secure Channel. An image that has been started [Trials] times without proving itself
// gives way to the other slot.
//
// # What this does not show
//
// The tests run on a flash of Go, and controller-sim runs the same program whatever
// image it has "started". The emulated board has no flash that could be written; it
// answers an update with NAK. So nothing here shows: that a chip's erase and write
// commands are right; that its cells read the same each time after a cut in the
// middle of a write (a bit may be neither 0 nor 1); that there is boot code, which no
// board has yet, that it stands where nothing erases it and jumps rightly, and that an
// image is linked for the slot it is in; that an image which does not start is ended
// by the watchdog, which is what a trial counts on; how long the core stalls while a
// page is erased (about 20 ms on the LM3S6965, in which the lane does not run: a board
// must do it with the lane at rest, and cut the locks' power in hardware).
package update

// Flash is the memory of both slots. A method that returns false, or a power
// cut, leaves the bytes that it was to change undefined, and no others.
type Flash interface {
	// Read fills dst from that address on.
	Read(at uint32, dst []byte) bool

	// Erase sets the page that begins there to FF.
	Erase(page uint32) bool

	// Write programs erased bytes. The address and the length are whole
	// numbers of [Unit].
	Write(at uint32, src []byte) bool
}

// Unit is the smallest piece of flash that is written: what a flash with error
// correction needs.
const Unit = 8

// Layout says where the slots are.
type Layout struct {
	Board uint16    // which images fit: see the board's package
	Slot  [2]uint32 // where each begins; on a page
	Size  uint32    // of each; whole pages
	Page  uint32    // what Erase erases; 256 or more
}

// check reports a layout that can work.
func (l *Layout) check() bool {
	a, b := uint64(min(l.Slot[0], l.Slot[1])), uint64(max(l.Slot[0], l.Slot[1]))
	return l.Page >= bodyAt && l.Size >= l.Page && l.Size%l.Page == 0 &&
		l.Slot[0]%l.Page == 0 && l.Slot[1]%l.Page == 0 && a+uint64(l.Size) <= b && b+uint64(l.Size) <= 1<<32
}

// Trials is how often an image may start before it must have proved itself.
const Trials = 3

// Parts of a slot.
const (
	markSize = Unit
	marksAt  = HeaderSize
	provedAt = marksAt + Trials*markSize
	bodyAt   = 256 // a vector table begins on a whole number of these
)

// Answer is what became of a piece of an image.
type Answer uint8

// The answers.
const (
	Accepted  Answer = iota
	Checking         // all of it came and is being read back: see [Slots.Work]
	Complete         // the image is staged; it runs after the next start
	Misplaced        // not the piece that comes next
	Malformed        // no header, or one that does not match what comes
	WrongBoard
	TooLarge
	Downgrade // not newer than what runs, or older than what is staged
	Damaged   // the hash is another
	Faulty    // the flash does not work
	OnTrial   // what runs has not proved itself: the other slot is still needed
	Idle      // nothing was begun
	Disturbed // the lane was not at rest; never said by [Slots]
)

// String returns the stable word for the answer.
func (a Answer) String() string {
	switch a {
	case Accepted:
		return "accepted"
	case Checking:
		return "checking"
	case Complete:
		return "complete"
	case Misplaced:
		return "misplaced"
	case Malformed:
		return "malformed"
	case WrongBoard:
		return "wrong_board"
	case TooLarge:
		return "too_large"
	case Downgrade:
		return "downgrade"
	case Damaged:
		return "damaged"
	case Faulty:
		return "faulty"
	case OnTrial:
		return "on_trial"
	case Idle:
		return "idle"
	case Disturbed:
		return "disturbed"
	}
	return "unknown"
}
