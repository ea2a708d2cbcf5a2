package osdp

// A message that is longer than a packet goes in parts (OSDP v2.2, 5.10). Each
// part is, with its numbers low byte first:
//
//	0–1  length of the whole message
//	2–3  offset of this part
//	4–5  length of this part
//	6 …  the part
const partHeader = 6

// PutPart writes the part of message that begins at offset to dst, as much of it
// as fits, and returns the data's length and the next part's offset. It returns
// 0 when nothing fits or nothing is left.
func PutPart(dst, message []byte, offset int) (n, next int) {
	if len(message) > 0xFFFF || offset < 0 || offset >= len(message) || len(dst) <= partHeader {
		return 0, offset
	}
	size := copy(dst[partHeader:], message[offset:])
	dst[0], dst[1] = low(len(message)), low(len(message)>>8)
	dst[2], dst[3] = low(offset), low(offset>>8)
	dst[4], dst[5] = low(size), low(size>>8)
	return partHeader + size, offset + size
}

// Assembly puts a message together from its parts.
type Assembly struct {
	buf      []byte
	total, n int
}

// Part is what a part made of an [Assembly].
type Part byte

// The outcomes of [Assembly.Push].
const (
	PartBad   Part = iota // out of order, too long or malformed; the message is dropped
	PartMore              // more is to come
	PartWhole             // Message is complete
	PartEnded             // the sender gave the message up
)

// Use sets where messages are put together; longer ones are refused.
func (a *Assembly) Use(buf []byte) { *a = Assembly{buf: buf} }

// Push takes one part. A part at offset 0 begins a message anew.
func (a *Assembly) Push(d []byte) Part {
	if len(d) < partHeader {
		return a.drop(PartBad)
	}
	total, offset, size := int(get16(d)), int(get16(d[2:])), int(get16(d[4:]))
	d = d[partHeader:]
	switch {
	case total > 0 && offset >= total && size == 0:
		return a.drop(PartEnded)
	case size != len(d), size == 0, offset+size > total, total > len(a.buf):
		return a.drop(PartBad)
	case offset == 0:
		a.total, a.n = total, 0
	case total != a.total || offset != a.n:
		return a.drop(PartBad)
	}
	a.n += copy(a.buf[a.n:], d)
	if a.n < a.total {
		return PartMore
	}
	return PartWhole
}

// Message is the whole message after PartWhole, until the next Push.
func (a *Assembly) Message() []byte { return a.buf[:a.n] }

func (a *Assembly) drop(p Part) Part {
	a.total, a.n = 0, 0
	return p
}
