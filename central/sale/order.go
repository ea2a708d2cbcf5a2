package sale

import (
	"time"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// State is how far an order has come.
type State string

// The states of an order. An order that is held past its expiry has run out;
// nothing need happen for that.
const (
	Held     State = "held"     // its places are kept until Expires
	Paying   State = "paying"   // a payment is in progress: its places are kept until that has ended
	Paid     State = "paid"     // its tickets exist
	Lapsed   State = "lapsed"   // charged too late; the money goes or went back
	Refunded State = "refunded" // its tickets are dead; the money goes or went back
)

// MaxItems is how many places one order may be for.
const MaxItems = 8

// Order is one purchase of one to [MaxItems] places.
type Order struct {
	ID         string // 32 hexadecimal digits
	Event      ticket.EventID
	Owner      string // account that ordered; empty for nobody
	Items      []Item // in the order in which they were asked for; never empty
	Amount     int64  // of all items
	Currency   string
	State      State
	SecretHash [32]byte
	Created    time.Time
	Expires    time.Time
	Payment    string   // id of the payment in progress or done; else empty
	Returned   bool     // that payment's money went back
	Tickets    []Issued // one for each item, in their order, once it was paid
}

// Item is one place of an order, and what its ticket will say.
type Item struct {
	Zone   uint16
	Class  uint8
	Place  int32 // number within the zone
	Seat   string
	Flags  ticket.Flags
	Holder ticket.HolderKey // zero for paper
	Keeper string           // account that its ticket will belong to; empty for nobody
	Ask    string           // what a relative asked for; empty for none
	Amount int64
}

// Expired reports whether the order's hold has run out unpaid.
func (o *Order) Expired(now time.Time) bool {
	return o.State == Held && !now.Before(o.Expires)
}

// Issued is a ticket that was sold.
type Issued struct {
	Ticket ticket.Ticket
	Status ticket.Status
	Signed []byte

	// Withheld is set on a ticket of an order that belongs to another account than
	// the one that ordered: given to a relative since, or booked for one. Who paid
	// may know what became of the place, and not with which key somebody else
	// enters: Signed, Holder, Version and Flags are left out.
	Withheld bool
}

// KnownTo is the ticket as an account may know it that ordered it, of an owner who may
// be somebody else.
func (i Issued) KnownTo(account, owner string) Issued {
	if account == owner {
		return i
	}
	k := &i.Ticket
	return Issued{Status: i.Status, Withheld: true, Ticket: ticket.Ticket{ID: k.ID, Event: k.Event, Zone: k.Zone, Class: k.Class, Seat: k.Seat}}
}

// Offering is an event and how it is sold. Only Cancelled ever changes.
type Offering struct {
	Event     ticket.Event
	Terms     seatmap.Terms
	Cancelled time.Time // when it was called off; zero if it was not
}

// Listing is an event on sale.
type Listing struct {
	Offering
	Currency string
	Prices   []seatmap.Price
	Zones    []Availability // in the order of Event.Zones
}

// Availability counts a zone's places.
type Availability struct {
	Zone   uint16
	Places int
	Held   int
	Sold   int
}

// Free is how many places can be held now.
func (a Availability) Free() int { return a.Places - a.Held - a.Sold }

// PlaceState is one place and whether it can be had.
type PlaceState struct {
	seatmap.Place
	State Taken
}

// Taken says whether a place can be had.
type Taken string

// The states of a place.
const (
	PlaceFree Taken = "free"
	PlaceHeld Taken = "held"
	PlaceSold Taken = "sold"
)
