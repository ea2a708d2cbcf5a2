package publish

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// Conflict is a ticket that was admitted more often than it may be. Facts are
// reported, never undone: the people are inside.
type Conflict struct {
	Number uint64 // position in the event's list of conflicts: 1, 2, 3 …
	Ticket ticket.ID
	Winner Placed   // the last admission that the ticket was good for
	Others []Placed // those beyond it, in order

	// Uncertain says that the clocks of the winner and of some other could not
	// tell which was first.
	Uncertain bool
}

// Conflicts lists at most limit conflicts of an event after a number, in the order
// in which they were found. One that has dissolved, because a gate took its
// admission back, is left out, so there may be fewer than limit before the end:
// go on after the last number until Head's count is reached or nothing comes.
func (p *Publisher) Conflicts(ctx context.Context, id ticket.EventID, after uint64, limit int) ([]Conflict, error) {
	rules, err := p.cfg.Sales.Event(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", id, err)
	}
	var out []Conflict
	for len(out) < limit {
		ds, err := p.cfg.Store.Disputes(ctx, id, after, limit-len(out))
		if err != nil {
			return nil, fmt.Errorf("conflicts of event %s: %w", id, err)
		}
		if len(ds) == 0 {
			break
		}
		for _, d := range ds {
			after = d.Number
			most, err := p.entries(ctx, &rules, d.Ticket)
			if err != nil {
				return nil, err
			}
			if c, ok := resolve(d, most); ok {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// resolve applies the merge rule to a ticket that may enter most times: the
// first most-1 admissions stand by themselves, the rest compete for the last.
func resolve(d Dispute, most int) (Conflict, bool) {
	said := make([]journal.Admission, len(d.Admissions))
	for i := range d.Admissions {
		said[i] = d.Admissions[i].Admission
	}
	merged := journal.Merge(said)
	if len(merged) != 1 || merged[0].Winner == nil {
		return Conflict{}, false
	}
	standing := append([]journal.Admission{*merged[0].Winner}, merged[0].Conflicts...)
	if len(standing) <= most {
		return Conflict{}, false
	}
	standing = standing[most-1:]
	c := Conflict{Number: d.Number, Ticket: d.Ticket, Winner: d.place(standing[0])}
	for _, a := range standing[1:] {
		c.Others = append(c.Others, d.place(a))
		c.Uncertain = c.Uncertain || journal.Uncertain(standing[0], a)
	}
	return c, true
}

func (d *Dispute) place(a journal.Admission) Placed {
	i := slices.IndexFunc(d.Admissions, func(p Placed) bool { return p.Device == a.Device && p.Seq == a.Seq })
	if i < 0 {
		return Placed{Admission: a}
	}
	return Placed{Admission: a, Gate: d.Admissions[i].Gate}
}

// alarm reports a conflict the moment that it is known.
func (p *Publisher) alarm(ctx context.Context, n NewConflict) {
	p.cfg.Logger.WarnContext(ctx, "a ticket was admitted more often than it may be",
		slog.String("event", n.Event.String()), slog.String("ticket", short(n.Ticket)))
}
