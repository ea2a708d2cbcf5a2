// Package outbox hands what became true to those who must act on it: each row
// stands in the same transaction as the change that it tells of, and each consumer
// gets every row of its kinds, in order, at least once.
//
// It writes no row (the store does, see [Row]) and keeps no state but the cursors:
// a consumer that was not running finds everything that it missed. It does not
// elect: run it where one central leads, see central/leader. Two that run at once do
// no harm but double work: a cursor moves only from where its mover saw it.
//
// Nothing is ever left out: a row that a consumer cannot deal with is tried again,
// less and less often, and what follows it waits. That is logged and counted
// ([Observer]), for a person to see to. An external log (Kafka and the like) is one
// more consumer, whose Handle appends what it gets.
//
// The rows are trusted like the database. A body may hold a secret that somebody
// must be sent: such a consumer sets [Consumer.Forget].
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// ErrMoved is returned by a [Store] when a cursor is no longer where the caller
// read it: another central moved it.
var ErrMoved = errors.New("outbox cursor was moved by somebody else")

// Kind says what became true.
type Kind string

// The kinds that gates, the mint and people learn of. What is only to be mailed has
// kinds of its own, which central/account names.
const (
	TicketNew    Kind = "ticket_new"    // a ticket was sold, or is otherwise now
	TicketRebind Kind = "ticket_rebind" // a ticket has another holder key now
	TicketStatus Kind = "ticket_status" // a ticket's status is now another

	OrderPaid      Kind = "order_paid"
	OrderRefunded  Kind = "order_refunded"
	OfferMade      Kind = "offer_made"  // a place is offered to the next who waits
	OfferEnded     Kind = "offer_ended" // it was accepted, declined or has run out
	EventCancelled Kind = "event_cancelled"

	TicketAdmitted Kind = "ticket_admitted" // the holder of an account's ticket has been in, or it turned out that nobody has
	WalletLinked   Kind = "wallet_linked"   // an account's tokens belong in another wallet now
	TokenClaimed   Kind = "token_claimed"   // the holder of a ticket has asked for its token
	SetPublished   Kind = "set_published"   // an event has a ticket set of a new version; body [Published]
)

// Row is one row of the outbox. Fields that a kind has no use for are zero.
type Row struct {
	Seq     uint64 // 1, 2, 3 … over all events, without gaps, in the order of commits
	At      time.Time
	Event   ticket.EventID
	Kind    Kind
	Account string        // whom it concerns, 32 hexadecimal digits
	Ticket  ticket.ID     // zero for none
	Status  ticket.Status // of that ticket, after the change
	Order   string

	// Body is JSON, as the kind defines it, at most [MaxBody] bytes. It is nil where
	// there is none, or where it was forgotten.
	Body json.RawMessage
}

// Published is the body of a row of kind [SetPublished].
type Published struct {
	Version uint64 `json:"version"` // of the set
}

// MaxBody bounds the body of a row.
const MaxBody = 64 << 10

// Consumer is somebody who must learn of rows.
type Consumer struct {
	// Name is the consumer's for good: its cursor is kept under it. Lower-case
	// letters, digits and underscores, at most 32.
	Name string

	// Kinds are those that it gets; at least one.
	Kinds []Kind

	// Handle deals with rows in the order of their numbers. An error means that none
	// of them may be taken for dealt with: they come again one by one, so that those
	// before the cause get through. They also come again after a crash, so what Handle
	// does must bear repetition. It has [Config.Timeout] for it.
	Handle func(ctx context.Context, rows []Row) error

	// Forget erases the bodies of the rows that Handle has dealt with, in the
	// transaction that moves the cursor: for kinds that no other consumer reads and
	// whose bodies hold what should not lie in a database.
	Forget bool
}

// Store keeps the rows and the cursors. Each method is one transaction.
type Store interface {
	// Rows returns at most limit rows of some kinds after a number, in order, and the
	// number through which there are no others of these kinds.
	Rows(ctx context.Context, after uint64, kinds []Kind, limit int) (rows []Row, through uint64, err error)

	// Cursor returns how far a consumer has come; zero for a new one.
	Cursor(ctx context.Context, consumer string) (uint64, error)

	// Advance moves a consumer's cursor and erases the bodies of the rows with the
	// numbers forget, or returns an error wrapping [ErrMoved] and does neither.
	Advance(ctx context.Context, consumer string, from, through uint64, forget []uint64) error
}

// Observer hears what an operator's dashboard shows. Its methods are called from
// the goroutines of the consumers and must return at once.
type Observer interface {
	// Handled says that a consumer has dealt with some rows, the last of them written
	// that long ago.
	Handled(consumer string, rows int, lag time.Duration)

	// Stuck says how often in a row a consumer has failed to deal with the next row;
	// zero once it has.
	Stuck(consumer string, attempts int)
}
