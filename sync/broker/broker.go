// Package broker is the MQTT broker that central and a venue's hub run inside
// themselves: mutual TLS 1.3 only, one session per device certificate, and the
// topic table of package topic enforced on every publish, subscription, delivery
// and last will.
//
// It keeps retained messages in memory and nothing on disk: after a restart its
// owner publishes them again. It promises no delivery. It never lets one peer that
// does not read hold up another: what cannot be sent is queued up to a limit, and
// then the peer is disconnected. Session state is not kept beyond a connection.
//
// Devices are authenticated and then trusted as far as the topics of their role and
// their events go, not further: packets, queues, connections, subscriptions and retained topics are
// bounded for each, how often they speak is not. Messages are delivered at QoS 0,
// also to who asks for more: what waits for a PUBACK would have no other bound
// than the number of packet identifiers. What they say is signed and verified elsewhere. This is the only package that
// knows mochi-mqtt.
package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

// ErrConfig is wrapped by every error about the configuration.
var ErrConfig = errors.New("broker configuration")

// Config says what a Broker needs. The zero value of each optional field is its default.
type Config struct {
	// TLS holds the server's certificate and the authorities that client
	// certificates must chain to. ClientAuth must be RequireAndVerifyClientCert;
	// versions before 1.3 are turned off.
	TLS *tls.Config

	// Listen is the address to listen on, as "127.0.0.1:0".
	Listen string

	// Authorize says who a verified certificate belongs to and which events it is
	// for, or why it is not let in (revoked, expired, wrong role). It is called for
	// each connection and again every Recheck while the connection lasts; an answer
	// that differs ends the connection. It must be safe for concurrent use.
	Authorize func(cert *x509.Certificate) (topic.Client, error)

	Logger *slog.Logger
	Now    func() time.Time // the real time: it also sets the deadlines of the network

	MaxConnections int           // open at the same time, handshakes included; default 2048
	Handshake      time.Duration // from accept to a complete CONNECT; default 10 s
	WriteTimeout   time.Duration // a peer that takes nothing for so long is disconnected; default 10 s
	MaxIdle        time.Duration // longest silence, whatever keep-alive the peer asks for; default 3 min
	QueueBytes     int           // waiting for one peer; default 32 MiB
	Recheck        time.Duration // default 1 min

	MaxPerDevice     int // of those connections, with one certificate's name; default 8
	MaxSubscriptions int // of one session at the same time; default 1024
}

func (c *Config) defaults() {
	set(&c.MaxConnections, 2048)
	set(&c.Handshake, 10*time.Second)
	set(&c.WriteTimeout, 10*time.Second)
	set(&c.MaxIdle, 3*time.Minute)
	set(&c.QueueBytes, 32<<20)
	set(&c.Recheck, time.Minute)
	set(&c.MaxPerDevice, 8)
	set(&c.MaxSubscriptions, 1024)
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c *Config) check() error {
	switch {
	case c.TLS == nil || c.Authorize == nil || c.Logger == nil || c.Now == nil:
		return fmt.Errorf("%w: TLS, Authorize, Logger and Now are required", ErrConfig)
	case c.MaxConnections < 1 || c.MaxPerDevice < 1 || c.MaxSubscriptions < 1 || c.Handshake <= 0 || c.WriteTimeout <= 0 || c.MaxIdle <= 0 || c.Recheck <= 0 || c.QueueBytes < maxPacket:
		return fmt.Errorf("%w: a limit is out of range", ErrConfig)
	}
	return nil
}

// maxPacket is the largest packet that a client may send: a message of the largest
// size, its topic and headers.
const maxPacket = topic.MaxPayload + 1024

// Stats counts what happened since the start.
type Stats struct {
	Connected int    // devices with a session now
	Denied    uint64 // publishes, subscriptions and connections that were refused
	Dropped   uint64 // messages that a full queue could not take
}

// Broker is a running broker. Its methods are safe for concurrent use.
type Broker struct {
	cfg      Config
	tls      *tls.Config
	server   *mqtt.Server
	listener net.Listener
	slots    chan struct{} // one token per open connection
	stop     context.CancelFunc
	wg       sync.WaitGroup // the accept loop, the recheck loop and every connection

	denied, dropped atomic.Uint64

	mu       sync.Mutex
	open     map[*conn]struct{}        // guarded by mu; every connection, to be closed at the end
	sessions map[ticket.DeviceID]*conn // guarded by mu; the newest connection of each device
	closed   bool                      // guarded by mu
}

// New listens and starts to serve; [Broker.Close] ends it. The context is for
// listening and for the log, not for the broker's life. The error wraps
// [ErrConfig] or is about the address.
func New(ctx context.Context, cfg Config) (*Broker, error) {
	cfg.defaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	secure, err := strict(cfg.TLS)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", cfg.Listen, err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Broker{
		cfg: cfg, tls: secure, listener: listener, stop: stop, slots: make(chan struct{}, cfg.MaxConnections),
		open: make(map[*conn]struct{}), sessions: make(map[ticket.DeviceID]*conn),
		server: mqtt.New(options()),
	}
	if err := errors.Join(b.server.AddHook(&hook{broker: b, ctx: running}, nil), b.server.Serve()); err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("start broker: %w", err), listener.Close())
	}
	b.wg.Go(func() { b.accept(running) })
	b.wg.Go(func() { b.recheck(running) })
	return b, nil
}

// options raises the caps beyond which mochi loses messages without a word, and
// turns off what nobody here uses.
func options() *mqtt.Options {
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumPacketSize = maxPacket
	caps.MaximumInflight = math.MaxUint16            // 8,192 by default; beyond it QoS 1 is dropped silently
	caps.MaximumClientWritesPending = 16 * 1024      // a burst of retained deltas must fit
	caps.MaximumMessageExpiryInterval = 0            // else retained messages vanish after a day
	caps.MaximumQos = 1                              //
	caps.MinimumProtocolVersion = 4                  // 3.1.1; the hook refuses 5
	caps.SharedSubAvailable = 0                      //
	caps.SubIDAvailable = 0                          //
	caps.TopicAliasMaximum = 0                       //
	caps.Compatibilities.ObscureNotAuthorized = true // say no more than no
	return &mqtt.Options{
		Capabilities: caps,
		// mochi logs whole packets; the hook logs what matters.
		Logger:                 slog.New(slog.DiscardHandler),
		SysTopicResendInterval: 24 * 60 * 60, // stops the world each time, and nobody may read it
	}
}

// strict returns a copy of cfg that accepts nothing but mutual TLS 1.3.
func strict(cfg *tls.Config) (*tls.Config, error) {
	if cfg.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, fmt.Errorf("%w: TLS must require and verify client certificates", ErrConfig)
	}
	if len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return nil, fmt.Errorf("%w: TLS has no server certificate", ErrConfig)
	}
	out := cfg.Clone()
	out.MinVersion = tls.VersionTLS13
	if choose := cfg.GetConfigForClient; choose != nil {
		out.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(h)
			if err != nil || chosen == nil {
				return nil, err
			}
			return strict(chosen)
		}
	}
	return out, nil
}

// Addr is the address that the broker listens on.
func (b *Broker) Addr() net.Addr { return b.listener.Addr() }

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	n := len(b.sessions)
	b.mu.Unlock()
	return Stats{Connected: n, Denied: b.denied.Load(), Dropped: b.dropped.Load()}
}

// Disconnect ends a device's connection and reports whether it had one. Its last
// will is published. Whether it may come back is for Authorize to say.
func (b *Broker) Disconnect(device ticket.DeviceID) bool {
	b.mu.Lock()
	c := b.sessions[device]
	b.mu.Unlock()
	if c == nil {
		return false
	}
	_ = c.Close()
	return true
}

// Close stops listening, disconnects everybody and waits for all goroutines.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	for c := range b.open {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.stop()
	err := b.listener.Close()
	b.wg.Wait()
	return errors.Join(err, b.server.Close())
}
