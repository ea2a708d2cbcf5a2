// Package publish carries both rivers through central: sales become signed
// ticket sets and deltas that gates pick up, and the gates' journals become the
// ledger, with every conflict named.
//
// Down: it reads the sale's outbox, in order, into a gap-free chain of signed
// deltas; it builds a whole set when the chain has grown long, when somebody
// asks, and when there is none; it signs a beacon of what is newest. Everything
// is stored before it is published, and everything that is current is published
// again at each connection, byte for byte, so a crash or a broker that forgot
// costs nothing and forks nothing.
//
// Up: a batch of a device's journal is verified with the device's registered
// key, must continue what is stored, and is acknowledged only after its entries
// and the cursor were committed together. A gap is answered with the last good
// entry and a signed order to send from there; a fork is kept as an incident and raises an alarm, and is never resolved
// here.
//
// It sells nothing, enrols nobody and never decides about a person. The broker is
// trusted with nothing; the database is trusted like the process itself. SQL is
// for the [Store]; connections are for whoever fills [Link].
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// Errors that callers branch on.
var (
	// ErrUnknownEvent is returned for an event that is not in the sale.
	ErrUnknownEvent = errors.New("no such event")

	// ErrUnknownDevice is returned by [Devices] for a device that is not enrolled.
	ErrUnknownDevice = errors.New("no such device")

	// ErrUnknownIncident is returned for a number that no incident has.
	ErrUnknownIncident = errors.New("no such incident")

	// ErrMoved is returned by a [Store] when a cursor is no longer where the
	// caller read it: two centrals work on one database.
	ErrMoved = errors.New("cursor was moved by somebody else: only one central may publish")

	// ErrStopped is returned to those who wait while the publisher ends.
	ErrStopped = errors.New("publisher has stopped")
)

// Link publishes to the broker; a *link.Link fits. An error means that the
// message may not have arrived; it will be sent again.
type Link interface {
	Publish(ctx context.Context, topic string, payload []byte, retained bool) error
}

// Devices knows the fleet.
type Devices interface {
	// Device returns an enrolled device, or an error wrapping [ErrUnknownDevice].
	Device(ctx context.Context, id ticket.DeviceID) (Device, error)
}

// Device is what publish needs to know of a device.
type Device struct {
	Keys    []trust.PublicKey // with any of which it may have signed, newest first
	Gate    string
	Events  []ticket.EventID
	Revoked bool
}

// Config is what a [Publisher] needs. Fields without a default are required.
type Config struct {
	Store   Store
	Sales   Sales
	Devices Devices
	Link    Link
	Signer  trust.Signer // the event key

	// TrustList returns the signed trust list to publish; nil publishes none.
	TrustList func(ctx context.Context) ([]byte, error)

	// Listings returns the status lists of issuers of credentials that the gates
	// shall have; nil publishes none.
	Listings func(ctx context.Context) ([]topic.Listing, error)

	// BeaconEvery is how often a beacon is signed when nothing happens. 30 s.
	BeaconEvery time.Duration

	// GroupWithin is how long a change may wait for others to share its delta.
	// 100 ms; at most 200 ms.
	GroupWithin time.Duration

	// LedgerWithin is how long a new ledger row may wait for its page. 250 ms.
	LedgerWithin time.Duration

	// Poll is how often the outbox is looked at without being woken, and what
	// failed is tried again. 1 s.
	Poll time.Duration

	// MaxDeltas is how long the chain may grow before a new set is built. 256.
	MaxDeltas uint64

	// SetLifetime is how long a set admits anybody; a new one is built at half
	// of it. Seven days: a gate that hears nothing for so long must be seen to.
	SetLifetime time.Duration

	// SendTimeout bounds one message to the broker. 10 s.
	SendTimeout time.Duration

	// Observe is told of figures as they arise; nil means nobody is interested.
	Observe Observer

	Logger *slog.Logger
	Now    func() time.Time
}

// Observer hears what an operator's dashboard shows. Its methods are called from
// the publisher's goroutines and must return at once.
type Observer interface {
	DeltaPublished(event ticket.EventID, seq uint64, ops int)
	SetPublished(event ticket.EventID, version uint64, tickets int, took time.Duration)
	JournalStored(device ticket.DeviceID, entries int)
	ConflictFound(event ticket.EventID)
	IncidentRecorded(kind IncidentKind)
}

func (c *Config) fill() error {
	if c.Store == nil || c.Sales == nil || c.Devices == nil || c.Link == nil || c.Signer == nil || c.Logger == nil || c.Now == nil {
		return errors.New("publish: incomplete configuration")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.BeaconEvery, 30*time.Second)
	def(&c.GroupWithin, 100*time.Millisecond)
	def(&c.LedgerWithin, 250*time.Millisecond)
	def(&c.Poll, time.Second)
	def(&c.SetLifetime, 7*24*time.Hour)
	def(&c.SendTimeout, 10*time.Second)
	if c.MaxDeltas == 0 {
		c.MaxDeltas = 256
	}
	if c.Observe == nil {
		c.Observe = nobody{}
	}
	if c.GroupWithin < 0 || c.GroupWithin > 200*time.Millisecond || c.BeaconEvery < 0 || c.Poll <= 0 || c.LedgerWithin <= 0 || c.SetLifetime < time.Hour {
		return fmt.Errorf("publish: group within %s (most 200 ms), beacon every %s, poll every %s, ledger within %s, sets live %s (least 1 h)",
			c.GroupWithin, c.BeaconEvery, c.Poll, c.LedgerWithin, c.SetLifetime)
	}
	return nil
}

// Publisher is the engine. Its exported methods are safe for concurrent use.
type Publisher struct {
	cfg Config

	wake      chan struct{} // the outbox has something new
	joined    chan struct{} // the broker is there again
	listed    chan struct{} // the trust list is new
	requests  chan request  // sets that somebody asked for
	built     chan outcome  // sets that are finished
	inbox     chan parcel   // journal batches that wait
	grown     chan struct{} // the ledger has something new
	rejoined  chan struct{} // like joined, for the ledger
	stopped   chan struct{} // closed when Run ends
	connected atomic.Bool

	inboxMu sync.Mutex              // guards waiting
	waiting map[ticket.DeviceID]int // parcels in the inbox, by device

	asked map[ticket.DeviceID]time.Time // who was asked to send again; owned by the intake goroutine

	// events is owned by the chain goroutine.
	events map[ticket.EventID]*event
	cursor uint64 // of the outbox; owned by the chain goroutine
	unsent bool   // something current was perhaps not published; owned by the chain goroutine

	builds   sync.WaitGroup // the builds in progress
	building int            // how many there are; owned by the chain goroutine
}

// inboxSize is how many batches may wait. More are dropped: the gates send them
// again until they are acknowledged.
const inboxSize = 512

// inboxShare is how many of them may be of one device: one that sends without end
// must not keep the journals of the others out.
const inboxShare = 32

// New checks the configuration and reads where the publisher left off.
func New(ctx context.Context, cfg Config) (*Publisher, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg:  cfg,
		wake: make(chan struct{}, 1), joined: make(chan struct{}, 1), listed: make(chan struct{}, 1), rejoined: make(chan struct{}, 1),
		grown: make(chan struct{}, 1), requests: make(chan request), built: make(chan outcome),
		inbox: make(chan parcel, inboxSize), stopped: make(chan struct{}),
		events: make(map[ticket.EventID]*event), asked: make(map[ticket.DeviceID]time.Time), waiting: make(map[ticket.DeviceID]int),
	}
	var err error
	if p.cursor, err = cfg.Store.Cursor(ctx); err != nil {
		return nil, fmt.Errorf("outbox cursor: %w", err)
	}
	if err := p.findEvents(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Run publishes until ctx ends, and then returns nil. Whatever fails is tried
// again, but for one thing: an error that wraps [ErrMoved] means that the database
// is not where this publisher left it. Only a new one can find out where it is.
func (p *Publisher) Run(ctx context.Context) error {
	defer close(p.stopped)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.runChain(ctx) })
	g.Go(func() error { return p.runIntake(ctx) })
	g.Go(func() error { return p.runLedger(ctx) })
	err := g.Wait()
	p.builds.Wait()
	return err
}

// Wake says that the sale has written to its outbox, or that an event is new. It
// never blocks.
func (p *Publisher) Wake() { signal(p.wake) }

// Connected says whether the broker can be reached. Each time it can again, all
// that is current is published again. It never blocks.
func (p *Publisher) Connected(yes bool) {
	p.connected.Store(yes)
	if yes {
		signal(p.joined)
		signal(p.rejoined)
	}
}

// AnnounceTrust says that there is a new trust list or status list to publish. It
// never blocks.
func (p *Publisher) AnnounceTrust() { signal(p.listed) }

// send publishes one retained message.
func (p *Publisher) send(ctx context.Context, topic string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.SendTimeout)
	defer cancel()
	if err := p.cfg.Link.Publish(ctx, topic, payload, true); err != nil {
		return fmt.Errorf("publish %s: %w", topic, err)
	}
	return nil
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

type nobody struct{}

func (nobody) DeltaPublished(ticket.EventID, uint64, int)              {}
func (nobody) SetPublished(ticket.EventID, uint64, int, time.Duration) {}
func (nobody) JournalStored(ticket.DeviceID, int)                      {}
func (nobody) ConflictFound(ticket.EventID)                            {}
func (nobody) IncidentRecorded(IncidentKind)                           {}
