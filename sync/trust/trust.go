// Package trust says who may sign what: pinned roots sign a trust list, the list
// names event keys, hub keys and device certificate authorities, and a [Keyring]
// made from it is the one place where an issuer's signature is verified.
//
// Every signature is COSE (RFC 9052) in one pinned profile: COSE_Sign1 with tag
// 18, algorithm and key id in the protected header, nothing in the unprotected
// one, EdDSA (Ed25519) or ES256 with low S, and a [Context] as external data so
// that no signature means anything outside the package that made it. The profile
// leaves no choice in the bytes, so each message has exactly one encoding.
//
// The package trusts the roots in an [Anchor], which a device got when it was
// enrolled, and the clock it is handed. It does not trust the bytes it parses,
// the transport, or the disk that kept a list. It does no I/O, keeps no private
// key, fetches no list, and knows nothing of what a payload means. It does not
// check holders: their keys stand in tickets, and package pass verifies them.
package trust

import "errors"

// The errors that callers branch on.
var (
	// ErrMalformed: the bytes are not a message of the pinned profile.
	ErrMalformed = errors.New("not a signed message of the pinned profile")
	// ErrTooLarge: the message is larger than its limit and was not read.
	ErrTooLarge = errors.New("signed message is too large")
	// ErrBadSignature: the key is right and the signature is not.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrWrongKey: the message names another key than the one it is checked with.
	ErrWrongKey = errors.New("message is signed with another key")
	// ErrUnknownKey: the trust list does not hold the key that the message names.
	ErrUnknownKey = errors.New("key is not in the trust list")
	// ErrWrongRole: the key is known but may not sign this kind of message.
	ErrWrongRole = errors.New("key has another role")
	// ErrWrongEvent: the key is known but may not sign for this event.
	ErrWrongEvent = errors.New("key is not for this event")
	// ErrExpired: the key, certificate or list is past its end.
	ErrExpired = errors.New("expired")
	// ErrNotYet: the key or certificate is before its beginning.
	ErrNotYet = errors.New("not yet valid")
	// ErrThreshold: fewer roots signed the list than the anchor asks for.
	ErrThreshold = errors.New("not enough roots signed the trust list")
	// ErrRollback: the list is older than, or another than, the one already held.
	ErrRollback = errors.New("trust list is older than the one in use")
	// ErrRevoked: the device has been taken out of service.
	ErrRevoked = errors.New("device is revoked")
	// ErrCertificate: the certificate is not one of a device of ours.
	ErrCertificate = errors.New("not a device certificate of ours")
	// ErrInvalid: a key, list or anchor contradicts itself.
	ErrInvalid = errors.New("invalid")
)

// Role is what a key or a device is for.
type Role string

// The roles. Roots stand in anchors only, never in a list; the others are given
// to keys by the list or to devices by their certificate.
const (
	RoleRoot     Role = "root"     // signs trust lists
	RoleEvent    Role = "event"    // signs tickets, sets, deltas, beacons, ledger pages, commands
	RoleHub      Role = "hub"      // a venue's hub
	RoleCentral  Role = "central"  // the central server as a peer of devices
	RoleGate     Role = "gate"     // a fixed lane
	RoleHandheld Role = "handheld" // a steward's scanner
)

// listed reports whether a trust list may give a key this role.
func (r Role) listed() bool {
	switch r {
	case RoleEvent, RoleHub, RoleCentral, RoleGate, RoleHandheld:
		return true
	case RoleRoot:
	}
	return false
}

// device reports whether a certificate may give a device this role.
func (r Role) device() bool {
	switch r {
	case RoleHub, RoleCentral, RoleGate, RoleHandheld:
		return true
	case RoleRoot, RoleEvent:
	}
	return false
}
