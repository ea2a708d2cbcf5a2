package account

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// NewPasskey is what navigator.credentials.create returned for a challenge.
type NewPasskey struct {
	CredentialID      []byte
	AttestationObject []byte
	ClientDataJSON    []byte
	Transports        []string // of AuthenticatorTransport; unknown ones are dropped
}

// Limits of a registration, in bytes.
const (
	MaxAttestation  = 4 << 10
	minCredentialID = 16
	maxCredentialID = 1023 // WebAuthn Level 3, section 7.1, step 24
)

// The flags of authenticator data (WebAuthn Level 3, section 6.1).
const (
	flagUserPresent    = 1 << 0
	flagUserVerified   = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackedUp       = 1 << 4
	flagAttested       = 1 << 6
	flagExtensions     = 1 << 7

	flagsWanted = flagUserPresent | flagUserVerified | flagAttested
	flagsKnown  = flagsWanted | flagBackupEligible | flagBackedUp | flagExtensions
)

// Offsets in authenticator data with attested credential data (sections 6.1, 6.5.1).
const (
	atFlags    = sha256.Size
	atCounter  = atFlags + 1
	atAAGUID   = atCounter + 4
	atIDLength = atAAGUID + 16
	atID       = atIDLength + 2
)

// attested is what a registration says.
type attested struct {
	flags   uint8
	counter uint32
	id      []byte
	key     ticket.HolderKey
}

// parseAttestation reads an attestation object (section 6.5) of format "none"
// whose authenticator data is of the relying party. Nothing in it is signed.
func parseAttestation(data []byte, rpID string) (attested, error) {
	bad := func(what string) (attested, error) { return attested{}, fmt.Errorf("%s: %w", what, ErrPasskey) }
	if len(data) == 0 || len(data) > MaxAttestation {
		return bad("attestation object is empty or too long")
	}
	var object map[string]canon.Raw
	if err := canon.Unmarshal(data, &object); err != nil || len(object) != 3 {
		return bad("attestation object is not a map of three")
	}
	var (
		format    string
		statement map[string]canon.Raw
		authData  []byte
	)
	for name, into := range map[string]any{"fmt": &format, "attStmt": &statement, "authData": &authData} {
		if err := canon.Unmarshal(object[name], into); err != nil {
			return bad("attestation object lacks " + name)
		}
	}
	if format != "none" || statement == nil || len(statement) != 0 {
		return bad("attestation is not of format none")
	}
	return parseAuthData(authData, rpID)
}

// parseAuthData reads authenticator data with attested credential data.
func parseAuthData(b []byte, rpID string) (attested, error) {
	bad := func(what string) (attested, error) { return attested{}, fmt.Errorf("%s: %w", what, ErrPasskey) }
	idHash := sha256.Sum256([]byte(rpID))
	switch {
	case len(b) < atID:
		return bad("authenticator data is too short")
	case !bytes.Equal(b[:atFlags], idHash[:]):
		return bad("authenticator data is of another relying party")
	}
	a := attested{flags: b[atFlags], counter: binary.BigEndian.Uint32(b[atCounter:])}
	n := int(binary.BigEndian.Uint16(b[atIDLength:]))
	switch {
	case a.flags&flagsWanted != flagsWanted || a.flags&^flagsKnown != 0:
		return bad(fmt.Sprintf("authenticator flags %#02x", a.flags))
	case a.flags&(flagBackedUp|flagBackupEligible) == flagBackedUp:
		return bad("backed up, but not eligible")
	case n < minCredentialID || n > maxCredentialID || len(b) < atID+n+coseKeyLen:
		return bad("credential id is too short or too long")
	}
	a.id = slices.Clone(b[atID : atID+n])
	rest := b[atID+n:]
	var ok bool
	if a.key, ok = parseCOSEKey(rest[:coseKeyLen]); !ok {
		return bad("credential key is not ES256 on P-256")
	}
	if err := checkExtensions(rest[coseKeyLen:], a.flags&flagExtensions != 0); err != nil {
		return bad(err.Error())
	}
	return a, nil
}

// A COSE_Key of ES256 has one canonical form (RFC 9052, section 7; RFC 9053,
// section 7.1.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}. Comparing its bytes leaves
// nothing to interpret.
const (
	coseHeadX  = "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"
	coseHeadY  = "\x22\x58\x20"
	coseKeyLen = len(coseHeadX) + 32 + len(coseHeadY) + 32
)

// parseCOSEKey returns the key if it is a point on P-256.
func parseCOSEKey(b []byte) (key ticket.HolderKey, ok bool) {
	rest, headed := bytes.CutPrefix(b, []byte(coseHeadX))
	if !headed || len(b) != coseKeyLen {
		return key, false
	}
	x, rest := rest[:32], rest[32:]
	y, headed := bytes.CutPrefix(rest, []byte(coseHeadY))
	if !headed {
		return key, false
	}
	if _, err := ecdh.P256().NewPublicKey(slices.Concat([]byte{4}, x, y)); err != nil {
		return key, false
	}
	key[0] = 2 | y[31]&1
	copy(key[1:], x)
	return key, true
}

// checkExtensions wants nothing, or, where the flag says so, one map. Nothing is
// asked of extensions and nothing believed; security keys add credProtect on
// their own.
func checkExtensions(b []byte, flagged bool) error {
	if !flagged {
		if len(b) != 0 {
			return fmt.Errorf("%d bytes follow the authenticator data", len(b))
		}
		return nil
	}
	var m map[string]canon.Raw
	if err := canon.Unmarshal(b, &m); err != nil || len(m) == 0 || len(m) > 16 {
		return fmt.Errorf("extension data is not a map")
	}
	return nil
}

// transports keeps the known ones (section 5.8.4), each once.
func transports(in []string) []string {
	var out []string
	for _, t := range in {
		switch t {
		case "usb", "nfc", "ble", "smart-card", "hybrid", "internal":
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}
