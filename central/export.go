package main

import (
	"context"
	"errors"
	"time"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// What the rooms know of a person, as it stands in an export of theirs. The rooms
// do not know accounts for this; account does not know the rooms.

// ownTickets are the tickets that belong or belonged to an account.
type ownTickets struct{ sale *sale.Sale }

type exportedTicket struct {
	ID       ticket.ID        `json:"id"`
	Event    ticket.EventID   `json:"event"`
	Zone     uint16           `json:"zone"`
	Class    uint8            `json:"class"`
	Seat     string           `json:"seat,omitempty"`
	Holder   ticket.HolderKey `json:"holder,omitzero"`
	State    string           `json:"state"`
	Bound    time.Time        `json:"bound"`
	Entries  int              `json:"entries"`
	Admitted *exportedEntry   `json:"admitted,omitempty"`
}

type exportedEntry struct {
	At   time.Time `json:"at"`
	Gate string    `json:"gate"`
}

// Export implements [account.Room].
func (o ownTickets) Export(ctx context.Context, id string) (any, error) {
	all, err := o.sale.Owned(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]exportedTicket, 0, len(all))
	for _, t := range all {
		v := exportedTicket{
			ID: t.Ticket.ID, Event: t.Ticket.Event, Zone: t.Ticket.Zone, Class: t.Ticket.Class, Seat: t.Ticket.Seat,
			Holder: t.Ticket.Holder, State: string(t.State), Bound: t.Bound.UTC(), Entries: t.Entries,
		}
		if a := t.Admitted; a != nil {
			v.Admitted = &exportedEntry{At: a.At.UTC(), Gate: a.Gate}
		}
		out = append(out, v)
	}
	return out, nil
}

// ownOrders are the orders that an account made.
type ownOrders struct{ sale *sale.Sale }

type exportedOrder struct {
	ID       string         `json:"id"`
	Event    ticket.EventID `json:"event"`
	State    string         `json:"state"`
	Amount   int64          `json:"amount"`
	Currency string         `json:"currency"`
	Created  time.Time      `json:"created"`
	Items    []exportedItem `json:"items"`
}

type exportedItem struct {
	Zone   uint16 `json:"zone"`
	Class  uint8  `json:"class"`
	Seat   string `json:"seat,omitempty"`
	Amount int64  `json:"amount"`
}

// exportPage is how many orders are read at once.
const exportPage = 100

// Export implements [account.Room].
func (o ownOrders) Export(ctx context.Context, id string) (any, error) {
	out := []exportedOrder{}
	before, beforeID := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "" // the newest first
	for {
		page, err := o.sale.History(ctx, id, before, beforeID, exportPage)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			v := exportedOrder{ID: r.ID, Event: r.Event, State: string(r.State), Amount: r.Amount, Currency: r.Currency, Created: r.Created.UTC()}
			for _, i := range r.Items {
				v.Items = append(v.Items, exportedItem{Zone: i.Zone, Class: i.Class, Seat: i.Seat, Amount: i.Amount})
			}
			out = append(out, v)
			before, beforeID = r.Created, r.ID
		}
		if len(page) < exportPage {
			return out, nil
		}
	}
}

// ownWaiting is where an account stood or stands in line, and what it was offered.
type ownWaiting struct{ sale sale.Waiting }

type exportedWaiting struct {
	Waits  []exportedWait  `json:"waits"`
	Offers []exportedOffer `json:"offers"`
}

type exportedWait struct {
	Event   ticket.EventID `json:"event"`
	Number  uint64         `json:"number"`
	Zone    uint16         `json:"zone"`
	Class   uint8          `json:"class"`
	Places  int            `json:"places"`
	State   string         `json:"state"`
	Created time.Time      `json:"created"`
}

type exportedOffer struct {
	ID      string         `json:"id"`
	Event   ticket.EventID `json:"event"`
	Zone    uint16         `json:"zone"`
	Class   uint8          `json:"class"`
	Places  int            `json:"places"`
	Seats   []string       `json:"seats,omitempty"` // while it is open
	State   string         `json:"state"`
	Order   string         `json:"order,omitempty"`
	Created time.Time      `json:"created"`
	Expires time.Time      `json:"expires"`
}

// exportAll is more than one person can have waited for.
const exportAll = 100_000

// Export implements [account.Room].
func (o ownWaiting) Export(ctx context.Context, id string) (any, error) {
	waits, err := o.sale.Waits(ctx, id, 0, exportAll)
	if err != nil {
		return nil, err
	}
	offers, err := o.sale.Offers(ctx, id, exportAll)
	if err != nil {
		return nil, err
	}
	out := exportedWaiting{Waits: make([]exportedWait, 0, len(waits)), Offers: make([]exportedOffer, 0, len(offers))}
	for _, w := range waits {
		out.Waits = append(out.Waits, exportedWait{
			Event: w.Event, Number: w.Number, Zone: w.Zone, Class: w.Class, Places: w.Places, State: string(w.State), Created: w.Created.UTC(),
		})
	}
	for _, f := range offers {
		out.Offers = append(out.Offers, exportedOffer{
			ID: f.ID, Event: f.Event, Zone: f.Zone, Class: f.Class, Places: f.Places, Seats: f.Seats, State: string(f.State), Order: f.Order,
			Created: f.Created.UTC(), Expires: f.Expires.UTC(),
		})
	}
	return out, nil
}

// ownIdentity is what an account has proved of itself, and what it has asked of
// relatives. It is opened after the accounts, so it is looked up when it is needed.
type ownIdentity struct{ s *server }

type exportedIdentity struct {
	DID         string             `json:"did,omitempty"`
	Credentials []exportedProof    `json:"credentials"`
	Transfers   []exportedTransfer `json:"transfers"`
	Asks        []exportedAsk      `json:"asks"`
}

type exportedProof struct {
	Issuer string    `json:"issuer"`
	Type   string    `json:"type"`
	State  string    `json:"state"`
	Stored time.Time `json:"stored"`
	JWT    string    `json:"jwt"`
}

type exportedTransfer struct {
	ID      string         `json:"id"`
	Event   ticket.EventID `json:"event"`
	Ticket  ticket.ID      `json:"ticket"`
	Given   bool           `json:"given"` // by this account; else to it
	State   string         `json:"state"`
	Created time.Time      `json:"created"`
}

type exportedAsk struct {
	ID        string         `json:"id"`
	Event     ticket.EventID `json:"event"`
	Zone      uint16         `json:"zone"`
	Class     uint8          `json:"class"`
	Seat      string         `json:"seat,omitempty"`
	MaxAmount int64          `json:"max_amount"`
	Asked     bool           `json:"asked"` // by this account; else of it
	State     string         `json:"state"`
	Created   time.Time      `json:"created"`
}

// Export implements [account.Room].
func (o ownIdentity) Export(ctx context.Context, id string) (any, error) {
	known := o.s.identity
	did, err := known.DID(ctx, id)
	if err != nil && !errors.Is(err, identity.ErrNoDID) {
		return nil, err
	}
	credentials, err := known.Credentials(ctx, id)
	if err != nil {
		return nil, err
	}
	transfers, err := known.Transfers(ctx, id)
	if err != nil {
		return nil, err
	}
	asks, err := known.Asks(ctx, id)
	if err != nil {
		return nil, err
	}
	out := exportedIdentity{
		DID: string(did.DID), Credentials: make([]exportedProof, 0, len(credentials)),
		Transfers: make([]exportedTransfer, 0, len(transfers)), Asks: make([]exportedAsk, 0, len(asks)),
	}
	for _, c := range credentials {
		out.Credentials = append(out.Credentials, exportedProof{
			Issuer: string(c.Verified.Issuer), Type: string(c.Verified.Type), State: string(c.State), Stored: c.Stored.UTC(), JWT: c.JWT,
		})
	}
	for _, t := range transfers {
		out.Transfers = append(out.Transfers, exportedTransfer{
			ID: t.ID, Event: t.Event, Ticket: t.Terms.Ticket, Given: t.Giver == id, State: string(t.State), Created: t.Created.UTC(),
		})
	}
	for _, a := range asks {
		out.Asks = append(out.Asks, exportedAsk{
			ID: a.ID, Event: a.Event, Zone: a.Zone, Class: a.Class, Seat: a.Seat, MaxAmount: a.MaxAmount, Asked: a.Asker == id,
			State: string(a.State), Created: a.Created.UTC(),
		})
	}
	return out, nil
}
