package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

const (
	acceptPlaces = `UPDATE offer SET state = 'accepted', purchase = $2, changed = $3
		WHERE id = $1 AND account = $4 AND event = $5 AND zone = $6 AND places = $7 AND state = 'open' AND expires > $3
		RETURNING number`
	holdOffered = `UPDATE place SET free_at = $1, purchase = $2, offer = NULL
		WHERE event = $3 AND zone = $4 AND offer = $5 AND free_at > $6
		RETURNING number, seat, flags, run`
	endWaiting = `UPDATE waiting SET state = $3, changed = $4 WHERE event = $1 AND number = $2 AND state = 'offered'`
)

// takeOffered gives an order the places of the offer that it accepts. The offer's
// row decides: it is accepted once, in time, by whom it was made to.
func takeOffered(ctx context.Context, t *tx, h *sale.Hold) (got []seatmap.Place, err error) {
	zone := h.Items[0].Zone
	var number int64
	err = t.row(ctx, acceptPlaces, []any{h.Offer, h.Order, t.ms(), h.Owner, int64(h.Event), zone, len(h.Items)}, &number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, sale.ErrOfferClosed
	}
	if err != nil {
		return nil, err
	}
	got, err = rows(ctx, t, func(r scanner) (p seatmap.Place, err error) {
		p.Zone = zone
		return p, r.Scan(&p.Number, &p.Seat, &p.Flags, &p.Run)
	}, holdOffered, h.Expires.UnixMilli(), h.Order, int64(h.Event), zone, h.Offer, t.ms())
	if err != nil {
		return nil, err
	}
	if len(got) != len(h.Items) {
		return nil, fmt.Errorf("offer %s has %d places, want %d", h.Offer, len(got), len(h.Items))
	}
	if _, err := t.exec(ctx, endWaiting, int64(h.Event), number, string(sale.WaitAccepted), t.ms()); err != nil {
		return nil, err
	}
	return got, tellOffer(ctx, t, outbox.OfferEnded, h.Event, h.Owner, offerBody{ID: h.Offer, State: sale.OfferAccepted})
}

// offerBody is what the outbox says of an offer.
type offerBody struct {
	ID      string          `json:"id"`
	State   sale.OfferState `json:"state"`
	Zone    uint16          `json:"zone,omitempty"`
	Places  int             `json:"places,omitempty"`
	Expires *time.Time      `json:"expires,omitempty"`
}

func tellOffer(ctx context.Context, t *tx, kind outbox.Kind, event ticket.EventID, account string, b offerBody) error {
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode offer: %w", err)
	}
	return post(ctx, t, outbox.Row{Event: event, Kind: kind, Account: account, Body: body})
}

const (
	// A place that is offered is not free until the offer has ended.
	countFree = `SELECT COUNT(*) FROM (SELECT 1 FROM place
		WHERE event = $1 AND zone = $2 AND free_at <= $3 AND flags & 3 = 0 AND offer IS NULL LIMIT $4) free`
	nextWaiting = `SELECT number, class, account, places FROM waiting
		WHERE event = $1 AND zone = $2 AND state = 'waiting' AND places <= $3 ORDER BY number LIMIT 1`
	giveTurn = `UPDATE waiting SET state = 'offered', changed = $3 WHERE event = $1 AND number = $2 AND state = 'waiting'`

	insertOffer = `INSERT INTO offer (id, event, number, zone, class, account, places, state, created, expires, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $8)`
	offerPlaces = `UPDATE place SET free_at = $1, purchase = NULL, offer = $2
		WHERE event = $3 AND zone = $4 AND number IN (SELECT number FROM place
			WHERE event = $3 AND zone = $4 AND free_at <= $5 AND flags & 3 = 0 AND offer IS NULL ORDER BY best LIMIT $6)`
)

// offersAtOnce bounds the offers that one transaction makes.
const offersAtOnce = 100

// offerNext offers the free places of a zone to those who have waited longest, in
// the transaction that set them free. Whoever waits for more places than are free is
// passed over until there are so many. It returns how many offers it made.
func offerNext(ctx context.Context, t *tx, event ticket.EventID, zone uint16) (made int, err error) {
	var waiting int
	if err := t.row(ctx, anyWait, []any{int64(event), zone}, &waiting); err != nil || waiting == 0 {
		return 0, err
	}
	l, err := getEvent(ctx, t, event)
	if err != nil {
		return 0, err
	}
	expires := t.now.Add(l.Terms.OfferLifetime())
	if ends := time.Unix(l.Event.Ends, 0); expires.After(ends) {
		expires = ends
	}
	if !l.Cancelled.IsZero() || !expires.After(t.now) {
		return 0, nil
	}
	for made < offersAtOnce {
		var free int
		if err := t.row(ctx, countFree, []any{int64(event), zone, t.ms(), sale.MaxItems}, &free); err != nil || free == 0 {
			return made, err
		}
		o := sale.Offer{Event: event, Zone: zone, State: sale.OfferOpen, Expires: expires}
		err := t.row(ctx, nextWaiting, []any{int64(event), zone, free}, &o.Number, &o.Class, &o.Account, &o.Places)
		if errors.Is(err, sql.ErrNoRows) {
			return made, nil
		}
		if err != nil {
			return made, err
		}
		if err := makeOffer(ctx, t, &o); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

func makeOffer(ctx context.Context, t *tx, o *sale.Offer) error {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	o.ID = hex.EncodeToString(id[:])
	n, err := t.exec(ctx, giveTurn, int64(o.Event), signed(o.Number), t.ms())
	if err != nil {
		return err
	}
	got, err := t.exec(ctx, offerPlaces, o.Expires.UnixMilli(), o.ID, int64(o.Event), o.Zone, t.ms(), o.Places)
	if err != nil {
		return err
	}
	if n != 1 || got != int64(o.Places) {
		return fmt.Errorf("offer of %d places to number %d: %d places, %d turns", o.Places, o.Number, got, n)
	}
	if _, err := t.exec(ctx, insertOffer, o.ID, int64(o.Event), signed(o.Number), o.Zone, o.Class, o.Account, o.Places, t.ms(), o.Expires.UnixMilli()); err != nil {
		return err
	}
	at := o.Expires.UTC()
	return tellOffer(ctx, t, outbox.OfferMade, o.Event, o.Account, offerBody{ID: o.ID, State: o.State, Zone: o.Zone, Places: o.Places, Expires: &at})
}

const (
	overdueOffers = `SELECT id FROM offer WHERE state = 'open' AND expires <= $1 ORDER BY expires, id LIMIT $2`
	endOffer      = `UPDATE offer SET state = $2, changed = $3
		WHERE id = $1 AND state = 'open' AND ($2 <> 'missed' OR expires <= $3) AND ($4 = '' OR account = $4)
		RETURNING event, number, zone, account`
	freeOffered = `UPDATE place SET free_at = 0, offer = NULL WHERE event = $1 AND zone = $2 AND offer = $3`
)

// DeclineOffer implements [sale.Waiting].
func (s *Store) DeclineOffer(ctx context.Context, account, id string) error {
	return s.update(ctx, func(t *tx) error {
		ended, err := closeOffer(ctx, t, id, account, sale.OfferDeclined)
		if err == nil && !ended {
			err = sale.ErrOfferClosed
		}
		return err
	})
}

// closeOffer ends an open offer and offers its places to the next, at once. An
// account that is given must be the one that it was made to.
func closeOffer(ctx context.Context, t *tx, id, account string, state sale.OfferState) (ended bool, err error) {
	var (
		event  ticket.EventID
		number int64
		zone   uint16
		whose  string
	)
	err = t.row(ctx, endOffer, []any{id, string(state), t.ms(), account}, &event, &number, &zone, &whose)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, endWaiting, int64(event), number, string(state), t.ms()); err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, freeOffered, int64(event), zone, id); err != nil {
		return false, err
	}
	if err := tellOffer(ctx, t, outbox.OfferEnded, event, whose, offerBody{ID: id, State: state}); err != nil {
		return false, err
	}
	_, err = offerNext(ctx, t, event, zone)
	return true, err
}

// EndOffers implements [sale.Waiting].
func (s *Store) EndOffers(ctx context.Context, limit int) (ended int, err error) {
	err = s.update(ctx, func(t *tx) error {
		ended = 0
		over, err := rows(ctx, t, func(r scanner) (id string, err error) { return id, r.Scan(&id) }, overdueOffers, t.ms(), limit)
		if err != nil {
			return err
		}
		for _, id := range over {
			if _, err := closeOffer(ctx, t, id, "", sale.OfferMissed); err != nil {
				return err
			}
			ended++
		}
		return nil
	})
	return ended, err
}

const nextWaitedZone = `SELECT event, zone FROM waiting WHERE state = 'waiting' AND (event, zone) > ($1, $2)
	ORDER BY event, zone, number LIMIT 1`

// WaitedZones implements [sale.Waiting].
func (s *Store) WaitedZones(ctx context.Context, limit int) (out []sale.ZoneKey, err error) {
	err = s.view(ctx, func(t *tx) error {
		last := sale.ZoneKey{}
		for out = nil; len(out) < limit; out = append(out, last) { // one step into the index for each
			err := t.row(ctx, nextWaitedZone, []any{int64(last.Event), last.Zone}, &last.Event, &last.Zone)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// OfferFree implements [sale.Waiting].
func (s *Store) OfferFree(ctx context.Context, z sale.ZoneKey) (made int, err error) {
	err = s.update(ctx, func(t *tx) error {
		made, err = offerNext(ctx, t, z.Event, z.Zone)
		return err
	})
	return made, err
}

const (
	offerColumns = `SELECT o.id, o.event, o.number, o.zone, o.class, o.account, o.places,
			CASE WHEN o.state = 'open' AND o.expires <= $2 THEN 'missed' ELSE o.state END, o.created, o.expires, COALESCE(o.purchase, '')
		FROM offer o`
	selectOffer  = offerColumns + ` WHERE o.id = $3 AND o.account = $1`
	selectOffers = offerColumns + ` WHERE o.account = $1 ORDER BY o.created DESC, o.id LIMIT $3`
	offeredSeats = `SELECT seat FROM place WHERE offer = $1 AND seat <> '' ORDER BY number`
)

// Offer implements [sale.Waiting].
func (s *Store) Offer(ctx context.Context, account, id string) (o sale.Offer, err error) {
	err = s.view(ctx, func(t *tx) error {
		one, err := getOffers(ctx, t, selectOffer, account, t.ms(), id)
		if err == nil && len(one) == 0 {
			err = sale.ErrUnknownOffer
		}
		if err == nil {
			o = one[0]
		}
		return err
	})
	return o, err
}

// Offers implements [sale.Waiting].
func (s *Store) Offers(ctx context.Context, account string, limit int) (out []sale.Offer, err error) {
	err = s.view(ctx, func(t *tx) error {
		out, err = getOffers(ctx, t, selectOffers, account, t.ms(), limit)
		return err
	})
	return out, err
}

func getOffers(ctx context.Context, t *tx, query string, args ...any) ([]sale.Offer, error) {
	out, err := rows(ctx, t, func(r scanner) (o sale.Offer, err error) {
		var created, expires int64
		err = r.Scan(&o.ID, &o.Event, &o.Number, &o.Zone, &o.Class, &o.Account, &o.Places, (*string)(&o.State), &created, &expires, &o.Order)
		o.Created, o.Expires = time.UnixMilli(created), time.UnixMilli(expires)
		return o, err
	}, query, args...)
	for i := range out {
		if err != nil || out[i].State != sale.OfferOpen {
			continue
		}
		out[i].Seats, err = rows(ctx, t, func(r scanner) (seat string, err error) { return seat, r.Scan(&seat) }, offeredSeats, out[i].ID)
	}
	return out, err
}
