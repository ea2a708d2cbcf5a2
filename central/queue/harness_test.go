package queue_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/queuetest"
	"github.com/con-ting/conting/sync/ticket"
)

const event = ticket.EventID(1001)

// shelf is a store in memory.
type shelf struct {
	mu      sync.Mutex // guards what follows
	rooms   map[ticket.EventID]queue.Room
	entries map[ticket.EventID][]queue.Key
	marks   map[ticket.EventID]uint32
	away    bool
}

func newShelf() *shelf {
	return &shelf{rooms: map[ticket.EventID]queue.Room{}, entries: map[ticket.EventID][]queue.Key{}, marks: map[ticket.EventID]uint32{}}
}

func (s *shelf) lock() (unlock func(), err error) {
	s.mu.Lock()
	if s.away {
		s.mu.Unlock()
		return func() {}, queue.ErrUnavailable
	}
	return s.mu.Unlock, nil
}

func (s *shelf) Rooms(context.Context) (all []queue.Room, err error) {
	unlock, err := s.lock()
	defer unlock()
	for _, r := range s.rooms {
		all = append(all, r)
	}
	return all, err
}

func (s *shelf) Put(_ context.Context, r queue.Room) (queue.Room, error) {
	unlock, err := s.lock()
	defer unlock()
	if err != nil {
		return r, err
	}
	if old, ok := s.rooms[r.Event]; ok {
		old.Settings = r.Settings
		r = old
	}
	s.rooms[r.Event] = r
	return r, nil
}

func (s *shelf) Seal(_ context.Context, r queue.Room, entries []queue.Key) (queue.Room, error) {
	unlock, err := s.lock()
	defer unlock()
	if err != nil {
		return r, err
	}
	old := s.rooms[r.Event]
	if old.Sealed.IsZero() {
		old.Sealed, old.People, old.List = r.Sealed, r.People, r.List
		s.rooms[r.Event], s.entries[r.Event] = old, slices.Clone(entries)
	}
	return old, nil
}

func (s *shelf) Open(_ context.Context, r queue.Room) (queue.Room, error) {
	unlock, err := s.lock()
	defer unlock()
	if err != nil {
		return r, err
	}
	old := s.rooms[r.Event]
	if !old.Sealed.IsZero() && old.Opened.IsZero() {
		old.Opened, old.Beacon = r.Opened, r.Beacon
		s.rooms[r.Event] = old
	}
	return old, nil
}

func (s *shelf) Entries(_ context.Context, event ticket.EventID, after, limit int) ([]queue.Key, error) {
	unlock, err := s.lock()
	defer unlock()
	all := s.entries[event]
	return all[min(after, len(all)):min(after+limit, len(all))], err
}

func (s *shelf) Reserve(_ context.Context, event ticket.EventID, upTo uint32) (uint32, error) {
	unlock, err := s.lock()
	defer unlock()
	s.marks[event] = max(s.marks[event], upTo)
	return s.marks[event], err
}

// ledger is an engine in memory that several queues share.
type ledger struct {
	mu    sync.Mutex // guards what follows
	rooms map[ticket.EventID]*ledgerRoom
	seen  map[ticket.EventID]map[*handle]queue.Window
	away  bool
}

type ledgerRoom struct {
	keys    []queue.Key
	numbers map[queue.Key]uint32
	records [][]byte
}

// handle is one queue's end of a ledger.
type handle struct{ *ledger }

func newLedger() *ledger {
	return &ledger{rooms: map[ticket.EventID]*ledgerRoom{}, seen: map[ticket.EventID]map[*handle]queue.Window{}}
}

func (l *ledger) open() *handle { return &handle{l} }

func (l *ledger) room(event ticket.EventID) *ledgerRoom {
	if l.rooms[event] == nil {
		l.rooms[event] = &ledgerRoom{numbers: map[queue.Key]uint32{}}
	}
	return l.rooms[event]
}

func (l *ledger) gone(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (h *handle) Enter(ctx context.Context, event ticket.EventID, entries []queue.Entry) ([]uint32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away || ctx.Err() != nil {
		return nil, queue.ErrUnavailable
	}
	r := h.room(event)
	out := make([]uint32, len(entries))
	for i, e := range entries {
		n := r.numbers[e.Key]
		switch {
		case n != 0 && n != e.Instead:
		case n == 0 && e.Had != 0:
			for int(e.Had) > len(r.keys) {
				r.keys = append(r.keys, queue.Key{})
			}
			n = e.Had
			r.keys[n-1] = e.Key
		default:
			r.keys = append(r.keys, e.Key)
			n = uint32(len(r.keys))
		}
		r.numbers[e.Key], out[i] = n, n
		if e.Instead != 0 {
			e.Instead = 0
			for j := i + 1; j < len(entries); j++ {
				if entries[j].Key == e.Key {
					entries[j].Instead = 0
				}
			}
		}
	}
	return out, nil
}

func (h *handle) Lobby(_ context.Context, event ticket.EventID) ([]queue.Key, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return nil, queue.ErrUnavailable
	}
	keys := slices.Clone(h.room(event).keys)
	for i, k := range keys {
		if h.room(event).numbers[k] != uint32(i)+1 {
			keys[i] = queue.Key{}
		}
	}
	return keys, nil
}

func (h *handle) Append(_ context.Context, event ticket.EventID, records [][]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return queue.ErrUnavailable
	}
	for _, r := range records {
		h.room(event).records = append(h.room(event).records, bytes.Clone(r))
	}
	return nil
}

func (h *handle) Records(_ context.Context, event ticket.EventID, after int) ([][]byte, uint32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return nil, 0, queue.ErrUnavailable
	}
	r := h.room(event)
	return slices.Clone(r.records[after:]), uint32(len(r.keys)), nil
}

func (h *handle) Presence(_ context.Context, event ticket.EventID, here queue.Window) (queue.Window, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return queue.Window{}, queue.ErrUnavailable
	}
	if h.seen[event] == nil {
		h.seen[event] = map[*handle]queue.Window{}
	}
	h.seen[event][h] = here
	out := queue.Window{From: here.From, Bits: bytes.Clone(here.Bits)}
	for _, w := range h.seen[event] {
		for i, b := range w.Bits {
			if at := (int(w.From)-int(here.From))/8 + i; at >= 0 && at < len(out.Bits) {
				out.Bits[at] |= b
			}
		}
	}
	return out, nil
}

func (*handle) Close() error { return nil }

// The suite can be passed, by the simplest thing there is.
func TestSuite(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queuetest.Subject {
		l := newLedger()
		return queuetest.Subject{Shared: true, Open: func(*testing.T) queue.Engine { return l.open() }}
	})
}

// house is one or more centrals on one sale, and their clock.
type house struct {
	t      *testing.T
	clock  atomic.Int64 // Unix milliseconds
	shelf  *shelf
	ledger *ledger
	q      *queue.Queue
	engine queue.Engine
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, shelf: newShelf(), ledger: newLedger()}
	h.clock.Store(time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC).UnixMilli())
	h.engine = h.ledger.open()
	h.q = h.central(h.engine, nil)
	return h
}

func (h *house) now() time.Time { return time.UnixMilli(h.clock.Load()) }

// central is another central on the same sale.
func (h *house) central(e queue.Engine, leader func() bool) *queue.Queue {
	h.t.Helper()
	q, err := queue.New(h.t.Context(), queue.Config{
		Store: h.shelf, Engine: e, Secret: [32]byte{1, 2, 3}, Leader: leader, Now: h.now, Logger: discard(),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(q.Close)
	return q
}

// room makes or changes the room; it opens at once unless told otherwise.
func (h *house) room(change ...func(*queue.Settings)) {
	h.t.Helper()
	s := queue.DefaultSettings()
	s.Opens = h.now()
	if i, err := h.q.Info(event); err == nil {
		s = i.Settings
	}
	for _, f := range change {
		f(&s)
	}
	if _, err := h.q.Put(h.t.Context(), event, s); err != nil {
		h.t.Fatal(err)
	}
	h.q.Tick(h.t.Context())
}

func account(i int) string { return fmt.Sprintf("%032x", i) }

// person is one who waits.
type person struct {
	h       *house
	q       *queue.Queue
	account string
	queue.Place
	receipt queue.Receipt
}

func (h *house) person(i int) *person { return &person{h: h, q: h.q, account: account(i)} }

func (p *person) tryEnter(token, proof string) error {
	place, receipt, err := p.q.Enter(p.h.t.Context(), queue.Request{Event: event, Account: p.account, Token: token, Work: proof})
	if err == nil {
		p.Place, p.receipt = place, receipt
	}
	return err
}

func (p *person) enter() *person {
	p.h.t.Helper()
	token := ""
	if p.Number != 0 {
		token = p.Token.String()
	}
	if err := p.tryEnter(token, ""); err != nil {
		p.h.t.Fatalf("account %s enters: %v", p.account, err)
	}
	return p
}

// poll asks for the place, and checks that it did not get worse.
func (p *person) poll() *person {
	p.h.t.Helper()
	place, err := p.q.Poll(event, p.Token.String())
	if err != nil {
		p.h.t.Fatalf("account %s polls: %v", p.account, err)
	}
	if p.State == queue.Waiting && place.State == queue.Waiting && place.Position > p.Position {
		p.h.t.Fatalf("account %s was at %d and is at %d", p.account, p.Position, place.Position)
	}
	p.Place = place
	return p
}

func (p *person) want(s queue.State, reason string) *person {
	p.h.t.Helper()
	if p.poll(); p.State != s || p.Reason != reason {
		p.h.t.Fatalf("account %s is %s %q, want %s %q", p.account, p.State, p.Reason, s, reason)
	}
	return p
}

// crowd enters n people, from account first on.
func (h *house) crowd(first, n int) []*person {
	h.t.Helper()
	out := make([]*person, n)
	for i := range out {
		out[i] = h.person(first + i).enter()
	}
	return out
}

// pass lets time go by in steps, with everybody in attend asking in each.
func (h *house) pass(d, step time.Duration, attend ...*person) {
	h.t.Helper()
	for ; d > 0; d -= step {
		h.clock.Add(step.Milliseconds())
		for _, p := range attend {
			p.poll()
		}
		h.q.Tick(h.t.Context())
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
