package osdp

// Numbers on the line have their low byte first. None of these checks the
// length: their callers did.

func low(v int) byte { return byte(v & 0xFF) }

func put16(d []byte, v uint16) { d[0], d[1] = byte(v&0xFF), byte(v>>8) }

func put32(d []byte, v uint32) {
	put16(d, uint16(v&0xFFFF))
	put16(d[2:], uint16(v>>16))
}

func get16(d []byte) uint16 { return uint16(d[0]) | uint16(d[1])<<8 }

func get32(d []byte) uint32 { return uint32(get16(d)) | uint32(get16(d[2:]))<<16 }
