package publish_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// change alters what the fleet says of a device.
func (h *house) change(id ticket.DeviceID, fn func(*publish.Device)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.devices[id]
	fn(&d)
	h.devices[id] = d
}

// kinds lists the incidents of one device.
func (h *house) kinds(id ticket.DeviceID) (out []publish.IncidentKind) {
	h.t.Helper()
	all, err := h.pub.Incidents(h.t.Context(), 0, 100)
	h.must(err)
	for _, i := range all {
		if i.Device == id {
			out = append(out, i.Kind)
		}
	}
	return out
}

// A device that was taken out is not heard any more; what it sent is evidence.
func TestRevokedDeviceIsNotHeard(t *testing.T) {
	h := newHouse(t, nil)
	thief, honest := h.gate("gate-a"), h.gate("gate-b")
	h.change(thief.id, func(d *publish.Device) { d.Revoked = true })
	thief.admit(ticket.ID{1})
	if !h.pub.Journal(thief.id, thief.batch(0)) {
		t.Fatal("the inbox is full")
	}
	honest.admit(ticket.ID{2})
	honest.upload(honest.batch(0)) // comes after it in the same queue
	if head, err := h.store.Publish().Head(t.Context(), thief.id); err != nil || head.Seq != 0 {
		t.Errorf("head of the revoked device is %d, %v; want nothing stored", head.Seq, err)
	}
	if got := h.kinds(thief.id); len(got) != 1 || got[0] != publish.IncidentRevoked {
		t.Errorf("incidents %q, want %q", got, publish.IncidentRevoked)
	}
}

// A gate of one event says nothing about the tickets of another, even of one
// that central knows: the fact is stored, and does not count.
func TestDeviceOfAnotherEvent(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a")
	h.change(g.id, func(d *publish.Device) { d.Events = []ticket.EventID{77} })
	_, id := h.buy()
	g.admit(id)
	if ack := g.upload(g.batch(0)); ack.Seq != 1 {
		t.Errorf("ack %d, want 1", ack.Seq)
	}
	if ledger, _, err := h.pub.Head(t.Context(), show); err != nil || ledger != 0 {
		t.Errorf("%d ledger rows, %v; want none", ledger, err)
	}
	if got := h.kinds(g.id); len(got) != 1 || got[0] != publish.IncidentForeign {
		t.Errorf("incidents %q, want %q", got, publish.IncidentForeign)
	}
}

// A journal that was signed before the certificate was renewed counts after it.
func TestJournalUnderAnOlderKey(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a")
	h.change(g.id, func(d *publish.Device) {
		d.Keys = append([]trust.PublicKey{h.signer(h.p256()).Public()}, d.Keys...)
	})
	g.admit(ticket.ID{1})
	if ack := g.uploadUntilAcknowledged(g.batch(0)); ack.Seq != 1 {
		t.Errorf("ack %d, want 1", ack.Seq)
	}
}

// A gate whose clock is days ahead is heard, and reported.
func TestFutureEntriesAreReported(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.time = journal.At(time.Now().Add(3 * 24 * time.Hour))
	g.admit(id)
	if ack := g.upload(g.batch(0)); ack.Seq != 1 {
		t.Errorf("ack %d, want 1", ack.Seq)
	}
	if got := h.kinds(g.id); len(got) != 1 || got[0] != publish.IncidentFuture {
		t.Errorf("incidents %q, want %q", got, publish.IncidentFuture)
	}
}

// An entry that names the number of one admission and the ticket of another
// settles neither.
func TestSettlementOfAnotherTicket(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.settle(ticket.ID{9}, journal.Undone, g.admit(id))
	g.upload(g.batch(0))
	rows, err := h.pub.Ledger(t.Context(), show, 0, 10)
	if err != nil || len(rows) != 1 || rows[0].Kind != publish.Enter || rows[0].Ticket != id {
		t.Errorf("ledger %+v, %v; want the admission alone", rows, err)
	}
}

// A ticket that was turned back at one gate and let in at another was used once.
func TestTurnedBackIsNoConflict(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	a, b := h.gate("gate-a"), h.gate("gate-b")
	a.settle(id, journal.Released, a.admit(id))
	a.upload(a.batch(0))
	b.settle(id, journal.Passed, b.admit(id))
	b.upload(b.batch(0))
	if _, conflicts, err := h.pub.Head(t.Context(), show); err != nil || conflicts != 0 {
		t.Errorf("%d conflicts, %v; want none", conflicts, err)
	}
}

// A set is followed by another before gates run out of it, though nothing is sold.
func TestSetIsRenewedAtHalfItsLife(t *testing.T) {
	var late atomic.Int64
	late.Store(int64(-40 * time.Minute))
	h := newHouse(t, func(c *publish.Config) {
		c.SetLifetime = time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	g := h.gate("gate-a", topic.Manifest(show))
	first := g.manifest(1)
	late.Store(0)
	if second := g.manifest(2); second.Expires <= first.Expires {
		t.Errorf("second set lasts until %d, the first until %d", second.Expires, first.Expires)
	}
}

// A device that sends without end keeps nobody else out.
func TestFloodLeavesRoom(t *testing.T) {
	h := newHouse(t, nil)
	h.stop() // nobody empties the inbox
	taken := 0
	for range 2000 {
		if h.pub.Journal("gate-mad", []byte("rubbish")) {
			taken++
		}
	}
	if taken == 0 || taken > 64 || !h.pub.Journal("gate-a", []byte("a batch")) {
		t.Errorf("%d batches of one device were taken, and then none of another; want some of each", taken)
	}
}
