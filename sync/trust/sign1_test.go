package trust_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/trust"
)

func TestSign1(t *testing.T) {
	for name, s := range map[string]trust.Signer{"EdDSA": newEd25519(t, 1), "ES256": newES256(t, 1)} {
		for _, size := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, trust.MaxMessage / 2} {
			payload := bytes.Repeat([]byte{0xa5}, size)
			data, err := trust.Sign1(s, ctx, payload)
			if err != nil {
				t.Fatal(err)
			}
			m, err := trust.ParseSign1(data)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
			if m.KeyID != s.Public().ID() || m.Algorithm.String() != name || !bytes.Equal(m.Payload, payload) {
				t.Errorf("%s, %d bytes: message of key %s, %s, %d bytes", name, size, m.KeyID, m.Algorithm, len(m.Payload))
			}
			if err := m.Verify(ctx, s.Public()); err != nil {
				t.Errorf("%s, %d bytes: Verify: %v", name, size, err)
			}
			again, err := trust.Sign1(s, ctx, payload)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s, %d bytes: signing again gives other bytes, %v", name, size, err)
			}
		}
	}
}

func TestSign1Limits(t *testing.T) {
	s := newEd25519(t, 1)
	fits := 0
	for size := trust.MaxMessage - 100; size <= trust.MaxMessage; size++ {
		data, err := trust.Sign1(s, ctx, make([]byte, size))
		switch {
		case err == nil:
			fits++
			if _, err := trust.ParseSign1(data); err != nil {
				t.Fatalf("payload of %d bytes is signed, but not read: %v", size, err)
			}
		case !errors.Is(err, trust.ErrTooLarge):
			t.Fatalf("payload of %d bytes: %v, want ErrTooLarge", size, err)
		}
	}
	if fits == 0 {
		t.Error("no payload near the limit fits")
	}
	if _, err := trust.ParseSign1(make([]byte, trust.MaxMessage+1)); !errors.Is(err, trust.ErrTooLarge) {
		t.Errorf("ParseSign1 of more than MaxMessage = %v, want ErrTooLarge", err)
	}
	for _, c := range []trust.Context{"", trust.Context(strings.Repeat("x", trust.MaxContext+1))} {
		if _, err := trust.Sign1(s, c, nil); !errors.Is(err, trust.ErrInvalid) {
			t.Errorf("Sign1 for context %q = %v, want ErrInvalid", c, err)
		}
	}
}

func TestMessageVerify(t *testing.T) {
	a, b, c := newEd25519(t, 1), newEd25519(t, 2), newES256(t, 1)
	m, err := trust.ParseSign1(sign1(t, a, ctx, "payload"))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		ctx  trust.Context
		key  trust.PublicKey
		want error
	}{
		"right":           {ctx, a.Public(), nil},
		"another context": {"conting/test/v2", a.Public(), trust.ErrBadSignature},
		"longer context":  {ctx + "x", a.Public(), trust.ErrBadSignature},
		"no context":      {"", a.Public(), trust.ErrBadSignature},
		"another key":     {ctx, b.Public(), trust.ErrWrongKey},
		"another kind":    {ctx, c.Public(), trust.ErrWrongKey},
		"no key":          {ctx, trust.PublicKey{}, trust.ErrWrongKey},
	} {
		if err := m.Verify(x.ctx, x.key); !errors.Is(err, x.want) || (err == nil) != (x.want == nil) {
			t.Errorf("%s: Verify = %v, want %v", name, err, x.want)
		}
	}
}

// No bit is free, and nothing can be cut off or put on.
func TestSign1EveryBit(t *testing.T) {
	for name, s := range map[string]trust.Signer{"EdDSA": newEd25519(t, 1), "ES256": newES256(t, 1)} {
		good := sign1(t, s, ctx, "a payload of more than twenty-four bytes")
		accepted := func(data []byte) bool {
			m, err := trust.ParseSign1(data)
			return err == nil && m.Verify(ctx, s.Public()) == nil
		}
		if !accepted(good) {
			t.Fatalf("%s: the message itself is refused", name)
		}
		for i := range good {
			for bit := range 8 {
				bad := bytes.Clone(good)
				bad[i] ^= 1 << bit
				if accepted(bad) {
					t.Errorf("%s: accepted with bit %d of byte %d flipped", name, bit, i)
				}
			}
			if accepted(good[:i]) {
				t.Errorf("%s: accepted when cut to %d bytes", name, i)
			}
		}
		for b := range 256 {
			if accepted(append(bytes.Clone(good), byte(b))) {
				t.Errorf("%s: accepted with byte %d after it", name, b)
			}
		}
	}
}

// Other encodings of the same message, and other profiles of COSE, are refused.
func TestParseSign1Refuses(t *testing.T) {
	s := newEd25519(t, 1)
	good := sign1(t, s, ctx, "0123456789") // d2 84 4d a2 01 27 04 48 <kid> a0 4a <10> 58 40 <64>
	kid := s.Public().ID()
	sig := good[len(good)-64:]
	build := func(parts ...any) []byte {
		var b []byte
		for _, p := range parts {
			switch p := p.(type) {
			case int:
				b = append(b, byte(p))
			case string:
				b = append(b, p...)
			case []byte:
				b = append(b, p...)
			case trust.KeyID:
				b = append(b, p[:]...)
			}
		}
		return b
	}
	head := build(0x4d, 0xa2, 1, 0x27, 4, 0x48, kid)
	if same := build(0xd2, 0x84, head, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig); !bytes.Equal(same, good) {
		t.Fatalf("the layout is\n%x, this test thinks\n%x", good, same)
	}
	for name, data := range map[string][]byte{
		"empty":                    {},
		"no tag":                   good[1:],
		"tag 98":                   build(0xd8, 98, good[1:]),
		"tag 17":                   build(0xd1, good[1:]),
		"tag 18, longer":           build(0xd8, 18, good[1:]),
		"tagged twice":             build(0xd2, good),
		"tag 55799 before":         build(0xd9, 0xd9, 0xf7, good),
		"array of 3":               build(0xd2, 0x83, head, 0xa0, 0x4a, "0123456789"),
		"array of 5":               build(0xd2, 0x85, good[2:], 0),
		"indefinite array":         build(0xd2, 0x9f, good[2:], 0xff),
		"longer array head":        build(0xd2, 0x98, 4, good[2:]),
		"no protected header":      build(0xd2, 0x84, 0x40, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"protected header, no kid": build(0xd2, 0x84, 0x43, 0xa1, 1, 0x27, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"kid unprotected":          build(0xd2, 0x84, 0x43, 0xa1, 1, 0x27, 0xa1, 4, 0x48, kid, 0x4a, "0123456789", 0x58, 0x40, sig),
		"kid twice":                build(0xd2, 0x84, head, 0xa1, 4, 0x48, kid, 0x4a, "0123456789", 0x58, 0x40, sig),
		"kid of 7 bytes":           build(0xd2, 0x84, 0x4c, 0xa2, 1, 0x27, 4, 0x47, kid[1:], 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"kid as text":              build(0xd2, 0x84, 0x4d, 0xa2, 1, 0x27, 4, 0x68, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"headers in another order": build(0xd2, 0x84, 0x4d, 0xa2, 4, 0x48, kid, 1, 0x27, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"one header more":          build(0xd2, 0x84, 0x4f, 0xa3, 1, 0x27, 3, 0, 4, 0x48, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"algorithm none":           build(0xd2, 0x84, 0x4d, 0xa2, 1, 0x00, 4, 0x48, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"algorithm HS256":          build(0xd2, 0x84, 0x4d, 0xa2, 1, 0x05, 4, 0x48, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"algorithm ES384":          build(0xd2, 0x84, 0x4e, 0xa2, 1, 0x38, 0x22, 4, 0x48, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"algorithm, longer":        build(0xd2, 0x84, 0x4e, 0xa2, 1, 0x38, 0x07, 4, 0x48, kid, 0xa0, 0x4a, "0123456789", 0x58, 0x40, sig),
		"unprotected null":         build(0xd2, 0x84, head, 0xf6, 0x4a, "0123456789", 0x58, 0x40, sig),
		"payload null":             build(0xd2, 0x84, head, 0xa0, 0xf6, 0x58, 0x40, sig),
		"payload as text":          build(0xd2, 0x84, head, 0xa0, 0x6a, "0123456789", 0x58, 0x40, sig),
		"payload head, longer":     build(0xd2, 0x84, head, 0xa0, 0x58, 10, "0123456789", 0x58, 0x40, sig),
		"payload head, much":       build(0xd2, 0x84, head, 0xa0, 0x59, 0, 10, "0123456789", 0x58, 0x40, sig),
		"payload head of 4":        build(0xd2, 0x84, head, 0xa0, 0x5a, 0, 0, 0, 10, "0123456789", 0x58, 0x40, sig),
		"payload head of 8":        build(0xd2, 0x84, head, 0xa0, 0x5b, 0, 0, 0, 0, 0, 0, 0, 10, "0123456789", 0x58, 0x40, sig),
		"payload in pieces":        build(0xd2, 0x84, head, 0xa0, 0x5f, 0x4a, "0123456789", 0xff, 0x58, 0x40, sig),
		"payload longer than all":  build(0xd2, 0x84, head, 0xa0, 0x5a, 0xff, 0xff, 0xff, 0xff, "0123456789", 0x58, 0x40, sig),
		"signature of 63":          build(0xd2, 0x84, head, 0xa0, 0x4a, "0123456789", 0x58, 0x3f, sig[1:]),
		"signature of 65":          build(0xd2, 0x84, head, 0xa0, 0x4a, "0123456789", 0x58, 0x41, sig, 0),
		"no signature":             build(0xd2, 0x84, head, 0xa0, 0x4a, "0123456789", 0x40),
		"twice":                    build(good, good),
	} {
		if m, err := trust.ParseSign1(data); !errors.Is(err, trust.ErrMalformed) {
			t.Errorf("%s: ParseSign1(%x) = %+v, %v, want ErrMalformed", name, data, m, err)
		}
	}
}

// badSigner breaks its promise in one way.
type badSigner struct {
	trust.Signer
	sign func([]byte) ([]byte, error)
}

func (s badSigner) Sign(m []byte) ([]byte, error) { return s.sign(m) }

type zeroSigner struct{}

func (zeroSigner) Public() trust.PublicKey     { return trust.PublicKey{} }
func (zeroSigner) Sign([]byte) ([]byte, error) { return make([]byte, 64), nil }

func TestSign1BadSigner(t *testing.T) {
	good := newEd25519(t, 1)
	for name, s := range map[string]trust.Signer{
		"no key":          zeroSigner{},
		"error":           badSigner{good, func([]byte) ([]byte, error) { return nil, io.ErrUnexpectedEOF }},
		"short signature": badSigner{good, func([]byte) ([]byte, error) { return make([]byte, 63), nil }},
	} {
		if data, err := trust.Sign1(s, ctx, nil); err == nil {
			t.Errorf("%s: Sign1 = %x, want an error", name, data)
		}
	}
}

// device is a crypto.Signer that is not one of the standard library's keys, as a
// TPM's is.
type device struct {
	crypto.Signer
	signWith crypto.Signer
}

func (d device) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return d.signWith.Sign(r, digest, o)
}

func TestSignerOfDevice(t *testing.T) {
	key := newECDSA(t, 1)
	s, err := trust.NewSigner(device{key, key})
	if err != nil {
		t.Fatal(err)
	}
	for range 32 { // random signatures: both halves of the order come up
		m, err := trust.ParseSign1(sign1(t, s, ctx, "payload"))
		if err != nil || m.Verify(ctx, s.Public()) != nil {
			t.Fatalf("signed by a device: %v, %v", err, m.Verify(ctx, s.Public()))
		}
	}
	wrong, err := trust.NewSigner(device{key, newECDSA(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := trust.Sign1(wrong, ctx, nil); err == nil {
		t.Errorf("a device that signs with another key: %x", data)
	}
	ed, err := trust.NewSigner(device{ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(make([]byte, 32))})
	if err != nil {
		t.Fatal(err)
	}
	m, err := trust.ParseSign1(sign1(t, ed, ctx, "payload"))
	if err != nil || m.Verify(ctx, ed.Public()) != nil {
		t.Errorf("signed by an Ed25519 device: %v", err)
	}
}
