package broker_test

import (
	"bytes"
	"crypto/tls"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

// TestTricklingPeer: one client that takes its backlog drop by drop, each in
// time, keeps neither its own end nor the broker's waiting.
func TestTricklingPeer(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.QueueBytes = 64 << 20 })
	trickle := dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	trickle.login(string(peer))
	trickle.send(subscribePacket(9, topic.AllDeltas(7)))
	trickle.expect(0x90)
	speaker := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	speaker.login(string(central))
	payload := bytes.Repeat([]byte("d"), topic.MaxPayload)
	for i := range 200 { // 25 MB: more than every buffer on the way
		speaker.send(publishPacket(uint16(i+1), topic.DeltaAt(7, uint64(i+1)), payload, false))
		speaker.expect(0x40)
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	secure, ok := trickle.conn.(*tls.Conn)
	if !ok {
		t.Fatalf("a connection of type %T", trickle.conn)
	}
	drop := make([]byte, 64*1024)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		select {
		case err := <-closed:
			if err != nil {
				t.Errorf("Close = %v", err)
			}
			return
		case <-deadline:
			t.Error("Close still waits for a peer that takes a little now and then")
			_ = trickle.conn.Close()
			return
		case <-tick.C:
			_, _ = secure.NetConn().Read(drop)
		}
	}
}

// TestSubscriptionLimit: a session cannot make the broker remember filters
// without end, nor messages that it never acknowledges.
func TestSubscriptionLimit(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.MaxSubscriptions = 2 })
	r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	r.login(string(gate))
	ask := func(id byte, seqs ...uint64) []byte {
		parts := [][]byte{{0, id}}
		for _, seq := range seqs {
			parts = append(parts, text(topic.DeltaAt(7, seq)), []byte{1})
		}
		r.send(packet(0x82, parts...))
		return r.expect(0x90)[2:]
	}
	for i, step := range []struct {
		ask  []uint64
		want []byte
	}{
		{[]uint64{1, 2, 3}, []byte{0, 0, 0x80}},
		{[]uint64{3}, []byte{0x80}},
		{[]uint64{2, 1}, []byte{0, 0}}, // again, which takes no room
	} {
		if got := ask(byte(i+1), step.ask...); !bytes.Equal(got, step.want) {
			t.Errorf("step %d, deltas %v at QoS 1: SUBACK % x, want % x", i, step.ask, got, step.want)
		}
	}
	r.send(packet(0xa2, []byte{0, 9}, text(topic.DeltaAt(7, 1))))
	r.expect(0xb0)
	if got := ask(10, 3); got[0] != 0 {
		t.Errorf("after leaving one: SUBACK % x, want room for another", got)
	}

	speaker := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	speaker.login(string(central))
	speaker.send(publishPacket(1, topic.DeltaAt(7, 3), []byte("d"), false))
	if kind, body, ok := r.receive(); !ok || kind != 0x30 {
		t.Errorf("delivery with the header %#x % x, want QoS 0 (0x30)", kind, body)
	}
}

// TestConnectionsOfOneDevice: a device that connects and connects and never says
// CONNECT leaves room for the others.
func TestConnectionsOfOneDevice(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.MaxPerDevice = 2 })
	mine := a.Client(gate, trust.RoleGate)
	silent := []*raw{dialRaw(t, b.Addr(), mine), dialRaw(t, b.Addr(), mine)}
	eventually(t, "a third connection is refused", func() bool {
		before := b.Stats().Denied
		dialRaw(t, b.Addr(), mine).closed()
		return b.Stats().Denied > before
	})
	dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate)).login(string(peer))
	for _, r := range silent {
		_ = r.conn.Close()
	}
	eventually(t, "there is room again", func() bool {
		r := dialRaw(t, b.Addr(), mine)
		r.send(connectPacket(4, string(gate), nil))
		_, body, ok := r.receive()
		return ok && len(body) == 2 && body[1] == 0
	})
}

// TestNoSessionIsKept: a device that asks for a persistent session gets none, so
// that nothing is queued for those who are away.
func TestNoSessionIsKept(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	hello := connectPacket(4, string(gate), nil)
	hello[9] = 0 // connect flags: without CleanSession
	r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	r.send(hello)
	r.expect(0x20)
	r.send(subscribePacket(1, topic.DeltaAt(7, 1)))
	r.expect(0x90)
	_ = r.conn.Close()
	eventually(t, "the session is over", func() bool { return b.Stats().Connected == 0 })

	r = dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	r.send(hello)
	if body := r.expect(0x20); !bytes.Equal(body, []byte{0, 0}) {
		t.Errorf("CONNACK % x, want 00 00: no session present", body)
	}
	speaker := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	speaker.login(string(central))
	speaker.send(publishPacket(1, topic.DeltaAt(7, 1), []byte("d"), false))
	speaker.expect(0x40)
	r.send([]byte{0xc0, 0}) // PINGREQ
	if kind, body, ok := r.receive(); !ok || kind != 0xd0 {
		t.Errorf("received %#x %q, want the answer to the ping: the old filter is gone", kind, body)
	}
}

// TestIdlePeer: a peer cannot buy silence with a long keep-alive, or with none.
func TestIdlePeer(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, func(c *broker.Config) { c.MaxIdle = 200 * time.Millisecond })
	for name, keepAlive := range map[string][]byte{"18 hours": {0xff, 0xff}, "none": {0, 0}, "a minute": {0, 60}} {
		r := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
		hello := connectPacket(4, string(gate), nil)
		copy(hello[10:12], keepAlive)
		r.send(hello)
		r.expect(0x20)
		t.Log(name)
		r.closed()
	}
}
