package sale

import (
	"cmp"
	"slices"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// maxCompanions is how many people may come on kept seats with each who needs one.
const maxCompanions = 2

// CheckKept returns [ErrKept] if a place is among those that an order got which is
// kept for people who need step-free entry and none of its items needs it, or for
// who comes with them and nobody of the order sits in the same run of seats. The
// need is declared, not proved: the ticket carries the mark, and a steward looks.
func CheckKept(want []HeldItem, got []seatmap.Place) error {
	type run struct {
		zone  uint16
		first int32
	}
	room := make(map[run]int)
	for i, p := range got {
		if p.Flags.Has(ticket.FlagAccessible) {
			if !want[i].Accessible {
				return ErrKept
			}
			room[run{p.Zone, p.Run}] += maxCompanions
		}
	}
	for _, p := range got {
		if p.Flags.Has(ticket.FlagCompanion) && !p.Flags.Has(ticket.FlagAccessible) {
			r := run{p.Zone, p.Run}
			if room[r]--; room[r] < 0 {
				return ErrKept
			}
		}
	}
	return nil
}

// party is how many seats of each kind are wanted in one zone.
type party struct {
	accessible, companions, others int

	// together asks for the others side by side. Those who come with somebody on an
	// accessible seat are beside them in any case.
	together bool
}

// choose picks the best free seats for a party: accessible ones first, then as many
// kept ones beside each, then the others. It returns false if there are none. It
// decides nothing: the store does.
func choose(free []seatmap.Place, p party) ([]seatmap.Place, bool) {
	slices.SortFunc(free, func(a, b seatmap.Place) int { return cmp.Compare(a.Best, b.Best) })
	out, ok := chooseKept(free, p)
	if !ok {
		return nil, false
	}
	ordinary := slices.DeleteFunc(slices.Clone(free), func(s seatmap.Place) bool { return !s.Ordinary() })
	if p.others > 1 && p.together {
		row, ok := sideBySide(ordinary, p.others)
		return append(out, row...), ok
	}
	if len(ordinary) < p.others {
		return nil, false
	}
	return append(out, ordinary[:p.others]...), true
}

// chooseKept picks seats that are kept: the accessible first, then who comes along.
func chooseKept(free []seatmap.Place, p party) (out []seatmap.Place, ok bool) {
	var beside []seatmap.Place
	left := p.companions
	for _, s := range free {
		if len(out) == p.accessible {
			break
		}
		if !s.Flags.Has(ticket.FlagAccessible) {
			continue
		}
		due := (left + p.accessible - len(out) - 1) / (p.accessible - len(out)) // shared out evenly, the first get more
		near := companionsOf(free, s, beside)
		if len(near) < due {
			continue
		}
		out, beside, left = append(out, s), append(beside, near[:due]...), left-due
	}
	return append(out, beside...), len(out) == p.accessible && left == 0
}

// companionsOf lists the kept seats in the run of an accessible one, nearest first.
func companionsOf(free []seatmap.Place, of seatmap.Place, but []seatmap.Place) []seatmap.Place {
	var out []seatmap.Place
	for _, s := range free {
		if s.Run == of.Run && s.Flags.Has(ticket.FlagCompanion) && !s.Flags.Has(ticket.FlagAccessible) && !slices.Contains(but, s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b seatmap.Place) int {
		return cmp.Compare(max(a.Number-of.Number, of.Number-a.Number), max(b.Number-of.Number, of.Number-b.Number))
	})
	return out[:min(len(out), maxCompanions)]
}

// sideBySide finds the n seats in a row that are best together.
func sideBySide(free []seatmap.Place, n int) ([]seatmap.Place, bool) {
	seats := slices.Clone(free)
	slices.SortFunc(seats, func(a, b seatmap.Place) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Number, b.Number))
	})
	best, least := -1, int64(0)
	for i, from := 0, 0; i < len(seats); i++ {
		if i > 0 && (seats[i].Run != seats[i-1].Run || seats[i].Number != seats[i-1].Number+1) {
			from = i
		}
		if i-from+1 < n {
			continue
		}
		sum := int64(0)
		for _, s := range seats[i-n+1 : i+1] {
			sum += int64(s.Best)
		}
		if best < 0 || sum < least {
			best, least = i-n+1, sum
		}
	}
	if best < 0 {
		return nil, false
	}
	return seats[best : best+n], true
}
