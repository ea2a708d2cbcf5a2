package keep

import "math/bits"

// Fill makes a nonce: SipHash-2-4 under the seed over the number of this start
// and of the nonce. Nobody without the seed can predict one, and none comes twice
// in 2^32 starts of 2^32 nonces: both numbers grow, the first before anything
// else is done with it. It returns false where there is no seed or no count.
func (s *Store) Fill(dst *[8]byte) bool {
	if !s.ready || s.Seed == [16]byte{} || s.nonces == ^uint32(0) {
		return false
	}
	s.nonces++
	v := sip(get64(s.Seed[0:]), get64(s.Seed[8:]), uint64(s.started)<<32|uint64(s.nonces))
	put32(dst[0:], uint32(v))     // #nosec G115 -- the low half is meant
	put32(dst[4:], uint32(v>>32)) // #nosec G115 -- the high half
	return true
}

// sip is SipHash-2-4 (Aumasson, Bernstein) of one eight-byte message.
func sip(k0, k1, m uint64) uint64 {
	s := sipState{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	s.block(m)
	s.block(8 << 56) // the message's length
	s[2] ^= 0xFF
	for range 4 {
		s.round()
	}
	return s[0] ^ s[1] ^ s[2] ^ s[3]
}

type sipState [4]uint64

func (s *sipState) block(m uint64) {
	s[3] ^= m
	s.round()
	s.round()
	s[0] ^= m
}

func (s *sipState) round() {
	s[0] += s[1]
	s[2] += s[3]
	s[1] = bits.RotateLeft64(s[1], 13) ^ s[0]
	s[3] = bits.RotateLeft64(s[3], 16) ^ s[2]
	s[0] = bits.RotateLeft64(s[0], 32)
	s[2] += s[1]
	s[0] += s[3]
	s[1] = bits.RotateLeft64(s[1], 17) ^ s[2]
	s[3] = bits.RotateLeft64(s[3], 21) ^ s[0]
	s[2] = bits.RotateLeft64(s[2], 32)
}

func get64(p []byte) uint64 { return uint64(get32(p)) | uint64(get32(p[4:]))<<32 }
