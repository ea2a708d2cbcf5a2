package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	keyFile    = "key.pem"
	maxKeyFile = 16 << 10
	pemKey     = "PRIVATE KEY"
)

// newKey makes the device key and writes it to dir, readable by its owner only.
func newKey(dir string, rand io.Reader) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode device key: %w", err)
	}
	if err := writeFile(dir, keyFile, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der})); err != nil {
		return nil, err
	}
	return key, nil
}

// readKey reads the device key and refuses one that others could have read.
func readKey(dir string) (crypto.Signer, error) {
	if err := private(dir, "chmod 700 "+dir); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, keyFile)
	if err := private(name, "chmod 600 "+name); err != nil {
		return nil, err
	}
	data, err := readFile(name, maxKeyFile)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemKey || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("%s is not one PEM private key: %w", name, ErrIncomplete)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrIncomplete, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is not a P-256 key: %w", name, ErrIncomplete)
	}
	return key, nil
}

// private refuses a file or folder that group or others may touch.
func private(name, fix string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fail("check "+name, fix+", and enrol anew if somebody else uses this machine", "mode %04o: %w", mode, ErrPermissions)
	}
	return nil
}
