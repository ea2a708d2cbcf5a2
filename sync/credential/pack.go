package credential

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// The sizes of a packed presentation, in bytes.
const (
	MaxPacked   = 2 << 10  // packed
	maxInflated = 16 << 10 // of what was deflated
)

// packedVersion is the first byte of a packed presentation.
const packedVersion = 1

// Pack writes a presentation as few bytes for a code in parts. A JWT says
// everything in base64url, and a presentation its credentials in base64url twice;
// packed, all of it stands once and as it is, so that it can be compressed:
//
//	byte 0           1, the version of this format
//	byte 1           n, how many credentials were lifted out of the payload (0 to 4)
//	64·(n+1) bytes   the signatures: that of the presentation, then those of the
//	                 credentials in the order that they stand in
//	the rest         a raw DEFLATE stream (RFC 1951) that ends with the last byte, of
//	                   segment   the presentation's header
//	                   segment   its payload without the credentials
//	                   n times:
//	                     2 bytes   where in that payload the credential stood: the
//	                               count of bytes of the segment before it
//	                     segment   the credential's header
//	                     segment   its payload
//	                 where a segment is its length in 2 bytes and as many bytes, and
//	                 all numbers are big-endian.
//
// Headers and payloads are the bytes that base64url decodes to. A credential is
// lifted out when it stands in the payload as a JSON string of three parts of
// canonical base64url, the third of 64 bytes, between plain quotation marks; the
// marks stay. Places do not decrease; in each, credentials are put back before
// what follows. Whatever was not lifted stays in the payload: that it is not small
// is the only harm.
//
// [Unpack] gives exactly the same text. Nothing is verified by either. The error
// wraps [ErrMalformed]: vp is not a compact JWS, or is too large.
func Pack(vp string) ([]byte, error) {
	if len(vp) > MaxPresentation {
		return nil, fmt.Errorf("pack %d bytes, the most is %d: %w", len(vp), MaxPresentation, ErrMalformed)
	}
	p, ok := takeApart(vp)
	if !ok {
		return nil, fmt.Errorf("pack: not a compact JWS with a signature of %d bytes: %w", signatureSize, ErrMalformed)
	}
	rest, lifted := lift(p.payload)
	out := []byte{packedVersion, byte(len(lifted))} // #nosec G115 -- at most MaxShown
	out = append(out, p.signature...)
	plain := appendSegment(appendSegment(nil, p.header), rest)
	for _, l := range lifted {
		out = append(out, l.signature...)
		plain = binary.BigEndian.AppendUint16(plain, l.place)
		plain = appendSegment(appendSegment(plain, l.header), l.payload)
	}
	deflated, err := deflate(plain)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	out = append(out, deflated...)
	if len(out) > MaxPacked || len(plain) > maxInflated {
		return nil, fmt.Errorf("packed to %d bytes, the most is %d: %w", len(out), MaxPacked, ErrMalformed)
	}
	return out, nil
}

// segments are the three parts of a compact JWS, decoded.
type segments struct {
	header, payload, signature []byte
}

func (s segments) String() string {
	return b64.EncodeToString(s.header) + "." + b64.EncodeToString(s.payload) + "." + b64.EncodeToString(s.signature)
}

// takeApart decodes a compact JWS if it can be put together again.
func takeApart(text string) (segments, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return segments{}, false
	}
	var raw [3][]byte
	for i, p := range parts {
		b, err := decodePart(p)
		if err != nil {
			return segments{}, false
		}
		raw[i] = b
	}
	return segments{raw[0], raw[1], raw[2]}, len(raw[2]) == signatureSize
}

// lifted is a credential and its place in what is left of the payload.
type lifted struct {
	segments
	place uint16
}

// lift takes the credentials out of a payload.
func lift(payload []byte) (rest []byte, out []lifted) {
	for {
		open := bytes.IndexByte(payload, '"')
		if open < 0 || len(out) == MaxShown {
			return append(rest, payload...), out
		}
		rest, payload = append(rest, payload[:open+1]...), payload[open+1:]
		end := bytes.IndexByte(payload, '"')
		if end < 0 {
			continue
		}
		if s, ok := takeApart(string(payload[:end])); ok {
			out = append(out, lifted{segments: s, place: uint16(len(rest))}) // #nosec G115 -- within MaxPresentation
			rest, payload = append(rest, '"'), payload[end+1:]
		}
	}
}

// Unpack reads what [Pack] wrote. At most 16 KiB are inflated. The error wraps
// [ErrMalformed].
func Unpack(data []byte) (string, error) {
	if len(data) > MaxPacked || len(data) < 2 || data[0] != packedVersion || data[1] > MaxShown {
		return "", fmt.Errorf("unpack %d bytes: not a packed presentation: %w", len(data), ErrMalformed)
	}
	n := int(data[1])
	signatures, deflated := data[2:], []byte(nil)
	if len(signatures) < signatureSize*(n+1) {
		return "", fmt.Errorf("unpack: %d bytes are too few: %w", len(data), ErrMalformed)
	}
	signatures, deflated = signatures[:signatureSize*(n+1)], signatures[signatureSize*(n+1):]
	plain, err := inflate(deflated)
	if err != nil {
		return "", fmt.Errorf("unpack: %w: %w", ErrMalformed, err)
	}
	r := segmentReader{rest: plain}
	vp := segments{header: r.segment(), signature: signatures[:signatureSize]}
	payload := r.segment()
	from := 0
	for i := range n {
		place := r.number()
		s := segments{header: r.segment(), payload: r.segment(), signature: signatures[signatureSize*(i+1) : signatureSize*(i+2)]}
		if r.failed || place < from || place > len(payload) {
			r.failed = true
			break
		}
		vp.payload = append(vp.payload, payload[from:place]...)
		vp.payload = append(vp.payload, s.String()...)
		from = place
	}
	if r.failed || len(r.rest) != 0 {
		return "", fmt.Errorf("unpack: segments do not add up: %w", ErrMalformed)
	}
	vp.payload = append(vp.payload, payload[from:]...)
	text := vp.String()
	if len(text) > MaxPresentation {
		return "", fmt.Errorf("unpacked to %d bytes, the most is %d: %w", len(text), MaxPresentation, ErrMalformed)
	}
	return text, nil
}

func appendSegment(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b))) // #nosec G115 -- within MaxPresentation
	return append(dst, b...)
}

// segmentReader takes segments from the front of rest. After a failure it yields
// nothing.
type segmentReader struct {
	rest   []byte
	failed bool
}

func (r *segmentReader) take(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *segmentReader) number() int {
	b := r.take(2)
	if r.failed {
		return 0
	}
	return int(binary.BigEndian.Uint16(b))
}

func (r *segmentReader) segment() []byte { return r.take(r.number()) }

func deflate(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// inflate reads a stream that ends exactly where deflated does.
func inflate(deflated []byte) ([]byte, error) {
	source := bytes.NewReader(deflated)
	z := flate.NewReader(source)
	plain, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > maxInflated || source.Len() != 0 {
		return nil, fmt.Errorf("inflates to %d bytes with %d left over", len(plain), source.Len())
	}
	return plain, nil
}
