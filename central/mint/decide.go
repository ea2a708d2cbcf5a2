package mint

import "github.com/con-ting/conting/sync/ticket"

// Decide says what the token of a ticket shall be, given what the ticket is now, whether
// its event is over, and where the wallet of the fact's account is, and false if nothing
// is to be wished: for a ticket of nobody's, that is paper, and for one that ended before
// it had a token.
//
// Once an event is over no token is made any more but for who claims one, whatever the
// mode: whoever turns the mint on over the tickets of years, or has the outbox handed
// out once more, does not pay for all of them. What was wished before the end is seen
// through, however late; a token that there is follows its ticket as ever.
//
// It is pure, and looks at the present only: what led there makes no difference, so
// that a row of the outbox may come late, twice, or together with later ones. Two
// things cannot be taken back, whatever becomes of the ticket: that a token was to be
// burned, and that it is free.
func Decide(f Fact, over bool, mode Mode, wallet string) (Desire, bool) {
	d := Desire{Ticket: f.Ticket.ID, Event: f.Ticket.Event, Account: f.Account}
	t := &f.Token
	known := !t.Ticket.IsZero()
	ended := f.Status == ticket.StatusRefunded || f.Status == ticket.StatusRevoked
	switch {
	case known && t.Is == Free: // its holder's, in or out of the house
		d.Form, d.Owner = Free, t.Owner
		return d, true
	case known && (ended || t.Is == Burned || t.Want == Burned):
		d.Form = Burned
		return d, true
	case ended || f.Account == "" || wallet == "":
		return Desire{}, false
	case f.Status != ticket.StatusValid:
		return asItIs(d, t, known, wallet)
	}
	switch {
	case !wished(t) && (over || mode == Lazy):
		d.Form = None
	case f.Admitted:
		d.Form, d.Owner = Free, wallet
	default:
		d.Form, d.Owner = Held, wallet
	}
	return d, true
}

// wished reports whether a token is to be made, or was.
func wished(t *Token) bool { return t.Claimed || t.Is != None || t.Want != None }

// asItIs is the desire for a ticket that is blocked, which may pass: nothing is made
// for it, and nothing is set free. What there is follows its account.
func asItIs(d Desire, t *Token, known bool, wallet string) (Desire, bool) {
	if !known {
		return Desire{}, false
	}
	if d.Form = t.Want; d.Form != None {
		d.Owner = wallet
	}
	return d, true
}

// next is the action that brings a token nearer to what it shall be, and false if there
// is none.
func next(t *Token) (Action, bool) {
	a := Action{Event: t.Event, Ticket: t.Ticket, State: Wanted, Form: t.Want, From: t.Owner, To: t.WantOwner}
	switch {
	case t.Settled() || t.Is == Burned || t.Want == None:
		return Action{}, false
	case t.Want == Burned:
		a.Kind, a.To = Burn, ""
	case t.Is == None:
		a.Kind, a.From = Mint, ""
	case t.Is == Held && t.Owner != t.WantOwner: // one that is to be free is moved first
		a.Kind, a.Form = Move, Held
	case t.Is == Held && t.Want == Free:
		a.Kind = Release
	default: // free, and to be held: no power does that
		return Action{}, false
	}
	return a, true
}

// same reports whether two actions do the same.
func same(a, b *Action) bool {
	return a.Kind == b.Kind && a.Form == b.Form && a.From == b.From && a.To == b.To
}
