package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/embedded"
	"github.com/con-ting/conting/central/queue/redis"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/settings"
	"github.com/con-ting/conting/sync/ticket"
)

// queueFolder holds the waiting rooms' files.
const queueFolder = "queue"

// queueConfig is for waiting rooms. Which events have one, the organiser says by
// PUT /admin/v1/events/EVENT/queue.
type queueConfig struct {
	// URL is a Redis or Valkey server that keeps the places, so that several centrals
	// share one sale: redis://host:port, rediss:// with TLS, or
	// redis-cluster://host:port,host:port. Default none: files in DATA_DIR/queue, for
	// one central; where several share a database, only the one that leads then lets
	// people enter.
	URL string `toml:"url"`

	// PasswordFile is a file that nobody but central's user can read, with the
	// password of the server at URL. Default none.
	PasswordFile string `toml:"password_file"`

	// CA is a PEM file with the authorities whose certificates that server may have.
	// Default the system's.
	CA string `toml:"ca"`

	// Prefix begins the name of everything that is kept on that server. Default
	// conting.
	Prefix string `toml:"prefix"`

	// Polls is how many requests for a place a second this central should get when a
	// crowd waits: people are told to ask again accordingly. 100 to 1000000. Default
	// 8000, for two cores.
	Polls int `toml:"polls"`

	// Streams is how many people at the front of a line are told at once as it moves.
	// 1 to 100000; a stream takes some 30 KB. Default 2000.
	Streams int `toml:"streams"`
}

func defaultQueue() queueConfig {
	return queueConfig{Prefix: "conting", Polls: queue.DefaultPolls, Streams: queue.DefaultWatchers}
}

func (c *queueConfig) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", key, fmt.Sprintf(format, args...), settings.ErrBad)
	}
	switch {
	case c.Polls < 100 || c.Polls > 1_000_000:
		return bad("queue.polls", "%d, want 100 to 1000000", c.Polls)
	case c.Streams < 1 || c.Streams > 100_000:
		return bad("queue.streams", "%d, want 1 to 100000", c.Streams)
	case c.URL == "" && (c.PasswordFile != "" || c.CA != ""):
		return bad("queue.url", "is missing, with a password or an authority for it")
	}
	return nil
}

// openQueue opens the waiting rooms. The sale asks them who may order, so that they
// come before it.
func (s *server) openQueue(ctx context.Context) error {
	challenge, err := s.dir.challengeKey()
	if err != nil {
		return err
	}
	secret, err := hkdf.Key(sha256.New, challenge[:], nil, "conting/queue/v1", 32)
	if err != nil {
		return err
	}
	life, err := s.store.Life(ctx)
	if err != nil {
		return err
	}
	if s.places, err = s.openPlaces(ctx); err != nil {
		return err
	}
	s.queue, err = queue.New(ctx, queue.Config{
		Store: s.store.Queue(), Engine: s.places, Secret: [32]byte(secret), Life: life, Leader: s.Leads,
		Polls: s.cfg.Queue.Polls, Watchers: s.cfg.Queue.Streams, Now: s.now, Logger: s.logger,
	})
	return err
}

// openPlaces opens the engine that the configuration names.
func (s *server) openPlaces(ctx context.Context) (queue.Engine, error) {
	c := &s.cfg.Queue
	if c.URL == "" {
		e, err := embedded.New(ctx, embedded.Config{Folder: s.dir.path(queueFolder), Marks: s.store.Queue(), Logger: s.logger})
		if err != nil {
			return nil, err
		}
		if s.cfg.Database.shared() {
			return ledPlaces{e, s.Leads}, nil
		}
		return e, nil
	}
	to := redis.Config{URL: c.URL, Prefix: c.Prefix, Ranges: s.store.Queue(), Logger: s.logger, Now: s.now}
	if c.PasswordFile != "" {
		var err error
		if to.Password, err = private.ReadLine(c.PasswordFile); err != nil {
			return nil, hint.Errorf("write the password into the file, and chmod 600", "queue.password_file: %w", err)
		}
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("queue.ca: %w", err)
		}
		if to.Authorities = x509.NewCertPool(); !to.Authorities.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("queue.ca: %s holds no certificate: %w", c.CA, settings.ErrBad)
		}
	}
	e, err := redis.New(ctx, to)
	if err != nil {
		return nil, hint.Errorf("see that the server at queue.url runs, and lets central in", "queue.url: %w", err)
	}
	return e, nil
}

// ledPlaces are places in the files of one of several centrals: only while it leads
// does it give any out, lest two give out the same.
type ledPlaces struct {
	queue.Engine
	leads func() bool
}

var errNotLeading = errors.New("another central leads, and the places are in files: set queue.url to share them")

// Enter implements [queue.Engine].
func (p ledPlaces) Enter(ctx context.Context, event ticket.EventID, entries []queue.Entry) ([]uint32, error) {
	if !p.leads() {
		return nil, fmt.Errorf("%w: %w", queue.ErrUnavailable, errNotLeading)
	}
	return p.Engine.Enter(ctx, event, entries)
}

// Append implements [queue.Engine].
func (p ledPlaces) Append(ctx context.Context, event ticket.EventID, records [][]byte) error {
	if !p.leads() {
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, errNotLeading)
	}
	return p.Engine.Append(ctx, event, records)
}

// closeQueue ends the waiting rooms, and then what keeps the places.
func (s *server) closeQueue() error {
	if s.queue != nil {
		s.queue.Close()
	}
	if s.places == nil {
		return nil
	}
	return s.places.Close()
}
