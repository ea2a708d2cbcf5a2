package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/web"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
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
		Endpoints: s.brokers,
		API:       func() string { return s.publicAPI() },
		OnRevoke:  func(_ context.Context, id ticket.DeviceID) { s.disconnect(id) },
		OnList:    func(context.Context, fleet.TrustList) { s.announceTrust() },
		Logger:    s.logger, Now: s.now,
	})
	if err != nil {
		return err
	}
	s.device.http = &http.Server{
		Handler: s.peers(s.fleet.Handler()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
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

// dialable is how this process reaches an address that it listens on.
func dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

// hear routes what devices say.
func (s *server) hear(ctx context.Context, o *office, name string, data []byte) {
	n, err := topic.Parse(name)
	if err != nil {
		return // the subscriptions let nothing else in
	}
	switch n.Kind { //nolint:exhaustive // only these two are subscribed to
	case topic.DeviceJournal:
		if !o.publisher.Journal(n.Device, data) {
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
	providers, err := s.openPay(ctx)
	if err != nil {
		return err
	}
	s.sale, err = sale.New(ctx, sale.Config{
		Store: s.store, Providers: providers, Issuer: issuer{s.keys.event}, Verifier: verifier{},
		Now: s.now, Logger: s.logger, ChallengeKey: challenge, Hold: s.cfg.Sale.Hold, Changed: s.wake, Door: s.queue,
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
		Till: s.sale, Fleet: fleetPort{s.fleet, s.now}, Publisher: publisherPort{s.publisher}, Leader: s, Replies: s.store,
		Accounts: s.accounts, Minter: s.access, Bearer: s.access, Queue: s.queue, Proxies: s.cfg.API.Proxies, Identity: s.identity, Web: web.Handler(), Leases: sessions{s}, Receipts: receipts{s.store},
		Mint: s.mintFace(),
		Now:  s.now, Logger: s.logger, AdminToken: token, Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	s.api.http = face.Server()
	s.api.http.RegisterOnShutdown(s.queue.Close) // streams would outlast the drain
	if s.cfg.API.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.cfg.API.Certificate, s.cfg.API.Key)
		if err != nil {
			return hint.Errorf("check api.certificate and api.key", "API certificate: %w", err)
		}
		s.api.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	return nil
}
