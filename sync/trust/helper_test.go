package trust_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/trust"
)

// someTime is now in these tests.
var someTime = time.Date(2026, 9, 12, 17, 0, 0, 0, time.UTC)

const ctx trust.Context = "conting/test/v1"

// newEd25519 and newES256 derive signers from one byte.
func newEd25519(t testing.TB, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newECDSA(t testing.TB, seed byte) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newES256(t testing.TB, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(newECDSA(t, seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// someKey is a key that nobody signs with.
func someKey(t testing.TB) trust.PublicKey { return newEd25519(t, 99).Public() }

func sign1(t testing.TB, s trust.Signer, ctx trust.Context, payload string) []byte {
	t.Helper()
	b, err := trust.Sign1(s, ctx, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
