package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/con-ting/conting/sync/canon"
)

// Algorithm is a COSE signature algorithm (RFC 9053, section 2).
type Algorithm int64

// The algorithms of the profile. No other is ever accepted.
const (
	EdDSA Algorithm = -8 // Ed25519 (RFC 8032)
	ES256 Algorithm = -7 // ECDSA with P-256 and SHA-256, low S
)

// String returns the algorithm's registered name.
func (a Algorithm) String() string {
	switch a {
	case EdDSA:
		return "EdDSA"
	case ES256:
		return "ES256"
	}
	return fmt.Sprintf("algorithm(%d)", int64(a))
}

// KeyID names a public key: the first 8 bytes of SHA-256(algorithm as one
// two's-complement byte ‖ public key bytes). It selects a key; it proves nothing.
type KeyID [8]byte

// String returns the key id as 16 hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

const (
	ed25519Size      = ed25519.PublicKeySize
	compressedSize   = 33
	uncompressedSize = 65
)

// PublicKey is a verification key of one of the two algorithms. It is comparable
// and immutable; the zero PublicKey verifies nothing.
type PublicKey struct {
	alg Algorithm
	// point is the Ed25519 key and zeroes, or the uncompressed P-256 point, which
	// spares every verification a square root.
	point [uncompressedSize]byte
}

// ParsePublicKey reads the 32 bytes of an Ed25519 key or the 33 bytes of a
// compressed P-256 point (SEC 1, 2.3.3), which must be on the curve. Errors wrap
// [ErrInvalid].
func ParsePublicKey(alg Algorithm, raw []byte) (PublicKey, error) {
	k := PublicKey{alg: alg}
	switch alg {
	case EdDSA:
		if len(raw) != ed25519Size {
			return PublicKey{}, fmt.Errorf("ed25519 key of %d bytes, want %d: %w", len(raw), ed25519Size, ErrInvalid)
		}
		copy(k.point[:], raw)
		return k, nil
	case ES256:
		if len(raw) != compressedSize {
			return PublicKey{}, fmt.Errorf("P-256 key of %d bytes, want %d: %w", len(raw), compressedSize, ErrInvalid)
		}
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw)
		if x == nil {
			return PublicKey{}, fmt.Errorf("P-256 key is not a compressed point: %w", ErrInvalid)
		}
		k.point[0] = 4
		x.FillBytes(k.point[1:33])
		y.FillBytes(k.point[33:])
		return k, nil
	}
	return PublicKey{}, fmt.Errorf("%s: %w", alg, ErrInvalid)
}

// NewPublicKey takes an [ed25519.PublicKey] or a P-256 [*ecdsa.PublicKey]. Errors
// wrap [ErrInvalid].
func NewPublicKey(pub crypto.PublicKey) (PublicKey, error) {
	switch p := pub.(type) {
	case ed25519.PublicKey:
		return ParsePublicKey(EdDSA, p)
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return PublicKey{}, fmt.Errorf("ecdsa key on another curve than P-256: %w", ErrInvalid)
		}
		b, err := p.Bytes()
		if err != nil || len(b) != uncompressedSize {
			return PublicKey{}, fmt.Errorf("P-256 key: %w", ErrInvalid)
		}
		return PublicKey{alg: ES256, point: [uncompressedSize]byte(b)}, nil
	}
	return PublicKey{}, fmt.Errorf("public key of type %T: %w", pub, ErrInvalid)
}

// IsZero reports whether the key was never set.
func (k PublicKey) IsZero() bool { return k.alg == 0 }

// Algorithm returns the algorithm that the key is for, and for no other.
func (k PublicKey) Algorithm() Algorithm { return k.alg }

// Bytes returns what [ParsePublicKey] reads. It is nil for the zero key.
func (k PublicKey) Bytes() []byte {
	var b [compressedSize]byte
	return k.appendBytes(b[:0])
}

func (k PublicKey) appendBytes(dst []byte) []byte {
	switch k.alg {
	case EdDSA:
		return append(dst, k.point[:ed25519Size]...)
	case ES256:
		dst = append(dst, 2|k.point[uncompressedSize-1]&1)
		return append(dst, k.point[1:compressedSize]...)
	}
	return nil
}

// ID returns the key's id.
func (k PublicKey) ID() KeyID {
	var b [1 + compressedSize]byte
	b[0] = byte(k.alg) // #nosec G115 -- the low byte of a small negative number, by definition of KeyID
	sum := sha256.Sum256(k.appendBytes(b[:1]))
	return KeyID(sum[:8])
}

// String returns the algorithm and the key id, for people.
func (k PublicKey) String() string {
	if k.IsZero() {
		return "no key"
	}
	return k.alg.String() + ":" + k.ID().String()
}

// Verify reports whether sig is the key's signature of message: 64 bytes of
// Ed25519, or r‖s of ECDSA over SHA-256 with s in the lower half of the order.
func (k PublicKey) Verify(message, sig []byte) bool {
	switch k.alg {
	case EdDSA:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(k.point[:ed25519Size], message, sig)
	case ES256:
		if len(sig) != rawSize || !lowS(sig) {
			return false
		}
		return k.verifyES256(message, sig)
	}
	return false
}

// verifyES256 checks r‖s whichever half of the order s is in.
func (k PublicKey) verifyES256(message, sig []byte) bool {
	if len(sig) != rawSize {
		return false
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), k.point[:])
	if err != nil {
		return false
	}
	digest := sha256.Sum256(message)
	var der [maxDER]byte
	return ecdsa.VerifyASN1(pub, digest[:], appendDER(der[:0], sig))
}

// wireKey is how a public key stands inside other CBOR.
type wireKey struct {
	_         struct{} `cbor:",toarray"`
	Algorithm Algorithm
	Bytes     []byte
}

// MarshalCBOR writes the key as the array [algorithm, bytes].
func (k PublicKey) MarshalCBOR() ([]byte, error) {
	if k.IsZero() {
		return nil, fmt.Errorf("no public key: %w", ErrInvalid)
	}
	return canon.Marshal(wireKey{Algorithm: k.alg, Bytes: k.Bytes()})
}

// UnmarshalCBOR reads what MarshalCBOR wrote.
func (k *PublicKey) UnmarshalCBOR(data []byte) error {
	var w wireKey
	if err := canon.UnmarshalExact(data, &w); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	parsed, err := ParsePublicKey(w.Algorithm, w.Bytes)
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}
