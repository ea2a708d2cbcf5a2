package account

import (
	"encoding/base64"
	"fmt"

	"github.com/con-ting/conting/sync/pass"
)

// MaxClientData is the longest client data that is read, in bytes.
const MaxClientData = 2 << 10

// checkCreated reads the client data of a registration (WebAuthn Level 3, sections
// 5.8.1 and 7.1): made for this challenge and origin, and not inside another
// site's frame. Members that nobody here knows are passed over; one that stands
// twice is refused. No signature covers it where attestation is none, so nothing
// is kept of it.
func checkCreated(data, challenge []byte, origin string) error {
	if len(data) > MaxClientData {
		return fmt.Errorf("client data of %d bytes, the most is %d: %w", len(data), MaxClientData, ErrPasskey)
	}
	m, err := pass.ClientDataMembers(data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	bad := func(what string) error { return fmt.Errorf("client data is %s: %w", what, ErrPasskey) }
	switch {
	case m["type"] != "webauthn.create":
		return bad("not of a registration")
	case m["challenge"] != base64.RawURLEncoding.EncodeToString(challenge):
		return bad("of another challenge")
	case m["origin"] != origin:
		return bad("of another origin")
	}
	if cross, ok := m["crossOrigin"]; ok && cross != false {
		return bad("of another site's frame")
	}
	if _, ok := m["topOrigin"]; ok {
		return bad("of another site's frame")
	}
	return nil
}
