package doctor

import (
	"context"
	"fmt"
	"time"
)

// Holdings is what the gate knows about one event's tickets.
type Holdings struct {
	Event   string
	Version uint64    // of the set; 0 is none
	Tickets int       // in the set
	Delta   uint64    // the newest change applied
	Fresh   time.Time // when central last confirmed that this is the newest
	Expires time.Time
	Unacked uint64 // journal entries that central has not acknowledged
}

// Set checks that there is a ticket set, and how old it is.
type Set struct {
	// Read returns the holdings. An error with a method Hint() string brings
	// its own advice.
	Read func(ctx context.Context) ([]Holdings, error)
	Now  func() time.Time

	// Stale is how old a confirmation may be without a warning.
	Stale time.Duration
}

// Name returns "set".
func (Set) Name() string { return "set" }

// Look reads the store.
func (s Set) Look(ctx context.Context) Finding {
	const load = "bring the gate to its network, or load a set from a stick: gate load-set FILE"
	all, err := s.Read(ctx)
	if err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, load)}
	}
	if len(all) == 0 {
		return Finding{Level: Fail, Found: "no event", Advice: "enrol this device for an event"}
	}
	var worst Finding
	for i, h := range all {
		f := s.judge(h, load)
		if i == 0 || f.Level > worst.Level {
			worst = f
		}
	}
	return worst
}

func (s Set) judge(h Holdings, load string) Finding {
	now := s.Now()
	if h.Version == 0 {
		return Finding{Level: Fail, Found: fmt.Sprintf("event %s: no ticket set", h.Event), Advice: load}
	}
	f := Finding{Found: fmt.Sprintf("event %s: version %d, %d tickets, delta %d, %s, %d entries not yet acknowledged",
		h.Event, h.Version, h.Tickets, h.Delta, age(now, h.Fresh), h.Unacked)}
	switch {
	case !h.Expires.IsZero() && !now.Before(h.Expires):
		f.Level, f.Advice = Fail, load+fmt.Sprintf("; this one expired %s", h.Expires.UTC().Format(time.RFC3339))
	case h.Fresh.IsZero() || now.Sub(h.Fresh) > s.Stale:
		f.Level, f.Advice = Warn, "sales and refunds since then are unknown here: bring the gate to its network, or load a newer set"
	}
	return f
}

func age(now, fresh time.Time) string {
	if fresh.IsZero() {
		return "never confirmed"
	}
	return fmt.Sprintf("confirmed %s ago", now.Sub(fresh).Round(time.Second))
}
