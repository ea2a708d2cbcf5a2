package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/topic"
)

// office is what only one of the centrals that share a database has, and what the
// only one of them has as well: the broker (unless it is an external one), what
// speaks to it, and the work that goes on by itself. Each term begins with a new one,
// which finds out from the database where the last one was.
type office struct {
	broker    *broker.Broker // nil with an external one
	link      *link.Link
	publisher *publish.Publisher
	leases    *lease.Book
	outbox    *outbox.Outbox
}

// sharedPoll is how often the leader looks at what the others have written.
const sharedPoll = 250 * time.Millisecond

// openOffice makes an office. Nothing of it runs but the broker's listener.
func (s *server) openOffice(ctx context.Context) (_ *office, err error) {
	o := &office{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if err := o.openBroker(ctx, s); err != nil {
		return nil, err
	}
	if err := o.openPublisher(ctx, s); err != nil {
		return nil, err
	}
	o.leases, err = lease.New(ctx, lease.Config{
		Owners: owners{s.sale}, Link: o.link, Signer: s.keys.event, Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return nil, err
	}
	o.outbox, err = outbox.New(ctx, outbox.Config{
		Store: s.store.Outbox(), Consumers: s.consumers(), Observe: s.metrics, Logger: s.logger, Now: s.now,
	})
	return o, err
}

// consumers are those that the outbox is handed out to, beside the publisher, whose
// cursor moves in the transaction that stores its deltas.
func (s *server) consumers() []outbox.Consumer { return append(s.mintConsumers(), s.letters()) }

func (o *office) openBroker(ctx context.Context, s *server) (err error) {
	if s.cfg.MQTT.URL != "" {
		return nil
	}
	o.broker, err = broker.New(ctx, broker.Config{
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
	return s.fleet.Silence(ctx) // whoever was connected when the last broker died is not now
}

func (o *office) openPublisher(ctx context.Context, s *server) (err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// Central is a client of its own broker, so that another can take its place.
	own, server := s.cfg.MQTT.URL, ""
	if o.broker != nil {
		own, server = "tls://"+dialable(o.broker.Addr()), s.cfg.Hosts[0]
	}
	o.link, err = link.New(ctx, link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: own}},
		TLS: func() *tls.Config {
			c, err := s.ownCertificate(key)
			if err != nil {
				s.logger.ErrorContext(ctx, "own certificate", slog.Any("error", err))
				return nil
			}
			return &tls.Config{
				MinVersion: tls.VersionTLS13, RootCAs: s.keys.authority.Pool(), ServerName: server, Time: s.now,
				Certificates: []tls.Certificate{*c},
			}
		},
		ClientID:      fleet.CentralID,
		Subscriptions: []string{topic.AllJournals(), topic.AllStates()},
		OnMessage:     func(name string, data []byte) { s.hear(ctx, o, name, data) },
		OnState: func(st link.State) {
			o.publisher.Connected(st.Connected)
			o.leases.Connected(st.Connected)
		},
		Logger: s.logger, Now: s.now,
	})
	if err != nil {
		return err
	}
	o.publisher, err = s.newPublisher(ctx, o.link)
	return err
}

// newPublisher makes a publisher. One that does not run can still be asked what is
// on record.
func (s *server) newPublisher(ctx context.Context, to publish.Link) (*publish.Publisher, error) {
	cfg := publish.Config{
		Store: s.store.Publish(), Sales: s.store.Publish(), Devices: devices{s.fleet}, Link: to, Signer: s.keys.event,
		TrustList: func(ctx context.Context) ([]byte, error) {
			l, err := s.fleet.TrustList(ctx)
			return l.Data, err
		},
		Listings:    s.listings,
		BeaconEvery: s.cfg.Publish.BeaconEvery, GroupWithin: s.cfg.Publish.GroupWithin,
		MaxDeltas: s.cfg.Publish.MaxDeltas, SetLifetime: s.cfg.Publish.SetLifetime, Observe: s.metrics,
		Logger: s.logger, Now: s.now,
	}
	if s.cfg.Database.shared() {
		cfg.Poll = sharedPoll
	}
	return publish.New(ctx, cfg)
}

// close ends the broker.
func (o *office) close() error {
	if o.broker == nil {
		return nil
	}
	return o.broker.Close()
}

// brokers are what devices are told, in the order in which they try them.
func (s *server) brokers() []fleet.Endpoint {
	if len(s.cfg.MQTT.Endpoints) == 0 {
		return []fleet.Endpoint{{Name: "central", URL: s.addresses.MQTT}}
	}
	out := make([]fleet.Endpoint, len(s.cfg.MQTT.Endpoints))
	for i, url := range s.cfg.MQTT.Endpoints {
		out[i] = fleet.Endpoint{Name: fmt.Sprintf("central-%d", i+1), URL: url}
	}
	return out
}

// mqttAddress is where this central's broker is reached when it leads.
func (s *server) mqttAddress(o *office) string {
	switch {
	case s.cfg.MQTT.URL != "":
		return s.cfg.MQTT.URL
	case o != nil:
		return "tls://" + s.reach(o.broker.Addr())
	}
	_, port, err := net.SplitHostPort(s.cfg.MQTT.Listen)
	if err != nil {
		return ""
	}
	return "tls://" + net.JoinHostPort(s.cfg.Hosts[0], port)
}
