package update

// HeaderSize is the length of a header, in bytes.
const HeaderSize = 56

// MaxVersion is the last version there can be.
const MaxVersion = 1<<24 - 1

const checkedSize = 48

// Header says what an image is.
type Header struct {
	Board   uint16
	Version uint32
	Length  uint32 // of the image
	Hash    [32]byte
}

// Put writes the header's bytes.
func (h *Header) Put(dst *[HeaderSize]byte) {
	dst[0], dst[1], dst[2], dst[3] = 'C', 'T', 'F', '1'
	put32(dst[4:], uint32(h.Board))
	put32(dst[8:], h.Version)
	put32(dst[12:], h.Length)
	copy(dst[16:checkedSize], h.Hash[:])
	put32(dst[checkedSize:], crc(dst[:checkedSize]))
	put32(dst[52:], ^uint32(0))
}

// Parse reads a header's bytes. It returns false for anything but what
// [Header.Put] writes, for a version of 0 or beyond [MaxVersion], which would shut every later
// one out, and for a length of 0.
func (h *Header) Parse(src *[HeaderSize]byte) bool {
	if src[0] != 'C' || src[1] != 'T' || src[2] != 'F' || src[3] != '1' || src[6]|src[7] != 0 ||
		get32(src[checkedSize:]) != crc(src[:checkedSize]) || get32(src[52:]) != ^uint32(0) {
		return false
	}
	h.Board = uint16(src[4]) | uint16(src[5])<<8
	h.Version = get32(src[8:])
	h.Length = get32(src[12:])
	copy(h.Hash[:], src[16:checkedSize])
	return h.Version != 0 && h.Version <= MaxVersion && h.Length != 0
}

func put32(dst []byte, v uint32) {
	for i := range 4 {
		dst[i] = byte(v & 0xFF)
		v >>= 8
	}
}

func get32(src []byte) uint32 {
	_ = src[3]
	return uint32(src[0]) | uint32(src[1])<<8 | uint32(src[2])<<16 | uint32(src[3])<<24
}

// crc is CRC-32 as IEEE 802.3 has it, without a table.
func crc(data []byte) uint32 {
	c := ^uint32(0)
	for _, b := range data {
		c ^= uint32(b)
		for range 8 {
			c = c>>1 ^ 0xEDB88320&-(c&1)
		}
	}
	return ^c
}
