package sale_test

import (
	"errors"
	"testing"

	"github.com/con-ting/conting/central/sale"
)

// What was read before a ticket moved must not move it again, although the ticket
// has come back to the same key by then, and although somebody names the present
// version with a key that it has left. The store's statement decides: whoever asks
// it may have read long ago.
func TestStaleRebindingChangesNothing(t *testing.T) {
	h := start(t)
	first := h.owned("A-1", "mina")
	next, err := h.Rebind(t.Context(), give(first, 11, "jun"))
	if err != nil {
		t.Fatal(err)
	}
	away := h.ticket(first.Ticket.ID)
	back := give(away, 0, "mina")
	back.To = first.Ticket.Holder
	if _, err := h.Rebind(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	now := h.ticket(first.Ticket.ID)
	changes := len(h.changes())

	stale := next // version 2, made from version 1 while its key was the holder's
	third := next
	third.Ticket.Version, third.Ticket.Holder = now.Ticket.Version+1, holder(12)
	for name, r := range map[string]sale.Rebinding{
		"the version of another time": {From: first.Ticket.Holder, Issued: stale, Owner: "jun", Kind: sale.TicketRebind},
		"the key of another time":     {From: holder(11), Issued: third, Owner: "eve", Kind: sale.TicketRebind},
	} {
		if err := h.store.Rebind(t.Context(), r); !errors.Is(err, sale.ErrMoved) {
			t.Errorf("%s: %v, want ErrMoved", name, err)
		}
	}
	if got := h.ticket(first.Ticket.ID); got.Ticket.Version != now.Ticket.Version || got.Ticket.Holder != now.Ticket.Holder || got.Owner != "mina" || len(h.changes()) != changes {
		t.Errorf("ticket %+v of %q, %d changes; want it as it was: %+v, %d", got.Ticket, got.Owner, len(h.changes()), now.Ticket, changes)
	}
}
