package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/con-ting/conting/sync/private"
)

const keyFile = "key.pem"

// newKey makes the device key and writes it to dir, readable by its owner only.
func newKey(dir string, rand io.Reader) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	text, err := private.EncodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if err := private.Replace(filepath.Join(dir, keyFile), text); err != nil {
		return nil, err
	}
	return key, nil
}

// readKey reads the device key and refuses one that others could have read.
func readKey(dir string) (crypto.Signer, error) {
	name := filepath.Join(dir, keyFile)
	for _, place := range []string{dir, name} {
		if err := private.Check(place); errors.Is(err, private.ErrExposed) {
			return nil, fail("check "+place, "chmod 600 "+name+" and chmod 700 "+dir+", and enrol anew if somebody else uses this machine", "%w: %w", ErrPermissions, err)
		} else if err != nil {
			return nil, err
		}
	}
	parsed, err := private.ReadKey(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is not a P-256 key: %w", name, ErrIncomplete)
	}
	return key, nil
}
