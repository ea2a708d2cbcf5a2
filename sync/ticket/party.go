package ticket

import (
	"fmt"
	"strings"
)

// RelyingParty is the WebAuthn relying party that holders' keys belong to
// (WebAuthn Level 3, section 5.4.2).
type RelyingParty struct {
	ID     string `cbor:"1,keyasint" json:"id"`     // "tickets.example"
	Origin string `cbor:"2,keyasint" json:"origin"` // "https://tickets.example"
}

// MaxOrigin is the longest origin, in bytes.
const MaxOrigin = 200

// Check wants an origin that is https, or http on this machine, that JSON writes
// as it stands, and that the relying party may speak for (WebAuthn Level 3,
// section 5.1.3): with any other, no holder could prove anything. The error wraps
// [ErrInvalid].
func (p RelyingParty) Check() error {
	bad := func(why string) error {
		return fmt.Errorf("relying party %q, origin %q: %s: %w", p.ID, p.Origin, why, ErrInvalid)
	}
	host, secure := strings.CutPrefix(p.Origin, "https://")
	if !secure {
		var local bool
		if host, local = strings.CutPrefix(p.Origin, "http://"); !local {
			return bad("the origin is not https")
		}
	}
	name, port, _ := strings.Cut(host, ":")
	switch {
	case !secure && name != "localhost":
		return bad("the origin is not https")
	case len(p.Origin) > MaxOrigin || strings.Trim(port, "0123456789") != "":
		return bad("the origin is too long or has an odd port")
	case p.ID == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
		return bad("the origin is not a lower-case host name")
	case name != p.ID && !strings.HasSuffix(name, "."+p.ID):
		return bad("the origin is not within the relying party's domain")
	}
	return nil
}
