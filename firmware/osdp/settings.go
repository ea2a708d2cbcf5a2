package osdp

// Comm is how a device is reached: the data of COMSET, and of the COM that
// answers it.
type Comm struct {
	Address byte
	Baud    uint32
}

const commSize = 5

// Put writes the data to dst and returns their length, 5, or 0 when they do not
// fit.
func (c *Comm) Put(dst []byte) int {
	if len(dst) < commSize {
		return 0
	}
	dst[0] = c.Address
	put32(dst[1:], c.Baud)
	return commSize
}

// Take reads the data. It reports whether they have the right length.
func (c *Comm) Take(d []byte) bool {
	if len(d) != commSize {
		return false
	}
	c.Address, c.Baud = d[0], get32(d[1:])
	return true
}

const keySetSize = 18

// putKeySet writes the data of KEYSET: an SCBK of 16 bytes.
func putKeySet(dst []byte, key *[16]byte) int {
	dst[0], dst[1] = 1, 16
	copy(dst[2:], key[:])
	return keySetSize
}

func keySet(d []byte) (key [16]byte, ok bool) {
	if len(d) != keySetSize || d[0] != 1 || d[1] != 16 {
		return key, false
	}
	copy(key[:], d[2:])
	return key, true
}

// KeyIn returns the new base key that a KEYSET command carries.
func (c *Command) KeyIn() (key [16]byte, ok bool) {
	if c.Code != CmdKeySet {
		return key, false
	}
	return keySet(c.Data)
}
