package link_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

// fake is a broker that does what no good broker does.
type fake struct {
	ln net.Listener
	wg sync.WaitGroup
}

type fakeConn struct {
	raw    net.Conn
	secure *tls.Conn
	in     *bufio.Reader
}

func newFake(t testing.TB, a *pki.Authority, serve func(*fakeConn)) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, cfg := &fake{ln: ln}, a.Server()
	f.wg.Go(func() {
		for {
			raw, err := ln.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() {
				defer func() { _ = raw.Close() }()
				_ = raw.SetDeadline(time.Now().Add(patience))
				c := tls.Server(raw, cfg)
				serve(&fakeConn{raw: raw, secure: c, in: bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		f.wg.Wait()
	})
	return f
}

func (f *fake) url() string { return "tls://" + f.ln.Addr().String() }

func (c *fakeConn) handshake() error { return c.secure.Handshake() }

// read returns the next packet, or nil when the client has gone.
func (c *fakeConn) read() []byte {
	kind, err := c.in.ReadByte()
	if err != nil {
		return nil
	}
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return nil
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return nil
	}
	return append([]byte{kind}, body...)
}

func (c *fakeConn) write(p ...byte) { _, _ = c.secure.Write(p) }

func (c *fakeConn) publish(name string, payload []byte) {
	body := append(binary.BigEndian.AppendUint16(nil, uint16(len(name))), name...)
	body = append(body, payload...)
	c.write(append(binary.AppendUvarint([]byte{0x30}, uint64(len(body))), body...)...)
}

// published splits a PUBLISH at QoS 1.
func published(p []byte) (name string, id, payload []byte) {
	n := 3 + int(binary.BigEndian.Uint16(p[1:3]))
	return string(p[3:n]), p[n : n+2], p[n+2:]
}

// TestStaleWill: a broker that delivers the last will of an earlier connection
// after the birth of this one is told the birth again.
func TestStaleWill(t *testing.T) {
	noLeaks(t)
	a := pki.New(t)
	will, birth := states(gate)
	births := make(chan []byte, 100)
	f := newFake(t, a, func(c *fakeConn) {
		if c.handshake() != nil {
			return
		}
		first := true
		for p := c.read(); p != nil; p = c.read() {
			switch p[0] >> 4 {
			case 1:
				c.write(0x20, 2, 0, 0)
			case 3:
				name, id, payload := published(p)
				c.write(0x40, 2, id[0], id[1])
				births <- payload
				if name != topic.StateOf(gate) {
					return
				}
				c.publish(topic.StateOf(gate), payload) // the link hears itself, which is no news
				if first {
					c.publish(topic.StateOf(gate), will(1).Payload) // from long ago
				}
				first = false
			case 8:
				c.write(0x90, 3, p[1], p[2], 0)
			case 12:
				c.write(0xd0, 0)
			}
		}
	})
	g := connectTo(t, a, gate, trust.RoleGate, []string{f.url()}, func(cfg *link.Config) { cfg.Will, cfg.Birth = will, birth })
	s := g.up()
	want := string(birth(s.Epoch).Payload)
	for i := range 2 {
		select {
		case got := <-births:
			if string(got) != want {
				t.Errorf("state %d is %x, want the birth %x", i, got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%d births, want the second after the stale will", i)
		}
	}
	if len(g.got) != 0 {
		t.Errorf("the state topic was handed to OnMessage: %+v", <-g.got)
	}
}

// TestHostileBroker: whatever a broker says, the link neither crashes nor swallows
// memory; it leaves, and uses the next one.
func TestHostileBroker(t *testing.T) {
	a := pki.New(t)
	for name, answer := range map[string]func(c *fakeConn, p []byte){
		"refuses the session": func(c *fakeConn, p []byte) {
			if p[0]>>4 == 1 {
				c.write(0x20, 2, 0, 5)
			}
		},
		"answers with garbage": func(c *fakeConn, _ []byte) { c.write(0, 0, 0, 0) },
		"claims a packet of 256 MiB": func(c *fakeConn, p []byte) {
			if p[0]>>4 == 1 {
				c.write(0x20, 2, 0, 0)
			}
			c.write(0x30, 0xff, 0xff, 0xff, 0x7f)
		},
		"answers one subscription with nine": func(c *fakeConn, p []byte) {
			switch p[0] >> 4 {
			case 1:
				c.write(0x20, 2, 0, 0)
			case 8:
				c.write(0x90, 11, p[1], p[2], 0, 0, 0, 0, 0, 0, 0, 0, 0)
			}
		},
		"never answers a subscription": func(c *fakeConn, p []byte) {
			switch p[0] >> 4 {
			case 1:
				c.write(0x20, 2, 0, 0)
			case 12:
				c.write(0xd0, 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			f := newFake(t, a, func(c *fakeConn) {
				if c.handshake() != nil {
					return
				}
				for p := c.read(); p != nil; p = c.read() {
					answer(c, p)
				}
			})
			b := newBroker(t, a)
			g := connectTo(t, a, gate, trust.RoleGate, []string{f.url(), urlOf(b)}, func(cfg *link.Config) {
				cfg.Subscriptions, cfg.ProbeEvery = []string{topic.Manifest(7), topic.AllDeltas(7)}, time.Hour
				cfg.Timeout = time.Second // of the broker that keeps silent, and of the other one on a busy machine
			})
			g.await("on central", func(s link.State) bool { return s.Connected && s.Endpoint == "central" })
		})
	}
}

// TestHello: the link speaks TLS 1.3 or not at all, and asks for a clean session:
// no broker is to queue for a device that keeps its own outbox.
func TestHello(t *testing.T) {
	a := pki.New(t)
	old := a.Server()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	spoke, flags := make(chan error, 100), make(chan byte, 100)
	dated := newFake(t, a, func(c *fakeConn) { spoke <- tls.Server(c.raw, old).Handshake() })
	modern := newFake(t, a, func(c *fakeConn) {
		if c.handshake() != nil {
			return
		}
		if p := c.read(); len(p) > 8 && p[0]>>4 == 1 {
			flags <- p[8] // after the protocol's name and level
		}
	})
	connectTo(t, a, gate, trust.RoleGate, []string{dated.url(), modern.url()}, func(cfg *link.Config) {
		careless := a.Client(gate, trust.RoleGate)
		careless.MinVersion = 0
		cfg.TLS = func() *tls.Config { return careless }
	})
	select {
	case err := <-spoke:
		if err == nil {
			t.Error("the link spoke TLS 1.2")
		}
	case <-time.After(patience):
		t.Error("no connection to the broker with TLS 1.2")
	}
	select {
	case got := <-flags:
		if got&2 == 0 {
			t.Errorf("CONNECT with the flags %#02x, want a clean session (0x02)", got)
		}
	case <-time.After(patience):
		t.Error("no CONNECT")
	}
}
