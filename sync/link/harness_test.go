package link_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

const (
	gate     = ticket.DeviceID("gate-1")
	peer     = ticket.DeviceID("gate-2")
	central  = ticket.DeviceID("central")
	patience = 30 * time.Second
)

// device is a link under test, with everything it said.
type device struct {
	*link.Link
	t      testing.TB
	got    chan link.Message
	states chan link.State
}

// connectTo starts a link that fails fast.
func connectTo(t testing.TB, a *pki.Authority, id ticket.DeviceID, role trust.Role, urls []string, edit func(*link.Config)) *device {
	t.Helper()
	d := &device{t: t, got: make(chan link.Message, 10000), states: make(chan link.State, 1000)}
	secure := a.Client(id, role)
	cfg := link.Config{
		TLS: func() *tls.Config { return secure }, ClientID: id,
		OnMessage: func(name string, payload []byte) { d.got <- link.Message{Topic: name, Payload: payload} },
		OnState:   func(s link.State) { d.states <- s },
		Logger:    slog.New(slog.DiscardHandler), Now: time.Now,
		KeepAlive: time.Second, PingTimeout: 2 * time.Second, Timeout: 2 * time.Second,
		BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond, StableAfter: 200 * time.Millisecond,
		ProbeEvery: 20 * time.Millisecond, ResendAfter: 500 * time.Millisecond,
	}
	for i, u := range urls {
		cfg.Endpoints = append(cfg.Endpoints, link.Endpoint{Name: []string{"hub", "central"}[i], URL: u})
	}
	if edit != nil {
		edit(&cfg)
	}
	l, err := link.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Link = l
	ended := make(chan error, 1)
	go func() { ended <- l.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close link: %v", err)
		}
		if err := <-ended; err != nil && !errors.Is(err, link.ErrClosed) {
			t.Errorf("Run = %v", err)
		}
	})
	return d
}

// await waits for a state.
func (d *device) await(what string, ok func(link.State) bool) link.State {
	d.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case s := <-d.states:
			if ok(s) {
				return s
			}
		case <-timer.C:
			d.t.Fatalf("the link is not %s but %+v", what, d.State())
		}
	}
}

func (d *device) up() link.State {
	d.t.Helper()
	return d.await("connected", func(s link.State) bool { return s.Connected })
}

func (d *device) down() link.State {
	d.t.Helper()
	return d.await("disconnected", func(s link.State) bool { return !s.Connected })
}

// next returns the next message on that topic.
func (d *device) next(name string) []byte {
	d.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case m := <-d.got:
			if m.Topic == name {
				return m.Payload
			}
		case <-timer.C:
			d.t.Fatalf("no message on %s", name)
		}
	}
}

func newBroker(t testing.TB, a *pki.Authority) *broker.Broker { return start(t, a, nil) }

func urlOf(b *broker.Broker) string { return "tls://" + b.Addr().String() }

// states builds the will and birth of a device.
func states(id ticket.DeviceID) (will, birth func(uint64) link.Message) {
	message := func(epoch uint64, online bool) link.Message {
		data, err := topic.State{Epoch: epoch, Online: online, Version: "test", At: 1}.Encode()
		if err != nil {
			return link.Message{}
		}
		return link.Message{Topic: topic.StateOf(id), Payload: data, Retained: true}
	}
	return func(e uint64) link.Message { return message(e, false) }, func(e uint64) link.Message { return message(e, true) }
}

// outbox holds numbered items in memory, as the gate's store does on disk.
type outbox struct {
	id ticket.DeviceID

	mu      sync.Mutex
	pending []link.Item // guarded by mu
	freed   int         // guarded by mu
	empty   chan struct{}
}

func newOutbox(id ticket.DeviceID, n, size int) *outbox {
	o := &outbox{id: id, empty: make(chan struct{})}
	for i := range n {
		payload := make([]byte, max(8, size))
		binary.BigEndian.PutUint64(payload, uint64(i+1))
		o.pending = append(o.pending, link.Item{Key: uint64(i + 1), Topic: topic.JournalOf(id), Payload: payload})
	}
	return o
}

func (o *outbox) Pending(_ context.Context, limit int) ([]link.Item, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.pending[:min(limit, len(o.pending))]), nil
}

// ack frees one item, by the application's acknowledgement only.
func (o *outbox) ack(name string, payload []byte) {
	if name != topic.AckOf(o.id) {
		return
	}
	a, err := topic.ParseAck(payload)
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.IndexFunc(o.pending, func(it link.Item) bool { return it.Key == a.Seq }); i >= 0 {
		o.pending = slices.Delete(o.pending, i, i+1)
		o.freed++
		if len(o.pending) == 0 {
			close(o.empty)
		}
	}
}

// server is central: it takes what comes, and acknowledges it.
type server struct {
	*device
	mu   sync.Mutex
	seen map[ticket.DeviceID]map[uint64]int // guarded by mu; how often each item came
	news chan int                           // how many different items have come; never blocks
	mute bool                               // acknowledges nothing
}

func newServer(t testing.TB, a *pki.Authority, url string, mute bool) *server {
	t.Helper()
	s := &server{seen: make(map[ticket.DeviceID]map[uint64]int), news: make(chan int, 1<<16), mute: mute}
	ready := make(chan struct{})
	s.device = connectTo(t, a, central, trust.RoleCentral, []string{url}, func(c *link.Config) {
		c.Subscriptions = []string{topic.AllJournals()}
		c.OnMessage = func(name string, payload []byte) {
			<-ready
			s.take(name, payload)
		}
	})
	close(ready)
	s.up()
	return s
}

func (s *server) take(name string, payload []byte) {
	n, err := topic.Parse(name)
	if err != nil || n.Kind != topic.DeviceJournal || len(payload) < 8 {
		return
	}
	seq := binary.BigEndian.Uint64(payload)
	s.mu.Lock()
	if s.seen[n.Device] == nil {
		s.seen[n.Device] = make(map[uint64]int)
	}
	s.seen[n.Device][seq]++
	total := 0
	for _, m := range s.seen {
		total += len(m)
	}
	s.mu.Unlock()
	select {
	case s.news <- total:
	default:
	}
	if s.mute {
		return
	}
	ack, err := topic.Ack{Seq: seq}.Encode()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Publish(ctx, topic.AckOf(n.Device), ack, false) // lost: the item comes again
}

// eventually polls what other goroutines, beyond a test's reach, bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
