package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/con-ting/conting/sync/hint"
)

// The files of the data folder.
const (
	configFile    = "central.toml"
	tokenFile     = "admin.token"
	databaseFile  = "central.db"
	addressesFile = "addresses.json"
	listFile      = "trust.list" // a list signed elsewhere may be put here
	anchorFile    = "anchor"
	rootKeyFile   = "keys/root.key" // may be taken away: then lists are signed elsewhere
	eventKeyFile  = "keys/event.key"
	caKeyFile     = "keys/device-ca.key"
	caCertFile    = "keys/device-ca.crt"
	serverKeyFile = "keys/server.key"
	serverFile    = "keys/server.crt"
	challengeFile = "keys/challenge.key"
	lockFile      = "central.lock"
)

// folder is the data folder.
type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// create writes a file that must not exist yet, for its owner only.
func (d folder) create(name string, data []byte) (err error) {
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// replace writes a file in one step, so that nobody reads half of it.
func (d folder) replace(name string, data []byte) error {
	temporary := name + ".new"
	if err := os.Remove(d.path(temporary)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.create(temporary, data); err != nil {
		return err
	}
	if err := os.Rename(d.path(temporary), d.path(name)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.path(name)))
}

func syncDir(name string) error {
	f, err := os.Open(name) //nolint:gosec // a folder of ours
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// secret reads a file that nobody but its owner may be able to read.
func (d folder) secret(name string) ([]byte, error) {
	info, err := os.Stat(d.path(name))
	if err != nil {
		return nil, hint.Errorf("is data_dir the folder that `central init` made, and this the user that owns it?", "read %s: %w", name, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint.Errorf("chmod 600 "+d.path(name)+", and replace it if others may have read it",
			"%s can be read by others (mode %04o)", name, info.Mode().Perm())
	}
	return os.ReadFile(d.path(name))
}

// text reads a secret of one line.
func (d folder) text(name string) (string, error) {
	b, err := d.secret(name)
	return strings.TrimSpace(string(b)), err
}

// key reads a private key in PEM (PKCS #8).
func (d folder) key(name string) (crypto.Signer, error) {
	b, err := d.secret(name)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		return nil, fmt.Errorf("%s is not one private key in PEM", name)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch k := k.(type) {
	case ed25519.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("%s holds a %T, want Ed25519 or ECDSA", name, k)
}

// lock makes this process the only central on the folder, until the file is
// closed or the process ends, however it ends. What an earlier one left for
// scripts to read is taken away.
func (d folder) lock() (*os.File, error) {
	f, err := os.OpenFile(d.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, hint.Errorf("make the folder with `central init`, or correct data_dir", "%w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(hint.Errorf("stop the other one first", "another central runs on %s: %w", string(d), err), f.Close())
	}
	if err := os.Remove(d.path(addressesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func encodeKey(k crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func encodeCert(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

// cert reads the first certificate of a PEM file.
func (d folder) cert(name string) ([]byte, error) {
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s is not a certificate in PEM", name)
	}
	return block.Bytes, nil
}

func (d folder) challengeKey() (key [32]byte, err error) {
	s, err := d.text(challengeFile)
	if err != nil {
		return key, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(key) {
		return key, fmt.Errorf("%s is not 64 hexadecimal digits", challengeFile)
	}
	return [32]byte(raw), nil
}

// addresses is what a running central writes for scripts and for the other
// commands. It is removed at an orderly end.
type addresses struct {
	API    string `json:"api"`    // http://host:port or https://host:port
	Device string `json:"device"` // https://host:port
	MQTT   string `json:"mqtt"`   // tls://host:port
	Wallet string `json:"wallet"` // where people find the wallet, with its origin
	PID    int    `json:"pid"`
}

func (d folder) addresses() (ad addresses, err error) {
	b, err := os.ReadFile(d.path(addressesFile))
	if err != nil {
		return ad, hint.Errorf("start it with `central run`, then try again", "central is not running: %w", err)
	}
	return ad, json.Unmarshal(b, &ad)
}
