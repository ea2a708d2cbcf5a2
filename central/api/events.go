package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

type eventSummary struct {
	ID       ticket.EventID `json:"id"`
	Name     string         `json:"name"`
	Venue    string         `json:"venue"`
	Timezone string         `json:"timezone"`
	Doors    time.Time      `json:"doors"`
	Starts   time.Time      `json:"starts"`
	Ends     time.Time      `json:"ends"`
	Currency string         `json:"currency"`
	Places   int            `json:"places"`
	Free     int            `json:"free"`
	Sold     int            `json:"sold"`

	Cancelled time.Time `json:"cancelled,omitzero"` // when it was called off
}

type eventDetail struct {
	eventSummary
	Zones        []zoneView          `json:"zones"`
	Classes      []classView         `json:"classes"`
	Prices       []seatmap.Price     `json:"prices"`
	Gates        []gateView          `json:"gates"`
	RelyingParty ticket.RelyingParty `json:"relying_party"`
	MinimumAge   uint8               `json:"minimum_age"`
	Sale         termsView           `json:"sale"`
}

// termsView says how an event is sold.
type termsView struct {
	Method       string    `json:"method"`
	MaxPerOrder  int       `json:"max_per_order"`
	MaxPerPerson int       `json:"max_per_person,omitempty"`
	RefundUntil  time.Time `json:"refund_until,omitzero"`
	OfferMinutes int       `json:"offer_minutes"`
}

func viewTerms(t *seatmap.Terms) termsView {
	v := termsView{Method: seatmap.FirstCome, MaxPerOrder: sale.MaxItems, MaxPerPerson: t.MaxPerPerson, OfferMinutes: int(t.OfferLifetime().Minutes())}
	if t.RefundUntil > 0 {
		v.RefundUntil = unixTime(t.RefundUntil)
	}
	return v
}

type zoneView struct {
	ID     uint16 `json:"id"`
	Name   string `json:"name"`
	Places int    `json:"places"`
	Free   int    `json:"free"`
	Held   int    `json:"held"`
	Sold   int    `json:"sold"`
}

type classView struct {
	ID         uint8  `json:"id"`
	Name       string `json:"name"`
	Paper      bool   `json:"paper"`
	MaxEntries uint8  `json:"max_entries"`
	Staff      bool   `json:"staff"` // accreditations; never sold
}

type gateView struct {
	Name  string   `json:"name"`
	Zones []uint16 `json:"zones"`
}

func summary(l *sale.Listing) eventSummary {
	e := &l.Event
	s := eventSummary{
		ID: e.ID, Name: e.Name, Venue: e.Venue, Timezone: e.Timezone, Currency: l.Currency,
		Doors: unixTime(e.Doors), Starts: unixTime(e.Starts), Ends: unixTime(e.Ends),
	}
	if !l.Cancelled.IsZero() {
		s.Cancelled = l.Cancelled.UTC()
	}
	for _, z := range l.Zones {
		s.Places += z.Places
		s.Free += z.Free()
		s.Sold += z.Sold
	}
	return s
}

func unixTime(s int64) time.Time { return time.Unix(s, 0).UTC() }

func (a *API) events(ctx context.Context, c *gin.Context) (int, any, error) {
	after, limit, err := numberPage(c, 32)
	if err != nil {
		return 0, nil, err
	}
	ls, err := a.cfg.Till.Listings(ctx, ticket.EventID(after), limit) // #nosec G115 -- parsed as 32 bits
	if err != nil {
		return 0, nil, err
	}
	out := make([]eventSummary, 0, len(ls))
	last := ""
	for i := range ls {
		out = append(out, summary(&ls[i]))
		last = ls[i].Event.ID.String()
	}
	return http.StatusOK, list("events", out, next(len(ls), limit, last)), nil
}

// list is a page: its items under their name, and the cursor of the next page if
// there may be one.
func list[T any](name string, items []T, next string) gin.H {
	h := gin.H{name: items}
	if next != "" {
		h["next"] = next
	}
	return h
}

func (a *API) event(ctx context.Context, c *gin.Context) (int, any, error) {
	id, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	l, err := a.cfg.Till.Listing(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	d := eventDetail{eventSummary: summary(&l), Sale: viewTerms(&l.Terms), Prices: l.Prices, RelyingParty: l.Event.RelyingParty, MinimumAge: l.Event.MinimumAge}
	for i, z := range l.Event.Zones {
		n := l.Zones[i]
		d.Zones = append(d.Zones, zoneView{ID: z.ID, Name: z.Name, Places: n.Places, Free: n.Free(), Held: n.Held, Sold: n.Sold})
	}
	for _, cl := range l.Event.Classes {
		d.Classes = append(d.Classes, classView{ID: cl.ID, Name: cl.Name, Paper: cl.Paper, MaxEntries: max(cl.MaxEntries, 1), Staff: cl.Staff})
	}
	for _, g := range l.Event.Gates {
		d.Gates = append(d.Gates, gateView{Name: g.Name, Zones: g.Zones})
	}
	return http.StatusOK, d, nil
}

type seatView struct {
	Number     int32      `json:"number"`
	Seat       string     `json:"seat,omitempty"`
	State      sale.Taken `json:"state"`
	Accessible bool       `json:"accessible,omitempty"`
	Companion  bool       `json:"companion,omitempty"`
}

func (a *API) seats(ctx context.Context, c *gin.Context) (int, any, error) {
	id, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	zone, err := strconv.ParseUint(c.Query("zone"), 10, 16)
	if err != nil {
		return 0, nil, &detailError{code: "invalid_request", detail: "zone must be a number from the event's zones"}
	}
	after, limit, err := numberPage(c, 31)
	if err != nil {
		return 0, nil, err
	}
	rules, err := a.cfg.Till.Rules(ctx, id)
	if err != nil {
		return 0, nil, err
	}
	if _, ok := rules.Zone(uint16(zone)); !ok {
		return 0, nil, &detailError{code: "invalid_request", detail: "the event has no such zone"}
	}
	ps, err := a.cfg.Till.Places(ctx, id, uint16(zone), int32(after), limit) // #nosec G115 -- parsed as 31 bits
	if err != nil {
		return 0, nil, err
	}
	out := make([]seatView, 0, len(ps))
	last := ""
	for _, p := range ps {
		out = append(out, seatView{
			Number: p.Number, Seat: p.Seat, State: p.State,
			Accessible: p.Flags.Has(ticket.FlagAccessible), Companion: p.Flags.Has(ticket.FlagCompanion),
		})
		last = strconv.Itoa(int(p.Number))
	}
	return http.StatusOK, list("seats", out, next(len(ps), limit, last)), nil
}
