package ticket

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
)

// ID names a ticket: 16 random bytes, never derived from a person or a seat.
type ID [16]byte

// ParseID reads the 32 hexadecimal digits that [ID.String] writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("ticket id of %d characters, want %d: %w", len(s), 2*len(id), ErrInvalid)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("ticket id: %w: %w", ErrInvalid, err)
	}
	return id, nil
}

// String returns the id as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the id as [ID.String] does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	p, err := ParseID(string(b))
	if err == nil {
		*id = p
	}
	return err
}

// EventID numbers an event within one organiser's central server. Zero is no event.
type EventID uint32

// ParseEventID reads a decimal event number.
func ParseEventID(s string) (EventID, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("event id %q: %w", s, ErrInvalid)
	}
	return EventID(n), nil
}

// String returns the number in decimal.
func (e EventID) String() string { return strconv.FormatUint(uint64(e), 10) }

// DeviceID names a gate, hub or handheld: the common name of its certificate
// and its level in MQTT topics.
type DeviceID string

// MaxDeviceIDLen is the longest device id, in bytes.
const MaxDeviceIDLen = 32

// ParseDeviceID accepts 1 to 32 of a–z, 0–9 and inner hyphens. Nothing that
// MQTT or a file system could read as a separator or a wildcard passes.
func ParseDeviceID(s string) (DeviceID, error) {
	if len(s) == 0 || len(s) > MaxDeviceIDLen || s[0] == '-' || s[len(s)-1] == '-' {
		return "", fmt.Errorf("device id %q: want 1 to %d of a-z, 0-9 and inner hyphens: %w", s, MaxDeviceIDLen, ErrInvalid)
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", fmt.Errorf("device id %q: want 1 to %d of a-z, 0-9 and inner hyphens: %w", s, MaxDeviceIDLen, ErrInvalid)
		}
	}
	return DeviceID(s), nil
}

// HolderKey is a P-256 public key as a compressed point (SEC 1, 2.3.3). Whether
// the point is on the curve is for the verifier to find out.
type HolderKey [33]byte

// ParseHolderKey reads the unpadded base64url that [HolderKey.String] writes.
func ParseHolderKey(s string) (HolderKey, error) {
	var k HolderKey
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The decoder skips line feeds, so the text's length is checked as well.
	if err != nil || len(s) != base64.RawURLEncoding.EncodedLen(len(k)) || len(b) != len(k) || (b[0] != 2 && b[0] != 3) {
		return HolderKey{}, fmt.Errorf("holder key: want a compressed P-256 point in base64url: %w", ErrInvalid)
	}
	copy(k[:], b)
	return k, nil
}

// IsZero reports whether the key is absent.
func (k HolderKey) IsZero() bool { return k == HolderKey{} }

// String returns the key in unpadded base64url.
func (k HolderKey) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }

// MarshalText writes the key as [HolderKey.String] does.
func (k HolderKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *HolderKey) UnmarshalText(b []byte) error {
	p, err := ParseHolderKey(string(b))
	if err == nil {
		*k = p
	}
	return err
}
