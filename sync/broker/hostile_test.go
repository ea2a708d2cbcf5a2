package broker_test

import (
	"bytes"
	"crypto/tls"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// TestTricklingPeer: one client that takes its backlog drop by drop, each in
// time, keeps neither its own end nor the broker's waiting.
func TestTricklingPeer(t *testing.T) {
	a := newAuthority(t)
	b := start(t, a, func(c *broker.Config) { c.QueueBytes = 64 << 20 })
	trickle := dialRaw(t, b.Addr(), a.client(peer, trust.RoleGate))
	trickle.login(string(peer))
	trickle.send(subscribePacket(9, topic.AllDeltas(7)))
	trickle.expect(0x90)
	speaker := dialRaw(t, b.Addr(), a.client(central, trust.RoleCentral))
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
