package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

type orderView struct {
	ID       string         `json:"id"`
	Secret   string         `json:"secret,omitempty"` // only when the order is made
	Event    ticket.EventID `json:"event"`
	Zone     uint16         `json:"zone"` // zone, class and seat are the first item's
	Class    uint8          `json:"class"`
	Seat     string         `json:"seat,omitempty"`
	Items    []itemView     `json:"items"`
	State    string         `json:"state"`
	Amount   int64          `json:"amount"`
	Currency string         `json:"currency"`
	Created  time.Time      `json:"created"`
	Expires  time.Time      `json:"expires"`
	Returned bool           `json:"money_returned,omitempty"`
	Tickets  []ticketView   `json:"tickets"`
}

type itemView struct {
	Zone       uint16 `json:"zone"`
	Class      uint8  `json:"class"`
	Seat       string `json:"seat,omitempty"`
	Paper      bool   `json:"paper,omitempty"`
	Ask        string `json:"ask,omitempty"` // what a relative asked for
	Accessible bool   `json:"accessible,omitempty"`
	Companion  bool   `json:"companion,omitempty"`
	Amount     int64  `json:"amount"`
}

func viewItem(i *sale.Item) itemView {
	return itemView{
		Zone: i.Zone, Class: i.Class, Seat: i.Seat, Paper: i.Holder.IsZero(), Ask: i.Ask, Amount: i.Amount,
		Accessible: i.Flags.Has(ticket.FlagAccessible), Companion: i.Flags.Has(ticket.FlagCompanion),
	}
}

type ticketView struct {
	ID       ticket.ID        `json:"id"`
	Signed   bytes64          `json:"signed,omitempty"`
	Event    ticket.EventID   `json:"event"`
	Zone     uint16           `json:"zone"`
	Class    uint8            `json:"class"`
	Seat     string           `json:"seat,omitempty"`
	Version  uint32           `json:"version,omitempty"`
	Holder   ticket.HolderKey `json:"holder,omitzero"`
	Status   string           `json:"status"`
	Withheld bool             `json:"withheld,omitempty"` // it belongs to somebody else
}

func (a *API) viewOrder(o *sale.Order) orderView {
	v := orderView{
		ID: o.ID, Event: o.Event, State: string(o.State), Items: make([]itemView, 0, len(o.Items)),
		Amount: o.Amount, Currency: o.Currency, Created: o.Created.UTC(), Expires: o.Expires.UTC(),
		Returned: o.Returned, Tickets: make([]ticketView, 0, len(o.Tickets)),
	}
	for n := range o.Items {
		v.Items = append(v.Items, viewItem(&o.Items[n]))
	}
	if first := v.Items; len(first) > 0 {
		v.Zone, v.Class, v.Seat = first[0].Zone, first[0].Class, first[0].Seat
	}
	if o.Expired(a.cfg.Now()) {
		v.State = "expired"
	}
	for _, i := range o.Tickets {
		t := i.Ticket
		v.Tickets = append(v.Tickets, ticketView{
			ID: t.ID, Signed: i.Signed, Event: t.Event, Zone: t.Zone, Class: t.Class, Seat: t.Seat,
			Version: t.Version, Holder: t.Holder, Status: i.Status.String(), Withheld: i.Withheld,
		})
	}
	return v
}

func (a *API) challenge(context.Context, *gin.Context) (int, any, error) {
	ch, err := a.cfg.Till.NewChallenge()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, gin.H{"challenge": bytes64(ch.Value), "expires": ch.Expires.UTC()}, nil
}

// payBody names the provider where the payment does not.
type payBody struct {
	Provider string `json:"provider"`
	Token    string `json:"token"`
}

// pay answers 202 while the provider has not said what came of it.
func (a *API) pay(ctx context.Context, c *gin.Context) (int, any, error) {
	var b payBody
	secret, err := paying(c, &b, &b.Token)
	if err != nil {
		return 0, nil, err
	}
	o, err := a.cfg.Till.Pay(ctx, c.Param("order"), secret, b.Provider, b.Token)
	return a.paid(ctx, c, secret, o, err)
}

func (a *API) order(ctx context.Context, c *gin.Context) (int, any, error) {
	secret, err := orderSecret(c)
	if err != nil {
		return 0, nil, err
	}
	o, err := a.cfg.Till.Order(ctx, c.Param("order"), secret)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.viewOrder(&o), nil
}

func (a *API) refund(ctx context.Context, c *gin.Context) (int, any, error) {
	o, err := a.cfg.Till.Refund(ctx, c.Param("order"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.viewOrder(&o), nil
}
