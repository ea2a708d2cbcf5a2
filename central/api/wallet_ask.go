package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

type askView struct {
	ID        string         `json:"id"`
	Direction string         `json:"direction"` // in or out
	Event     ticketEvent    `json:"event"`
	Zone      namedView      `json:"zone"`
	Class     namedView      `json:"class"`
	Seat      string         `json:"seat,omitempty"`
	To        credential.DID `json:"to"`             // of who is asked
	Name      string         `json:"name,omitempty"` // of the other side
	MaxAmount int64          `json:"max_amount"`
	Currency  string         `json:"currency"`
	State     string         `json:"state"`
	Booked    bool           `json:"booked"` // an order holds a place for it
	Created   time.Time      `json:"created"`
	Expires   time.Time      `json:"expires"`
}

func (l *lookup) ask(ctx context.Context, me string, k *identity.Ask) (askView, error) {
	e, err := l.event(ctx, k.Event)
	if err != nil {
		return askView{}, err
	}
	direction, them := other(me, k.Asker, k.Booker)
	name, err := l.name(ctx, them)
	if err != nil {
		return askView{}, err
	}
	to, err := l.api.cfg.Identity.DID(ctx, k.Booker)
	if err != nil && !errors.Is(err, identity.ErrNoDID) {
		return askView{}, err
	}
	v := askView{
		ID: k.ID, Direction: direction, Event: viewEvent(e), Zone: zoneNamed(e, k.Zone), Class: classNamed(e, k.Class), Seat: k.Seat,
		To: to.DID, Name: name, MaxAmount: k.MaxAmount, Currency: k.Currency, State: string(k.State),
		Created: k.Created.UTC(), Expires: k.Expires.UTC(),
	}
	switch k.State { //nolint:exhaustive // the others go by their own names
	case identity.AskOpen:
		v.State = "pending"
	case identity.AskBooked:
		v.State, v.Booked = "pending", true
	case identity.AskDone:
		v.State = "fulfilled"
	}
	return v, nil
}

func (a *API) asks(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Identity.Asks(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	l, out := a.lookup(), make([]askView, 0, len(all))
	for i := range all {
		v, err := l.ask(ctx, p.ID, &all[i])
		if err != nil {
			return 0, nil, err
		}
		out = append(out, v)
	}
	return http.StatusOK, gin.H{"asks": out}, nil
}

type askBody struct {
	Event     ticket.EventID `json:"event"`
	Zone      uint16         `json:"zone"`
	Class     uint8          `json:"class"`
	Seat      string         `json:"seat"`
	To        credential.DID `json:"to"`
	MaxAmount int64          `json:"max_amount"`
	assertionBody
}

func (a *API) ask(ctx context.Context, c *gin.Context) (int, any, error) {
	var b askBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	k, err := a.cfg.Identity.AskFor(ctx, p, identity.Wish{
		Event: b.Event, Zone: b.Zone, Class: b.Class, Seat: b.Seat, To: b.To, MaxAmount: b.MaxAmount,
		Challenge: b.Challenge, Assertion: b.assertion(),
	})
	if err != nil {
		return 0, nil, err
	}
	v, err := a.lookup().ask(ctx, p.ID, &k)
	return http.StatusCreated, v, err
}

func (a *API) declineAsk(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	return http.StatusNoContent, nil, a.cfg.Identity.DeclineAsk(ctx, p, c.Param("ask"))
}

func (a *API) cancelAsk(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	return http.StatusNoContent, nil, a.cfg.Identity.CancelAsk(ctx, p, c.Param("ask"))
}
