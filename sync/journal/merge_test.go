package journal_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

var (
	personA = ticket.ID{0xa}
	personB = ticket.ID{0xb}
)

func admission(id ticket.ID, d ticket.DeviceID, seq uint64, at journal.HLC, settled journal.Kind) journal.Admission {
	return journal.Admission{
		Ticket: id, Device: d, Seq: seq, Time: at, Uncertainty: 20, Event: 7, Lane: string(d) + "-1",
		Mode: journal.Alone, Evidence: [32]byte{byte(seq)}, Settled: settled,
	}
}

func TestMerge(t *testing.T) {
	n1 := admission(personA, "north", 1, 100<<16, journal.Passed)
	n1open := admission(personA, "north", 1, 100<<16, 0)
	s1 := admission(personA, "south", 1, 101<<16, journal.Passed)
	w1 := admission(personA, "west", 9, 102<<16, 0)
	tie := admission(personA, "east", 4, 100<<16, journal.Flagged)
	gone := admission(personA, "dock", 2, 90<<16, journal.Released)
	back := admission(personA, "desk", 3, 80<<16, journal.Undone)
	other := admission(personB, "south", 2, 50<<16, journal.Passed)
	alone := journal.Admission{Ticket: personA, Device: "north", Seq: 1, Settled: journal.Passed}
	for _, tt := range []struct {
		name string
		in   []journal.Admission
		want []journal.Resolution
	}{
		{"nothing", nil, nil},
		{"one", []journal.Admission{n1}, []journal.Resolution{{Ticket: personA, Winner: &n1}}},
		{
			"the earliest wins and all others are named",
			[]journal.Admission{w1, s1, n1},
			[]journal.Resolution{{Ticket: personA, Winner: &n1, Conflicts: []journal.Admission{s1, w1}}},
		},
		{
			"same time: the smaller device id wins",
			[]journal.Admission{n1, tie},
			[]journal.Resolution{{Ticket: personA, Winner: &tie, Conflicts: []journal.Admission{n1}}},
		},
		{
			"released and undone do not count",
			[]journal.Admission{n1, gone, back},
			[]journal.Resolution{{Ticket: personA, Winner: &n1, Void: []journal.Admission{back, gone}}},
		},
		{
			"nothing counts",
			[]journal.Admission{gone},
			[]journal.Resolution{{Ticket: personA, Void: []journal.Admission{gone}}},
		},
		{
			"tickets do not meet",
			[]journal.Admission{other, n1},
			[]journal.Resolution{{Ticket: personA, Winner: &n1}, {Ticket: personB, Winner: &other}},
		},
		{
			"the settlement joins its decision, whichever comes first",
			[]journal.Admission{n1open, alone},
			[]journal.Resolution{{Ticket: personA, Winner: &n1}},
		},
		{
			"a settlement alone decides nothing",
			[]journal.Admission{alone, s1},
			[]journal.Resolution{{Ticket: personA, Winner: &s1, Void: []journal.Admission{alone}}},
		},
	} {
		if got := journal.Merge(tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\nMerge(%+v)\n = %+v\nwant %+v", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestMergeSettlements(t *testing.T) {
	for _, tt := range []struct {
		kinds  []journal.Kind
		counts bool
	}{
		{[]journal.Kind{0}, true},
		{[]journal.Kind{0, journal.Released}, false},
		{[]journal.Kind{0, journal.Flagged}, true},
		{[]journal.Kind{0, journal.Released, journal.Passed}, true}, // seen to pass after the time was up
		{[]journal.Kind{0, journal.Released, journal.Flagged}, true},
		{[]journal.Kind{0, journal.Passed, journal.Undone}, false},
	} {
		var in []journal.Admission
		for _, k := range tt.kinds {
			in = append(in, admission(personA, "north", 1, 5<<16, k))
		}
		got := journal.Merge(in)
		if len(got) != 1 || (got[0].Winner != nil) != tt.counts {
			t.Errorf("settled as %v: %+v, want counting %v", tt.kinds, got, tt.counts)
		}
	}
}

// TestMergeIsASetFunction: the order does not matter, repetition does not matter,
// and merging batch by batch gives what merging at once gives. The random journals
// hold few tickets and times, so that ties, conflicts, forks and settlements
// without decisions are frequent.
func TestMergeIsASetFunction(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	devices := []ticket.DeviceID{"a", "b", "c"}
	kinds := []journal.Kind{0, journal.Passed, journal.Released, journal.Flagged, journal.Undone}
	conflicts := 0
	for round := range 2000 {
		all := make([]journal.Admission, r.IntN(12))
		for i := range all {
			all[i] = admission(ticket.ID{byte(r.IntN(3))}, devices[r.IntN(3)], uint64(1+r.IntN(4)), journal.HLC(1+r.IntN(4))<<16, kinds[r.IntN(len(kinds))])
			if r.IntN(5) == 0 {
				a := all[i]
				all[i] = journal.Admission{Ticket: a.Ticket, Device: a.Device, Seq: a.Seq, Settled: journal.Passed}
			}
		}
		want := journal.Merge(all)
		shuffled := append(append([]journal.Admission(nil), all...), all[:len(all)/2]...) // some come twice
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := journal.Merge(shuffled); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: order or repetition matters:\n%+v\ngives %+v\nwant %+v", round, shuffled, got, want)
		}
		cut := r.IntN(len(shuffled) + 1)
		var again []journal.Admission
		for _, res := range journal.Merge(shuffled[:cut]) {
			again = append(again, res.All()...)
		}
		if got := journal.Merge(append(again, shuffled[cut:]...)); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: merging in two steps gives %+v, want %+v", round, got, want)
		}
		for _, res := range want {
			conflicts += len(res.Conflicts)
			if res.Winner != nil {
				for _, c := range res.Conflicts {
					if c.Time < res.Winner.Time || c.Ticket != res.Winner.Ticket || !c.Counts() {
						t.Fatalf("round %d: %+v lost against %+v", round, c, *res.Winner)
					}
				}
			} else if len(res.Conflicts) > 0 {
				t.Fatalf("round %d: conflicts without a winner: %+v", round, res)
			}
		}
	}
	if conflicts == 0 {
		t.Error("no round had a conflict")
	}
}

func TestAdmissions(t *testing.T) {
	var entries []journal.Entry
	for _, data := range chain(t) {
		e, err := journal.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	got := journal.Admissions(gate, entries)
	want := []journal.Admission{{
		Ticket: entries[0].Ticket, Device: gate, Seq: 1, Time: entries[0].Time, Uncertainty: 40, Event: 7, Lane: "north-1",
		Mode: journal.Central, Evidence: entries[0].Evidence, Settled: journal.Undone,
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Admissions = %+v, want %+v", got, want)
	}
	// The settlement in a later batch gives the same in the end.
	parts := append(journal.Admissions(gate, entries[:1]), journal.Admissions(gate, entries[1:])...)
	if got, want := journal.Merge(parts), journal.Merge(want); !reflect.DeepEqual(got, want) {
		t.Errorf("batch by batch: %+v, want %+v", got, want)
	}
}

func TestUncertain(t *testing.T) {
	a := admission(personA, "north", 1, journal.At(noon), 0)
	for ms, want := range map[journal.HLC]bool{0: true, 40: true, 41: false, 1000: false} {
		b := admission(personA, "south", 1, journal.At(noon)+ms<<16, 0)
		if got := journal.Uncertain(a, b); got != want || journal.Uncertain(b, a) != want {
			t.Errorf("%d ms apart with 20 ms each: Uncertain = %v, want %v", ms, got, want)
		}
	}
}
