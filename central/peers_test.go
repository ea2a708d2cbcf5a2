package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// peerRig is the devices' listener of a central of a cluster.
type peerRig struct {
	s    *server
	url  string
	seen chan *http.Request
}

func newPeerRig(t *testing.T) *peerRig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "d")
	run(t, "init", "--dir", dir, "--host", "127.0.0.1")
	cfg, err := loadConfig(filepath.Join(dir, configFile))
	must(t, err)
	s := &server{cfg: cfg, dir: folder(dir), logger: slog.New(slog.DiscardHandler), now: time.Now}
	s.keys, err = s.dir.loadKeys()
	must(t, err)
	s.cert, err = s.dir.loadCert(s.keys, cfg.Hosts, time.Now())
	must(t, err)
	s.store, err = store.Open(t.Context(), store.Config{Path: s.dir.path(databaseFile), Now: time.Now, Logger: s.logger})
	must(t, err)
	t.Cleanup(func() { must(t, s.store.Close()) })
	must(t, s.openFleet(t.Context()))
	s.cluster = &cluster{}
	r := &peerRig{s: s, seen: make(chan *http.Request, 1)}
	s.api.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		r.seen <- got
		_, _ = io.WriteString(w, "the API")
	})}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	s.device.Listener = l
	done := make(chan error, 1)
	go func() { done <- s.device.serve() }()
	t.Cleanup(func() {
		must(t, s.device.http.Close())
		must(t, <-done)
	})
	r.url = "https://" + l.Addr().String()
	return r
}

// get asks with a certificate of the authority, or with none.
func (r *peerRig) get(t *testing.T, path string, id ticket.DeviceID, role trust.Role) (int, string) {
	t.Helper()
	c := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: r.s.keys.authority.Pool()}
	if id != "" {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		cert, err := r.s.keys.authority.IssueDevice(&key.PublicKey, id, role, nil, time.Now())
		must(t, err)
		c.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.DER}, PrivateKey: key}}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	must(t, err)
	resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: c}}).Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

// TestPeers: only a central gets to the API by way of the devices' listener, and what
// it asks there is never forwarded on.
func TestPeers(t *testing.T) {
	r := newPeerRig(t)
	for name, c := range map[string]struct {
		id   ticket.DeviceID
		role trust.Role
	}{"nobody": {}, "a gate": {"gate-1", trust.RoleGate}, "a gate named central": {fleet.CentralID, trust.RoleGate}, "a central of another name": {"central-2", trust.RoleCentral}} {
		if status, text := r.get(t, "/peer/admin/v1/events", c.id, c.role); status != http.StatusForbidden {
			t.Errorf("%s: %d %s, want 403", name, status, text)
		}
	}
	status, text := r.get(t, "/peer/v1/wallet/leases/a%2Fb/beat?x=1", fleet.CentralID, trust.RoleCentral)
	if status != http.StatusOK || text != "the API" {
		t.Fatalf("a central: %d %s", status, text)
	}
	got := <-r.seen
	if got.URL.EscapedPath() != "/v1/wallet/leases/a%2Fb/beat" || got.URL.RawQuery != "x=1" {
		t.Errorf("the API was asked for %s", got.URL)
	}
	if err := r.s.Forward(httptest.NewRecorder(), got); !errors.Is(err, api.ErrNoLeader) {
		t.Errorf("what a central has forwarded is forwarded on: %v", err)
	}
	if status, _ := r.get(t, "/peerage", fleet.CentralID, trust.RoleCentral); status != http.StatusNotFound {
		t.Errorf("another path: %d, want the devices' 404", status)
	}
	r.s.cluster = nil
	if status, _ := r.get(t, "/peer/v1/events", fleet.CentralID, trust.RoleCentral); status != http.StatusNotFound {
		t.Errorf("without a cluster: %d, want 404", status)
	}
}

// TestForwardNowhere: without a leader that answers, a person is told to wait.
func TestForwardNowhere(t *testing.T) {
	s := &server{cfg: defaults(), logger: slog.New(slog.DiscardHandler), now: time.Now}
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/admin/v1/events", strings.NewReader("{}"))
	if err := s.Forward(httptest.NewRecorder(), req); !errors.Is(err, api.ErrNoLeader) {
		t.Errorf("without a cluster: %v", err)
	}
}

// TestClusterConfig: what several centrals cannot work with is refused.
func TestClusterConfig(t *testing.T) {
	shared := "[database]\nurl_file = \"/x\"\n"
	for text, ok := range map[string]bool{
		shared: true,
		shared + "[mqtt]\nlisten = \"127.0.0.1:0\"\n":                              false,
		"[mqtt]\nlisten = \"127.0.0.1:0\"\n":                                       true,
		shared + "[mqtt]\nurl = \"tls://broker:8883\"\nlisten = \"127.0.0.1:0\"\n": true,
		"hosts = [\"a\", \"b\"]\n[cluster]\naddress = \"b:1\"\n":                   true,
		"hosts = [\"a\", \"b\"]\n[cluster]\naddress = \"c:1\"\n":                   false,
		"[cluster]\naddress = \"127.0.0.1\"\n":                                     false,
		"[cluster]\nlease = \"100ms\"\n":                                           false,
		"[cluster]\nlease = \"1h\"\n":                                              false,
		"[mqtt]\nendpoints = [\"tls://a:1\", \"tls://b:2\"]\n":                     true,
		"[mqtt]\nendpoints = [\"tcp://a:1\"]\n":                                    false,
		"[mqtt]\nendpoints = [\"tls://a\"]\n":                                      false,
		"[mqtt]\nendpoints = [" + strings.Repeat("\"tls://a:1\", ", 9) + "]\n":     false,
		"[database]\nurl = \"postgres://secret\"\n":                                false, // by file only
	} {
		if _, err := parseConfig(text); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", text, err, ok)
		}
	}
}
