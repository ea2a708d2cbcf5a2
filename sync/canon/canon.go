// Package canon is the one CBOR profile of every signed object: core
// deterministic encoding (RFC 8949, section 4.2.1) out, and strict decoding in.
//
// It knows no message. Input is not trusted: duplicate and unknown map keys,
// indefinite lengths, tags, floats of non-finite value, invalid UTF-8, deep
// nesting and trailing bytes are refused. Callers bound the size before they
// decode.
package canon

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrNotCanonical is returned for bytes that decode but are not the one
// deterministic encoding of what they say.
var ErrNotCanonical = errors.New("cbor is not deterministically encoded")

// Raw is an undecoded item.
type Raw = cbor.RawMessage

type modes struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// mode holds the two immutable codecs. Building them can only fail for
// contradictory options, which the package's tests would show.
var mode = newModes()

func newModes() modes {
	enc, encErr := cbor.CoreDetEncOptions().EncMode()
	dec, decErr := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		NaN:               cbor.NaNDecodeForbidden,
		Inf:               cbor.InfDecodeForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 17,
		MaxMapPairs:       256,
	}.DecMode()
	if encErr != nil || decErr != nil {
		return modes{}
	}
	return modes{enc: enc, dec: dec}
}

// Marshal returns the deterministic encoding of v.
func Marshal(v any) ([]byte, error) { return mode.enc.Marshal(v) }

// Unmarshal decodes data, which must be one item and nothing after it, into v.
func Unmarshal(data []byte, v any) error { return mode.dec.Unmarshal(data, v) }

// UnmarshalExact is Unmarshal for objects whose bytes must be reproducible: it
// encodes v again and returns [ErrNotCanonical] unless the bytes are the same.
func UnmarshalExact(data []byte, v any) error {
	if err := mode.dec.Unmarshal(data, v); err != nil {
		return err
	}
	again, err := mode.enc.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode again: %w", err)
	}
	if !bytes.Equal(again, data) {
		return ErrNotCanonical
	}
	return nil
}
