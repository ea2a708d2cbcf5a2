package surge

import (
	"cmp"
	"slices"
	"time"
)

// Place is what the queue promised to a person. The times are of the first attempt to enter and of the
// answer that brought the place.
type Place struct {
	Person int
	Number int64
	Begun  time.Duration
	Done   time.Duration
}

// Places are the places that people were told, in the order of the people. Whoever got none is not among
// them, nor is whoever stands in the lobby, where there are no numbers yet. To be called after the surge.
func (q *Queue) Places() []Place {
	out := make([]Place, 0, len(q.people))
	for i := range q.people {
		if p := &q.people[i]; p.number != 0 {
			out = append(out, Place{Person: i, Number: p.number, Begun: p.begun, Done: p.done})
		}
	}
	return out
}

// Counts implements [Counter]: how many entered and were admitted; how many were told two places, or one
// that somebody else has too (duplicates); how many were overtaken by people who began to enter after they
// had their place (order_violations); how often a position grew; how often a place was lost, so that its
// owner entered anew; how many gave up.
func (q *Queue) Counts() map[string]int64 {
	places := q.Places()
	return map[string]int64{
		"entered": int64(len(places)), "admitted": q.admitted.Load(), "duplicates": q.changed.Load() + Shared(places),
		"order_violations": Overtaken(places), "positions_grown": q.grew.Load(), "entered_anew": q.anew.Load(),
		"gave_up": q.refused.Load(),
	}
}

// Shared counts the places that somebody else has too.
func Shared(places []Place) (n int64) {
	seen := make(map[int64]struct{}, len(places))
	for _, p := range places {
		if _, ok := seen[p.Number]; ok {
			n++
		}
		seen[p.Number] = struct{}{}
	}
	return n
}

// Overtaken counts the people who began to enter after somebody had got a place, and have a smaller number
// than that one all the same.
func Overtaken(places []Place) (n int64) {
	begun, done := slices.Clone(places), slices.Clone(places)
	slices.SortFunc(begun, func(a, b Place) int { return cmp.Compare(a.Begun, b.Begun) })
	slices.SortFunc(done, func(a, b Place) int { return cmp.Compare(a.Done, b.Done) })
	var largest int64 // among those who were done when this one began
	next := 0
	for _, p := range begun {
		for ; next < len(done) && done[next].Done < p.Begun; next++ {
			largest = max(largest, done[next].Number)
		}
		if p.Number < largest {
			n++
		}
	}
	return n
}
