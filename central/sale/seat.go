package sale

import (
	"context"
	"errors"
	"slices"

	"github.com/con-ting/conting/central/seatmap"
)

const (
	// seatTries is how often other seats are chosen when somebody was quicker.
	seatTries = 8

	// seatsLooked is how many of the best free seats are looked at first; all of them
	// if those do not do.
	seatsLooked = 1000
)

// seat chooses seats where the request leaves that to us and holds them. Seats that
// are asked for by name, and any single place, are the store's to find.
func (s *Sale) seat(ctx context.Context, h Hold, r *HoldRequest) (o Order, err error) {
	parties := parties(r)
	if h.Offer != "" { // its places are chosen
		parties = nil
	}
	wanted := h.Items
	for range seatTries {
		h.Items = slices.Clone(wanted)
		for zone, p := range parties {
			if err := s.choose(ctx, &h, r, zone, p); err != nil {
				return Order{}, err
			}
		}
		o, err = s.claim(ctx, h)
		if len(parties) == 0 || !errors.Is(err, ErrSeatTaken) {
			break
		}
	}
	return o, err
}

// claim holds what h names, if nobody in this process is about to.
func (s *Sale) claim(ctx context.Context, h Hold) (Order, error) {
	seats := named(&h)
	if !s.board.claim(s.cfg.Now(), seats) {
		return Order{}, ErrSeatTaken
	}
	o, err := s.cfg.Store.Hold(ctx, h)
	s.board.settle(s.cfg.Now(), seats, err == nil)
	return o, err
}

// named lists the seats that an order names.
func named(h *Hold) (out []spot) {
	for i := range h.Items {
		if h.Items[i].Seat != "" {
			out = append(out, spot{h.Event, h.Items[i].Zone, h.Items[i].Seat})
		}
	}
	return out
}

// parties says in which zones seats are to be chosen together.
func parties(r *HoldRequest) map[uint16]party {
	out := make(map[uint16]party)
	for _, w := range r.Items {
		if w.Seat != "" {
			continue
		}
		p := out[w.Zone]
		switch {
		case w.Accessible:
			p.accessible++
		case w.Companion:
			p.companions++
		default:
			p.others++
		}
		out[w.Zone] = p
	}
	for zone, p := range out {
		if p == (party{others: 1}) {
			delete(out, zone)
		}
	}
	return out
}

// choose names the best free seats of a zone in the items of h that name none. In a
// zone where people stand it leaves them so.
func (s *Sale) choose(ctx context.Context, h *Hold, r *HoldRequest, zone uint16, p party) error {
	limit := seatsLooked
	for {
		free, more, err := s.cfg.Store.FreeSeats(ctx, h.Event, zone, limit)
		if err != nil {
			return err
		}
		if len(free) == 0 && p.accessible == 0 && p.companions == 0 {
			return nil // nobody sits there, or the store will find it sold out
		}
		now := s.cfg.Now()
		free = slices.DeleteFunc(free, func(f seatmap.Place) bool { return s.board.gone(now, spot{h.Event, zone, f.Seat}) })
		p.together = true
		got, ok := choose(free, p)
		if p.together = false; !ok && !more {
			got, ok = choose(free, p)
			switch {
			case !ok:
				return ErrSoldOut
			case r.Together:
				return ErrNotTogether
			}
		}
		if ok {
			assign(h, r, zone, got)
			return nil
		}
		limit = seatmap.MaxPlaces
	}
}

// assign gives chosen seats to the items: they come as choose lists them.
func assign(h *Hold, r *HoldRequest, zone uint16, got []seatmap.Place) {
	for kind := range 3 {
		for i, w := range r.Items {
			if w.Zone != zone || w.Seat != "" || len(got) == 0 {
				continue
			}
			is := 2
			switch {
			case w.Accessible:
				is = 0
			case w.Companion:
				is = 1
			}
			if is == kind {
				h.Items[i].Seat, got = got[0].Seat, got[1:]
			}
		}
	}
}
