package publish_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/con-ting/conting/central/archive"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// beaconOf waits for a beacon that names a version of the set, at least.
func (g *gate) beaconOf(version uint64) *ticketset.Beacon {
	g.h.t.Helper()
	var b *ticketset.Beacon
	g.wait("beacon", func(m message) bool {
		if m.topic != topic.BeaconOf(show) {
			return false
		}
		var err error
		b, err = ticketset.OpenBeacon(g.h.ring, show, m.data, time.Now())
		g.h.must(err)
		return b.Version >= version
	})
	return b
}

// TestGatesFollowARestoredCentral: a central whose database was restored from a
// backup publishes what a gate takes that has seen all that was published since,
// and whose set, deltas and ledger say what the restored database says.
func TestGatesFollowARestoredCentral(t *testing.T) {
	h := newHouse(t, func(c *publish.Config) { c.BeaconEvery = 200 * time.Millisecond })
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show), topic.BeaconOf(show))
	before := g.manifest(1)
	head := before.Delta
	_, kept := h.buy()
	g.delta(&head)
	var raw bytes.Buffer
	_, err := h.store.Backup(t.Context(), &raw, "test")
	h.must(err)

	// What happens now is lost: a ticket, a version, an admission.
	_, lost := h.buy()
	g.delta(&head)
	version, err := h.pub.Publish(t.Context(), show)
	h.must(err)
	m := g.manifest(version)
	manifest := g.kept[topic.Manifest(show)]
	g.admit(lost)
	g.uploadUntilAcknowledged(g.batch(0))
	beacon := g.beaconOf(version)

	h.stop()
	h.must(h.store.Close())
	storetest.Erase(t, h.path)
	r, err := archive.NewReader(bytes.NewReader(raw.Bytes()))
	h.must(err)
	_, err = store.Restore(t.Context(), storetest.At(t, h.path, time.Now, slog.New(slog.DiscardHandler)), r, store.Restoring{Ahead: true})
	h.must(err)
	h.open()
	h.start()

	next := g.manifest(version + 1)
	had := ticketset.Current{Version: version, Hash: ticketset.Hash(manifest)}
	h.must(next.Follows(had, ticketset.Hash(g.kept[topic.Manifest(show)]), time.Now()))
	if next.Delta.Seq <= head.Seq || next.Delta.Seq <= m.Delta.Seq {
		t.Errorf("the new set counts from delta %d, the gate has %d", next.Delta.Seq, head.Seq)
	}
	tickets := g.load(next)
	if _, is := tickets[lost]; len(tickets) != 1 || tickets[kept] != ticket.StatusValid || is {
		t.Errorf("the new set has %v, want the one ticket that was sold before the backup", tickets)
	}
	now := g.beaconOf(next.Version)
	h.must(now.Follows(beacon))
	if now.Ledger <= beacon.Ledger {
		t.Errorf("the ledger has %d entries, the gate knows %d", now.Ledger, beacon.Ledger)
	}

	// And it goes on: another ticket, and the journal that the backup had not seen.
	_, sold := h.buy()
	head = next.Delta
	if d := g.delta(&head); d.Ops[0].Ticket.ID != sold {
		t.Errorf("delta %d is about %s, want the ticket that was just sold", d.Seq, d.Ops[0].Ticket.ID)
	}
	g.uploadUntilAcknowledged(g.batch(0))
	length, err := h.store.Publish().LedgerLength(t.Context(), show)
	h.must(err)
	rows, err := h.store.Publish().Ledger(t.Context(), show, length-1, 1)
	h.must(err)
	if len(rows) != 1 || rows[0].Ticket != lost || rows[0].Device != "gate-a" {
		t.Errorf("the ledger ends with %+v, want the admission that came again", rows)
	}
}
