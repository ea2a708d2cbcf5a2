package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/web"
	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

func (s *server) openFleet(ctx context.Context) (err error) {
	list, err := os.ReadFile(s.dir.path(listFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.fleet, err = fleet.New(ctx, fleet.Config{
		Store: s.store.Fleet(), Authority: s.keys.authority, Anchor: s.keys.anchor, Keys: s.keys.listed, Roots: s.keys.roots, List: list,
		Issuers:   s.store.Identity().Issuers,
		Host:      func() string { return s.reach(s.device.Addr()) },
		Endpoints: func() []fleet.Endpoint { return []fleet.Endpoint{{Name: "central", URL: s.addresses.MQTT}} },
		API:       func() string { return s.publicAPI() },
		OnRevoke: func(_ context.Context, id ticket.DeviceID) {
			if s.broker != nil {
				s.broker.Disconnect(id)
			}
		},
		OnList: func(context.Context, fleet.TrustList) {
			if s.publisher != nil {
				s.publisher.AnnounceTrust()
			}
		},
		Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return err
	}
	s.device.http = &http.Server{
		Handler: s.fleet.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 20 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, GetCertificate: s.cert.get, Time: s.now,
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.keys.authority.Pool(),
		},
	}
	return nil
}

// publicAPI is what devices are told: https or nothing.
func (s *server) publicAPI() string {
	if s.cfg.API.PublicURL == "" && s.cfg.API.Certificate != "" {
		return s.addresses.API
	}
	return s.cfg.API.PublicURL
}

func (s *server) openBroker(ctx context.Context) (err error) {
	if s.cfg.MQTT.URL != "" {
		s.addresses.MQTT = s.cfg.MQTT.URL
		return nil
	}
	s.broker, err = broker.New(ctx, broker.Config{
		TLS: &tls.Config{
			MinVersion: tls.VersionTLS13, GetCertificate: s.cert.get, Time: s.now,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.keys.authority.Pool(),
		},
		Listen: s.cfg.MQTT.Listen,
		Authorize: func(cert *x509.Certificate) (topic.Client, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), authorizing)
			defer cancel()
			return s.fleet.Authorize(ctx, cert)
		},
		Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return hint.Errorf("stop what listens there, or change mqtt.listen", "mqtt.listen: %w", err)
	}
	s.addresses.MQTT = "tls://" + s.reach(s.broker.Addr())
	return s.fleet.Silence(ctx) // whoever was connected when the last process died is not now
}

func (s *server) openPublisher(ctx context.Context) (err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// Central is a client of its own broker, so that another can take its place.
	own, server := s.addresses.MQTT, ""
	if s.broker != nil {
		own, server = "tls://"+dialable(s.broker.Addr()), s.cfg.Hosts[0]
	}
	s.link, err = link.New(ctx, link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: own}},
		TLS: func() *tls.Config {
			c, err := s.keys.authority.IssueDevice(&key.PublicKey, fleet.CentralID, trust.RoleCentral, nil, s.now())
			if err != nil {
				s.logger.ErrorContext(ctx, "own certificate", slog.Any("error", err))
				return nil
			}
			return &tls.Config{
				MinVersion: tls.VersionTLS13, RootCAs: s.keys.authority.Pool(), ServerName: server, Time: s.now,
				Certificates: []tls.Certificate{{Certificate: [][]byte{c.DER}, PrivateKey: key}},
			}
		},
		ClientID:      fleet.CentralID,
		Subscriptions: []string{topic.AllJournals(), topic.AllStates()},
		OnMessage:     func(name string, data []byte) { s.hear(ctx, name, data) },
		OnState: func(st link.State) {
			s.publisher.Connected(st.Connected)
			s.leases.Connected(st.Connected)
		},
		Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return err
	}
	if s.metrics, err = api.NewMetrics(version); err != nil {
		return err
	}
	s.publisher, err = publish.New(ctx, publish.Config{
		Store: s.store.Publish(), Sales: s.store.Publish(), Devices: devices{s.fleet}, Link: s.link, Signer: s.keys.event,
		TrustList: func(ctx context.Context) ([]byte, error) {
			l, err := s.fleet.TrustList(ctx)
			return l.Data, err
		},
		Listings:    s.listings,
		BeaconEvery: s.cfg.Publish.BeaconEvery, GroupWithin: s.cfg.Publish.GroupWithin,
		MaxDeltas: s.cfg.Publish.MaxDeltas, SetLifetime: s.cfg.Publish.SetLifetime, Observe: s.metrics,
		Logger: s.logger, Now: s.now,
	})
	return err
}

// dialable is how this process reaches an address that it listens on.
func dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

// hear routes what devices say.
func (s *server) hear(ctx context.Context, name string, data []byte) {
	n, err := topic.Parse(name)
	if err != nil {
		return // the subscriptions let nothing else in
	}
	switch n.Kind { //nolint:exhaustive // only these two are subscribed to
	case topic.DeviceJournal:
		if !s.publisher.Journal(n.Device, data) {
			s.logger.WarnContext(ctx, "too many journals at once; the device sends it again", slog.String("device", string(n.Device)))
		}
	case topic.DeviceState:
		st, err := topic.ParseState(data)
		if err == nil {
			err = s.fleet.Heard(ctx, n.Device, fleet.Presence{
				Epoch: st.Epoch, Online: st.Online, Version: st.Version, Set: st.Set, Delta: st.Delta, Unacked: st.Unacked, At: st.At,
			})
		}
		if err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "device state was not taken", slog.String("device", string(n.Device)), slog.Any("error", err))
		}
	}
}

func (s *server) openSale(ctx context.Context) error {
	challenge, err := s.dir.challengeKey()
	if err != nil {
		return err
	}
	providers := make(map[string]pay.Provider)
	if s.cfg.Sale.Sandbox {
		providers["sandbox"] = pay.NewSandbox()
	}
	if len(providers) == 0 {
		return hint.Errorf("set sandbox = true under [sale] to try central out; it moves no money", "no payment provider is configured: %w", settings.ErrBad)
	}
	s.sale, err = sale.New(ctx, sale.Config{
		Store: s.store, Providers: providers, Issuer: issuer{s.keys.event}, Verifier: verifier{},
		Now: s.now, Logger: s.logger, ChallengeKey: challenge, Hold: s.cfg.Sale.Hold, Changed: s.publisher.Wake,
	})
	return err
}

func (s *server) openAccounts(ctx context.Context) error {
	challenge, err := s.dir.challengeKey()
	if err != nil {
		return err
	}
	rp, err := s.cfg.relyingParty(s.api.Addr())
	if err != nil {
		return err
	}
	s.addresses.Wallet = rp.Origin + web.Base
	s.accounts, err = account.New(ctx, account.Config{
		Store: s.store.Accounts(), Verifier: passkeys{}, Rebinder: s.sale, RelyingParty: rp, ChallengeKey: challenge,
		Now: s.now, Logger: s.logger,
	})
	return err
}

func (s *server) openAPI(ctx context.Context) error {
	var token string
	if s.cfg.API.Admin {
		var err error
		if token, err = s.dir.text(tokenFile); err != nil {
			return err
		}
	}
	face, err := api.New(ctx, api.Config{
		Till: s.sale, Fleet: fleetPort{s.fleet, s.now}, Publisher: publisherPort{s.publisher}, Replies: s.store,
		Accounts: s.accounts, Identity: s.identity, Web: web.Handler(), Leases: s.leases, Receipts: receipts{s.store},
		Now: s.now, Logger: s.logger, AdminToken: token, Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	s.api.http = face.Server()
	if s.cfg.API.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.cfg.API.Certificate, s.cfg.API.Key)
		if err != nil {
			return hint.Errorf("check api.certificate and api.key", "API certificate: %w", err)
		}
		s.api.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	return nil
}
