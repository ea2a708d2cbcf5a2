package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
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

// key reads the private key.
func (d folder) key() (ed25519.PrivateKey, error) {
	k, err := private.ReadKey(d.path(keyFile))
	if err != nil {
		return nil, err
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, want Ed25519", keyFile, k)
	}
	return key, nil
}

// create writes a file that must not exist yet, for its owner only.
func (d folder) create(name string, data []byte) error { return private.Create(d.path(name), data) }

// replace writes a file in one step, so that nobody reads half of it.
func (d folder) replace(name string, data []byte) error { return private.Replace(d.path(name), data) }

// lock keeps other writers away until the file is closed or the process ends.
func (d folder) lock() (*os.File, error) { return private.Lock(d.path(lockFile), true) }
