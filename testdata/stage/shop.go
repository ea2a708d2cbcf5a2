package stage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/wallet"
)

// Seat is what is bought.
type Seat struct {
	Zone  uint16
	Class uint8
	Seat  string // empty where there are no seats
}

// Bought is one paid order of one ticket, and the wallet that holds it.
type Bought struct {
	Order  string
	ID     ticket.ID
	Signed []byte // the ticket as central signed it
	Wallet *wallet.Wallet
}

// Text is the code that the holder shows at a time: one act of the holder, and
// the session's code for that moment.
func (b *Bought) Text(at time.Time) (string, error) {
	s, err := b.Wallet.Rotating(b.ID, at)
	if err != nil {
		return "", err
	}
	return s.Text(at, nil)
}

// Buy orders one seat for a new holder without an account and pays with the
// sandbox.
func (s *Stage) Buy(ctx context.Context, event ticket.EventID, seat Seat) (*Bought, error) {
	w, err := s.newWallet()
	if err != nil {
		return nil, err
	}
	return s.buy(ctx, caller{}, event, w, seat)
}

// newWallet is a new phone.
func (s *Stage) newWallet() (*wallet.Wallet, error) {
	rp, err := s.RelyingParty()
	if err != nil {
		return nil, err
	}
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	return wallet.New(rp, seed)
}

// buy orders as somebody, or nobody, for the holder of a wallet.
func (s *Stage) buy(ctx context.Context, as caller, event ticket.EventID, w *wallet.Wallet, seat Seat) (*Bought, error) {
	h, err := s.holder(ctx, as, w)
	if err != nil {
		return nil, err
	}
	return s.order(ctx, as, ordersOf(event), w, orderRequest{Zone: seat.Zone, Class: seat.Class, Seat: seat.Seat, Holder: h})
}

func ordersOf(event ticket.EventID) string { return "/v1/events/" + event.String() + "/orders" }

// holder proves that the wallet is at hand, which tickets will be bound to.
func (s *Stage) holder(ctx context.Context, as caller, w *wallet.Wallet) (*holder, error) {
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := s.do(ctx, as, "POST", "/v1/challenges", struct{}{}, &asked); err != nil {
		return nil, err
	}
	challenge, err := base64.RawURLEncoding.DecodeString(asked.Challenge)
	if err != nil {
		return nil, err
	}
	proof, err := w.Possession(challenge)
	if err != nil {
		return nil, err
	}
	return &holder{
		PublicKey: w.HolderKey(), Challenge: asked.Challenge,
		ClientData: b64(proof.ClientDataJSON), AuthenticatorData: b64(proof.AuthenticatorData), Signature: b64(proof.Signature),
	}, nil
}

// BuyPaper orders one paper ticket.
func (s *Stage) BuyPaper(ctx context.Context, event ticket.EventID, seat Seat) (*Bought, error) {
	return s.order(ctx, caller{}, ordersOf(event), nil, orderRequest{Zone: seat.Zone, Class: seat.Class, Seat: seat.Seat, Paper: true})
}

// PaperText is the code on a paper ticket.
func (b *Bought) PaperText() string { return pass.PaperText(b.Signed) }

type orderRequest struct {
	Zone   uint16  `json:"zone"`
	Class  uint8   `json:"class"`
	Seat   string  `json:"seat,omitempty"`
	Holder *holder `json:"holder,omitempty"`
	Paper  bool    `json:"paper,omitempty"`
}

type holder struct {
	PublicKey         ticket.HolderKey `json:"public_key"`
	Challenge         string           `json:"challenge"`
	ClientData        string           `json:"client_data_json"`
	AuthenticatorData string           `json:"authenticator_data"`
	Signature         string           `json:"signature"`
}

// order has places held by a request to a path, and pays for them.
func (s *Stage) order(ctx context.Context, as caller, path string, w *wallet.Wallet, req any) (*Bought, error) {
	var held struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if err := s.do(ctx, as, "POST", path, req, &held); err != nil {
		return nil, err
	}
	pay := map[string]string{"provider": "sandbox", "token": "ok"}
	if err := s.call(ctx, "POST", "/v1/orders/"+held.ID+"/pay", held.Secret, pay, nil); err != nil {
		return nil, err
	}
	var paid struct {
		Tickets []struct {
			ID     ticket.ID `json:"id"`
			Signed string    `json:"signed"`
		} `json:"tickets"`
	}
	if err := s.call(ctx, "GET", "/v1/orders/"+held.ID, held.Secret, nil, &paid); err != nil {
		return nil, err
	}
	if len(paid.Tickets) != 1 {
		return nil, fmt.Errorf("order %s has %d tickets, want 1", held.ID, len(paid.Tickets))
	}
	signed, err := base64.RawURLEncoding.DecodeString(paid.Tickets[0].Signed)
	if err != nil {
		return nil, err
	}
	return &Bought{Order: held.ID, ID: paid.Tickets[0].ID, Signed: signed, Wallet: w}, nil
}

// Refund gives an order's money back, which revokes its tickets.
func (s *Stage) Refund(ctx context.Context, b *Bought) error {
	return s.call(ctx, "POST", "/admin/v1/orders/"+b.Order+"/refund", s.token, struct{}{}, nil)
}

// Publish makes central publish a new version of the event's set.
func (s *Stage) Publish(ctx context.Context, event ticket.EventID) error {
	return s.call(ctx, "POST", "/admin/v1/events/"+event.String()+"/publish", s.token, struct{}{}, nil)
}

// Side is one of the admissions of a conflict.
type Side struct {
	Device string    `json:"device"`
	Gate   string    `json:"gate"`
	Time   time.Time `json:"time"`
}

// Conflict is one ticket that two gates admitted.
type Conflict struct {
	Ticket ticket.ID `json:"ticket"`
	Winner Side      `json:"winner"`
	Others []Side    `json:"others"`
}

// Conflicts lists the event's conflicts.
func (s *Stage) Conflicts(ctx context.Context, event ticket.EventID) ([]Conflict, error) {
	var page struct {
		Conflicts []Conflict `json:"conflicts"`
	}
	err := s.call(ctx, "GET", "/admin/v1/events/"+event.String()+"/conflicts", s.token, nil, &page)
	return page.Conflicts, err
}
