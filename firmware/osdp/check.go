package osdp

// crcNibble holds the CRC's feedback for four bits at a time: an eighth of the
// steps of the bitwise form for 32 bytes of table.
const crcNibble = "\x00\x00\x10\x21\x20\x42\x30\x63\x40\x84\x50\xa5\x60\xc6\x70\xe7" +
	"\x81\x08\x91\x29\xa1\x4a\xb1\x6b\xc1\x8c\xd1\xad\xe1\xce\xf1\xef"

// CRC is the line's CRC-16: polynomial 0x1021, most significant bit first, seed
// 0x1D0F (OSDP v2.2, annex C). It goes out with its low byte first.
func CRC(p []byte) uint16 {
	crc := uint16(0x1D0F)
	for _, b := range p {
		crc = crc<<4 ^ nibble(byte(crc>>12)^b>>4)
		crc = crc<<4 ^ nibble(byte(crc>>12)^b&15)
	}
	return crc
}

func nibble(i byte) uint16 {
	i &= 15
	return uint16(crcNibble[2*i])<<8 | uint16(crcNibble[2*i+1])
}

// Checksum is the line's other check: the byte that makes the sum of all bytes
// zero.
func Checksum(p []byte) byte {
	var sum byte
	for _, b := range p {
		sum += b
	}
	return -sum
}
