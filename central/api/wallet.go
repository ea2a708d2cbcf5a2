package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// Identity is what holders have proved about themselves as the API needs it;
// *identity.Identity is one.
type Identity interface {
	Enrol(ctx context.Context, p account.Person, e identity.Enrolment) (identity.Identifier, error)
	DID(ctx context.Context, account string) (identity.Identifier, error)
	Name(ctx context.Context, account string) (string, error)
	AddCredential(ctx context.Context, p account.Person, jwt string) (identity.Credential, error)
	Credentials(ctx context.Context, account string) ([]identity.Credential, error)
	RemoveCredential(ctx context.Context, account string, number uint64) error
	Age(ctx context.Context, account string) (uint8, error)
	Family(ctx context.Context, account string) ([]identity.Relative, error)

	Give(ctx context.Context, p account.Person, o identity.Offer) (identity.Transfer, error)
	Transfer(ctx context.Context, p account.Person, id string) (identity.Transfer, error)
	Transfers(ctx context.Context, account string) ([]identity.Transfer, error)
	Accept(ctx context.Context, p account.Person, id string, challenge []byte, as account.Assertion) (sale.Issued, error)
	Decline(ctx context.Context, p account.Person, id string) error
	Cancel(ctx context.Context, p account.Person, id string) error

	AskFor(ctx context.Context, p account.Person, w identity.Wish) (identity.Ask, error)
	Asks(ctx context.Context, account string) ([]identity.Ask, error)
	DeclineAsk(ctx context.Context, p account.Person, id string) error
	CancelAsk(ctx context.Context, p account.Person, id string) error
	Authorise(ctx context.Context, p account.Person, id string) (*sale.Authorisation, error)

	Issuers(ctx context.Context) ([]trust.Issuer, error)
	SaveIssuer(ctx context.Context, is trust.Issuer) (announced bool, err error)
	DropIssuer(ctx context.Context, did credential.DID) (announced bool, err error)
	SaveStatusList(ctx context.Context, url, jwt string) (revoked int, err error)
}

// walletRoutes are those of people who are signed in; walletAdminRoutes those of
// the organiser about whose credentials are believed.
func (a *API) walletRoutes(v1 *gin.RouterGroup) {
	g := v1.Group("/wallet", a.person)
	g.GET("/tickets", a.answer(a.walletTickets))
	g.POST("/did", a.answer(a.enrolDID))
	g.GET("/credentials", a.answer(a.credentials))
	g.POST("/credentials", a.answer(a.addCredential))
	g.DELETE("/credentials/:credential", a.answer(a.removeCredential))
	g.GET("/family", a.answer(a.family))
	g.GET("/transfers", a.answer(a.transfers))
	g.POST("/transfers", a.answer(a.give))
	g.POST("/transfers/:transfer/accept", a.answer(a.acceptTransfer))
	g.POST("/transfers/:transfer/decline", a.answer(a.declineTransfer))
	g.POST("/transfers/:transfer/cancel", a.answer(a.cancelTransfer))
	g.GET("/asks", a.answer(a.asks))
	g.POST("/asks", a.answer(a.ask))
	g.POST("/asks/:ask/decline", a.answer(a.declineAsk))
	g.POST("/asks/:ask/cancel", a.answer(a.cancelAsk))
}

func (a *API) walletAdminRoutes(admin *gin.RouterGroup) {
	admin.GET("/issuers", a.answer(a.issuers))
	admin.POST("/issuers", a.answer(a.saveIssuer))
	admin.DELETE("/issuers/:did", a.answer(a.dropIssuer))
	admin.POST("/status-lists", a.answer(a.saveStatusList))
}

type namedView struct {
	ID   uint16 `json:"id"`
	Name string `json:"name"`
}

func zoneNamed(e *ticket.Event, id uint16) namedView {
	z, _ := e.Zone(id)
	return namedView{ID: id, Name: z.Name}
}

func classNamed(e *ticket.Event, id uint8) namedView {
	c, _ := e.Class(id)
	return namedView{ID: uint16(id), Name: c.Name}
}

// ticketEvent is an event as far as a phone needs it.
type ticketEvent struct {
	ID              ticket.EventID      `json:"id"`
	Name            string              `json:"name"`
	Venue           string              `json:"venue"`
	Timezone        string              `json:"timezone"`
	Doors           time.Time           `json:"doors"`
	Starts          time.Time           `json:"starts"`
	Ends            time.Time           `json:"ends"`
	RelyingParty    ticket.RelyingParty `json:"relying_party"`
	AlwaysChallenge bool                `json:"always_challenge"`
	Leases          string              `json:"leases"`
	MinimumAge      uint8               `json:"minimum_age,omitempty"`
}

func viewEvent(e *ticket.Event) ticketEvent {
	return ticketEvent{
		ID: e.ID, Name: e.Name, Venue: e.Venue, Timezone: e.Timezone,
		Doors: unixTime(e.Doors), Starts: unixTime(e.Starts), Ends: unixTime(e.Ends),
		RelyingParty: e.RelyingParty, AlwaysChallenge: e.AlwaysChallenge, Leases: e.Leases.String(), MinimumAge: e.MinimumAge,
	}
}

type walletTicket struct {
	ID       ticket.ID        `json:"id"`
	Event    ticketEvent      `json:"event"`
	Zone     namedView        `json:"zone"`
	Class    namedView        `json:"class"`
	Seat     string           `json:"seat,omitempty"`
	Signed   bytes64          `json:"signed,omitempty"`
	Version  uint32           `json:"version"`
	Status   string           `json:"status"`
	Holder   ticket.HolderKey `json:"holder,omitzero"`
	State    string           `json:"state"`
	Bound    time.Time        `json:"bound,omitzero"`
	Admitted *entranceView    `json:"admitted,omitempty"`
	Receipt  bool             `json:"receipt"`
	Form     string           `json:"form"`
}

type entranceView struct {
	At   time.Time `json:"at"`
	Gate string    `json:"gate"`
	Lane string    `json:"lane"`
}

// walletTickets lists what is the person's, and what was. It tells the time as
// well: a phone corrects its clock by it.
func (a *API) walletTickets(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	owned, err := a.cfg.Till.Owned(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	out := make([]walletTicket, 0, len(owned))
	for i := range owned {
		out = append(out, viewOwned(&owned[i]))
	}
	return http.StatusOK, gin.H{"now": a.cfg.Now().UnixMilli(), "tickets": out}, nil
}

func viewOwned(o *sale.OwnedTicket) walletTicket {
	t := &o.Ticket
	v := walletTicket{
		ID: t.ID, Event: viewEvent(&o.Event), Zone: zoneNamed(&o.Event, t.Zone), Class: classNamed(&o.Event, t.Class), Seat: t.Seat,
		Signed: o.Signed, Version: t.Version, Status: o.Status.String(), Holder: t.Holder, State: string(o.State),
		Receipt: o.Receipt, Form: "passkey",
	}
	if !o.Bound.IsZero() {
		v.Bound = o.Bound.UTC()
	}
	if o.Admitted != nil {
		v.Admitted = &entranceView{At: o.Admitted.At.UTC(), Gate: o.Admitted.Gate, Lane: o.Admitted.Lane}
	}
	class, _ := o.Event.Class(t.Class)
	switch {
	case class.Staff:
		v.Form = "staff"
	case t.Paper() && o.State != sale.TicketMoved: // what moves is never on paper
		v.Form = "paper"
	}
	return v
}

type didBody struct {
	DID          credential.DID `json:"did"`
	DIDSignature bytes64        `json:"did_signature"`
	assertionBody
}

func (a *API) enrolDID(ctx context.Context, c *gin.Context) (int, any, error) {
	var b didBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	d, err := a.cfg.Identity.Enrol(ctx, p, identity.Enrolment{
		DID: b.DID, Challenge: b.Challenge, Signature: b.DIDSignature, Assertion: b.assertion(),
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gin.H{"did": d.DID}, nil
}

type credentialView struct {
	ID         string           `json:"id"`
	Type       credential.Type  `json:"type"`
	Issuer     credential.DID   `json:"issuer"`
	IssuerName string           `json:"issuer_name,omitempty"`
	Issued     time.Time        `json:"issued"`
	Expires    time.Time        `json:"expires"`
	Revoked    bool             `json:"revoked"`
	Relation   string           `json:"relation,omitempty"`
	Relative   credential.DID   `json:"relative,omitempty"`
	Over       uint8            `json:"over,omitempty"`
	Role       string           `json:"role,omitempty"`
	Events     []ticket.EventID `json:"events,omitempty"`
}

func viewCredential(k *identity.Credential, issuers []trust.Issuer) credentialView {
	v := k.Verified
	out := credentialView{
		ID: strconv.FormatUint(k.Number, 10), Type: v.Type, Issuer: v.Issuer, Issued: v.Issued.UTC(), Expires: v.Expires.UTC(),
		Revoked: k.State == identity.Revoked,
	}
	for i := range issuers {
		if issuers[i].DID == string(v.Issuer) {
			out.IssuerName = issuers[i].Name
		}
	}
	switch {
	case v.Family != nil:
		out.Relation, out.Relative = v.Family.Relation, v.Family.Relative
	case v.Age != nil:
		out.Over = v.Age.Over
	case v.Staff != nil:
		out.Role, out.Events = v.Staff.Role, v.Staff.Events
	}
	return out
}

// credentials lists those that count or have been revoked; what its owner removed,
// or says something about an identifier of the past, is nobody's business.
func (a *API) credentials(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Identity.Credentials(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	issuers, err := a.cfg.Identity.Issuers(ctx)
	if err != nil {
		return 0, nil, err
	}
	out := make([]credentialView, 0, len(all))
	for i := range all {
		if s := all[i].State; s == identity.Valid || s == identity.Revoked {
			out = append(out, viewCredential(&all[i], issuers))
		}
	}
	return http.StatusOK, gin.H{"credentials": out}, nil
}

type credentialText struct {
	JWT string `json:"jwt"`
}

func (a *API) addCredential(ctx context.Context, c *gin.Context) (int, any, error) {
	var b credentialText
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	p, _ := person(c)
	k, err := a.cfg.Identity.AddCredential(ctx, p, b.JWT)
	if err != nil {
		return 0, nil, err
	}
	issuers, err := a.cfg.Identity.Issuers(ctx)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, viewCredential(&k, issuers), nil
}

func (a *API) removeCredential(ctx context.Context, c *gin.Context) (int, any, error) {
	number, err := strconv.ParseUint(c.Param("credential"), 10, 63)
	if err != nil {
		return 0, nil, identity.ErrUnknownCredential
	}
	p, _ := person(c)
	return http.StatusNoContent, nil, a.cfg.Identity.RemoveCredential(ctx, p.ID, number)
}

type relativeView struct {
	DID           credential.DID   `json:"did"`
	PublicKey     ticket.HolderKey `json:"public_key"` // of the passkey that the terms of a transfer name
	Relation      string           `json:"relation"`
	Name          string           `json:"name"`
	VerifiedUntil time.Time        `json:"verified_until"`
}

func (a *API) family(ctx context.Context, c *gin.Context) (int, any, error) {
	p, _ := person(c)
	all, err := a.cfg.Identity.Family(ctx, p.ID)
	if err != nil {
		return 0, nil, err
	}
	out := make([]relativeView, 0, len(all))
	for _, r := range all {
		out = append(out, relativeView{
			DID: r.DID, PublicKey: r.Key, Relation: r.Relation, Name: r.Name, VerifiedUntil: r.Until.UTC(),
		})
	}
	return http.StatusOK, gin.H{"family": out}, nil
}
