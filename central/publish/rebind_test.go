package publish_test

import (
	"testing"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// A ticket that moves is told to the gates by its new key alone; the next set has
// it as it is.
func TestRebindReachesSubscriber(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show))
	m := g.manifest(1)
	head := m.Delta
	_, id := h.buy()
	was, err := h.sale.Ticket(t.Context(), id)
	h.must(err)
	key := ticket.HolderKey{3, 99}
	_, err = h.sale.Rebind(t.Context(), sale.RebindRequest{
		Ticket: id, Version: 1, From: was.Ticket.Holder, To: key, Owner: "somebody",
	})
	h.must(err)
	var op ticketset.Op
	for op.Kind != ticketset.OpRebind {
		d := g.delta(&head)
		op = d.Ops[len(d.Ops)-1]
	}
	want := ticket.Ticket{ID: id, Version: 2, Holder: key}
	if op.Ticket.ID != want.ID || op.Ticket.Version != want.Version || op.Ticket.Holder != want.Holder || op.Status != 0 {
		t.Errorf("operation %+v, want %+v", op, want)
	}
	version, err := h.pub.Publish(t.Context(), show)
	h.must(err)
	m = g.manifest(version)
	for n := range m.Chunks {
		tickets, err := m.OpenChunk(n, g.pull(topic.Chunk(show, m.Version, uint32(n))))
		h.must(err)
		for _, k := range tickets {
			if k.ID == id && (k.Version != 2 || k.Holder != key || k.Class != was.Ticket.Class) {
				t.Errorf("set %d has %+v", version, k)
			}
		}
	}
}
