package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/trust"
)

// runInit makes the folder. The file that says who the registrar is comes last:
// without it, the folder is none.
func runInit(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.name == "" {
		return f.Wrong("--name is missing")
	}
	d := folder(f.dir)
	if _, err := os.Stat(d.path(selfFile)); !errors.Is(err, fs.ErrNotExist) {
		return hint.Errorf("choose another --dir: a registrar's key is never made anew", "%s is a registrar's folder already: %w", f.dir, fs.ErrExist)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	r, err := f.registrar(d, key)
	if err != nil {
		return err
	}
	encoded, err := private.EncodeKey(key)
	if err != nil {
		return err
	}
	who, err := json.MarshalIndent(r.self, "", "  ")
	if err != nil {
		return err
	}
	if err := errors.Join(d.create(keyFile, encoded), d.create(bookFile, nil)); err != nil {
		return hint.Errorf("empty the folder if an earlier init was interrupted", "%w", err)
	}
	if _, err := r.sign(ctx, a.now(), statusLife); err != nil {
		return err
	}
	if err := d.replace(selfFile, append(who, '\n')); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, r.self.DID)
	return err
}

// registrar is who the flags say the registrar shall be.
func (f *flags) registrar(d folder, key ed25519.PrivateKey) (*registrar, error) {
	signer, err := trust.NewSigner(key)
	if err != nil {
		return nil, err
	}
	r := &registrar{dir: d, signer: signer, self: self{Name: f.name, Accepts: f.accepts}}
	if len(r.self.Accepts) == 0 {
		r.self.Accepts = []string{string(credential.Family), string(credential.Age), string(credential.Staff)}
	}
	if r.self.DID, err = credential.KeyDID(signer.Public()); err != nil {
		return nil, err
	}
	base := f.url
	switch {
	case f.web != "":
		r.self.DID = credential.DID("did:web:" + strings.Replace(f.web, ":", "%3A", 1))
		if base == "" {
			base = "https://" + f.web
		}
	case base == "":
		// Somewhere, so that lists of several registrars are told apart; central is
		// handed the list, or told another base.
		base = "http://localhost:8099/" + string(r.self.DID[len(r.self.DID)-12:])
	}
	r.self.StatusURL = strings.TrimSuffix(base, "/") + "/status/1.jwt"
	i, err := r.issuer()
	if err == nil {
		_, err = credential.EncodeIssuer(i)
	}
	if err != nil {
		return nil, f.Wrong("%s", err)
	}
	return r, nil
}

func runDID(_ context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	r, err := folder(f.dir).open()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, r.self.DID)
	return err
}

func runIssuer(_ context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	r, err := folder(f.dir).open()
	if err != nil {
		return err
	}
	i, err := r.issuer()
	if err != nil {
		return err
	}
	text, err := credential.EncodeIssuer(i)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", text)
	return err
}
