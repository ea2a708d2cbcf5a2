package credential

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/con-ting/conting/sync/trust"
)

// signatureSize is that of both algorithms: Ed25519, and r‖s of ECDSA with P-256.
const signatureSize = 64

// b64 is base64url without padding whose last characters' spare bits are zero.
var b64 = base64.RawURLEncoding.Strict()

// jws is a compact JWS (RFC 7515, section 7.1) taken apart. Nothing of it is
// true before its signature has been verified.
type jws struct {
	text      string
	header    header
	payload   []byte
	signature []byte
}

// header is the whole JOSE header that is allowed. Anything that changes what a
// signature means (crit, b64), brings its own key (jwk, jku, x5c, x5u), or nests
// (cty, enc, zip) is no member of it and is refused.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ,omitempty"`
}

// algorithm says which key the header's algorithm is for.
func (h header) algorithm() (trust.Algorithm, bool) {
	switch h.Algorithm {
	case "EdDSA":
		return trust.EdDSA, true
	case "ES256":
		return trust.ES256, true
	}
	return 0, false
}

// did is the DID that the key id belongs to.
func (h header) did() (DID, bool) {
	did, fragment, ok := strings.Cut(h.KeyID, "#")
	return DID(did), ok && did != "" && fragment != "" && !strings.Contains(fragment, "#")
}

// parseJWS takes apart a compact JWS of at most limit bytes: three parts of
// canonical base64url, an algorithm of the two, and a key id that is a DID URL.
// Errors wrap [ErrMalformed].
func parseJWS(text string, limit int) (*jws, error) {
	if len(text) > limit {
		return nil, fmt.Errorf("%d bytes, the most is %d: %w", len(text), limit, ErrMalformed)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%d parts, a signed JWT has 3: %w", len(parts), ErrMalformed)
	}
	var raw [3][]byte
	for i, p := range parts {
		b, err := decodePart(p)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		raw[i] = b
	}
	j := &jws{text: text, payload: raw[1], signature: raw[2]}
	if err := unmarshal(raw[0], &j.header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if _, ok := j.header.algorithm(); !ok {
		return nil, fmt.Errorf("algorithm %.16q, want EdDSA or ES256: %w", j.header.Algorithm, ErrMalformed)
	}
	if t := j.header.Type; t != "" && t != "JWT" {
		return nil, fmt.Errorf("type %.16q, want JWT: %w", t, ErrMalformed)
	}
	if _, ok := j.header.did(); !ok {
		return nil, fmt.Errorf("key id %.80q is not the URL of a DID's key: %w", j.header.KeyID, ErrMalformed)
	}
	if len(j.signature) != signatureSize {
		return nil, fmt.Errorf("signature of %d bytes, want %d: %w", len(j.signature), signatureSize, ErrMalformed)
	}
	return j, nil
}

// decodePart reads one part. The decoder of the standard library skips line ends,
// so the length is checked as well.
func decodePart(s string) ([]byte, error) {
	b, err := b64.DecodeString(s)
	if err != nil || len(b) == 0 || b64.EncodedLen(len(b)) != len(s) {
		return nil, fmt.Errorf("not base64url: %w", ErrMalformed)
	}
	return b, nil
}

// signJWS makes the compact JWS of payload with the signer's did:key.
func signJWS(s trust.Signer, kid string, payload []byte) (string, error) {
	h, err := marshal(header{Algorithm: s.Public().Algorithm().String(), KeyID: kid})
	if err != nil {
		return "", err
	}
	input := b64.EncodeToString(h) + "." + b64.EncodeToString(payload)
	sig, err := s.Sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + b64.EncodeToString(sig), nil
}
