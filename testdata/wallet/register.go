package wallet

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// attestedData is the flag of authenticator data that carries a new credential.
const attestedData = 0x40

// Registration is what navigator.credentials.create returns, byte by byte.
type Registration struct {
	CredentialID      []byte
	AttestationObject []byte
	ClientDataJSON    []byte
}

// CredentialID returns the id of the authenticator's one credential. It follows
// from the key.
func (a *Authenticator) CredentialID() []byte {
	id := sha256.Sum256(append([]byte("conting/testdata/credential\x00"), a.holder[:]...))
	return id[:]
}

// Create does what navigator.credentials.create does with attestation "none",
// without asking anybody. The key is the one that exists.
func (a *Authenticator) Create(challenge []byte) (Registration, error) {
	origin := a.RelyingParty.Origin
	if a.ClientData.Escaped {
		origin = strings.ReplaceAll(origin, "/", `\/`)
	}
	return a.Attest([]byte(`{"type":"webauthn.create","challenge":"` + base64.RawURLEncoding.EncodeToString(challenge) +
		`","origin":"` + origin + `"` + a.ClientData.Tail))
}

// Attest registers over client data as given, for tests that need it to be wrong.
func (a *Authenticator) Attest(clientData []byte) (Registration, error) {
	key, err := a.COSEKey()
	if err != nil {
		return Registration{}, err
	}
	id := a.CredentialID()
	rpID := sha256.Sum256([]byte(a.RelyingParty.ID))
	authData := append(rpID[:], a.Flags|attestedData)
	authData = binary.BigEndian.AppendUint32(authData, a.Counter)
	authData = append(authData, make([]byte, 16)...) // no AAGUID: attestation is none
	authData = binary.BigEndian.AppendUint16(authData, uint16(len(id)))
	authData = append(append(authData, id...), key...)
	return Registration{CredentialID: id, AttestationObject: NoneAttestation(authData), ClientDataJSON: clientData}, nil
}

// COSEKey is the public key as authenticator data carries it (RFC 9053, section
// 7.1.1).
func (a *Authenticator) COSEKey() ([]byte, error) {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key := append([]byte("\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"), point[1:33]...)
	return append(append(key, "\x22\x58\x20"...), point[33:]...), nil
}

// NoneAttestation wraps authenticator data of 256 to 65535 bytes, or of 24 to 255,
// in an attestation object of format "none" (WebAuthn Level 3, section 8.7).
func NoneAttestation(authData []byte) []byte {
	head := "\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData"
	if len(authData) < 256 {
		return append(append([]byte(head), 0x58, byte(len(authData))), authData...)
	}
	return append(binary.BigEndian.AppendUint16(append([]byte(head), 0x59), uint16(len(authData))), authData...)
}
