package surge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
)

// passkey is an authenticator in memory: it answers at once and asks nobody.
type passkey struct {
	key    *ecdsa.PrivateKey
	point  []byte // uncompressed
	holder ticket.HolderKey
	id     [16]byte
}

func newPasskey() (*passkey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	k := &passkey{key: key}
	if k.point, err = key.PublicKey.Bytes(); err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	k.holder[0] = 2 | k.point[64]&1
	copy(k.holder[1:], k.point[1:33])
	_, err = rand.Read(k.id[:])
	return k, err
}

// The flags of authenticator data (WebAuthn Level 3, 6.1).
const (
	presentAndVerified = 0x01 | 0x04
	attestedData       = 0x40
)

// create is what navigator.credentials.create returns with attestation "none".
func (k *passkey) create(rp ticket.RelyingParty, challenge string) (attestation, clientData []byte) {
	data := authenticatorData(rp, presentAndVerified|attestedData)
	data = append(data, make([]byte, 16)...) // no AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.id)))
	data = append(data, k.id[:]...)
	data = append(data, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"...) // COSE: EC2, ES256, P-256
	data = append(data, k.point[1:33]...)
	data = append(data, "\x22\x58\x20"...)
	data = append(data, k.point[33:]...)
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data))) //nolint:gosec // 148
	return append(object, data...), clientDataJSON("webauthn.create", rp, challenge)
}

// get is what navigator.credentials.get returns.
func (k *passkey) get(rp ticket.RelyingParty, challenge string) (authData, clientData, signature []byte, err error) {
	authData, clientData = authenticatorData(rp, presentAndVerified), clientDataJSON("webauthn.get", rp, challenge)
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(authData[:len(authData):len(authData)], hash[:]...))
	signature, err = k.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	return authData, clientData, signature, err
}

// authenticatorData is its head, with a counter of zero, as passkeys have.
func authenticatorData(rp ticket.RelyingParty, flags byte) []byte {
	id := sha256.Sum256([]byte(rp.ID))
	return append(id[:], flags, 0, 0, 0, 0)
}

func clientDataJSON(kind string, rp ticket.RelyingParty, challenge string) []byte {
	return []byte(`{"type":"` + kind + `","challenge":"` + challenge + `","origin":"` + rp.Origin + `","crossOrigin":false}`)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
