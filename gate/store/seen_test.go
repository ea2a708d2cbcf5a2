package store_test

import (
	"testing"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// said is what gate-2 journaled about ticket n.
func said(seq uint64, kind journal.Kind, n int, refers uint64) journal.Entry {
	e := journal.Entry{Seq: seq, Kind: kind, Time: journal.HLC(seq << 16), Event: event, Ticket: numbered(n).ID, Refers: refers}
	if kind == journal.Decision {
		e.Outcome = ticket.Admit
	}
	return e
}

func TestNotices(t *testing.T) {
	refused := said(9, journal.Decision, 1, 0)
	refused.Outcome = ticket.Refuse
	for name, tc := range map[string]struct {
		said    []journal.Entry
		wins    bool // a claim here, for a ticket that may enter once
		entries uint8
	}{
		"nothing":                    {nil, true, 0},
		"a refusal":                  {[]journal.Entry{refused}, true, 0},
		"another ticket":             {[]journal.Entry{said(1, journal.Decision, 2, 0)}, true, 0},
		"admitted":                   {[]journal.Entry{said(1, journal.Decision, 1, 0)}, false, 1},
		"admitted, said twice":       {[]journal.Entry{said(1, journal.Decision, 1, 0), said(1, journal.Decision, 1, 0)}, false, 1},
		"admitted, passed":           {[]journal.Entry{said(1, journal.Decision, 1, 0), said(2, journal.Passed, 1, 1)}, false, 1},
		"admitted, released":         {[]journal.Entry{said(1, journal.Decision, 1, 0), said(2, journal.Released, 1, 1)}, true, 0},
		"released before admitted":   {[]journal.Entry{said(2, journal.Released, 1, 1), said(1, journal.Decision, 1, 0)}, true, 0},
		"undone before admitted":     {[]journal.Entry{said(5, journal.Undone, 1, 1), said(1, journal.Decision, 1, 0)}, true, 0},
		"released, admitted again":   {[]journal.Entry{said(1, journal.Decision, 1, 0), said(2, journal.Released, 1, 1), said(3, journal.Decision, 1, 0)}, false, 1},
		"admitted and left":          {[]journal.Entry{said(1, journal.Decision, 1, 0), said(2, journal.Left, 1, 1)}, false, 1},
		"left before admitted, late": {[]journal.Entry{said(2, journal.Left, 1, 1), said(1, journal.Decision, 1, 0)}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			for _, e := range tc.said { // one by one, as they come
				if err := s.ApplyNotice(t.Context(), "gate-2", []journal.Entry{e}); err != nil {
					t.Fatal(err)
				}
			}
			row, _ := s.LookupTicket(t.Context(), event, numbered(1).ID)
			if row.Entries != tc.entries {
				t.Errorf("row = %+v, want %d entries", row, tc.entries)
			}
			c := claim(t, s, 1)
			if c.Won != tc.wins || !c.Won && (len(c.Elsewhere) == 0 || c.Elsewhere[0].Device != "gate-2" || c.Holder != nil) {
				t.Errorf("Claim = %+v, want won %v", c, tc.wins)
			}
		})
	}
}

// A gate's own words, coming back from the network, are not news.
func TestOwnNotice(t *testing.T) {
	s := fresh(t)
	claim(t, s, 1)
	raw, err := s.Entries(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, err := journal.ParseEntry(raw[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ApplyNotice(t.Context(), "gate-1", []journal.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if row, _ := s.LookupTicket(t.Context(), event, numbered(1).ID); row.Entries != 1 || len(row.Elsewhere) != 0 {
		t.Errorf("row = %+v, want the own claim alone", row)
	}
}

func TestReentryElsewhere(t *testing.T) {
	s := fresh(t)
	want := func(when string, won bool) {
		t.Helper()
		c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(1), MaxEntries: 4})
		if err != nil || c.Won != won {
			t.Errorf("%s: Claim = %+v, %v; want won %v", when, c, err, won)
		}
	}
	hear := func(e journal.Entry) {
		if err := s.ApplyNotice(t.Context(), "gate-2", []journal.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	want("first entry", true)
	want("while inside", false)
	hear(said(1, journal.Left, 1, 0)) // entered here, left there
	want("second entry, after leaving elsewhere", true)
	hear(said(2, journal.Left, 1, 0))
	hear(said(3, journal.Decision, 1, 0)) // the third entry is elsewhere
	want("while inside from elsewhere", false)
	hear(said(4, journal.Left, 1, 3))
	want("fourth entry", true)
	hear(said(5, journal.Left, 1, 0))
	want("a fifth entry of four", false)
}

func TestLedger(t *testing.T) {
	s := fresh(t)
	mine := claim(t, s, 50)
	entry := func(n int, device ticket.DeviceID, seq uint64, kind ticketset.LedgerKind) ticketset.LedgerEntry {
		return ticketset.LedgerEntry{Ticket: numbered(n).ID, Device: device, Seq: seq, Time: seq << 16, Kind: kind}
	}
	full := make([]ticketset.LedgerEntry, ticketset.LedgerEntries)
	for i := range full {
		full[i] = entry(i+100, "gate-2", uint64(i+1), ticketset.LedgerEnter)
	}
	for _, step := range []struct {
		name   string
		page   ticketset.LedgerPage
		ledger uint64
	}{
		{"second page first", ticketset.LedgerPage{Event: event, Page: 1, Entries: []ticketset.LedgerEntry{entry(1, "gate-2", 1001, ticketset.LedgerEnter)}}, 0},
		{"part of the first", ticketset.LedgerPage{Event: event, Page: 0, Entries: full[:10]}, 10},
		{"the first, whole", ticketset.LedgerPage{Event: event, Page: 0, Entries: full}, 256},
		{"an older copy of it", ticketset.LedgerPage{Event: event, Page: 0, Entries: full[:20]}, 256},
		{"the second again, longer", ticketset.LedgerPage{Event: event, Page: 1, Entries: []ticketset.LedgerEntry{
			entry(1, "gate-2", 1001, ticketset.LedgerEnter),
			entry(2, "gate-2", 1002, ticketset.LedgerEnter), entry(2, "gate-2", 1003, ticketset.LedgerLeave),
			entry(3, "gate-2", 1004, ticketset.LedgerEnter), entry(3, "gate-2", 1004, ticketset.LedgerVoid),
			entry(50, "gate-1", mine.Seq, ticketset.LedgerEnter), // what this gate did itself
			entry(51, "gate-1", 900, ticketset.LedgerEnter),      // what an earlier life of it did
		}}, 263},
	} {
		if err := s.ApplyLedger(t.Context(), &step.page); err != nil {
			t.Fatal(err)
		}
		if st, _ := s.SetState(t.Context(), event); st.Ledger != step.ledger {
			t.Errorf("%s: ledger known to %d, want %d", step.name, st.Ledger, step.ledger)
		}
	}
	for n, want := range map[int]struct {
		entries uint8
		inside  bool
	}{1: {1, true}, 2: {1, false}, 3: {0, false}, 50: {1, true}, 51: {1, true}, 100: {1, true}, 355: {1, true}, 4: {0, false}} {
		row, _ := s.LookupTicket(t.Context(), event, numbered(n).ID)
		if row.Entries != want.entries || row.Inside != want.inside {
			t.Errorf("ticket %d: %d entries, inside %v; want %+v", n, row.Entries, row.Inside, want)
		}
	}
}
