package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

type transferView struct {
	ID        string           `json:"id"`
	Direction string           `json:"direction"` // in or out
	Ticket    ticket.ID        `json:"ticket"`
	Version   uint32           `json:"version"`
	FromKey   ticket.HolderKey `json:"from_key"`
	ToKey     ticket.HolderKey `json:"to_key"`
	Name      string           `json:"name,omitempty"` // of the other side
	Event     ticketEvent      `json:"event"`
	Zone      namedView        `json:"zone"`
	Class     namedView        `json:"class"`
	Seat      string           `json:"seat,omitempty"`
	State     string           `json:"state"`
	Created   time.Time        `json:"created"`
	Expires   time.Time        `json:"expires"`
}

// lookup remembers, for one request, what views of several things share.
type lookup struct {
	api    *API
	events map[ticket.EventID]*ticket.Event
	names  map[string]string
}

func (a *API) lookup() *lookup {
	return &lookup{api: a, events: map[ticket.EventID]*ticket.Event{}, names: map[string]string{}}
}

func (l *lookup) event(ctx context.Context, id ticket.EventID) (*ticket.Event, error) {
	if e := l.events[id]; e != nil {
		return e, nil
	}
	e, err := l.api.cfg.Till.Rules(ctx, id)
	if err != nil {
		return nil, err
	}
	l.events[id] = &e
	return &e, nil
}

func (l *lookup) name(ctx context.Context, account string) (string, error) {
	if n, ok := l.names[account]; ok {
		return n, nil
	}
	n, err := l.api.cfg.Identity.Name(ctx, account)
	if err == nil {
		l.names[account] = n
	}
	return n, err
}

// other says which side of an agreement somebody is on, and who is on the other.
func other(me, from, to string) (direction, account string) {
	if me == to {
		return "in", from
	}
	return "out", to
}

func (l *lookup) transfer(ctx context.Context, me string, t *identity.Transfer) (transferView, error) {
	e, err := l.event(ctx, t.Event)
	if err != nil {
		return transferView{}, err
	}
	direction, them := other(me, t.Giver, t.Receiver)
	name, err := l.name(ctx, them)
	v := transferView{
		ID: t.ID, Direction: direction, Ticket: t.Terms.Ticket, Version: t.Terms.Version, FromKey: t.Terms.From, ToKey: t.Terms.To,
		Name: name, Event: viewEvent(e), Zone: zoneNamed(e, t.Zone), Class: classNamed(e, t.Class), Seat: t.Seat,
		State: string(t.State), Created: t.Created.UTC(), Expires: t.Expires.UTC(),
	}
	switch t.State { //nolint:exhaustive // the others go by their own names
	case identity.TransferOpen:
		v.State = "pending"
	case identity.TransferOvertaken:
		v.State = "void"
	}
	return v, err
}

func (a *API) transfers(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Identity.Transfers(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	l, out := a.lookup(), make([]transferView, 0, len(all))
	for i := range all {
		v, err := l.transfer(ctx, p.ID, &all[i])
		if err != nil {
			return 0, nil, err
		}
		out = append(out, v)
	}
	return http.StatusOK, gin.H{"transfers": out}, nil
}

type giveBody struct {
	Ticket ticket.ID      `json:"ticket"`
	To     credential.DID `json:"to"`
	assertionBody
}

func (a *API) give(ctx context.Context, c *gin.Context) (int, any, error) {
	var b giveBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	t, err := a.cfg.Identity.Give(ctx, p, identity.Offer{Ticket: b.Ticket, To: b.To, Challenge: b.Challenge, Assertion: b.assertion()})
	if err != nil {
		return 0, nil, err
	}
	v, err := a.lookup().transfer(ctx, p.ID, &t)
	return http.StatusCreated, v, err
}

func (a *API) acceptTransfer(ctx context.Context, c *gin.Context) (int, any, error) {
	var b assertionBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if _, err := a.cfg.Identity.Accept(ctx, p, c.Param("transfer"), b.Challenge, b.assertion()); err != nil {
		return 0, nil, err
	}
	return a.transferNow(ctx, c, p)
}

func (a *API) declineTransfer(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	if err := a.cfg.Identity.Decline(ctx, p, c.Param("transfer")); err != nil {
		return 0, nil, err
	}
	return a.transferNow(ctx, c, p)
}

func (a *API) cancelTransfer(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	if err := a.cfg.Identity.Cancel(ctx, p, c.Param("transfer")); err != nil {
		return 0, nil, err
	}
	return a.transferNow(ctx, c, p)
}

func (a *API) transferNow(ctx context.Context, c *gin.Context, p account.Person) (int, any, error) {
	t, err := a.cfg.Identity.Transfer(ctx, p, c.Param("transfer"))
	if err != nil {
		return 0, nil, err
	}
	v, err := a.lookup().transfer(ctx, p.ID, &t)
	return http.StatusOK, v, err
}
