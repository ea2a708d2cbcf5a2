package trust

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The few CBOR heads (RFC 8949, section 3) of the profile. The envelope is
// compared with the one encoding it may have rather than decoded: that is
// stricter than any decoder and copies nothing.
const (
	tagSign1   = 0xd2 // tag 18, COSE_Sign1
	byteString = 0x40
	textString = 0x60
	array      = 0x80
	arrayOf3   = array | 3
	arrayOf4   = array | 4
	arrayOf5   = array | 5
	emptyMap   = 0xa0

	signatureSize = 64
	protectedSize = 13 // {1: algorithm, 4: key id}
	headersSize   = 1 + protectedSize + 1

	// sign1Overhead is what a COSE_Sign1 adds to a payload, at most.
	sign1Overhead = 2 + headersSize + 5 + 2 + signatureSize
)

// tagSign is tag 98, COSE_Sign.
var tagSign = [2]byte{0xd8, 98}

// appendBytes writes a byte string with the shortest head.
func appendBytes[T []byte | Context](dst []byte, b T) []byte {
	switch n := len(b); {
	case n < 24:
		dst = append(dst, byteString|byte(n)) // #nosec G115 -- below 24
	case n <= math.MaxUint8:
		dst = append(dst, byteString|24, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, byteString|25), uint16(n)) // #nosec G115 -- checked
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, byteString|26), uint32(n)) // #nosec G115 -- MaxMessage bounds it
	}
	return append(dst, b...)
}

// appendProtected writes the protected header as the byte string that is signed.
func appendProtected(dst []byte, alg Algorithm, id KeyID) []byte {
	dst = append(dst, byteString|protectedSize, 0xa2, 0x01, byte(0x20-1-alg), 0x04, byteString|byte(len(id))) // #nosec G115 -- a negative integer from -1 to -24: 0x20 | (-1-alg)
	return append(dst, id[:]...)
}

// appendHeaders writes the protected header and the empty unprotected one.
func appendHeaders(dst []byte, alg Algorithm, id KeyID) []byte {
	return append(appendProtected(dst, alg, id), emptyMap)
}

// reader walks an envelope; after the first surprise everything it returns is empty.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.rest) {
		r.failed = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) expect(want ...byte) {
	if !bytes.Equal(r.take(len(want)), want) {
		r.failed = true
	}
}

// headers reads what appendHeaders writes.
func (r *reader) headers() (Algorithm, KeyID) {
	b := r.take(headersSize)
	if r.failed {
		return 0, KeyID{}
	}
	id := KeyID(b[6 : 6+len(KeyID{})])
	for _, alg := range [...]Algorithm{EdDSA, ES256} {
		var want [headersSize]byte
		if bytes.Equal(b, appendHeaders(want[:0], alg, id)) {
			return alg, id
		}
	}
	r.failed = true
	return 0, KeyID{}
}

// bytes reads a byte string with the shortest head.
func (r *reader) bytes() []byte {
	head := r.take(1)
	if r.failed {
		return nil
	}
	n := int(head[0]) - byteString
	least := 0
	switch n {
	case 24:
		n, least = r.length(1), 24
	case 25:
		n, least = r.length(2), math.MaxUint8+1
	case 26:
		n, least = r.length(4), math.MaxUint16+1
	default:
		if n > 24 {
			r.failed = true
		}
	}
	if n < least {
		r.failed = true
	}
	return r.take(n)
}

// length reads a big-endian number of 1, 2 or 4 bytes, at most MaxMessage.
func (r *reader) length(size int) int {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
		if n > MaxMessage {
			r.failed = true
			return 0
		}
	}
	return n
}

// count reads the head of an array of at most most items, below 24.
func (r *reader) count(most int) int {
	head := r.take(1)
	if r.failed || head[0] < array || int(head[0])-array > most {
		r.failed = true
		return 0
	}
	return int(head[0]) - array
}
