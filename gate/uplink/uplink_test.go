package uplink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/gate/uplink"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

func TestPullsSetOverBadNetwork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.network(0.3, 0.2, 300*time.Millisecond)
		w.publishSet(12_500)
		w.publishDelta(3, ticket.StatusRevoked)
		w.publishDelta(4, ticket.StatusBlocked)
		w.publishBeacon(0)
		g := w.gate("gate-1")
		g.link.connect("central")
		eventually(t, "the set and its deltas", 10*time.Minute, func() bool {
			if time.Now().Second()%30 == 0 {
				w.publishBeacon(0) // a beacon may be lost like everything else
			}
			return g.version() == 1 && g.row(4).Status == ticket.StatusBlocked
		})
		if g.row(3).Status != ticket.StatusRevoked || g.row(12_499).Ticket.Seat != "A-12499" {
			t.Errorf("rows = %+v, %+v", g.row(3), g.row(12_499))
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if g.link.most > 8 || g.link.most < 4 {
			t.Errorf("%d objects were asked for at once, want up to 8", g.link.most)
		}
		for f := range g.link.filters {
			if !slices.Contains(g.uplink.Subscriptions(), f) {
				t.Errorf("still subscribed to %s", f)
			}
		}
	})
}

func TestBrokenTransferResumes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.network(0, 0, 50*time.Millisecond)
		w.publishSet(30_000)
		g := w.gate("gate-1")
		g.link.connect("central")
		missing := func() int { return g.uplink.Status().Events[0].Missing }
		eventually(t, "half of the chunks", time.Minute, func() bool { n := missing(); return n > 0 && n < 20 })
		g.link.cut()
		eventually(t, "a standstill", time.Minute, func() bool { return g.uplink.Status().Mode == journal.Alone })
		before := missing()
		if before == 0 || g.version() != 0 {
			t.Fatalf("%d chunks missing, version %d: the cable was cut too late", before, g.version())
		}
		g.restart()
		if now := g.uplink.Status().Events[0]; now.Missing != before && now.Missing != 0 {
			t.Logf("missing before the start: %d, now %d", before, now.Missing) // resumed by Run
		}
		g.link.connect("central")
		eventually(t, "the set", time.Minute, func() bool { return g.version() == 1 })
		w.mu.Lock()
		defer w.mu.Unlock()
		asked := 0
		for n := range 30 {
			asked += g.link.asked[topic.Chunk(event, 1, uint32(n))]
		}
		if asked > before+2 {
			t.Errorf("%d chunks were asked for after the restart, want the %d that were missing", asked, before)
		}
	})
}

func TestBadChunkKeepsOldSet(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		w.publishSet(2500)
		g.link.connect("central")
		eventually(t, "version 1", time.Minute, func() bool { return g.version() == 1 })
		w.mu.Lock()
		v1 := w.retained[topic.Chunk(event, 1, 0)]
		w.mu.Unlock()
		good := func() []byte {
			b := w.publishSet(2600)
			return b.Chunks[1]
		}
		// The broker has another chunk in the place of the right one, then an altered one.
		w.network(1, 0, 0) // nothing arrives while the set is being put there
		right := good()
		w.network(0, 0, 0)
		w.put(topic.Chunk(event, 2, 1), v1, true)
		w.publishBeacon(0)
		eventually(t, "refusal of the wrong chunk", time.Minute, func() bool { return g.uplink.Status().Refused["set object"] >= 2 })
		altered := bytes.Clone(right)
		altered[77] ^= 4
		w.put(topic.Chunk(event, 2, 1), altered, true)
		refused := g.uplink.Status().Refused["set object"]
		eventually(t, "refusal of the altered chunk", time.Minute, func() bool { return g.uplink.Status().Refused["set object"] > refused })
		if g.version() != 1 || g.row(2499).Ticket.Seat == "" || g.uplink.Status().Events[0].Loading != 2 {
			t.Errorf("status = %+v: the old set must stay in force", g.uplink.Status().Events[0])
		}
		w.put(topic.Chunk(event, 2, 1), right, true)
		eventually(t, "version 2", time.Minute, func() bool { return g.version() == 2 })
	})
}

func TestOldAndForeignSets(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		v1 := w.publishSet(10)
		eventually(t, "version 1", time.Minute, func() bool { return g.version() == 1 })
		v2 := w.publishSet(20)
		eventually(t, "version 2", time.Minute, func() bool { return g.version() == 2 })
		refusals := uint64(0)
		stranger, err := ticketset.Build(edKey(t, 9), ticketset.Spec{Event: rules(w), Previous: w.newest, Issued: time.Now().Unix(), Expires: time.Now().Unix() + 100})
		if err != nil {
			t.Fatal(err)
		}
		fork, err := ticketset.Build(w.key, ticketset.Spec{Event: rules(w), Previous: v1.Current(), Issued: time.Now().Unix(), Expires: time.Now().Unix() + 100})
		if err != nil {
			t.Fatal(err)
		}
		for name, raw := range map[string][]byte{"rollback": v1.Manifest, "foreign key": stranger.Manifest, "fork": fork.Manifest, "garbage": []byte("no")} {
			w.put(topic.Manifest(event), raw, true)
			refusals++
			eventually(t, name, time.Minute, func() bool { return g.uplink.Status().Refused["manifest"] == refusals })
			if g.version() != 2 {
				t.Errorf("%s: version %d is in force, want 2", name, g.version())
			}
		}
		w.put(topic.Manifest(event), v2.Manifest, true) // known: no refusal
		w.publishSet(30)
		eventually(t, "version 3", time.Minute, func() bool { return g.version() == 3 })
	})
}

func rules(w *world) ticket.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, err := ticketset.ParseRules(w.retained[topic.Rules(event, 1)])
	if err != nil {
		w.t.Fatal(err)
	}
	return *e
}

// What is revoked while the gate cannot hear it is revoked as soon as it can.
func TestLostDeltasArePulled(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		w.publishSet(100)
		g.link.connect("central")
		eventually(t, "the set", time.Minute, func() bool { return g.version() == 1 })
		w.network(1, 0, 0)
		for n := range 40 {
			w.publishDelta(n, ticket.StatusRevoked)
		}
		w.network(0, 0, 0)
		w.publishBeacon(0)
		begun := time.Now()
		eventually(t, "the lost deltas", time.Minute, func() bool { return g.uplink.Status().Events[0].Delta == 40 })
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the deltas took %s", took)
		}
		if g.row(39).Status != ticket.StatusRevoked {
			t.Errorf("row 39 = %+v, want it revoked", g.row(39))
		}
		// A gap is noticed without a beacon as well.
		w.network(1, 0, 0)
		w.publishDelta(50, ticket.StatusRevoked)
		w.network(0, 0, 0)
		w.publishDelta(51, ticket.StatusRevoked)
		eventually(t, "the gap", time.Minute, func() bool {
			return g.row(50).Status == ticket.StatusRevoked && g.row(51).Status == ticket.StatusRevoked
		})
	})
}

func TestJournalReachesCentral(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.network(0.4, 0.3, 400*time.Millisecond)
		g := w.gate("gate-1")
		g.link.connect("central")
		for n := range 300 {
			if n == 100 {
				g.link.cut()
			}
			if n == 200 {
				g.restart()
				g.link.connect("central")
			}
			g.admit(n)
		}
		eventually(t, "every entry at central", 10*time.Minute, func() bool {
			g.link.Wake() // as the link does when no acknowledgement comes
			return g.uplink.Status().Unacked == 0
		})
		head, err := g.store.Head(context.Background())
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil || w.ledgers["gate-1"] != head || head.Seq != 300 {
			t.Errorf("central has %d, the gate %d, %v", w.ledgers["gate-1"].Seq, head.Seq, err)
		}
	})
}

// An acknowledgement for another journal frees nothing.
func TestForeignAck(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.mute = true
		g := w.gate("gate-1")
		g.link.connect("central")
		g.admit(1)
		for i, a := range []topic.Ack{{Seq: 1, Hash: [32]byte{1}}, {Seq: 9}} {
			raw, err := a.Encode()
			if err != nil {
				t.Fatal(err)
			}
			w.put(topic.AckOf("gate-1"), raw, false)
			eventually(t, "refusal", time.Minute, func() bool { return g.uplink.Status().Refused["acknowledgement"] == uint64(i+1) })
		}
		if items, err := g.uplink.Pending(context.Background(), 10); err != nil || len(items) != 1 || g.uplink.Status().Unacked != 1 {
			t.Errorf("Pending = %d items, %v; want the entry still there", len(items), err)
		}
	})
}

// Central lost its ledger and asks for everything again.
func TestResendCommand(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		for n := range 10 {
			g.admit(n)
		}
		eventually(t, "the entries", time.Minute, func() bool { return g.uplink.Status().Unacked == 0 })
		w.mu.Lock()
		w.ledgers["gate-1"] = journal.Head{}
		w.mu.Unlock()
		c := topic.Command{Event: event, Device: "gate-1", Number: 5, Expires: time.Now().Unix() + 60, Action: topic.Resend, From: 1}
		raw, err := c.Sign(w.key)
		if err != nil {
			t.Fatal(err)
		}
		w.put(topic.CommandOf("gate-1"), raw, false)
		eventually(t, "the entries again", time.Minute, func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.ledgers["gate-1"].Seq == 10
		})
		// The same command again, and an older one, are not obeyed.
		w.mu.Lock()
		w.ledgers["gate-1"] = journal.Head{}
		w.mu.Unlock()
		w.put(topic.CommandOf("gate-1"), raw, false)
		c.Number = 4
		if raw, err = c.Sign(w.key); err != nil {
			t.Fatal(err)
		}
		w.put(topic.CommandOf("gate-1"), raw, false)
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ledgers["gate-1"].Seq != 0 {
			t.Errorf("an old command was obeyed")
		}
	})
}

func TestNotices(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		a, b := w.gate("gate-1"), w.gate("gate-2")
		a.link.connect("hub")
		b.link.connect("hub")
		if c := a.admit(1); !c.Won {
			t.Fatal(c)
		}
		eventually(t, "the notice", time.Second, func() bool { return b.row(1).Inside })
		if c := b.admit(1); c.Won || len(c.Elsewhere) != 1 || c.Elsewhere[0].Device != "gate-1" {
			t.Errorf("the second gate admitted the same ticket: %+v", c)
		}
		// Given back there, it may enter here.
		seq := a.admit(2).Seq
		eventually(t, "the second notice", time.Second, func() bool { return b.row(2).Inside })
		if err := a.store.Settle(context.Background(), seq, journal.Released, ""); err != nil {
			t.Fatal(err)
		}
		a.uplink.Wake()
		eventually(t, "the release", time.Second, func() bool { return !b.row(2).Inside })
		if c := b.admit(2); !c.Won {
			t.Errorf("a ticket that was given back is refused: %+v", c)
		}
		if peers := b.uplink.Status().Peers; len(peers) != 1 || peers["gate-1"].IsZero() {
			t.Errorf("Peers = %v", peers)
		}
		// What happened while the cable was cut is told afterwards.
		a.link.cut()
		a.admit(3)
		a.admit(4)
		a.restart()
		a.link.connect("hub")
		eventually(t, "the notices from before", time.Minute, func() bool { return b.row(3).Inside && b.row(4).Inside })
	})
}

// What a device says of an event that this gate does not serve is not for it,
// however well it is signed.
func TestNoticeOfAnotherEvent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const other = event + 1
		g := w.gate("gate-1")
		g.link.connect("hub")
		w.mu.Lock()
		g.link.filters[topic.AllAdmissions(other)] = true // a broker that sends what nobody asked for
		w.mu.Unlock()
		signer, cert := w.certificateFor("gate-2", trust.RoleGate, event, other)
		for _, e := range []ticket.EventID{other, event} {
			data, err := (&journal.Entry{
				Seq: 1, Kind: journal.Decision, Time: journal.At(time.Now()), Event: e, Ticket: numbered(1).ID,
				Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone,
			}).Encode()
			if err != nil {
				t.Fatal(err)
			}
			batch, err := journal.SealBatch(signer, "gate-2", [][]byte{data}, journal.At(time.Now()))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := topic.Notice{Certificate: cert, Batch: batch}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			w.put(topic.AdmissionsOf(e, "gate-2"), raw, false)
		}
		eventually(t, "the notice of this gate's event", time.Second, func() bool { return g.row(1).Entries == 1 })
		if row, _ := g.store.LookupTicket(context.Background(), other, numbered(1).ID); row.Entries != 0 {
			t.Errorf("the notice of event %s was noted: %+v", other, row)
		}
	})
}

// A peer whose clock is wrong is believed about what it did, not about the time.
func TestNoticeOfAWrongClock(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("hub")
		for i, ahead := range []time.Duration{time.Minute, time.Hour, 23 * time.Hour} {
			id := ticket.DeviceID(fmt.Sprintf("gate-%d", i+2))
			signer, cert := w.certificate(id, trust.RoleGate)
			at := journal.At(time.Now().Add(ahead))
			e := journal.Entry{Seq: 1, Kind: journal.Decision, Time: at, Event: event, Ticket: numbered(i).ID, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone}
			data, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			batch, err := journal.SealBatch(signer, id, [][]byte{data}, at)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := topic.Notice{Certificate: cert, Batch: batch}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			w.put(topic.AdmissionsOf(event, id), raw, false)
			eventually(t, "the admission", time.Second, func() bool { return g.row(i).Entries == 1 })
			if c := g.admit(i); c.Won {
				t.Errorf("%s ahead: the ticket entered again", ahead)
			}
			if got := g.store.Clock().Ahead(); got > journal.MaxAhead || got > time.Minute {
				t.Errorf("%s ahead: the peer dragged this gate's clock by %s", ahead, got)
			}
		}
	})
}

func TestForgedNotices(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("hub")
		mallory, cert := w.certificate("gate-3", trust.RoleGate)
		hub, hubCert := w.certificate("hub-1", trust.RoleHub)
		_, victim := w.certificate("gate-2", trust.RoleGate)
		foreign, foreignCert := w.certificateFor("gate-4", trust.RoleGate, event-1, event+1)
		idle, idleCert := w.certificateFor("gate-5", trust.RoleGate)
		alien, alienCert := newWorld(t).certificate("gate-2", trust.RoleGate)
		entry := journal.Entry{Seq: 1, Kind: journal.Decision, Time: journal.At(time.Now()), Event: event, Ticket: numbered(1).ID, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone}
		other := entry
		other.Event = 99
		for name, tc := range map[string]struct {
			signer trust.Signer
			device ticket.DeviceID // in the batch
			cert   []byte
			topic  ticket.DeviceID
			entry  journal.Entry
		}{
			"another's certificate":   {mallory, "gate-2", victim, "gate-2", entry},
			"on another's topic":      {mallory, "gate-3", cert, "gate-2", entry},
			"another's batch":         {mallory, "gate-2", cert, "gate-3", entry},
			"another authority":       {alien, "gate-2", alienCert, "gate-2", entry},
			"a hub admits nobody":     {hub, "hub-1", hubCert, "hub-1", entry},
			"about another event":     {mallory, "gate-3", cert, "gate-3", other},
			"of another event's gate": {foreign, "gate-4", foreignCert, "gate-4", entry},
			"of a gate of no event":   {idle, "gate-5", idleCert, "gate-5", entry},
			"certificate is no DER":   {mallory, "gate-3", []byte("no"), "gate-3", entry},
			"in this gate's own name": {mallory, "gate-1", cert, "gate-1", entry},
		} {
			data, err := tc.entry.Encode()
			if err != nil {
				t.Fatal(err)
			}
			batch, err := journal.SealBatch(tc.signer, tc.device, [][]byte{data}, tc.entry.Time)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := topic.Notice{Certificate: tc.cert, Batch: batch}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			before := g.uplink.Status().Refused["notice"]
			w.put(topic.AdmissionsOf(event, tc.topic), raw, false)
			if tc.topic == "gate-1" {
				time.Sleep(time.Second)
			} else {
				eventually(t, name, time.Minute, func() bool { return g.uplink.Status().Refused["notice"] == before+1 })
			}
			if g.row(1).Entries != 0 {
				t.Errorf("%s: the notice was believed", name)
			}
		}
		// The same from an honest device, and then from one that was revoked.
		data, err := entry.Encode()
		if err != nil {
			t.Fatal(err)
		}
		batch, err := journal.SealBatch(mallory, "gate-3", [][]byte{data}, entry.Time)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := topic.Notice{Certificate: cert, Batch: batch}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		w.list.Version, w.list.RevokedDevices = 2, []ticket.DeviceID{"gate-3"}
		w.put(topic.TrustList(), w.signedList(), true)
		eventually(t, "the new list", time.Minute, func() bool { return g.uplink.Status().TrustVersion == 2 })
		w.put(topic.AdmissionsOf(event, "gate-3"), raw, false)
		time.Sleep(time.Second)
		if g.row(1).Entries != 0 {
			t.Error("a revoked device's notice was believed")
		}
		w.list.Version, w.list.RevokedDevices = 3, nil
		w.put(topic.TrustList(), w.signedList(), true)
		eventually(t, "the third list", time.Minute, func() bool { return g.uplink.Status().TrustVersion == 3 })
		w.put(topic.AdmissionsOf(event, "gate-3"), raw, false)
		eventually(t, "an honest notice", time.Minute, func() bool { return g.row(1).Entries == 1 })
	})
}

func TestLedgerCatchesUp(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.network(0.3, 0, 100*time.Millisecond)
		const total = 700
		for p := 0; p*ticketset.LedgerEntries < total; p++ {
			page := ticketset.LedgerPage{Event: event, Page: uint32(p)}
			for n := p * ticketset.LedgerEntries; n < min(total, (p+1)*ticketset.LedgerEntries); n++ {
				page.Entries = append(page.Entries, ticketset.LedgerEntry{Ticket: numbered(n).ID, Device: "gate-9", Seq: uint64(n + 1), Time: uint64(n+1) << 16, Kind: ticketset.LedgerEnter})
			}
			raw, err := ticketset.SignLedgerPage(w.key, page)
			if err != nil {
				t.Fatal(err)
			}
			w.put(topic.LedgerPage(event, page.Page), raw, true)
		}
		g := w.gate("gate-1")
		g.link.connect("central")
		for range 20 {
			w.publishBeacon(total)
			time.Sleep(30 * time.Second)
		}
		if e := g.uplink.Status().Events[0]; e.Ledger != total || !g.row(0).Inside || !g.row(total-1).Inside {
			t.Errorf("ledger known to %d, want %d", e.Ledger, total)
		}
		// A beacon that knows more than the broker has does not make it ask without end.
		w.publishBeacon(total + 1)
		w.mu.Lock()
		before := g.link.asked[topic.LedgerPage(event, 2)]
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := g.link.asked[topic.LedgerPage(event, 2)] - before; n > 70 || n == 0 {
			t.Errorf("asked %d times in a minute for a page that is not there yet", n)
		}
	})
}

func TestTrustList(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		g.link.connect("central")
		old := w.signedList()
		// A new event key signs before the gate knows it.
		next := edKey(t, 5)
		first := w.key
		w.key = next
		w.publishSet(10)
		eventually(t, "refusal of the unknown key", time.Minute, func() bool { return g.uplink.Status().Refused["manifest"] > 0 })
		w.list.Version, w.list.Keys = 2, []trust.Key{w.eventKey(first), w.eventKey(next)}
		w.put(topic.TrustList(), w.signedList(), true)
		eventually(t, "the set under the new key", time.Minute, func() bool { return g.version() == 1 })
		w.put(topic.TrustList(), old, true)
		eventually(t, "refusal of the old list", time.Minute, func() bool { return g.uplink.Status().Refused["trust list"] == 1 })
		foreign := w.list
		foreign.Version = 3
		raw, err := trust.SignList(foreign, edKey(t, 8))
		if err != nil {
			t.Fatal(err)
		}
		w.put(topic.TrustList(), raw, true)
		eventually(t, "refusal of a foreign list", time.Minute, func() bool { return g.uplink.Status().Refused["trust list"] == 2 })
		// It survives a restart, although the enrolment's list is the first.
		w.list.Version, w.list.Keys = 1, w.list.Keys[:1]
		g.restart()
		if v := g.uplink.Status().TrustVersion; v != 2 {
			t.Errorf("trust list %d after the restart, want 2", v)
		}
	})
}

func TestModeAndStaleness(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		w.publishSet(10)
		within := func(what string, want journal.Mode, most time.Duration) {
			t.Helper()
			eventually(t, what, most, func() bool { return g.uplink.Mode() == want })
		}
		if g.uplink.Mode() != journal.Alone {
			t.Errorf("a gate begins %s, want alone", g.uplink.Mode())
		}
		g.link.connect("central")
		w.publishBeacon(0)
		within("central, at once the first time", journal.Central, 200*time.Millisecond)
		// A flicker changes nothing.
		for range 5 {
			g.link.cut()
			time.Sleep(700 * time.Millisecond)
			g.link.connect("central")
			time.Sleep(2 * time.Second)
			if m := g.uplink.Mode(); m != journal.Central {
				t.Errorf("a flicker made it %s", m)
			}
		}
		// Central falls silent while the broker stays: the age tells.
		time.Sleep(2 * time.Minute)
		if m := g.uplink.Mode(); m != journal.Peers {
			t.Errorf("central is silent, the mode is %s, want peers", m)
		}
		e := g.uplink.Status().Events[0]
		if s := e.Staleness(time.Now()); !s.Frozen || s.Age < 2*time.Minute {
			t.Errorf("Staleness = %+v, want it frozen", s)
		}
		// An old beacon played again does not make it fresh.
		w.mu.Lock()
		old := w.retained[topic.BeaconOf(event)]
		w.mu.Unlock()
		w.put(topic.BeaconOf(event), old, true)
		time.Sleep(20 * time.Second)
		if m := g.uplink.Mode(); m != journal.Peers {
			t.Errorf("a replayed beacon made it %s", m)
		}
		w.publishBeacon(0)
		within("central again", journal.Central, 15*time.Second)
		g.link.cut()
		within("alone", journal.Alone, 2*time.Second)
		g.link.connect("hub")
		w.publishBeacon(0)
		time.Sleep(9 * time.Second)
		if m := g.uplink.Mode(); m != journal.Alone {
			t.Errorf("a connection of nine seconds made it %s again", m)
		}
		within("hub", journal.Hub, 3*time.Second)
	})
}

// Another program loads a set from a stick: the uplink takes note.
func TestSetFromElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		g := w.gate("gate-1")
		b := w.publishSet(10)
		other, err := store.Open(context.Background(), store.Config{Path: g.path, Device: "gate-1", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		m, err := ticketset.OpenManifest(g.uplink.Keyring(), event, b.Manifest, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		st, err := other.Stage(context.Background(), m, b.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if err := errors.Join(st.Rules(ctx, b.Rules), st.Status(ctx, b.Status), st.Chunk(ctx, 0, b.Chunks[0]), st.Switch(ctx), other.Close()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the set", time.Second, func() bool { return g.version() == 1 })
	})
}

func TestConfig(t *testing.T) {
	if _, err := uplink.New(t.Context(), uplink.Config{}); !errors.Is(err, uplink.ErrConfig) {
		t.Errorf("New of nothing = %v, want ErrConfig", err)
	}
}
