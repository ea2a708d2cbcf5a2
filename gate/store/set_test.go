package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// wantSet checks every ticket of the set in force: n of them, with the statuses
// of the build except where changed.
func wantSet(t testing.TB, s *store.Store, n int, changed map[int]ticket.Status) {
	t.Helper()
	for i := range n + 1 {
		row, err := s.LookupTicket(t.Context(), event, numbered(i).ID)
		if i == n {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("ticket %d, beyond the set: %+v, %v; want ErrNotFound", i, row, err)
			}
			continue
		}
		want, ok := changed[i]
		if !ok {
			want = ticket.Status(i % 4)
		}
		if err != nil || row.Status != want || row.Ticket.Holder != numbered(i).Holder || row.Ticket.Seat != numbered(i).Seat {
			t.Fatalf("ticket %d: %+v, %v; want %s", i, row, err, want)
		}
	}
}

func TestSetState(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	if st, err := s.SetState(t.Context(), event); !errors.Is(err, store.ErrNoSet) || st.Version != 0 {
		t.Errorf("SetState of nothing = %+v, %v; want ErrNoSet", st, err)
	}
	b := o.build(t, 2500, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, b)
	st, err := s.SetState(t.Context(), event)
	if err != nil || st.Current() != b.Current() || st.Total != 2500 || st.Event.Name != "Concert, set 1" || st.Expires != issued+86400 {
		t.Errorf("SetState = %+v, %v", st, err)
	}
	if events, err := s.Events(t.Context()); err != nil || !slices.Equal(events, []ticket.EventID{event}) {
		t.Errorf("Events = %v, %v", events, err)
	}
	wantSet(t, s, 2500, nil)
}

func TestSwitchReplacesEverything(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 2500, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	v2 := o.build(t, 1200, v1.Current(), ticketset.Head{})
	st := o.stage(t, s, v2)
	fill(t, st, v2)
	wantSet(t, s, 2500, nil) // until the switch, the old set
	if err := st.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 1200, nil)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 1200, nil)
	if n := s.TicketRows(t); n != 1200 {
		t.Errorf("%d rows after the sweep, want 1200", n)
	}
	if set, err := s.SetState(t.Context(), event); err != nil || set.Event.Name != "Concert, set 2" {
		t.Errorf("rules after the switch = %+v, %v", set.Event, err)
	}
}

func TestStageRefusesOldTruths(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 3, ticketset.Current{}, ticketset.Head{})
	v2 := o.build(t, 4, v1.Current(), ticketset.Head{})
	v2fork := o.build(t, 5, v1.Current(), ticketset.Head{})
	v3 := o.build(t, 6, v2.Current(), ticketset.Head{})
	v3fork := o.build(t, 6, v2fork.Current(), ticketset.Head{})
	try := func(b *ticketset.Bundle) error {
		m, err := ticketset.OpenManifest(o.ring, event, b.Manifest, time.Unix(issued, 0))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Stage(t.Context(), m, b.Manifest)
		return err
	}
	o.load(t, s, v2)
	for name, tc := range map[string]struct {
		b    *ticketset.Bundle
		want error
	}{
		"rollback": {v1, ticketset.ErrRollback}, "known": {v2, ticketset.ErrKnown}, "fork": {v2fork, ticketset.ErrForked}, "forked ancestry": {v3fork, ticketset.ErrForked},
	} {
		if err := try(tc.b); !errors.Is(err, tc.want) {
			t.Errorf("%s: Stage = %v, want %v", name, err, tc.want)
		}
	}
	// While version 4 is loading, 3 is too old and another 4 is a fork.
	v4 := o.build(t, 7, v3.Current(), ticketset.Head{})
	v4fork := o.build(t, 8, v3.Current(), ticketset.Head{})
	st := o.stage(t, s, v4)
	if err := try(v3); !errors.Is(err, ticketset.ErrRollback) {
		t.Errorf("version 3 while 4 loads = %v, want ErrRollback", err)
	}
	if err := try(v4fork); !errors.Is(err, ticketset.ErrForked) {
		t.Errorf("another version 4 = %v, want ErrForked", err)
	}
	// Version 5 replaces it, and then nothing of 4 is taken any more.
	v5 := o.build(t, 9, v4.Current(), ticketset.Head{})
	o.stage(t, s, v5)
	if err := st.Rules(t.Context(), v4.Rules); !errors.Is(err, store.ErrAbandoned) {
		t.Errorf("rules for an abandoned set = %v, want ErrAbandoned", err)
	}
	o.load(t, s, v5)
	wantSet(t, s, 9, nil)
}

func TestStageRefusesExpired(t *testing.T) {
	o, c := newOffice(t), newClock()
	c.set(time.Unix(issued+86400, 0))
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "gate.db"), Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := o.build(t, 3, ticketset.Current{}, ticketset.Head{})
	m, err := ticketset.OpenManifest(o.ring, event, b.Manifest, time.Unix(issued, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), m, b.Manifest); !errors.Is(err, ticketset.ErrExpired) {
		t.Errorf("Stage of an expired set = %v, want ErrExpired", err)
	}
}

func TestChunksRefused(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 2500, ticketset.Current{}, ticketset.Head{})
	v2 := o.build(t, 2400, v1.Current(), ticketset.Head{})
	st := o.stage(t, s, v2)
	if err := st.Chunk(t.Context(), 0, v2.Chunks[0]); !errors.Is(err, store.ErrIncomplete) {
		t.Errorf("a chunk before the status list = %v, want ErrIncomplete", err)
	}
	if err := st.Status(t.Context(), v2.Status); err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(v2.Chunks[0])
	altered[50] ^= 1
	for name, tc := range map[string]struct {
		n    int
		data []byte
		want error
	}{
		"altered":           {0, altered, ticketset.ErrAltered},
		"of another set":    {2, v1.Chunks[2], ticketset.ErrAltered},
		"in another place":  {1, v2.Chunks[0], ticketset.ErrAltered},
		"beyond the last":   {3, v2.Chunks[0], ticketset.ErrMalformed},
		"truncated to none": {0, nil, ticketset.ErrAltered},
	} {
		if err := st.Chunk(t.Context(), tc.n, tc.data); !errors.Is(err, tc.want) {
			t.Errorf("%s: Chunk = %v, want %v", name, err, tc.want)
		}
	}
	if err := st.Rules(t.Context(), v1.Rules); !errors.Is(err, ticketset.ErrAltered) {
		t.Errorf("rules of another set = %v, want ErrAltered", err)
	}
	// Out of order, and twice, is fine.
	for _, n := range []int{2, 0, 2} {
		if err := st.Chunk(t.Context(), n, v2.Chunks[n]); err != nil {
			t.Errorf("Chunk(%d) = %v", n, err)
		}
	}
	m := st.Missing()
	if !m.Rules || m.Status || !slices.Equal(m.Chunks, []int{1}) {
		t.Errorf("Missing = %+v, want the rules and chunk 1", m)
	}
	if err := st.Switch(t.Context()); !errors.Is(err, store.ErrIncomplete) {
		t.Errorf("Switch of an incomplete set = %v, want ErrIncomplete", err)
	}
	fill(t, st, v2)
	if err := st.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 2400, nil)
}

// A transfer that broke off goes on after a restart where it was.
func TestStagingSurvivesRestart(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "gate.db"), newOffice(t)
	b := o.build(t, 4500, ticketset.Current{}, ticketset.Head{})
	want := []int{0, 1, 2, 3, 4}
	for round := 0; ; round++ {
		s := open(t, path)
		if round > 0 {
			raw, err := s.StagedManifest(t.Context(), event)
			if err != nil || !bytes.Equal(raw, b.Manifest) {
				t.Fatalf("StagedManifest = %d bytes, %v", len(raw), err)
			}
		} else if _, err := s.StagedManifest(t.Context(), event); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("StagedManifest of nothing = %v, want ErrNotFound", err)
		}
		st := o.stage(t, s, b)
		m := st.Missing()
		if m.Rules != (round == 0) || m.Status != (round == 0) || !slices.Equal(m.Chunks, want) {
			t.Fatalf("round %d: Missing = %+v, want chunks %v", round, m, want)
		}
		if len(want) == 0 {
			if err := st.Switch(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantSet(t, s, 4500, nil)
			return
		}
		if round == 0 {
			if err := errors.Join(st.Rules(t.Context(), b.Rules), st.Status(t.Context(), b.Status)); err != nil {
				t.Fatal(err)
			}
		}
		n := want[len(want)/2]
		if err := st.Chunk(t.Context(), n, b.Chunks[n]); err != nil {
			t.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(c int) bool { return c == n })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDeltas(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	d1, d2, d3 := o.delta(t, status(0, ticket.StatusRevoked)), o.delta(t, status(4, ticket.StatusBlocked)), o.delta(t, status(0, ticket.StatusValid))
	// Before any set they wait.
	if _, err := s.ApplyDelta(t.Context(), d2.Delta, d2.hash); !errors.Is(err, ticketset.ErrGap) {
		t.Errorf("a delta before any set = %v, want ErrGap", err)
	}
	b := o.build(t, 10, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, b)
	wantSet(t, s, 10, nil)
	if _, err := s.ApplyDelta(t.Context(), d3.Delta, d3.hash); !errors.Is(err, ticketset.ErrGap) {
		t.Errorf("delta 3 without 1 = %v, want ErrGap", err)
	}
	wantSet(t, s, 10, nil)
	head, err := s.ApplyDelta(t.Context(), d1.Delta, d1.hash)
	if err != nil || head.Seq != 3 || head.Hash != d3.hash {
		t.Errorf("the delta that was missing: head %d, %v; want 3", head.Seq, err)
	}
	changed := map[int]ticket.Status{0: ticket.StatusValid, 4: ticket.StatusBlocked}
	wantSet(t, s, 10, changed)
	for _, d := range []signedDelta{d2, d1, d3} { // again, in any order
		if head, err := s.ApplyDelta(t.Context(), d.Delta, d.hash); err != nil || head.Seq != 3 {
			t.Errorf("delta %d again: head %d, %v", d.Seq, head.Seq, err)
		}
	}
	wantSet(t, s, 10, changed)
	st, err := s.SetState(t.Context(), event)
	if err != nil || st.Delta.Seq != 3 || st.Delta.Hash != d3.hash {
		t.Errorf("SetState.Delta = %+v, %v", st.Delta, err)
	}
}

func TestDeltaForks(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 10, ticketset.Current{}, ticketset.Head{}))
	d1, d2 := o.delta(t, status(0, ticket.StatusRevoked)), o.delta(t, status(4, ticket.StatusBlocked))
	apply(t, s, d1)
	apply(t, s, d2)
	before := o.head
	d3 := o.delta(t, status(8, ticket.StatusRevoked))
	for name, tc := range map[string]struct {
		seq  uint64
		prev [32]byte
	}{
		"another delta of the head's number": {2, d1.hash},
		"another delta of an older number":   {1, [32]byte{}},
		"the next, of another history":       {3, [32]byte{9}},
	} {
		o.head = ticketset.Head{Seq: tc.seq - 1, Hash: tc.prev}
		fork := o.delta(t, status(0, ticket.StatusValid))
		if _, err := s.ApplyDelta(t.Context(), fork.Delta, fork.hash); !errors.Is(err, ticketset.ErrForked) {
			t.Errorf("%s: ApplyDelta = %v, want ErrForked", name, err)
		}
		wantSet(t, s, 10, map[int]ticket.Status{0: ticket.StatusRevoked, 4: ticket.StatusBlocked})
	}
	// A fork that came too early is dropped when it turns out to be one.
	o.head = ticketset.Head{Seq: 3, Hash: [32]byte{8}}
	early := o.delta(t, status(0, ticket.StatusValid))
	if _, err := s.ApplyDelta(t.Context(), early.Delta, early.hash); !errors.Is(err, ticketset.ErrGap) {
		t.Fatalf("delta 4 without 3 = %v, want ErrGap", err)
	}
	o.head = before
	apply(t, s, d3)
	wantSet(t, s, 10, map[int]ticket.Status{0: ticket.StatusRevoked, 4: ticket.StatusBlocked, 8: ticket.StatusRevoked})
	o.head = ticketset.Head{Seq: 3, Hash: d3.hash}
	apply(t, s, o.delta(t, status(0, ticket.StatusValid)))
	wantSet(t, s, 10, map[int]ticket.Status{4: ticket.StatusBlocked, 8: ticket.StatusRevoked})
}

// A rebinding does not undo a later one, and a new ticket does not bring an old
// version back.
func TestDeltaVersions(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 10, ticketset.Current{}, ticketset.Head{}))
	holder := func(b byte) ticket.HolderKey { return ticket.HolderKey{3, b} }
	rebind := func(b byte, v uint32) ticketset.Op {
		return ticketset.Op{Kind: ticketset.OpRebind, Ticket: ticket.Ticket{ID: numbered(4).ID, Holder: holder(b), Version: v}}
	}
	apply(t, s, o.delta(t, rebind(1, 3), rebind(2, 2), rebind(3, 3), ticketset.Op{Kind: ticketset.OpNew, Ticket: numbered(4)}))
	row, err := s.LookupTicket(t.Context(), event, numbered(4).ID)
	if err != nil || row.Ticket.Version != 3 || row.Ticket.Holder != holder(1) || row.Ticket.Seat != numbered(4).Seat {
		t.Errorf("LookupTicket = %+v, %v; want version 3 of the first rebinding", row, err)
	}
}

// A set that is older than the deltas applied must not bring a revoked ticket
// back when it takes over.
func TestSwitchReappliesDeltas(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 1500, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	apply(t, s, o.delta(t, status(0, ticket.StatusRevoked)))
	built := o.head // version 2 is built now ...
	changed := map[int]ticket.Status{}
	for i := range 30 { // ... and much happens while it loads
		var ops []ticketset.Op
		for j := range 50 {
			n := 4 * ((50*i + j) % 300)
			ops = append(ops, status(n, ticket.Status(1+i%3)))
			changed[n] = ticket.Status(1 + i%3)
		}
		apply(t, s, o.delta(t, ops...))
	}
	v2 := o.build(t, 1500, v1.Current(), built)
	o.load(t, s, v2)
	wantSet(t, s, 1500, changed)
	st, err := s.SetState(t.Context(), event)
	if err != nil || st.Version != 2 || st.Delta != o.head {
		t.Errorf("SetState = version %d, delta %d, %v; want 2, %d", st.Version, st.Delta.Seq, err, o.head.Seq)
	}
	// Known deltas stay known, and the chain goes on.
	apply(t, s, o.delta(t, status(1404, ticket.StatusRefunded)))
	changed[1404] = ticket.StatusRefunded
	wantSet(t, s, 1500, changed)
}

// A delta that comes between catching up and the switch itself is not lost.
func TestDeltaDuringSwitch(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 10, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	v2 := o.build(t, 10, v1.Current(), ticketset.Head{})
	st := o.stage(t, s, v2)
	fill(t, st, v2)
	apply(t, s, o.delta(t, status(0, ticket.StatusRevoked)))
	if err := st.SwitchNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, 10, map[int]ticket.Status{0: ticket.StatusRevoked})
}

// A set that was built on newer deltas than this gate has brings them along.
func TestSwitchAhead(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 10, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	o.delta(t, status(0, ticket.StatusRevoked)) // never arrives
	d2 := o.delta(t, status(4, ticket.StatusRevoked))
	v2 := o.build(t, 20, v1.Current(), o.head)
	d3 := o.delta(t, status(8, ticket.StatusBlocked))
	if _, err := s.ApplyDelta(t.Context(), d3.Delta, d3.hash); !errors.Is(err, ticketset.ErrGap) {
		t.Fatal(err)
	}
	o.load(t, s, v2)
	wantSet(t, s, 20, map[int]ticket.Status{8: ticket.StatusBlocked})
	apply(t, s, d2) // late, and contained already
	v3old := o.build(t, 20, v2.Current(), ticketset.Head{})
	m, err := ticketset.OpenManifest(o.ring, event, v3old.Manifest, time.Unix(issued, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), m, v3old.Manifest); !errors.Is(err, ticketset.ErrRollback) {
		t.Errorf("a set built on fewer deltas = %v, want ErrRollback", err)
	}
	v3fork := o.build(t, 20, v2.Current(), ticketset.Head{Seq: 3, Hash: [32]byte{5}})
	if m, err = ticketset.OpenManifest(o.ring, event, v3fork.Manifest, time.Unix(issued, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), m, v3fork.Manifest); !errors.Is(err, ticketset.ErrForked) {
		t.Errorf("a set built on another delta 3 = %v, want ErrForked", err)
	}
}

// Lanes look up and claim while a set loads and takes over, and never meet
// half a set.
func TestClaimsDuringLoad(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	v1 := o.build(t, 3000, ticketset.Current{}, ticketset.Head{})
	o.load(t, s, v1)
	v2 := o.build(t, 3000, v1.Current(), ticketset.Head{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	claimed := 0
	wg.Go(func() {
		for n := 0; ; n += 4 {
			select {
			case <-done:
				return
			default:
			}
			i := n % 3000
			row, err := s.LookupTicket(t.Context(), event, numbered(i).ID)
			if err != nil || row.Status != ticket.Status(i%4) {
				t.Errorf("ticket %d while the set loads: %+v, %v", i, row, err)
				return
			}
			if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(i), Version: row.Ticket.Version}); err != nil || c.Won != (n < 3000) {
				t.Errorf("claim %d while the set loads: %+v, %v", n, c, err)
				return
			}
			claimed++
		}
	})
	o.load(t, s, v2)
	if err := s.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	close(done)
	wg.Wait()
	if claimed == 0 {
		t.Error("no claim came through while the set was loading")
	}
	chain(t, s)
	if n := s.TicketRows(t); n != 3000 {
		t.Errorf("%d rows, want 3000", n)
	}
}

func TestTwoEventsApart(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 10, ticketset.Current{}, ticketset.Head{}))
	claim(t, s, 0)
	if row, err := s.LookupTicket(t.Context(), event+1, numbered(0).ID); !errors.Is(err, store.ErrNoSet) || row.Claim != nil {
		t.Errorf("another event knows the ticket: %+v, %v", row, err)
	}
	e := admit(0)
	e.Event++
	if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: e}); err != nil || !c.Won {
		t.Errorf("the same id at another event: %+v, %v; want it won", c, err)
	}
	for id, want := range map[ticket.EventID]int{event: 1, event + 1: 1, event + 2: 0} {
		if n, err := s.Admitted(t.Context(), id); err != nil || n != want {
			t.Errorf("Admitted(%s) = %d, %v; want %d", id, n, err, want)
		}
	}
}
