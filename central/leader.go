package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
)

// openLeader makes this central run for the seat, or, where it is the only one, opens
// its office at once, so that nothing runs before all of it can.
func (s *server) openLeader(ctx context.Context) error {
	if s.cfg.Database.shared() {
		s.addresses.MQTT = s.mqttAddress(nil)
		return s.openCluster(ctx)
	}
	o, err := s.openOffice(ctx)
	if err != nil {
		return err
	}
	s.addresses.MQTT = s.mqttAddress(o)
	s.office.Store(o)
	return nil
}

// runLeader leads until ctx ends, or whenever it is this central's turn.
func (s *server) runLeader(ctx context.Context) error {
	if s.cluster != nil {
		return s.cluster.election.Run(ctx)
	}
	return s.lead(ctx, s.office.Load())
}

// lead does the leader's work until ctx ends, or until a part of it cannot go on. It
// opens an office unless it is given one.
func (s *server) lead(ctx context.Context, o *office) (err error) {
	if o == nil {
		if o, err = s.openOffice(ctx); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, o.close()) }()
	s.office.Store(o)
	defer s.office.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.publisher.Run(ctx) })
	g.Go(func() error { return o.link.Run(ctx) })
	g.Go(func() error { return o.leases.Run(ctx) })
	g.Go(func() error { return o.outbox.Run(ctx) })
	g.Go(func() error { return ignoreCanceled(s.sale.Run(ctx)) })
	g.Go(func() error { return ignoreCanceled(s.sale.Attend(ctx)) })
	g.Go(func() error { return ignoreCanceled(s.identity.Run(ctx)) })
	g.Go(func() error { return s.runMint(ctx) })
	g.Go(func() error { return s.walkMint(ctx) })
	g.Go(func() error { return s.keepTrust(ctx, o) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("leader's work: %w", err)
	}
	return nil
}

// wake says that there is something new in the outbox. Another central's leader sees
// it by itself.
func (s *server) wake() {
	if o := s.office.Load(); o != nil {
		o.publisher.Wake()
		o.outbox.Wake()
	}
}

// announceTrust says that the trust list or a status list is new. Another central's
// leader sees it by itself.
func (s *server) announceTrust() {
	if o := s.office.Load(); o != nil {
		o.publisher.AnnounceTrust()
	}
}

// disconnect ends the connection of a device that was taken out of the fleet.
func (s *server) disconnect(id ticket.DeviceID) {
	if o := s.office.Load(); o != nil && o.broker != nil {
		o.broker.Disconnect(id)
	}
}

// trustPoll is how often the leader looks whether another central has signed a trust
// list.
const trustPoll = 2 * time.Second

// keepTrust renews the trust list in time, and announces one that another central has
// signed.
func (s *server) keepTrust(ctx context.Context, o *office) error {
	house := time.NewTicker(housekeep)
	defer house.Stop()
	poll := time.NewTicker(trustPoll)
	defer poll.Stop()
	if !s.cfg.Database.shared() {
		poll.Stop()
	}
	var announced uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-house.C:
			if err := s.fleet.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.logger.ErrorContext(ctx, "trust list was not renewed", slog.Any("error", err))
			}
		case <-poll.C:
			version, err := s.followTrust(ctx, o, announced)
			if err != nil && ctx.Err() == nil {
				s.logger.WarnContext(ctx, "trust list was not looked at; it is tried again", slog.Any("error", err))
			}
			announced = version
		}
	}
}

// followTrust announces a list that is newer than the one of a version, and ends the
// connections of those whom it may have been signed for.
func (s *server) followTrust(ctx context.Context, o *office, announced uint64) (uint64, error) {
	list, err := s.fleet.TrustList(ctx)
	if errors.Is(err, fleet.ErrNotFound) || err == nil && list.Version == announced {
		return announced, nil
	}
	if err != nil {
		return announced, err
	}
	revoked, err := s.store.Fleet().Revoked(ctx, s.now().Unix())
	if err != nil {
		return announced, err
	}
	if o.broker != nil {
		for _, id := range revoked {
			o.broker.Disconnect(id)
		}
	}
	o.publisher.AnnounceTrust()
	return list.Version, nil
}

// nowhere is a link of a central that does not lead.
type nowhere struct{}

func (nowhere) Publish(context.Context, string, []byte, bool) error { return link.ErrOffline }

// publisher is the one that runs here, or one that only reads what is on record.
func (s *server) publisher() *publish.Publisher {
	if o := s.office.Load(); o != nil {
		return o.publisher
	}
	return s.record
}

// sessions are the leases of this central while it leads.
type sessions struct{ s *server }

var _ api.Leases = sessions{}

func (l sessions) book() (*lease.Book, error) {
	if o := l.s.office.Load(); o != nil {
		return o.leases, nil
	}
	return nil, api.ErrNoLeader
}

func (l sessions) Begin(ctx context.Context, account string, id ticket.ID) (lease.Session, error) {
	b, err := l.book()
	if err != nil {
		return lease.Session{}, err
	}
	return b.Begin(ctx, account, id)
}

func (l sessions) Beat(account string, id lease.ID) (time.Time, error) {
	b, err := l.book()
	if err != nil {
		return time.Time{}, err
	}
	return b.Beat(account, id)
}

func (l sessions) End(account string, id lease.ID) error {
	b, err := l.book()
	if err != nil {
		return err
	}
	return b.End(account, id)
}
