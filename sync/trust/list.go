package trust

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// The most a trust list may hold, so that it is bounded everywhere.
const (
	MaxList           = 1 << 20 // bytes of the signed list
	MaxKeys           = 256
	MaxDeviceCAs      = 16
	MaxRevokedDevices = 20_000
	MaxCertificate    = 8 << 10 // bytes of one DER certificate
)

// Key is one signing key and what it may sign. Times are Unix seconds, UTC; the
// key is valid from NotBefore to just before NotAfter. Both ends are needed: a
// key without an end is refused.
type Key struct {
	Role      Role      `cbor:"1,keyasint"`
	Public    PublicKey `cbor:"2,keyasint"`
	NotBefore int64     `cbor:"3,keyasint"`
	NotAfter  int64     `cbor:"4,keyasint"`
	// Events are those the key may sign for; empty means all.
	Events []ticket.EventID `cbor:"5,keyasint,omitempty"`
}

// List is the trust list: what the roots say about everybody else. Times are Unix
// seconds, UTC. Two event keys may overlap while one takes over from the other.
type List struct {
	Version uint64 `cbor:"1,keyasint"` // raised with each list, from 1
	Issued  int64  `cbor:"2,keyasint"`
	Expires int64  `cbor:"3,keyasint"`
	Keys    []Key  `cbor:"4,keyasint"`
	// DeviceCAs are the DER certificates that devices' certificates chain to.
	DeviceCAs      [][]byte          `cbor:"5,keyasint,omitempty"`
	RevokedDevices []ticket.DeviceID `cbor:"6,keyasint,omitempty"`
	// Issuers are the registrars and accreditors whose credentials count.
	Issuers []Issuer `cbor:"7,keyasint,omitempty"`
}

// Check reports the first thing about the list that contradicts itself. It does
// not read the certificates. The error wraps [ErrInvalid].
func (l *List) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("trust list %d: %s: %w", l.Version, fmt.Sprintf(format, args...), ErrInvalid)
	}
	switch {
	case l.Version == 0:
		return bad("no version")
	case l.Issued < 0 || l.Expires <= l.Issued:
		return bad("issued %d, expires %d", l.Issued, l.Expires)
	case len(l.Keys) == 0 || len(l.Keys) > MaxKeys:
		return bad("%d keys, want 1 to %d", len(l.Keys), MaxKeys)
	case len(l.DeviceCAs) > MaxDeviceCAs:
		return bad("%d device authorities, the most is %d", len(l.DeviceCAs), MaxDeviceCAs)
	case len(l.RevokedDevices) > MaxRevokedDevices:
		return bad("%d revoked devices, the most is %d", len(l.RevokedDevices), MaxRevokedDevices)
	}
	seen := make(map[KeyID]bool, len(l.Keys))
	for i, k := range l.Keys {
		switch {
		case k.Public.IsZero():
			return bad("key %d is missing", i)
		case !k.Role.listed():
			return bad("key %s has role %q", k.Public, k.Role)
		case k.NotBefore < 0 || k.NotAfter <= k.NotBefore:
			return bad("key %s is valid from %d to %d", k.Public, k.NotBefore, k.NotAfter)
		case slices.Contains(k.Events, 0):
			return bad("key %s is for event 0", k.Public)
		case seen[k.Public.ID()]:
			return bad("key %s stands twice", k.Public)
		}
		seen[k.Public.ID()] = true
	}
	for i, der := range l.DeviceCAs {
		if len(der) == 0 || len(der) > MaxCertificate {
			return bad("device authority %d has %d bytes", i, len(der))
		}
	}
	for _, id := range l.RevokedDevices {
		if _, err := ticket.ParseDeviceID(string(id)); err != nil {
			return bad("revoked device: %v", err)
		}
	}
	if err := checkIssuers(l.Issuers); err != nil {
		return bad("%v", err)
	}
	return nil
}

// Supersedes reports whether l may take the place of old, which may be nil: it
// must be newer, or the very same. The error wraps [ErrRollback].
func (l *List) Supersedes(old *List) error {
	switch {
	case old == nil || l.Version > old.Version:
		return nil
	case l.Version < old.Version:
		return fmt.Errorf("version %d after %d: %w", l.Version, old.Version, ErrRollback)
	}
	a, err := canon.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode trust list: %w", err)
	}
	b, err := canon.Marshal(old)
	if err != nil {
		return fmt.Errorf("encode trust list: %w", err)
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("two lists of version %d: %w", l.Version, ErrRollback)
	}
	return nil
}
