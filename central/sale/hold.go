package sale

import (
	"context"
	"fmt"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// Possession proves that the buyer has the key that the ticket shall be bound to.
type Possession struct {
	Key       ticket.HolderKey
	Challenge []byte // from [Sale.NewChallenge]
	Assertion Assertion
}

// HoldRequest asks for one place, or for several at once: all of them are held, or
// none.
type HoldRequest struct {
	Event ticket.EventID

	// What is asked for, when it is one place; see [Want].
	Zone  uint16
	Class uint8
	Seat  string
	Paper bool
	Ask   *Authorisation

	// Items asks for several places, one to [MaxItems]; the fields above are not
	// looked at then. Empty asks for the one place that they name.
	Items []Want

	// Together refuses places that are not side by side, of those in one zone that
	// name no seat. Without it they are side by side where that can be had.
	Together bool

	// Holder is whose key all tickets will be bound to that are neither on paper
	// nor asked for by a relative; nil if there are none of those.
	Holder *Possession

	// Owner is the account that orders; empty if nobody is signed in.
	Owner string

	// ProvedAge is the age in years that Owner's credential proves; zero for none.
	ProvedAge uint8

	// Admission is what the queue gave the buyer; empty if there is none.
	Admission string

	// Offer is the one of Owner's that the order accepts; empty for none. Its items
	// name the zone of the offer and no seats, and are as many as its places.
	Offer string
}

// Want is one place that is asked for. Its ticket will be bound to the key of the
// one who orders unless Paper or Ask says otherwise.
type Want struct {
	Zone  uint16
	Class uint8
	Seat  string         // empty for any place of the zone
	Paper bool           // on paper; not with Ask
	Ask   *Authorisation // what a relative of Owner asked for, or nil

	// Accessible asks for a place with step-free entry, which nobody else is given,
	// and Companion for one that is kept beside it. Who names a kept seat says
	// Accessible too; beside it is enough for a companion's.
	Accessible, Companion bool
}

// Door is asked before a place is held.
type Door interface {
	// Check returns nil if the account may buy now: the event has no queue, or
	// the queue has admitted this account. An error is handed on as it is.
	Check(ctx context.Context, event ticket.EventID, account, admission string) error
}

// Authorisation lets one account order for another, who has proved possession of
// the key and agreed to the terms. The store holds the order to those.
type Authorisation struct {
	ID        string           // of the ask
	Owner     string           // account that the ticket will belong to
	Holder    ticket.HolderKey // its key
	ProvedAge uint8            // of that account
}

// Hold keeps places for the buyer and returns the order with its secret, which is
// not kept and cannot be asked for again.
func (s *Sale) Hold(ctx context.Context, r HoldRequest) (Order, string, error) {
	if len(r.Items) == 0 {
		r.Items = []Want{{Zone: r.Zone, Class: r.Class, Seat: r.Seat, Paper: r.Paper, Ask: r.Ask}}
	}
	on, err := s.offering(ctx, r.Event)
	if err != nil {
		return Order{}, "", err
	}
	now := s.cfg.Now()
	switch {
	case now.Unix() >= on.Event.Ends:
		return Order{}, "", ErrSaleClosed
	case len(r.Items) > MaxItems:
		return Order{}, "", ErrTooMany
	}
	if s.cfg.Door != nil && r.Offer == "" { // who has an offer has waited already
		if err := s.cfg.Door.Check(ctx, r.Event, r.Owner, r.Admission); err != nil {
			return Order{}, "", err
		}
	}
	h := Hold{Event: r.Event, Owner: r.Owner, Expires: now.Add(s.cfg.Hold), Limit: on.Terms.MaxPerPerson, Offer: r.Offer}
	if err := heldItems(on, &r, &h); err != nil {
		return Order{}, "", err
	}
	if s.board.gone(now, named(&h)...) {
		return Order{}, "", ErrSeatTaken
	}
	if r.Holder != nil {
		if h.ChallengeExpires, err = s.possessed(&on.Event, r.Holder); err != nil {
			return Order{}, "", err
		}
		h.Challenge = r.Holder.Challenge
	}
	if h.Order, err = s.newID(); err != nil {
		return Order{}, "", err
	}
	var secret string
	if secret, h.SecretHash, err = s.newSecret(); err != nil {
		return Order{}, "", err
	}
	o, err := s.seat(ctx, h, &r)
	if err != nil {
		return Order{}, "", err
	}
	s.recall.keep(&o)
	return o, secret, nil
}

// heldItems checks what is asked for and fills h with it.
func heldItems(on *Offering, r *HoldRequest, h *Hold) error {
	own := 0
	for _, w := range r.Items {
		item, err := heldItem(&on.Event, r, w)
		switch {
		case err != nil:
			return err
		case item.Keeper == "" && h.Limit > 0:
			return ErrAccountNeeded
		case h.Offer != "" && (!isID(h.Offer) || h.Owner == "" || w.Seat != "" || w.Zone != r.Items[0].Zone):
			return ErrOfferClosed
		}
		h.Items = append(h.Items, item)
		if !w.Paper && w.Ask == nil {
			own++
		}
	}
	if (own > 0) != (r.Holder != nil) {
		return ErrHolder
	}
	return nil
}

// heldItem checks one of the places that are asked for against the event's rules.
func heldItem(event *ticket.Event, r *HoldRequest, w Want) (HeldItem, error) {
	item := HeldItem{Zone: w.Zone, Class: w.Class, Seat: w.Seat, Keeper: r.Owner, Accessible: w.Accessible}
	proved := r.ProvedAge
	switch class, ok := event.Class(w.Class); {
	case !ok || class.Staff:
		return item, ErrNotSold
	case !isLabel(w.Seat):
		return item, ErrUnknownSeat
	case w.Paper && w.Ask != nil:
		return item, ErrHolder
	case w.Paper && !class.Paper:
		return item, ErrPaper
	case w.Paper: // a steward sees who comes with it
		return item, nil
	case w.Ask != nil && (r.Owner == "" || w.Ask.Owner == "" || w.Ask.Holder.IsZero()):
		return item, ErrAsk
	case w.Ask != nil:
		item.Ask, item.Keeper, item.Holder, proved = w.Ask.ID, w.Ask.Owner, w.Ask.Holder, w.Ask.ProvedAge
	case r.Holder == nil:
		return item, ErrHolder
	default:
		item.Holder = r.Holder.Key
	}
	var err error
	item.Flags, err = aged(event, 0, proved)
	return item, err
}

// possessed checks that whoever asks has the key, and returns when the challenge
// ends that proves it.
func (s *Sale) possessed(event *ticket.Event, p *Possession) (expires time.Time, err error) {
	if expires, err = s.checkChallenge(p.Challenge); err != nil {
		return expires, err
	}
	if err := s.cfg.Verifier.VerifyAssertion(event.RelyingParty, p.Key, p.Challenge, p.Assertion); err != nil {
		return expires, fmt.Errorf("%w: %w", ErrPossession, err)
	}
	return expires, nil
}

// Order returns an order to whoever has its secret. A wrong secret and an
// unknown order are the same [ErrUnknownOrder].
func (s *Sale) Order(ctx context.Context, id, secret string) (Order, error) {
	if !isID(id) {
		return Order{}, ErrUnknownOrder
	}
	o, err := s.cfg.Store.Order(ctx, id)
	if err != nil {
		return Order{}, err
	}
	if !owns(&o, secret) {
		return Order{}, ErrUnknownOrder
	}
	return o, nil
}
