package seatmap

import (
	"cmp"
	"slices"

	"github.com/con-ting/conting/sync/ticket"
)

// kept are the flags of places that nobody gets who did not ask for such a place.
const kept = ticket.FlagAccessible | ticket.FlagCompanion

// Ordinary reports whether a place may be given to anybody.
func (p Place) Ordinary() bool { return p.Flags&kept == 0 }

// rankPlaces says which place of a zone is the best: the plan's order of rows, in
// each the seats from its middle outwards. rows names each place's row; places
// that are kept for some come after all others.
func rankPlaces(places []Place, rows []string) {
	type seat struct {
		place *Place
		row   int // in the order in which rows first appear
		at    int // in its row
	}
	var (
		seats  = make([]seat, len(places))
		number = make(map[string]int)
		length []int // of each row
	)
	for i := range places {
		row, known := number[rows[i]]
		if !known {
			row = len(length)
			number[rows[i]], length = row, append(length, 0)
		}
		seats[i] = seat{&places[i], row, length[row]}
		length[row]++
	}
	off := func(s seat) int { // twice the distance from the middle of the row
		d := 2*s.at - (length[s.row] - 1)
		return max(d, -d)
	}
	slices.SortStableFunc(seats, func(a, b seat) int {
		return cmp.Or(cmp.Compare(a.place.Flags&kept, b.place.Flags&kept), cmp.Compare(a.row, b.row), cmp.Compare(off(a), off(b)))
	})
	for i, s := range seats {
		s.place.Best = int32(i + 1) // #nosec G115 -- at most MaxPlaces
	}
}
