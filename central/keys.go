package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/trust"
)

// keys is what central signs with.
type keys struct {
	anchor    trust.Anchor
	roots     []trust.Signer // empty while the root key is kept elsewhere
	event     trust.Signer
	listed    []trust.Key
	authority *fleet.Authority
	server    *ecdsa.PrivateKey
}

func (d folder) loadKeys() (*keys, error) {
	raw, err := os.ReadFile(d.path(anchorFile))
	if err != nil {
		return nil, hint.Errorf("make the folder with `central init`, or correct data_dir", "trust anchor: %w", err)
	}
	k := &keys{}
	if k.anchor, err = trust.ParseAnchor(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", anchorFile, err)
	}
	event, err := d.key(eventKeyFile)
	if err != nil {
		return nil, err
	}
	if k.event, err = trust.NewSigner(event); err != nil {
		return nil, fmt.Errorf("%s: %w", eventKeyFile, err)
	}
	caDER, err := d.cert(caCertFile)
	if err != nil {
		return nil, err
	}
	caKey, err := d.key(caKeyFile)
	if err != nil {
		return nil, err
	}
	if k.authority, err = fleet.OpenAuthority(caDER, caKey); err != nil {
		return nil, err
	}
	if k.listed, err = signingKeys(event.Public(), caDER); err != nil {
		return nil, err
	}
	server, err := d.key(serverKeyFile)
	if err != nil {
		return nil, err
	}
	var ok bool
	if k.server, ok = server.(*ecdsa.PrivateKey); !ok {
		return nil, fmt.Errorf("%s holds a %T, want ECDSA", serverKeyFile, server)
	}
	return k, k.loadRoot(d)
}

// loadRoot takes the root key if it is there and is one of the anchor's.
func (k *keys) loadRoot(d folder) error {
	root, err := d.key(rootKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	signer, err := trust.NewSigner(root)
	if err != nil {
		return fmt.Errorf("%s: %w", rootKeyFile, err)
	}
	if !slices.Contains(k.anchor.Roots, signer.Public()) {
		return fmt.Errorf("%s is not the root that the devices have pinned", rootKeyFile)
	}
	if k.anchor.Threshold == 1 { // otherwise one root alone signs nothing
		k.roots = []trust.Signer{signer}
	}
	return nil
}

// serverCert is the certificate of central's own listeners.
type serverCert struct {
	dir     folder
	current atomic.Pointer[tls.Certificate]
}

// renewBefore is how much life a server certificate must have left.
const renewBefore = 60 * 24 * time.Hour

func (d folder) loadCert(k *keys, hosts []string, now time.Time) (*serverCert, error) {
	c := &serverCert{dir: d}
	if der, err := d.cert(serverFile); err == nil {
		c.use(der, k)
	}
	return c, c.renew(k, hosts, now)
}

func (c *serverCert) use(der []byte, k *keys) {
	var key crypto.PrivateKey = k.server
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return // a new one is made
	}
	c.current.Store(&tls.Certificate{Certificate: [][]byte{der, k.authority.DER()}, PrivateKey: key, Leaf: leaf})
}

// renew makes a new certificate if there is none that covers the hosts, is
// signed by the authority for this key, and lasts long enough.
func (c *serverCert) renew(k *keys, hosts []string, now time.Time) error {
	if good(c.current.Load(), k, hosts, now) {
		return nil
	}
	issued, err := k.authority.IssueServer(&k.server.PublicKey, hosts, now)
	if err != nil {
		return fmt.Errorf("server certificate: %w", err)
	}
	c.use(issued.DER, k)
	return c.dir.replace(serverFile, encodeCert(issued.DER, k.authority.DER()))
}

func good(c *tls.Certificate, k *keys, hosts []string, now time.Time) bool {
	if c == nil || now.Add(renewBefore).After(c.Leaf.NotAfter) || !k.server.PublicKey.Equal(c.Leaf.PublicKey) {
		return false
	}
	_, err := c.Leaf.Verify(x509.VerifyOptions{Roots: k.authority.Pool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err != nil || !bytes.Equal(c.Certificate[1], k.authority.DER()) {
		return false
	}
	return !slices.ContainsFunc(hosts, func(h string) bool { return c.Leaf.VerifyHostname(h) != nil })
}

func (c *serverCert) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
