package publish_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

// has returns what the owner of a ticket may fetch.
func (h *house) has(id ticket.ID) (signed []byte, ok bool) {
	h.t.Helper()
	r, ok, err := h.store.Receipt(h.t.Context(), owner, id)
	h.must(err)
	if ok && (r.Device == "" || r.Gate != "north" || r.Lane != "1" || r.Time == 0) {
		h.t.Errorf("stored receipt %+v", r)
	}
	return r.Signed, ok
}

// incidents are the kinds that were recorded, in order.
func (h *house) incidents() string {
	h.t.Helper()
	all, err := h.pub.Incidents(h.t.Context(), 0, 100)
	h.must(err)
	var kinds []string
	for _, i := range all {
		kinds = append(kinds, string(i.Kind))
	}
	return strings.Join(kinds, " ")
}

// The owner fetches what the gate signed, byte for byte.
func TestReceiptIsKept(t *testing.T) {
	for _, kind := range []journal.Kind{journal.Passed, journal.Flagged} {
		t.Run(kind.String(), func(t *testing.T) {
			h := newHouse(t, nil)
			_, id := h.buy()
			_, other := h.buy()
			g := h.gate("gate-a")
			seq := g.admit(id)
			g.settle(id, kind, seq)
			want := g.receipt(seq, nil)
			if _, ok := h.has(id); ok {
				t.Error("there is a receipt before the gate was heard")
			}
			g.upload(g.parcel(0, want))
			got, ok := h.has(id)
			if !ok || !bytes.Equal(got, want) {
				t.Fatalf("receipt %x, %v; want %x", got, ok, want)
			}
			r, err := journal.OpenReceipt(got, g.key.Public())
			if err != nil || r.Ticket != id || r.Device != g.id {
				t.Errorf("receipt %+v, %v", r, err)
			}
			if _, ok := h.has(other); ok {
				t.Error("a ticket that did not enter has a receipt")
			}
			for _, who := range []string{"", "ffffffffffffffffffffffffffffffff"} {
				if r, ok, err := h.store.Receipt(t.Context(), who, id); ok || err != nil {
					t.Errorf("account %q gets %+v, %v", who, r, err)
				}
			}
			if got := h.incidents(); got != "" {
				t.Errorf("incidents %q", got)
			}
		})
	}
}

// Admission and passage may come in different uploads, and an upload may come
// again, cut otherwise, and by a gate that has signed anew.
func TestReceiptResent(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	_, second := h.buy()
	g := h.gate("gate-a")
	first := g.admit(id)
	g.upload(g.batch(0))
	if _, ok := h.has(id); ok {
		t.Error("an admission that nobody went through has a receipt")
	}
	g.settle(id, journal.Passed, first)
	data := g.batch(1)
	g.upload(data)
	want, ok := h.has(id)
	if !ok {
		t.Fatal("no receipt")
	}
	g.upload(data)
	g.settle(second, journal.Passed, g.admit(second))
	g.upload(g.batch(0)) // all of it, from the first entry on
	if got, ok := h.has(id); !ok || !bytes.Equal(got, want) {
		t.Errorf("the receipt has changed: %x, want %x", got, want)
	}
	if _, ok := h.has(second); !ok {
		t.Error("no receipt of what was new in the last upload")
	}
	if got := h.incidents(); got != "" {
		t.Errorf("incidents %q", got)
	}
}

// A receipt that was taken out on the way comes back when the gate is told to
// send its journal again.
func TestLostReceipt(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.settle(id, journal.Passed, g.admit(id))
	if ack := g.upload(g.parcel(0)); ack.Seq != 2 {
		t.Errorf("ack %d, want 2: the journal does not wait for a receipt", ack.Seq)
	}
	if _, ok := h.has(id); ok {
		t.Error("a receipt out of nothing")
	}
	g.upload(g.batch(0))
	if _, ok := h.has(id); !ok {
		t.Error("the receipt is lost for good")
	}
}

// What is wrong with a receipt holds up neither the journal nor its neighbours,
// and is kept as evidence.
func TestBadReceipts(t *testing.T) {
	type lie = func(*journal.Receipt)
	for name, tc := range map[string]struct {
		make func(h *house, g *gate, seq uint64) []byte
	}{
		"forged by another device": {func(h *house, g *gate, seq uint64) []byte {
			thief := h.gate("gate-b")
			thief.raw, thief.id = g.raw, g.id
			return thief.receipt(seq, nil)
		}},
		"for another device":   {nil},
		"for another gate":     {nil},
		"for another lane":     {nil},
		"for another ticket":   {nil},
		"for another event":    {nil},
		"at another time":      {nil},
		"with another pass":    {nil},
		"of no entry":          {nil},
		"of the passage":       {nil},
		"of an open admission": {nil},
		"of a released one":    {nil},
		"of a refusal":         {nil},
		"rubbish":              {func(*house, *gate, uint64) []byte { return []byte("rubbish") }},
		"altered": {func(_ *house, g *gate, seq uint64) []byte {
			r := g.receipt(seq, nil)
			r[len(r)-1] ^= 1
			return r
		}},
	} {
		lies := map[string]lie{
			"for another device": func(r *journal.Receipt) { r.Device = "gate-b" },
			"for another gate":   func(r *journal.Receipt) { r.Gate = "south" },
			"for another lane":   func(r *journal.Receipt) { r.Lane = "2" },
			"for another ticket": func(r *journal.Receipt) { r.Ticket[0] ^= 1 },
			"for another event":  func(r *journal.Receipt) { r.Event++ },
			"at another time":    func(r *journal.Receipt) { r.Time++ },
			"with another pass":  func(r *journal.Receipt) { r.Evidence[0]++ },
			"of no entry":        func(r *journal.Receipt) { r.Seq = 99 },
			"of the passage":     func(r *journal.Receipt) { r.Seq++ },
		}
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			_, victim := h.buy()
			_, honest := h.buy()
			g := h.gate("gate-a")
			seq := g.admit(victim)
			switch name {
			case "of an open admission":
			case "of a released one":
				g.settle(victim, journal.Released, seq)
			default:
				g.settle(victim, journal.Passed, seq)
			}
			bad := g.receipt(seq, lies[name])
			if name == "of a refusal" {
				n := g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Refuse, Reason: ticket.StalePass, Mode: journal.Alone, Ticket: victim})
				bad = g.receipt(n, nil)
			}
			if tc.make != nil {
				bad = tc.make(h, g, seq)
			}
			good := g.admit(honest)
			g.settle(honest, journal.Passed, good)
			if ack := g.upload(g.parcel(0, bad, g.receipt(good, nil))); ack.Seq != g.head.Seq {
				t.Errorf("ack %d, want %d: the journal is held up", ack.Seq, g.head.Seq)
			}
			if got, ok := h.has(victim); ok {
				t.Errorf("kept %x", got)
			}
			if _, ok := h.has(honest); !ok {
				t.Error("the receipt beside it was not kept")
			}
			all, err := h.pub.Incidents(t.Context(), 0, 100)
			h.must(err)
			if len(all) != 1 || all[0].Kind != "receipt" || all[0].Device != g.id || all[0].Size != len(bad) {
				t.Fatalf("incidents %+v, want one of the receipt", all)
			}
			evidence, err := h.pub.Evidence(t.Context(), all[0].Number)
			h.must(err)
			if !bytes.Equal(evidence, bad) {
				t.Errorf("evidence %x, want %x", evidence, bad)
			}
		})
	}
}

// An upload is one message: a batch on its own, as nobody sends it, or too many
// receipts are not taken for one.
func TestBadUploads(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.settle(id, journal.Passed, g.admit(id))
	batch, err := journal.SealBatch(g.key, g.id, g.raw, g.time)
	h.must(err)
	h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), batch, false))
	h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), []byte{0x82, 0x40, 0x80}, false))
	g.upload(g.batch(0))
	if got := h.incidents(); got != "batch batch" {
		t.Errorf("incidents %q, want batch batch", got)
	}
}

// Taken back by a steward, an entry is none: not if it was undone before the
// upload came, and not afterwards.
func TestReceiptOfAnUndoneAdmission(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	seq := g.admit(id)
	g.settle(id, journal.Passed, seq)
	g.upload(g.batch(0))
	if _, ok := h.has(id); !ok {
		t.Fatal("no receipt")
	}
	g.settle(id, journal.Undone, seq)
	g.upload(g.batch(2))
	if _, ok := h.has(id); ok {
		t.Error("an entry that was taken back still has a receipt")
	}
	_, id = h.buy()
	seq = g.admit(id)
	g.settle(id, journal.Passed, seq)
	g.settle(id, journal.Undone, seq)
	g.upload(g.batch(3))
	if _, ok := h.has(id); ok {
		t.Error("an entry that was taken back at once has a receipt")
	}
	if got := h.incidents(); got != "" {
		t.Errorf("incidents %q: the gate did nothing wrong", got)
	}
}

// Of two gates that admitted one ticket, the earlier admission is the entry.
func TestReceiptOfAConflict(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	a, b := h.gate("gate-a"), h.gate("gate-b")
	b.time = a.time + 100<<16
	a.settle(id, journal.Passed, a.admit(id))
	b.settle(id, journal.Passed, b.admit(id))
	b.upload(b.batch(0))
	a.upload(a.batch(0))
	got, ok := h.has(id)
	if r, err := journal.OpenReceipt(got, a.key.Public()); !ok || err != nil {
		t.Errorf("receipt %+v, %v, %v; want gate-a's", r, ok, err)
	}
}

// A central that dies between storing and acknowledging has both or neither.
func TestReceiptAfterACrash(t *testing.T) {
	h := newHouse(t, nil)
	_, id := h.buy()
	g := h.gate("gate-a")
	g.settle(id, journal.Passed, g.admit(id))
	data := g.batch(0)
	for n := range 3 {
		h.must(g.link.Publish(t.Context(), topic.JournalOf(g.id), data, false))
		h.stop()
		head, err := h.store.Publish().Head(t.Context(), g.id)
		h.must(err)
		if _, ok := h.has(id); ok != (head.Seq == 2) {
			t.Errorf("crash %d: receipt %v with %d entries", n, ok, head.Seq)
		}
		h.start()
	}
	if ack := g.uploadUntilAcknowledged(data); ack.Seq != 2 {
		t.Errorf("ack %d, want 2", ack.Seq)
	}
	if _, ok := h.has(id); !ok {
		t.Error("no receipt")
	}
}

// A receipt is for whoever had the ticket when it entered. Who gave it away
// before learns nothing of where the other went, and who got it after the entry,
// because a gate without network was heard late, was not there.
func TestReceiptOfATicketThatMoved(t *testing.T) {
	const somebody = "somebody"
	for name, tc := range map[string]struct {
		before bool // the entry took place before the ticket moved
		want   string
	}{
		"entered, then moved": {true, owner},
		"moved, then entered": {false, somebody},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			_, id := h.buy()
			g := h.gate("gate-a")
			enter := func() { g.settle(id, journal.Passed, g.admit(id)) }
			g.time = journal.At(time.Now())
			if tc.before {
				enter()
			}
			for time.Now().UnixMilli() <= g.time.Time().UnixMilli() { // the clock's next millisecond
				runtime.Gosched()
			}
			was, err := h.sale.Ticket(t.Context(), id)
			h.must(err)
			_, err = h.sale.Rebind(t.Context(), sale.RebindRequest{
				Ticket: id, Version: 1, From: was.Ticket.Holder, To: ticket.HolderKey{3, 99}, Owner: somebody,
			})
			h.must(err)
			if !tc.before {
				g.time = journal.At(time.Now().Add(time.Millisecond))
				enter()
			}
			g.upload(g.batch(0))
			for _, who := range []string{owner, somebody} {
				if _, ok, err := h.store.Receipt(t.Context(), who, id); err != nil || ok != (who == tc.want) {
					t.Errorf("%s has a receipt: %v, %v; want it for %s", who, ok, err, tc.want)
				}
			}
		})
	}
}
