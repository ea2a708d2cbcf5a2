package publish_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

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

// alarms counts the conflicts that the operator hears of.
type alarms struct{ atomic.Int32 }

func (*alarms) DeltaPublished(ticket.EventID, uint64, int)              {}
func (*alarms) SetPublished(ticket.EventID, uint64, int, time.Duration) {}
func (*alarms) JournalStored(ticket.DeviceID, int)                      {}
func (a *alarms) ConflictFound(ticket.EventID)                          { a.Add(1) }
func (*alarms) IncidentRecorded(publish.IncidentKind)                   {}

// An accreditation that its holder presents at the gates enters as often as it
// likes, at any of them: that is no conflict, although central never issued it.
// A ticket of the sale still enters once.
func TestCrewIsNoConflict(t *testing.T) {
	var heard alarms
	h := newHouse(t, func(c *publish.Config) { c.Sales, c.Observe = withCrew{c.Sales}, &heard })
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
	got, err := h.pub.Conflicts(t.Context(), show, 0, 10)
	if err != nil || len(got) != 0 || heard.Load() != 0 {
		t.Fatalf("conflicts %+v, %v, %d alarms; want none", got, err, heard.Load())
	}
	n := len(b.raw)
	b.settle(sold, journal.Passed, b.admit(sold))
	b.upload(b.batch(n))
	got, err = h.pub.Conflicts(t.Context(), show, 0, 10)
	if err != nil || len(got) != 1 || got[0].Ticket != sold || heard.Load() != 1 {
		t.Errorf("conflicts %+v, %v, %d alarms; want one of ticket %s", got, err, heard.Load(), sold)
	}
}
