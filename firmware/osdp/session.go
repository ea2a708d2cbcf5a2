package osdp

// session is one Secure Channel (OSDP v2.2, annex D): keys derived from the
// base key and the panel's nonce, and two MACs, of the last command and of the
// last reply, that chain every packet to the one before it.
type session struct {
	enc, mac1, mac2 aes128
	command, reply  [16]byte // the newest MAC of each direction
}

// derive sets the session keys from the base key and the panel's nonce.
func (s *session) derive(base *[16]byte, panel *[8]byte) {
	s.mac1.setKey(base) // a place to stand; overwritten below
	var enc, one, two [16]byte
	s.derived(&enc, 0x82, panel)
	s.derived(&one, 0x01, panel)
	s.derived(&two, 0x02, panel)
	s.enc.setKey(&enc)
	s.mac1.setKey(&one)
	s.mac2.setKey(&two)
}

func (s *session) derived(k *[16]byte, label byte, panel *[8]byte) {
	k[0], k[1] = 0x01, label
	copy(k[2:8], panel[:6])
	s.mac1.encrypt(k)
}

// cryptogram sets c to the proof over x and y: the device proves itself with
// panel's nonce first, the panel with the device's first.
func (s *session) cryptogram(c *[16]byte, x, y *[8]byte) {
	copy(c[:8], x[:])
	copy(c[8:], y[:])
	s.enc.encrypt(c)
}

// start seeds the chain from the panel's cryptogram: RMAC-I.
func (s *session) start(panel *[16]byte) {
	s.reply = *panel
	s.mac1.encrypt(&s.reply)
	s.mac2.encrypt(&s.reply)
	s.command = [16]byte{}
}

// wipe forgets the keys.
func (s *session) wipe() { *s = session{} }

// sign advances the chain of one direction over body. A command's MAC starts
// from the last reply's and the other way round, so that doing it twice changes
// nothing until the other direction moves.
func (s *session) sign(reply bool, body []byte) *[16]byte {
	out, v := &s.command, s.reply
	if reply {
		out, v = &s.reply, s.command
	}
	for len(body) > 16 {
		for i := range v {
			v[i] ^= body[i]
		}
		s.mac1.encrypt(&v)
		body = body[16:]
	}
	for i, b := range body {
		v[i] ^= b
	}
	if len(body) < 16 {
		v[len(body)] ^= 0x80
	}
	s.mac2.encrypt(&v)
	*out = v
	return out
}

// vector is the first block of the enciphered data of one direction.
func (s *session) vector(reply bool) (v [16]byte) {
	v = s.reply
	if reply {
		v = s.command
	}
	for i := range v {
		v[i] = ^v[i]
	}
	return v
}

// verify checks f's MAC and deciphers its data in place. A reply must be
// verified once only, and after it failed the session is good for nothing.
func (s *session) verify(f *Frame) bool {
	if !equal(f.mac, s.sign(f.Reply, f.body)[:macSize]) {
		return false
	}
	if f.Block != scs17 && f.Block != scs18 || len(f.Data) == 0 {
		return true
	}
	if len(f.Data)%16 != 0 {
		return false
	}
	v := s.vector(f.Reply)
	for at := 0; at < len(f.Data); at += 16 {
		var c, p [16]byte
		copy(c[:], f.Data[at:])
		p = c
		s.enc.decrypt(&p)
		for i := range p {
			f.Data[at+i] = p[i] ^ v[i]
		}
		v = c
	}
	n := len(f.Data) - 1
	for n > 0 && f.Data[n] == 0 {
		n--
	}
	if f.Data[n] != 0x80 || len(f.Data)-n > 16 {
		return false
	}
	f.Data = f.Data[:n]
	return true
}

// seal lays out a packet inside the channel and advances the chain. Data are
// enciphered; a packet without data has a MAC only.
func (s *session) seal(w *builder, reply bool, address, sequence, code byte, data []byte) {
	block := byte(scs15)
	if reply {
		block = scs16
	}
	if len(data) > 0 {
		block += 2
	}
	w.begin(address, sequence, block, -1)
	w.put(code)
	if len(data) > 0 {
		v := s.vector(reply)
		for at := 0; at <= len(data); at += 16 {
			for i := range v {
				switch {
				case at+i < len(data):
					v[i] ^= data[at+i]
				case at+i == len(data):
					v[i] ^= 0x80
				}
			}
			s.enc.encrypt(&v)
			w.putAll(v[:])
		}
	}
	w.size(macSize)
	w.putAll(s.sign(reply, w.packet())[:macSize])
	w.finish()
}

// sealedSize is the length of a packet with n bytes of data inside the channel.
func sealedSize(n int, crc bool) int {
	size := headerSize + 2 + 1 + macSize + 1
	if crc {
		size++
	}
	if n > 0 {
		size += n + 16 - n%16
	}
	return size
}

// equal compares in constant time for the length of a.
func equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	var diff byte
	for i := range a {
		diff |= a[i] ^ b[i]
	}
	return diff == 0
}

// usable reports whether a base key may be used: it is neither absent nor the
// default key that every manual prints.
func usable(k *[16]byte) bool {
	var any, public byte
	for i, b := range k {
		any |= b
		public |= b ^ byte(0x30+i)
	}
	return any != 0 && public != 0
}
