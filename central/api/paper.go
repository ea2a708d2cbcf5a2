package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/paper"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// sheets are the forms in which a paper ticket can be had, by the last element of
// the path.
func sheets() map[string]sheetForm {
	return map[string]sheetForm{
		"paper.pdf": {"application/pdf", paper.PDF},
		"paper.png": {"image/png", paper.PNG},
	}
}

type sheetForm struct {
	media string
	draw  func(io.Writer, paper.Sheet) error
}

// finder finds the ticket that a request for a sheet is about, if it may have it.
type finder func(ctx context.Context, c *gin.Context, id ticket.ID) (sale.Issued, ticket.Event, error)

// sheet answers with a paper ticket. Whoever has it can enter with it, so nothing
// on the way may keep it.
func (a *API) sheet(f sheetForm, find finder) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := ticket.ParseID(c.Param("ticket"))
		if err != nil {
			a.fail(c, sale.ErrUnknownTicket)
			return
		}
		t, event, err := find(c.Request.Context(), c, id)
		if err != nil {
			a.fail(c, err)
			return
		}
		lang := paper.Lang(c.DefaultQuery("lang", string(paper.Korean)))
		switch {
		case !t.Ticket.Paper():
			a.fail(c, codeError("ticket_not_paper"))
			return
		case t.Status != ticket.StatusValid:
			a.fail(c, sale.ErrTicketDead)
			return
		case lang != paper.Korean && lang != paper.English:
			a.fail(c, fmt.Errorf("language %q, want ko or en: %w", lang, ticket.ErrInvalid))
			return
		}
		var out bytes.Buffer
		if err := f.draw(&out, paper.Sheet{Event: &event, Ticket: &t.Ticket, Signed: t.Signed, Lang: lang}); err != nil {
			a.fail(c, err)
			return
		}
		c.Header("Cache-Control", "no-store")
		c.Data(http.StatusOK, f.media, out.Bytes())
	}
}

// orderedTicket is for whoever has the order's secret.
func (a *API) orderedTicket(ctx context.Context, c *gin.Context, id ticket.ID) (sale.Issued, ticket.Event, error) {
	secret, err := orderSecret(c)
	if err != nil {
		return sale.Issued{}, ticket.Event{}, err
	}
	o, err := a.cfg.Till.Order(ctx, c.Param("order"), secret)
	if err != nil {
		return sale.Issued{}, ticket.Event{}, err
	}
	n := slices.IndexFunc(o.Tickets, func(t sale.Issued) bool { return t.Ticket.ID == id })
	if n < 0 || o.Tickets[n].Withheld {
		return sale.Issued{}, ticket.Event{}, sale.ErrUnknownTicket
	}
	event, err := a.cfg.Till.Rules(ctx, o.Event)
	return o.Tickets[n], event, err
}

// ownedTicket is for the account that the ticket belongs to.
func (a *API) ownedTicket(ctx context.Context, c *gin.Context, id ticket.ID) (sale.Issued, ticket.Event, error) {
	t, err := a.cfg.Till.Ticket(ctx, id)
	if err != nil {
		return sale.Issued{}, ticket.Event{}, err
	}
	if p, ok := person(c); !ok || t.Owner == "" || t.Owner != p.ID {
		return sale.Issued{}, ticket.Event{}, sale.ErrUnknownTicket
	}
	return t.Issued, t.Event, nil
}
