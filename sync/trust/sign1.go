package trust

import (
	"fmt"
)

// MaxMessage is the largest signed message that [ParseSign1] reads and [Sign1]
// makes, in bytes.
const MaxMessage = 4 << 20

// MaxContext is the longest context, in bytes.
const MaxContext = 64

// Context separates what signatures are for. It is the external_aad of the
// signature (RFC 9052, section 4.4): signed, never sent. Each package declares
// its own, such as "conting/ticket/v1".
type Context string

// Message is a parsed COSE_Sign1 whose signature has not been verified.
type Message struct {
	KeyID     KeyID
	Algorithm Algorithm
	// Payload aliases the parsed bytes. It says nothing true before Verify.
	Payload []byte

	signature []byte // aliases the parsed bytes
}

// Sign1 returns the tagged COSE_Sign1 (RFC 9052, section 4.2) of payload.
func Sign1(s Signer, ctx Context, payload []byte) ([]byte, error) {
	key := s.Public()
	if key.IsZero() || ctx == "" || len(ctx) > MaxContext {
		return nil, fmt.Errorf("sign for context %q with %s: %w", ctx, key, ErrInvalid)
	}
	if len(payload) > MaxMessage-sign1Overhead {
		return nil, fmt.Errorf("payload of %d bytes: %w", len(payload), ErrTooLarge)
	}
	m := Message{KeyID: key.ID(), Algorithm: key.Algorithm(), Payload: payload}
	sig, err := s.Sign(m.toBeSigned(ctx))
	if err != nil {
		return nil, err
	}
	if len(sig) != signatureSize {
		return nil, fmt.Errorf("signature of %d bytes, want %d: %w", len(sig), signatureSize, ErrInvalid)
	}
	out := make([]byte, 0, len(payload)+sign1Overhead)
	out = append(out, tagSign1, arrayOf4)
	out = appendHeaders(out, m.Algorithm, m.KeyID)
	out = appendBytes(out, payload)
	return appendBytes(out, sig), nil
}

// ParseSign1 reads one COSE_Sign1 of the pinned profile and nothing after it. It
// verifies no signature. Errors wrap [ErrMalformed] or [ErrTooLarge].
func ParseSign1(data []byte) (Message, error) {
	if len(data) > MaxMessage {
		return Message{}, fmt.Errorf("%d bytes, the most is %d: %w", len(data), MaxMessage, ErrTooLarge)
	}
	r := reader{rest: data}
	r.expect(tagSign1, arrayOf4)
	var m Message
	m.Algorithm, m.KeyID = r.headers()
	m.Payload = r.bytes()
	m.signature = r.bytes()
	if r.failed || len(r.rest) != 0 || len(m.signature) != signatureSize {
		return Message{}, fmt.Errorf("%d bytes: %w", len(data), ErrMalformed)
	}
	return m, nil
}

// Verify checks the signature. The error wraps [ErrWrongKey] when the message
// names another key, or [ErrBadSignature].
func (m *Message) Verify(ctx Context, key PublicKey) error {
	if key.Algorithm() != m.Algorithm || key.ID() != m.KeyID {
		return fmt.Errorf("key %s, message says %s: %w", key, m.KeyID, ErrWrongKey)
	}
	if !key.Verify(m.toBeSigned(ctx), m.signature) {
		return fmt.Errorf("key %s, context %s: %w", key, ctx, ErrBadSignature)
	}
	return nil
}

// toBeSigned is the Sig_structure of RFC 9052, section 4.4.
func (m *Message) toBeSigned(ctx Context) []byte {
	const name = "Signature1"
	b := make([]byte, 0, len(name)+len(ctx)+len(m.Payload)+protectedSize+16)
	b = append(b, arrayOf4, textString|byte(len(name)))
	b = append(b, name...)
	b = appendProtected(b, m.Algorithm, m.KeyID)
	b = appendBytes(b, ctx)
	return appendBytes(b, m.Payload)
}
