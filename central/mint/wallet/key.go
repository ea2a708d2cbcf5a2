package wallet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/con-ting/conting/sync/private"
)

// KeyLen is the length of a key, in bytes.
const KeyLen = 32

// Key is what the seed is sealed under. It lies in a file of 64 hexadecimal digits
// that only its owner may read.
type Key [KeyLen]byte

// String hides the key from logs.
func (Key) String() string { return "wallet key" }

// GoString hides the key from logs.
func (Key) GoString() string { return "wallet key" }

// NewKey makes a key from random bytes.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, fmt.Errorf("make wallet key: %w", err)
	}
	return k, nil
}

// Encode returns what a key file holds.
func (k *Key) Encode() []byte { return append(hex.AppendEncode(nil, k[:]), '\n') }

// ReadKey reads a key file. The error wraps [ErrKey] or is one of package private's.
func ReadKey(name string) (Key, error) {
	b, err := private.Read(name)
	if err != nil {
		return Key{}, fmt.Errorf("wallet key: %w", err)
	}
	defer clear(b)
	k, err := DecodeKey(b)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w: want 64 hexadecimal digits", name, err)
	}
	return k, nil
}

// DecodeKey reads what [Key.Encode] made, with or without the line feed. The error
// is [ErrKey], also for a key of zeros, which is nobody's.
func DecodeKey(b []byte) (Key, error) {
	var k Key
	if len(b) == 2*KeyLen+1 && b[2*KeyLen] == '\n' {
		b = b[:2*KeyLen]
	}
	if len(b) != 2*KeyLen {
		return Key{}, ErrKey
	}
	if _, err := hex.Decode(k[:], b); err != nil || k == (Key{}) {
		return Key{}, ErrKey
	}
	return k, nil
}

// id names a key without telling anything of it.
func (k *Key) id() [keyIDLen]byte {
	sum := sha256.Sum256(append([]byte(keyIDLabel), k[:]...))
	return [keyIDLen]byte(sum[:])
}
