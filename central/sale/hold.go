package sale

import (
	"context"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
)

// Possession proves that the buyer has the key that the ticket shall be bound to.
type Possession struct {
	Key       ticket.HolderKey
	Challenge []byte // from [Sale.NewChallenge]
	Assertion Assertion
}

// HoldRequest asks for one place.
type HoldRequest struct {
	Event  ticket.EventID
	Zone   uint16
	Class  uint8
	Seat   string      // empty for any place of the zone
	Holder *Possession // nil for paper, and with Ask
	Paper  bool        // true exactly when Holder and Ask are nil

	// Owner is the account that orders; empty if nobody is signed in.
	Owner string

	// ProvedAge is the age in years that Owner's credential proves; zero for none.
	ProvedAge uint8

	// Ask is what a relative of Owner asked for, or nil.
	Ask *Authorisation
}

// Authorisation lets one account order for another, who has proved possession of
// the key and agreed to the terms. The store holds the order to those.
type Authorisation struct {
	ID        string           // of the ask
	Owner     string           // account that the ticket will belong to
	Holder    ticket.HolderKey // its key
	ProvedAge uint8            // of that account
}

// Hold keeps a place for the buyer and returns the order with its secret, which
// is not kept and cannot be asked for again.
func (s *Sale) Hold(ctx context.Context, r HoldRequest) (Order, string, error) {
	event, err := s.cfg.Store.Rules(ctx, r.Event)
	if err != nil {
		return Order{}, "", err
	}
	now := s.cfg.Now()
	h := Hold{Event: r.Event, Zone: r.Zone, Class: r.Class, Seat: r.Seat, Expires: now.Add(s.cfg.Hold)}
	h.Owner, h.Keeper = r.Owner, r.Owner
	switch class, ok := event.Class(r.Class); {
	case now.Unix() >= event.Ends:
		return Order{}, "", ErrSaleClosed
	case !ok || class.Staff:
		return Order{}, "", ErrNotSold
	case count(r.Paper, r.Holder != nil, r.Ask != nil) != 1:
		return Order{}, "", ErrHolder
	case r.Paper && !class.Paper:
		return Order{}, "", ErrPaper
	case r.Ask != nil && (r.Owner == "" || r.Ask.Owner == "" || r.Ask.Holder.IsZero()):
		return Order{}, "", ErrAsk
	}
	proved := r.ProvedAge
	if a := r.Ask; a != nil {
		h.Ask, h.Keeper, h.Holder, proved = a.ID, a.Owner, a.Holder, a.ProvedAge
	}
	if !r.Paper { // a steward sees who comes with paper
		if h.Flags, err = aged(&event, 0, proved); err != nil {
			return Order{}, "", err
		}
	}
	if r.Holder != nil {
		if h.ChallengeExpires, err = s.checkChallenge(r.Holder.Challenge); err != nil {
			return Order{}, "", err
		}
		if err := s.cfg.Verifier.VerifyAssertion(event.RelyingParty, r.Holder.Key, r.Holder.Challenge, r.Holder.Assertion); err != nil {
			return Order{}, "", fmt.Errorf("%w: %w", ErrPossession, err)
		}
		h.Holder, h.Challenge = r.Holder.Key, r.Holder.Challenge
	}
	if h.Order, err = s.newID(); err != nil {
		return Order{}, "", err
	}
	secret, hash, err := s.newSecret()
	if err != nil {
		return Order{}, "", err
	}
	h.SecretHash = hash
	o, err := s.cfg.Store.Hold(ctx, h)
	if err != nil {
		return Order{}, "", err
	}
	return o, secret, nil
}

func count(all ...bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// Order returns an order to whoever has its secret. A wrong secret and an
// unknown order are the same [ErrUnknownOrder].
func (s *Sale) Order(ctx context.Context, id, secret string) (Order, error) {
	o, err := s.cfg.Store.Order(ctx, id)
	if err != nil {
		return Order{}, err
	}
	if !owns(&o, secret) {
		return Order{}, ErrUnknownOrder
	}
	return o, nil
}
