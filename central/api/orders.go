package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/pay"
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

type holdBody struct {
	Zone     uint16      `json:"zone"`
	Class    uint8       `json:"class"`
	Seat     string      `json:"seat"`
	Quantity *int        `json:"quantity"`
	Holder   *holderBody `json:"holder"`
	Paper    bool        `json:"paper"`
	Ask      string      `json:"ask"` // what a relative asked for; instead of a holder
}

type holderBody struct {
	PublicKey         ticket.HolderKey `json:"public_key"`
	Challenge         bytes64          `json:"challenge"`
	ClientDataJSON    bytes64          `json:"client_data_json"`
	AuthenticatorData bytes64          `json:"authenticator_data"`
	Signature         bytes64          `json:"signature"`
}

func (a *API) hold(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	var b holdBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	switch {
	case b.Quantity != nil && *b.Quantity != 1:
		return 0, nil, &detailError{code: "invalid_request", detail: "quantity must be 1", hint: "make one order for each ticket"}
	case len(b.Seat) > ticket.MaxSeatLen:
		return 0, nil, sale.ErrUnknownSeat
	}
	p, signedIn := person(c)
	if signedIn && b.Holder != nil && b.Holder.PublicKey != p.Passkey.Key {
		return 0, nil, &detailError{code: "possession_not_proved", detail: "the key is not the passkey of this account"}
	}
	r := sale.HoldRequest{Event: event, Zone: b.Zone, Class: b.Class, Seat: b.Seat, Paper: b.Paper, Owner: p.ID}
	if h := b.Holder; h != nil {
		r.Holder = &sale.Possession{Key: h.PublicKey, Challenge: h.Challenge, Assertion: sale.Assertion{
			AuthenticatorData: h.AuthenticatorData, ClientDataJSON: h.ClientDataJSON, Signature: h.Signature,
		}}
	}
	if signedIn {
		if r.ProvedAge, err = a.cfg.Identity.Age(ctx, p.ID); err != nil {
			return 0, nil, err
		}
	}
	if b.Ask != "" {
		if !signedIn {
			return 0, nil, account.ErrSignedOut
		}
		if r.Ask, err = a.cfg.Identity.Authorise(ctx, p, b.Ask); err != nil {
			return 0, nil, err
		}
	}
	o, secret, err := a.cfg.Till.Hold(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	v := a.viewOrder(&o)
	v.Secret = secret
	return http.StatusCreated, v, nil
}

type payBody struct {
	Provider string `json:"provider"`
	Token    string `json:"token"`
}

// pay answers 202 while the provider has not said what came of it.
func (a *API) pay(ctx context.Context, c *gin.Context) (int, any, error) {
	secret, err := orderSecret(c)
	if err != nil {
		return 0, nil, err
	}
	var b payBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	if len(b.Token) > pay.MaxToken {
		return 0, nil, pay.ErrBadToken
	}
	status := http.StatusOK
	o, err := a.cfg.Till.Pay(ctx, c.Param("order"), secret, b.Provider, b.Token)
	if errors.Is(err, sale.ErrPaymentPending) {
		status = http.StatusAccepted
		c.Header("Retry-After", "2")
		o, err = a.cfg.Till.Order(ctx, c.Param("order"), secret)
	}
	if err != nil {
		return 0, nil, err
	}
	return status, a.viewOrder(&o), nil
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
