package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// holdBody asks for places in one of four ways: one place, count places alike, the
// seats that are named, or items that differ.
type holdBody struct {
	wantBody
	Quantity   *int        `json:"quantity"` // an older name of count
	Count      *int        `json:"count"`
	Seats      []string    `json:"seats"`
	Accessible int         `json:"accessible"` // how many of them need step-free entry
	Companions int         `json:"companions"` // how many of them come with those
	Adjacent   bool        `json:"adjacent"`   // side by side, or not at all
	Items      []itemBody  `json:"items"`
	Holder     *holderBody `json:"holder"`
}

// wantBody is one place.
type wantBody struct {
	Zone  uint16 `json:"zone"`
	Class uint8  `json:"class"`
	Seat  string `json:"seat"`
	Paper bool   `json:"paper"`
	Ask   string `json:"ask"` // what a relative asked for; instead of a holder
}

type itemBody struct {
	wantBody
	Accessible bool `json:"accessible"`
	Companion  bool `json:"companion"`
}

type holderBody struct {
	PublicKey         ticket.HolderKey `json:"public_key"`
	Challenge         bytes64          `json:"challenge"`
	ClientDataJSON    bytes64          `json:"client_data_json"`
	AuthenticatorData bytes64          `json:"authenticator_data"`
	Signature         bytes64          `json:"signature"`
}

func (h *holderBody) possession() *sale.Possession {
	if h == nil {
		return nil
	}
	return &sale.Possession{Key: h.PublicKey, Challenge: h.Challenge, Assertion: sale.Assertion{
		AuthenticatorData: h.AuthenticatorData, ClientDataJSON: h.ClientDataJSON, Signature: h.Signature,
	}}
}

func invalid(detail, hint string) error {
	return &detailError{code: "invalid_request", detail: detail, hint: hint}
}

// items lists the places that are asked for, in whichever way.
func (b *holdBody) items() ([]itemBody, error) {
	if b.Count == nil {
		b.Count = b.Quantity
	}
	switch {
	case len(b.Items) > 0 && (b.wantBody != wantBody{} || b.Count != nil || b.Seats != nil || b.Accessible != 0 || b.Companions != 0):
		return nil, invalid("items stand beside what they replace", "send items with adjacent and holder alone")
	case len(b.Items) > sale.MaxItems, len(b.Seats) > sale.MaxItems:
		return nil, sale.ErrTooMany
	case len(b.Items) > 0:
		return b.Items, nil
	case len(b.Seats) > 0 && (b.Count != nil || b.Seat != ""):
		return nil, invalid("seats stand beside count or seat", "send one of them")
	}
	count := 1
	switch {
	case len(b.Seats) > 0:
		count = len(b.Seats)
	case b.Count != nil:
		count = *b.Count
	}
	switch {
	case count < 1:
		return nil, invalid("count must be 1 or more", "")
	case count > sale.MaxItems:
		return nil, sale.ErrTooMany
	case count > 1 && (b.Seat != "" || b.Ask != ""):
		return nil, invalid("one seat, or one ask, for several places", "send items")
	case b.Accessible < 0 || b.Companions < 0 || b.Accessible > count || b.Companions > count-b.Accessible:
		return nil, invalid("accessible and companions are not among the places", "count counts them too")
	}
	out := make([]itemBody, count)
	for i := range out {
		out[i] = itemBody{wantBody: b.wantBody, Accessible: i < b.Accessible, Companion: i >= b.Accessible && i < b.Accessible+b.Companions}
		if len(b.Seats) > 0 {
			out[i].Seat, out[i].Accessible, out[i].Companion = b.Seats[i], b.Accessible > 0, b.Companions > 0
		}
	}
	return out, nil
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
	items, err := b.items()
	if err != nil {
		return 0, nil, err
	}
	return a.holdFor(ctx, c, sale.HoldRequest{
		Event: event, Together: b.Adjacent, Holder: b.Holder.possession(), Admission: c.GetHeader("Queue-Admission"),
	}, items)
}

// holdFor holds places for whoever asks.
func (a *API) holdFor(ctx context.Context, c *gin.Context, r sale.HoldRequest, items []itemBody) (_ int, _ any, err error) {
	p, signedIn := person(c)
	if signedIn && r.Holder != nil && !p.HasPasskey() {
		return 0, nil, account.ErrNoPasskey
	}
	if signedIn && r.Holder != nil && r.Holder.Key != p.Passkey.Key {
		return 0, nil, &detailError{code: "possession_not_proved", detail: "the key is not the passkey of this account"}
	}
	r.Owner = p.ID
	if signedIn {
		if r.ProvedAge, err = a.cfg.Identity.Age(ctx, p.ID); err != nil {
			return 0, nil, err
		}
	}
	for _, i := range items {
		w := sale.Want{Zone: i.Zone, Class: i.Class, Seat: i.Seat, Paper: i.Paper, Accessible: i.Accessible, Companion: i.Companion}
		switch {
		case len(i.Seat) > ticket.MaxSeatLen:
			return 0, nil, sale.ErrUnknownSeat
		case i.Ask != "" && !signedIn:
			return 0, nil, account.ErrSignedOut
		case i.Ask != "":
			if w.Ask, err = a.cfg.Identity.Authorise(ctx, p, i.Ask); err != nil {
				return 0, nil, err
			}
		}
		r.Items = append(r.Items, w)
	}
	o, secret, err := a.cfg.Till.Hold(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	v := a.viewOrder(&o)
	v.Secret = secret
	return http.StatusCreated, v, nil
}
