package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/wallet"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// maxHistory is how many of a token's actions are shown: the newest.
const maxHistory = 100

type tokenView struct {
	State     string            `json:"state"`
	Step      mint.State        `json:"step,omitempty"` // of what is being done
	Reason    mint.Reason       `json:"reason,omitempty"`
	Mode      mint.Mode         `json:"mode"`
	Claimable bool              `json:"claimable"`
	Sendable  bool              `json:"sendable"`
	Address   string            `json:"address,omitempty"`
	Link      string            `json:"link,omitempty"`
	Metadata  string            `json:"metadata,omitempty"`
	Owner     string            `json:"owner,omitempty"`
	OwnerLink string            `json:"owner_link,omitempty"`
	Wallet    string            `json:"wallet,omitempty"` // whose the owner's key is
	Fee       int64             `json:"fee"`
	Rent      int64             `json:"rent"`
	History   []tokenActionView `json:"history"`
}

type tokenActionView struct {
	Kind      mint.Kind   `json:"kind"`
	State     mint.State  `json:"state"`
	Reason    mint.Reason `json:"reason,omitempty"`
	To        string      `json:"to,omitempty"` // of what was sent
	Signature string      `json:"signature,omitempty"`
	Link      string      `json:"link,omitempty"`
	Slot      uint64      `json:"slot,omitempty"`
	Fee       int64       `json:"fee"`
	Rent      int64       `json:"rent"`
	Created   time.Time   `json:"created"`
	Changed   time.Time   `json:"changed"`
}

// ownFact is the ticket in the path with what is kept of its token, if the ticket is
// the person's.
func (a *API) ownFact(ctx context.Context, c *gin.Context) (mint.Fact, error) {
	p, _ := person(c)
	id, err := ticket.ParseID(c.Param("ticket"))
	if err != nil {
		return mint.Fact{}, sale.ErrUnknownTicket
	}
	facts, err := a.cfg.Mint.Store.Facts(ctx, []ticket.ID{id})
	if err != nil {
		return mint.Fact{}, err
	}
	if len(facts) != 1 || facts[0].Account == "" || facts[0].Account != p.ID {
		return mint.Fact{}, sale.ErrUnknownTicket
	}
	return facts[0], nil
}

func (a *API) token(ctx context.Context, c *gin.Context) (int, any, error) {
	f, err := a.ownFact(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	v, err := a.viewToken(ctx, &f)
	return http.StatusOK, v, err
}

func (a *API) viewToken(ctx context.Context, f *mint.Fact) (tokenView, error) {
	m, t := a.cfg.Mint, &f.Token
	v := tokenView{Mode: m.Mode, History: []tokenActionView{}}
	all, err := m.Store.History(ctx, f.Ticket.ID, maxHistory)
	if err != nil {
		return v, err
	}
	var open *mint.Action
	for i := range all {
		act := &all[i]
		v.History = append(v.History, m.viewAction(act))
		switch {
		case act.State == mint.Finalized:
			v.Fee, v.Rent = v.Fee+act.Fee, v.Rent+act.Rent
		case act.State.Open():
			open = act
		}
	}
	v.State = phase(f, m.Mode, open)
	if f.Token.Ticket.IsZero() { // the mint has not heard of it, or makes none for it
		if of, err := a.accreditation(ctx, &f.Ticket); err != nil {
			return v, err
		} else if of {
			v.State = "none"
		}
	}
	v.Claimable = v.State == "unclaimed"
	if v.State == "none" || v.Claimable {
		return v, nil
	}
	if open != nil {
		v.Step, v.Reason = open.State, open.Reason
	} else {
		v.Reason = t.Stuck
	}
	v.Address = t.Address
	v.Metadata = tokenPath + t.Address + ".json"
	if t.Is != mint.None || v.Step == mint.Confirmed {
		v.Link = fill(m.Link, "{address}", t.Address)
	}
	if t.Is == mint.Burned || t.Owner == "" {
		return v, nil
	}
	w, err := m.Wallets.Wallet(ctx, f.Account)
	if err != nil {
		return v, err
	}
	switch {
	case t.Owner == w.Kept:
		v.Wallet = string(wallet.Custodial)
	case t.Owner == w.Linked:
		v.Wallet = string(wallet.Outside)
	case t.Is == mint.Free: // they have sent it there
		v.Wallet = "other"
	default: // on its way from where it lies, which may be somebody else's wallet
		if v.State == "held" {
			v.State = "moving" // which the mint has yet to hear of
		}
		return v, nil
	}
	v.Owner, v.OwnerLink = t.Owner, fill(m.Link, "{address}", t.Owner)
	v.Sendable = v.State == "free" && t.Owner == w.Kept
	return v, nil
}

// accreditation reports whether a ticket is one of staff, for which there is no token.
func (a *API) accreditation(ctx context.Context, t *ticket.Ticket) (bool, error) {
	e, err := a.cfg.Till.Rules(ctx, t.Event)
	if err != nil {
		return false, err
	}
	class, _ := e.Class(t.Class)
	return class.Staff, nil
}

// phase is how a token stands, in the words of its holder.
func phase(f *mint.Fact, mode mint.Mode, open *mint.Action) string {
	t := &f.Token
	switch {
	case t.Is == mint.Burned:
		return "burned"
	case t.Stuck != mint.NoReason:
		return "delayed"
	case open != nil && open.Kind == mint.Send:
		return "sending"
	case t.Want == mint.Burned:
		return "burning"
	case t.Is == mint.None && (t.Want == mint.Held || t.Want == mint.Free):
		return "minting"
	case t.Is == mint.None && f.Status != ticket.StatusValid:
		return "none"
	case t.Is == mint.None && (mode == mint.Lazy || !t.Ticket.IsZero()): // or its event was over before it was made
		return "unclaimed"
	case t.Is == mint.None: // sold a moment ago
		return "minting"
	case t.Is == mint.Free:
		return "free"
	case t.Want == mint.Free:
		return "releasing"
	case !t.Settled():
		return "moving"
	}
	return "held"
}

func (m *Mint) viewAction(a *mint.Action) tokenActionView {
	v := tokenActionView{
		Kind: a.Kind, State: a.State, Reason: a.Reason, Signature: a.Signature, Link: fill(m.TxLink, "{signature}", a.Signature),
		Slot: a.Slot, Fee: a.Fee, Rent: a.Rent, Created: a.Created.UTC(), Changed: a.Changed.UTC(),
	}
	if a.Kind == mint.Send {
		v.To = a.To
	}
	return v
}

// fill puts a value into a link; there is none without a template or a value.
func fill(template, name, value string) string {
	if template == "" || value == "" {
		return ""
	}
	return strings.ReplaceAll(template, name, url.PathEscape(value))
}

func (a *API) claimToken(ctx context.Context, c *gin.Context) (int, any, error) {
	f, err := a.ownFact(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	if f.Status == ticket.StatusRefunded || f.Status == ticket.StatusRevoked {
		return 0, nil, sale.ErrTicketDead
	}
	if f.Token, err = a.cfg.Mint.Worker.Claim(ctx, f.Account, f.Ticket.ID); err != nil {
		return 0, nil, err
	}
	a.cfg.Mint.Changed()
	v, err := a.viewToken(ctx, &f)
	return http.StatusOK, v, err
}

type sendBody struct {
	To string `json:"to"`
}

func (a *API) sendToken(ctx context.Context, c *gin.Context) (int, any, error) {
	var b sendBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	f, err := a.ownFact(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	if err := a.cfg.Mint.Wallets.CheckOutside(ctx, b.To); err != nil {
		return 0, nil, err
	}
	act, err := a.cfg.Mint.Worker.Send(ctx, f.Account, f.Ticket.ID, b.To)
	if err != nil {
		return 0, nil, err
	}
	a.cfg.Mint.Worker.Wake()
	return http.StatusAccepted, a.cfg.Mint.viewAction(&act), nil
}

// tokenProof gives out the proof that a ticket stands under a root on chain.
func (a *API) tokenProof(ctx context.Context, c *gin.Context) (int, any, error) {
	f, err := a.ownFact(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	p, err := a.cfg.Mint.Proofs.Proof(ctx, f.Ticket.ID)
	return http.StatusOK, &p, err
}
