package broker

import (
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// retained keeps apart two things that mochi 2.7.9 does at once without a lock:
// one client's retained message is put into the tree of topics while another's
// new subscription reads that tree (TopicsIndex.RetainMessage writes retainPath,
// scanMessages reads it). Its hooks tell when each begins and ends; none of them
// waits for a network, because a conn's Write only queues.
type retained struct {
	mu     sync.RWMutex         // held for writing from keep to kept, for reading from scan to scanned
	keeper atomic.Pointer[conn] // who holds mu for writing
}

// keep begins to put a client's message into the tree; kept ends it.
func (r *retained) keep(c *conn) {
	r.mu.Lock()
	r.keeper.Store(c)
}

func (r *retained) kept(c *conn) {
	if c != nil && r.keeper.CompareAndSwap(c, nil) {
		r.mu.Unlock()
	}
}

// OnRetainMessage: mochi has kept a retained message, of a publish or a last will.
func (h *hook) OnRetainMessage(cl *mqtt.Client, _ packets.Packet, _ int64) {
	c, _ := cl.Net.Conn.(*conn)
	h.retained.kept(c)
}

// OnWill: mochi is about to send a client's last will, and to keep it if it is
// retained.
func (h *hook) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	if c, ok := cl.Net.Conn.(*conn); ok && will.Retain {
		h.retained.keep(c)
	}
	return will, nil
}

// OnSubscribed: mochi is about to look for what is retained under the filters.
func (h *hook) OnSubscribed(*mqtt.Client, packets.Packet, []byte) { h.retained.mu.RLock() }

// OnPacketProcessed: it has. Each subscription that OnSubscribed heard of comes by
// here, whether it went well or not.
func (h *hook) OnPacketProcessed(_ *mqtt.Client, pk packets.Packet, _ error) {
	if pk.FixedHeader.Type == packets.Subscribe {
		h.retained.mu.RUnlock()
	}
}
