package lease

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// Book holds the sessions of all events. Its methods are safe for concurrent use.
type Book struct {
	cfg       Config
	connected atomic.Bool

	mu       sync.Mutex // guards everything below and what it points to
	sessions map[ID]*entry
	accounts map[string]*account
	pages    map[place]*page
	live     *list.List // of *entry, the longest silent first
	lapsed   *list.List // of *entry, the first to be forgotten first
	issued   int64      // the newest time in any page, Unix milliseconds
}

// entry is one session, live or lapsed.
type entry struct {
	Session
	account string
	lapsed  bool
	since   time.Time     // last beat, or the lapse
	queue   *list.Element // in Book.live or Book.lapsed
}

// account counts what one account has.
type account struct {
	shown  map[ticket.ID]*entry // the live sessions
	listed int                  // live and lapsed
}

// place names a page.
type place struct {
	event ticket.EventID
	page  uint8
}

// page is one page's content and what was said of it.
type page struct {
	entries map[ID]*entry
	live    int
	changed bool
	sent    time.Time // when it was last published
}

// New checks the configuration.
func New(_ context.Context, cfg Config) (*Book, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	return &Book{
		cfg: cfg, sessions: make(map[ID]*entry), accounts: make(map[string]*account), pages: make(map[place]*page),
		live: list.New(), lapsed: list.New(),
	}, nil
}

// Begin starts a session in which the account shows a ticket. An earlier session
// of the same ticket ends: a code is shown on one phone at a time. Errors wrap
// [ErrNotOwner], [ErrUnusable], [ErrOff], [ErrTooMany] or [ErrFull].
func (b *Book) Begin(ctx context.Context, who string, id ticket.ID) (Session, error) {
	if who == "" {
		return Session{}, ErrNotOwner
	}
	event, policy, err := b.cfg.Owners.Showable(ctx, who, id)
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("ticket %.8s: %w", id, err)
	case policy == ticket.LeaseOff:
		return Session{}, fmt.Errorf("event %s: %w", event, ErrOff)
	}
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	a := b.accounts[who]
	if a == nil {
		a = &account{shown: make(map[ticket.ID]*entry)}
	}
	before := a.shown[id]
	if len(a.shown) >= MaxLive && before == nil || a.listed >= MaxListed {
		return Session{}, fmt.Errorf("%d shown, %d listed: %w", len(a.shown), a.listed, ErrTooMany)
	}
	name, err := b.pick(event)
	if err != nil {
		return Session{}, err
	}
	if before != nil {
		b.lapse(before, now)
	}
	e := &entry{Session: Session{ID: name, Ticket: id, Event: event, Expires: now.Add(Term)}, account: who, since: now}
	e.queue = b.live.PushBack(e)
	b.sessions[name], b.accounts[who] = e, a
	a.shown[id] = e
	a.listed++
	p := b.page(e)
	p.entries[name] = e
	p.live++
	p.changed = true
	return e.Session, nil
}

// pick returns a random id that is free, on a page with room. It needs mu.
func (b *Book) pick(event ticket.EventID) (ID, error) {
	for range 4 * ticketset.LeasePages {
		var id ID
		if _, err := io.ReadFull(b.cfg.Rand, id[:]); err != nil {
			return ID{}, fmt.Errorf("make a session's id: %w", err)
		}
		p := b.pages[place{event, ticketset.LeasePageOf(id)}]
		if b.sessions[id] == nil && (p == nil || len(p.entries) < ticketset.MaxLeases) {
			return id, nil
		}
	}
	return ID{}, fmt.Errorf("event %s: %w", event, ErrFull)
}

// Beat keeps a session alive and returns when it lapses without another. The
// error is [ErrLapsed].
func (b *Book) Beat(who string, id ID) (expires time.Time, err error) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	e, err := b.own(who, id)
	if err != nil {
		return time.Time{}, err
	}
	e.since, e.Expires = now, now.Add(Term)
	b.live.MoveToBack(e.queue)
	return e.Expires, nil
}

// End says that the code is not shown any more. The error is [ErrLapsed].
func (b *Book) End(who string, id ID) error {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	e, err := b.own(who, id)
	if err != nil {
		return err
	}
	b.lapse(e, now)
	return nil
}

// own returns a live session of the account. It needs mu.
func (b *Book) own(who string, id ID) (*entry, error) {
	e := b.sessions[id]
	if e == nil || e.lapsed || e.account != who {
		return nil, ErrLapsed
	}
	return e, nil
}

// expire ends the sessions whose wallets have fallen silent and forgets those
// that lapsed long ago. It needs mu. Every other method begins with it, so that
// nothing depends on when a timer fires.
func (b *Book) expire(now time.Time) {
	for f := b.live.Front(); f != nil; f = b.live.Front() {
		e, ok := f.Value.(*entry)
		if !ok || now.Sub(e.since) < Term {
			break
		}
		b.lapse(e, now)
	}
	for f := b.lapsed.Front(); f != nil; f = b.lapsed.Front() {
		e, ok := f.Value.(*entry)
		if !ok || now.Sub(e.since) < ListedFor {
			break
		}
		b.forget(e)
	}
}

// lapse ends a live session. It needs mu.
func (b *Book) lapse(e *entry, now time.Time) {
	b.live.Remove(e.queue)
	e.lapsed, e.since = true, now
	e.queue = b.lapsed.PushBack(e)
	delete(b.accounts[e.account].shown, e.Ticket)
	p := b.page(e)
	p.live--
	p.changed = true
}

// forget drops a lapsed session. Its page says so when it is next published. It
// needs mu.
func (b *Book) forget(e *entry) {
	b.lapsed.Remove(e.queue)
	delete(b.sessions, e.ID)
	delete(b.page(e).entries, e.ID)
	a := b.accounts[e.account]
	if a.listed--; a.listed == 0 {
		delete(b.accounts, e.account)
	}
}

// page returns the page of a session. It needs mu.
func (b *Book) page(e *entry) *page {
	at := place{e.Event, ticketset.LeasePageOf(e.ID)}
	p := b.pages[at]
	if p == nil {
		p = &page{entries: make(map[ID]*entry)}
		b.pages[at] = p
	}
	return p
}

// Count returns how many sessions are live, and how many are named as lapsed.
func (b *Book) Count() (live, lapsed int) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	return b.live.Len(), b.lapsed.Len()
}
