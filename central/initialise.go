package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/sync/command"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// runInit makes a data folder. It is built beside its place and renamed, so an
// interrupted init leaves nothing that looks finished; an existing folder is
// never touched.
func runInit(ctx context.Context, a *app, f *flags) error {
	if err := f.Want(0, 0); err != nil {
		return err
	}
	if f.dir == "" {
		return f.Wrong("--dir is missing")
	}
	if len(f.hosts) == 0 {
		f.hosts = command.List{"127.0.0.1"}
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); err == nil {
		return hint.Errorf("choose another --dir; keys are never overwritten", "%s exists", dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // the folders above the private one
		return err
	}
	c, text, err := newConfig(ctx, dir, f.hosts)
	if err != nil {
		return err
	}
	staging, err := os.MkdirTemp(filepath.Dir(dir), ".central-init-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(staging) }() // what is left of an init that failed
	d := folder(staging)
	if f.join != "" {
		err = d.join(folder(f.join), &c, text, a.now())
	} else {
		err = d.fill(&c, text, a.now())
	}
	if err != nil {
		return fmt.Errorf("init %s: %w", dir, err)
	}
	if err := os.Rename(staging, dir); err != nil {
		return err
	}
	if err := private.SyncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if f.join != "" {
		_, err = fmt.Fprintf(a.out, "%s is ready, with the keys of %s.\nNext: set the same url_file under [database], and the same [wallet], [pay] and [mqtt] endpoints, in %s; then central run --config %[3]s\n",
			dir, f.join, filepath.Join(dir, configFile))
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s is ready.\nNext: central run --config %s\nKeep %s offline once it is backed up: it signs who may sign.\n",
		dir, filepath.Join(dir, configFile), filepath.Join(dir, rootKeyFile))
	return err
}

// fill writes every file of a new data folder.
func (d folder) fill(c *config, text string, now time.Time) error {
	if err := os.Mkdir(d.path("keys"), 0o700); err != nil {
		return err
	}
	_, root, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	_, event, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	caDER, err := fleet.NewAuthority(caKey, "conting device authority", now)
	if err != nil {
		return err
	}
	ca, err := fleet.OpenAuthority(caDER, caKey)
	if err != nil {
		return err
	}
	server, err := ca.IssueServer(&serverKey.PublicKey, c.Hosts, now)
	if err != nil {
		return err
	}
	anchor, list, err := firstList(root, event, caDER, now)
	if err != nil {
		return err
	}
	secret := make([]byte, 64)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	files := map[string][]byte{
		configFile: []byte(text), anchorFile: anchor, listFile: list,
		caCertFile: encodeCert(caDER), serverFile: encodeCert(server.DER, caDER),
		tokenFile:     []byte(hex.EncodeToString(secret[:32]) + "\n"),
		challengeFile: []byte(hex.EncodeToString(secret[32:]) + "\n"),
	}
	for name, key := range map[string]crypto.Signer{rootKeyFile: root, eventKeyFile: event, caKeyFile: caKey, serverKeyFile: serverKey} {
		if files[name], err = private.EncodeKey(key); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := private.Create(d.path(name), data); err != nil {
			return err
		}
	}
	return errors.Join(private.SyncDir(d.path("keys")), private.SyncDir(string(d)))
}

// firstList signs version 1 of the trust list and names its anchor.
func firstList(root, event crypto.Signer, caDER []byte, now time.Time) (anchor, list []byte, err error) {
	signer, err := trust.NewSigner(root)
	if err != nil {
		return nil, nil, err
	}
	pinned := trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{signer.Public()}}
	if anchor, err = pinned.Encode(); err != nil {
		return nil, nil, err
	}
	keys, err := signingKeys(event.Public(), caDER)
	if err != nil {
		return nil, nil, err
	}
	list, err = trust.SignList(trust.List{
		Version: 1, Issued: now.Unix(), Expires: now.Add(fleet.ListLifetime).Unix(), Keys: keys, DeviceCAs: [][]byte{caDER},
	}, signer)
	return anchor, list, err
}

// signingKeys is what the trust list vouches for: the event key, for as long as
// the authority that was made with it. What bounds it earlier is the list's own end.
func signingKeys(event crypto.PublicKey, caDER []byte) ([]trust.Key, error) {
	pub, err := trust.NewPublicKey(event)
	if err != nil {
		return nil, fmt.Errorf("event key: %w", err)
	}
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		return nil, fmt.Errorf("device authority: %w", err)
	}
	return []trust.Key{{Role: trust.RoleEvent, Public: pub, NotBefore: ca.NotBefore.Unix(), NotAfter: ca.NotAfter.Unix()}}, nil
}

// newConfig writes the configuration of a new folder. On a loopback host, which
// is for trying things out, it takes ports that are free now, and the sandbox;
// otherwise the usual ports, devices on all addresses, and nothing for show.
func newConfig(ctx context.Context, dir string, hosts []string) (config, string, error) {
	c := defaults()
	c.DataDir, c.Hosts = dir, hosts
	near := loopback(net.JoinHostPort(hosts[0], "0"))
	var ports freePorts
	defer ports.release()
	for _, l := range []*string{&c.API.Listen, &c.Device.Listen, &c.MQTT.Listen} {
		host, usual, err := net.SplitHostPort(*l)
		if err != nil {
			return c, "", err
		}
		if !near && l != &c.API.Listen {
			host = ""
		}
		if near {
			if usual, err = ports.next(ctx, host); err != nil {
				return c, "", err
			}
		}
		*l = net.JoinHostPort(host, usual)
	}
	c.Sale.Sandbox = near
	quoted := make([]string, len(hosts))
	for i, h := range hosts {
		quoted[i] = strconv.Quote(h)
	}
	text := fmt.Sprintf(`# Made by central init. Every key that is not here has its default.
data_dir = %q
hosts = [%s]

[api]
listen = %q # plain HTTP; for others than this machine put TLS before it, or set certificate and key

[device]
listen = %q

[mqtt]
listen = %q

[sale]
sandbox = %t # payments that move no money
`, dir, strings.Join(quoted, ", "), c.API.Listen, c.Device.Listen, c.MQTT.Listen, c.Sale.Sandbox)
	if !near && named(hosts[0]) {
		text += fmt.Sprintf(`
[wallet] # where people reach the wallet; every passkey and ticket is bound to it for good
relying_party = %q
origin = %q
`, hosts[0], "https://"+hosts[0])
	}
	checked, err := parseConfig(text)
	if err != nil {
		return c, "", fmt.Errorf("init: %w", err)
	}
	return checked, text, nil
}

// named reports whether a host is a name that passkeys can be made for.
func named(host string) bool {
	return ticket.RelyingParty{ID: host, Origin: "https://" + host}.Check() == nil && strings.Trim(host, "0123456789.") != ""
}

// freePorts finds ports that nobody uses now, each another. They lie below those
// that systems give to outgoing connections, so that none of these takes one before
// it is listened on.
type freePorts struct{ taken []net.Listener }

const (
	firstFree = 20_000
	lastFree  = 32_767
)

// next holds the port until release, so that it is not found again.
func (f *freePorts) next(ctx context.Context, host string) (string, error) {
	var lc net.ListenConfig
	var last error
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastFree-firstFree+1))
		if err != nil {
			return "", err
		}
		port := strconv.FormatInt(firstFree+n.Int64(), 10)
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
		if err == nil {
			f.taken = append(f.taken, l)
			return port, nil
		}
		last = err
	}
	return "", last
}

func (f *freePorts) release() {
	for _, l := range f.taken {
		_ = l.Close()
	}
}
