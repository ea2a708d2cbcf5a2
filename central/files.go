package main

import (
	"crypto"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
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

// replace writes a file in one step, so that nobody reads half of it.
func (d folder) replace(name string, data []byte) error { return private.Replace(d.path(name), data) }

// found adds to an error about a file that is not there what may be the matter.
func found(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hint.Errorf("is data_dir the folder that `central init` made, and this the user that owns it?", "read %s: %w", name, err)
	}
	return err
}

// text reads a secret of one line.
func (d folder) text(name string) (string, error) {
	s, err := private.ReadLine(d.path(name))
	return s, found(name, err)
}

// key reads a private key.
func (d folder) key(name string) (crypto.Signer, error) {
	k, err := private.ReadKey(d.path(name))
	return k, found(name, err)
}

// lock makes this process the only central on the folder, until the file is
// closed or the process ends, however it ends. What an earlier one left for
// scripts to read is taken away.
func (d folder) lock() (*os.File, error) {
	f, err := private.Lock(d.path(lockFile), false)
	switch {
	case errors.Is(err, private.ErrHeld):
		return nil, hint.Errorf("stop the other one first", "another central runs on %s: %w", string(d), err)
	case err != nil:
		return nil, hint.Errorf("make the folder with `central init`, or correct data_dir", "%w", err)
	}
	if err := os.Remove(d.path(addressesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
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
