package private

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrKey is a file that is not one private key that we use.
var ErrKey = errors.New("not one private key in PEM (PKCS #8, Ed25519 or ECDSA)")

const pemKey = "PRIVATE KEY" // RFC 7468 section 10

// EncodeKey returns a key as PEM (PKCS #8, RFC 5958).
func EncodeKey(k crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), nil
}

// ReadKey reads what EncodeKey made. Errors wrap ErrKey or those of Read.
func ReadKey(name string) (crypto.Signer, error) {
	data, err := Read(name)
	if err != nil {
		return nil, err
	}
	k, err := DecodeKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// DecodeKey reads what EncodeKey made. Errors wrap ErrKey.
func DecodeKey(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemKey || len(bytes.TrimSpace(rest)) != 0 {
		return nil, ErrKey
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	switch k := k.(type) {
	case ed25519.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("%w: it holds a %T", ErrKey, k)
}
