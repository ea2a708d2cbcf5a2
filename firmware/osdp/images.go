package osdp

// Images is which images a device holds, and what became of the last that it was
// sent. It is, after the vendor's header,
//
//	4–5    board              6      flags          7      answer
//	8–11   version that runs  12–15  version that the next start begins, 0 for
//	                                 the same again
//	16–19  longest image, in bytes
//
// A device that cannot replace its image answers NAK 3, as it does to
// FILETRANSFER. The answer is firmware/update's Answer to the newest piece, or to
// the check after the last.
type Images struct {
	Board   uint16
	Flags   byte
	Answer  byte
	Runs    uint32
	Next    uint32
	Longest uint32
}

// Bits of [Images.Flags].
const (
	ImageProved = 1 << iota // what runs is past its trial
	ImageComing             // a transfer is under way
	ImageRest               // the lane is at rest: a transfer or a restart may begin
)

const imagesSize = 16

// Put writes the data of MFGREP to dst and returns their length, 20, or 0 when
// they do not fit.
func (m *Images) Put(dst []byte) int {
	d := open(dst, MfgHolds, imagesSize)
	if d == nil {
		return 0
	}
	put16(d, m.Board)
	d[2], d[3] = m.Flags, m.Answer
	put32(d[4:], m.Runs)
	put32(d[8:], m.Next)
	put32(d[12:], m.Longest)
	return vendorHeader + imagesSize
}

// Take reads the data of MFGREP. It reports whether they are about images.
func (m *Images) Take(data []byte) bool {
	d := content(data, MfgHolds, imagesSize)
	if d == nil {
		return false
	}
	*m = Images{get16(d), d[2], d[3], get32(d[4:]), get32(d[8:]), get32(d[12:])}
	return true
}

// PutImages writes the data of a MfgImages to dst and returns their length, 4, or
// 0 when they do not fit.
func PutImages(dst []byte) int { return putBare(dst, MfgImages) }

// PutRestart writes the data of a MfgRestart to dst and returns their length, 4,
// or 0 when they do not fit.
func PutRestart(dst []byte) int { return putBare(dst, MfgRestart) }

// PutVersion sets the firmware version: one number from 1 to 2^24-1 in three bytes,
// the highest first.
func (id *Identity) PutVersion(v uint32) {
	id.Firmware = [3]byte{byte(v >> 16 & 0xFF), byte(v >> 8 & 0xFF), byte(v & 0xFF)}
}

// FirmwareVersion is the number that PutVersion set.
func (id *Identity) FirmwareVersion() uint32 {
	return uint32(id.Firmware[0])<<16 | uint32(id.Firmware[1])<<8 | uint32(id.Firmware[2])
}
