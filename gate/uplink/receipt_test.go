package uplink_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

// enter lets a ticket in and says what became of it; 0 leaves it open.
func (g *gate) enter(n int, kind journal.Kind) (seq uint64) {
	g.t.Helper()
	c := g.admit(n)
	if !c.Won {
		g.t.Fatalf("ticket %d: %+v", n, c)
	}
	if kind != 0 {
		if err := g.store.Settle(context.Background(), c.Seq, kind, ""); err != nil {
			g.t.Fatal(err)
		}
	}
	g.uplink.Wake()
	return c.Seq
}

// received are the different receipts that came, verified against the journal.
func (w *world) received(g *gate) map[uint64]journal.Receipt {
	w.t.Helper()
	w.mu.Lock()
	all := w.receipts[g.link.device]
	w.mu.Unlock()
	out := map[uint64]journal.Receipt{}
	for _, data := range all {
		r, err := journal.OpenReceipt(data, g.signer.Public())
		if err != nil {
			w.t.Fatal(err)
		}
		raw, err := g.store.Entries(context.Background(), r.Seq-1, 1)
		if err != nil || len(raw) != 1 {
			w.t.Fatalf("entry %d: %v", r.Seq, err)
		}
		e, err := journal.ParseEntry(raw[0])
		if err != nil || !r.Of(&e) || r.Device != g.link.device || r.Gate != "North" {
			w.t.Errorf("receipt %+v of entry %+v, %v", r, e, err)
		}
		out[r.Seq] = r
	}
	return out
}

func (g *gate) shipped(most time.Duration) {
	g.t.Helper()
	eventually(g.t, "the whole journal", most, func() bool {
		s := g.uplink.Status()
		return s.Head > 0 && s.Unacked == 0
	})
}

// Only who went in, or may have, gets a receipt.
func TestReceiptsOfWhatWasConsumed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		passed := g.enter(1, journal.Passed)
		flagged := g.enter(2, journal.Flagged)
		g.enter(3, journal.Released)
		g.enter(4, 0)
		if _, err := g.store.Record(context.Background(), journal.Entry{
			Kind: journal.Decision, Event: event, Lane: "1", Ticket: numbered(5).ID, Outcome: ticket.Refuse, Reason: ticket.StalePass, Mode: journal.Alone,
		}); err != nil {
			t.Fatal(err)
		}
		g.uplink.Wake()
		g.shipped(time.Minute)
		got := w.received(g)
		if len(got) != 2 || got[passed].Ticket != numbered(1).ID || got[flagged].Ticket != numbered(2).ID {
			t.Errorf("receipts %+v, want of entries %d and %d", got, passed, flagged)
		}
	})
}

// The passage may be shipped long after the decision was acknowledged.
func TestReceiptOfAnEarlierDecision(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		seq := g.enter(1, 0)
		g.shipped(time.Minute)
		if n := len(w.received(g)); n != 0 {
			t.Errorf("%d receipts of an open admission", n)
		}
		if err := g.store.Settle(context.Background(), seq, journal.Passed, ""); err != nil {
			t.Fatal(err)
		}
		g.uplink.Wake()
		eventually(t, "the receipt", time.Minute, func() bool { _, ok := w.received(g)[seq]; return ok })
	})
}

// A gate that is killed between its journal and the upload, or before central has
// said that it has it, makes the receipts again.
func TestReceiptsAfterAKill(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		w.mute = true
		first := g.enter(1, journal.Passed)
		g.restart()
		g.link.connect("central")
		eventually(t, "the receipt", time.Minute, func() bool { _, ok := w.received(g)[first]; return ok })
		second := g.enter(2, journal.Passed)
		g.restart()
		w.mu.Lock()
		w.mute, w.receipts["gate-1"] = false, nil
		w.mu.Unlock()
		g.link.connect("central")
		g.shipped(time.Minute)
		if got := w.received(g); len(got) != 2 || got[first].Seq == 0 || got[second].Seq == 0 {
			t.Errorf("receipts %+v after the restart, want of entries %d and %d", got, first, second)
		}
	})
}

// However long the gate was alone, each upload fits a message with its receipts.
func TestReceiptsOfAnEvening(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		const people = topic.MaxReceipts + 2
		for n := range people {
			g.enter(n, journal.Passed)
		}
		items, err := g.uplink.Pending(context.Background(), 100)
		if err != nil {
			t.Fatal(err)
		}
		var entries, receipts int
		var through uint64
		for _, i := range items {
			u, err := topic.ParseUpload(i.Payload)
			if err != nil {
				t.Fatal(err)
			}
			b, err := journal.OpenBatch(u.Batch, "gate-1", g.signer.Public())
			if err != nil {
				t.Fatal(err)
			}
			if len(u.Receipts) > topic.MaxReceipts || b.Entries[0].Seq != through+1 || i.Key != b.Head.Seq {
				t.Errorf("upload %d to %d with %d receipts after %d", b.Entries[0].Seq, i.Key, len(u.Receipts), through)
			}
			through = i.Key
			entries, receipts = entries+len(b.Entries), receipts+len(u.Receipts)
		}
		if entries != 2*people || receipts != people {
			t.Errorf("%d entries with %d receipts, want %d and %d", entries, receipts, 2*people, people)
		}
		g.link.connect("central")
		g.shipped(5 * time.Minute)
		synctest.Wait()
		if n := len(w.received(g)); n != people {
			t.Errorf("%d receipts came, want %d", n, people)
		}
	})
}
