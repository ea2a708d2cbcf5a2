package link_test

import (
	"testing"

	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/pki"
)

// BenchmarkOutbox is one item of 200 bytes from the outbox through a broker to
// central, and its acknowledgement back, with a full window in flight.
func BenchmarkOutbox(b *testing.B) {
	a := pki.New(b)
	br := newBroker(b, a)
	newServer(b, a, urlOf(br), false)
	o := newOutbox(gate, b.N, 200)
	b.ResetTimer()
	connectTo(b, a, gate, trust.RoleGate, []string{urlOf(br)}, func(c *link.Config) {
		c.Outbox, c.Subscriptions, c.OnMessage = o, []string{topic.AckOf(gate)}, o.ack
	})
	<-o.empty
}
