package sale

import (
	"context"
	"time"

	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/ticket"
)

// Store is the sale's memory. Every method is one transaction that holds wholly
// or not at all, and is durable when it returns. "Now" is the store's clock,
// read once in the transaction.
type Store interface {
	Catalogue
	Orders
	Payments
	Tickets
	Waiting
}

// Catalogue keeps what is on sale.
type Catalogue interface {
	// AddPlan stores the event and its places. It returns false when the same
	// plan is stored already and [ErrEventExists] when another one is.
	AddPlan(ctx context.Context, p *seatmap.Plan) (bool, error)

	// Offering returns the event and its terms, or [ErrUnknownEvent].
	Offering(ctx context.Context, event ticket.EventID) (Offering, error)

	// Listing returns [ErrUnknownEvent] when there is no such event. It counts
	// every place.
	Listing(ctx context.Context, event ticket.EventID) (Listing, error)

	Listings(ctx context.Context, after ticket.EventID, limit int) ([]Listing, error)
	Places(ctx context.Context, event ticket.EventID, zone uint16, after int32, limit int) ([]PlaceState, error)

	// FreeSeats returns at least the limit best seats of a zone that are free, in no
	// order, and whether there may be more. Where people stand it returns none.
	FreeSeats(ctx context.Context, event ticket.EventID, zone uint16, limit int) (seats []seatmap.Place, more bool, err error)
}

// Hold asks for places.
type Hold struct {
	Order      string
	SecretHash [32]byte
	Event      ticket.EventID
	Owner      string // account that orders; empty for nobody
	Expires    time.Time
	Items      []HeldItem // one to [MaxItems]

	// Limit is how many places of the event each of the items' keepers may have, with
	// those of the order; zero for any number.
	Limit int

	// Offer is what the order accepts: it gets the places of that offer, which must
	// be open, Owner's, and of so many places of the items' zone. Empty for none.
	Offer string

	// Challenge is used up with the hold; nil where no key was to be proved.
	Challenge        []byte
	ChallengeExpires time.Time
}

// HeldItem asks for one place.
type HeldItem struct {
	Zone   uint16
	Class  uint8
	Seat   string           // empty for any place of the zone that is not kept for some
	Holder ticket.HolderKey // zero for paper
	Flags  ticket.Flags     // beside the place's own
	Keeper string           // account that the ticket will belong to; empty for nobody

	// Accessible says that the person needs step-free entry.
	Accessible bool

	// Ask is what the item is for; empty for none. The place must be what it asks
	// for, the order's owner whom it asks, Keeper and Holder who asks.
	Ask string
}

// Orders keeps who has which place.
type Orders interface {
	// Hold takes places that are free now, or whose hold has run out, and
	// stores the order. One statement decides on each: of two, one gets [ErrSeatTaken]
	// (for a seat) or [ErrSoldOut] (for any place), and has none of its places. What
	// [CheckKept] says of the places, [ErrCancelled], [ErrLimit], [ErrOthersWait]
	// while anybody waits for a place of the zone, [ErrOfferClosed], [ErrUnknownEvent],
	// [ErrNotSold], [ErrUnknownSeat], for a challenge that was used
	// [ErrChallenge], and for an ask that does not fit or is taken [ErrAsk]
	// change nothing either.
	Hold(ctx context.Context, h Hold) (Order, error)

	// Order returns the order with its tickets, or [ErrUnknownOrder].
	Order(ctx context.Context, id string) (Order, error)

	// RefundOrder marks a paid order refunded and its payment due to go back,
	// gives each of its tickets the status refunded with a line in the outbox,
	// and frees the places, which are offered to who waits for them. It reports
	// false, and changes nothing, unless the order is paid.
	RefundOrder(ctx context.Context, id string) (bool, error)

	// ReturnOrder is RefundOrder for who ordered: [ErrMoved] if one of the tickets is
	// another's, [ErrTicketUsed] if a gate has admitted one.
	ReturnOrder(ctx context.Context, id string) (bool, error)

	// History lists an account's orders, newest first: those before a time, and of
	// the same time those with smaller ids.
	History(ctx context.Context, owner string, before time.Time, beforeID string, limit int) ([]Order, error)

	// CancelEvent calls an event off, with a line in the outbox: nothing more is held,
	// paid or offered. It reports false if it was called off before.
	CancelEvent(ctx context.Context, event ticket.EventID) (bool, error)

	// RefundCancelled refunds at most limit paid orders of events that were called
	// off, as RefundOrder does, and returns them.
	RefundCancelled(ctx context.Context, limit int) ([]string, error)

	// Unrefunded counts the orders of an event that are paid, or being paid.
	Unrefunded(ctx context.Context, event ticket.EventID) (int, error)
}

// Rebinding is a ticket as it shall be. The ticket must have the version before
// and the key From.
type Rebinding struct {
	From   ticket.HolderKey
	Issued Issued
	Owner  string
	Offer  string     // that is accepted with it; empty for none
	Kind   ChangeKind // how the outbox tells it

	// Entries is how many admissions may count already: none of a ticket that is
	// given away.
	Entries int
}

// BoundTicket is a ticket with its version.
type BoundTicket struct {
	ID      ticket.ID
	Version uint32
}

// Tickets keeps whose a ticket is.
type Tickets interface {
	// Ticket returns a ticket with its event, state and first admission, or
	// [ErrUnknownTicket].
	Ticket(ctx context.Context, id ticket.ID) (OwnedTicket, error)

	// Owned lists an account's tickets, newest first, then those that were its own
	// before; at most [MaxOwned] of each.
	Owned(ctx context.Context, owner string) ([]OwnedTicket, error)

	// Bound lists an account's tickets that are in force and bound to a key.
	Bound(ctx context.Context, owner string, key ticket.HolderKey) ([]BoundTicket, error)

	// Rebind replaces a ticket, with a line in the outbox, if it is in force, has
	// the version before and the key, not more than Entries admissions of it count,
	// and the offer, if there is one, is open to Owner. One statement decides. It ends every open
	// offer of the ticket. Otherwise it changes nothing and returns
	// [ErrUnknownTicket], [ErrTicketDead], [ErrTicketUsed] or [ErrMoved].
	Rebind(ctx context.Context, r Rebinding) error

	// Accredit stores a ticket that nobody bought, with a line in the outbox. One
	// of that id is returned instead, in force again if it had been revoked; if it
	// is another holder's, [ErrMoved].
	Accredit(ctx context.Context, i Issued, owner string) (Issued, error)

	// SetStatus gives a ticket that was not refunded a status, with a line in the
	// outbox, and reports whether it had another. [ErrUnknownTicket] if there is none.
	SetStatus(ctx context.Context, id ticket.ID, status ticket.Status) (bool, error)
}
