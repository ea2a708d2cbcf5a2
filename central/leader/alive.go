package leader

import (
	"context"
	"time"
)

// Alive watches for a lease whether some central leads: true as soon as the beat
// goes on. Where nobody has the seat it does not wait.
func Alive(ctx context.Context, s Store, lease time.Duration) (bool, error) {
	first, err := s.Seat(ctx)
	if err != nil || first.Holder == "" {
		return false, err
	}
	over := time.NewTimer(lease)
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
