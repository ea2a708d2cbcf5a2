package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/leader"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/trust"
)

// clusterConfig is for several centrals on one PostgreSQL database. Each has a data
// folder of its own, with the same keys: see central init --join.
type clusterConfig struct {
	// Address is where the other centrals reach this one's device.listen, host:port;
	// the host is one of hosts. Default: the first of hosts, with the port of
	// device.listen.
	Address string `toml:"address"`

	// Lease is how long the leader may be silent before another central takes its
	// work over, 1s to 10m. It is the same for all. Default 20s.
	Lease time.Duration `toml:"lease"`
}

func (c *config) checkCluster() error {
	bad := func(what, key, format string, args ...any) error {
		return hint.Errorf(what, "%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	if c.Cluster.Address != "" {
		host, _, err := net.SplitHostPort(c.Cluster.Address)
		if err != nil || !slices.Contains(c.Hosts, host) {
			return bad("", "cluster.address", "%q is not host:port with one of hosts", c.Cluster.Address)
		}
	}
	if len(c.MQTT.Endpoints) > maxEndpoints {
		return bad("", "mqtt.endpoints", "%d, want at most %d", len(c.MQTT.Endpoints), maxEndpoints)
	}
	for _, e := range c.MQTT.Endpoints {
		if !secureURL(e, "tls") || port(e) == "" {
			return bad("", "mqtt.endpoints", "%q is not tls://host:port", e)
		}
	}
	if _, p, err := net.SplitHostPort(c.MQTT.Listen); c.Database.shared() && c.MQTT.URL == "" && err == nil && p == "0" {
		return bad("choose a port: whoever leads listens there", "mqtt.listen", "port 0 with a database that is shared")
	}
	return nil
}

// maxEndpoints is how many brokers a device is told of.
const maxEndpoints = 8

const instanceFile = "instance"

// instance names this data folder among those that share a database. It is made when
// it is first needed and never copied with the keys.
func (d folder) instance() (string, error) {
	name, err := private.ReadLine(d.path(instanceFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	name = hex.EncodeToString(raw)
	return name, private.Create(d.path(instanceFile), []byte(name+"\n"))
}

// cluster is this central among those that share a database.
type cluster struct {
	election *leader.Election
	peers    *http.Client
}

var _ api.Leader = (*server)(nil)

// openCluster makes this central run for the seat, if it shares a database.
func (s *server) openCluster(ctx context.Context) error {
	if !s.cfg.Database.shared() {
		return nil
	}
	holder, err := s.dir.instance()
	if err != nil {
		return err
	}
	address := s.cfg.Cluster.Address
	if address == "" {
		address = s.reach(s.device.Addr())
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	election, err := leader.New(ctx, leader.Config{
		Store: s.store.Lease(seatName), Holder: holder, Address: address, Lease: s.cfg.Cluster.Lease,
		Work:   func(ctx context.Context, _ uint64) error { return s.lead(ctx, nil) },
		Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return err
	}
	s.cluster = &cluster{election: election, peers: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS13, RootCAs: s.keys.authority.Pool(), Time: s.now,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.ownCertificate(key) },
			},
			DialContext:         (&net.Dialer{Timeout: peerTimeout}).DialContext,
			TLSHandshakeTimeout: peerTimeout, IdleConnTimeout: time.Minute,
		},
	}}
	return nil
}

// peerTimeout bounds the steps of asking another central.
const peerTimeout = 5 * time.Second

// ownCertificate is what this process is to brokers and other centrals.
func (s *server) ownCertificate(key *ecdsa.PrivateKey) (*tls.Certificate, error) {
	c, err := s.keys.authority.IssueDevice(&key.PublicKey, fleet.CentralID, trust.RoleCentral, nil, s.now())
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{c.DER}, PrivateKey: key}, nil
}

// Leads implements [api.Leader].
func (s *server) Leads() bool { return s.office.Load() != nil }

// awaitLeader waits until somebody leads, but not for ever: a central that does not
// know who leads sells all the same.
func (s *server) awaitLeader(ctx context.Context) {
	if s.cluster == nil {
		return
	}
	over := time.NewTimer(2 * s.cfg.Cluster.Lease)
	defer over.Stop()
	tick := time.NewTicker(s.cfg.Cluster.Lease / 200)
	defer tick.Stop()
	for {
		if address, self := s.cluster.election.Leader(); self && s.Leads() || !self && address != "" {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			s.logger.WarnContext(ctx, "no central leads yet; gates hear nothing new until one does")
			return
		case <-tick.C:
		}
	}
}

// forwardedKey marks the context of a request that another central has forwarded.
type forwardedKey struct{}

// hopByHop are the headers that concern one connection, or that say where a request
// came from to those who believe it.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Forwarded-For",
}

// Forward implements [api.Leader]. The context of r bounds it.
func (s *server) Forward(w http.ResponseWriter, r *http.Request) error {
	switch {
	case r.Context().Value(forwardedKey{}) != nil:
		return fmt.Errorf("%w: another central thought that this one does", api.ErrNoLeader)
	case s.cluster == nil:
		return fmt.Errorf("%w: it has not begun", api.ErrNoLeader)
	}
	address, self := s.cluster.election.Leader()
	if address == "" || self {
		return fmt.Errorf("%w yet", api.ErrNoLeader)
	}
	out := r.Clone(r.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host, out.URL.Path = "", "https", address, peerPrefix+r.URL.Path
	if out.URL.RawPath != "" {
		out.URL.RawPath = peerPrefix + out.URL.RawPath
	}
	for _, h := range hopByHop {
		out.Header.Del(h)
	}
	resp, err := s.cluster.peers.Do(out) // #nosec G704 -- the address is the leader's own, from the database
	if err != nil {
		return fmt.Errorf("%w that answers: %w", api.ErrNoLeader, err)
	}
	defer func() { _ = resp.Body.Close() }()
	for name, values := range resp.Header {
		if !slices.Contains(hopByHop, name) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, err = io.Copy(w, resp.Body)
	if err != nil && r.Context().Err() == nil {
		s.logger.WarnContext(r.Context(), "the answer of the central that leads was cut off", slog.Any("error", err))
	}
	return nil
}

// peerPrefix is where centrals ask each other, on the listener for devices.
const peerPrefix = "/peer"

// peers serves the API to other centrals, who show a certificate that only a central
// can have made for itself. Everybody else gets to the devices' own routes.
func (s *server) peers(devices http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, peerPrefix+"/")
		if !ok || s.cluster == nil {
			devices.ServeHTTP(w, r)
			return
		}
		if !s.isPeer(r) {
			http.Error(w, "not a central", http.StatusForbidden)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), forwardedKey{}, true))
		r.URL.Path = "/" + path
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, peerPrefix)
		s.api.http.Handler.ServeHTTP(w, r)
	})
}

func (s *server) isPeer(r *http.Request) bool {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return false
	}
	client, err := s.fleet.Authorize(r.Context(), r.TLS.PeerCertificates[0])
	return err == nil && client.Role == trust.RoleCentral && client.Device == fleet.CentralID
}
