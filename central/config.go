package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/leader"
	"github.com/con-ting/conting/central/mail"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/settings"
)

// Where central looks when nobody says otherwise.
const (
	defaultConfig = "/etc/conting-central/central.toml"
	defaultData   = "/var/lib/conting-central"
)

// config is the whole configuration file. Each field's comment is its
// documentation; [defaults] holds the values in force when a key is absent. A
// key that is not listed here is an error.
type config struct {
	// DataDir holds keys, database and trust list, as central init made it:
	// owned by central's user, mode 0700. Default /var/lib/conting-central.
	DataDir string `toml:"data_dir"`

	// Hosts are the names and addresses under which devices reach central. They
	// stand in the server certificate; the first one stands in enrolment strings
	// and in what devices are told. Default ["127.0.0.1"].
	Hosts []string `toml:"hosts"`

	Log     logConfig     `toml:"log"`
	API     apiConfig     `toml:"api"`
	Device  deviceConfig  `toml:"device"`
	MQTT    mqttConfig    `toml:"mqtt"`
	Sale    saleConfig    `toml:"sale"`
	Publish publishConfig `toml:"publish"`
	Wallet  walletConfig  `toml:"wallet"`

	Identity identityConfig `toml:"identity"`
	Queue    queueConfig    `toml:"queue"`
	Account  accountConfig  `toml:"account"`
	Mail     mailConfig     `toml:"mail"`
	Database databaseConfig `toml:"database"`
	Pay      payConfig      `toml:"pay"`
	Cluster  clusterConfig  `toml:"cluster"`
	Mint     mintConfig     `toml:"mint"`
}

type logConfig struct {
	Level  string `toml:"level"`  // debug, info, warn or error. Default info.
	Format string `toml:"format"` // text or json. Default text.
}

type apiConfig struct {
	// Listen is the address of the order and admin API. Port 0 chooses a free
	// one; the addresses in use stand in DATA_DIR/addresses.json. Default
	// 127.0.0.1:8440.
	Listen string `toml:"listen"`

	// Certificate and Key are PEM files for TLS. Without them the API speaks
	// plain HTTP, which is allowed on a loopback address only: put a proxy that
	// speaks TLS before it.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`

	// PublicURL is the https:// address of the API that devices are told. Empty
	// tells them none.
	PublicURL string `toml:"public_url"`

	// Proxies are the addresses or prefixes of proxies whose X-Forwarded-For is
	// believed. Without the one that stands before central, all who come through it
	// count as one unknown source, and nothing is bounded by source. Default none.
	Proxies []string `toml:"proxies"`

	// Admin false shuts everything under /admin, whatever token is presented.
	// Default true.
	Admin bool `toml:"admin"`
}

type deviceConfig struct {
	// Listen is the address where devices enrol and renew, with TLS. It must be
	// reachable for them. Default 127.0.0.1:8441.
	Listen string `toml:"listen"`
}

type mqttConfig struct {
	// Listen is the address of the embedded broker, with mutual TLS. It must be
	// reachable for devices. Default 127.0.0.1:8883.
	Listen string `toml:"listen"`

	// Endpoints are the brokers that devices are told of, tls://host:port, in the
	// order in which they try them: with several centrals, mqtt.listen of each.
	// Default: this one's.
	Endpoints []string `toml:"endpoints"`

	// URL is an external broker, tls://host:port, instead of the embedded one.
	// Its certificate must come from the device authority in DATA_DIR/keys; its
	// access rules are yours to keep. Default none.
	URL string `toml:"url"`
}

type saleConfig struct {
	// Hold is how long a place stays held for payment, 10s to 1h. Default 5m.
	Hold time.Duration `toml:"hold"`

	// Sandbox offers the payment provider that moves no money. Default false;
	// central init turns it on for a loopback host only.
	Sandbox bool `toml:"sandbox"`
}

type publishConfig struct {
	// BeaconEvery is how often gates hear that nothing is new, 1s to 60s; they
	// take three missing ones for a broken line. Default 30s.
	BeaconEvery time.Duration `toml:"beacon_every"`

	// GroupWithin is how long a sale may wait for others to share its delta,
	// 1ms to 200ms. Default 100ms.
	GroupWithin time.Duration `toml:"group_within"`

	// MaxDeltas is how many deltas may follow a set before a new one is built,
	// 1 to 10000. Default 256.
	MaxDeltas uint64 `toml:"max_deltas"`

	// SetLifetime is how long a gate that hears nothing may work with a set, 1h
	// to 2160h. Default 168h.
	SetLifetime time.Duration `toml:"set_lifetime"`
}

type walletConfig struct {
	// RelyingParty is the domain that passkeys are made for, and Origin the https://
	// address at which people reach the API with the wallet. Passkeys and tickets
	// are bound to both for good: changing them later locks every holder out. They
	// belong together. Default: of api.public_url, or, where the API speaks plain
	// HTTP, localhost and http://localhost:PORT.
	RelyingParty string `toml:"relying_party"`
	Origin       string `toml:"origin"`
}

type identityConfig struct {
	// Fetch gets the status lists of listed issuers from the addresses that they
	// name, every FetchEvery. Without it, give them to central by POST
	// /admin/v1/status-lists. Default false.
	Fetch bool `toml:"fetch"`

	// FetchEvery is how often, 10s to 24h. Default 5m.
	FetchEvery time.Duration `toml:"fetch_every"`
}

func defaults() config {
	return config{
		DataDir: defaultData,
		Hosts:   []string{"127.0.0.1"},
		Log:     logConfig{Level: "info", Format: "text"},
		API:     apiConfig{Listen: "127.0.0.1:8440", Admin: true},
		Device:  deviceConfig{Listen: "127.0.0.1:8441"},
		MQTT:    mqttConfig{Listen: "127.0.0.1:8883"},
		Sale:    saleConfig{Hold: sale.DefaultHold},
		Publish: publishConfig{BeaconEvery: 30 * time.Second, GroupWithin: 100 * time.Millisecond, MaxDeltas: 256, SetLifetime: 7 * 24 * time.Hour},

		Queue:    defaultQueue(),
		Identity: identityConfig{FetchEvery: identity.DefaultFetchEvery},
		Cluster:  clusterConfig{Lease: leader.DefaultLease},
		Account:  accountConfig{JoinsPerSecond: account.DefaultJoinsPerSecond},
		Mail:     mailConfig{Security: string(mail.StartTLS)},
		Mint:     defaultMint(),
	}
}

// loadConfig reads the file. Errors wrap [settings.ErrBad].
func loadConfig(name string) (config, error) {
	c := defaults()
	err := settings.Load(name, &c)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config{}, hint.Errorf("make one with `central init --dir DIR`, or name another with --config", "%w", err)
	case err != nil:
		return config{}, err
	}
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// parseConfig is loadConfig for a text.
func parseConfig(text string) (config, error) {
	c := defaults()
	if err := settings.Parse(text, &c); err != nil {
		return config{}, err
	}
	return c, c.check()
}

// check reports the first value that central could not work with safely.
func (c *config) check() error {
	bad := func(what, key, format string, args ...any) error {
		return hint.Errorf(what, "%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	for key, listen := range map[string]string{"api.listen": c.API.Listen, "device.listen": c.Device.Listen, "mqtt.listen": c.MQTT.Listen} {
		if _, _, err := net.SplitHostPort(listen); err != nil {
			return bad("", key, "%s", err)
		}
	}
	for key, d := range map[string]struct{ got, least, most time.Duration }{
		"sale.hold":            {c.Sale.Hold, sale.MinHold, sale.MaxHold},
		"publish.beacon_every": {c.Publish.BeaconEvery, time.Second, time.Minute},
		"publish.group_within": {c.Publish.GroupWithin, time.Millisecond, 200 * time.Millisecond},
		"publish.set_lifetime": {c.Publish.SetLifetime, time.Hour, 90 * 24 * time.Hour},
		"cluster.lease":        {c.Cluster.Lease, leader.MinLease, leader.MaxLease},
		"identity.fetch_every": {c.Identity.FetchEvery, 10 * time.Second, 24 * time.Hour},
	} {
		if d.got < d.least || d.got > d.most {
			return bad("", key, "%s, want %s to %s", d.got, d.least, d.most)
		}
	}
	switch {
	case !filepath.IsAbs(c.DataDir):
		return bad("", "data_dir", "%q is not an absolute path", c.DataDir)
	case len(c.Hosts) == 0 || len(c.Hosts) > 16 || slices.ContainsFunc(c.Hosts, badHost):
		return bad("", "hosts", "%q, want 1 to 16 host names or addresses without ports", c.Hosts)
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level):
		return bad("", "log.level", "%q, want debug, info, warn or error", c.Log.Level)
	case c.Log.Format != "text" && c.Log.Format != "json":
		return bad("", "log.format", "%q, want text or json", c.Log.Format)
	case (c.API.Certificate == "") != (c.API.Key == ""):
		return bad("", "api.certificate", "it and api.key belong together")
	case c.API.Certificate == "" && !loopback(c.API.Listen):
		return bad("set api.certificate and api.key, or listen on 127.0.0.1 behind a proxy", "api.listen", "plain HTTP on %s", c.API.Listen)
	case c.API.PublicURL != "" && !secureURL(c.API.PublicURL, "https"):
		return bad("", "api.public_url", "%q is not https://host", c.API.PublicURL)
	case c.MQTT.URL != "" && (!secureURL(c.MQTT.URL, "tls") || port(c.MQTT.URL) == ""):
		return bad("", "mqtt.url", "%q is not tls://host:port", c.MQTT.URL)
	case (c.Wallet.RelyingParty == "") != (c.Wallet.Origin == ""):
		return bad("", "wallet.relying_party", "it and wallet.origin belong together")
	case c.Wallet.Origin != "" && c.ownParty().Check() != nil:
		return bad("use a domain, and an https:// origin within it, without a path", "wallet.relying_party", "%s", c.ownParty().Check())
	case c.Publish.MaxDeltas < 1 || c.Publish.MaxDeltas > 10_000:
		return bad("", "publish.max_deltas", "%d, want 1 to 10000", c.Publish.MaxDeltas)
	}
	return cmp.Or(c.checkCluster(), c.Queue.check(), checkProxies(c.API.Proxies), c.Account.check(), c.Mail.check(), c.Pay.check(), c.Mint.check())
}

func badHost(h string) bool {
	if h == "" || len(h) > 253 {
		return true
	}
	if _, err := netip.ParseAddr(h); err == nil {
		return false
	}
	return strings.Trim(strings.ToLower(h), "abcdefghijklmnopqrstuvwxyz0123456789-.") != ""
}

// loopback reports whether an address to listen on is this machine's alone.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func secureURL(s, scheme string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == scheme && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func port(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Port()
}

// logger writes to standard error; standard output belongs to results.
func (c *config) logger(w io.Writer) *slog.Logger {
	level := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[c.Log.Level]
	o := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
