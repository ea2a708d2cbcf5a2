package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Signer signs for one public key. Where the private key lives is its secret.
type Signer interface {
	// Public returns the key that the signatures verify with.
	Public() PublicKey
	// Sign returns a signature that [PublicKey.Verify] accepts for message.
	Sign(message []byte) ([]byte, error)
}

// NewSigner makes a Signer of an Ed25519 or P-256 key behind a [crypto.Signer]: a
// key in memory, or one in a TPM. Errors wrap [ErrInvalid]. ECDSA signatures of
// an [*ecdsa.PrivateKey] are deterministic (RFC 6979).
func NewSigner(key crypto.Signer) (Signer, error) {
	if key == nil {
		return nil, fmt.Errorf("no private key: %w", ErrInvalid)
	}
	pub, err := NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return &cryptoSigner{public: pub, key: key}, nil
}

type cryptoSigner struct {
	public PublicKey
	key    crypto.Signer
}

func (s *cryptoSigner) Public() PublicKey { return s.public }

func (s *cryptoSigner) Sign(message []byte) ([]byte, error) {
	sig, err := s.sign(message)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.public, err)
	}
	return sig, nil
}

func (s *cryptoSigner) sign(message []byte) ([]byte, error) {
	if s.public.Algorithm() == EdDSA {
		return s.key.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	own, inMemory := s.key.(*ecdsa.PrivateKey)
	if inMemory {
		der, err := own.Sign(nil, digest[:], crypto.SHA256)
		return lowered(der, err)
	}
	sig, err := lowered(s.key.Sign(rand.Reader, digest[:], crypto.SHA256))
	if err == nil && !s.public.Verify(message, sig) {
		return nil, errors.New("the device returned a signature of another key")
	}
	return sig, err
}

func lowered(der []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	raw, err := RawSignature(der)
	return raw[:], err
}
