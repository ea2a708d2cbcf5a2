package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// Line is the sale's part for those who wait and those who give back, as the API
// needs it; *sale.Sale is one.
type Line interface {
	WaitFor(ctx context.Context, w sale.Wait) (sale.Wait, error)
	Waits(ctx context.Context, account string, event ticket.EventID) ([]sale.Wait, error)
	Leave(ctx context.Context, account string, event ticket.EventID, zone uint16) error
	Offered(ctx context.Context, account string) ([]sale.Offer, error)
	Offer(ctx context.Context, account, id string) (sale.Offer, error)
	Decline(ctx context.Context, account, id string) error

	History(ctx context.Context, account string, before time.Time, beforeID string, limit int) ([]sale.Order, error)
	Return(ctx context.Context, id, account string) (sale.Order, error)
	Cancel(ctx context.Context, event ticket.EventID) (sale.Cancellation, error)
}

// lineRoutes are those of people who wait, and of what they have ordered before.
func (a *API) lineRoutes(v1, admin *gin.RouterGroup) {
	v1.GET("/events/:event/waiting", a.person, a.answer(a.waits))
	v1.POST("/events/:event/waiting", a.person, a.answer(a.wait))
	v1.DELETE("/events/:event/waiting", a.person, a.answer(a.leave))
	v1.GET("/wallet/offers", a.person, a.answer(a.offers))
	v1.POST("/wallet/offers/:offer/accept", a.person, a.once(a.acceptOffer))
	v1.POST("/wallet/offers/:offer/decline", a.person, a.answer(a.declineOffer))
	v1.GET("/wallet/orders", a.person, a.answer(a.history))
	v1.POST("/orders/:order/refund", a.person, a.once(a.returnOrder))
	admin.POST("/events/:event/cancel", a.answer(a.cancelEvent))
}

type waitView struct {
	Event   ticket.EventID `json:"event"`
	Number  uint64         `json:"number"`
	Zone    uint16         `json:"zone"`
	Class   uint8          `json:"class"`
	Places  int            `json:"places"`
	State   sale.WaitState `json:"state"`
	Ahead   int            `json:"ahead"`
	Created time.Time      `json:"created"`
}

func viewWait(w *sale.Wait) waitView {
	return waitView{
		Event: w.Event, Number: w.Number, Zone: w.Zone, Class: w.Class, Places: w.Places, State: w.State, Ahead: w.Ahead, Created: w.Created.UTC(),
	}
}

type waitBody struct {
	Zone   uint16 `json:"zone"`
	Class  uint8  `json:"class"`
	Places *int   `json:"places"` // 1 if left out
}

// wait puts whoever asks in line; asking again changes nothing.
func (a *API) wait(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	var b waitBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	w := sale.Wait{Event: event, Zone: b.Zone, Class: b.Class, Account: p.ID, Places: 1}
	if b.Places != nil {
		w.Places = *b.Places
	}
	if w, err = a.cfg.Till.WaitFor(ctx, w); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, viewWait(&w), nil
}

func (a *API) waits(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	if _, err := a.cfg.Till.Rules(ctx, event); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	all, err := a.cfg.Till.Waits(ctx, p.ID, event)
	if err != nil {
		return 0, nil, err
	}
	out := make([]waitView, 0, len(all))
	for i := range all {
		out = append(out, viewWait(&all[i]))
	}
	return http.StatusOK, gin.H{"waiting": out}, nil
}

func (a *API) leave(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	zone := uint64(0)
	if s := c.Query("zone"); s != "" {
		if zone, err = strconv.ParseUint(s, 10, 16); err != nil {
			return 0, nil, invalid("zone must be a number from the event's zones", "")
		}
	}
	p, _ := person(c)
	return http.StatusNoContent, nil, a.cfg.Till.Leave(ctx, p.ID, event, uint16(zone))
}

type offerView struct {
	ID      string          `json:"id"`
	Event   ticketEvent     `json:"event"`
	Zone    namedView       `json:"zone"`
	Class   namedView       `json:"class"`
	Places  int             `json:"places"`
	Seats   []string        `json:"seats,omitempty"`
	State   sale.OfferState `json:"state"`
	Created time.Time       `json:"created"`
	Expires time.Time       `json:"expires"`
	Order   string          `json:"order,omitempty"`
}

func (a *API) offers(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Till.Offered(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	l, out := a.lookup(), make([]offerView, 0, len(all))
	for _, o := range all {
		e, err := l.event(ctx, o.Event)
		if err != nil {
			return 0, nil, err
		}
		out = append(out, offerView{
			ID: o.ID, Event: viewEvent(e), Zone: zoneNamed(e, o.Zone), Class: classNamed(e, o.Class), Places: o.Places, Seats: o.Seats,
			State: o.State, Created: o.Created.UTC(), Expires: o.Expires.UTC(), Order: o.Order,
		})
	}
	return http.StatusOK, gin.H{"offers": out}, nil
}

// acceptBody says what the tickets shall be: all alike, or each as its item says.
type acceptBody struct {
	Class  *uint8       `json:"class"` // the one that was waited for, if left out
	Paper  bool         `json:"paper"`
	Ask    string       `json:"ask"`
	Items  []acceptItem `json:"items"`
	Holder *holderBody  `json:"holder"`
}

type acceptItem struct {
	Class *uint8 `json:"class"`
	Paper bool   `json:"paper"`
	Ask   string `json:"ask"`
}

func (a *API) acceptOffer(ctx context.Context, c *gin.Context) (int, any, error) {
	var b acceptBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	o, err := a.cfg.Till.Offer(ctx, p.ID, c.Param("offer"))
	if err != nil {
		return 0, nil, err
	}
	items := b.Items
	switch {
	case len(items) == 0:
		for range o.Places {
			items = append(items, acceptItem{b.Class, b.Paper, b.Ask})
		}
	case len(items) != o.Places:
		return 0, nil, invalid("there are "+strconv.Itoa(len(items))+" items, and "+strconv.Itoa(o.Places)+" places", "send one item for each place, or none")
	}
	wants := make([]itemBody, 0, len(items))
	for _, i := range items {
		w := wantBody{Zone: o.Zone, Class: o.Class, Paper: i.Paper, Ask: i.Ask}
		if i.Class != nil {
			w.Class = *i.Class
		}
		wants = append(wants, itemBody{wantBody: w})
	}
	return a.holdFor(ctx, c, sale.HoldRequest{Event: o.Event, Offer: o.ID, Holder: b.Holder.possession()}, wants)
}

func (a *API) declineOffer(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	return http.StatusNoContent, nil, a.cfg.Till.Decline(ctx, p.ID, c.Param("offer"))
}
