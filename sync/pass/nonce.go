package pass

import (
	"fmt"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// Nonce is what a gate shows for a wallet to answer, once. The gate keeps the
// book of which are open.
type Nonce struct {
	Gate   ticket.DeviceID
	Value  [8]byte
	Issued int64 // Unix seconds
}

// wireNonce is the body of a nonce's text.
type wireNonce struct {
	_      struct{} `cbor:",toarray"`
	Gate   string
	Value  [nonceSize]byte
	Issued uint64
}

// Text returns what the gate shows as a QR code, or "" for a nonce that
// [ParseNonce] would not read.
func (n Nonce) Text() string {
	if n.check() != nil {
		return ""
	}
	body, err := canon.Marshal(wireNonce{Gate: string(n.Gate), Value: n.Value, Issued: uint64(n.Issued)}) // #nosec G115 -- checked
	if err != nil {
		return ""
	}
	return text(prefixNonce, body)
}

// ParseNonce reads the text that a gate shows. The error wraps [ErrForeign] for
// another text, or [ErrMalformed].
func ParseNonce(text string) (Nonce, error) {
	if len(text) < prefixLen || text[:prefixLen] != prefixNonce {
		return Nonce{}, fmt.Errorf("not a gate's nonce: %w", ErrForeign)
	}
	if len(text) > MaxText {
		return Nonce{}, fmt.Errorf("nonce of %d characters: %w", len(text), ErrMalformed)
	}
	body, err := decodeBase45(text[prefixLen:])
	if err != nil {
		return Nonce{}, fmt.Errorf("nonce: %w: %w", ErrMalformed, err)
	}
	var w wireNonce
	if err := canon.UnmarshalExact(body, &w); err != nil {
		return Nonce{}, fmt.Errorf("nonce: %w: %w", ErrMalformed, err)
	}
	if w.Issued > maxStart {
		return Nonce{}, fmt.Errorf("nonce with a time out of range: %w", ErrMalformed)
	}
	n := Nonce{Gate: ticket.DeviceID(w.Gate), Value: w.Value, Issued: int64(w.Issued)} // #nosec G115 -- checked
	if err := n.check(); err != nil {
		return Nonce{}, fmt.Errorf("nonce: %w: %w", ErrMalformed, err)
	}
	return n, nil
}

func (n Nonce) check() error {
	if n.Issued < 0 || n.Issued > maxStart {
		return fmt.Errorf("time %d is out of range", n.Issued)
	}
	_, err := ticket.ParseDeviceID(string(n.Gate))
	return err
}
