package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

func TestClaimOnce(t *testing.T) {
	s := fresh(t)
	first, second := claim(t, s, 1), claim(t, s, 1)
	if !first.Won || first.Seq != 1 || first.Reason != ticket.OK {
		t.Errorf("first claim = %+v, want entry 1 to win", first)
	}
	if second.Won || second.Seq != 2 || second.Reason != ticket.AlreadyAdmitted || second.Holder == nil || second.Holder.Seq != 1 || second.Holder.Lane != "north-1" {
		t.Errorf("second claim = %+v, want it lost to entry 1", second)
	}
	entries := chain(t, s)
	if len(entries) != 2 || entries[0].Outcome != ticket.Admit || entries[1].Outcome != ticket.Refuse ||
		entries[1].Reason != ticket.AlreadyAdmitted || entries[1].Evidence != admit(1).Evidence {
		t.Errorf("journal = %+v", entries)
	}
	row, err := s.LookupTicket(t.Context(), event, numbered(1).ID)
	if !errors.Is(err, store.ErrNoSet) || row.Claim == nil || row.Claim.State != store.Reserved || row.Entries != 1 || !row.Inside {
		t.Errorf("LookupTicket = %+v, %v; want a reserved claim and ErrNoSet", row, err)
	}
}

func TestClaimRefusesNonsense(t *testing.T) {
	s := fresh(t)
	other := numbered(2)
	for name, r := range map[string]store.ClaimRequest{
		"refusal":                 {Entry: func() journal.Entry { e := admit(1); e.Outcome = ticket.Refuse; return e }()},
		"no decision":             {Entry: func() journal.Entry { e := admit(1); e.Kind = journal.Passed; return e }()},
		"no ticket":               {Entry: func() journal.Entry { e := admit(1); e.Ticket = ticket.ID{}; return e }()},
		"no event":                {Entry: func() journal.Entry { e := admit(1); e.Event = 0; return e }()},
		"another ticket carried":  {Entry: admit(1), Ticket: &other},
		"lane no journal accepts": {Entry: func() journal.Entry { e := admit(1); e.Lane = "\x00"; return e }()},
	} {
		if c, err := s.Claim(t.Context(), r); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: Claim = %+v, %v; want ErrInvalid", name, c, err)
		}
	}
	if _, err := s.Record(t.Context(), admit(1)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Record of an admission = %v, want ErrInvalid", err)
	}
	if n := len(chain(t, s)); n != 0 {
		t.Errorf("%d entries were journaled, want none", n)
	}
}

// Whatever happens between decision and claim, one of many wins.
func TestClaimConcurrently(t *testing.T) {
	const lanes, rounds = 64, 5
	s := fresh(t)
	for round := range rounds {
		var wg sync.WaitGroup
		wins := make(chan uint64, lanes)
		start := make(chan struct{})
		for range lanes {
			wg.Go(func() {
				<-start
				c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(round)})
				if err != nil {
					t.Error(err)
				}
				if c.Won {
					wins <- c.Seq
				}
			})
		}
		close(start)
		wg.Wait()
		if len(wins) != 1 {
			t.Errorf("round %d: %d of %d claims won, want 1", round, len(wins), lanes)
		}
	}
	admitted := map[ticket.ID]int{}
	entries := chain(t, s)
	for _, e := range entries {
		if e.Outcome == ticket.Admit {
			admitted[e.Ticket]++
		}
	}
	if len(entries) != lanes*rounds || len(admitted) != rounds {
		t.Errorf("%d entries, %d tickets admitted; want %d and %d", len(entries), len(admitted), lanes*rounds, rounds)
	}
	for id, n := range admitted {
		if n != 1 {
			t.Errorf("ticket %.8s was admitted %d times", id, n)
		}
	}
}

func TestSettle(t *testing.T) {
	type step struct {
		kind journal.Kind
		want error
	}
	for name, tc := range map[string]struct {
		steps   []step
		entries int  // after the decision
		again   bool // the ticket may be claimed once more
		state   store.ClaimState
	}{
		"passed":            {[]step{{journal.Passed, nil}}, 1, false, store.Consumed},
		"passed twice":      {[]step{{journal.Passed, nil}, {journal.Passed, nil}}, 1, false, store.Consumed},
		"released":          {[]step{{journal.Released, nil}}, 1, true, 0},
		"released twice":    {[]step{{journal.Released, nil}, {journal.Released, nil}}, 1, true, 0},
		"flagged":           {[]step{{journal.Flagged, nil}, {journal.Flagged, nil}}, 1, false, store.Assumed},
		"flagged, passed":   {[]step{{journal.Flagged, nil}, {journal.Passed, nil}}, 2, false, store.Consumed},
		"flagged, released": {[]step{{journal.Flagged, nil}, {journal.Released, store.ErrSettled}}, 1, false, store.Assumed},
		"passed, released":  {[]step{{journal.Passed, nil}, {journal.Released, store.ErrSettled}}, 1, false, store.Consumed},
		"passed, flagged":   {[]step{{journal.Passed, nil}, {journal.Flagged, store.ErrSettled}}, 1, false, store.Consumed},
		"passed, undone":    {[]step{{journal.Passed, nil}, {journal.Undone, nil}}, 2, true, 0},
		"released, passed":  {[]step{{journal.Released, nil}, {journal.Passed, store.ErrSettled}}, 1, true, 0},
		"undone, passed":    {[]step{{journal.Undone, nil}, {journal.Passed, store.ErrSettled}}, 1, true, 0},
		"as a decision":     {[]step{{journal.Decision, store.ErrInvalid}}, 0, false, store.Reserved},
		"as an exit":        {[]step{{journal.Left, store.ErrInvalid}}, 0, false, store.Reserved},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			seq := claim(t, s, 1).Seq
			for _, st := range tc.steps {
				err := s.Settle(t.Context(), seq, st.kind, "")
				if st.want == nil && err != nil || st.want != nil && !errors.Is(err, st.want) {
					t.Fatalf("Settle(%s) = %v, want %v", st.kind, err, st.want)
				}
			}
			entries := chain(t, s)
			if len(entries) != 1+tc.entries {
				t.Fatalf("%d entries after the decision, want %d", len(entries)-1, tc.entries)
			}
			for _, e := range entries[1:] {
				if e.Refers != seq || e.Ticket != numbered(1).ID || e.Event != event || e.Lane != "north-1" || e.Uncertainty != 40 {
					t.Errorf("settlement %+v does not repeat what it refers to", e)
				}
			}
			row, _ := s.LookupTicket(t.Context(), event, numbered(1).ID)
			if (row.Claim == nil) != tc.again || row.Claim != nil && row.Claim.State != tc.state {
				t.Errorf("claim = %+v, want state %d", row.Claim, tc.state)
			}
			if c := claim(t, s, 1); c.Won != tc.again {
				t.Errorf("claim again = %+v, want won %v", c, tc.again)
			}
		})
	}
	s := fresh(t)
	if err := s.Settle(t.Context(), 5, journal.Passed, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Settle of nothing = %v, want ErrNotFound", err)
	}
}

// An entry refers to the refusal that took its place: that cannot be settled.
func TestSettleRefusal(t *testing.T) {
	s := fresh(t)
	claim(t, s, 1)
	if err := s.Settle(t.Context(), claim(t, s, 1).Seq, journal.Passed, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Settle of a refusal = %v, want ErrNotFound", err)
	}
}

func TestReentry(t *testing.T) {
	s := fresh(t)
	twice := store.ClaimRequest{Entry: admit(1), MaxEntries: 2}
	leave := journal.Entry{Kind: journal.Left, Event: event, Lane: "north-1", Ticket: numbered(1).ID}
	for i, step := range []struct {
		do      string
		won     bool
		inside  bool
		entries uint8
	}{
		{"claim", true, true, 1},
		{"claim", false, true, 1},
		{"leave", false, false, 1},
		{"claim", true, true, 2},
		{"claim", false, true, 2},
		{"leave", false, false, 2},
		{"claim", false, false, 2}, // twice is enough
	} {
		if step.do == "leave" {
			if _, err := s.Leave(t.Context(), leave); err != nil {
				t.Fatal(err)
			}
		} else if c, err := s.Claim(t.Context(), twice); err != nil || c.Won != step.won {
			t.Errorf("step %d: Claim = %+v, %v; want won %v", i, c, err, step.won)
		}
		row, _ := s.LookupTicket(t.Context(), event, numbered(1).ID)
		if row.Inside != step.inside || row.Entries != step.entries || (i >= 2) != (row.LastExit != 0) {
			t.Errorf("step %d: row = %+v, want inside %v, %d entries", i, row, step.inside, step.entries)
		}
	}
	chain(t, s)
	if _, err := s.Leave(t.Context(), admit(1)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Leave with a decision = %v, want ErrInvalid", err)
	}
}

// A ticket that may enter once does not enter again because it went out.
func TestNoReentry(t *testing.T) {
	s := fresh(t)
	claim(t, s, 1)
	if _, err := s.Leave(t.Context(), journal.Entry{Kind: journal.Left, Event: event, Ticket: numbered(1).ID}); err != nil {
		t.Fatal(err)
	}
	if c := claim(t, s, 1); c.Won {
		t.Errorf("claim after the exit = %+v, want lost", c)
	}
}

func TestRecover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.db")
	s := open(t, path)
	passed, open1, open2 := claim(t, s, 1), claim(t, s, 2), claim(t, s, 3)
	if err := s.Settle(t.Context(), passed.Seq, journal.Passed, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	for i, want := range []int{2, 0} {
		if n, err := s.Recover(t.Context()); err != nil || n != want {
			t.Errorf("Recover, time %d = %d, %v; want %d", i+1, n, err, want)
		}
	}
	entries := chain(t, s)
	if len(entries) != 6 || entries[4].Kind != journal.Flagged || entries[4].Refers != open1.Seq || entries[5].Refers != open2.Seq {
		t.Errorf("journal = %+v", entries)
	}
	if c := claim(t, s, 2); c.Won || c.Holder == nil || c.Holder.State != store.Assumed {
		t.Errorf("claim of a flagged ticket = %+v, want lost", c)
	}
}

// The hybrid clock must not go back with the wall clock, not even over a restart.
func TestClockNeverGoesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.db")
	c := newClock()
	cfg := store.Config{Path: path, Device: "gate-1", Now: c.Now}
	for i := range 3 {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		claim(t, s, 2*i)
		c.set(time.Unix(issued-int64(i)*86400*3, 0))
		claim(t, s, 2*i+1)
		chain(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the set says between decision and claim decides.
func TestClaimOfWhatChanged(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 40, ticketset.Current{}, ticketset.Head{}))
	rebound := numbered(8)
	rebound.Holder[5] ^= 1
	apply(t, s, o.delta(t, status(4, ticket.StatusRefunded),
		ticketset.Op{Kind: ticketset.OpRebind, Ticket: ticket.Ticket{ID: rebound.ID, Holder: rebound.Holder, Version: 2}}))
	for name, tc := range map[string]struct {
		r    store.ClaimRequest
		want ticket.Reason
	}{
		"refunded since":       {store.ClaimRequest{Entry: admit(4)}, ticket.Refunded},
		"revoked in the set":   {store.ClaimRequest{Entry: admit(1)}, ticket.Revoked},
		"blocked in the set":   {store.ClaimRequest{Entry: admit(3)}, ticket.Blocked},
		"rebound since":        {store.ClaimRequest{Entry: admit(8), Version: 1}, ticket.Transferred},
		"the new holder":       {store.ClaimRequest{Entry: admit(8), Version: 2}, ticket.OK},
		"newer than the set":   {store.ClaimRequest{Entry: admit(12), Version: 2}, ticket.OK},
		"nothing changed":      {store.ClaimRequest{Entry: admit(16), Version: 1}, ticket.OK},
		"version not compared": {store.ClaimRequest{Entry: admit(20)}, ticket.OK},
	} {
		c, err := s.Claim(t.Context(), tc.r)
		if err != nil || c.Reason != tc.want || c.Won != (tc.want == ticket.OK) {
			t.Errorf("%s: Claim = %+v, %v; want %s", name, c, err, tc.want)
		}
	}
}

func TestCarriedTicket(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 40, ticketset.Current{}, ticketset.Head{}))
	sold := numbered(99)
	if _, err := s.LookupTicket(t.Context(), event, sold.ID); !errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNoSet) {
		t.Fatalf("LookupTicket of a ticket just sold = %v, want ErrNotFound alone", err)
	}
	if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(99), Ticket: &sold}); err != nil || !c.Won {
		t.Fatalf("Claim = %+v, %v", c, err)
	}
	row, err := s.LookupTicket(t.Context(), event, sold.ID)
	if err != nil || !row.Carried || row.Ticket.Holder != sold.Holder || row.Ticket.Seat != sold.Seat || row.Status != ticket.StatusValid {
		t.Errorf("LookupTicket = %+v, %v; want the carried ticket", row, err)
	}
	// Once the set knows it, the set's word counts.
	apply(t, s, o.delta(t, ticketset.Op{Kind: ticketset.OpNew, Ticket: sold, Status: ticket.StatusRevoked}))
	if row, err = s.LookupTicket(t.Context(), event, sold.ID); err != nil || row.Carried || row.Status != ticket.StatusRevoked {
		t.Errorf("LookupTicket after the delta = %+v, %v; want it revoked", row, err)
	}
}

// A revocation of a ticket that the set does not know still refuses it.
func TestRevokedBeforeKnown(t *testing.T) {
	s, o := fresh(t), newOffice(t)
	o.load(t, s, o.build(t, 4, ticketset.Current{}, ticketset.Head{}))
	sold := numbered(99)
	apply(t, s, o.delta(t, status(99, ticket.StatusBlocked)))
	if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(99), Ticket: &sold}); err != nil || c.Won || c.Reason != ticket.Blocked {
		t.Errorf("Claim = %+v, %v; want it blocked", c, err)
	}
	apply(t, s, o.delta(t, status(99, ticket.StatusValid)))
	if row, err := s.LookupTicket(t.Context(), event, sold.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("LookupTicket after the block was lifted = %+v, %v; want ErrNotFound", row, err)
	}
	if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(99), Ticket: &sold}); err != nil || !c.Won {
		t.Errorf("Claim after the block was lifted = %+v, %v; want it won", c, err)
	}
}

func TestAck(t *testing.T) {
	s := fresh(t)
	for n := range 5 {
		claim(t, s, n)
	}
	hashes := [][32]byte{{}}
	raw, err := s.Entries(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range raw {
		hashes = append(hashes, journal.EntryHash(e))
	}
	for _, step := range []struct {
		seq  uint64
		hash [32]byte
		want uint64
		err  error
	}{
		{3, hashes[3], 3, nil},
		{3, hashes[3], 3, nil},
		{2, hashes[2], 3, nil}, // late
		{4, hashes[3], 3, journal.ErrFork},
		{6, hashes[5], 3, journal.ErrFork},
		{0, hashes[0], 3, journal.ErrFork},
		{5, hashes[5], 5, nil},
	} {
		err := s.Ack(t.Context(), step.seq, step.hash)
		if step.err == nil && err != nil || step.err != nil && !errors.Is(err, step.err) {
			t.Errorf("Ack(%d) = %v, want %v", step.seq, err, step.err)
		}
		if h, err := s.Acked(t.Context()); err != nil || h.Seq != step.want || h.Hash != hashes[step.want] {
			t.Errorf("after Ack(%d): Acked = %d, %v; want %d", step.seq, h.Seq, err, step.want)
		}
	}
}

// An entry that is dated by a peer's clock says how far off that may be, and a
// restart does not take its date for the time.
func TestUncertaintyOfAClockAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gate.db")
	wall := time.Unix(issued, 0)
	reopen := func() *store.Store {
		s, err := store.Open(t.Context(), store.Config{Path: path, Device: "gate-1", Now: func() time.Time { return wall }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reopen()
	if !s.Come().IsZero() {
		t.Errorf("Come of an empty journal = %s", s.Come())
	}
	claim(t, s, 1)
	if err := s.Clock().Observe(journal.At(wall.Add(4 * time.Minute))); err != nil {
		t.Fatal(err)
	}
	c := claim(t, s, 2)
	if err := s.Settle(t.Context(), c.Seq, journal.Passed, ""); err != nil {
		t.Fatal(err)
	}
	const ahead = 240_000
	for i, e := range chain(t, s) {
		least := []uint32{40, 40 + ahead, 40 + ahead}[i]
		if e.Uncertainty < least || i == 0 && e.Uncertainty != least || e.Time.Time().Add(-time.Duration(e.Uncertainty)*time.Millisecond).After(wall) {
			t.Errorf("entry %d at %s ± %d ms, want at least %d", e.Seq, e.Time, e.Uncertainty, least)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen()
	if got, most := s.Come(), wall; got.After(most) || got.Before(wall.Add(-time.Second)) {
		t.Errorf("Come = %s after the restart, want just before %s", got, most)
	}
	if c := claim(t, s, 3); c.Time.Time().Before(wall.Add(4 * time.Minute)) {
		t.Errorf("entry at %s after the restart: the journal went back in time", c.Time)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
