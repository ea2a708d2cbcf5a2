package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// owners is the sale as leases see it.
type owners struct{ *sale.Sale }

func (o owners) Showable(ctx context.Context, account string, id ticket.ID) (ticket.EventID, ticket.LeasePolicy, error) {
	t, err := o.Ticket(ctx, id)
	switch {
	case errors.Is(err, sale.ErrUnknownTicket):
		return 0, 0, fmt.Errorf("%w: %w", lease.ErrNotOwner, err)
	case err != nil:
		return 0, 0, err
	case t.Owner == "" || t.Owner != account:
		return 0, 0, lease.ErrNotOwner
	case t.State != sale.TicketReady || t.Ticket.Paper():
		return 0, 0, fmt.Errorf("ticket is %s: %w", t.State, lease.ErrUnusable)
	}
	return t.Ticket.Event, t.Event.Leases, nil
}
