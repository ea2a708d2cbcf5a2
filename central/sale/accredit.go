package sale

import (
	"context"

	"github.com/con-ting/conting/sync/ticket"
)

// AccreditRequest asks for a ticket that nobody buys. Times are Unix seconds.
type AccreditRequest struct {
	// ID is the ticket's, derived from what it is given for: asking twice gives
	// one ticket.
	ID        ticket.ID
	Event     ticket.EventID
	Class     uint8            // a class of accreditations
	Holder    ticket.HolderKey // the key of the holder's DID
	NotBefore int64
	NotAfter  int64
	Owner     string // account
}

// Accredit issues an accreditation: a ticket of a staff class for zone 0, which
// stands for the whole venue. One that exists is returned as it is; if it had been
// revoked, it is in force again. A class that is not for staff is [ErrNotSold].
func (s *Sale) Accredit(ctx context.Context, r AccreditRequest) (Issued, error) {
	event, err := s.Rules(ctx, r.Event)
	if err != nil {
		return Issued{}, err
	}
	switch class, ok := event.Class(r.Class); {
	case !ok || !class.Staff:
		return Issued{}, ErrNotSold
	case r.Holder.IsZero() || r.Owner == "":
		return Issued{}, ErrHolder
	case s.cfg.Now().Unix() >= event.Ends:
		return Issued{}, ErrSaleClosed
	}
	i, err := s.sign(ctx, ticket.Ticket{
		ID: r.ID, Event: r.Event, Class: r.Class, Version: 1, Holder: r.Holder, NotBefore: r.NotBefore, NotAfter: r.NotAfter,
	})
	if err != nil {
		return Issued{}, err
	}
	if i, err = s.cfg.Store.Accredit(ctx, i, r.Owner); err != nil {
		return Issued{}, err
	}
	s.cfg.Changed()
	return i, nil
}

// SetStatus revokes or blocks a ticket, or puts it in force again, and tells the
// gates. What has that status already, or was refunded, stays as it is.
func (s *Sale) SetStatus(ctx context.Context, id ticket.ID, status ticket.Status) error {
	if status == ticket.StatusRefunded { // money has to go back with it
		return ErrNotPaid
	}
	changed, err := s.cfg.Store.SetStatus(ctx, id, status)
	if err == nil && changed {
		s.cfg.Changed()
	}
	return err
}
