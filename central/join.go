package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
)

// shared are the files that centrals on one database have in common: they sign for
// the same events, believe the same devices and people, and answer to the same admin.
// Whatever else lies in a data folder is each central's own.
var shared = []string{anchorFile, listFile, eventKeyFile, caKeyFile, caCertFile, challengeFile, tokenFile}

// The root key goes along if it is there: whoever leads signs the trust list with it.
// Where it is kept offline, it is kept offline here as well. So do the mint's keys, if
// there is a mint.
var sharedIfThere = append([]string{rootKeyFile}, mintFiles...)

// join fills a new data folder with the keys of another, and with a certificate of its
// own.
func (d folder) join(other folder, c *config, text string, now time.Time) error {
	if err := os.Mkdir(d.path("keys"), 0o700); err != nil {
		return err
	}
	for _, name := range slices.Concat(shared, sharedIfThere) {
		data, err := private.Read(other.path(name))
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(sharedIfThere, name) {
			continue
		}
		if err != nil {
			return hint.Errorf("name the data folder of a central, or a copy of it that only you can read", "%w", found(name, err))
		}
		if err := private.Create(d.path(name), data); err != nil {
			return err
		}
	}
	caDER, err := d.cert(caCertFile)
	if err != nil {
		return err
	}
	caKey, err := d.key(caKeyFile)
	if err != nil {
		return err
	}
	ca, err := fleet.OpenAuthority(caDER, caKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server, err := ca.IssueServer(&key.PublicKey, c.Hosts, now)
	if err != nil {
		return err
	}
	encoded, err := private.EncodeKey(key)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		configFile: []byte(text), serverKeyFile: encoded, serverFile: encodeCert(server.DER, caDER),
	} {
		if err := private.Create(d.path(name), data); err != nil {
			return err
		}
	}
	return errors.Join(private.SyncDir(d.path("keys")), private.SyncDir(string(d)))
}
