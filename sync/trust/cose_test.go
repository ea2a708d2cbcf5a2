package trust_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/veraison/go-cose"

	"github.com/con-ting/conting/sync/trust"
)

// Another implementation of COSE reads what we sign, and signs what we read.
func TestAgainstGoCOSE(t *testing.T) {
	for _, c := range []struct {
		alg     cose.Algorithm
		private crypto.Signer
	}{
		{cose.AlgorithmEdDSA, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))},
		{cose.AlgorithmES256, newECDSA(t, 7)},
	} {
		ours, err := trust.NewSigner(c.private)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := cose.NewVerifier(c.alg, c.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		var theirs cose.Sign1Message
		if err := theirs.UnmarshalCBOR(sign1(t, ours, ctx, "from us")); err != nil {
			t.Fatalf("%s: go-cose cannot read ours: %v", c.alg, err)
		}
		if err := theirs.Verify([]byte(ctx), verifier); err != nil || string(theirs.Payload) != "from us" {
			t.Errorf("%s: go-cose says %v of ours, payload %q", c.alg, err, theirs.Payload)
		}
		if err := theirs.Verify(nil, verifier); err == nil {
			t.Errorf("%s: go-cose takes ours without the context", c.alg)
		}

		signer, err := cose.NewSigner(c.alg, c.private)
		if err != nil {
			t.Fatal(err)
		}
		id := ours.Public().ID()
		accepted, refused := 0, 0
		for range 64 { // go-cose does not lower s: about half of its ES256 signatures are high
			msg := cose.NewSign1Message()
			msg.Headers.Protected[cose.HeaderLabelAlgorithm] = c.alg
			msg.Headers.Protected[cose.HeaderLabelKeyID] = id[:]
			msg.Payload = []byte("from them")
			if err := msg.Sign(rand.Reader, []byte(ctx), signer); err != nil {
				t.Fatal(err)
			}
			data, err := msg.MarshalCBOR()
			if err != nil {
				t.Fatal(err)
			}
			m, err := trust.ParseSign1(data)
			if err != nil {
				t.Fatalf("%s: we cannot read go-cose's %x: %v", c.alg, data, err)
			}
			high := c.alg == cose.AlgorithmES256 && highS(msg.Signature)
			if err := m.Verify(ctx, ours.Public()); high != errors.Is(err, trust.ErrBadSignature) || !high && err != nil {
				t.Errorf("%s: we say %v of go-cose's, high s %t", c.alg, err, high)
			}
			if string(m.Payload) != "from them" {
				t.Errorf("%s: payload %q", c.alg, m.Payload)
			}
			if high {
				refused++
			} else {
				accepted++
			}
		}
		if accepted == 0 || (refused == 0) != (c.alg == cose.AlgorithmEdDSA) {
			t.Errorf("%s: %d accepted, %d refused for their high s", c.alg, accepted, refused)
		}
	}
}

// So it does with the trust list's COSE_Sign.
func TestListAgainstGoCOSE(t *testing.T) {
	a, b := newEd25519(t, 1), newES256(t, 2)
	data, err := trust.SignList(someList(t), a, b)
	if err != nil {
		t.Fatal(err)
	}
	var m cose.SignMessage
	if err := m.UnmarshalCBOR(data); err != nil {
		t.Fatalf("go-cose cannot read the list: %v", err)
	}
	var verifiers []cose.Verifier
	for _, s := range m.Signatures {
		kid, ok := s.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
		if !ok {
			t.Fatalf("signature without a key id: %v", s.Headers)
		}
		alg, key := cose.AlgorithmEdDSA, ed25519.NewKeyFromSeed([]byte("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01")).Public()
		if id := b.Public().ID(); string(kid) == string(id[:]) {
			alg, key = cose.AlgorithmES256, newECDSA(t, 2).Public()
		}
		v, err := cose.NewVerifier(alg, key)
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	if len(verifiers) != 2 {
		t.Fatalf("%d signatures, want 2", len(verifiers))
	}
	if err := m.Verify([]byte("conting/trust/v1"), verifiers...); err != nil {
		t.Errorf("go-cose says %v of our list", err)
	}
	if err := m.Verify([]byte("conting/trust/v2"), verifiers...); err == nil {
		t.Error("go-cose takes our list for another context")
	}
}
