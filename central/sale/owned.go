package sale

import (
	"context"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// MaxOwned is how many tickets of one account are listed: the newest.
const MaxOwned = 200

// TicketState is how a ticket stands for an account.
type TicketState string

// The states of an owned ticket.
const (
	TicketReady    TicketState = "ready"
	TicketUsed     TicketState = "used"  // it may not enter again
	TicketMoved    TicketState = "moved" // it belongs to somebody else now
	TicketRefunded TicketState = "refunded"
	TicketRevoked  TicketState = "revoked"
	TicketBlocked  TicketState = "blocked"
)

// Entrance is where and when a gate admitted a ticket.
type Entrance struct {
	At   time.Time
	Gate string
	Lane string
}

// OwnedTicket is a ticket with what its owner may know of it. Of one that has
// moved, Signed, Holder, Admitted and what happened to it since are missing, and
// Version is the last that was the account's.
type OwnedTicket struct {
	Issued
	Owner    string // account; empty if it belongs to whoever has the order's secret
	Event    ticket.Event
	State    TicketState
	Bound    time.Time // when its key was set: sold, or rebound
	Entries  int       // how often gates have admitted it, as far as central knows
	Admitted *Entrance // the first of them
	Receipt  bool      // a gate has signed that it entered
}

// Judge fills State from the rest, for a ticket that has not moved.
func (o *OwnedTicket) Judge() {
	class, _ := o.Event.Class(o.Ticket.Class)
	switch {
	case o.Status == ticket.StatusRefunded:
		o.State = TicketRefunded
	case o.Status == ticket.StatusRevoked:
		o.State = TicketRevoked
	case o.Status != ticket.StatusValid:
		o.State = TicketBlocked
	case !class.Staff && o.Entries >= max(1, int(class.MaxEntries)):
		o.State = TicketUsed
	default:
		o.State = TicketReady
	}
}

// Owned lists an account's tickets, newest first, and after them those that have
// left it.
func (s *Sale) Owned(ctx context.Context, owner string) ([]OwnedTicket, error) {
	if owner == "" {
		return nil, nil
	}
	return s.cfg.Store.Owned(ctx, owner)
}

// Ticket returns one ticket, or [ErrUnknownTicket].
func (s *Sale) Ticket(ctx context.Context, id ticket.ID) (OwnedTicket, error) {
	return s.cfg.Store.Ticket(ctx, id)
}
