// Package seatmap reads the plan of a venue and of one event in it: zones with
// their seats or standing room, gates, classes, prices and times. It turns the
// file into the signed rules that gates obey ([ticket.Event]) and the list of
// places that can be sold.
//
// It sells nothing, stores nothing and knows no order. The file comes from the
// organiser through the admin API: it is not trusted to be well formed, is
// decoded strictly (an unknown or repeated key is an error that names the
// nearest key there is) and is bounded in size.
package seatmap

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Format is what the "format" key of a plan must say.
const Format = "conting-plan/1"

// The most a plan may hold.
const (
	MaxPlan   = 1 << 20 // bytes of the file
	MaxPlaces = 200_000 // seats and standing places of all zones together
	MaxAmount = 1_000_000_000_000
)

// Plan is an event that can be put on sale.
type Plan struct {
	Event    ticket.Event
	Terms    Terms
	Currency string // ISO 4217, three capital letters
	Prices   []Price
	Places   []Place
	Hash     [32]byte // SHA-256 of the file
}

// Price is what a place in a zone costs in a class. A class without a price in a
// zone is not sold there.
type Price struct {
	Zone   uint16 `json:"zone"`
	Class  uint8  `json:"class"`
	Amount int64  `json:"amount"` // in the currency's smallest unit
}

// Place is room for one person. Number counts from 1 within the zone; Seat is
// empty where people stand.
type Place struct {
	Zone   uint16
	Number int32
	Seat   string
	Flags  ticket.Flags

	// Run is the number of the first of the seats that are side by side with this
	// one, without an aisle between; their numbers follow one another. Zero where
	// people stand.
	Run int32

	// Best is 1 for the zone's best place, 2 for the next best …
	Best int32
}

// Error is what is wrong with a plan: where, what, and what to do. It wraps
// [ticket.ErrInvalid].
type Error struct {
	Path string // "venue.zones[2].rows[0]"; empty for the file as a whole
	What string
	Hint string
}

// Error returns path and fault in one line, without the hint.
func (e *Error) Error() string {
	if e.Path == "" {
		return "plan: " + e.What
	}
	return "plan: " + e.Path + ": " + e.What
}

// Unwrap makes errors.Is(err, ticket.ErrInvalid) true.
func (e *Error) Unwrap() error { return ticket.ErrInvalid }

// Parse reads a plan that names its relying party. Every error is an [*Error].
func Parse(data []byte) (*Plan, error) { return ParseFor(data, ticket.RelyingParty{}) }

// ParseFor is Parse for a server whose own relying party stands for the one that
// a plan leaves out. The hash is of the file as it is.
func ParseFor(data []byte, own ticket.RelyingParty) (*Plan, error) {
	var f file
	if err := decode(data, &f); err != nil {
		return nil, err
	}
	if f.Format != Format {
		return nil, &Error{"format", fmt.Sprintf("%q is not a plan this program reads", f.Format), fmt.Sprintf("set \"format\" to %q", Format)}
	}
	p := &Plan{Currency: f.Event.Currency, Prices: f.Event.Prices, Hash: sha256.Sum256(data)}
	if f.Event.RelyingParty == (ticket.RelyingParty{}) {
		f.Event.RelyingParty = own
	}
	p.Event = f.rules()
	if err := p.Event.Check(); err != nil {
		return nil, &Error{"", err.Error(), "correct the named value; names are 1 to 120 bytes, times in order doors ≤ starts < ends"}
	}
	var err error
	if p.Terms, err = f.Event.Sale.terms(p.Event.Ends); err != nil {
		return nil, err
	}
	for i, z := range f.Venue.Zones {
		places, err := z.places(fmt.Sprintf("venue.zones[%d]", i), MaxPlaces-len(p.Places))
		if err != nil {
			return nil, err
		}
		p.Places = append(p.Places, places...)
	}
	return p, p.checkSale()
}

// checkSale reports the first thing about money that cannot be.
func (p *Plan) checkSale() error {
	if len(p.Currency) != 3 || !letters(p.Currency) {
		return &Error{"event.currency", fmt.Sprintf("%q is no currency", p.Currency), `use an ISO 4217 code such as "KRW"`}
	}
	type key struct {
		zone  uint16
		class uint8
	}
	seen := make(map[key]bool, len(p.Prices))
	sold := make(map[uint16]bool)
	for i, pr := range p.Prices {
		at := fmt.Sprintf("event.prices[%d]", i)
		if _, ok := p.Event.Zone(pr.Zone); !ok {
			return &Error{at, fmt.Sprintf("zone %d does not exist", pr.Zone), "use the id of one of venue.zones"}
		}
		if _, ok := p.Event.Class(pr.Class); !ok {
			return &Error{at, fmt.Sprintf("class %d does not exist", pr.Class), "use the id of one of event.classes"}
		}
		if pr.Amount < 0 || pr.Amount > MaxAmount {
			return &Error{at, fmt.Sprintf("amount %d", pr.Amount), "use an integer of the currency's smallest unit, 0 or more"}
		}
		if seen[key{pr.Zone, pr.Class}] {
			return &Error{at, fmt.Sprintf("zone %d has two prices for class %d", pr.Zone, pr.Class), "keep one of them"}
		}
		seen[key{pr.Zone, pr.Class}], sold[pr.Zone] = true, true
	}
	for _, z := range p.Event.Zones {
		if !sold[z.ID] {
			return &Error{"event.prices", fmt.Sprintf("zone %d has no price, so nobody could buy a place there", z.ID), "add a price, or leave the zone out"}
		}
	}
	return nil
}

func letters(s string) bool {
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// file is the plan as it is written.
type file struct {
	Format string    `json:"format"`
	Venue  fileVenue `json:"venue"`
	Event  fileEvent `json:"event"`
}

type fileVenue struct {
	Name     string        `json:"name"`
	Timezone string        `json:"timezone"`
	Zones    []fileZone    `json:"zones"`
	Gates    []ticket.Gate `json:"gates"`
}

type fileEvent struct {
	ID              ticket.EventID      `json:"id"`
	Name            string              `json:"name"`
	Doors           time.Time           `json:"doors"`
	Starts          time.Time           `json:"starts"`
	Ends            time.Time           `json:"ends"`
	Currency        string              `json:"currency"`
	Classes         []fileClass         `json:"classes"`
	Prices          []Price             `json:"prices"`
	RelyingParty    ticket.RelyingParty `json:"relying_party"`
	PassBackSeconds uint16              `json:"pass_back_seconds"`
	AlwaysChallenge bool                `json:"always_challenge"`
	Leases          ticket.LeasePolicy  `json:"leases"`
	MinimumAge      uint8               `json:"minimum_age"`
	Sale            fileTerms           `json:"sale"`
}

type fileClass struct {
	ID         uint8        `json:"id"`
	Name       string       `json:"name"`
	Opens      time.Time    `json:"opens"`
	Closes     time.Time    `json:"closes"`
	MaxEntries uint8        `json:"max_entries"`
	Paper      bool         `json:"paper"`
	Alone      ticket.Alone `json:"alone"`
	Staff      bool         `json:"staff"`
	StaffLane  bool         `json:"staff_lane"`
	IDCheck    bool         `json:"id_check"`
}

// rules is the part that gates obey.
func (f *file) rules() ticket.Event {
	e := ticket.Event{
		ID: f.Event.ID, Name: f.Event.Name, Venue: f.Venue.Name, Timezone: f.Venue.Timezone,
		Doors: unix(f.Event.Doors), Starts: unix(f.Event.Starts), Ends: unix(f.Event.Ends),
		Gates: f.Venue.Gates, RelyingParty: f.Event.RelyingParty,
		PassBackSeconds: f.Event.PassBackSeconds, AlwaysChallenge: f.Event.AlwaysChallenge,
		Leases: f.Event.Leases, MinimumAge: f.Event.MinimumAge,
	}
	for _, z := range f.Venue.Zones {
		e.Zones = append(e.Zones, ticket.Zone{ID: z.ID, Name: z.Name})
	}
	for _, c := range f.Event.Classes {
		e.Classes = append(e.Classes, ticket.Class{
			ID: c.ID, Name: c.Name, Opens: unix(c.Opens), Closes: unix(c.Closes),
			MaxEntries: c.MaxEntries, Paper: c.Paper, Alone: c.Alone,
			Staff: c.Staff, StaffLane: c.StaffLane, IDCheck: c.IDCheck,
		})
	}
	return e
}

// unix is Unix seconds; zero for a time that was not given.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
