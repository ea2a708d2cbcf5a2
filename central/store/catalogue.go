package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// The free_at of a place that is sold, and of one whose order is being paid.
const (
	sold   = math.MaxInt64
	pinned = math.MaxInt64 - 1
)

const (
	insertEvent = `INSERT INTO event (id, rules, currency, plan_hash, imported, terms) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`
	selectPlanHash = `SELECT plan_hash FROM event WHERE id = $1`
	insertPrice    = `INSERT INTO price (event, zone, class, amount) VALUES ($1, $2, $3, $4)`
	insertPlaces   = `INSERT INTO place (event, zone, number, seat, flags, free_at, run, best) VALUES `
	placeFields    = 8
)

// AddPlan implements [sale.Catalogue].
func (s *Store) AddPlan(ctx context.Context, p *seatmap.Plan) (added bool, err error) {
	rules, err := json.Marshal(p.Event)
	if err != nil {
		return false, fmt.Errorf("encode event: %w", err)
	}
	terms, err := json.Marshal(p.Terms)
	if err != nil {
		return false, fmt.Errorf("encode terms: %w", err)
	}
	err = s.bulk(ctx, func(t *tx) error {
		n, err := t.exec(ctx, insertEvent, int64(p.Event.ID), string(rules), p.Currency, p.Hash[:], t.ms(), string(terms))
		if err != nil {
			return err
		}
		if added = n == 1; !added {
			var hash []byte
			if err := t.row(ctx, selectPlanHash, []any{int64(p.Event.ID)}, &hash); err != nil {
				return err
			}
			if !bytes.Equal(hash, p.Hash[:]) {
				return sale.ErrEventExists
			}
			return nil
		}
		for _, pr := range p.Prices {
			if _, err := t.exec(ctx, insertPrice, int64(p.Event.ID), pr.Zone, pr.Class, pr.Amount); err != nil {
				return err
			}
		}
		return addPlaces(ctx, t, p)
	})
	return added, err
}

func addPlaces(ctx context.Context, t *tx, p *seatmap.Plan) error {
	for some := range slices.Chunk(p.Places, 100) {
		args := make([]any, 0, len(some)*placeFields)
		for _, pl := range some {
			args = append(args, int64(p.Event.ID), pl.Zone, pl.Number, pl.Seat, pl.Flags, 0, pl.Run, pl.Best)
		}
		if _, err := t.exec(ctx, insertPlaces+values(len(some), placeFields), args...); err != nil {
			return err
		}
	}
	return nil
}

const (
	selectEvents = `SELECT rules, terms, cancelled, currency FROM event WHERE id > $1 ORDER BY id LIMIT $2`
	selectEvent  = `SELECT rules, terms, cancelled, currency FROM event WHERE id = $1`
	selectPrices = `SELECT zone, class, amount FROM price WHERE event = $1 ORDER BY zone, class`
	countPlaces  = `SELECT zone, COUNT(*),
			SUM(CASE WHEN free_at > $2 AND free_at < $3 THEN 1 ELSE 0 END),
			SUM(CASE WHEN free_at = $3 THEN 1 ELSE 0 END)
		FROM place WHERE event = $1 GROUP BY zone`
)

// Offering implements [sale.Catalogue].
func (s *Store) Offering(ctx context.Context, event ticket.EventID) (sale.Offering, error) {
	var l sale.Listing
	err := s.view(ctx, func(t *tx) (err error) {
		l, err = getEvent(ctx, t, event)
		return err
	})
	return l.Offering, err
}

func getEvent(ctx context.Context, t *tx, event ticket.EventID) (sale.Listing, error) {
	l, err := scanListing(t.sql.QueryRowContext(ctx, selectEvent, int64(event)))
	if errors.Is(err, sql.ErrNoRows) {
		return l, sale.ErrUnknownEvent
	}
	return l, err
}

// Listing implements [sale.Catalogue].
func (s *Store) Listing(ctx context.Context, event ticket.EventID) (l sale.Listing, err error) {
	err = s.view(ctx, func(t *tx) error {
		if l, err = getEvent(ctx, t, event); err != nil {
			return err
		}
		return fillListing(ctx, t, &l)
	})
	return l, err
}

// Listings implements [sale.Catalogue].
func (s *Store) Listings(ctx context.Context, after ticket.EventID, limit int) (out []sale.Listing, err error) {
	err = s.view(ctx, func(t *tx) error {
		if out, err = rows(ctx, t, scanListing, selectEvents, int64(after), limit); err != nil {
			return err
		}
		for i := range out {
			if err := fillListing(ctx, t, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func scanListing(r scanner) (l sale.Listing, err error) {
	var (
		rules, terms string
		cancelled    int64
	)
	if err := r.Scan(&rules, &terms, &cancelled, &l.Currency); err != nil {
		return l, err
	}
	if cancelled > 0 {
		l.Cancelled = time.UnixMilli(cancelled)
	}
	if err := json.Unmarshal([]byte(rules), &l.Event); err != nil {
		return l, fmt.Errorf("decode event: %w", err)
	}
	if err := json.Unmarshal([]byte(terms), &l.Terms); err != nil {
		return l, fmt.Errorf("decode terms: %w", err)
	}
	return l, nil
}

// fillListing adds prices and counts to an event.
func fillListing(ctx context.Context, t *tx, l *sale.Listing) (err error) {
	l.Prices, err = rows(ctx, t, func(r scanner) (p seatmap.Price, err error) {
		return p, r.Scan(&p.Zone, &p.Class, &p.Amount)
	}, selectPrices, int64(l.Event.ID))
	if err != nil {
		return err
	}
	counts, err := rows(ctx, t, func(r scanner) (a sale.Availability, err error) {
		return a, r.Scan(&a.Zone, &a.Places, &a.Held, &a.Sold)
	}, countPlaces, int64(l.Event.ID), t.ms(), int64(sold))
	if err != nil {
		return err
	}
	for _, z := range l.Event.Zones {
		a := sale.Availability{Zone: z.ID}
		for _, c := range counts {
			if c.Zone == z.ID {
				a = c
			}
		}
		l.Zones = append(l.Zones, a)
	}
	return nil
}

// The first half reads the best of the free ones in their order; those whose hold
// has run out are few, because the next hold may have them too.
const selectFreeSeats = `SELECT number, seat, flags, run, best FROM (
			SELECT number, seat, flags, run, best FROM place
			WHERE event = $1 AND zone = $2 AND free_at = 0 AND run > 0 ORDER BY best LIMIT $4) untouched
		UNION ALL SELECT number, seat, flags, run, best FROM (
			SELECT number, seat, flags, run, best FROM place
			WHERE event = $1 AND zone = $2 AND free_at > 0 AND free_at <= $3 AND run > 0 ORDER BY free_at LIMIT $4) lapsed`

// FreeSeats implements [sale.Catalogue].
func (s *Store) FreeSeats(ctx context.Context, event ticket.EventID, zone uint16, limit int) (out []seatmap.Place, more bool, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (p seatmap.Place, err error) {
			p.Zone = zone
			return p, r.Scan(&p.Number, &p.Seat, &p.Flags, &p.Run, &p.Best)
		}, selectFreeSeats, int64(event), zone, t.ms(), limit)
		return err
	})
	return out, len(out) >= limit, err
}

const selectPlaces = `SELECT number, seat, flags, free_at FROM place
	WHERE event = $1 AND zone = $2 AND number > $3 ORDER BY number LIMIT $4`

// Places implements [sale.Catalogue].
func (s *Store) Places(ctx context.Context, event ticket.EventID, zone uint16, after int32, limit int) (out []sale.PlaceState, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = rows(ctx, t, func(r scanner) (p sale.PlaceState, err error) {
			var freeAt int64
			p.Zone, p.State = zone, sale.PlaceHeld
			err = r.Scan(&p.Number, &p.Seat, &p.Flags, &freeAt)
			switch {
			case freeAt == sold:
				p.State = sale.PlaceSold
			case freeAt <= t.ms():
				p.State = sale.PlaceFree
			}
			return p, err
		}, selectPlaces, int64(event), zone, after, limit)
		return err
	})
	return out, err
}
