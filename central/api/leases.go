package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/lease"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// Leases are the sessions in which codes are shown; *lease.Book is one.
type Leases interface {
	Begin(ctx context.Context, account string, id ticket.ID) (lease.Session, error)
	Beat(account string, id lease.ID) (expires time.Time, err error)
	End(account string, id lease.ID) error
}

// ErrNoReceipt is wrapped by a [Receipts]' error about a ticket whose entry, if
// there was one, is not known yet, or was not the account's.
var ErrNoReceipt = errors.New("no receipt")

// Receipt is a gate's signed word that a ticket entered.
type Receipt struct {
	Signed      []byte // see journal.OpenReceipt
	Certificate []byte // DER, of the device that signed
	Gate, Lane  string
	At          time.Time
}

// Receipts knows what gates signed for holders.
type Receipts interface {
	// Receipt returns the receipt of the first entry that the ticket made while it
	// belonged to the account, or an error wrapping [ErrNoReceipt].
	Receipt(ctx context.Context, account string, id ticket.ID) (Receipt, error)
}

func (a *API) leaseRoutes(v1 *gin.RouterGroup) {
	g := v1.Group("/wallet", a.person)
	g.POST("/leases", a.answer(a.beginLease))
	g.POST("/leases/:lease/beat", a.answer(a.beatLease))
	g.DELETE("/leases/:lease", a.answer(a.endLease))
	g.GET("/tickets/:ticket/receipt", a.answer(a.receipt))
}

type leaseBody struct {
	Ticket ticket.ID `json:"ticket"`
}

type leaseView struct {
	Lease   bytes64 `json:"lease"`
	Every   int64   `json:"every_ms"`   // how often to beat
	Expires int64   `json:"expires_ms"` // without a beat, from now
}

func (a *API) beginLease(ctx context.Context, c *gin.Context) (int, any, error) {
	var b leaseBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	s, err := a.cfg.Leases.Begin(ctx, p.ID, b.Ticket)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, leaseView{
		Lease: s.ID[:], Every: lease.BeatEvery.Milliseconds(), Expires: lease.Term.Milliseconds(),
	}, nil
}

// leaseParam is the session in the path. One that cannot be has lapsed as well as
// any: there is nothing else to do about it.
func leaseParam(c *gin.Context) (id lease.ID, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(c.Param("lease"))
	if err != nil || len(raw) != len(id) {
		return id, lease.ErrLapsed
	}
	return lease.ID(raw), nil
}

func (a *API) beatLease(_ context.Context, c *gin.Context) (int, any, error) {
	id, err := leaseParam(c)
	if err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if _, err := a.cfg.Leases.Beat(p.ID, id); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

func (a *API) endLease(_ context.Context, c *gin.Context) (int, any, error) {
	id, err := leaseParam(c)
	if err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	if err := a.cfg.Leases.End(p.ID, id); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

type receiptView struct {
	Receipt     bytes64   `json:"receipt"`
	Certificate bytes64   `json:"certificate"`
	Gate        string    `json:"gate"`
	Lane        string    `json:"lane"`
	At          time.Time `json:"at"`
}

func (a *API) receipt(ctx context.Context, c *gin.Context) (int, any, error) {
	id, err := ticket.ParseID(c.Param("ticket"))
	if err != nil {
		return 0, nil, sale.ErrUnknownTicket
	}
	p, _ := person(c)
	r, err := a.cfg.Receipts.Receipt(ctx, p.ID, id)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, receiptView{
		Receipt: r.Signed, Certificate: r.Certificate, Gate: r.Gate, Lane: r.Lane, At: r.At.UTC(),
	}, nil
}
