package update

// digest is SHA-256 (FIPS 180-4) without heap. The standard library's needs one.
type digest struct {
	h     [8]uint32
	block [64]byte
	n     int    // bytes in block
	size  uint32 // bytes in all
	w     [64]uint32
}

func (d *digest) reset() {
	d.h = [8]uint32{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	}
	d.n, d.size = 0, 0
}

func (d *digest) write(p []byte) {
	d.size += uint32(len(p)) // #nosec G115 -- pieces of an image
	for len(p) > 0 {
		n := copy(d.block[d.n:], p)
		d.n += n
		p = p[n:]
		if d.n == len(d.block) {
			d.n = 0
			d.round()
		}
	}
}

// sum ends the digest; it must be reset before it is used again.
func (d *digest) sum(out *[32]byte) {
	size := d.size
	d.block[d.n] = 0x80
	d.n++
	if d.n > 56 {
		clear(d.block[d.n:])
		d.round()
		d.n = 0
	}
	clear(d.block[d.n:])
	for i := range 4 {
		d.block[60+i] = byte(size << 3 >> (24 - 8*i) & 0xFF)
	}
	d.block[59] = byte(size >> 29)
	d.round()
	for i, v := range d.h {
		for k := range 4 {
			out[4*i+k] = byte(v >> (24 - 8*k) & 0xFF)
		}
	}
}

func rotate(v uint32, n uint) uint32 { return v>>n | v<<(32-n) }

func (d *digest) round() {
	w := &d.w
	for i := range 16 {
		b := d.block[4*i:]
		w[i] = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	for i := 16; i < 64; i++ {
		s0 := rotate(w[i-15], 7) ^ rotate(w[i-15], 18) ^ w[i-15]>>3
		s1 := rotate(w[i-2], 17) ^ rotate(w[i-2], 19) ^ w[i-2]>>10
		w[i] = w[i-16] + s0 + w[i-7] + s1
	}
	h := d.h
	for i := range 64 {
		s1 := rotate(h[4], 6) ^ rotate(h[4], 11) ^ rotate(h[4], 25)
		t1 := h[7] + s1 + (h[4]&h[5] ^ ^h[4]&h[6]) + roundConstants[i] + w[i]
		s0 := rotate(h[0], 2) ^ rotate(h[0], 13) ^ rotate(h[0], 22)
		t2 := s0 + (h[0]&h[1] ^ h[0]&h[2] ^ h[1]&h[2])
		h[7], h[6], h[5], h[4] = h[6], h[5], h[4], h[3]+t1
		h[3], h[2], h[1], h[0] = h[2], h[1], h[0], t1+t2
	}
	for i := range h {
		d.h[i] += h[i]
	}
}

// roundConstants are never written; the compiler leaves them in flash.
var roundConstants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}
