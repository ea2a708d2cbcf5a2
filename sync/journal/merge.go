package journal

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/con-ting/conting/sync/ticket"
)

// Admission is what one device said about letting a ticket in: the decision, and
// what became of it so far.
type Admission struct {
	Ticket      ticket.ID       `json:"ticket"`
	Device      ticket.DeviceID `json:"device"`
	Seq         uint64          `json:"seq"` // of the decision in the device's journal
	Time        HLC             `json:"time"`
	Uncertainty uint32          `json:"uncertainty"` // of the device's clock, milliseconds
	Event       ticket.EventID  `json:"event"`
	Lane        string          `json:"lane"`
	Mode        Mode            `json:"mode"`
	Evidence    [32]byte        `json:"evidence"`

	// Settled is the kind of the entry that followed the decision, or zero while
	// none is known. Only Passed, Released, Flagged and Undone occur.
	Settled Kind `json:"settled"`
}

// Counts reports whether the admission used the ticket up. One that is not
// settled yet counts: the person may be on the way through.
func (a *Admission) Counts() bool { return a.Settled != Released && a.Settled != Undone }

// Admissions extracts the admissions from the entries of one device: every
// decision that admitted, settled as far as the entries tell. An entry that
// settles a decision which is not among them makes an Admission with the ticket,
// device and Seq alone, which [Merge] joins with its decision when it has both.
func Admissions(device ticket.DeviceID, entries []Entry) []Admission {
	var out []Admission
	for i := range entries {
		e := &entries[i]
		switch e.Kind {
		case Decision:
			if e.Outcome == ticket.Admit {
				out = append(out, Admission{
					Ticket: e.Ticket, Device: device, Seq: e.Seq, Time: e.Time, Uncertainty: e.Uncertainty,
					Event: e.Event, Lane: e.Lane, Mode: e.Mode, Evidence: e.Evidence,
				})
			}
		case Passed, Released, Flagged, Undone:
			out = append(out, Admission{Ticket: e.Ticket, Device: device, Seq: e.Refers, Settled: e.Kind})
		case Left:
		}
	}
	return join(out)
}

// Resolution is what [Merge] says about one ticket.
type Resolution struct {
	Ticket ticket.ID

	// Winner is the admission that stands, by (Time, Device, Seq); nil if none counts.
	Winner *Admission

	// Conflicts are all other admissions that count, in the same order: each used a
	// ticket that was used already. They are reported, not undone: the people are inside.
	Conflicts []Admission

	// Void are those that do not count (released, undone), and settlements whose
	// decision has not arrived.
	Void []Admission
}

// All returns every admission of the resolution, so that Merge can take it up again.
func (r *Resolution) All() []Admission {
	var out []Admission
	if r.Winner != nil {
		out = append(out, *r.Winner)
	}
	return append(append(out, r.Conflicts...), r.Void...)
}

// Merge names one winner for each ticket. It is a pure function of the set of
// admissions: their order does not matter, nor does it if some come twice, nor
// whether they are merged all at once or batch by batch (by merging again what
// [Resolution.All] returns). Resolutions are ordered by ticket.
//
// The earliest by hybrid clock wins, then the smaller device id. Clocks err: when
// the gap between winner and conflict is smaller than the sum of both
// uncertainties, see [Uncertain], the order is a convention and not a finding.
//
// A ticket that may enter several times must be merged by the caller entry by
// entry; Merge knows no classes and takes every admission of a ticket for the
// same use.
func Merge(admissions []Admission) []Resolution {
	all := join(admissions)
	var out []Resolution
	for i := range all {
		a := all[i]
		if len(out) == 0 || out[len(out)-1].Ticket != a.Ticket {
			out = append(out, Resolution{Ticket: a.Ticket})
		}
		r := &out[len(out)-1]
		switch {
		case !a.Counts() || a.Time == 0:
			r.Void = append(r.Void, a)
		case r.Winner == nil:
			r.Winner = &a
		default:
			r.Conflicts = append(r.Conflicts, a)
		}
	}
	return out
}

// Uncertain reports whether two admissions lie so close together that the clocks
// of their devices cannot tell which was first.
func Uncertain(a, b Admission) bool {
	gap := a.Time.Time().Sub(b.Time.Time()).Abs().Milliseconds()
	return gap <= int64(a.Uncertainty)+int64(b.Uncertainty)
}

// join makes one admission of everything said about the same decision, and sorts
// by ticket, time, device and sequence.
func join(in []Admission) []Admission {
	all := slices.Clone(in)
	slices.SortFunc(all, func(a, b Admission) int {
		return cmp.Or(bytes.Compare(a.Ticket[:], b.Ticket[:]), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Seq, b.Seq),
			order(a, b))
	})
	out := all[:0]
	for _, a := range all {
		if n := len(out); n > 0 && out[n-1].Ticket == a.Ticket && out[n-1].Device == a.Device && out[n-1].Seq == a.Seq {
			settled := out[n-1].Settled
			if out[n-1].Time == 0 { // a settlement alone: the decision says the rest
				out[n-1] = a
			}
			out[n-1].Settled = later(settled, a.Settled)
			continue
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Admission) int {
		return cmp.Or(bytes.Compare(a.Ticket[:], b.Ticket[:]), order(a, b))
	})
	return out
}

// order is (Time, Device, Seq), and then everything else, so that two claims
// about one decision, which only a forked journal can hold, are told apart too.
func order(a, b Admission) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Seq, b.Seq),
		bytes.Compare(a.Evidence[:], b.Evidence[:]), cmp.Compare(a.Uncertainty, b.Uncertainty),
		cmp.Compare(a.Event, b.Event), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Mode, b.Mode), cmp.Compare(a.Settled, b.Settled))
}

// later picks the settlement that outweighs the other. A person who was seen to
// pass outweighs a release, and what a steward took back stays taken back.
func later(a, b Kind) Kind {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(k Kind) int {
	switch k {
	case Undone:
		return 4
	case Passed:
		return 3
	case Flagged:
		return 2
	case Released:
		return 1
	case Decision, Left:
		return 0
	}
	return 0
}
