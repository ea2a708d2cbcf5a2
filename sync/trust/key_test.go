package trust_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/trust"
)

func TestPublicKey(t *testing.T) {
	for _, k := range []trust.PublicKey{newEd25519(t, 1).Public(), newES256(t, 1).Public(), newES256(t, 2).Public()} {
		same, err := trust.ParsePublicKey(k.Algorithm(), k.Bytes())
		if err != nil || same != k {
			t.Errorf("ParsePublicKey(%s, %x) = %v, %v", k.Algorithm(), k.Bytes(), same, err)
		}
		b, err := canon.Marshal(k)
		var back trust.PublicKey
		if err != nil || canon.UnmarshalExact(b, &back) != nil || back != k {
			t.Errorf("%s as CBOR: %x, %v; back %s", k, b, err, back)
		}
		// The id as its comment defines it.
		sum := sha256.Sum256(append([]byte{byte(int8(k.Algorithm()))}, k.Bytes()...))
		if id := k.ID(); !bytes.Equal(id[:], sum[:8]) {
			t.Errorf("ID of %x = %s, want %x", k.Bytes(), id, sum[:8])
		}
	}
	if one, again, other := newES256(t, 1).Public(), newES256(t, 1).Public(), newES256(t, 2).Public(); one != again || one == other {
		t.Error("keys do not compare as they should")
	}
}

func TestPublicKeyRefuses(t *testing.T) {
	good := newES256(t, 1).Public().Bytes()
	offCurve := bytes.Clone(good)
	for {
		offCurve[32]++
		if x, _ := elliptic.UnmarshalCompressed(elliptic.P256(), offCurve); x == nil {
			break
		}
	}
	field := append([]byte{2}, bytes.Repeat([]byte{255}, 32)...)
	for name, c := range map[string]struct {
		alg trust.Algorithm
		raw []byte
	}{
		"no algorithm":       {0, good},
		"ES384":              {-35, good},
		"short Ed25519":      {trust.EdDSA, good[:31]},
		"P-256 as Ed25519":   {trust.EdDSA, good},
		"short P-256":        {trust.ES256, good[:32]},
		"empty":              {trust.ES256, nil},
		"uncompressed mark":  {trust.ES256, append([]byte{4}, good[1:]...)},
		"not on the curve":   {trust.ES256, offCurve},
		"x beyond the field": {trust.ES256, field},
		"infinity":           {trust.ES256, make([]byte, 33)},
	} {
		if k, err := trust.ParsePublicKey(c.alg, c.raw); !errors.Is(err, trust.ErrInvalid) || !k.IsZero() {
			t.Errorf("%s: ParsePublicKey(%d, %x) = %s, %v, want ErrInvalid", name, c.alg, c.raw, k, err)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, pub := range map[string]any{"P-384": p384.Public(), "RSA": rsaKey.Public(), "nil": nil} {
		if k, err := trust.NewPublicKey(pub); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("NewPublicKey of %s = %s, %v, want ErrInvalid", name, k, err)
		}
	}
	if s, err := trust.NewSigner(p384); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("NewSigner of P-384 = %v, %v, want ErrInvalid", s, err)
	}
	if s, err := trust.NewSigner(nil); !errors.Is(err, trust.ErrInvalid) {
		t.Errorf("NewSigner of nil = %v, %v, want ErrInvalid", s, err)
	}
}

func TestZeroKey(t *testing.T) {
	var k trust.PublicKey
	if k.Verify(nil, make([]byte, 64)) || k.VerifyAnyS(nil, make([]byte, 64)) || k.Bytes() != nil || !k.IsZero() {
		t.Error("the zero key verifies something")
	}
	if b, err := canon.Marshal(k); err == nil {
		t.Errorf("the zero key has an encoding: %x", b)
	}
}

// A key verifies only what it signed, in only its own algorithm.
func TestVerify(t *testing.T) {
	message := []byte("message")
	signers := []trust.Signer{newEd25519(t, 1), newEd25519(t, 2), newES256(t, 1), newES256(t, 2)}
	for i, s := range signers {
		sig, err := s.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		for j, other := range signers {
			if got := other.Public().Verify(message, sig); got != (i == j) {
				t.Errorf("signature of %s by %s: %t", s.Public(), other.Public(), got)
			}
			if other.Public().Algorithm() == trust.ES256 {
				if got := trust.VerifyCompressed([33]byte(other.Public().Bytes()), message, sig); got != (i == j) {
					t.Errorf("signature of %s by the compressed point of %s: %t", s.Public(), other.Public(), got)
				}
			}
		}
		for name, bad := range map[string][]byte{"none": nil, "short": sig[:63], "long": append(bytes.Clone(sig), 0), "zeroes": make([]byte, 64)} {
			if s.Public().Verify(message, bad) {
				t.Errorf("%s verifies a signature: %s", s.Public(), name)
			}
		}
	}
	if trust.VerifyCompressed([33]byte{}, message, make([]byte, 64)) {
		t.Error("no point verifies a signature")
	}
}

func FuzzRawSignature(f *testing.F) {
	key := newECDSA(f, 1)
	pub, err := trust.NewPublicKey(key.Public())
	if err != nil {
		f.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	f.Fuzz(func(t *testing.T, der []byte) {
		raw, err := trust.RawSignature(der)
		valid := ecdsa.VerifyASN1(&key.PublicKey, digest[:], der)
		if err == nil && highS(raw[:]) {
			t.Errorf("RawSignature(%x) has a high s: %x", der, raw)
		}
		if got := err == nil && pub.Verify([]byte("message"), raw[:]); got != valid {
			t.Errorf("signature %x: crypto/ecdsa says %t, RawSignature and Verify %t (%v)", der, valid, got, err)
		}
	})
}
