package osdp

// heard is what a byte made of the stream.
type heard byte

const (
	nothing heard = iota
	packet        // a whole packet is in frame
	garbled       // a packet ended whose check was wrong; bad holds its header
	torn          // the line fell silent within a packet
)

// receiver finds packets in a stream of bytes. After a wrong one it looks for
// the next start within what it holds, so that one inserted byte costs one
// packet at most. It checks at most one packet per call, which bounds the time
// a call takes.
type receiver struct {
	buf   [MaxFrame]byte
	n     int    // bytes held
	used  int    // of those, the packet that was returned last
	last  uint32 // when the newest byte came, in ms
	frame Frame
	bad   [headerSize]byte
	alone bool // garbled: nothing followed the bad packet
	prev  byte // the byte that was skipped last, or 0 when a packet was
}

// marked reports whether an 0xFF went before the packet in frame.
func (r *receiver) marked() bool { return r.prev == mark }

func (r *receiver) reset() { r.n, r.used, r.prev = 0, 0, 0 }

// feed takes one byte that came at now. gap is the longest pause inside a
// packet.
func (r *receiver) feed(now, gap uint32, b byte) heard {
	r.drop(r.used)
	if r.n > 0 && now-r.last > gap {
		r.n = 0
	}
	r.last = now
	if r.n == len(r.buf) { // cannot happen: scan leaves less than a packet
		r.drop(1)
	}
	r.buf[r.n] = b
	r.n++
	return r.scan()
}

// tick gives up a packet whose rest does not come, and goes on after a wrong
// one. What came after a beginning that was none may hold a packet.
func (r *receiver) tick(now, gap uint32) heard {
	r.drop(r.used)
	if r.n == 0 {
		return nothing
	}
	if now-r.last <= gap {
		return r.scan()
	}
	for r.n > 0 {
		r.drop(1)
		if h := r.scan(); h != nothing {
			return h
		}
	}
	return torn
}

// idle reports whether no packet has begun.
func (r *receiver) idle() bool { return r.n == r.used }

// drop removes the first k bytes.
func (r *receiver) drop(k int) {
	if k == 0 {
		return
	}
	if r.used > 0 {
		r.used, r.prev = 0, 0
	}
	copy(r.buf[:], r.buf[k:r.n])
	r.n -= k
}

func (r *receiver) scan() heard {
	at := 0
	for ; at < r.n; at++ {
		if r.buf[at] != som {
			continue
		}
		if r.n-at < 4 {
			break
		}
		if size := int(r.buf[at+2]) | int(r.buf[at+3])<<8; size >= minPacket && size <= MaxFrame {
			break
		}
	}
	if at > 0 {
		r.prev = r.buf[at-1]
		r.drop(at)
	}
	if r.n < 4 {
		return nothing
	}
	size := int(r.buf[2]) | int(r.buf[3])<<8
	if r.n < size {
		return nothing
	}
	var ok bool
	if r.frame, ok = Parse(r.buf[:size]); ok {
		r.used = size
		return packet
	}
	copy(r.bad[:], r.buf[:headerSize])
	r.frame.CRC = r.buf[4]&ctrlCRC != 0 // what a refusal is checked by
	r.alone = r.n == size
	r.drop(1)
	return garbled
}
