package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"strings"
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

const (
	gate    = ticket.DeviceID("gate-1")
	peer    = ticket.DeviceID("gate-2")
	central = ticket.DeviceID("central")
)

func asTimeout(err error, target *net.Error) bool {
	return errors.As(err, target) && (*target).Timeout()
}

func TestConfig(t *testing.T) {
	a := pki.New(t)
	good := broker.Config{TLS: a.Server(), Listen: "127.0.0.1:0", Authorize: named, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	for name, spoil := range map[string]func(*broker.Config){
		"no tls":                     func(c *broker.Config) { c.TLS = nil },
		"no client certificates":     func(c *broker.Config) { c.TLS = c.TLS.Clone(); c.TLS.ClientAuth = tls.NoClientCert },
		"unverified certificates":    func(c *broker.Config) { c.TLS = c.TLS.Clone(); c.TLS.ClientAuth = tls.RequireAnyClientCert },
		"no server certificate":      func(c *broker.Config) { c.TLS = c.TLS.Clone(); c.TLS.Certificates = nil },
		"nobody decides":             func(c *broker.Config) { c.Authorize = nil },
		"no clock":                   func(c *broker.Config) { c.Now = nil },
		"queue below one message":    func(c *broker.Config) { c.QueueBytes = 1000 },
		"no connection for a device": func(c *broker.Config) { c.MaxPerDevice = -1 },
		"no subscriptions":           func(c *broker.Config) { c.MaxSubscriptions = -1 },
		"negative connection limit":  func(c *broker.Config) { c.MaxConnections = -1 },
	} {
		cfg := good
		spoil(&cfg)
		if b, err := broker.New(context.Background(), cfg); !errors.Is(err, broker.ErrConfig) {
			t.Errorf("%s: New = %v, %v; want ErrConfig", name, b, err)
		}
	}
	bad := good
	bad.Listen = "127.0.0.1:no-port"
	if _, err := broker.New(context.Background(), bad); err == nil {
		t.Error("listens on no port at all")
	}
}

// TestStrangers: whoever has no certificate of ours gets no further than TLS.
func TestStrangers(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	other := pki.New(t)
	expired := a.Issue("gate-1", trust.RoleGate, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	server := a.Issue("gate-1", trust.RoleGate, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for name, cfg := range map[string]*tls.Config{
		"no certificate":       {RootCAs: a.Pool()},
		"foreign certificate":  {RootCAs: a.Pool(), Certificates: other.Client(gate, trust.RoleGate).Certificates},
		"expired certificate":  {RootCAs: a.Pool(), Certificates: []tls.Certificate{expired}},
		"a server certificate": {RootCAs: a.Pool(), Certificates: []tls.Certificate{server}},
		"tls 1.2":              {RootCAs: a.Pool(), Certificates: a.Client(gate, trust.RoleGate).Certificates, MaxVersion: tls.VersionTLS12},
	} {
		conn, err := tls.Dial("tcp", b.Addr().String(), cfg)
		if err != nil {
			continue // TLS 1.2 fails here, the others at the first read
		}
		_, _ = conn.Write(connectPacket(4, string(gate), nil))
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(make([]byte, 10))
		var timeout net.Error
		if err == nil || asTimeout(err, &timeout) {
			t.Errorf("%s: read %d bytes, %v; want the connection refused", name, n, err)
		}
		_ = conn.Close()
	}
	if got := b.Stats().Connected; got != 0 {
		t.Errorf("%d strangers are connected", got)
	}
}

func TestNoPlaintext(t *testing.T) {
	b := start(t, pki.New(t), nil)
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(connectPacket(4, string(gate), nil)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	n, _ := conn.Read(answer)
	if n > 0 && answer[0]>>4 == 2 {
		t.Errorf("plaintext CONNECT was answered with %x", answer[:n])
	}
}

// TestSlowHandshake: a connection that says nothing, and one that finishes TLS but
// sends no CONNECT, are both ended.
func TestSlowHandshake(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.Handshake = 200 * time.Millisecond })
	silent, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if err := silent.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := silent.Read(make([]byte, 1)); err == nil || asTimeout(err, &timeout) {
		t.Errorf("silent connection: %v, want it closed", err)
	}
	var mute net.Conn
	eventually(t, "TLS within the limit, on a busy machine too", func() bool {
		mute, err = tls.Dial("tcp", b.Addr().String(), a.Client(gate, trust.RoleGate))
		return err == nil
	})
	defer func() { _ = mute.Close() }()
	(&raw{t: t, conn: mute, in: bufio.NewReader(mute)}).closed()
}

func TestSessionRules(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	cfg := a.Client(gate, trust.RoleGate)
	for name, hello := range map[string][]byte{
		"another device's id":       connectPacket(4, string(peer), nil),
		"no id":                     connectPacket(4, "", nil),
		"protocol 5":                connectPacket(5, string(gate), nil),
		"protocol 3.1":              packet(0x10, text("MQIsdp"), []byte{3, 2, 0, 60}, text(string(gate))),
		"will on another's topic":   connectPacket(4, string(gate), &will{topic: topic.StateOf(peer), payload: "x"}),
		"will on central's topic":   connectPacket(4, string(gate), &will{topic: topic.BeaconOf(7), payload: "x", retain: true}),
		"will kept where it cannot": connectPacket(4, string(gate), &will{topic: topic.JournalOf(gate), payload: "x", retain: true}),
		"not a CONNECT":             subscribePacket(1, topic.AckOf(gate)),
		"oversized CONNECT":         {0x10, 0xff, 0xff, 0xff, 0x7f},
	} {
		r := dialRaw(t, b.Addr(), cfg)
		r.send(hello)
		for {
			kind, body, ok := r.receive()
			if !ok {
				break
			}
			if kind>>4 == 2 && body[len(body)-1] == 0 && body[1] == 0 {
				t.Errorf("%s: accepted with CONNACK %x", name, body)
				break
			}
		}
	}
	r := dialRaw(t, b.Addr(), cfg)
	r.send(connectPacket(4, string(gate), &will{topic: topic.StateOf(gate), payload: "gone", retain: true}))
	if body := r.expect(0x20); body[1] != 0 {
		t.Errorf("a device's own will was refused: CONNACK %x", body)
	}
}

func TestACLOnTheWire(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	cfg := a.Client(gate, trust.RoleGate)
	watch := newWatcher(t, a, b)

	for _, filter := range []string{"#", "conting/v1/#", topic.AllJournals(), topic.JournalOf(peer), topic.AckOf(peer), topic.Chunk(7, 3, 0)[:len("conting/v1/7/set/3/")] + "+", "$SYS/#", "$share/x/" + topic.AckOf(gate)} {
		r := dialRaw(t, b.Addr(), cfg)
		r.login(string(gate))
		r.send(subscribePacket(7, filter))
		if body := r.expect(0x90); len(body) != 3 || body[2] != 0x80 {
			t.Errorf("subscribe %q: SUBACK %x, want refusal", filter, body)
		}
	}
	r := dialRaw(t, b.Addr(), cfg)
	r.login(string(gate))
	r.send(subscribePacket(7, topic.AckOf(gate)))
	if body := r.expect(0x90); body[2] != 0 {
		t.Errorf("subscribe to the own ack: SUBACK %x", body)
	}

	for _, name := range []string{topic.JournalOf(peer), topic.BeaconOf(7), topic.AckOf(gate), topic.StateOf(peer)} {
		r := dialRaw(t, b.Addr(), cfg)
		r.login(string(gate))
		r.send(publishPacket(1, name, []byte("forged"), true))
		r.closed() // MQTT 3.1.1 has no other way to say no
	}
	r = dialRaw(t, b.Addr(), cfg)
	r.login(string(gate))
	r.send(publishPacket(1, topic.JournalOf(gate), []byte("honest"), true))
	r.expect(0x40)
	watch.expect(topic.JournalOf(gate), "honest")

	// What was not to be retained was not: the first that a newcomer hears is new.
	late := newWatcher(t, a, b)
	r.send(publishPacket(2, topic.JournalOf(gate), []byte("marker"), false))
	late.expect(topic.JournalOf(gate), "marker")
}

func TestOversizePacket(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	cfg := a.Client(gate, trust.RoleGate)
	watch := newWatcher(t, a, b)

	r := dialRaw(t, b.Addr(), cfg)
	r.login(string(gate))
	largest := bytes.Repeat([]byte("x"), topic.MaxPayload)
	r.send(publishPacket(1, topic.JournalOf(gate), largest, false))
	r.expect(0x40)
	watch.expect(topic.JournalOf(gate), string(largest))

	r.send(publishPacket(2, topic.JournalOf(gate), append(largest, 'x'), false)) // fits the packet, not the message
	r.send(publishPacket(3, topic.JournalOf(gate), []byte("small"), false))
	watch.expect(topic.JournalOf(gate), "small")

	r.send(publishPacket(4, topic.JournalOf(gate), make([]byte, topic.MaxPayload+2048), false))
	r.closed()
}

func TestGarbage(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	cfg := a.Client(gate, trust.RoleGate)
	for name, junk := range map[string][]byte{
		"reserved type":        {0x00, 0x00},
		"second CONNECT":       connectPacket(4, string(gate), nil),
		"endless length":       {0x30, 0xff, 0xff, 0xff, 0xff, 0xff},
		"publish without body": {0x32, 0x00},
		"topic beyond packet":  {0x30, 0x02, 0xff, 0xff},
		"subscribe to nothing": {0x82, 0x02, 0x00, 0x01},
		"qos 3":                {0x36, 0x05, 0x00, 0x01, 'a', 0x00, 0x01},
	} {
		r := dialRaw(t, b.Addr(), cfg)
		r.login(string(gate))
		r.send(junk)
		t.Run(name, func(t *testing.T) { r.t = t; r.closed() })
	}
	r := dialRaw(t, b.Addr(), cfg) // and it still serves
	r.login(string(gate))
}

// TestRevoked: a device that is taken out of service is disconnected, its will is
// published, and it does not come back.
func TestRevoked(t *testing.T) {
	a := pki.New(t)
	var revoked atomic.Bool
	b := start(t, a, func(c *broker.Config) {
		c.Authorize = func(cert *x509.Certificate) (topic.Client, error) {
			if revoked.Load() && cert.Subject.CommonName == string(gate) {
				return topic.Client{}, trust.ErrRevoked
			}
			return named(cert)
		}
	})
	watch := newWatcher(t, a, b)
	cfg := a.Client(gate, trust.RoleGate)
	r := dialRaw(t, b.Addr(), cfg)
	r.send(connectPacket(4, string(gate), &will{topic: topic.StateOf(gate), payload: "gone", retain: true}))
	r.expect(0x20)

	revoked.Store(true)
	b.Recheck(context.Background())
	r.closed()
	watch.expect(topic.StateOf(gate), "gone")

	again := dialRaw(t, b.Addr(), cfg)
	again.send(connectPacket(4, string(gate), nil))
	again.closed()
}

// TestEventsOnTheWire: a gate hears and says nothing about events that it is not
// for, whoever publishes and whatever was retained.
func TestEventsOnTheWire(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil) // everybody is for event 7
	cfg := a.Client(gate, trust.RoleGate)
	head := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	head.login(string(central))
	for i, name := range []string{topic.Manifest(8), topic.Manifest(7)} {
		head.send(publishPacket(uint16(i+1), name, []byte("kept"), true))
		head.expect(0x40)
	}

	r := dialRaw(t, b.Addr(), cfg)
	r.login(string(gate))
	for _, name := range []string{topic.Manifest(8), topic.Chunk(8, 1, 0), topic.AllDeltas(8), topic.AllAdmissions(8), topic.AllLedger(8), topic.ClaimReplyOf(8, gate), "conting/v1/+/set/manifest", "conting/v1/+/delta/1"} {
		r.send(subscribePacket(7, name))
		if body := r.expect(0x90); len(body) != 3 || body[2] != 0x80 {
			t.Errorf("subscribe %q: SUBACK %x, want refusal", name, body)
		}
	}
	r.send(subscribePacket(8, topic.Manifest(7)))
	if body := r.expect(0x90); body[2] != 0 {
		t.Errorf("subscribe to the own event: SUBACK %x", body)
	}
	r.expect(0x30)
	head.send(publishPacket(3, topic.Manifest(8), []byte("new"), true))
	head.expect(0x40)
	head.send(publishPacket(4, topic.Manifest(7), []byte("own"), true))
	head.expect(0x40)
	if body := r.expect(0x30); !bytes.HasSuffix(body, []byte("own")) {
		t.Errorf("heard %q, want what is about the own event only", body)
	}
	r.send(publishPacket(1, topic.AdmissionsOf(7, gate), []byte("honest"), false))
	r.expect(0x40)

	for _, name := range []string{topic.AdmissionsOf(8, gate), topic.ClaimOf(8, gate)} {
		r := dialRaw(t, b.Addr(), cfg)
		r.login(string(gate))
		r.send(publishPacket(1, name, []byte("forged"), false))
		r.closed()
	}
}

// TestEventsChange: when a device is given other events, its connection ends, and
// the next one has them.
func TestEventsChange(t *testing.T) {
	a := pki.New(t)
	var moved atomic.Bool
	b := start(t, a, func(c *broker.Config) {
		c.Authorize = func(cert *x509.Certificate) (topic.Client, error) {
			who, err := named(cert)
			if moved.Load() && who.Device == gate {
				who.Events = []ticket.EventID{8}
			}
			return who, err
		}
	})
	mine, other := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate)), dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	mine.login(string(gate))
	other.login(string(peer))
	b.Recheck(context.Background()) // nothing has changed
	mine.send(subscribePacket(1, topic.Manifest(7)))
	if body := mine.expect(0x90); body[2] != 0 {
		t.Errorf("subscribe before the change: SUBACK %x", body)
	}

	moved.Store(true)
	b.Recheck(context.Background())
	mine.closed()
	again := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	again.login(string(gate))
	for e, want := range map[ticket.EventID]byte{7: 0x80, 8: 0} {
		again.send(subscribePacket(1, topic.Manifest(e)))
		if body := again.expect(0x90); body[2] != want {
			t.Errorf("subscribe to event %s after the change: SUBACK %x, want %x", e, body, want)
		}
	}
	other.send(subscribePacket(1, topic.Manifest(7)))
	if body := other.expect(0x90); body[2] != 0 {
		t.Errorf("the peer, whose events are the same: SUBACK %x", body)
	}
}

func TestDisconnect(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	if b.Disconnect(gate) {
		t.Error("disconnected a device that was never there")
	}
	r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	r.login(string(gate))
	if !b.Disconnect(gate) {
		t.Error("the device is connected, but Disconnect found none")
	}
	r.closed()
}

// TestTakeover: the newest connection of a device wins, and the old one's will is
// published before the new one is accepted, whatever the load.
func TestTakeover(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	watch := newWatcher(t, a, b)
	cfg := a.Client(gate, trust.RoleGate)
	old := dialRaw(t, b.Addr(), cfg)
	old.send(connectPacket(4, string(gate), &will{topic: topic.StateOf(gate), payload: "will 0", retain: true}))
	old.expect(0x20)
	for i := range 30 {
		r := dialRaw(t, b.Addr(), cfg)
		next := string(rune('a' + i))
		r.send(connectPacket(4, string(gate), &will{topic: topic.StateOf(gate), payload: "will " + next, retain: true}))
		if body := r.expect(0x20); body[1] != 0 {
			t.Fatalf("takeover %d: CONNACK %x", i, body)
		}
		r.send(publishPacket(1, topic.StateOf(gate), []byte("birth "+next), true))
		r.expect(0x40)
		if got := watch.next(topic.StateOf(gate)); !strings.HasPrefix(got, "will") {
			t.Fatalf("takeover %d: %q came first, want the will of the connection before", i, got)
		}
		if got := watch.next(topic.StateOf(gate)); got != "birth "+next {
			t.Fatalf("takeover %d: %q came second, want the birth", i, got)
		}
		old.closed()
		// The new session hears what is sent to it: it is the one in the table.
		r.send(subscribePacket(2, topic.StateOf(gate)))
		r.expect(0x90)
		if body := r.expect(0x30); !bytes.HasSuffix(body, []byte("birth "+next)) {
			t.Fatalf("takeover %d: heard %q", i, body)
		}
		old = r
	}
	if got := b.Stats().Connected; got != 2 {
		t.Errorf("%d devices are connected, want the gate and the watcher", got)
	}
}

// TestDeafPeer: one client that subscribes and then reads nothing delays nobody
// and is disconnected in the end.
func TestDeafPeer(t *testing.T) {
	for name, limit := range map[string]func(*broker.Config){
		"its queue is full":         func(c *broker.Config) { c.QueueBytes = 1 << 20 },
		"it takes nothing for long": func(c *broker.Config) { c.WriteTimeout = 2 * time.Second },
	} {
		t.Run(name, func(t *testing.T) { deafPeer(t, limit) })
	}
}

func deafPeer(t *testing.T, limit func(*broker.Config)) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) {
		c.QueueBytes, c.WriteTimeout = 1<<30, time.Hour
		limit(c)
	})
	deaf := dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	deaf.login(string(peer))
	deaf.send(subscribePacket(9, topic.AllDeltas(7)))
	deaf.expect(0x90)
	listener := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	listener.login(string(gate))
	listener.send(subscribePacket(9, topic.AllDeltas(7)))
	listener.expect(0x90)

	speaker := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	speaker.login(string(central))
	payload := bytes.Repeat([]byte("d"), topic.MaxPayload)
	for i := range 200 { // 25 MB: more than every buffer on the way; each wait has its deadline
		speaker.send(publishPacket(uint16(i+1), topic.DeltaAt(7, uint64(i+1)), payload, false))
		speaker.expect(0x40)
		listener.expect(0x30)
	}
	eventually(t, "the deaf one is gone", func() bool { return b.Stats().Connected == 2 })
}

// TestKeepAlive: a client that pings every second is not cut off between two
// pings, and one that falls silent is.
func TestKeepAlive(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	hello := connectPacket(4, string(gate), nil)
	hello[11] = 1       // the low byte of the keep-alive
	began := time.Now() // before the broker can have begun to count
	r.send(hello)
	r.expect(0x20)
	r.closed()
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("cut off %s after the last packet, want one and a half times the keep-alive of 1s", took)
	}
}

func TestConnectionLimit(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.MaxConnections = 2 })
	one := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	one.login(string(gate))
	two := dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	two.login(string(peer))
	if conn, err := tls.Dial("tcp", b.Addr().String(), a.Client(central, trust.RoleCentral)); err == nil {
		_ = conn.Close()
		t.Error("a third connection was accepted")
	}
	_ = two.conn.Close()
	eventually(t, "there is room after one left", func() bool {
		conn, err := tls.Dial("tcp", b.Addr().String(), a.Client(central, trust.RoleCentral))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// TestRetained: what central publishes waits for those who come later, and is
// gone when central takes it away.
func TestRetained(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	r := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	r.login(string(central))
	r.send(publishPacket(1, topic.Manifest(7), []byte("manifest"), true))
	r.expect(0x40)
	g := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	g.login(string(gate))
	g.send(subscribePacket(1, topic.Manifest(7)))
	g.expect(0x90)
	if body := g.expect(0x30); !bytes.HasSuffix(body, []byte("manifest")) {
		t.Errorf("retained message %q", body)
	}
	r.send(publishPacket(2, topic.Manifest(7), nil, true))
	r.expect(0x40)
	h := dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	h.login(string(peer))
	h.send(subscribePacket(1, topic.Manifest(7)))
	h.expect(0x90)
	r.send(publishPacket(3, topic.Manifest(7), []byte("marker"), false))
	if body := h.expect(0x30); !bytes.HasSuffix(body, []byte("marker")) {
		t.Errorf("heard %q, want nothing before the marker", body)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	r.login(string(gate))
	if err := b.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	r.closed()
	if conn, err := net.Dial("tcp", b.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("still listening")
	}
	if err := b.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

// watcher is central's ear, through a real link.
type watcher struct {
	t   testing.TB
	got chan link.Message
}

func newWatcher(t testing.TB, a *pki.Authority, b *broker.Broker) *watcher {
	t.Helper()
	w := &watcher{t: t, got: make(chan link.Message, 1000)}
	up := make(chan struct{}, 10)
	cfg := a.Client(central, trust.RoleCentral)
	l, err := link.New(context.Background(), link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://" + b.Addr().String()}},
		TLS:       func() *tls.Config { return cfg }, ClientID: central,
		OnMessage: func(name string, payload []byte) { w.got <- link.Message{Topic: name, Payload: payload} },
		OnState: func(s link.State) {
			if s.Connected {
				up <- struct{}{}
			}
		},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = l.Run(context.Background()) }()
	t.Cleanup(func() { _ = l.Close() })
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatal("watcher cannot connect")
	}
	for _, f := range []string{topic.AllStates(), topic.AllJournals()} {
		if err := l.Subscribe(context.Background(), f); err != nil {
			t.Fatalf("subscribe %s: %v", f, err)
		}
	}
	return w
}

func (w *watcher) next(name string) string {
	w.t.Helper()
	select {
	case m := <-w.got:
		if m.Topic != name {
			w.t.Fatalf("message on %s, want one on %s", m.Topic, name)
		}
		return string(m.Payload)
	case <-time.After(patience):
		w.t.Fatalf("no message on %s", name)
	}
	return ""
}

func (w *watcher) expect(name, payload string) {
	w.t.Helper()
	if got := w.next(name); got != payload {
		w.t.Errorf("message of %d bytes on %s, want %.20q", len(got), name, payload)
	}
}
