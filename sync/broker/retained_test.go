package broker_test

import (
	"testing"

	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

// Retained messages come and go while others subscribe to all of them. The race
// detector sees it if the two meet; without one, a torn name could bring the broker
// down.
func TestRetainedWhileSubscribing(t *testing.T) {
	const times = 400
	a := pki.New(t)
	b := start(t, a, nil)
	c := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
	c.login(string(central))
	g := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
	g.login(string(gate))
	var publishes, subscribes []byte
	for i := range uint16(times) {
		payload := []byte("page")
		if i%2 == 1 {
			payload = nil // takes it back
		}
		publishes = append(publishes, publishPacket(i+1, topic.LeasePage(7, uint8(i/2%16)), payload, true)...)
		subscribes = append(subscribes, subscribePacket(i+1, topic.AllLeases(7))...)
	}
	c.send(publishes)
	g.send(subscribes)
	for range times {
		c.expect(0x40)
	}
	for granted := 0; granted < times; {
		kind, body, ok := g.receive()
		if !ok {
			t.Fatalf("the connection ended after %d answers", granted)
		}
		if kind == 0x90 {
			granted++
			if last := body[len(body)-1]; last > 2 {
				t.Fatalf("subscription %d was refused with %#x", granted, last)
			}
		}
	}
	// Whoever subscribes from now on finds what is kept now: nothing.
	c.send(publishPacket(times+1, topic.LeasePage(7, 3), []byte("last"), true))
	c.expect(0x40)
	p := dialRaw(t, b.Addr(), a.Client(peer, trust.RoleGate))
	p.login(string(peer))
	p.send(subscribePacket(1, topic.AllLeases(7)))
	p.expect(0x90)
	if body := string(p.expect(0x30)); body[len(body)-4:] != "last" {
		t.Errorf("heard %q, want the one message that is kept", body)
	}
}

// A retained last will is kept like any other message, and the next comes through.
func TestRetainedWill(t *testing.T) {
	a := pki.New(t)
	b := start(t, a, nil)
	for range 3 {
		g := dialRaw(t, b.Addr(), a.Client(gate, trust.RoleGate))
		g.send(connectPacket(4, string(gate), &will{topic: topic.StateOf(gate), payload: "gone", retain: true}))
		g.expect(0x20)
		_ = g.conn.Close()
		c := dialRaw(t, b.Addr(), a.Client(central, trust.RoleCentral))
		c.login(string(central))
		c.send(subscribePacket(1, topic.AllStates()))
		c.expect(0x90)
		if body := string(c.expect(0x30)); body[len(body)-4:] != "gone" {
			t.Errorf("heard %q, want the last will", body)
		}
		_ = c.conn.Close()
	}
}
