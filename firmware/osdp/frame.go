package osdp

// A packet is, from its first byte (an 0xFF may go before it and belongs to
// nothing):
//
//	0      0x53
//	1      address; bit 7 is set in a reply
//	2–3    length of the whole packet, low byte first
//	4      bits 0–1 sequence number, bit 2 CRC instead of checksum, bit 3 security block
//	5 …    security block, if bit 3 is set: its length, its type, its data
//	…      command or reply code
//	…      data
//	…      MAC, 4 bytes, if the block's type is SCS_15 … SCS_18
//	…      CRC, 2 bytes, low byte first, or checksum, 1 byte
const (
	som        = 0x53
	mark       = 0xFF
	headerSize = 5
	macSize    = 4

	replyBit = 0x80

	ctrlSequence = 0x03
	ctrlCRC      = 0x04
	ctrlBlock    = 0x08

	minPacket = headerSize + 1 + 1 // a code and a checksum
)

// Frame is one packet, taken apart. Its slices alias the bytes that it was
// parsed from.
type Frame struct {
	Address  byte // 7 bits
	Reply    bool
	Sequence byte // 0 … 3
	CRC      bool // checked by CRC, not by checksum

	Block    byte // security block type; 0 without one
	BlockKey byte // first byte of the block's data; 0 without one
	Code     byte
	Data     []byte

	mac  []byte // 4 bytes, or nil
	body []byte // what the MAC covers
}

// Secured reports whether the packet claims to be inside Secure Channel. Only a
// session that verifies it knows.
func (f *Frame) Secured() bool { return f.Block >= scs15 && f.Block <= scs18 }

// Parse takes one whole packet apart, from its first byte (0x53) to its check
// bytes. It accepts nothing that is longer than [MaxFrame], whose length field
// disagrees with len(p), or whose check is wrong.
func Parse(p []byte) (f Frame, ok bool) {
	if len(p) < minPacket || len(p) > MaxFrame || p[0] != som || int(p[2])|int(p[3])<<8 != len(p) {
		return f, false
	}
	end := len(p) - 1
	if p[4]&ctrlCRC != 0 {
		end--
		if CRC(p[:end]) != uint16(p[end])|uint16(p[end+1])<<8 {
			return f, false
		}
	} else if Checksum(p[:end]) != p[end] {
		return f, false
	}
	f.Address, f.Reply = p[1]&^replyBit, p[1]&replyBit != 0
	f.Sequence, f.CRC = p[4]&ctrlSequence, p[4]&ctrlCRC != 0
	at := headerSize
	if p[4]&ctrlBlock != 0 {
		size := int(p[at])
		if size < 2 || at+size >= end {
			return f, false
		}
		f.Block = p[at+1]
		if f.Block == 0 {
			return f, false
		}
		if size > 2 {
			f.BlockKey = p[at+2]
		}
		at += size
		if f.Secured() {
			end -= macSize
			if end <= at {
				return f, false
			}
			f.mac, f.body = p[end:end+macSize], p[:end]
		}
	}
	if at >= end {
		return f, false
	}
	f.Code, f.Data = p[at], p[at+1:end]
	return f, true
}

// builder lays one packet out in a fixed buffer. With mark set, an 0xFF goes
// before the packet.
type builder struct {
	buf   [MaxFrame + 1]byte
	start int // 1 with a mark, 0 without
	n     int
	crc   bool
}

func (w *builder) put(b byte) {
	if w.n < len(w.buf) {
		w.buf[w.n] = b
		w.n++
	}
}

func (w *builder) putAll(p []byte) {
	for _, b := range p {
		w.put(b)
	}
}

// mode says how the packets from here on are framed.
func (w *builder) mode(marked, crc bool) {
	w.start, w.crc = 0, crc
	if marked {
		w.start = 1
	}
}

// begin starts a packet. block 0 means no security block; key < 0 a block
// without data.
func (w *builder) begin(address, sequence, block byte, key int) {
	w.n = 0
	if w.start > 0 {
		w.put(mark)
	}
	control := sequence & ctrlSequence
	if w.crc {
		control |= ctrlCRC
	}
	if block != 0 {
		control |= ctrlBlock
	}
	w.put(som)
	w.put(address)
	w.put(0)
	w.put(0)
	w.put(control)
	switch {
	case block == 0:
	case key < 0:
		w.put(2)
		w.put(block)
	default:
		w.put(3)
		w.put(block)
		w.put(low(key))
	}
}

// packet is what has been laid out so far, without the mark.
func (w *builder) packet() []byte { return w.buf[w.start:w.n] }

// size writes the length field for a packet to which extra bytes and the check
// will be added.
func (w *builder) size(extra int) {
	n := w.n - w.start + extra + w.check()
	w.buf[w.start+2], w.buf[w.start+3] = low(n), low(n>>8)
}

func (w *builder) check() int {
	if w.crc {
		return 2
	}
	return 1
}

// finish adds the check bytes.
func (w *builder) finish() {
	if w.crc {
		c := int(CRC(w.packet()))
		w.put(low(c))
		w.put(low(c >> 8))
		return
	}
	w.put(Checksum(w.packet()))
}

// out is the whole packet with its mark, ready for the line.
func (w *builder) out() []byte { return w.buf[:w.n] }

// plain lays out a packet outside Secure Channel.
func (w *builder) plain(address, sequence, code byte, data []byte) {
	w.block(address, sequence, 0, -1, code, data)
}

// block lays out a packet with a security block that has no MAC.
func (w *builder) block(address, sequence, block byte, key int, code byte, data []byte) {
	w.begin(address, sequence, block, key)
	w.put(code)
	w.putAll(data)
	w.size(0)
	w.finish()
}
