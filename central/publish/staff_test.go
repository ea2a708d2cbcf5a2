package publish_test

import (
	"context"
	"testing"

	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// withCrew is a sale whose event has a class of staff, and none that enters twice.
type withCrew struct{ publish.Sales }

func (s withCrew) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	e, err := s.Sales.Event(ctx, id)
	for i := range e.Classes {
		e.Classes[i].MaxEntries = 0
	}
	e.Classes = append(e.Classes, ticket.Class{ID: 99, Name: "Crew", Staff: true})
	return e, err
}

// An accreditation that its holder presents at the gates enters as often as it
// likes, at any of them: that is no conflict, although central never issued it.
// A ticket of the sale still enters once.
func TestCrewIsNoConflict(t *testing.T) {
	h := newHouse(t, func(c *publish.Config) { c.Sales = withCrew{c.Sales} })
	a, b := h.gate("gate-a"), h.gate("gate-b")
	b.time = a.time + 100<<16
	presented := ticket.ID{0xcc, 1}
	for _, g := range []*gate{a, a, b} {
		g.settle(presented, journal.Passed, g.admit(presented))
	}
	_, sold := h.buy()
	a.settle(sold, journal.Passed, a.admit(sold))
	a.upload(a.batch(0))
	b.upload(b.batch(0))
	if got, err := h.pub.Conflicts(t.Context(), show, 0, 10); err != nil || len(got) != 0 {
		t.Fatalf("conflicts %+v, %v; want none", got, err)
	}
	n := len(b.raw)
	b.settle(sold, journal.Passed, b.admit(sold))
	b.upload(b.batch(n))
	if got, err := h.pub.Conflicts(t.Context(), show, 0, 10); err != nil || len(got) != 1 || got[0].Ticket != sold {
		t.Errorf("conflicts %+v, %v; want one of ticket %s", got, err, sold)
	}
}
