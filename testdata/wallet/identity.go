package wallet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Identity is the key of a holder's DID, as a browser keeps one: P-256, signing
// bytes and asking nobody.
type Identity struct {
	key    *ecdsa.PrivateKey
	holder ticket.HolderKey
}

// NewIdentity derives an identity from a seed of any length.
func NewIdentity(seed []byte) (*Identity, error) {
	raw := sha256.Sum256(append([]byte("conting/testdata/identity\x00"), seed...))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	i := &Identity{key: key}
	i.holder[0] = 2 | point[len(point)-1]&1
	copy(i.holder[1:], point[1:33])
	return i, nil
}

// HolderKey returns the public key, compressed, as accreditations are bound to it.
func (i *Identity) HolderKey() ticket.HolderKey { return i.holder }

// Signer returns the key for signed objects, such as presentations.
func (i *Identity) Signer() (trust.Signer, error) { return trust.NewSigner(i.key) }

// Sign signs a message with ES256 and returns r‖s, s in the lower half of the
// order. The signature is deterministic.
func (i *Identity) Sign(message []byte) ([64]byte, error) {
	digest := sha256.Sum256(message)
	der, err := i.key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return [64]byte{}, fmt.Errorf("sign: %w", err)
	}
	return trust.RawSignature(der)
}

// Answer makes the accredited pass for a gate's nonce; carried is the signed
// ticket for a full form, or nil.
func (i *Identity) Answer(id ticket.ID, n pass.Nonce, carried []byte) (string, error) {
	sig, err := i.Sign(pass.AccreditedMessage(id, n))
	if err != nil {
		return "", err
	}
	return pass.AccreditedText(id, n, sig, carried)
}
