package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// pastOrder is an order with the event that it is for.
type pastOrder struct {
	orderView
	Show ticketEvent `json:"show"`
}

// history lists the person's orders, newest first. Its cursor is time and id of the
// last of the page before.
func (a *API) history(ctx context.Context, c *gin.Context) (int, any, error) {
	after, limit, err := page(c)
	if err != nil {
		return 0, nil, err
	}
	before, id := time.UnixMilli(math.MaxInt64), ""
	if after != "" {
		ms, rest, ok := strings.Cut(after, "-")
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil || !ok {
			return 0, nil, codeError("invalid_cursor")
		}
		before, id = time.UnixMilli(n), rest
	}
	p, _ := person(c)
	all, err := a.cfg.Till.History(ctx, p.ID, before, id, limit)
	if err != nil {
		return 0, nil, err
	}
	l, last := a.lookup(), ""
	out := make([]pastOrder, 0, len(all))
	for i := range all {
		o := &all[i]
		e, err := l.event(ctx, o.Event)
		if err != nil {
			return 0, nil, err
		}
		out = append(out, pastOrder{a.viewOrder(o), viewEvent(e)})
		last = strconv.FormatInt(o.Created.UnixMilli(), 10) + "-" + o.ID
	}
	return http.StatusOK, list("orders", out, next(len(all), limit, last)), nil
}

// returnOrder gives an order back for who made it, within the event's terms.
func (a *API) returnOrder(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	o, err := a.cfg.Till.Return(ctx, c.Param("order"), p.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.viewOrder(&o), nil
}

// cancelEvent calls an event off. Asking again says how far the refunds have come.
func (a *API) cancelEvent(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	n, err := a.cfg.Till.Cancel(ctx, event)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"event": n.Event, "cancelled": n.Cancelled.UTC(), "open": n.Open}, nil
}
