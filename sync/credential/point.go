package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"slices"

	"github.com/con-ting/conting/sync/trust"
)

// uncompressed is the first byte of an uncompressed point (SEC 1, 2.3.3).
const uncompressed = 4

// p256 reads the two coordinates of a point, which must be on the curve.
func p256(x, y []byte) (trust.PublicKey, bool) {
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{uncompressed}, x, y))
	if err != nil {
		return trust.PublicKey{}, false
	}
	k, err := trust.NewPublicKey(pub)
	return k, err == nil
}

// uncompress returns the uncompressed point of a P-256 key.
func uncompress(k trust.PublicKey) []byte {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), k.Bytes())
	b := make([]byte, 65)
	b[0] = uncompressed
	x.FillBytes(b[1:33])
	y.FillBytes(b[33:])
	return b
}
