package admit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
)

const rounds = 100_000

// proofs are what may be said of a proof: every reason but the one that only a
// verdict has, and nothing at all.
var proofs = append(slices.DeleteFunc(ticket.Reasons(), func(r ticket.Reason) bool { return r == ticket.ConfirmedByStaff }), "")

// random is a decision in which each value is good more often than not, so that
// all combinations of a few faults come up.
func random(r *rand.Rand) admit.In {
	in := good()
	some := func(of int) bool { return r.IntN(of) == 0 }
	if some(3) {
		paper(&in)
	}
	if some(4) {
		in.Form = pass.Form(r.IntN(6))
	}
	if some(3) {
		in.Proof = proofs[r.IntN(len(proofs))]
	}
	in.Known = !some(12)
	if some(12) {
		in.Event = nil
	} else {
		in.Event.AlwaysChallenge = some(6)
		in.Event.PassBackSeconds = uint16(r.IntN(2) * 600)
		in.Event.Leases = ticket.LeasePolicy(r.IntN(4))
		in.Event.MinimumAge = []uint8{0, 0, 19}[r.IntN(3)]
	}
	in.Lease = admit.LeaseState(r.IntN(5))
	in.AgeShown = []uint8{0, 0, 18, 19, 20}[r.IntN(5)]
	if some(3) {
		in.Ticket.Class = byte(r.IntN(11))
	}
	in.StaffLane, in.Steward = some(3), some(4)
	switch r.IntN(12) {
	case 0:
		accredited(&in)
	case 1:
		presented(&in)
	case 2:
		credential(admit.Presented(r.IntN(4)))(&in)
	}
	if some(6) {
		in.StaffLane = false
	}
	if some(4) {
		in.Ticket.Zone = uint16(r.IntN(5))
	}
	if some(12) {
		in.Ticket.Event = 8
	}
	if some(8) {
		in.Ticket.Flags = ticket.Flags(r.IntN(16))
	}
	if some(8) {
		in.Ticket.NotBefore = now.Unix() + int64(r.IntN(7)-3)*60
	}
	if some(8) {
		in.Ticket.NotAfter = now.Unix() + int64(r.IntN(7)-3)*60
	}
	in.Ticket.ID[0] = byte(r.IntN(256))
	if some(5) {
		in.Status = ticket.Status(r.IntN(5))
	}
	for some(3) {
		in.Uses = append(in.Uses, admit.Use{Where: "x", At: now.Add(-time.Duration(r.IntN(3600)) * time.Second)})
		in.Entries++
		if some(2) {
			in.LastExit = now.Add(-time.Duration(r.IntN(900)) * time.Second)
		}
	}
	if some(12) {
		in.Entries = r.IntN(3)
	}
	in.SetExpires = []time.Time{{}, ends, ends, ends, now, now.Add(-time.Hour)}[r.IntN(6)]
	in.Gate = []string{"north", "north", "south", "south", "west"}[r.IntN(5)]
	in.Admitted = uint32(r.IntN(105))
	in.Mode = admit.Mode(r.IntN(6))
	if some(4) {
		in.Now = doors.Add(time.Duration(r.IntN(8*60)-90) * time.Minute)
	}
	if some(4) {
		in.Uncertainty = time.Duration(r.IntN(400)-10) * time.Second
	}
	in.CanChallenge = some(2)
	return in
}

// mayEnter says the same as the rules in another way: one conjunction, written
// from the design and not from the code.
func mayEnter(in admit.In) bool {
	if in.Event == nil || !in.Known || in.Proof != ticket.OK || in.Ticket.Event != in.Event.ID {
		return false
	}
	if in.Presented == admit.PresentedOther || in.Presented == admit.PresentedAway || in.Presented != 0 && !in.StaffLane {
		return false
	}
	c, haveClass := in.Event.Class(in.Ticket.Class)
	g, haveGate := in.Event.Gate(in.Gate)
	if !haveClass || !haveGate {
		return false
	}
	bound := !in.Ticket.Holder.IsZero()
	confirmed := in.Steward && in.StaffLane
	if c.Staff != (in.Form == pass.Accredited) {
		return false
	}
	sure := in.Uncertainty >= 0 && in.Uncertainty <= time.Minute
	switch in.Form {
	case pass.Paper:
		if bound || !c.Paper {
			return false
		}
	case pass.Rotating:
		if !bound || !sure || in.Event.AlwaysChallenge {
			return false
		}
		if in.Event.Leases != ticket.LeaseOff && in.Lease == admit.LeaseLapsed {
			return false
		}
		if in.Event.Leases >= ticket.LeaseRequired && in.Lease != admit.LeaseLive {
			return false
		}
	case pass.Challenge:
		if !bound {
			return false
		}
	case pass.Accredited:
		if !bound && in.Presented != admit.PresentedStaff {
			return false
		}
		if in.Presented == admit.PresentedStaff && !sure {
			return false
		}
	default:
		return false
	}
	most := 1
	if c.MaxEntries > 1 {
		most = int(c.MaxEntries)
	}
	if c.Staff {
		most = 1 << 30
	}
	if in.Status != ticket.StatusValid || len(in.Uses) >= most || in.Entries >= most {
		return false
	}
	moves := []time.Time{in.LastExit}
	for _, u := range in.Uses {
		moves = append(moves, u.At)
	}
	for _, latest := range moves {
		if latest.IsZero() || c.Staff {
			continue
		}
		if in.Event.PassBackSeconds != 0 && in.Now.Sub(latest) < time.Duration(in.Event.PassBackSeconds)*time.Second {
			return false
		}
	}
	margin := time.Duration(0)
	if !sure {
		margin = in.Uncertainty
		if margin < 0 {
			return false // no window is that long
		}
	}
	opens, closes := in.Event.Doors, in.Event.Ends
	if c.Opens != 0 {
		opens = c.Opens
	}
	if c.Closes != 0 {
		closes = c.Closes
	}
	for _, at := range []time.Time{in.Now.Add(-margin), in.Now.Add(margin)} {
		if at.Unix() < opens || at.Unix() >= closes || at.Unix() < in.Ticket.NotBefore ||
			in.Ticket.NotAfter != 0 && at.Unix() >= in.Ticket.NotAfter {
			return false
		}
	}
	if !slices.Contains(g.Zones, in.Ticket.Zone) && (!c.Staff || in.Ticket.Zone != 0) || g.Limit != 0 && in.Admitted >= g.Limit {
		return false
	}
	if !in.SetExpires.IsZero() && !in.Now.Before(in.SetExpires) {
		return false
	}
	if confirmed {
		return true // the rest is for a human eye
	}
	if in.Ticket.Flags&ticket.FlagAttention != 0 || c.IDCheck || c.StaffLane && !in.StaffLane {
		return false
	}
	if in.Event.MinimumAge > in.AgeShown && in.Ticket.Flags&ticket.FlagAgeProved == 0 && !c.Staff {
		return false
	}
	if c.Staff {
		return true
	}
	if in.Mode == admit.ModeHub || in.Mode == admit.ModeCentral || in.Mode == admit.ModePeers {
		return true
	}
	if c.Alone == ticket.AloneOpen || c.Alone == ticket.AloneByForm && bound {
		return true
	}
	home, ok := in.Event.HomeGate(&in.Ticket)
	return ok && home.Name == in.Gate
}

func TestAdmitsExactlyThoseWhoMayEnter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	admitted := 0
	for range rounds {
		in := random(r)
		v := admit.Decide(in)
		if (v.Outcome == ticket.Admit) != mayEnter(in) {
			t.Fatalf("Decide(%+v) = %+v, but mayEnter = %t", in, v, mayEnter(in))
		}
		want := ticket.OK
		if in.Steward && in.StaffLane {
			want = ticket.ConfirmedByStaff
		}
		if (v.Outcome == ticket.Admit) != (v.Reason == want) || v.Outcome == 0 {
			t.Fatalf("Decide(%+v) = %+v: outcome and reason contradict each other", in, v)
		}
		if v.Outcome == ticket.Admit {
			admitted++
		}
	}
	if admitted < rounds/100 {
		t.Errorf("only %d of %d were admitted: the generator tests nothing", admitted, rounds)
	}
}

// against are facts that can only speak against entering.
var against = map[string]func(*admit.In){
	"proof fails":     func(in *admit.In) { in.Proof = ticket.StalePass },
	"ticket unknown":  func(in *admit.In) { in.Known = false },
	"revoked":         func(in *admit.In) { in.Status = ticket.StatusRevoked },
	"one more use":    func(in *admit.In) { in.Uses = append(slices.Clip(in.Uses), admit.Use{At: in.Now}) },
	"entries rise":    func(in *admit.In) { in.Entries += 2 },
	"just came out":   func(in *admit.In) { in.LastExit = in.Now },
	"gate fuller":     func(in *admit.In) { in.Admitted += 100 },
	"set expired":     func(in *admit.In) { in.SetExpires = in.Now.Add(-time.Second) },
	"attention":       func(in *admit.In) { in.Ticket.Flags |= ticket.FlagAttention },
	"always answered": func(in *admit.In) { mustEvent(in, func(e *ticket.Event) { e.AlwaysChallenge = true }) },
	"pass-back":       func(in *admit.In) { mustEvent(in, func(e *ticket.Event) { e.PassBackSeconds = 3600 }) },
	"alone":           func(in *admit.In) { in.Mode = admit.ModeAlone },
	"no set":          func(in *admit.In) { in.Event = nil },
	"other event":     func(in *admit.In) { in.Ticket.Event++ },
	"no form":         func(in *admit.In) { in.Form = 0 },
	"lease lapsed":    func(in *admit.In) { in.Lease = admit.LeaseLapsed },
	"lease asked":     func(in *admit.In) { mustEvent(in, func(e *ticket.Event) { e.Leases = ticket.LeaseRequired }) },
	"age asked":       func(in *admit.In) { mustEvent(in, func(e *ticket.Event) { e.MinimumAge = 99 }) },
	"nobody confirms": func(in *admit.In) { in.Steward = false },
}

func mustEvent(in *admit.In, change func(*ticket.Event)) {
	if in.Event != nil {
		e := *in.Event
		change(&e)
		in.Event = &e
	}
}

func severity(o ticket.Outcome) int {
	switch o {
	case ticket.Admit:
		return 0
	case ticket.Refer:
		return 1
	case ticket.Refuse:
		return 2
	}
	return -1
}

// More against a ticket never makes the answer milder: neither refuse into
// refer, which a steward could wave through, nor either into admit.
func TestMoreAgainstNeverHelps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range rounds / 4 {
		in := random(r)
		before := admit.Decide(in)
		for name, change := range against {
			worse := in
			change(&worse)
			if after := admit.Decide(worse); severity(after.Outcome) < severity(before.Outcome) {
				t.Fatalf("%s turned %+v into %+v\nbefore %+v\nafter  %+v", name, before, after, in, worse)
			}
		}
	}
}

// The dry run explains exactly the decision, and rules that refer stand last.
func TestExplainAgreesWithDecide(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range rounds / 10 {
		in := random(r)
		want := admit.Decide(in)
		got := admit.Verdict{Outcome: ticket.Admit, Reason: ticket.OK}
		if in.Steward && in.StaffLane {
			got.Reason = ticket.ConfirmedByStaff
		}
		referred := false
		for _, s := range admit.Explain(in) {
			if (s.Result == admit.Failed) != (s.Verdict != nil) {
				t.Fatalf("step %+v of %+v", s, in)
			}
			if s.Verdict == nil {
				continue
			}
			if got.Outcome == ticket.Admit {
				got = *s.Verdict
			}
			if referred && s.Verdict.Outcome == ticket.Refuse {
				t.Fatalf("rule %s refuses after one that refers, for %+v", s.Rule, in)
			}
			referred = referred || s.Verdict.Outcome == ticket.Refer
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("Explain says %+v, Decide %+v, for %+v", got, want, in)
		}
	}
}

// Deciding changes nothing of what it was given.
func TestDecideIsPure(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range rounds / 100 {
		in := random(r)
		before := fmt.Sprintf("%+v %+v", in, in.Event)
		first := admit.Decide(in)
		admit.Explain(in)
		if again := admit.Decide(in); fmt.Sprint(first) != fmt.Sprint(again) {
			t.Fatalf("Decide(%+v) = %+v, then %+v", in, first, again)
		}
		if after := fmt.Sprintf("%+v %+v", in, in.Event); after != before {
			t.Fatalf("Decide changed its input from %s to %s", before, after)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	in := good()
	b.ReportAllocs()
	for b.Loop() {
		if v := admit.Decide(in); v.Outcome != ticket.Admit {
			b.Fatal(v)
		}
	}
}
