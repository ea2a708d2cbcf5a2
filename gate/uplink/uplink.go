// Package uplink keeps a gate's disk in step with the world: it pulls ticket
// sets, deltas, ledger pages and trust lists into the store, sends the journal
// until central has acknowledged it, tells the other gates whom this one
// admitted, and knows how stale the gate is and whom it could ask.
//
// The network is taken for an unordered, lossy hint. What is needed is computed
// from what the disk has and what the signed beacon says there is, and asked for
// until it came; whatever comes is verified before use and may come twice, late
// or never. Nothing that arrives here can be worse than nothing: an object that
// fails its verification is refused, counted and asked for again, and the gate
// keeps what it has.
//
// It decides nothing about passes, and a lane never waits for it.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// ErrConfig is wrapped by errors of New.
var ErrConfig = errors.New("uplink configuration")

// Link is the network as the uplink needs it; see [link.Link].
type Link interface {
	// Publish sends a message once. It must return an error if the broker may not have it.
	Publish(ctx context.Context, name string, payload []byte, retained bool) error

	// Subscribe asks for a filter, now and after each reconnection; asking again
	// brings retained messages again.
	Subscribe(ctx context.Context, filter string) error

	// Unsubscribe forgets a filter.
	Unsubscribe(ctx context.Context, filter string) error

	// Wake says that the outbox has changed.
	Wake()

	// State tells whether there is a connection, and to whom.
	State() link.State
}

// Config says what an Uplink needs. Fields without a default are required.
type Config struct {
	Store  *store.Store
	Device ticket.DeviceID
	Gate   string       // its name in the event's rules, for the receipts
	Signer trust.Signer // the device's key

	// Certificate returns the device's certificate (DER). It is asked for each
	// notice, because certificates are renewed.
	Certificate func() []byte

	Anchor trust.Anchor
	Events []ticket.EventID // those that this gate serves

	// TrustList is the signed list from the enrolment; a newer one on the disk is
	// preferred. Empty if there is none.
	TrustList []byte

	Version string // of the software, for the state message
	Logger  *slog.Logger
	Now     func() time.Time // the gate's best clock

	// Steady is a monotonic clock, for how long the network has been so: the best
	// clock may stand still or jump. Nil means Now.
	Steady func() time.Time

	// OnKeyring is told each newer trust list after it is on the disk. Optional;
	// so are the others. They are called by the uplink's goroutine and must return soon.
	OnKeyring func(*trust.Keyring, *trust.List)

	// OnChange is told when a set took over or deltas were applied.
	OnChange func(ticket.EventID)

	// OnBeacon is told the time of each accepted beacon, for the gate's clock.
	OnBeacon func(issued time.Time)

	// OpenStatusList verifies a registrar's status list that an address gave, and
	// returns when it was issued. Nil means that the gate keeps none.
	OpenStatusList func(ctx context.Context, url, jwt string, at time.Time) (issued time.Time, err error)

	// OnStatusList is told each newer status list after it is on the disk.
	OnStatusList func(store.StatusList)

	// OnCommand is told commands that the uplink cannot obey itself (renew).
	OnCommand func(topic.Command)

	Window       int           // objects asked for at once, default 8
	PullTimeout  time.Duration // before an object is asked for again, default 10 s, doubled up to 6 times that
	StateEvery   time.Duration // between state messages, default 15 s; sooner when something changed
	DegradeAfter time.Duration // how long it must be worse before the mode is, default 1 s
	RestoreAfter time.Duration // how long it must be better before the mode is, default 10 s; not the first time
}

func (c *Config) check() error {
	switch {
	case c.Store == nil || c.Signer == nil || c.Certificate == nil || c.Logger == nil || c.Now == nil:
		return fmt.Errorf("%w: Store, Signer, Certificate, Logger and Now are required", ErrConfig)
	case c.Gate == "" || len(c.Gate) > ticket.MaxName:
		return fmt.Errorf("%w: gate's name %.40q", ErrConfig, c.Gate)
	case len(c.Version) > 64:
		return fmt.Errorf("%w: version text of %d bytes, the most is 64", ErrConfig, len(c.Version))
	case len(c.Events) == 0 || slices.Contains(c.Events, 0):
		return fmt.Errorf("%w: no event", ErrConfig)
	}
	if _, err := ticket.ParseDeviceID(string(c.Device)); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := c.Anchor.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Steady == nil {
		c.Steady = c.Now
	}
	set(&c.Window, 8)
	set(&c.PullTimeout, 10*time.Second)
	set(&c.StateEvery, 15*time.Second)
	set(&c.DegradeAfter, time.Second)
	set(&c.RestoreAfter, 10*time.Second)
	return nil
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// inboxLength is how many messages may wait. Handle blocks beyond that.
const inboxLength = 64

// tick is how often the mode is looked at when nothing happens.
const tick = 500 * time.Millisecond

type message struct {
	name    string
	payload []byte
}

// Uplink is a gate's side of everything that goes over the network. New makes
// one; the link is made with its methods as callbacks; Run then joins the two.
type Uplink struct {
	cfg  Config
	ring atomic.Pointer[trust.Keyring]

	in      chan message
	changed chan struct{} // capacity 1: the link's state changed
	grown   chan struct{} // capacity 1: the journal has grown
	report  chan struct{} // capacity 1: publish the state now
	ended   chan struct{} // closed when Run returns

	out    outbox
	mode   hysteresis
	leases leases

	// The fields below are owned by Run's goroutine.
	link   Link
	list   *trust.List
	rooms  map[ticket.EventID]*room
	pulls  *puller
	swept  chan error // capacity 1; a result of the running sweep
	sweeps bool       // a sweep is running
	tasks  sync.WaitGroup

	mu     sync.Mutex // guards status
	status Status
}

// New reads what the disk has. The error wraps [ErrConfig] or is the store's.
func New(ctx context.Context, cfg Config) (*Uplink, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	u := &Uplink{
		cfg: cfg, in: make(chan message, inboxLength), changed: make(chan struct{}, 1), grown: make(chan struct{}, 1),
		report: make(chan struct{}, 1), ended: make(chan struct{}), swept: make(chan error, 1), rooms: map[ticket.EventID]*room{},
		mode:   hysteresis{worse: cfg.DegradeAfter, better: cfg.RestoreAfter, now: journal.Alone},
		leases: leases{now: cfg.Now, steady: cfg.Steady, pages: map[ticket.EventID]*[ticketset.LeasePages]heardPage{}},
	}
	u.status.Peers = map[ticket.DeviceID]time.Time{}
	u.status.Refused = map[string]uint64{}
	if err := u.readTrust(ctx); err != nil {
		return nil, err
	}
	for _, e := range cfg.Events {
		r, err := u.enter(ctx, e)
		if err != nil {
			return nil, err
		}
		u.rooms[e] = r
	}
	acked, err := cfg.Store.Acked(ctx)
	if err != nil {
		return nil, err
	}
	u.out = outbox{store: cfg.Store, signer: cfg.Signer, device: cfg.Device, gate: cfg.Gate, topic: topic.JournalOf(cfg.Device), acked: acked.Seq}
	u.refresh(ctx)
	return u, nil
}

// Subscriptions returns the filters that the link must keep subscribed.
func (u *Uplink) Subscriptions() []string {
	out := []string{topic.TrustList(), topic.AckOf(u.cfg.Device), topic.CommandOf(u.cfg.Device)}
	if u.cfg.OpenStatusList != nil {
		out = append(out, topic.AllStatusLists())
	}
	for _, e := range u.cfg.Events {
		out = append(out, topic.BeaconOf(e), topic.Manifest(e), topic.AllDeltas(e), topic.AllAdmissions(e), topic.AllLeases(e))
	}
	return out
}

// Handle takes a message from the link. It blocks while Run has its hands full,
// which is the link's back-pressure. The payload must not be changed afterwards.
func (u *Uplink) Handle(name string, payload []byte) {
	select {
	case u.in <- message{name, payload}:
	case <-u.ended:
	}
}

// LinkChanged takes note that the link's state changed.
func (u *Uplink) LinkChanged(link.State) { kick(u.changed) }

// Wake says that the journal has grown.
func (u *Uplink) Wake() { kick(u.grown) }

func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Keyring returns who may sign what now, or nil if there is no list in force.
// It may be called at any time.
func (u *Uplink) Keyring() *trust.Keyring { return u.ring.Load() }

// Run works until the context ends, and returns when everything it started has
// ended. It may be called once.
func (u *Uplink) Run(ctx context.Context, l Link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer close(u.ended)
	defer u.tasks.Wait()
	defer cancel()
	u.link = l
	u.pulls = newPuller(l, &u.tasks, u.cfg.Window, u.cfg.PullTimeout)
	u.tasks.Go(func() { u.tell(ctx, l) })
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for e := range u.rooms {
		u.resume(ctx, e)
	}
	u.sweep(ctx)
	kick(u.grown) // entries of an earlier life
	for {
		u.plan(ctx)
		u.refresh(ctx)
		select {
		case <-ctx.Done():
			return nil
		case m := <-u.in:
			u.take(ctx, m)
		case <-u.changed:
			kick(u.report)
		case <-u.pulls.ended:
		case err := <-u.swept:
			u.sweeps = false
			if err != nil && ctx.Err() == nil {
				u.cfg.Logger.ErrorContext(ctx, "old sets could not be removed", slog.Any("error", err))
			}
		case <-timer.C:
			u.reread(ctx)
		}
	}
}

// take deals with one message. Whatever is wrong with it ends here.
func (u *Uplink) take(ctx context.Context, m message) {
	n, err := topic.Parse(m.name)
	if err != nil {
		u.refuse(ctx, "topic", "", err)
		return
	}
	if len(m.payload) == 0 {
		return // a retained message was removed
	}
	room := u.rooms[n.Event]
	if n.Event != 0 && room == nil {
		return // of an event that this gate does not serve
	}
	what := "message"
	switch n.Kind {
	case topic.Trust:
		what, err = "trust list", u.takeTrust(ctx, m.payload)
	case topic.StatusList:
		what, err = "status list", u.takeStatusList(ctx, n, m.payload)
	case topic.SetManifest:
		what, err = "manifest", u.takeManifest(ctx, room, m.payload)
	case topic.SetRules, topic.SetStatus, topic.SetChunk:
		what, err = "set object", u.takeObject(ctx, room, n, m)
	case topic.Delta:
		what, err = "delta", u.takeDelta(ctx, room, n, m)
	case topic.Beacon:
		what, err = "beacon", u.takeBeacon(ctx, room, m.payload)
	case topic.Ledger:
		what, err = "ledger page", u.takeLedger(ctx, room, n, m)
	case topic.Leases:
		what, err = "lease page", u.takeLeases(ctx, n, m.payload)
	case topic.Admissions:
		what, err = "notice", u.takeNotice(ctx, n, m.payload)
	case topic.DeviceAck:
		what, err = "acknowledgement", u.takeAck(ctx, m.payload)
	case topic.DeviceCommand:
		what, err = "command", u.takeCommand(ctx, m.payload)
	case topic.Claim, topic.ClaimReply, topic.DeviceState, topic.DeviceJournal, topic.DeviceLog:
		return // not for a gate
	}
	if err != nil {
		u.refuse(ctx, what, m.name, err)
	}
}

// refuse counts and logs what could not be used.
func (u *Uplink) refuse(ctx context.Context, what, name string, err error) {
	if ctx.Err() != nil {
		return
	}
	u.cfg.Logger.WarnContext(ctx, "refused what the network brought",
		slog.String("what", what), slog.String("topic", name), slog.Any("error", err))
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status.Refused[what]++
	u.status.LastRefusal = err.Error()
}

// errNoTrust means that there is no trust list in force to verify with.
var errNoTrust = errors.New("no trust list in force")

func (u *Uplink) keyring() (*trust.Keyring, error) {
	if k := u.ring.Load(); k != nil {
		return k, nil
	}
	return nil, errNoTrust
}
