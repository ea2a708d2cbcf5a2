// Package lease knows in which sessions a code is being shown. A wallet that shows
// one begins a session and beats while it does; the book in here says to the gates,
// in signed pages, which sessions are heard and which have ended.
//
// That is what "cut the network and show an old code" comes to when it is done
// soundly: a session whose wallet has fallen silent is lapsed, and a gate that
// hears of it refuses the codes of that session and nothing else. The ticket stays
// good: its holder unlocks it again and has a new session. It proves nothing about
// the phone, detects no screenshot, and a gate without network decides without it.
//
// The book is in memory: a restart of central forgets every session, and wallets
// begin new ones. A wallet is trusted only to speak for the account that it signed
// in as. Session ids are random and no secrets: they stand in every code and on
// the published pages, so a beat counts only from the account that began.
//
// The package knows no HTTP and no database; whose ticket something is, is for
// [Owners] to say.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

// The times of a session.
const (
	BeatEvery = 5 * time.Second  // how often a wallet should beat
	Term      = 15 * time.Second // without a beat for so long, a session has lapsed

	// ListedFor is how long a lapsed session is named: longer than any code of it
	// is good for (120 s, and the widest tolerance of a clock is behind it).
	ListedFor = 150 * time.Second
)

// The limits of one account. A session that takes the place of another of the same
// ticket leaves that one among the listed.
const (
	MaxLive   = 8  // sessions at once: a family at the gate
	MaxListed = 64 // sessions that are live or still named as lapsed
)

// Errors that callers branch on.
var (
	// ErrNotOwner is returned for a ticket that the account does not own, or that
	// does not exist.
	ErrNotOwner = errors.New("the account has no such ticket")

	// ErrUnusable is returned for a ticket that no gate would admit.
	ErrUnusable = errors.New("the ticket cannot be shown any more")

	// ErrOff is returned for an event whose gates ask for no sessions.
	ErrOff = errors.New("the event has no sessions")

	// ErrTooMany is returned when an account has begun as many as it may.
	ErrTooMany = errors.New("too many sessions of one account")

	// ErrFull is returned while no page has room. A wallet then shows a code
	// without a session.
	ErrFull = errors.New("no page has room for another session")

	// ErrLapsed is returned for a session that has ended, is unknown, or is another
	// account's. It cannot be brought back.
	ErrLapsed = errors.New("the session has lapsed")
)

// ID names a session.
type ID [8]byte

// Session is one that has begun.
type Session struct {
	ID      ID
	Ticket  ticket.ID
	Event   ticket.EventID
	Expires time.Time // unless it beats before
}

// Owners says whose a ticket is.
type Owners interface {
	// Showable returns the event of a ticket that the account may show now, and
	// what the event's gates make of sessions. Otherwise the error wraps
	// [ErrNotOwner] or [ErrUnusable].
	Showable(ctx context.Context, account string, id ticket.ID) (ticket.EventID, ticket.LeasePolicy, error)
}

// Link publishes to the broker; a *link.Link fits. An error means that the
// message may not have arrived.
type Link interface {
	Publish(ctx context.Context, topic string, payload []byte, retained bool) error
}

// Config is what a [Book] needs. Fields without a default are required.
type Config struct {
	Owners Owners
	Link   Link
	Signer trust.Signer // the event key

	// ChangedWithin is how long a change waits for others on its page. 1 s.
	ChangedWithin time.Duration

	// AnewEvery is how often a page with live sessions is signed anew, changed or
	// not. 5 s; at most a third of [ticketset.LeaseStale], so that gates do not take
	// one lost message for silence.
	AnewEvery time.Duration

	// SendTimeout bounds one message to the broker. 5 s.
	SendTimeout time.Duration

	Rand   io.Reader // makes ids; nil means crypto/rand
	Logger *slog.Logger
	Now    func() time.Time
}

func (c *Config) fill() error {
	if c.Owners == nil || c.Link == nil || c.Signer == nil || c.Logger == nil || c.Now == nil {
		return errors.New("lease: owners, link, signer, logger and now are required")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ChangedWithin, time.Second)
	def(&c.AnewEvery, 5*time.Second)
	def(&c.SendTimeout, 5*time.Second)
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.ChangedWithin <= 0 || c.AnewEvery < c.ChangedWithin || c.AnewEvery > ticketset.LeaseStale/3 || c.SendTimeout <= 0 {
		return fmt.Errorf("lease: changed within %s, anew every %s (most %s), send timeout %s",
			c.ChangedWithin, c.AnewEvery, ticketset.LeaseStale/3, c.SendTimeout)
	}
	return nil
}
