package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/trust"
)

// The files of the folder.
const (
	selfFile   = "registrar.json"
	keyFile    = "registrar.key"
	bookFile   = "book.jsonl"
	statusFile = "status.jwt"
	lockFile   = "registrar.lock"
)

// folder is the registrar's folder.
type folder string

func (d folder) path(name string) string { return filepath.Join(string(d), name) }

// self is who the registrar is. It is written once.
type self struct {
	Name      string         `json:"name"`
	DID       credential.DID `json:"did"`
	Accepts   []string       `json:"accepts"`
	StatusURL string         `json:"status_url"`
}

// registrar is an opened folder.
type registrar struct {
	dir    folder
	self   self
	signer trust.Signer
}

// open reads a folder that init has made.
func (d folder) open() (*registrar, error) {
	raw, err := os.ReadFile(d.path(selfFile))
	if err != nil {
		return nil, hint.Errorf("make the folder with `registrar init`, or correct --dir", "%w", err)
	}
	r := &registrar{dir: d}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&r.self); err != nil {
		return nil, fmt.Errorf("%s: %w", selfFile, err)
	}
	key, err := d.key()
	if err != nil {
		return nil, err
	}
	if r.signer, err = trust.NewSigner(key); err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return r, nil
}

// issuer is how the registrar introduces itself.
func (r *registrar) issuer() (trust.Issuer, error) {
	i := trust.Issuer{DID: string(r.self.DID), Name: r.self.Name, Accepts: r.self.Accepts, StatusURLs: []string{r.self.StatusURL}}
	if own, err := credential.KeyDID(r.signer.Public()); err != nil || own == r.self.DID {
		return i, err
	}
	doc, err := credential.WebDocument(r.self.DID, r.signer.Public())
	i.Document = doc
	return i, err
}

// key reads the private key, which nobody but its owner may be able to read.
func (d folder) key() (ed25519.PrivateKey, error) {
	info, err := os.Stat(d.path(keyFile))
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint.Errorf("chmod 600 "+d.path(keyFile)+", and make a new registrar if others may have read it",
			"%s can be read by others (mode %04o)", keyFile, info.Mode().Perm())
	}
	b, err := os.ReadFile(d.path(keyFile))
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		return nil, fmt.Errorf("%s is not one private key in PEM", keyFile)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, want Ed25519", keyFile, k)
	}
	return key, nil
}

func encodeKey(k ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

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
	return d.sync()
}

// sync makes the folder's names durable.
func (d folder) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lock keeps other writers away until the file is closed or the process ends.
func (d folder) lock() (*os.File, error) {
	f, err := os.OpenFile(d.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", string(d), err), f.Close())
	}
	return f, nil
}
