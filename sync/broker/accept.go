package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/con-ting/conting/sync/topic"
)

// accept takes connections until the listener is closed.
func (b *Broker) accept(ctx context.Context) {
	for {
		raw, err := b.listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			b.cfg.Logger.ErrorContext(ctx, "connection not accepted", slog.Any("error", err))
			pause(ctx, 100*time.Millisecond) // out of file descriptors, most likely
			continue
		}
		select {
		case b.slots <- struct{}{}:
		default:
			b.denied.Add(1)
			b.cfg.Logger.WarnContext(ctx, "too many connections", slog.String("remote", raw.RemoteAddr().String()))
			_ = raw.Close()
			continue
		}
		b.wg.Go(func() {
			defer func() { <-b.slots }()
			b.handle(ctx, raw)
		})
	}
}

// handle serves one connection from its handshake to its end.
func (b *Broker) handle(ctx context.Context, raw net.Conn) {
	c, err := b.handshake(ctx, raw)
	if err != nil {
		_ = raw.Close()
		b.denied.Add(1)
		b.cfg.Logger.InfoContext(ctx, "connection refused", slog.String("remote", raw.RemoteAddr().String()), slog.Any("error", err))
		return
	}
	if err := b.register(c); err != nil {
		c.abort()
		b.denied.Add(1)
		b.cfg.Logger.WarnContext(ctx, "connection refused", slog.String("device", string(c.client.Device)), slog.Any("error", err))
		return
	}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		c.send()
	}()
	defer func() {
		if v := recover(); v != nil { // a packet that mochi did not expect must not end the sale
			b.cfg.Logger.ErrorContext(ctx, "connection handler failed", slog.String("device", string(c.client.Device)), slog.Any("panic", v))
		}
		close(c.done)
		_ = c.Close()
		b.unregister(c)
		<-sending
	}()
	// The end of a connection is no error here: the hook has logged why.
	_ = b.server.EstablishConnection("mqtt", c)
}

// handshake authenticates the peer. The deadline that it leaves on the connection
// covers the CONNECT packet too, for which mochi sets none.
func (b *Broker) handshake(ctx context.Context, raw net.Conn) (*conn, error) {
	if err := raw.SetDeadline(b.cfg.Now().Add(b.cfg.Handshake)); err != nil {
		return nil, err
	}
	secure := tls.Server(raw, b.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	state := secure.ConnectionState()
	if state.Version != tls.VersionTLS13 || len(state.PeerCertificates) == 0 || len(state.VerifiedChains) == 0 {
		return nil, errors.New("tls: no verified client certificate")
	}
	cert := state.PeerCertificates[0]
	client, err := b.cfg.Authorize(cert)
	if err != nil {
		return nil, fmt.Errorf("authorize: %w", err)
	}
	return &conn{
		Conn: secure, client: client, cert: cert, done: make(chan struct{}), ready: make(chan struct{}, 1),
		now: b.cfg.Now, timeout: b.cfg.WriteTimeout, maxIdle: b.cfg.MaxIdle, maxQueue: b.cfg.QueueBytes,
	}, nil
}

// register takes note of c. A device has one session, but also connections that
// have not said CONNECT yet or are on their way out: one device must not take all
// slots with those.
func (b *Broker) register(c *conn) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return net.ErrClosed
	}
	n := 0
	for other := range b.open {
		if other.client.Device == c.client.Device {
			n++
		}
	}
	if n >= b.cfg.MaxPerDevice {
		return fmt.Errorf("the device has %d connections already", n)
	}
	b.open[c] = struct{}{}
	return nil
}

func (b *Broker) unregister(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	if b.sessions[c.client.Device] == c {
		delete(b.sessions, c.client.Device)
	}
}

// takeover makes c the device's session and waits until the one before has ended,
// its last will included. mochi alone lets both overlap: then the old will may be
// published after the new birth, and the end of the old session can remove the new
// one from the table of clients, which stays connected and hears nothing.
func (b *Broker) takeover(ctx context.Context, c *conn) error {
	b.mu.Lock()
	old := b.sessions[c.client.Device]
	b.sessions[c.client.Device] = c
	b.mu.Unlock()
	if old == nil || old == c {
		return nil
	}
	_ = old.Close()
	t := time.NewTimer(b.cfg.Handshake)
	defer t.Stop()
	select {
	case <-old.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return errors.New("the device's earlier session does not end")
	}
}

// recheck asks again, from time to time, whether those who are connected may be:
// certificates end, and devices are revoked.
func (b *Broker) recheck(ctx context.Context) {
	tick := time.NewTicker(b.cfg.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.Recheck(ctx)
		}
	}
}

// errChanged ends a connection that began with other rights. What it has subscribed
// to, and what it has been sent, is sorted out by beginning again.
var errChanged = errors.New("the device has another role or other events now")

func same(a, b topic.Client) bool {
	return a.Device == b.Device && a.Role == b.Role && slices.Equal(a.Events, b.Events)
}

// Recheck asks Authorize about every connected device now, and disconnects those
// that it refuses or says something else about than before. Call it when a new
// trust list is in force.
func (b *Broker) Recheck(ctx context.Context) {
	b.mu.Lock()
	all := make([]*conn, 0, len(b.open))
	for c := range b.open {
		all = append(all, c)
	}
	b.mu.Unlock()
	for _, c := range all {
		now, err := b.cfg.Authorize(c.cert)
		if err == nil && !same(now, c.client) {
			err = errChanged
		}
		if err == nil {
			continue
		}
		b.denied.Add(1)
		b.cfg.Logger.WarnContext(ctx, "device disconnected", slog.String("device", string(c.client.Device)), slog.Any("error", err))
		_ = c.Close()
	}
}

// pause waits for d or the context's end.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
