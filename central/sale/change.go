package sale

import (
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// ChangeKind says what a [Change] tells the gates.
type ChangeKind string

// The kinds of change.
const (
	TicketNew    ChangeKind = "ticket_new"    // a ticket was sold, or is otherwise now
	TicketRebind ChangeKind = "ticket_rebind" // a ticket has another holder key now
	TicketStatus ChangeKind = "ticket_status" // a ticket's status is now another
)

// Change is one row of the outbox: something that became true about a ticket,
// written in the transaction that made it true. Seq is 1, 2, 3 … over all events,
// without gaps, in commit order; reading after a cursor never misses one.
type Change struct {
	Seq    uint64
	At     time.Time
	Event  ticket.EventID
	Kind   ChangeKind
	ID     ticket.ID
	Status ticket.Status  // after the change
	Ticket *ticket.Ticket // whole, for TicketNew and TicketRebind; else nil
}
