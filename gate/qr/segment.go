package qr

import (
	"errors"
	"fmt"
)

// errSegment is a bit stream that is not what ISO/IEC 18004 section 7.4 describes, or that uses a
// mode we do not read.
var errSegment = errors.New("malformed segment")

// Mode indicators of ISO/IEC 18004 table 2.
const (
	modeEnd          = 0
	modeNumeric      = 1
	modeAlphanumeric = 2
	modeAppend       = 3 // one part of a structured append: its header is skipped
	modeByte         = 4
	modeFNC1First    = 5
	modeECI          = 7
	modeKanji        = 8
	modeFNC1Second   = 9
)

// alphanumeric are the characters of that mode by value, ISO/IEC 18004 table 5.
const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// parseSegments reads the text out of the corrected data codewords of a symbol of the given
// version, byte for byte: no character set is guessed or converted. Kanji come out as the
// Shift JIS bytes they stand for. If padded, what follows the end has to be what the standard fills
// a symbol up with.
func parseSegments(data []byte, version int, padded bool) (string, error) {
	b := bitReader{data: data}
	var out []byte
	for b.err == nil && b.left() >= 4 {
		mode := b.take(4)
		switch mode {
		case modeEnd:
			if padded {
				b.padding()
			}
			if b.err != nil {
				return "", b.err
			}
			return string(out), nil
		case modeAppend:
			b.take(16)
			continue
		case modeECI:
			skipDesignator(&b)
			continue
		case modeFNC1First:
			continue
		case modeFNC1Second:
			b.take(8)
			continue
		}
		bits, ok := countBits(mode, version)
		if !ok {
			return "", fmt.Errorf("%w: mode %d", errSegment, mode)
		}
		count := b.take(bits)
		switch mode {
		case modeNumeric:
			out = b.numeric(out, count)
		case modeAlphanumeric:
			out = b.alphanumeric(out, count)
		case modeByte:
			out = b.bytes(out, count)
		case modeKanji:
			out = b.kanji(out, count)
		}
	}
	if b.err != nil {
		return "", b.err
	}
	return string(out), nil
}

// countBits is the width of a character count, ISO/IEC 18004 table 3.
func countBits(mode, version int) (int, bool) {
	size := 0 // versions 1–9, 10–26, 27–40
	if version > 9 {
		size++
	}
	if version > 26 {
		size++
	}
	switch mode {
	case modeNumeric:
		return [3]int{10, 12, 14}[size], true
	case modeAlphanumeric:
		return [3]int{9, 11, 13}[size], true
	case modeByte:
		return [3]int{8, 16, 16}[size], true
	case modeKanji:
		return [3]int{8, 10, 12}[size], true
	}
	return 0, false
}

// skipDesignator passes over the number of a character set, one to three bytes.
func skipDesignator(b *bitReader) {
	switch first := b.take(8); {
	case first&0x80 == 0:
	case first&0x40 == 0:
		b.take(8)
	case first&0x20 == 0:
		b.take(16)
	default:
		b.fail("ECI designator %#x", first)
	}
}

// bitReader takes numbers out of a bit stream, highest bit first. After its first error every
// number is 0 and err stays.
type bitReader struct {
	data []byte
	at   int // bits already taken
	err  error
}

func (b *bitReader) left() int { return len(b.data)*8 - b.at }

func (b *bitReader) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: "+format, append([]any{errSegment}, args...)...)
	}
}

// take returns the next n bits, n ≤ 16.
func (b *bitReader) take(n int) int {
	if b.err != nil {
		return 0
	}
	if n > b.left() {
		b.fail("wants %d bits of %d", n, b.left())
		return 0
	}
	v := 0
	for range n {
		v = v<<1 | int(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

// padding checks what stands after the end: zeros up to a whole byte, then two bytes in turn
// (ISO/IEC 18004, 7.4.10).
func (b *bitReader) padding() {
	if b.take((8-b.at%8)%8) != 0 {
		b.fail("something after the end")
	}
	for want := 0xEC; b.err == nil && b.left() >= 8; want ^= 0xEC ^ 0x11 {
		if got := b.take(8); got != want {
			b.fail("%#x after the end", got)
		}
	}
}

func (b *bitReader) numeric(out []byte, count int) []byte {
	for count > 0 && b.err == nil {
		digits := min(count, 3)
		v, limit := b.take(1+3*digits), [4]int{1, 10, 100, 1000}[digits]
		if v >= limit {
			b.fail("%d in %d digits", v, digits)
			return out
		}
		for limit > 1 {
			limit /= 10
			out = append(out, alphanumeric[v/limit%10])
		}
		count -= digits
	}
	return out
}

func (b *bitReader) alphanumeric(out []byte, count int) []byte {
	for ; count > 1 && b.err == nil; count -= 2 {
		v := b.take(11)
		if v >= len(alphanumeric)*len(alphanumeric) {
			b.fail("character pair %d", v)
			return out
		}
		out = append(out, alphanumeric[v/len(alphanumeric)], alphanumeric[v%len(alphanumeric)])
	}
	if count == 1 {
		v := b.take(6)
		if v >= len(alphanumeric) {
			b.fail("character %d", v)
			return out
		}
		out = append(out, alphanumeric[v])
	}
	return out
}

func (b *bitReader) bytes(out []byte, count int) []byte {
	if count*8 > b.left() {
		b.fail("wants %d bytes of %d bits", count, b.left())
		return out
	}
	for range count {
		out = append(out, byte(b.take(8))) //nolint:gosec // eight bits are a byte
	}
	return out
}

func (b *bitReader) kanji(out []byte, count int) []byte {
	if count*13 > b.left() {
		b.fail("wants %d kanji of %d bits", count, b.left())
		return out
	}
	for range count {
		v := b.take(13)
		c := v/0xC0<<8 | v%0xC0
		if c < 0x1F00 {
			c += 0x8140
		} else {
			c += 0xC140
		}
		out = append(out, byte(c>>8), byte(c)) //nolint:gosec // the two bytes of a 16-bit number
	}
	return out
}
