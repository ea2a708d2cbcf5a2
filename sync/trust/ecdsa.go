package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
)

const (
	rawSize    = 64 // r‖s, 32 bytes each
	scalarSize = 32
	maxDER     = 72 // two 33-byte integers with their heads, and the sequence's
)

// order is n, the order of the P-256 base point, and halfOrder is (n−1)/2
// (SEC 2, 2.4.2).
var (
	order = [scalarSize]byte{
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
	}
	halfOrder = [scalarSize]byte{
		0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
	}
)

// lowS reports whether the s of r‖s is in the lower half of the order.
func lowS(raw []byte) bool { return bytes.Compare(raw[scalarSize:rawSize], halfOrder[:]) <= 0 }

// RawSignature turns the DER form of an ECDSA P-256 signature (RFC 3279, section
// 2.2.3), as authenticators and [crypto.Signer] return it, into r‖s with s in the
// lower half of the order. The DER must be the one distinguished encoding and
// both numbers in 1…n−1. Errors wrap [ErrMalformed].
func RawSignature(der []byte) ([rawSize]byte, error) {
	var raw [rawSize]byte
	if len(der) < 2 || len(der) > maxDER || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return raw, fmt.Errorf("ecdsa signature of %d bytes is not a DER sequence: %w", len(der), ErrMalformed)
	}
	rest, ok := readScalar(der[2:], raw[:scalarSize])
	if ok {
		rest, ok = readScalar(rest, raw[scalarSize:])
	}
	if !ok || len(rest) != 0 {
		return [rawSize]byte{}, fmt.Errorf("ecdsa signature is not two DER integers from 1 to n-1: %w", ErrMalformed)
	}
	if !lowS(raw[:]) {
		negate(raw[scalarSize:])
	}
	return raw, nil
}

// readScalar reads one minimal DER INTEGER in 1…n−1 into dst, 32 bytes, and
// returns what follows it.
func readScalar(der, dst []byte) (rest []byte, ok bool) {
	if len(der) < 3 || der[0] != 0x02 || int(der[1]) > len(der)-2 || der[1] == 0 {
		return nil, false
	}
	n, rest := der[2:2+int(der[1])], der[2+int(der[1]):]
	switch {
	case n[0]&0x80 != 0:
		return nil, false // negative
	case n[0] == 0 && (len(n) == 1 || n[1]&0x80 == 0):
		return nil, false // zero, or not minimal
	case n[0] == 0:
		n = n[1:]
	}
	if len(n) > scalarSize {
		return nil, false
	}
	copy(dst[scalarSize-len(n):], n)
	return rest, bytes.Compare(dst, order[:]) < 0
}

// negate replaces s, which is in 1…n−1, by n−s.
func negate(s []byte) {
	borrow := 0
	for i := scalarSize - 1; i >= 0; i-- {
		d := int(order[i]) - int(s[i]) - borrow
		borrow = 0
		if d < 0 {
			d += 256
			borrow = 1
		}
		s[i] = byte(d) // #nosec G115 -- 0…255 by construction
	}
}

// appendDER writes r‖s, 64 bytes, as the DER sequence that crypto/ecdsa takes.
func appendDER(dst, raw []byte) []byte {
	head := len(dst)
	dst = append(dst, 0x30, 0)
	for _, v := range [2][]byte{raw[:scalarSize], raw[scalarSize:rawSize]} {
		for len(v) > 1 && v[0] == 0 {
			v = v[1:]
		}
		if v[0]&0x80 != 0 {
			dst = append(dst, 2, byte(len(v)+1), 0) // #nosec G115 -- at most 33
		} else {
			dst = append(dst, 2, byte(len(v))) // #nosec G115 -- at most 32
		}
		dst = append(dst, v...)
	}
	dst[head+1] = byte(len(dst) - head - 2) // #nosec G115 -- at most 70
	return dst
}

// VerifyCompressed reports whether sig is the ES256 signature, r‖s with low s, of
// message by the P-256 key at a compressed point (SEC 1, 2.3.3). It answers as
// [PublicKey.Verify] does, for a key that is met once: it reads the point on the
// way and spares a third of the allocations.
func VerifyCompressed(point [compressedSize]byte, message, sig []byte) bool {
	if len(sig) != rawSize || !lowS(sig) {
		return false
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), point[:])
	if x == nil {
		return false
	}
	//nolint:staticcheck // the coordinates were checked a line above, and crypto/ecdsa checks them again
	pub := ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}
	digest := sha256.Sum256(message)
	var der [maxDER]byte
	return ecdsa.VerifyASN1(&pub, digest[:], appendDER(der[:0], sig))
}
