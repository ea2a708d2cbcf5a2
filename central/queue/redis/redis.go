// Package redis is the queue's engine for several centrals on one sale: numbers,
// dedup and log of every room in Redis 6.2 or later, or Valkey, alone, behind
// sentinels, or as a cluster.
//
// # What is where
//
// A room's control keys share one slot, {EVENT}: the last number and how far the
// numbers at hand reach (a hash), the log (a list), who was heard of at which
// central (a hash). The people are spread over 16,384 small hashes, {EVENT.xxxx},
// each in a slot of its own: a person is 15 bytes of their [queue.Key] and a number,
// some 40 bytes of Redis' memory. No key grows with the crowd but the small hashes,
// so a cluster carries one hot event.
//
// An Enter is three round trips for a whole batch: look everybody up; draw exactly
// as many numbers as there are new people; give each their number unless another
// central was quicker, whose number is then theirs and ours is left out. So a number
// drawn later is larger, whichever centrals drew.
//
// # The rule for numbers
//
// Redis acknowledges before its replicas have a write: a failover can lose the last
// second, and a network that is cut can leave two masters. A number is never issued
// twice all the same, because Redis does not own numbers, the SQL store does:
//
//  1. [Ranges] gives ranges of numbers away, each to one caller for ever. Redis
//     only counts within such ranges, put there before they are used.
//  2. A range belongs to one reign: the replication id that a master makes up when
//     it becomes one, at start or at promotion (and, which does no harm, when its first
//     replica comes). Each script that draws numbers reads
//     it (INFO replication) in the same atomic step. Where it is not the reign that
//     the room's state was written in, something may have been lost: what is left of
//     the range is thrown away and the sequence jumps to the store's mark, which no
//     number ever issued exceeds.
//  3. An old master that is still alive somewhere draws from the range it has, which
//     is its own, and then gets another from the store. Order between the two halves
//     is lost while they are apart; no number is issued twice.
//
// What else a failover loses: that somebody has a number. They prove it by their
// token when they enter again (Had), and get that number back; who has lost the token
// too gets a new number at the end. The log is put back by every central that has
// read it. Ranges are made to last about a second, so a jump leaves out about as many
// numbers as a second's people.
//
// As durable as this engine is Redis: with appendonly on and appendfsync always, a
// server that is killed, or whose machine loses power, loses nothing that was
// answered. With appendfsync everysec it may lose a second or two, as a failover does;
// even when only the server is killed, for while the disk is slow it answers before it
// writes.
//
// # Trust
//
// Whoever can write to this Redis can reorder the line and let accounts stand in it
// twice; so it has a password and TLS, or a network of its own. It never sees an
// account (a Key is a keyed hash) nor a secret of ours, and cannot forge a token. It
// must not evict: maxmemory-policy noeviction, which New checks.
//
// This package knows no tokens, positions or rates, which are central/queue's, and
// elects nobody.
package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// Errors of [New] that an operator can do something about. [ErrAddress] is another.
var (
	// ErrEvicts is a server that may forget keys when its memory is full.
	ErrEvicts = errors.New("the server evicts keys (set maxmemory-policy noeviction)")

	// ErrServer is a server that this package cannot work with.
	ErrServer = errors.New("want Redis 6.2 or later or Valkey, and a user that may EVAL, INFO and write keys")
)

// Bounds and defaults of [Config].
const (
	DefaultTimeout = 2 * time.Second
	MinTimeout     = 100 * time.Millisecond
	MaxTimeout     = 30 * time.Second

	DefaultPrefix = "conting"
	maxPrefix     = 64

	DefaultKeep = 90 * 24 * time.Hour
	MinKeep     = time.Hour
)

// Ranges hands out numbers of events durably: *store.Queue is one.
type Ranges interface {
	// Take raises the event's mark by count, in one durable step, and returns it: the
	// count numbers up to it are the caller's alone, for ever. With zero it only reads.
	// A mark begins at zero and never sinks.
	Take(ctx context.Context, event ticket.EventID, count uint32) (mark uint32, err error)
}

// Config is what an [Engine] needs.
type Config struct {
	// URL is where Redis is; see [ErrAddress] for its forms. A cluster needs a few of
	// its nodes, sentinels a few of theirs. A user may stand before an @; a password
	// may not.
	URL string

	// Password is that of the user, or of the server. Sentinels are asked without.
	Password string

	// Authorities signed the certificates of servers at a rediss URL; nil trusts those
	// that the system trusts.
	Authorities *x509.CertPool

	// Timeout bounds each exchange with a server, 100ms to 30s. Default 2s.
	Timeout time.Duration

	// Prefix begins every key, so that others can use the same server: up to 64
	// letters, digits, ":", "-", "_" and ".". Two deployments on one server need two.
	// Default "conting".
	Prefix string

	// Keep is how long after it was last of use Redis forgets a room, an hour or more.
	// A person is forgotten that long after the first of their small hash came.
	// Default 90 days.
	Keep time.Duration

	// Ranges hands out numbers; required.
	Ranges Ranges

	Logger *slog.Logger     // default: none
	Now    func() time.Time // sizes ranges; required
}

// Engine is a [queue.Engine]. Its methods are safe for concurrent use.
type Engine struct {
	cfg  Config
	rdb  client.UniversalClient
	self string // this central among those that tell of their presence

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	work   sync.WaitGroup // ranges that are being fetched ahead

	mu    sync.Mutex // guards rooms
	rooms map[ticket.EventID]*room
}

var _ queue.Engine = (*Engine)(nil)

// room is what one process knows of an event's room.
type room struct {
	supply supply
	log    journal
	empty  atomic.Value // string: the reign in which the store said that nobody was ever in it
}

// New connects. Errors wrap [ErrAddress], [ErrEvicts], [ErrServer] or, while no
// server can be reached, [queue.ErrUnavailable].
func New(ctx context.Context, cfg Config) (*Engine, error) {
	where, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	// The library writes to standard error, for the whole process; what it says there
	// is in the errors that it returns.
	logging.Disable()
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &Engine{
		cfg: cfg, rdb: where.dial(cfg), self: rand.Text(), ctx: own, cancel: cancel,
		rooms: make(map[ticket.EventID]*room),
	}
	if err := e.check(ctx); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// fill sets what was left open and reports what cannot be.
func (cfg *Config) fill() error {
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	cfg.Keep = cmp.Or(cfg.Keep, DefaultKeep)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Ranges == nil || cfg.Now == nil:
		return errors.New("redis engine: Ranges and Now must be set")
	case cfg.Timeout < MinTimeout || cfg.Timeout > MaxTimeout:
		return fmt.Errorf("redis engine: a time-out of %s, want %s to %s", cfg.Timeout, MinTimeout, MaxTimeout)
	case cfg.Keep < MinKeep:
		return fmt.Errorf("redis engine: rooms are kept %s, want %s or more", cfg.Keep, MinKeep)
	case len(cfg.Prefix) > maxPrefix || strings.Trim(cfg.Prefix, prefixLetters) != "":
		return fmt.Errorf("redis engine: prefix %q, want up to %d of letters, digits and :-_", cfg.Prefix, maxPrefix)
	}
	return nil
}

const prefixLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_."

// check asks every master whether it can be worked with.
func (e *Engine) check(ctx context.Context) error {
	one := func(ctx context.Context, c *client.Client) error {
		if err := identify.Run(ctx, c, nil).Err(); err != nil {
			return refused(err)
		}
		memory, err := c.Info(ctx, "memory").Result()
		if err != nil {
			return refused(err)
		}
		if p := infoField(memory, "maxmemory_policy"); p != "" && p != "noeviction" {
			return fmt.Errorf("redis engine: maxmemory-policy is %.32q: %w", p, ErrEvicts)
		}
		return nil
	}
	switch c := e.rdb.(type) {
	case *client.ClusterClient:
		return c.ForEachMaster(ctx, one)
	case *client.Client:
		return one(ctx, c)
	}
	return ErrServer
}

// refused is an error of the first contact: what is no outage is a server or a
// user that cannot do the work.
func refused(err error) error {
	if err = failed("connect", err); errors.Is(err, queue.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrServer, err)
}

// infoField finds a line of INFO.
func infoField(info, key string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Close ends the connections.
func (e *Engine) Close() error {
	e.cancel()
	e.work.Wait()
	return e.rdb.Close()
}

func (e *Engine) room(event ticket.EventID) *room {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[event]
	if r == nil {
		r = &room{supply: supply{size: minRange}}
		e.rooms[event] = r
	}
	return r
}
