package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
)

// An accreditation enters as often as it is shown: without an exit before, after
// entries elsewhere, and at two lanes at once. Each entry is settled on its own.
func TestClaimUnlimited(t *testing.T) {
	s := fresh(t)
	elsewhere := admit(1)
	elsewhere.Seq, elsewhere.Time = 7, journal.At(time.Unix(issued, 0))
	if err := s.ApplyNotice(t.Context(), "gate-2", []journal.Entry{elsewhere}); err != nil {
		t.Fatal(err)
	}
	const lanes = 16
	var wg sync.WaitGroup
	wins := make(chan uint64, lanes)
	for range lanes {
		wg.Go(func() {
			c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(1), Unlimited: true})
			if err != nil {
				t.Error(err)
			}
			if c.Won {
				wins <- c.Seq
			}
		})
	}
	wg.Wait()
	close(wins)
	if len(wins) != lanes {
		t.Errorf("%d of %d claims won, want all", len(wins), lanes)
	}
	kinds := []journal.Kind{journal.Passed, journal.Released, journal.Flagged, journal.Undone}
	n := 0
	for seq := range wins {
		if err := s.Settle(t.Context(), seq, kinds[n%len(kinds)], ""); err != nil {
			t.Errorf("Settle(%d, %s) = %v", seq, kinds[n%len(kinds)], err)
		}
		n++
	}
	if c := claim(t, s, 1); c.Won {
		t.Error("the same ticket won a claim for one entry")
	}
	if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(1), Unlimited: true}); err != nil || !c.Won {
		t.Errorf("Claim after settled ones = %+v, %v", c, err)
	}
	chain(t, s)
}

// Staff who go in and out do not fill a gate that has a limit.
func TestAdmittedCountsPeople(t *testing.T) {
	s := fresh(t)
	for range 5 {
		if c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(1), Unlimited: true}); err != nil || !c.Won {
			t.Fatalf("Claim = %+v, %v", c, err)
		}
	}
	claim(t, s, 2)
	if n, err := s.Admitted(t.Context(), event); n != 2 || err != nil {
		t.Errorf("Admitted = %d, %v, want 2 people", n, err)
	}
}

// What the set says now still counts for it.
func TestClaimUnlimitedOfARevoked(t *testing.T) {
	s := fresh(t)
	o := newOffice(t)
	o.load(t, s, o.build(t, 3, ticketset.Current{}, ticketset.Head{}))
	apply(t, s, o.delta(t, status(1, ticket.StatusRevoked)))
	c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: admit(1), Unlimited: true})
	if err != nil || c.Won || c.Reason != ticket.Revoked {
		t.Errorf("Claim = %+v, %v, want it revoked", c, err)
	}
}

// An admission that a steward confirmed points to the referral; one that was lost
// is a refusal like any other.
func TestClaimAfterAReferral(t *testing.T) {
	s := fresh(t)
	referral := admit(1)
	referral.Outcome, referral.Reason = ticket.Refer, ticket.IDCheck
	seq, err := s.Record(t.Context(), referral)
	if err != nil {
		t.Fatal(err)
	}
	confirmed := admit(1)
	confirmed.Reason, confirmed.Refers = ticket.ConfirmedByStaff, seq
	for _, won := range []bool{true, false} {
		c, err := s.Claim(t.Context(), store.ClaimRequest{Entry: confirmed})
		if err != nil || c.Won != won {
			t.Fatalf("Claim = %+v, %v, want won %t", c, err, won)
		}
	}
	entries := chain(t, s)
	if len(entries) != 3 || entries[1].Refers != seq || entries[1].Reason != ticket.ConfirmedByStaff ||
		entries[2].Refers != 0 || entries[2].Reason != ticket.AlreadyAdmitted {
		t.Errorf("journal = %+v", entries)
	}
	if err := s.Settle(t.Context(), entries[1].Seq, journal.Passed, ""); err != nil {
		t.Errorf("Settle: %v", err)
	}
}
