package leader

import (
	"context"
	"time"
)

// Alive watches for a lease whether some central leads: true as soon as the beat
// goes on. Where the seat was given up it waits a quarter of that, in which whoever
// else runs would have taken it; where nobody ever had it, not at all.
func Alive(ctx context.Context, s Store, lease time.Duration) (bool, error) {
	first, err := s.Seat(ctx)
	if err != nil || first.Term == 0 {
		return false, err
	}
	watch := lease
	if first.Holder == "" {
		watch = lease * 2 / renewals
	}
	over := time.NewTimer(watch)
	defer over.Stop()
	tick := time.NewTicker(lease / renewals)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over.C:
			last = true
		case <-tick.C:
		}
		now, err := s.Seat(ctx)
		if err != nil || now != first {
			return err == nil && now.Holder != "", err
		}
		if last {
			return false, nil
		}
	}
}
