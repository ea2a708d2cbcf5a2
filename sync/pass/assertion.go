package pass

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Assertion is what navigator.credentials.get returns (WebAuthn Level 3, section
// 5.2.2), byte by byte. The signature is DER, with s in either half of the order.
type Assertion struct {
	AuthenticatorData []byte
	ClientDataJSON    []byte
	Signature         []byte
}

const (
	signatureSize = 64
	// authDataSize is authenticator data without attested credential data and
	// extensions: rp id hash 32, flags 1, counter 4 (section 6.1).
	authDataSize = 37
)

// The flags of authenticator data (section 6.1).
const (
	flagUserPresent    = 1 << 0
	flagUserVerified   = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackedUp       = 1 << 4
	flagsKnown         = flagUserPresent | flagUserVerified | flagBackupEligible | flagBackedUp
)

// checkFlags wants the user present and verified, and nothing that this package
// would have to read further.
func checkFlags(flags uint8) error {
	switch {
	case flags&^flagsKnown != 0:
		return fmt.Errorf("authenticator flags %#02x: %w", flags, ErrBadProof)
	case flags&(flagBackedUp|flagBackupEligible) == flagBackedUp:
		return fmt.Errorf("backed up, but not eligible: %w", ErrBadProof)
	case flags&flagUserVerified == 0 || flags&flagUserPresent == 0:
		return fmt.Errorf("authenticator flags %#02x: %w", flags, ErrUserNotVerified)
	}
	return nil
}

// proof is an assertion without what the gate knows already: the relying party
// and the challenge. The signature is r‖s.
type proof struct {
	flags     uint8
	counter   uint32
	shape     shape
	tail      []byte // empty unless the shape carries one
	signature [signatureSize]byte
}

// newProof takes an assertion apart. It verifies no signature.
func (v *Verifier) newProof(challenge []byte, a Assertion) (proof, error) {
	bad := func(what string) (proof, error) { return proof{}, fmt.Errorf("%s: %w", what, ErrBadProof) }
	if len(a.AuthenticatorData) != authDataSize {
		return bad("authenticator data with more, or less, than a hash, flags and a counter")
	}
	if !bytes.Equal(a.AuthenticatorData[:sha256.Size], v.idHash[:]) {
		return bad("authenticator data is of another relying party")
	}
	p := proof{
		flags:   a.AuthenticatorData[sha256.Size],
		counter: binary.BigEndian.Uint32(a.AuthenticatorData[sha256.Size+1:]),
	}
	end, ok := bytes.CutPrefix(a.ClientDataJSON, appendHead(nil, challenge, v.origin))
	escaped := false
	if !ok {
		end, escaped = bytes.CutPrefix(a.ClientDataJSON, appendHead(nil, challenge, v.escapedOrigin))
		if !escaped {
			return bad("client data is of another challenge or origin, or in an order of its own")
		}
	}
	var err error
	if p.shape, p.tail, err = classify(end, escaped); err != nil {
		return proof{}, fmt.Errorf("%w: %w", ErrBadProof, err)
	}
	if p.signature, err = trust.RawSignature(a.Signature); err != nil {
		return proof{}, fmt.Errorf("%w: %w", ErrBadProof, err)
	}
	return p, nil
}

// verify puts the assertion together again and checks it (section 7.2).
func (v *Verifier) verify(p proof, challenge []byte, holder ticket.HolderKey) error {
	if err := checkFlags(p.flags); err != nil {
		return err
	}
	origin := v.origin
	if p.shape.escaped() {
		origin = v.escapedOrigin
	}
	var buf [768]byte
	clientData := appendHead(buf[:0], challenge, origin)
	clientData = append(clientData, p.shape.tailOf(p.tail)...)
	sum := sha256.Sum256(clientData)

	var signed [authDataSize + sha256.Size]byte
	copy(signed[:], v.idHash[:])
	signed[sha256.Size] = p.flags
	binary.BigEndian.PutUint32(signed[sha256.Size+1:], p.counter)
	copy(signed[authDataSize:], sum[:])
	if !trust.VerifyCompressed(holder, signed[:], p.signature[:]) {
		return fmt.Errorf("assertion: %w", ErrBadProof)
	}
	return nil
}

// VerifyAssertion checks a whole assertion as central receives it, to learn that
// somebody holds the key they name: WebAuthn Level 3, section 7.2, with user
// verification required, no extensions, the client data in the order of section
// 5.8.1.1, and no frame of another site. Counter and credential id are not judged.
//
// What passes here can be put into a pass, and what cannot is refused while the
// holder still has time. The error wraps [ErrUserNotVerified] or [ErrBadProof].
func VerifyAssertion(rp ticket.RelyingParty, key ticket.HolderKey, challenge []byte, a Assertion) error {
	const least, most = 16, 64 // bytes of a challenge
	v, err := NewVerifier(rp)
	if err != nil {
		return err
	}
	if len(challenge) < least || len(challenge) > most {
		return fmt.Errorf("challenge of %d bytes, want %d to %d: %w", len(challenge), least, most, ErrBadProof)
	}
	p, err := v.newProof(challenge, a)
	if err != nil {
		return err
	}
	return v.verify(p, challenge, key)
}
