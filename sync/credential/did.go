package credential

import (
	"fmt"
	"slices"
	"strings"

	"github.com/con-ting/conting/sync/base58"
	"github.com/con-ting/conting/sync/trust"
)

// DID is a decentralised identifier (W3C DID Core): "did:key:z…", which is its own
// public key, or "did:web:…", whose keys stand in a document.
type DID string

const (
	methodKey = "did:key:"
	methodWeb = "did:web:"
)

// The multicodec prefixes of the two kinds of keys, as unsigned varints.
var (
	codecEd25519 = []byte{0xed, 0x01}
	codecP256    = []byte{0x80, 0x24}
)

// KeyDID returns the did:key of a public key. The error wraps [ErrInvalid].
func KeyDID(k trust.PublicKey) (DID, error) {
	var codec []byte
	switch k.Algorithm() {
	case trust.EdDSA:
		codec = codecEd25519
	case trust.ES256:
		codec = codecP256
	default:
		return "", fmt.Errorf("did:key of %s: %w", k, ErrInvalid)
	}
	return DID(methodKey + "z" + base58.Encode(slices.Concat(codec, k.Bytes()))), nil
}

// Key returns the public key that a did:key is. Only Ed25519 and P-256 keys are
// read, and only in the one encoding that [KeyDID] writes. Errors wrap
// [ErrMalformed].
func (d DID) Key() (trust.PublicKey, error) {
	text, ok := strings.CutPrefix(string(d), methodKey+"z")
	if !ok {
		return trust.PublicKey{}, fmt.Errorf("%.80q is not a did:key in base58: %w", string(d), ErrMalformed)
	}
	// Canonical: what is decoded here encodes to the same text again.
	raw, ok := base58.Decode(text, maxMultikey)
	if !ok {
		return trust.PublicKey{}, fmt.Errorf("did:key %.80q is not base58 of a key: %w", string(d), ErrMalformed)
	}
	k, err := parseMultikey(raw)
	if err != nil {
		return trust.PublicKey{}, fmt.Errorf("did:key %.80q: %w", string(d), err)
	}
	return k, nil
}

// maxMultikey is the length of the longest key with its codec: a P-256 point.
const maxMultikey = 2 + 33

// parseMultikey reads a codec and a key.
func parseMultikey(raw []byte) (trust.PublicKey, error) {
	var alg trust.Algorithm
	switch {
	case len(raw) == 2+32 && slices.Equal(raw[:2], codecEd25519):
		alg = trust.EdDSA
	case len(raw) == 2+33 && slices.Equal(raw[:2], codecP256):
		alg = trust.ES256
	default:
		return trust.PublicKey{}, fmt.Errorf("neither an Ed25519 nor a P-256 key: %w", ErrMalformed)
	}
	k, err := trust.ParsePublicKey(alg, raw[2:])
	if err != nil {
		return trust.PublicKey{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return k, nil
}

// keyID is the id of the one key of a did:key: the DID and its own last part as
// the fragment (did:key, section 2).
func (d DID) keyID() string {
	return string(d) + "#" + strings.TrimPrefix(string(d), methodKey)
}
