package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/lane"
	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/sync/ticket"
)

// situation keeps what holds for all passes at this moment, so that a decision
// asks no one for it. It is refreshed from the store once a second and whenever
// something changed.
type situation struct {
	store  *store.Store
	events []ticket.EventID
	only   ticket.EventID    // if not zero, no other event counts
	mode   func() admit.Mode // nil is alone

	// lease says how a session of an event fares; nil knows of none.
	lease func(ticket.EventID, [8]byte) admit.LeaseState

	current atomic.Pointer[known]
	wins    atomic.Uint32 // admissions since the last refresh
}

// known is what one refresh found.
type known struct {
	lane.Situation
	set   store.SetState
	place *time.Location // of the venue; nil is UTC

	tickets int       // in the set, counted at most every countEvery
	counted time.Time // when
	delta   uint64    // of the set then
}

// countEvery is how often the tickets of a set are counted while it changes.
const countEvery = 30 * time.Second

// won counts an admission that the last refresh does not know.
func (s *situation) won() { s.wins.Add(1) }

// set returns the set in force at the last refresh.
func (s *situation) set() store.SetState {
	if k := s.current.Load(); k != nil {
		return k.set
	}
	return store.SetState{}
}

// now returns the situation of the last refresh, with the mode of this moment and
// what is known of sessions by then.
func (s *situation) now() lane.Situation {
	var out lane.Situation
	if k := s.current.Load(); k != nil {
		out = k.Situation
		out.Admitted += s.wins.Load()
	}
	out.Mode = admit.ModeAlone
	if s.mode != nil {
		out.Mode = s.mode()
	}
	if s.lease != nil && out.Event != nil {
		event := out.Event.ID
		out.Lease = func(id [8]byte) admit.LeaseState { return s.lease(event, id) }
	}
	return out
}

// refresh reads the set in force of the event that is on at that time. Without
// any set the situation has no event.
func (s *situation) refresh(ctx context.Context, at time.Time) error {
	var best *store.SetState
	for _, e := range s.events {
		if s.only != 0 && e != s.only {
			continue
		}
		st, err := s.store.SetState(ctx, e)
		if errors.Is(err, store.ErrNoSet) {
			continue
		}
		if err != nil {
			return err
		}
		if best == nil || away(st.Event, at) < away(best.Event, at) {
			best = &st
		}
	}
	if best == nil {
		s.current.Store(&known{})
		return nil
	}
	before := s.wins.Load()
	n, err := s.store.Admitted(ctx, best.Event.ID)
	if err != nil {
		return fmt.Errorf("count admissions: %w", err)
	}
	next := &known{set: *best, place: s.placeOf(best.Event), Situation: lane.Situation{
		Event: best.Event, SetExpires: time.Unix(best.Expires, 0), Admitted: uint32(min(max(n, 0), 1<<31)),
	}}
	if err := s.count(ctx, next, at); err != nil {
		return err
	}
	s.current.Store(next)
	s.wins.Add(-before) // they are in n; one that came meanwhile may count twice until the next refresh
	return nil
}

// event returns the event that is on; zero while there is none.
func (s *situation) event() ticket.EventID {
	if k := s.current.Load(); k != nil && k.Event != nil {
		return k.Event.ID
	}
	return 0
}

// count takes over the number of tickets, or counts them anew when the set has
// changed and some time has passed.
func (s *situation) count(ctx context.Context, next *known, at time.Time) error {
	if k := s.current.Load(); k != nil && k.set.Version == next.set.Version &&
		(k.delta == next.set.Delta.Seq || at.Sub(k.counted) < countEvery) {
		next.tickets, next.counted, next.delta = k.tickets, k.counted, k.delta
		return nil
	}
	n, err := s.store.Tickets(ctx, next.Event.ID)
	next.tickets, next.counted, next.delta = n, at, next.set.Delta.Seq
	return err
}

// atRisk is at most how many tickets could be used at a gate that this one does
// not see: all but those that entered here.
func (s *situation) atRisk() int {
	if k := s.current.Load(); k != nil {
		return max(k.tickets-int(k.Admitted), 0)
	}
	return 0
}

// placeOf returns the venue's time zone, looked up once an event.
func (s *situation) placeOf(e *ticket.Event) *time.Location {
	if k := s.current.Load(); k != nil && k.Event != nil && k.Event.Timezone == e.Timezone {
		return k.place
	}
	l, err := time.LoadLocation(e.Timezone)
	if err != nil {
		return nil
	}
	return l
}

// place returns the venue's time zone; nil is UTC.
func (s *situation) place() *time.Location {
	if k := s.current.Load(); k != nil {
		return k.place
	}
	return nil
}

// away is how far a time lies from an event's hours of entry; 0 is within.
func away(e *ticket.Event, at time.Time) time.Duration {
	doors, ends := time.Unix(e.Doors, 0), time.Unix(e.Ends, 0)
	return max(doors.Sub(at), at.Sub(ends), 0)
}
