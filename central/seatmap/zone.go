package seatmap

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/con-ting/conting/sync/ticket"
)

// fileZone is a zone as the plan writes it: rows of seats, or standing room.
type fileZone struct {
	ID         uint16    `json:"id"`
	Name       string    `json:"name"`
	Rows       []fileRow `json:"rows,omitempty"`
	Standing   int       `json:"standing,omitempty"`
	Accessible []string  `json:"accessible,omitempty"` // seat labels with step-free entry
	Companion  []string  `json:"companion,omitempty"`  // seat labels beside those
}

// fileRow is seats side by side: ROW-FIRST to ROW-LAST, both included, or those
// that Seats names. A row with an aisle stands in the plan once for each side.
type fileRow struct {
	Row   string   `json:"row"`
	First int      `json:"first,omitempty"`
	Last  int      `json:"last,omitempty"`
	Seats []string `json:"seats,omitempty"`
}

// labels names the seats, as ROW-NUMBER.
func (r *fileRow) labels() []string {
	out := make([]string, 0, r.len())
	for _, s := range r.Seats {
		out = append(out, r.Row+"-"+s)
	}
	for n := r.First; n <= r.Last && len(r.Seats) == 0; n++ {
		out = append(out, r.Row+"-"+strconv.Itoa(n))
	}
	return out
}

func (r *fileRow) len() int {
	if len(r.Seats) > 0 {
		return len(r.Seats)
	}
	return r.Last - r.First + 1
}

// maxSeatNumber bounds the numbers in one row.
const maxSeatNumber = 9999

// places numbers the zone's places from 1, in the order of the file. room is how
// many the plan may still hold.
func (z *fileZone) places(at string, room int) ([]Place, error) {
	if (len(z.Rows) > 0) == (z.Standing != 0) {
		return nil, &Error{at, "a zone has either rows or standing room", `give "rows" or "standing", not both`}
	}
	n, err := z.count(at, room)
	if err != nil {
		return nil, err
	}
	out := make([]Place, 0, n)
	for i := range max(z.Standing, 0) {
		out = append(out, Place{Zone: z.ID, Number: int32(i + 1), Best: int32(i + 1)}) // #nosec G115 -- at most MaxPlaces
	}
	index := make(map[string]int, n)
	var rows []string
	for i, r := range z.Rows {
		run := int32(len(out) + 1) // #nosec G115 -- at most MaxPlaces
		for _, label := range r.labels() {
			if _, twice := index[label]; twice {
				return nil, &Error{fmt.Sprintf("%s.rows[%d]", at, i), fmt.Sprintf("seat %q exists already in this zone", label), "give the row another name or other numbers"}
			}
			index[label] = len(out)
			out = append(out, Place{Zone: z.ID, Number: int32(len(out) + 1), Seat: label, Run: run}) // #nosec G115 -- at most MaxPlaces
			rows = append(rows, r.Row)
		}
	}
	for _, f := range []struct {
		key    string
		labels []string
		flag   ticket.Flags
	}{{"accessible", z.Accessible, ticket.FlagAccessible}, {"companion", z.Companion, ticket.FlagCompanion}} {
		for _, label := range f.labels {
			i, ok := index[label]
			if !ok {
				return nil, &Error{at + "." + f.key, fmt.Sprintf("seat %q is in no row of this zone", label), "write seats as ROW-NUMBER, for example \"A-1\""}
			}
			out[i].Flags |= f.flag
		}
	}
	if len(rows) > 0 {
		rankPlaces(out, rows)
	}
	return out, nil
}

// count checks the rows before anything is made of them.
func (z *fileZone) count(at string, room int) (int, error) {
	if z.Standing < 0 {
		return 0, &Error{at + ".standing", "negative", "give the number of people"}
	}
	n := min(z.Standing, MaxPlaces+1)
	for i, r := range z.Rows {
		here := fmt.Sprintf("%s.rows[%d]", at, i)
		if err := r.check(here); err != nil {
			return 0, err
		}
		if n += r.len(); n > MaxPlaces {
			break
		}
	}
	if n > room {
		return 0, &Error{at, fmt.Sprintf("the plan holds more than %d places", MaxPlaces), "split the event"}
	}
	return n, nil
}

// check reports what is wrong with one row.
func (r *fileRow) check(at string) error {
	longest := strconv.Itoa(r.Last)
	switch {
	case len(r.Seats) > 0 && (r.First != 0 || r.Last != 0):
		return &Error{at, "a row has either first and last or seats", `give "first" and "last", or "seats"`}
	case len(r.Seats) > 0:
		longest = slices.MaxFunc(r.Seats, func(a, b string) int { return len(a) - len(b) })
	case r.First < 1 || r.Last < r.First || r.Last > maxSeatNumber:
		return &Error{at, fmt.Sprintf("seats %d to %d", r.First, r.Last), fmt.Sprintf("first and last must be in order, 1 to %d", maxSeatNumber)}
	}
	for _, s := range r.Seats {
		if !rowName(s) {
			return &Error{at + ".seats", fmt.Sprintf("seat %q", s), "letters, digits and inner hyphens"}
		}
	}
	if !rowName(r.Row) || len(r.Row)+1+len(longest) > ticket.MaxSeatLen {
		return &Error{at, fmt.Sprintf("row %q", r.Row), fmt.Sprintf("letters, digits and inner hyphens; the whole label at most %d bytes", ticket.MaxSeatLen)}
	}
	return nil
}

// rowName accepts what can be said aloud at a gate and put into a URL.
func rowName(s string) bool {
	return s != "" && s[0] != '-' && s[len(s)-1] != '-' && !slices.ContainsFunc([]rune(s), func(c rune) bool {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c >= '가' && c <= '힣':
			return false
		}
		return true
	})
}
