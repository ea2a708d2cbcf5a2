package link_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

func TestConfig(t *testing.T) {
	will, birth := states(gate)
	good := link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://127.0.0.1:8883"}}, TLS: func() *tls.Config { return nil },
		ClientID: gate, Will: will, Birth: birth, OnMessage: func(string, []byte) {}, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if _, err := link.New(context.Background(), good); err != nil {
		t.Fatalf("New = %v", err)
	}
	url := func(u string) func(*link.Config) {
		return func(c *link.Config) { c.Endpoints = []link.Endpoint{{Name: "x", URL: u}} }
	}
	for name, spoil := range map[string]func(*link.Config){
		"no endpoint":           func(c *link.Config) { c.Endpoints = nil },
		"plaintext":             url("tcp://127.0.0.1:1883"),
		"no port":               url("tls://broker.example"),
		"a password in the url": url("tls://user:secret@broker.example:8883"),
		"a path":                url("tls://broker.example:8883/mqtt"),
		"no scheme":             url("broker.example:8883"),
		"no client id":          func(c *link.Config) { c.ClientID = "" },
		"no tls":                func(c *link.Config) { c.TLS = nil },
		"no logger":             func(c *link.Config) { c.Logger = nil },
		"a will without birth":  func(c *link.Config) { c.Birth = nil },
		"nobody listens":        func(c *link.Config) { c.OnMessage = nil; c.Subscriptions = []string{topic.TrustList()} },
		"window of hundreds":    func(c *link.Config) { c.Window = 500 },
		"half a second alive":   func(c *link.Config) { c.KeepAlive = time.Second / 2 },
		"back-off upside down":  func(c *link.Config) { c.BackoffMin = time.Hour },
		"inbox below a message": func(c *link.Config) { c.InboxBytes = 1000 },
	} {
		cfg := good
		spoil(&cfg)
		if l, err := link.New(context.Background(), cfg); !errors.Is(err, link.ErrConfig) {
			t.Errorf("%s: New = %v, %v; want ErrConfig", name, l, err)
		}
	}
}

func TestPublishAndSubscribe(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	c := connectTo(t, a, central, trust.RoleCentral, []string{urlOf(b)}, nil)
	c.up()
	g := connectTo(t, a, gate, trust.RoleGate, []string{urlOf(b)}, func(cfg *link.Config) { cfg.Subscriptions = []string{topic.Manifest(7)} })
	g.up()
	ctx := context.Background()

	if err := c.Publish(ctx, topic.Manifest(7), []byte("one"), true); err != nil {
		t.Fatal(err)
	}
	if got := g.next(topic.Manifest(7)); string(got) != "one" {
		t.Errorf("heard %q, want one", got)
	}
	// A chunk is pulled: retained, asked for, and let go.
	if err := c.Publish(ctx, topic.Chunk(7, 1, 0), []byte("chunk"), true); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asking again makes it come again
		if err := g.Subscribe(ctx, topic.Chunk(7, 1, 0)); err != nil {
			t.Fatal(err)
		}
		if got := g.next(topic.Chunk(7, 1, 0)); string(got) != "chunk" {
			t.Errorf("pulled %q, want chunk", got)
		}
	}
	if err := g.Unsubscribe(ctx, topic.Chunk(7, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := g.Subscribe(ctx, topic.AckOf(peer)); !errors.Is(err, link.ErrRefused) {
		t.Errorf("subscribing to another's topic = %v, want ErrRefused", err)
	}
	if err := g.Publish(ctx, topic.JournalOf(gate), make([]byte, topic.MaxPayload+1), false); !errors.Is(err, topic.ErrTooLarge) {
		t.Errorf("publishing too much = %v, want ErrTooLarge", err)
	}
	if err := c.Publish(ctx, topic.Chunk(7, 1, 0), []byte("again"), false); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(ctx, topic.Manifest(7), []byte("two"), false); err != nil {
		t.Fatal(err)
	}
	if m := <-g.got; m.Topic != topic.Manifest(7) || string(m.Payload) != "two" { // not the chunk that was let go
		t.Errorf("heard %q on %s after Unsubscribe", m.Payload, m.Topic)
	}
	denied := b.Stats().Denied
	b.Disconnect(gate)
	g.down()
	g.up()
	if n := b.Stats().Denied; n != denied {
		t.Errorf("asked %d times more for what was refused", n-denied)
	}
}

func TestOffline(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	p := newProxy(t, b.Addr().String())
	p.Cut()
	g := connectTo(t, a, gate, trust.RoleGate, []string{p.url()}, nil)
	ctx := context.Background()
	if err := g.Publish(ctx, topic.JournalOf(gate), nil, false); !errors.Is(err, link.ErrOffline) {
		t.Errorf("Publish = %v, want ErrOffline", err)
	}
	if err := g.Subscribe(ctx, topic.Manifest(7)); err != nil {
		t.Errorf("Subscribe = %v, want a wish", err)
	}
	if err := g.Subscribe(ctx, topic.Manifest(8)); err != nil {
		t.Errorf("Subscribe = %v, want a wish", err)
	}
	if err := g.Unsubscribe(ctx, topic.Manifest(8)); err != nil {
		t.Errorf("Unsubscribe = %v", err)
	}
	c := connectTo(t, a, central, trust.RoleCentral, []string{urlOf(b)}, nil)
	c.up()
	for _, e := range []ticket.EventID{8, 7} {
		if err := c.Publish(ctx, topic.Manifest(e), []byte("kept"), true); err != nil {
			t.Fatal(err)
		}
	}
	p.Heal()
	g.up()
	if m := <-g.got; m.Topic != topic.Manifest(7) {
		t.Errorf("heard of %s, want the wish of before", m.Topic)
	}
	p.Reset() // and the next connection remembers it too
	g.down()
	g.up()
	if got := g.next(topic.Manifest(7)); string(got) != "kept" {
		t.Errorf("heard %q after reconnecting", got)
	}
}

// TestCertificateIsAskedForEachTime: a renewed certificate is used without a restart.
func TestCertificateIsAskedForEachTime(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	var asked atomic.Int64
	g := connectTo(t, a, gate, trust.RoleGate, []string{urlOf(b)}, func(c *link.Config) {
		c.TLS = func() *tls.Config {
			if asked.Add(1) == 1 {
				return nil // not enrolled yet
			}
			return a.Client(gate, trust.RoleGate)
		}
	})
	g.up()
	b.Disconnect(gate)
	g.down()
	g.up()
	if n := asked.Load(); n < 3 {
		t.Errorf("asked %d times for three connections", n)
	}
}

// TestWill: births and wills carry the connection's epoch, which grows.
func TestWill(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	c := connectTo(t, a, central, trust.RoleCentral, []string{urlOf(b)}, func(cfg *link.Config) { cfg.Subscriptions = []string{topic.AllStates()} })
	c.up()
	will, birth := states(gate)
	g := connectTo(t, a, gate, trust.RoleGate, []string{urlOf(b)}, func(cfg *link.Config) { cfg.Will, cfg.Birth = will, birth })
	state := func() topic.State {
		t.Helper()
		s, err := topic.ParseState(c.next(topic.StateOf(gate)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := g.up()
	if s := state(); !s.Online || s.Epoch != first.Epoch {
		t.Errorf("birth %+v, want online with epoch %d", s, first.Epoch)
	}
	b.Disconnect(gate)
	if s := state(); s.Online || s.Epoch != first.Epoch {
		t.Errorf("will %+v, want offline with epoch %d", s, first.Epoch)
	}
	second := g.up()
	if s := state(); !s.Online || s.Epoch != second.Epoch || second.Epoch <= first.Epoch {
		t.Errorf("second birth %+v, want online with epoch %d after %d", s, second.Epoch, first.Epoch)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if s := state(); s.Online || s.Epoch != second.Epoch {
		t.Errorf("after an orderly end %+v, want offline with epoch %d", s, second.Epoch)
	}
}

// TestFallbackAndReturn: hub lost, central used, hub back for long enough, hub used.
func TestFallbackAndReturn(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	hub, cen := newBroker(t, a), newBroker(t, a)
	cable := newProxy(t, hub.Addr().String())
	g := connectTo(t, a, gate, trust.RoleGate, []string{cable.url(), urlOf(cen)}, func(c *link.Config) { c.Timeout = time.Second })
	at := func(name string) link.State {
		t.Helper()
		return g.await("connected to "+name, func(s link.State) bool { return s.Connected && s.Endpoint == name })
	}
	at("hub")
	cable.Cut()
	began := time.Now()
	at("central")
	t.Logf("on central %s after the cable was cut", time.Since(began).Round(time.Millisecond))
	cable.Heal()
	at("hub")
	eventually(t, "central is left", func() bool { return cen.Stats().Connected == 0 })
	eventually(t, "the hub has one session", func() bool { return hub.Stats().Connected == 1 })
}

// TestHysteresis: a preferred broker that is only up for moments is left alone.
func TestHysteresis(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	cen := newBroker(t, a)
	var handshakes, sessions atomic.Int64
	// A hub that completes every second handshake: never three good probes in a row.
	hub := newFake(t, a, func(f *fakeConn) {
		if handshakes.Add(1)%2 == 0 {
			_ = f.raw.Close()
			return
		}
		if f.handshake() == nil && f.read() != nil {
			sessions.Add(1)
		}
	})
	g := connectTo(t, a, gate, trust.RoleGate, []string{hub.url(), urlOf(cen)}, func(c *link.Config) {
		c.ProbeEvery, c.PingTimeout = 5*time.Millisecond, patience // nothing but the hub may be a reason to leave
	})
	g.await("on central", func(s link.State) bool { return s.Connected && s.Endpoint == "central" })
	tried := sessions.Load()
	eventually(t, "the hub is probed", func() bool { return handshakes.Load() >= 120 })
	if s := g.State(); s.Endpoint != "central" {
		t.Errorf("left central for a flapping hub: %+v", s)
	}
	if n := sessions.Load(); n != tried {
		t.Errorf("%d sessions were tried at a flapping hub", n-tried)
	}
}

// TestSlowConsumer: OnMessage that does not return costs messages, not the
// connection, and the loss is counted.
func TestSlowConsumer(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	c := connectTo(t, a, central, trust.RoleCentral, []string{urlOf(b)}, nil)
	c.up()
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var heard atomic.Int64
	g := connectTo(t, a, gate, trust.RoleGate, []string{urlOf(b)}, func(cfg *link.Config) {
		cfg.InboxLength = 5
		cfg.Subscriptions = []string{topic.AllDeltas(7)}
		cfg.OnMessage = func(string, []byte) {
			heard.Add(1)
			once.Do(func() { close(entered); <-release })
		}
	})
	g.up()
	for i := range 101 {
		for ctx := context.Background(); ; {
			if err := c.Publish(ctx, topic.DeltaAt(7, uint64(i+1)), []byte("d"), false); err == nil {
				break
			}
		}
		if i == 0 {
			<-entered
		}
	}
	eventually(t, "95 of 101 messages are dropped", func() bool { return g.State().Dropped == 95 })
	// The connection answers although the consumer does not.
	if err := g.Publish(context.Background(), topic.JournalOf(gate), []byte("alive"), false); err != nil {
		t.Errorf("Publish past a slow consumer = %v", err)
	}
	if s := g.State(); !s.Connected {
		t.Errorf("the slow consumer cost the connection: %+v", s)
	}
	close(release)
	eventually(t, "6 messages are handed over", func() bool { return heard.Load() == 6 })
}

func TestCloseIsIdempotent(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	g := connectTo(t, a, gate, trust.RoleGate, []string{"tls://127.0.0.1:1"}, nil)
	for range 2 {
		if err := g.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if err := g.Run(context.Background()); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Run after Close = %v, want ErrClosed", err)
	}
	if err := g.Publish(context.Background(), topic.JournalOf(gate), nil, false); !errors.Is(err, link.ErrOffline) {
		t.Errorf("Publish after Close = %v, want ErrOffline", err)
	}
}

// TestWindow: without acknowledgements no more than the window goes out, however
// long it takes, and it is sent again.
func TestWindow(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	b := newBroker(t, a)
	s := newServer(t, a, urlOf(b), true)
	o := newOutbox(gate, 500, 8)
	g := connectTo(t, a, gate, trust.RoleGate, []string{urlOf(b)}, func(c *link.Config) {
		c.Outbox, c.ResendAfter = o, 50*time.Millisecond
	})
	began := g.up()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		seen := s.seen[gate]
		again := len(seen) == link.MaxWindow && slices.Min(values(seen)) >= 3
		over := len(seen) > link.MaxWindow
		s.mu.Unlock()
		if over {
			t.Fatalf("%d items are in flight, want at most %d", len(seen), link.MaxWindow)
		}
		if again {
			break
		}
		select {
		case <-s.news:
		case <-timer.C:
			t.Fatal("items without acknowledgement are not sent again")
		}
	}
	if now := g.State(); now.Epoch != began.Epoch {
		t.Errorf("it took another connection: %+v after %+v", now, began)
	}
}

func values(m map[uint64]int) []int {
	var out []int
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// TestNothingIsLost sends 2 × 2,000 items through cables that are cut, reset and
// stalled, and a broker that is killed and comes back on the same port. Each item
// arrives at least once, and only central's acknowledgement frees it.
func TestNothingIsLost(t *testing.T) {
	noLeaks(t)
	const each = 2000
	a := pki.New(t)
	cfg := broker.Config{TLS: a.Server(), Listen: "127.0.0.1:0", Authorize: named, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	b, err := broker.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen = b.Addr().String()
	defer func() { _ = b.Close() }()

	s := newServer(t, a, urlOf(b), false)
	cables := make(map[ticket.DeviceID]*proxy)
	boxes := make(map[ticket.DeviceID]*outbox)
	for _, id := range []ticket.DeviceID{gate, peer} {
		cables[id] = newProxy(t, b.Addr().String())
		boxes[id] = newOutbox(id, each, 200)
		connectTo(t, a, id, trust.RoleGate, []string{cables[id].url()}, func(c *link.Config) {
			c.Outbox, c.Subscriptions, c.OnMessage = boxes[id], []string{topic.AckOf(id)}, boxes[id].ack
		})
	}
	faults := []func(){
		cables[gate].Reset,
		func() { cables[peer].ResetAfter(5000) }, // in the middle of a packet
		func() { cables[gate].Cut() },
		cables[peer].Reset,
		func() { cables[gate].Heal() },
		func() {
			if err := b.Close(); err != nil {
				t.Errorf("close broker: %v", err)
			}
			if b, err = broker.New(context.Background(), cfg); err != nil {
				t.Errorf("restart broker: %v", err)
			}
		},
		cables[gate].Stall,
		func() { b.Disconnect(central) },
		func() { cables[gate].ResetAfter(1) },
		func() { cables[peer].Cut(); cables[peer].Heal() }, // what was open stays dead, new connections pass
	}
	began, next := time.Now(), each/5
	for open := map[ticket.DeviceID]bool{gate: true, peer: true}; len(open) > 0; {
		select {
		case n := <-s.news:
			if n >= next && len(faults) > 0 {
				faults[0]()
				faults, next = faults[1:], n+each/10
			}
		case <-boxes[gate].empty:
			delete(open, gate)
			boxes[gate].empty = nil
		case <-boxes[peer].empty:
			delete(open, peer)
			boxes[peer].empty = nil
		case <-time.After(patience):
			t.Fatalf("stuck: %d and %d items are freed, %d faults are left", boxes[gate].freed, boxes[peer].freed, len(faults))
		}
	}
	if len(faults) > 0 {
		t.Errorf("%d faults never happened", len(faults))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	twice := 0
	for id, o := range boxes {
		if len(s.seen[id]) != each || o.freed != each {
			t.Errorf("%s: %d items arrived and %d were freed, want %d", id, len(s.seen[id]), o.freed, each)
		}
		for _, n := range s.seen[id] {
			twice += n - 1
		}
	}
	t.Logf("%d items in %s, %d came more than once", 2*each, time.Since(began).Round(time.Millisecond), twice)
}
