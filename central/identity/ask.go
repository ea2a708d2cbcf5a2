package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// Wish is a ticket that somebody wants a relative to book.
type Wish struct {
	Event     ticket.EventID
	Zone      uint16
	Class     uint8
	Seat      string // empty for any
	To        credential.DID
	MaxAmount int64 // the most that it may cost
	Challenge []byte
	Assertion account.Assertion
}

// AskFor asks a relative to book. The assertion proves possession of the key that
// the ticket will be bound to, so that the relative needs none. The error wraps one
// of this package, of the sale's or of [People]'s.
func (i *Identity) AskFor(ctx context.Context, p account.Person, w Wish) (Ask, error) {
	event, err := i.cfg.Tickets.Rules(ctx, w.Event)
	if err != nil {
		return Ask{}, err
	}
	now := i.cfg.Now()
	class, known := event.Class(w.Class)
	_, zoned := event.Zone(w.Zone)
	switch {
	case now.Unix() >= event.Ends:
		return Ask{}, sale.ErrSaleClosed
	case !known || !zoned || class.Staff:
		return Ask{}, sale.ErrNotSold
	case len(w.Seat) > ticket.MaxSeatLen:
		return Ask{}, sale.ErrUnknownSeat
	case w.MaxAmount < 0:
		return Ask{}, fmt.Errorf("the most that it may cost is negative: %w", ticket.ErrInvalid)
	}
	if err := i.grown(ctx, p.ID, &event); err != nil {
		return Ask{}, err
	}
	other, err := i.related(ctx, p.ID, w.To)
	if err != nil {
		return Ask{}, err
	}
	a := Ask{
		Asker: p.ID, Booker: other.Account, Holder: p.Passkey.Key, Event: w.Event, Zone: w.Zone, Class: w.Class, Seat: w.Seat,
		MaxAmount: w.MaxAmount, State: AskOpen, Created: now, Expires: now.Add(OfferLifetime),
	}
	if a.ID, err = i.newID(); err != nil {
		return Ask{}, err
	}
	terms := AskTerms(w.Challenge, w.Event, w.Zone, w.Class, w.To)
	if err := i.cfg.People.Confirm(ctx, p, account.Ask, w.Challenge, terms, w.Assertion); err != nil {
		return Ask{}, err
	}
	if err := i.cfg.Store.AddAsk(ctx, a, MaxOpen); err != nil {
		return Ask{}, err
	}
	return i.cfg.Store.Ask(ctx, a.ID)
}

// Asks lists what an account has asked for and was asked for, newest first.
func (i *Identity) Asks(ctx context.Context, id string) ([]Ask, error) {
	return i.cfg.Store.Asks(ctx, id, MaxListed)
}

// DeclineAsk ends a request, for who was asked.
func (i *Identity) DeclineAsk(ctx context.Context, p account.Person, id string) error {
	return i.cfg.Store.EndAsk(ctx, id, p.ID, AskDeclined)
}

// CancelAsk ends a request, for who asked.
func (i *Identity) CancelAsk(ctx context.Context, p account.Person, id string) error {
	return i.cfg.Store.EndAsk(ctx, id, p.ID, AskCancelled)
}

// Authorise is what a booker orders with. The two must be family now, and who
// asked must still have the key that the ticket will be bound to. Whether zone,
// class, seat and price are those that were asked for, and that the request is
// used once, the hold itself decides.
func (i *Identity) Authorise(ctx context.Context, p account.Person, id string) (*sale.Authorisation, error) {
	a, err := i.cfg.Store.Ask(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case a.Booker != p.ID:
		return nil, ErrUnknownAsk
	case a.State != AskOpen:
		return nil, sale.ErrAsk
	}
	asker, err := i.cfg.People.Person(ctx, a.Asker)
	if errors.Is(err, account.ErrUnknown) || err == nil && asker.Passkey.Key != a.Holder {
		return nil, sale.ErrAsk
	}
	if err != nil {
		return nil, err
	}
	if err := i.kin(ctx, p.ID, a.Asker); err != nil {
		return nil, err
	}
	age, err := i.cfg.Store.Age(ctx, a.Asker)
	if err != nil {
		return nil, err
	}
	return &sale.Authorisation{ID: a.ID, Owner: a.Asker, Holder: a.Holder, ProvedAge: age}, nil
}
