package wallet

import (
	"crypto/ed25519"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
)

// DecodeAddress reads any address.
var DecodeAddress = decodeAddress

// Programs are the addresses that are known to be nobody's.
var Programs = programs

// Mixed returns a key with a multiple of the point of order 8 added.
func Mixed(t testing.TB, k ed25519.PrivateKey, times byte) [32]byte {
	t.Helper()
	read := func(b []byte) *curve.EdwardsPoint {
		compressed := curve.CompressedEdwardsY(b)
		p, err := curve.NewEdwardsPoint().SetCompressedY(&compressed)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	sum := read(k[32:])
	eighth := curve.EIGHT_TORSION[1]
	for range times {
		sum.Add(sum, eighth)
	}
	var out curve.CompressedEdwardsY
	out.SetEdwardsPoint(sum)
	return out
}

// OnCurve reports whether 32 bytes are a point, of whatever order.
func OnCurve(b [32]byte) bool {
	compressed := curve.CompressedEdwardsY(b)
	_, err := curve.NewEdwardsPoint().SetCompressedY(&compressed)
	return err == nil
}
