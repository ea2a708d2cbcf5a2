package identity

import (
	"context"
	"errors"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/ticket"
)

// settleTime bounds the work that must not end half way because whoever asked for
// it has gone.
const settleTime = 10 * time.Second

// Offer is a ticket that its owner wants to give to a relative.
type Offer struct {
	Ticket    ticket.ID
	To        credential.DID
	Challenge []byte // of the purpose [account.Transfer]
	Assertion account.Assertion
}

// Give offers a ticket. Nothing moves until the receiver accepts; a ticket may be
// offered to several, of whom the first to accept gets it. The error wraps one of
// this package, of the sale's or of [People]'s.
func (i *Identity) Give(ctx context.Context, p account.Person, o Offer) (Transfer, error) {
	t, err := i.givable(ctx, p, o.Ticket)
	if err != nil {
		return Transfer{}, err
	}
	other, err := i.related(ctx, p.ID, o.To)
	if err != nil {
		return Transfer{}, err
	}
	receiver, err := i.cfg.People.Person(ctx, other.Account)
	if errors.Is(err, account.ErrUnknown) {
		return Transfer{}, ErrNotRelated
	}
	if err != nil {
		return Transfer{}, err
	}
	if err := i.grown(ctx, receiver.ID, &t.Event); err != nil {
		return Transfer{}, err
	}
	now := i.cfg.Now()
	out := Transfer{
		Terms: Terms{Ticket: o.Ticket, Version: t.Ticket.Version, From: t.Ticket.Holder, To: receiver.Passkey.Key},
		Event: t.Ticket.Event, Giver: p.ID, Receiver: receiver.ID, State: TransferOpen,
		Created: now, Expires: now.Add(OfferLifetime),
		Zone: t.Ticket.Zone, Class: t.Ticket.Class, Seat: t.Ticket.Seat,
	}
	if out.ID, err = i.newID(); err != nil {
		return Transfer{}, err
	}
	if err := i.cfg.People.Confirm(ctx, p, account.Transfer, o.Challenge, out.Terms.Give(o.Challenge), o.Assertion); err != nil {
		return Transfer{}, err
	}
	return out, i.cfg.Store.AddTransfer(ctx, out, MaxOpen)
}

// givable is a ticket that its owner can give away.
func (i *Identity) givable(ctx context.Context, p account.Person, id ticket.ID) (sale.OwnedTicket, error) {
	t, err := i.cfg.Tickets.Ticket(ctx, id)
	if err != nil {
		return t, err
	}
	class, _ := t.Event.Class(t.Ticket.Class)
	switch {
	case t.Owner != p.ID: // whose it is is nobody's business
		return t, sale.ErrUnknownTicket
	case t.Ticket.Paper() || class.Staff:
		return t, sale.ErrNotTransferable
	case t.Status != ticket.StatusValid:
		return t, sale.ErrTicketDead
	case t.Entries > 0:
		return t, sale.ErrTicketUsed
	case i.cfg.Now().Unix() >= t.Event.Ends:
		return t, sale.ErrSaleClosed
	case t.Ticket.Holder != p.Passkey.Key: // on its way to a new passkey
		return t, sale.ErrMoved
	}
	return t, nil
}

// grown refuses an account that has not proved the age an event asks for.
func (i *Identity) grown(ctx context.Context, id string, e *ticket.Event) error {
	if e.MinimumAge == 0 {
		return nil
	}
	age, err := i.cfg.Store.Age(ctx, id)
	if err == nil && age < e.MinimumAge {
		err = sale.ErrAge
	}
	return err
}

// Transfers lists what an account has offered and was offered, newest first.
func (i *Identity) Transfers(ctx context.Context, id string) ([]Transfer, error) {
	return i.cfg.Store.Transfers(ctx, id, MaxListed)
}

// Transfer returns an offer to either side, or [ErrUnknownTransfer].
func (i *Identity) Transfer(ctx context.Context, p account.Person, id string) (Transfer, error) {
	t, err := i.cfg.Store.Transfer(ctx, id)
	if err == nil && t.Giver != p.ID && t.Receiver != p.ID {
		err = ErrUnknownTransfer
	}
	return t, err
}

// Accept moves an offered ticket to the receiver's passkey, if giver and receiver
// are still family. It happens in the one statement that also ends the offer: a
// second time, another's acceptance, a refund or an entrance in between leave it
// undone.
func (i *Identity) Accept(ctx context.Context, p account.Person, id string, challenge []byte, as account.Assertion) (sale.Issued, error) {
	t, err := i.received(ctx, p, id)
	if err != nil {
		return sale.Issued{}, err
	}
	if t.Terms.To != p.Passkey.Key { // the giver agreed to a key that was replaced since
		return sale.Issued{}, sale.ErrMoved
	}
	if err := i.kin(ctx, t.Receiver, t.Giver); err != nil {
		return sale.Issued{}, err
	}
	age, err := i.cfg.Store.Age(ctx, p.ID)
	if err != nil {
		return sale.Issued{}, err
	}
	if err := i.cfg.People.Confirm(ctx, p, account.TransferAccept, challenge, t.Terms.Accept(challenge), as); err != nil {
		return sale.Issued{}, err
	}
	return i.cfg.Tickets.Rebind(ctx, sale.RebindRequest{
		Ticket: t.Terms.Ticket, Version: t.Terms.Version, From: t.Terms.From, To: t.Terms.To,
		Owner: p.ID, ProvedAge: age, Offer: t.ID,
	})
}

// received is an open offer to a person.
func (i *Identity) received(ctx context.Context, p account.Person, id string) (Transfer, error) {
	t, err := i.cfg.Store.Transfer(ctx, id)
	switch {
	case err != nil:
		return t, err
	case t.Receiver != p.ID:
		return t, ErrUnknownTransfer
	case t.State == TransferOpen:
		return t, nil
	case t.State != TransferOvertaken:
		return t, ErrTransferClosed
	}
	// Say what happened to it, if that is still to be seen.
	now, err := i.cfg.Tickets.Ticket(ctx, t.Terms.Ticket)
	switch {
	case err != nil:
		return t, err
	case now.Status != ticket.StatusValid:
		return t, sale.ErrTicketDead
	}
	return t, sale.ErrMoved
}

// Decline ends an offer, for its receiver.
func (i *Identity) Decline(ctx context.Context, p account.Person, id string) error {
	return i.cfg.Store.EndTransfer(ctx, id, p.ID, TransferDeclined)
}

// Cancel ends an offer, for its giver. When it returns nil, the ticket does not
// move by it any more.
func (i *Identity) Cancel(ctx context.Context, p account.Person, id string) error {
	return i.cfg.Store.EndTransfer(ctx, id, p.ID, TransferCancelled)
}
