package publish_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
)

// The whole way down: import, sale, set and deltas, verified by a subscriber that
// trusts nothing but the trust list.
func TestSaleReachesSubscriber(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show), topic.BeaconOf(show))
	m := g.manifest(1)
	if set := g.load(m); len(set) != 0 || m.Version != 1 {
		t.Fatalf("first set is version %d with %d tickets, want 1 and 0", m.Version, len(set))
	}
	head := m.Delta
	_, first := h.buy()
	begun := time.Now()
	d := g.delta(&head)
	if len(d.Ops) != 1 || d.Ops[0].Kind != ticketset.OpNew || d.Ops[0].Ticket.ID != first {
		t.Fatalf("delta %d says %+v, want the new ticket %s", d.Seq, d.Ops, first)
	}
	t.Logf("sale to subscriber: %s", time.Since(begun))

	order, second := h.buy()
	_, err := h.sale.Refund(t.Context(), order)
	h.must(err)
	var last ticketset.Op
	for last.Kind != ticketset.OpStatus {
		d = g.delta(&head)
		last = d.Ops[len(d.Ops)-1]
	}
	if last.Ticket.ID != second || last.Status != ticket.StatusRefunded {
		t.Errorf("delta %d says %+v, want %s refunded", d.Seq, last, second)
	}

	version, err := h.pub.Publish(t.Context(), show)
	h.must(err)
	m = g.manifest(version)
	set := g.load(m)
	want := map[ticket.ID]ticket.Status{first: ticket.StatusValid, second: ticket.StatusRefunded}
	if len(set) != 2 || set[first] != want[first] || set[second] != want[second] || m.Delta != head {
		t.Errorf("set %d = %v at delta %d, want %v at %d", m.Version, set, m.Delta.Seq, want, head.Seq)
	}
	g.wait("a beacon of it", func(msg message) bool {
		if msg.topic != topic.BeaconOf(show) {
			return false
		}
		b, err := ticketset.OpenBeacon(h.ring, show, msg.data, time.Now())
		h.must(err)
		return b.Version == version && b.Delta == head
	})
}

func TestPublishUnknownEvent(t *testing.T) {
	h := newHouse(t, nil)
	if v, err := h.pub.Publish(t.Context(), 4711); !errors.Is(err, publish.ErrUnknownEvent) {
		t.Errorf("Publish(4711) = %d, %v; want ErrUnknownEvent", v, err)
	}
}

// A set is built when the chain has grown long; only two stay published, and
// what only older ones needed is taken off the broker.
func TestOldVersionsAreCleared(t *testing.T) {
	h := newHouse(t, func(c *publish.Config) { c.MaxDeltas = 2; c.GroupWithin = time.Millisecond })
	g := h.gate("gate-a", topic.Manifest(show))
	first := g.manifest(1)
	chunkless := topic.Rules(show, 1)
	g.pull(chunkless)
	var head ticketset.Head
	for version := uint64(2); version <= 4; version++ {
		for range 2 {
			h.buy()
			h.must(g.link.Subscribe(t.Context(), topic.AllDeltas(show)))
			g.delta(&head)
		}
		m := g.manifest(version)
		if m.Delta.Seq < 2 || m.Version == first.Version {
			t.Fatalf("manifest %d at delta %d", m.Version, m.Delta.Seq)
		}
	}
	h.must(g.link.Unsubscribe(t.Context(), topic.AllDeltas(show)))
	sets, err := h.store.Publish().Sets(t.Context(), show)
	for deadline := time.Now().Add(patient); err == nil && len(sets) > 2 && time.Now().Before(deadline); {
		h.must(g.link.Subscribe(t.Context(), topic.BeaconOf(show))) // waits for the broker
		sets, err = h.store.Publish().Sets(t.Context(), show)
	}
	h.must(err)
	if len(sets) != 2 || sets[0].Version < 4 {
		t.Fatalf("%d sets kept, newest %d; want 2, at least 4", len(sets), sets[0].Version)
	}
	late := h.gate("gate-b", chunkless, topic.DeltaAt(show, 1), topic.Manifest(show), topic.Rules(show, sets[0].Version))
	late.manifest(sets[0].Version)
	late.pull(topic.Rules(show, sets[1].Version))
	for _, name := range []string{chunkless, topic.DeltaAt(show, 1)} {
		if data := late.kept[name]; len(data) > 0 {
			t.Errorf("%s is still retained with %d bytes", name, len(data))
		}
	}
}

// Crash between storing and publishing: the next life publishes the same bytes,
// and the chain has no gap.
func TestRestartRepublishesSameBytes(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a", topic.Manifest(show), topic.AllDeltas(show))
	g.manifest(1)
	h.buy()
	head := ticketset.Head{}
	g.delta(&head)
	before := bytes.Clone(g.kept[topic.DeltaAt(show, 1)])
	manifest := bytes.Clone(g.kept[topic.Manifest(show)])
	h.stop()

	h.buy() // sold while nobody publishes
	h.must(h.broker.Close())
	h.serve() // a broker that has forgotten everything
	h.start()
	late := h.gate("gate-b", topic.Manifest(show), topic.AllDeltas(show))
	late.manifest(1)
	head = ticketset.Head{}
	late.delta(&head)
	if !bytes.Equal(late.kept[topic.DeltaAt(show, 1)], before) || !bytes.Equal(late.kept[topic.Manifest(show)], manifest) {
		t.Error("delta 1 or manifest 1 changed over a restart")
	}
	late.delta(&head)
	if head.Seq != 2 {
		t.Errorf("chain ends at %d, want 2", head.Seq)
	}
}

func TestJournalIsAcknowledged(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a", topic.AllLedger(show))
	seq := g.admit(id)
	g.settle(id, journal.Passed, seq)
	first := g.batch(0)
	if ack := g.upload(first); ack.Seq != 2 || ack.Hash != g.head.Hash {
		t.Fatalf("ack %d, want 2 with the gate's own hash", ack.Seq)
	}
	page := func(through uint64) *ticketset.LedgerPage {
		var p *ticketset.LedgerPage
		g.wait("the ledger", func(m message) bool {
			if m.topic != topic.LedgerPage(show, 0) {
				return false
			}
			var err error
			p, err = ticketset.OpenLedgerPage(h.ring, show, m.data, time.Now())
			h.must(err)
			return p.Through() >= through
		})
		return p
	}
	if p := page(1); len(p.Entries) != 1 || p.Entries[0].Ticket != id || p.Entries[0].Kind != ticketset.LedgerEnter {
		t.Fatalf("ledger %+v, want one entry of %s", p.Entries, id)
	}
	if ack := g.upload(first); ack.Seq != 2 { // replayed
		t.Errorf("ack of the same batch %d, want 2", ack.Seq)
	}
	g.settle(id, journal.Undone, seq)
	g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.Malformed, Mode: journal.Alone})
	if ack := g.upload(g.batch(1)); ack.Seq != 4 { // overlaps what is known
		t.Errorf("ack of an overlapping batch %d, want 4", ack.Seq)
	}
	if p := page(2); len(p.Entries) != 2 || p.Entries[1].Kind != ticketset.LedgerVoid || p.Entries[1].Seq != seq {
		t.Errorf("ledger %+v, want the admission and its end", p.Entries)
	}
	rows, err := h.pub.Ledger(t.Context(), show, 0, 10)
	if err != nil || len(rows) != 2 || rows[0].Gate != "north" || rows[0].Lane != "1" {
		t.Errorf("Ledger = %+v, %v; a replayed batch must not count twice", rows, err)
	}
}

func TestGapIsNotAcknowledged(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a", topic.CommandOf("gate-a"))
	seq := g.admit(id)
	if ack := g.upload(g.batch(0)); ack.Seq != 1 {
		t.Fatalf("ack %d, want 1", ack.Seq)
	}
	good := g.head
	g.settle(id, journal.Passed, seq)
	g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.StalePass, Mode: journal.Alone})
	if ack := g.upload(g.batch(2)); ack.Seq != good.Seq || ack.Hash != good.Hash {
		t.Errorf("ack after a gap %d, want the last good entry %d", ack.Seq, good.Seq)
	}
	// The order to go back reaches a gate whose central has forgotten.
	order := g.wait("an order", func(m message) bool { return m.topic == topic.CommandOf(g.id) })
	c, err := topic.OpenCommand(h.ring, show, g.id, order.data, time.Now())
	if err != nil || c.Action != topic.Resend || c.From != 2 {
		t.Errorf("order %+v, %v; want to resend from 2", c, err)
	}
	if ack := g.upload(g.batch(1)); ack.Seq != 3 {
		t.Errorf("ack once the gap is filled %d, want 3", ack.Seq)
	}
}

// A gate whose disk was restored from a copy writes other entries under numbers
// that central knows.
func TestForkIsReported(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.admit(id)
	g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.StalePass, Mode: journal.Alone})
	good := g.head
	g.upload(g.batch(0))
	raw, head := g.raw[:1], journal.Head{Seq: 1, Hash: journal.EntryHash(g.raw[0])}
	for name, grow := range map[string]int{"same length": 1, "longer": 3} {
		g.raw, g.head = append([][]byte(nil), raw...), head
		for range grow {
			g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.WrongZone, Mode: journal.Alone})
		}
		if ack := g.upload(g.batch(0)); ack.Seq != good.Seq || ack.Hash != good.Hash {
			t.Errorf("%s: ack %d %x, want what central knew before: %d", name, ack.Seq, ack.Hash[:4], good.Seq)
		}
		g.upload(g.batch(0)) // again: still one incident
	}
	incidents, err := h.pub.Incidents(t.Context(), 0, 10)
	h.must(err)
	if len(incidents) != 2 || incidents[0].Kind != publish.IncidentFork || incidents[0].Device != g.id {
		t.Fatalf("incidents %+v, want two forks", incidents)
	}
	for _, i := range incidents {
		evidence, err := h.pub.Evidence(t.Context(), i.Number)
		h.must(err)
		if len(evidence) == 0 || i.Size != len(evidence) || i.Hash != sha256.Sum256(evidence) {
			t.Errorf("incident %+v has %d bytes of evidence; want them to fit", i, len(evidence))
		}
	}
	if _, err := h.pub.Evidence(t.Context(), 99); !errors.Is(err, publish.ErrUnknownIncident) {
		t.Errorf("evidence of incident 99: %v, want ErrUnknownIncident", err)
	}
	// A shorter batch that contradicts what is stored is a fork as well.
	g.raw, g.head = nil, journal.Head{}
	g.admit(ticket.ID{9})
	g.upload(g.batch(0))
	if incidents, err = h.pub.Incidents(t.Context(), 2, 10); err != nil || len(incidents) != 1 || incidents[0].Kind != publish.IncidentFork {
		t.Errorf("incidents after a shorter batch: %+v, %v; want another fork", incidents, err)
	}
	if n, err := h.pub.IncidentCount(t.Context()); err != nil || n != 3 {
		t.Errorf("%d incidents, %v; want 3", n, err)
	}
	if rows, err := h.pub.Ledger(t.Context(), show, 0, 10); err != nil || len(rows) != 1 {
		t.Errorf("%d ledger rows, %v; a fork must not enter the ledger", len(rows), err)
	}
}

func TestTwoGatesOneConflict(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	_, other := h.buy()
	a, b, c := h.gate("gate-a"), h.gate("gate-b"), h.gate("gate-c")
	b.time = a.time + 5<<16 // five milliseconds later
	c.time = a.time + 9<<16
	a.admit(other)
	b.settle(id, journal.Passed, b.admit(id))
	b.upload(b.batch(0)) // the later one is heard first
	a.settle(id, journal.Passed, a.admit(id))
	a.upload(a.batch(0))
	c.settle(id, journal.Released, c.admit(id)) // turned back: not a conflict
	c.upload(c.batch(0))
	got, err := h.pub.Conflicts(t.Context(), show, 0, 10)
	h.must(err)
	if len(got) != 1 || got[0].Ticket != id || got[0].Winner.Device != "gate-a" || len(got[0].Others) != 1 {
		t.Fatalf("conflicts %+v, want one with gate-a before gate-b", got)
	}
	o := got[0].Others[0]
	if o.Device != "gate-b" || o.Gate != "north" || o.Time <= got[0].Winner.Time || o.Evidence == [32]byte{} || o.Settled != journal.Passed {
		t.Errorf("loser %+v, want gate-b with gate, later time and evidence", o)
	}
	if ledger, conflicts, err := h.pub.Head(t.Context(), show); err != nil || conflicts != 1 || ledger != 5 {
		t.Errorf("Head = %d, %d, %v; want 5 rows and 1 conflict", ledger, conflicts, err)
	}
	// A steward takes the later admission back: the conflict dissolves.
	b.settle(id, journal.Undone, 1)
	b.upload(b.batch(2))
	if got, err := h.pub.Conflicts(t.Context(), show, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("conflicts after the undo: %+v, %v; want none", got, err)
	}
}

// What is not the device's own, or about an event that is not its business, must
// not reach the ledger.
func TestForeignEntries(t *testing.T) {
	h := newHouse(t, nil)
	g := h.gate("gate-a")
	g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone, Ticket: ticket.ID{5}, Event: 77})
	if ack := g.upload(g.batch(0)); ack.Seq != 1 {
		t.Errorf("ack %d, want 1: the fact is stored", ack.Seq)
	}
	stranger := h.gate("gate-b")
	stranger.admit(ticket.ID{6})
	forged := stranger.batch(0)
	h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), forged, false))
	h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), []byte("rubbish"), false))
	g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.StalePass, Mode: journal.Alone})
	g.upload(g.batch(1)) // what was sent before has been dealt with
	var kinds []string
	incidents, err := h.pub.Incidents(t.Context(), 0, 10)
	h.must(err)
	for _, i := range incidents {
		kinds = append(kinds, string(i.Kind))
	}
	if got := strings.Join(kinds, " "); got != "foreign batch batch" {
		t.Errorf("incidents %q, want foreign batch batch", got)
	}
	if rows, err := h.pub.Ledger(t.Context(), 77, 0, 10); err != nil || len(rows) != 0 {
		t.Errorf("ledger of event 77: %+v, %v", rows, err)
	}
}
