package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/gate/uplink"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// uplinkRoom is the way to central and to the other gates: the uplink and its link.
type uplinkRoom struct {
	*uplink.Uplink
	link       *link.Link
	staleAfter time.Duration
	event      func() ticket.EventID // the one that is on
	renew      chan struct{}         // capacity 1: central asks for a renewal
}

// buildUplink joins uplink and link. A gate without brokers stays alone.
func (g *appliance) buildUplink(ctx context.Context) error {
	brokers := g.conf.brokers(g.id)
	if !g.conf.Uplink.Enabled || len(brokers) == 0 {
		g.log.InfoContext(ctx, "this gate stays off the network")
		return nil
	}
	u := &uplinkRoom{staleAfter: g.conf.Uplink.StaleAfter, event: g.situation.event, renew: make(chan struct{}, 1)}
	var err error
	u.Uplink, err = uplink.New(ctx, uplink.Config{
		Store: g.store, Device: g.id.Device(), Gate: g.id.Gate(), Signer: g.id.Signer(),
		Certificate: func() []byte { return g.id.Certificate().Raw },
		Anchor:      g.id.Anchor(), Events: g.id.Events(), TrustList: g.id.TrustList(),
		Version: version, Logger: g.log, Now: func() time.Time { return g.clock.Read().Now }, Steady: g.now,
		OnKeyring:      func(k *trust.Keyring, l *trust.List) { g.trust(ctx, k, l) },
		OnChange:       func(ticket.EventID) { g.refreshSoon() },
		OnBeacon:       g.clock.Beacon,
		OnCommand:      u.command,
		OpenStatusList: g.issued.open, OnStatusList: g.issued.keep,
		DegradeAfter: g.conf.Uplink.DegradeAfter, RestoreAfter: g.conf.Uplink.RestoreAfter,
	})
	if err != nil {
		return diskError(err)
	}
	u.link, err = link.New(ctx, g.linkConfig(u, brokers))
	if err != nil {
		return fmt.Errorf("uplink: %w", err)
	}
	g.uplink = u
	return nil
}

// reconnectPause is the longest pause between two attempts to reach a broker. A
// venue's gates are few and its cable is mended by somebody who stands there and
// waits: the pause must stay short however long the cut was. Half of it is
// random, so that all lanes do not come back at the same moment.
const reconnectPause = 3 * time.Second

// linkConfig is the link of this gate.
func (g *appliance) linkConfig(u *uplinkRoom, brokers []identity.Endpoint) link.Config {
	endpoints := make([]link.Endpoint, 0, len(brokers))
	for _, b := range brokers {
		endpoints = append(endpoints, link.Endpoint(b))
	}
	return link.Config{
		Endpoints: endpoints, TLS: func() *tls.Config { return g.id.TLS() }, ClientID: g.id.Device(),
		Will: u.Will, Birth: u.Birth, Subscriptions: u.Subscriptions(), OnMessage: u.Handle,
		OnState: func(s link.State) {
			u.LinkChanged(s)
			g.refreshSoon()
		},
		Outbox: u.Uplink, Logger: g.log, Now: g.now, KeepAlive: g.conf.Uplink.KeepAlive, BackoffMax: reconnectPause,
	}
}

// trust puts a newer trust list in force for passes and for connections.
func (g *appliance) trust(ctx context.Context, k *trust.Keyring, l *trust.List) {
	g.keyring.Store(k)
	g.adopt(ctx, l)
	if err := g.id.Adopt(l); err != nil {
		g.log.ErrorContext(ctx, "device authorities of the trust list were not adopted", slog.Any("error", err))
	}
}

// command obeys what central asks of the appliance itself.
func (u *uplinkRoom) command(c topic.Command) {
	if c.Action != topic.Renew {
		return
	}
	select {
	case u.renew <- struct{}{}:
	default:
	}
}

// run works until the context ends: the link first, so that the uplink always
// has one to speak to, and the uplink ends first.
func (u *uplinkRoom) run(ctx context.Context) error {
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	ended := make(chan error, 1)
	go func() { ended <- u.link.Run(linked) }()
	err := u.Run(ctx, u.link)
	unlink()
	if lerr := <-ended; err == nil {
		err = lerr
	}
	return err
}

// renewals renews the certificate when central asks for it; it does so by itself
// in time, see [identity.KeepFresh].
func (g *appliance) renewals(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.uplink.renew:
		}
		if err := g.id.Renew(ctx); err != nil && ctx.Err() == nil {
			g.log.WarnContext(ctx, "certificate not renewed at central's request", slog.Any("error", err))
		}
	}
}

// lastWords is how long a stopping gate waits for central to take the rest of
// its journal. What is left stays on the disk and goes out at the next start.
const lastWords = 2 * time.Second

// flush gives the journal a last chance.
func (g *appliance) flush(ctx context.Context) {
	g.uplink.Wake()
	fire, stop := after(lastWords)
	defer stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if s := g.uplink.Status(); !s.Link.Connected || s.Acked >= g.headSeq(ctx) {
			return
		}
		select {
		case <-look.C:
		case <-fire:
			return
		}
	}
}

func (g *appliance) headSeq(ctx context.Context) uint64 {
	head, err := g.store.Head(ctx)
	if err != nil {
		return 0
	}
	return head.Seq
}

// mode is whom the gate can ask.
func (u *uplinkRoom) mode() admit.Mode {
	switch u.Mode() {
	case journal.Hub:
		return admit.ModeHub
	case journal.Central:
		return admit.ModeCentral
	case journal.Peers:
		return admit.ModePeers
	case journal.Alone:
		return admit.ModeAlone
	}
	return admit.ModeAlone
}

// lease is how the session with that id fares. A gate that stays off the network
// has heard of none.
func (g *appliance) lease(event ticket.EventID, id [8]byte) admit.LeaseState {
	if g.uplink == nil {
		return admit.LeaseUnknown
	}
	return g.uplink.Lease(event, id)
}

// current returns the status of the event that is on.
func (u *uplinkRoom) current() (uplink.Status, uplink.EventStatus) {
	s, id := u.Status(), u.event()
	for _, e := range s.Events {
		if e.Event == id {
			return s, e
		}
	}
	return s, uplink.EventStatus{}
}

// stale reports whether central has been silent for too long.
func (u *uplinkRoom) stale(now time.Time) bool {
	_, e := u.current()
	return e.Beacon.IsZero() || now.Sub(e.Beacon) > u.staleAfter
}

// status adds what the screen's bar shows of the world.
func (u *uplinkRoom) status(p *panel.Status, now time.Time) {
	s, e := u.current()
	p.Unacked = s.Unacked
	if !e.Beacon.IsZero() {
		p.Behind = max(now.Sub(e.Beacon), 0)
	}
}

// describe adds it to an event of --events.
func (u *uplinkRoom) describe(e *event, now time.Time) {
	s, _ := u.current()
	e.Connected, e.Endpoint, e.Unacked, e.Stale = &s.Link.Connected, s.Link.Endpoint, s.Unacked, u.stale(now)
}
