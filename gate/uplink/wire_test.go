package uplink_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/gate/uplink"
	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// TestOverTheRealBroker joins what the other tests fake: a store, an uplink and a
// link for each of two gates, the real broker with mutual TLS, and a central that
// signs, publishes and acknowledges through a link of its own.
func TestOverTheRealBroker(t *testing.T) {
	w := newWire(t)
	const tickets = 12_500
	w.publish(tickets)
	north, south := w.gate("gate-1", false), w.gate("gate-2", true)

	// The set arrives at both, at one of them over a cable that breaks again and
	// again in the middle of it, each time a little later.
	w.eventually("the whole set at the gate with the good cable", func() bool { return north.version() == 1 })
	w.eventually("the set at the gate with the bad cable", func() bool { return south.version() == 1 })
	if n := south.cable.breaks(); n < 3 {
		t.Errorf("the cable broke %d times: the transfer was not cut", n)
	}
	for _, g := range []*wireGate{north, south} {
		if r := g.row(tickets - 1); r.Ticket.Seat != "A-12499" || r.Status != ticket.StatusValid {
			t.Errorf("%s: row = %+v", g.id, r)
		}
	}

	// Deltas, as they happen and after a cut.
	w.revoke(3)
	w.eventually("a revocation at both gates", func() bool {
		return north.row(3).Status == ticket.StatusRevoked && south.row(3).Status == ticket.StatusRevoked
	})
	south.cable.cut()
	w.eventually("the cut", func() bool { return !south.link.State().Connected })
	for n := range 20 {
		w.revoke(10 + n)
	}
	south.admit(100)
	north.admit(101)
	if north.row(100).Entries != 0 || south.row(101).Entries != 0 {
		t.Error("a notice crossed a cable that is cut")
	}
	south.cable.mend()
	w.eventually("the revocations from before", func() bool { return south.row(29).Status == ticket.StatusRevoked })

	// Each gate hears of the other's admissions, and of those from before the cable
	// was mended by the gate that had nobody to tell.
	w.eventually("the notice of what happened while it was away", func() bool { return north.row(100).Entries == 1 })
	south.admit(102)
	north.admit(103)
	w.eventually("both notices", func() bool { return north.row(102).Entries == 1 && south.row(103).Entries == 1 })
	if c := south.admit(103); c.Won || len(c.Elsewhere) != 1 || c.Elsewhere[0].Device != "gate-1" {
		t.Errorf("a ticket entered at both gates: %+v", c)
	}
	for _, g := range []*wireGate{north, south} {
		w.eventually("every entry acknowledged", func() bool {
			head, err := g.store.Head(t.Context())
			acked, errAcked := g.store.Acked(t.Context())
			return err == nil && errAcked == nil && head.Seq >= 2 && acked == head && w.head(g.id) == head
		})
		if s := g.uplink.Status(); len(s.Refused) != 0 {
			t.Errorf("%s: refused %v (%s)", g.id, s.Refused, s.LastRefusal)
		}
		w.eventually("central in reach", func() bool { return g.uplink.Mode() == journal.Central })
	}
}

// wire is a world of real parts.
type wire struct {
	*world
	broker  *broker.Broker
	central *link.Link

	mu    sync.Mutex // guards heads
	heads map[ticket.DeviceID]journal.Head
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{world: newWorld(t), heads: map[ticket.DeviceID]journal.Head{}}
	var err error
	w.broker, err = broker.New(t.Context(), broker.Config{
		TLS: &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{w.server()}, ClientCAs: w.pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		},
		Listen: "127.0.0.1:0", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Authorize: func(c *x509.Certificate) (topic.Client, error) {
			return topic.Client{
				Device: ticket.DeviceID(c.Subject.CommonName), Role: trust.Role(c.Subject.OrganizationalUnit[0]), Events: []ticket.EventID{event},
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.broker.Close(); err != nil {
			t.Error(err)
		}
	})
	secure, _, _ := w.client("central", trust.RoleCentral)
	journals := make(chan message, 1024)
	w.central = w.connect(link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://" + w.broker.Addr().String()}}, TLS: func() *tls.Config { return secure },
		ClientID: "central", Subscriptions: []string{topic.AllJournals()}, OnMessage: func(name string, payload []byte) { journals <- message{name, payload} },
	})
	ctx, stop := context.WithCancel(context.Background())
	var taking sync.WaitGroup
	taking.Go(func() {
		for {
			select {
			case m := <-journals:
				w.take(ctx, m)
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { stop(); taking.Wait() })
	w.eventually("central's own link", func() bool { return w.central.State().Connected })
	return w
}

type message struct {
	name    string
	payload []byte
}

// take verifies a batch, extends the ledger and acknowledges, as central does.
func (w *wire) take(ctx context.Context, m message) {
	n, err := topic.Parse(m.name)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.world.mu.Lock()
	key := w.keys[n.Device]
	w.world.mu.Unlock()
	up, err := topic.ParseUpload(m.payload)
	if err != nil {
		w.t.Errorf("an upload of %s: %v", n.Device, err)
		return
	}
	b, err := journal.OpenBatch(up.Batch, n.Device, key)
	if err != nil {
		w.t.Errorf("a batch of %s: %v", n.Device, err)
		return
	}
	w.mu.Lock()
	_, next, err := w.heads[n.Device].Extend(b)
	if err == nil {
		w.heads[n.Device] = next
	}
	w.mu.Unlock()
	if err != nil {
		return // the batch before it is on its way
	}
	ack, err := topic.Ack{Seq: next.Seq, Hash: next.Hash}.Encode()
	if err != nil {
		w.t.Error(err)
		return
	}
	_ = w.central.Publish(ctx, topic.AckOf(n.Device), ack, false) // lost: the batch comes again
}

func (w *wire) head(id ticket.DeviceID) journal.Head {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heads[id]
}

// send publishes what the world retained under the names, through the broker.
func (w *wire) send(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.world.mu.Lock()
		payload := w.retained[name]
		w.world.mu.Unlock()
		if err := w.central.Publish(w.t.Context(), name, payload, true); err != nil {
			w.t.Fatalf("publish %s: %v", name, err)
		}
	}
}

func (w *wire) publish(n int) {
	w.t.Helper()
	b := w.publishSet(n)
	names := []string{topic.Rules(event, 1), topic.Status(event, 1)}
	for i := range b.Chunks {
		names = append(names, topic.Chunk(event, 1, uint32(i)))
	}
	w.send(append(names, topic.Manifest(event))...)
	w.beacon()
}

func (w *wire) beacon() {
	w.t.Helper()
	w.publishBeacon(0)
	w.send(topic.BeaconOf(event))
}

func (w *wire) revoke(n int) {
	w.t.Helper()
	w.publishDelta(n, ticket.StatusRevoked)
	w.send(topic.DeltaAt(event, w.world.head.Seq))
}

func (w *wire) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(w.ca)
	return p
}

func (w *wire) server() tls.Certificate {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "broker"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, w.ca, key.Public(), w.caKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// client makes a device's TLS configuration, its signer and its certificate.
func (w *wire) client(id ticket.DeviceID, role trust.Role) (*tls.Config, trust.Signer, []byte) {
	w.t.Helper()
	key, der := w.deviceKey(id, role, event)
	s, err := trust.NewSigner(key)
	if err != nil {
		w.t.Fatal(err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: w.pool(), Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}, s, der
}

// connect runs a link that is quick to try again, until the test ends.
func (w *wire) connect(c link.Config) *link.Link {
	w.t.Helper()
	c.Logger, c.Now = slog.New(slog.DiscardHandler), time.Now
	c.KeepAlive, c.PingTimeout, c.Timeout = time.Second, time.Second, 2*time.Second
	c.BackoffMin, c.BackoffMax, c.ResendAfter = 20*time.Millisecond, 200*time.Millisecond, time.Second
	l, err := link.New(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run(context.Background()) }()
	w.t.Cleanup(func() {
		if err := errors.Join(l.Close(), <-ended); err != nil {
			w.t.Error(err)
		}
	})
	return l
}

// eventually polls what real goroutines and sockets bring about.
func (w *wire) eventually(what string, ok func() bool) {
	w.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-look.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// wireGate is a gate of real parts.
type wireGate struct {
	gate
	id    ticket.DeviceID
	link  *link.Link
	cable *cable
}

func (w *wire) gate(id ticket.DeviceID, bad bool) *wireGate {
	w.t.Helper()
	secure, signer, der := w.client(id, trust.RoleGate)
	g := &wireGate{gate: gate{w: w.world, t: w.t}, id: id, cable: newCable(w.t, w.broker.Addr().String(), bad)}
	w.world.mu.Lock()
	w.keys[id] = signer.Public()
	w.world.mu.Unlock()
	var err error
	if g.store, err = store.Open(w.t.Context(), store.Config{Path: filepath.Join(w.t.TempDir(), "gate.db"), Device: id, Now: time.Now}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := g.store.Close(); err != nil {
			w.t.Error(err)
		}
	})
	g.uplink, err = uplink.New(w.t.Context(), uplink.Config{
		Store: g.store, Device: id, Gate: "North", Signer: signer, Certificate: func() []byte { return der },
		Anchor: trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{w.root.Public()}}, Events: []ticket.EventID{event},
		TrustList: w.signedList(), Version: "test", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		PullTimeout: time.Second, RestoreAfter: 100 * time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	g.link = w.connect(link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://" + g.cable.listener.Addr().String()}}, TLS: func() *tls.Config { return secure },
		ClientID: id, Will: g.uplink.Will, Birth: g.uplink.Birth, Subscriptions: g.uplink.Subscriptions(),
		OnMessage: g.uplink.Handle, OnState: g.uplink.LinkChanged, Outbox: g.uplink,
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.uplink.Run(ctx, g.link) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return g
}

// cable carries bytes to the broker. A bad one breaks after so many bytes down,
// each time after more.
type cable struct {
	t        *testing.T
	target   string
	listener net.Listener
	carry    sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	left  int64      // bytes down until the next break; negative: no limit
	next  int64
	count int
	off   bool
	conns map[net.Conn]bool
}

func newCable(t *testing.T, target string, bad bool) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{t: t, target: target, listener: l, left: -1, conns: map[net.Conn]bool{}}
	if bad {
		c.left, c.next = 200<<10, 200<<10
	}
	c.carry.Go(c.accept)
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		c.carry.Wait()
	})
	return c
}

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		c.mu.Lock()
		off := c.off
		if !off {
			c.conns[near], c.conns[far] = true, true
		}
		c.mu.Unlock()
		if off {
			_, _ = near.Close(), far.Close()
			continue
		}
		c.carry.Go(func() { c.copy(far, near, false) })
		c.carry.Go(func() { c.copy(near, far, true) })
	}
}

func (c *cable) copy(to, from net.Conn, down bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if down && c.spend(n) {
			return
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// spend reports whether the cable breaks here.
func (c *cable) spend(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left < 0 {
		return false
	}
	if c.left -= int64(n); c.left >= 0 {
		return false
	}
	c.count++
	c.next += 50 << 10
	if c.left = c.next; c.count >= 4 {
		c.left = -1
	}
	return true
}

func (c *cable) breaks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for conn := range c.conns {
		_ = conn.Close()
		delete(c.conns, conn)
	}
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}
