package sale

import (
	"context"
	"errors"
	"fmt"

	"github.com/con-ting/conting/sync/ticket"
)

// RebindRequest binds a ticket to another holder key.
type RebindRequest struct {
	Ticket  ticket.ID
	Version uint32           // that it has now
	From    ticket.HolderKey // that it is bound to now
	To      ticket.HolderKey
	Owner   string // account that has it afterwards; never empty

	// ProvedAge is the age in years that the new owner's credential proves; zero
	// for none. It does not matter while the owner stays the same.
	ProvedAge uint8

	// Offer is the id of the offer that the new owner accepts; empty for none. It
	// must be open, and ends with the same statement.
	Offer string
}

// Rebind binds a ticket to another key, with a higher version, and tells the
// gates. It is one conditional statement: of two that start from the same version
// one wins, and whoever repeats a request is told [ErrMoved]. A ticket that was
// refunded or revoked is [ErrTicketDead], one that a gate has admitted
// [ErrTicketUsed], unless it stays its owner's and may enter again; a paper ticket
// or an accreditation is [ErrNotTransferable].
//
// A gate that central cannot reach knows the old key until it hears of the new
// one; what both let in shows as a conflict.
func (s *Sale) Rebind(ctx context.Context, r RebindRequest) (Issued, error) {
	o, err := s.cfg.Store.Ticket(ctx, r.Ticket)
	if err != nil {
		return Issued{}, err
	}
	class, _ := o.Event.Class(o.Ticket.Class)
	switch {
	case o.Ticket.Paper() || class.Staff || r.To.IsZero() || r.Owner == "":
		return Issued{}, ErrNotTransferable
	case r.To == r.From || o.Ticket.Version != r.Version || o.Ticket.Holder != r.From:
		return Issued{}, ErrMoved
	case s.cfg.Now().Unix() >= o.Event.Ends:
		return Issued{}, ErrSaleClosed
	}
	t := o.Ticket
	t.Holder, t.Version = r.To, t.Version+1
	entries := 0
	if r.Owner == o.Owner { // a lost phone must not enter again in its owner's place
		entries = max(1, int(class.MaxEntries)) - 1
	} else {
		if t.Flags, err = aged(&o.Event, t.Flags, r.ProvedAge); err != nil {
			return Issued{}, err
		}
	}
	i, err := s.sign(ctx, t)
	if err != nil {
		return Issued{}, err
	}
	// The statement asks all of that again, and whether a gate has admitted it.
	err = s.cfg.Store.Rebind(ctx, Rebinding{
		From: r.From, Issued: i, Owner: r.Owner, Offer: r.Offer, Kind: kindOf(&o.Ticket, &t), Entries: entries,
	})
	if err != nil {
		return Issued{}, err
	}
	s.cfg.Changed()
	return i, nil
}

// RebindOwned binds every ticket of an account that is valid, may still enter and
// is bound to from to another key, as after the loss of a phone. It returns how
// many there were. Tickets that are used up, dead or on paper stay as they are. After an error,
// those that are still to be bound are bound by calling it again.
func (s *Sale) RebindOwned(ctx context.Context, owner string, from, to ticket.HolderKey) (n int, err error) {
	bound, err := s.cfg.Store.Bound(ctx, owner, from)
	if err != nil {
		return 0, err
	}
	for _, b := range bound {
		_, err := s.Rebind(ctx, RebindRequest{Ticket: b.ID, Version: b.Version, From: from, To: to, Owner: owner})
		switch {
		case err == nil:
			n++
		case !settledOtherwise(err):
			return n, fmt.Errorf("rebind after %d tickets: %w", n, err)
		}
	}
	return n, nil
}

// settledOtherwise reports whether a rebinding failed because the ticket is not,
// or no longer, one that can be rebound.
func settledOtherwise(err error) bool {
	for _, e := range []error{ErrMoved, ErrTicketUsed, ErrTicketDead, ErrSaleClosed, ErrNotTransferable} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// aged gives a ticket the mark of a proved age where the event asks for one.
func aged(e *ticket.Event, flags ticket.Flags, proved uint8) (ticket.Flags, error) {
	flags &^= ticket.FlagAgeProved
	switch {
	case e.MinimumAge == 0:
		return flags, nil
	case proved < e.MinimumAge:
		return 0, ErrAge
	}
	return flags | ticket.FlagAgeProved, nil
}

// kindOf is how the gates are told: a rebinding carries the key alone.
func kindOf(was, is *ticket.Ticket) ChangeKind {
	if was.Flags == is.Flags {
		return TicketRebind
	}
	return TicketNew
}

// sign checks a ticket and signs it.
func (s *Sale) sign(ctx context.Context, t ticket.Ticket) (Issued, error) {
	if err := t.Check(); err != nil {
		return Issued{}, err
	}
	signed, err := s.cfg.Issuer.Issue(ctx, t)
	if err != nil {
		return Issued{}, fmt.Errorf("sign ticket: %w", err)
	}
	return Issued{Ticket: t, Status: ticket.StatusValid, Signed: signed}, nil
}
