package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAddress is an address that this package cannot use.
var ErrAddress = errors.New("want redis://HOST[:PORT][/DB], redis-cluster://HOST:PORT,… or redis-sentinel://HOST:PORT,…/NAME, with rediss for TLS and no password")

// Limits of what may be configured, and what holds where nothing is.
const (
	maxAddress   = 2048
	maxHosts     = 64
	maxDatabase  = 1 << 14
	defaultPort  = "6379"
	sentinelPort = "26379"
	poolSize     = 16 // connections to one server; batches share few
)

// kind is how the servers at an address belong together.
type kind int

const (
	single kind = iota
	cluster
	sentinel
)

// address is one checked [Config.URL].
type address struct {
	kind     kind
	tls      bool
	hosts    []string // host:port
	user     string
	database int    // single and sentinel only
	master   string // sentinel only: the name that the sentinels know the master by
}

// CheckURL reports why an address is not one that [New] takes; errors wrap
// [ErrAddress].
func CheckURL(text string) error {
	_, err := parse(text)
	return err
}

// parse reads an address. It never puts the text into an error: somebody may have
// put a password there.
func parse(text string) (address, error) {
	if len(text) > maxAddress {
		return address{}, fmt.Errorf("%d bytes: %w", len(text), ErrAddress)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return address{}, fmt.Errorf("no scheme: %w", ErrAddress)
	}
	var a address
	port := defaultPort
	switch scheme {
	case "redis", "rediss":
	case "redis-cluster", "rediss-cluster":
		a.kind = cluster
	case "redis-sentinel", "rediss-sentinel":
		a.kind, port = sentinel, sentinelPort
	default:
		return address{}, fmt.Errorf("another scheme: %w", ErrAddress)
	}
	a.tls = strings.HasPrefix(scheme, "rediss")
	if strings.ContainsAny(rest, "?#") {
		return address{}, fmt.Errorf("a query or fragment: %w", ErrAddress)
	}
	authority, path, _ := strings.Cut(rest, "/")
	if user, hosts, ok := strings.Cut(authority, "@"); ok {
		name, err := url.PathUnescape(user)
		if err != nil || name == "" || strings.Contains(user, ":") {
			return address{}, fmt.Errorf("before the @ is more than a user: %w", ErrAddress)
		}
		a.user, authority = name, hosts
	}
	hosts := strings.Split(authority, ",")
	if len(hosts) > maxHosts || a.kind == single && len(hosts) != 1 {
		return address{}, fmt.Errorf("%d hosts: %w", len(hosts), ErrAddress)
	}
	for _, h := range hosts {
		full, err := hostPort(h, port)
		if err != nil {
			return address{}, err
		}
		a.hosts = append(a.hosts, full)
	}
	return a, a.setPath(path)
}

// setPath reads what stands after the hosts.
func (a *address) setPath(path string) (err error) {
	database := path
	switch a.kind {
	case cluster:
		if path != "" {
			return fmt.Errorf("a cluster has one database: %w", ErrAddress)
		}
	case sentinel:
		a.master, database, _ = strings.Cut(path, "/")
		if a.master, err = url.PathUnescape(a.master); err != nil || a.master == "" {
			return fmt.Errorf("no name of the master: %w", ErrAddress)
		}
	case single:
	}
	if database == "" {
		return nil
	}
	if a.database, err = strconv.Atoi(database); err != nil || a.database < 0 || a.database >= maxDatabase {
		return fmt.Errorf("the database is no number: %w", ErrAddress)
	}
	return nil
}

// hostPort completes one host with a port.
func hostPort(text, port string) (string, error) {
	u, err := url.Parse("x://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" {
		return "", fmt.Errorf("a host: %w", ErrAddress)
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("a port: %w", ErrAddress)
		}
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// dial makes the client. It connects to nothing yet.
func (a address) dial(cfg Config) client.UniversalClient {
	o := &client.UniversalOptions{
		Addrs: a.hosts, DB: a.database, MasterName: a.master, IsClusterMode: a.kind == cluster,
		Username: a.user, Password: cfg.Password,
		// A command is tried again by the engine, which knows what may be repeated; a
		// cluster's redirects are no such tries.
		MaxRetries: -1, MaxRedirects: 4,
		DialTimeout: cfg.Timeout, ReadTimeout: cfg.Timeout, WriteTimeout: cfg.Timeout, ContextTimeoutEnabled: true,
		DialerRetries: 1,
		PoolSize:      poolSize, PoolTimeout: cfg.Timeout, PipelinePoolSize: -1,
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if a.tls {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Authorities}
	}
	return client.NewUniversalClient(o)
}
