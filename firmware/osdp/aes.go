package osdp

// aes128 is AES-128 (FIPS 197) with its key schedule, held by value, small and
// without heap: a controller without a data cache runs it in constant time. On
// the gate its table look-ups could be timed by other programs of the same
// machine, which is not a party this package defends against.
type aes128 struct {
	round [176]byte
}

func double(x byte) byte { return x<<1 ^ (x>>7)*0x1B }

// setKey expands key.
func (c *aes128) setKey(key *[16]byte) {
	copy(c.round[:], key[:])
	constant := byte(1)
	for i := 16; i < len(c.round); i += 4 {
		a, b, d, e := c.round[i-4], c.round[i-3], c.round[i-2], c.round[i-1]
		if i%16 == 0 {
			a, b, d, e = sbox[b]^constant, sbox[d], sbox[e], sbox[a]
			constant = double(constant)
		}
		c.round[i] = c.round[i-16] ^ a
		c.round[i+1] = c.round[i-15] ^ b
		c.round[i+2] = c.round[i-14] ^ d
		c.round[i+3] = c.round[i-13] ^ e
	}
}

// encrypt enciphers one block in place.
func (c *aes128) encrypt(b *[16]byte) {
	c.mix(b, 0)
	for r := 1; r <= 10; r++ {
		var s [16]byte
		for i := range s {
			s[i] = sbox[b[(i+4*(i&3))&15]]
		}
		if r < 10 {
			mixColumns(&s)
		}
		*b = s
		c.mix(b, r)
	}
}

// decrypt deciphers one block in place.
func (c *aes128) decrypt(b *[16]byte) {
	for r := 10; r >= 1; r-- {
		c.mix(b, r)
		if r < 10 {
			// The inverse is the forward step after a fold of opposite bytes.
			for k := 0; k < 16; k += 4 {
				u := double(double(b[k] ^ b[k+2]))
				v := double(double(b[k+1] ^ b[k+3]))
				b[k], b[k+1], b[k+2], b[k+3] = b[k]^u, b[k+1]^v, b[k+2]^u, b[k+3]^v
			}
			mixColumns(b)
		}
		var s [16]byte
		for i := range s {
			s[(i+4*(i&3))&15] = sboxInverse[b[i]]
		}
		*b = s
	}
	c.mix(b, 0)
}

func mixColumns(s *[16]byte) {
	for k := 0; k < 16; k += 4 {
		a, b, c, d := s[k], s[k+1], s[k+2], s[k+3]
		all := a ^ b ^ c ^ d
		s[k] = a ^ all ^ double(a^b)
		s[k+1] = b ^ all ^ double(b^c)
		s[k+2] = c ^ all ^ double(c^d)
		s[k+3] = d ^ all ^ double(d^a)
	}
}

func (c *aes128) mix(b *[16]byte, r int) {
	for i := range b {
		b[i] ^= c.round[16*r+i]
	}
}
