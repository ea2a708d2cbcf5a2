package store_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// gateway is a gate that tells the store what it did.
type gateway struct {
	t      *testing.T
	s      *store.Store
	clock  *clock
	device ticket.DeviceID
	head   journal.Head
}

// says appends an entry to the gate's journal and returns its number.
func (g *gateway) says(id ticket.ID, e journal.Entry) uint64 {
	g.t.Helper()
	d := publish.Delivery{
		Device: g.device, Gate: "north", From: g.head, Checkpoint: []byte{1},
		Events: map[ticket.EventID]func(ticket.ID) int{1001: func(ticket.ID) int { return 1 }},
	}
	e.Seq, e.Prev, e.Event, e.Ticket, e.Lane = g.head.Seq+1, g.head.Hash, 1001, id, "1"
	e.Time = journal.At(g.clock.now()) + journal.HLC(e.Seq)
	raw, err := e.Encode()
	must(g.t, err)
	g.head = journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)}
	d.Entries, d.Raw, d.To = []journal.Entry{e}, [][]byte{raw}, g.head
	_, err = g.s.Publish().Receive(g.t.Context(), d)
	must(g.t, err)
	return e.Seq
}

func (g *gateway) admits(id ticket.ID) uint64 {
	g.t.Helper()
	return g.says(id, journal.Entry{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone})
}

func (g *gateway) settles(id ticket.ID, seq uint64, as journal.Kind) {
	g.t.Helper()
	g.says(id, journal.Entry{Kind: as, Refers: seq})
}

// accredit makes a ticket that belongs to an account.
func accredit(t *testing.T, s *store.Store, n int, owner string) ticket.Ticket {
	t.Helper()
	k := ticket.Ticket{ID: tid(n), Event: 1001, Zone: 1, Class: 1, Seat: "A-1", Version: 1, Holder: ticket.HolderKey{2, byte(n)}} // #nosec G115 -- few
	_, err := s.Accredit(t.Context(), sale.Issued{Ticket: k, Signed: []byte{1}}, owner)
	must(t, err)
	return k
}

func rowsOf(t *testing.T, s *store.Store, kind outbox.Kind) []outbox.Row {
	t.Helper()
	rows, _, err := s.Outbox().Rows(t.Context(), 0, []outbox.Kind{kind}, 100)
	must(t, err)
	return rows
}

func TestAdmissionIsPostedOnce(t *testing.T) { storetest.Each(t, testAdmissionIsPostedOnce) }

// Central posts that a holder has been in when it first learns so, and that nobody has
// when the last of that is taken back; the facts say which.
func testAdmissionIsPostedOnce(t *testing.T) {
	s, c := onSale(t)
	m := s.Mint()
	k := accredit(t, s, 1, "kim")
	paper := ticket.ID{1}
	must(t, s.Run(t.Context(), `INSERT INTO ticket (id, event, owner, version, status, body, signed, issued, changed)
		SELECT `+hexOf(paper)+`, event, NULL, 1, 0, body, signed, 1, 1 FROM ticket`))
	gates := []*gateway{{t: t, s: s, clock: c, device: "a"}, {t: t, s: s, clock: c, device: "b"}}
	check := func(what string, rows int, admitted bool) {
		t.Helper()
		got := rowsOf(t, s, outbox.TicketAdmitted)
		if len(got) != rows {
			t.Errorf("%s: %d rows posted, want %d", what, len(got), rows)
		}
		for _, r := range got {
			if r.Account != "kim" || r.Ticket != k.ID || r.Event != 1001 || r.Status != ticket.StatusValid {
				t.Errorf("%s: posted is %+v", what, r)
			}
		}
		facts, err := m.Facts(t.Context(), []ticket.ID{k.ID, tid(9)})
		if err != nil || len(facts) != 1 || facts[0].Admitted != admitted || facts[0].Account != "kim" || facts[0].Ticket.Seat != "A-1" || facts[0].Status != ticket.StatusValid {
			t.Errorf("%s: facts are %+v, %v, want admitted %v", what, facts, err, admitted)
		}
	}
	first := gates[0].admits(k.ID)
	check("on the way", 0, false)
	gates[0].settles(k.ID, first, journal.Released)
	check("turned back", 0, false)
	gates[0].settles(k.ID, first, journal.Flagged)
	check("went in", 1, true)
	gates[0].settles(k.ID, first, journal.Passed)
	second := gates[1].admits(k.ID)
	gates[1].settles(k.ID, second, journal.Passed)
	check("went in again", 1, true)
	gates[1].settles(k.ID, second, journal.Undone)
	check("one of two taken back", 1, true)
	gates[0].settles(k.ID, first, journal.Undone)
	check("both taken back", 2, false)
	gates[0].settles(k.ID, first, journal.Passed) // outweighed
	check("what was taken back stays so", 2, false)
	for _, of := range []ticket.ID{paper, tid(77)} {
		gates[0].settles(of, gates[0].admits(of), journal.Passed)
	}
	check("nobody's and an unknown ticket", 2, false)
	gates[1].settles(k.ID, gates[1].admits(k.ID), journal.Passed)
	check("went in after all", 3, true)
}

func TestFactsAreOfNow(t *testing.T) { storetest.Each(t, testFactsAreOfNow) }

func testFactsAreOfNow(t *testing.T) {
	s, _ := onSale(t)
	m := minting{s.Mint(), t}
	ids := make([]ticket.ID, 0, 150)
	for n := range 150 {
		if n%3 != 0 {
			accredit(t, s, n+1, "kim")
		}
		ids = append(ids, tid(n+1))
	}
	m.wish(2, mint.Held, "a")
	_, err := s.SetStatus(t.Context(), tid(3), ticket.StatusRevoked)
	must(t, err)
	facts, err := m.Facts(t.Context(), ids)
	if err != nil || len(facts) != 100 {
		t.Fatalf("%d facts, %v, want 100", len(facts), err)
	}
	for _, f := range facts {
		wantToken, wantStatus := ticket.ID{}, ticket.StatusValid
		switch f.Ticket.ID {
		case tid(2):
			wantToken = tid(2)
		case tid(3):
			wantStatus = ticket.StatusRevoked
		}
		if f.Token.Ticket != wantToken || f.Status != wantStatus || f.Account != "kim" || f.Admitted {
			t.Errorf("fact is %+v", f)
		}
	}
}

func TestSetIsPosted(t *testing.T) { storetest.Each(t, testSetIsPosted) }

func testSetIsPosted(t *testing.T) {
	s, _ := onSale(t)
	set := publish.Set{Event: 1001, Version: 7, Manifest: []byte{1}}
	must(t, s.Publish().SaveSet(t.Context(), set, nil))
	if err := s.Publish().SaveSet(t.Context(), set, nil); err == nil {
		t.Error("a set was stored twice")
	}
	var versions []uint64
	for _, r := range rowsOf(t, s, outbox.SetPublished) {
		var body outbox.Published
		must(t, json.Unmarshal(r.Body, &body))
		if r.Event != 1001 {
			t.Errorf("posted is %+v", r)
		}
		versions = append(versions, body.Version)
	}
	if !slices.Equal(versions, []uint64{7}) {
		t.Errorf("posted are sets %v, want 7 once", versions)
	}
}

// hexOf is a ticket as the engine writes bytes.
func hexOf(id ticket.ID) string {
	if storetest.Engine() == "postgres" {
		return `'\x` + id.String() + `'`
	}
	return `x'` + id.String() + `'`
}
