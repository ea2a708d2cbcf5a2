package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/clock"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/proof"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
)

// The lane asks for sessions of the event that is on, and of none without one.
func TestSituationAsksForSessions(t *testing.T) {
	id := [8]byte{1, 2, 3}
	var asked string
	s := &situation{lease: func(e ticket.EventID, got [8]byte) admit.LeaseState {
		asked = fmt.Sprintf("%s %x", e, got)
		return admit.LeaseLapsed
	}}
	if now := s.now(); now.Lease != nil {
		t.Error("a gate without an event knows of sessions")
	}
	s.current.Store(&known{Situation: lane.Situation{Event: &ticket.Event{ID: 7}}})
	now := s.now()
	if now.Lease == nil {
		t.Fatal("the lane cannot ask for sessions")
	}
	if got := now.Lease(id); got != admit.LeaseLapsed || asked != "7 0102030000000000" {
		t.Errorf("asked %q, got %s", asked, got)
	}
	s.lease = nil
	if s.now().Lease != nil {
		t.Error("a gate that hears of no session says that it does")
	}
	if got := (&appliance{}).lease(7, id); got != admit.LeaseUnknown {
		t.Errorf("a gate off the network calls a session %s", got)
	}
}

// load puts the world's set in force.
func (w *world) load(st *store.Store) {
	w.t.Helper()
	b := w.set(ticketset.Current{}, w.now, w.now.Add(24*time.Hour))
	staging, err := st.Stage(w.t.Context(), &b.Contents, b.Manifest)
	w.ok(err)
	w.ok(staging.Rules(w.t.Context(), b.Rules))
	w.ok(staging.Status(w.t.Context(), b.Status))
	for n, c := range b.Chunks {
		w.ok(staging.Chunk(w.t.Context(), n, c))
	}
	w.ok(staging.Switch(w.t.Context()))
}

// A ticket that may enter twice waits a while after its holder came out, whether
// that was here or somewhere else, so that it is not handed back over the fence.
func TestPassBack(t *testing.T) {
	for name, leave := range map[string]func(w *world, st *store.Store, at time.Time){
		"out of this gate": func(w *world, st *store.Store, _ time.Time) {
			_, err := st.Leave(t.Context(), journal.Entry{Kind: journal.Left, Event: w.event.ID, Ticket: w.tickets[0].ID, Lane: "exit"})
			w.ok(err)
		},
		"out elsewhere, as central says": func(w *world, st *store.Store, at time.Time) {
			w.ok(st.ApplyLedger(t.Context(), &ticketset.LedgerPage{Event: w.event.ID, Entries: []ticketset.LedgerEntry{
				{Ticket: w.tickets[0].ID, Device: "south-1", Seq: 1, Time: uint64(journal.At(at)), Kind: ticketset.LedgerLeave},
			}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.event.Classes[0].MaxEntries, w.event.PassBackSeconds = 2, 600
			at := w.now
			st, err := store.Open(t.Context(), store.Config{Path: t.TempDir() + "/gate.db", Device: "north-1", Now: func() time.Time { return at }})
			w.ok(err)
			t.Cleanup(func() { _ = st.Close() })
			w.load(st)
			list, err := w.anchor.Open(w.list, w.now)
			w.ok(err)
			ring, err := trust.NewKeyring(list)
			w.ok(err)
			checker, err := proof.New(t.Context(), proof.Config{Keyring: func() *trust.Keyring { return ring }, Gate: "north-1"})
			w.ok(err)
			mem := memory{Store: st, gate: "north"}
			judge, err := lane.NewJudge(t.Context(), lane.JudgeConfig{
				Gate: "north", Registry: mem, Prover: checker, Situation: func() lane.Situation { return lane.Situation{Event: &w.event} },
			})
			w.ok(err)
			check := func(what string, outcome ticket.Outcome, reason ticket.Reason) admit.Verdict {
				t.Helper()
				e, err := judge.Check(t.Context(), w.pass(0, at), nil, clock.Reading{Now: at})
				w.ok(err)
				if v := e.Verdict; v.Outcome != outcome || v.Reason != reason {
					t.Fatalf("%s: %s %s, want %s %s", what, v.Outcome, v.Reason, outcome, reason)
				}
				return e.Verdict
			}
			check("at first", ticket.Admit, ticket.OK)
			won, err := mem.Claim(t.Context(), lane.Claim{Version: 1, MaxEntries: 2, Entry: journal.Entry{
				Kind: journal.Decision, Event: w.event.ID, Lane: "1", Ticket: w.tickets[0].ID, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone,
			}})
			w.ok(err)
			if !won.Won {
				t.Fatalf("claim %+v", won)
			}
			w.ok(mem.Settle(t.Context(), won.Seq, journal.Passed, ""))
			at = at.Add(time.Hour)
			out := at
			leave(w, st, out)
			at = out.Add(9 * time.Minute)
			if v := check("nine minutes later", ticket.Refuse, ticket.PassBack); v.Detail.Until.Before(out.Add(10*time.Minute).Truncate(time.Second)) || v.Detail.Next != admit.NextWait {
				t.Errorf("verdict %+v, want to wait until ten minutes after the exit", v)
			}
			at = out.Add(10*time.Minute + time.Second)
			check("ten minutes later", ticket.Admit, ticket.OK)
		})
	}
}
