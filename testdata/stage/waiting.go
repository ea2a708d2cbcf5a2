package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Wait has the person wait for a place of a zone that is sold out.
func (p *Person) Wait(ctx context.Context, event ticket.EventID, seat Seat) error {
	return p.Call(ctx, "POST", "/v1/events/"+event.String()+"/waiting", map[string]any{"zone": seat.Zone, "class": seat.Class}, nil)
}

// Offer is a place that is kept for somebody who waited.
type Offer struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Expires time.Time `json:"expires"`
}

// AwaitOffer waits until the person is offered a place.
func (p *Person) AwaitOffer(ctx context.Context) (Offer, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var all struct {
			Offers []Offer `json:"offers"`
		}
		if err := p.Call(ctx, "GET", "/v1/wallet/offers", nil, &all); err != nil {
			return Offer{}, err
		}
		for _, o := range all.Offers {
			if o.State == "open" {
				return o, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Offer{}, fmt.Errorf("nothing was offered: %w", ctx.Err())
		}
	}
}

// Take accepts an offer for the person's own passkey, and pays with the sandbox.
func (p *Person) Take(ctx context.Context, o Offer) (*Bought, error) {
	as := caller{session: p.session}
	h, err := p.stage.holder(ctx, as, p.Wallet)
	if err != nil {
		return nil, err
	}
	return p.stage.order(ctx, as, "/v1/wallet/offers/"+o.ID+"/accept", p.Wallet, map[string]any{"holder": h})
}

// GiveBack returns an order for its money, as the event's terms allow.
func (p *Person) GiveBack(ctx context.Context, b *Bought) error {
	return p.Call(ctx, "POST", "/v1/orders/"+b.Order+"/refund", struct{}{}, nil)
}
