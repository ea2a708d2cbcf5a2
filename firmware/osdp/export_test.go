package osdp

// NewAES returns a function that enciphers and one that deciphers.
func NewAES(key [16]byte) (encrypt, decrypt func([16]byte) [16]byte) {
	c := new(aes128)
	c.setKey(&key)
	return func(b [16]byte) [16]byte { c.encrypt(&b); return b },
		func(b [16]byte) [16]byte { c.decrypt(&b); return b }
}

// Session gives the tests the channel's arithmetic by itself.
type Session struct{ s session }

func (s *Session) Derive(base [16]byte, panel [8]byte) { s.s.derive(&base, &panel) }

// Keys returns S-ENC, S-MAC1 and S-MAC2.
func (s *Session) Keys() (enc, mac1, mac2 [16]byte) {
	copy(enc[:], s.s.enc.round[:])
	copy(mac1[:], s.s.mac1.round[:])
	copy(mac2[:], s.s.mac2.round[:])
	return
}

func (s *Session) Cryptogram(x, y [8]byte) (c [16]byte) { s.s.cryptogram(&c, &x, &y); return }

func (s *Session) Start(panel [16]byte) [16]byte { s.s.start(&panel); return s.s.reply }

// Seal returns a packet inside the channel.
func (s *Session) Seal(reply, crc bool, address, sequence, code byte, data []byte) []byte {
	var w builder
	w.mode(false, crc)
	if reply {
		address |= replyBit
	}
	s.s.seal(&w, reply, address, sequence, code, data)
	return append([]byte(nil), w.out()...)
}

// SealPlainly is Seal without enciphering: what a strict peer must refuse.
func (s *Session) SealPlainly(reply bool, address, sequence, code byte, data []byte) []byte {
	var w builder
	w.mode(false, true)
	block := byte(scs15)
	if reply {
		block, address = scs16, address|replyBit
	}
	w.begin(address, sequence, block, -1)
	w.put(code)
	w.putAll(data)
	w.size(macSize)
	w.putAll(s.s.sign(reply, w.packet())[:macSize])
	w.finish()
	return append([]byte(nil), w.out()...)
}

// SealBlocks is Seal of a command whose padding is the caller's; what is no whole
// block at the end goes as it is.
func (s *Session) SealBlocks(address, sequence, code byte, data []byte) []byte {
	var w builder
	w.mode(false, true)
	w.begin(address, sequence, scs17, -1)
	w.put(code)
	v := s.s.vector(false)
	for at := 0; at+16 <= len(data); at += 16 {
		for i := range v {
			v[i] ^= data[at+i]
		}
		s.s.enc.encrypt(&v)
		w.putAll(v[:])
	}
	w.putAll(data[len(data)&^15:])
	w.size(macSize)
	w.putAll(s.s.sign(false, w.packet())[:macSize])
	w.finish()
	return append([]byte(nil), w.out()...)
}

// Open verifies and deciphers a packet.
func (s *Session) Open(p []byte) (Frame, bool) {
	f, ok := Parse(append([]byte(nil), p...))
	return f, ok && s.s.verify(&f)
}

// Plain returns a packet outside the channel.
func Plain(address, sequence, code byte, data ...byte) []byte {
	return Framed(true, false, address, sequence, 0, -1, code, data...)
}

// Framed returns a packet with a security block of any kind and no MAC.
func Framed(crc, marked bool, address, sequence, block byte, key int, code byte, data ...byte) []byte {
	var w builder
	w.mode(marked, crc)
	w.block(address, sequence, block, key, code, data)
	return append([]byte(nil), w.out()...)
}

// Channel copies the panel's channel, as somebody who knows the key could.
func (c *CP) Channel() *Session { return &Session{c.sess} }

// Channel copies the device's channel.
func (p *PD) Channel() *Session { return &Session{p.sess} }

// NextSequence is the number of the panel's next command.
func (c *CP) NextSequence() byte { return c.sequence }
