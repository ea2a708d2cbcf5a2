// Package queue is the waiting room in front of a sale: who may buy next, when, and
// how anybody can check that the order was fair.
//
// A person in a room is one number, given in the order of arrival by an [Engine]
// that keeps it durably, once for each account. Those who came before the opening
// are shuffled by a seed that was committed to beforehand (see [Shuffle]); everybody
// after them stands in the order of arrival. That makes a rank, and a place in the
// line is rank − watermark. The watermark only grows: at the room's rate, over
// whoever is silent, so a position never grows. Whoever was passed over in silence
// and comes back within the grace is let in next; after it they must enter anew.
// Asking for one's place is a check of a token and a few loads from memory: no lock,
// no database.
//
// The package sells nothing and knows no HTTP and no people, only account ids. It
// is told who is signed in, and trusts that, its store, its engine, and whoever
// holds its secret. Nobody else: tokens are checked before anything they say is
// used, one of another event or account is worth nothing. It does not keep bots
// out; the proof of work ([Settings.WorkBits]) makes each of their accounts pay.
//
// What the shuffle proves: that the order follows from the seed, the published list
// of those who were there, and the beacon if one was named. A receipt proves what
// this central promised to whom; it is signed with a key that the room's public
// information names beforehand. Two that contradict each other, or one that
// contradicts the list, convict the operator.
//
// What an operator who cheats can still do, and nobody can prove: without a beacon,
// try many lists, for they know the seed: add accounts of their own, or choose the
// moment of the opening, until the order suits them. With a beacon that is over, for
// whoever kept the signed file from before the beacon's value was known; but the
// accounts of their own have their chances all the same, for the list has no names.
// After the shuffle: admit somebody out of turn, pass somebody over who was there,
// pause while others buy, or sell past the room altogether. Giving somebody a worse
// number than was theirs by arrival leaves no trace either; from the receipt on it
// does.
//
// Several centrals may share a room through a shared engine and store. One at a
// time leads: it opens rooms and moves the watermark. Two that both believe so for a
// while admit up to twice as many a minute and do no other harm, for steps are folded
// in the order of the engine's log.
package queue

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Errors that callers branch on.
var (
	// ErrNoRoom is wrapped by an error about an event without a waiting room.
	ErrNoRoom = errors.New("the event has no waiting room")

	// ErrClosed is wrapped when somebody enters a room that is closed.
	ErrClosed = errors.New("the waiting room is closed")

	// ErrToken is wrapped when a queue token is not one of ours for this event and,
	// where the account is known, for this account.
	ErrToken = errors.New("not a token of this person in this waiting room")

	// ErrWork is wrapped when the proof of work is missing, stale or too small.
	ErrWork = errors.New("a proof of work is due")

	// ErrNotAdmitted is wrapped by an error of [Queue.Check].
	ErrNotAdmitted = errors.New("not admitted by the waiting room")

	// ErrSealed is wrapped when something is to change that the sealed list of the
	// lobby has fixed.
	ErrSealed = errors.New("the lobby's list is fixed")

	// ErrNotSealed is wrapped when there is no fixed list yet.
	ErrNotSealed = errors.New("the lobby's list is not fixed yet")

	// ErrFar is wrapped by [Queue.Watch] for somebody who is not at the front.
	ErrFar = errors.New("too far back to be told at once")

	// ErrWatchers is wrapped by [Queue.Watch] when as many as may be are told at once.
	ErrWatchers = errors.New("too many are told at once")
)

// Defaults and bounds of [Config].
const (
	DefaultTick     = 250 * time.Millisecond
	DefaultPolls    = 8000
	DefaultWatchers = 2000
	maxBatch        = 4096
)

// Config is what a queue stands on. Store, Engine, Now and Logger are required.
type Config struct {
	Store  Store
	Engine Engine

	// Secret is what tokens, keys and receipts are made from (HKDF-SHA-256). All
	// centrals of a sale have the same one, and it must not change while a room is
	// in use: every token would be void and everybody a stranger.
	Secret [32]byte

	// Life says which life of the store this is, where it was put back to an earlier
	// day: numbers that were given out since may be given to others, so tokens of
	// another life are void. Who enters again has the number that the engine knows
	// them by, and a receipt stays what it is: a statement about its day.
	Life uint64

	// Leader says whether this process may open rooms and admit people; nil means
	// always. With an engine that several centrals share, at most one should.
	Leader func() bool

	// Tick is how often the watermark moves; zero means DefaultTick.
	Tick time.Duration

	// Polls is how many requests for a place this process should get each second
	// when a crowd waits; people are told to ask again accordingly. Zero means
	// DefaultPolls.
	Polls int

	// Watchers is how many people at the front may be told at once, and how far back
	// the front reaches. Zero means DefaultWatchers.
	Watchers int

	Now    func() time.Time
	Rand   io.Reader // nil means crypto/rand
	Logger *slog.Logger
}

// Queue is every waiting room of one central. It is safe for concurrent use.
type Queue struct {
	cfg    Config
	tokens *tokens
	signer ed25519.PrivateKey
	began  time.Time // see now

	rooms atomic.Pointer[map[ticket.EventID]*room] // replaced under mu

	storeMu sync.Mutex // held from a question to the store until its answer is taken over, lest an older one be later

	mu      sync.Mutex // guards changes of rooms, and closed
	closed  bool
	workers sync.WaitGroup

	tickMu   sync.Mutex // held for one tick at a time; guards lastTick, lastSlow and failing
	lastTick time.Time
	lastSlow time.Time
	failing  map[ticket.EventID]bool

	watchMu  sync.Mutex // guards watching, and the watchers of rooms
	watching int
}

// New reads the rooms from the store and what happened in them from the engine.
// The caller calls Run, and Close when nothing uses the queue any more.
func New(ctx context.Context, cfg Config) (*Queue, error) {
	if cfg.Store == nil || cfg.Engine == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("queue: store, engine, now and logger are required")
	}
	if cfg.Secret == [32]byte{} {
		return nil, errors.New("queue: the secret is all zeros")
	}
	if cfg.Tick < 0 || cfg.Polls < 0 || cfg.Watchers < 0 {
		return nil, errors.New("queue: tick, polls and watchers must not be negative")
	}
	if cfg.Leader == nil {
		cfg.Leader = func() bool { return true }
	}
	if cfg.Tick == 0 {
		cfg.Tick = DefaultTick
	}
	if cfg.Polls == 0 {
		cfg.Polls = DefaultPolls
	}
	if cfg.Watchers == 0 {
		cfg.Watchers = DefaultWatchers
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	q := &Queue{cfg: cfg, began: cfg.Now(), failing: make(map[ticket.EventID]bool)}
	q.lastTick = q.began
	seed, err := hkdf.Key(sha256.New, cfg.Secret[:], nil, "conting queue receipt v1", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q.signer = ed25519.NewKeyFromSeed(seed)
	if q.tokens, err = newTokens(cfg.Secret, cfg.Life); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q.rooms.Store(&map[ticket.EventID]*room{})
	if err := q.refresh(ctx); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	for _, r := range *q.rooms.Load() {
		if err := r.sync(ctx); err != nil && !errors.Is(err, ErrUnavailable) {
			q.Close()
			return nil, fmt.Errorf("queue: event %s: %w", r.event, err)
		}
	}
	return q, nil
}

// Close ends the goroutines of all rooms. Whoever still waits to enter is told
// [ErrUnavailable]. It does not close the engine.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	for _, r := range *q.rooms.Load() {
		r.end()
	}
	q.mu.Unlock()
	q.workers.Wait()
}

// room is the event's, or an error wrapping [ErrNoRoom].
func (q *Queue) room(event ticket.EventID) (*room, error) {
	if r := (*q.rooms.Load())[event]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("event %s: %w", event, ErrNoRoom)
}

// refresh takes over what the store says about rooms, and makes those that are new.
func (q *Queue) refresh(ctx context.Context) error {
	q.storeMu.Lock()
	defer q.storeMu.Unlock()
	all, err := q.cfg.Store.Rooms(ctx)
	if err != nil {
		return fmt.Errorf("read rooms: %w", err)
	}
	for _, row := range all {
		q.adopt(row)
	}
	return nil
}

// adopt takes over what the store says about a room.
func (q *Queue) adopt(row Room) *room {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := *q.rooms.Load()
	r := old[row.Event]
	if r == nil {
		r = newRoom(q, row)
		r.take(row) // before anybody sees it
		if q.closed {
			return r
		}
		next := maps.Clone(old)
		next[row.Event] = r
		q.rooms.Store(&next)
		q.workers.Go(r.serve)
		return r
	}
	r.take(row)
	return r
}

// now is the time, without the jumps that the wall clock makes while the process
// runs: nobody is silent, and no admission over, because a clock was set.
func (q *Queue) now() time.Time { return q.began.Add(q.cfg.Now().Sub(q.began)) }

// seconds is a time as memory holds it: seconds after the year 2020 began, 30 bits.
func seconds(at time.Time) uint32 {
	return uint32(max(1, min(at.Unix()-epoch, maxSeconds)))
}

const (
	epoch      = 1577836800
	maxSeconds = 1<<30 - 1
)

func fromSeconds(s uint32) time.Time { return time.Unix(int64(s)+epoch, 0) }
