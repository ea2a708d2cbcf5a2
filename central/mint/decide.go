package mint

import "github.com/con-ting/conting/sync/ticket"

// Decide says what the token of a ticket shall be, given what the ticket is now, and
// false if there is to be none at all. Wallet is the address of the wallet of the
// fact's account. It is pure.
func Decide(f Fact, mode Mode, wallet string) (Desire, bool) {
	d := Desire{Ticket: f.Ticket.ID, Event: f.Ticket.Event, Account: f.Account}
	known := !f.Token.Ticket.IsZero()
	if !known && f.Account == "" { // nobody's: paper
		return Desire{}, false
	}
	switch {
	case f.Token.Is == Burned || f.Status == ticket.StatusRefunded || f.Status == ticket.StatusRevoked:
		d.Form = Burned
	}
	return d, known
}
