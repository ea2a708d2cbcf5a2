//go:build !tinygo

package update

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
)

// ErrKey is a file that is not one public key of Ed25519.
var ErrKey = errors.New("not one public key in PEM (PKIX, Ed25519)")

const pemPublic = "PUBLIC KEY" // RFC 7468 section 13

// EncodeKey returns the public half of a firmware key as PEM, as a gate has it in
// its configuration.
func EncodeKey(k ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return nil, fmt.Errorf("encode firmware key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}

// DecodeKey reads what EncodeKey made. Errors wrap ErrKey.
func DecodeKey(data []byte) (ed25519.PublicKey, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemPublic || len(bytes.TrimSpace(rest)) != 0 {
		return nil, ErrKey
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	public, ok := k.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: it holds a %T", ErrKey, k)
	}
	return public, nil
}

// The boards that have a name.
const (
	boardHost = 0x0001
	boardLM3S = 0x0965
)

// BoardName is a board's name, or its number as four hex digits after 0x.
func BoardName(board uint16) string {
	switch board {
	case boardHost:
		return "host"
	case boardLM3S:
		return "lm3s6965"
	}
	return fmt.Sprintf("%#04x", board)
}

// ParseBoard reads what BoardName wrote, and any other number from 0 to 65535.
func ParseBoard(name string) (board uint16, ok bool) {
	switch name {
	case "host":
		return boardHost, true
	case "lm3s6965":
		return boardLM3S, true
	}
	n, err := strconv.ParseUint(name, 0, 16)
	return uint16(n), err == nil
}

// VersionName is a version as ID tells it: three numbers, the highest first.
func VersionName(version uint32) string {
	return fmt.Sprintf("%d.%d.%d", version>>16, version>>8&0xFF, version&0xFF)
}
