package identity_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

func (w *world) wish(p *person, seat string, to *person) identity.Wish {
	w.t.Helper()
	c := w.challenge(p, account.Ask)
	return identity.Wish{
		Event: show, Zone: floor, Class: vip, Seat: seat, To: to.did, MaxAmount: 165_000, Challenge: c,
		Assertion: w.assert(p, identity.AskTerms(c, show, floor, vip, to.did)),
	}
}

func (w *world) asks(p *person, seat string, to *person) identity.Ask {
	w.t.Helper()
	a, err := w.AskFor(w.t.Context(), p.Person, w.wish(p, seat, to))
	if err != nil || a.State != identity.AskOpen {
		w.t.Fatalf("AskFor = %+v, %v", a, err)
	}
	return a
}

// books makes an order for an ask and leaves it unpaid.
func (w *world) books(p *person, a identity.Ask, seat string, change ...func(*sale.HoldRequest)) (sale.Order, string, error) {
	w.t.Helper()
	auth, err := w.Authorise(w.t.Context(), p.Person, a.ID)
	if err != nil {
		return sale.Order{}, "", err
	}
	r := sale.HoldRequest{Event: a.Event, Zone: a.Zone, Class: a.Class, Seat: seat, Owner: p.ID, Ask: auth}
	for _, f := range change {
		f(&r)
	}
	return w.sale.Hold(w.t.Context(), r)
}

func (w *world) askState(a identity.Ask) identity.AskState {
	w.t.Helper()
	all, err := w.Asks(w.t.Context(), a.Asker)
	w.must(err)
	for _, one := range all {
		if one.ID == a.ID {
			return one.State
		}
	}
	w.t.Fatalf("%s is not listed", a.ID)
	return ""
}

func TestAsk(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	a := w.asks(jun, "A-1", mina)
	for _, who := range []string{"mina", "jun"} {
		all, err := w.Asks(t.Context(), who)
		if err != nil || len(all) != 1 || all[0].Currency != "KRW" || all[0].Seat != "A-1" || all[0].MaxAmount != 165_000 ||
			all[0].Holder != jun.Passkey.Key || !all[0].Expires.Equal(a.Expires) {
			t.Errorf("Asks of %s = %+v, %v", who, all, err)
		}
	}
	o, secret, err := w.books(mina, a, "A-1")
	if err != nil || o.Owner != "mina" || o.Items[0].Keeper != "jun" || o.Items[0].Holder != jun.Passkey.Key {
		t.Fatalf("Hold = %+v, %v", o, err)
	}
	if s := w.askState(a); s != identity.AskBooked {
		t.Errorf("the ask is %s while its order waits to be paid, want booked", s)
	}
	w.refused("cancelled while it is booked", w.CancelAsk(t.Context(), jun.Person, a.ID), identity.ErrAskClosed)
	o, err = w.sale.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || len(o.Tickets) != 1 {
		t.Fatal(o, err)
	}
	got := w.owner(o.Tickets[0].Ticket.ID)
	if got.Owner != "jun" || got.Ticket.Holder != jun.Passkey.Key || got.Ticket.Seat != "A-1" {
		t.Errorf("the ticket is %+v, want it jun's", got)
	}
	if owned, _ := w.sale.Owned(t.Context(), "mina"); len(owned) != 0 {
		t.Errorf("the booker owns %+v", owned)
	}
	if s := w.askState(a); s != identity.AskDone {
		t.Errorf("the ask is %s, want done", s)
	}
	_, _, err = w.books(mina, a, "A-1")
	w.refused("a second use", err, sale.ErrAsk)
	if _, err := w.sale.Refund(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.books(mina, a, "A-1")
	w.refused("a use after the refund", err, sale.ErrAsk)
}

func TestAskForRefuses(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	stranger, lone := w.enrolled("stranger"), w.person("lone")
	used := w.wish(jun, "A-1", mina)
	if _, err := w.AskFor(t.Context(), jun.Person, used); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who    *person
		change func(*identity.Wish)
		want   error
	}{
		"replayed":           {jun, func(r *identity.Wish) { *r = used }, account.ErrChallenge},
		"a stranger":         {jun, func(r *identity.Wish) { *r = w.wish(jun, "", stranger) }, identity.ErrNotRelated},
		"oneself":            {jun, func(r *identity.Wish) { *r = w.wish(jun, "", jun) }, identity.ErrNotRelated},
		"without identifier": {lone, func(r *identity.Wish) { *r = w.wish(lone, "", mina) }, identity.ErrNoDID},
		"another zone":       {jun, func(r *identity.Wish) { r.Zone = standing }, account.ErrAssertion},
		"another class":      {jun, func(r *identity.Wish) { r.Class = paper }, account.ErrAssertion},
		"another event":      {jun, func(r *identity.Wish) { r.Event = 9 }, sale.ErrUnknownEvent},
		"unknown zone":       {jun, func(r *identity.Wish) { r.Zone = 99 }, sale.ErrNotSold},
		"unknown class":      {jun, func(r *identity.Wish) { r.Class = 99 }, sale.ErrNotSold},
		"an accreditation":   {jun, func(r *identity.Wish) { r.Event, r.Class = adult, staff }, sale.ErrNotSold},
		"for adults":         {jun, func(r *identity.Wish) { r.Event = adult }, sale.ErrAge},
		"a negative price":   {jun, func(r *identity.Wish) { r.MaxAmount = -1 }, ticket.ErrInvalid},
		"a long seat":        {jun, func(r *identity.Wish) { r.Seat = "1234567890123456789012345" }, sale.ErrUnknownSeat},
		"another's proof": {jun, func(r *identity.Wish) {
			r.Assertion = w.assert(mina, identity.AskTerms(r.Challenge, show, floor, vip, mina.did))
		}, account.ErrAssertion},
	} {
		r := w.wish(jun, "", mina)
		c.change(&r)
		_, err := w.AskFor(t.Context(), c.who.Person, r)
		w.refused(name, err, c.want)
	}
	w.advance(60 * 24 * time.Hour)
	_, err := w.AskFor(t.Context(), jun.Person, w.wish(jun, "", mina))
	w.refused("after the show", err, sale.ErrSaleClosed)
}

// A booker gets what was asked for and nothing else.
func TestAskHoldsTheOrderToItsTerms(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	other := w.enrolled("other")
	w.shows(other, w.familyVC(other, jun))
	for name, c := range map[string]struct {
		seat   string // that is asked for
		most   int64
		change func(*sale.HoldRequest)
		want   error
	}{
		"another seat":   {"A-1", 165_000, func(r *sale.HoldRequest) { r.Seat = "A-2" }, sale.ErrAsk},
		"any seat":       {"C-3", 165_000, func(r *sale.HoldRequest) { r.Seat = "" }, sale.ErrAsk},
		"another zone":   {"", 165_000, func(r *sale.HoldRequest) { r.Zone, r.Class, r.Seat = standing, stand, "" }, sale.ErrAsk},
		"another class":  {"", 200_000, func(r *sale.HoldRequest) { r.Class = 4 }, sale.ErrAsk},
		"another event":  {"", 200_000, func(r *sale.HoldRequest) { r.Event, r.Ask.ProvedAge = adult, 99 }, sale.ErrAsk},
		"too dear":       {"", 164_999, func(*sale.HoldRequest) {}, sale.ErrAsk},
		"another booker": {"", 165_000, func(r *sale.HoldRequest) { r.Owner = "other" }, sale.ErrAsk},
		"nobody books":   {"", 165_000, func(r *sale.HoldRequest) { r.Owner = "" }, sale.ErrAsk},
		"for the booker": {"", 165_000, func(r *sale.HoldRequest) { r.Ask.Owner = "mina" }, sale.ErrAsk},
		"to another key": {"", 165_000, func(r *sale.HoldRequest) { r.Ask.Holder = mina.Passkey.Key }, sale.ErrAsk},
		"on paper":       {"", 165_000, func(r *sale.HoldRequest) { r.Class, r.Paper = paper, true }, sale.ErrHolder},
		"unknown ask":    {"", 165_000, func(r *sale.HoldRequest) { r.Ask.ID = "00" }, sale.ErrAsk},
	} {
		wish := w.wish(jun, c.seat, mina)
		wish.MaxAmount = c.most
		a, err := w.AskFor(t.Context(), jun.Person, wish)
		w.must(err)
		seat := c.seat
		if seat == "" {
			seat = "D-1"
		}
		_, _, err = w.books(mina, a, seat, c.change)
		w.refused(name, err, c.want)
		if s := w.askState(a); s != identity.AskOpen {
			t.Errorf("%s: after the refusal the ask is %s, want open", name, s)
		}
		w.must(w.CancelAsk(t.Context(), jun.Person, a.ID))
	}
	l, err := w.sale.Listing(t.Context(), show)
	w.must(err)
	if l.Zones[0].Held != 0 || l.Zones[2].Held != 0 {
		t.Errorf("refused orders hold places: %+v", l.Zones)
	}
	a := w.asks(jun, "", mina)
	_, err = w.Authorise(t.Context(), other.Person, a.ID)
	w.refused("authorisation of another relative", err, identity.ErrUnknownAsk)
	_, err = w.Authorise(t.Context(), jun.Person, a.ID)
	w.refused("authorisation of the asker", err, identity.ErrUnknownAsk)
	_, err = w.Authorise(t.Context(), mina.Person, "00")
	w.refused("authorisation by an unknown ask", err, identity.ErrUnknownAsk)
}

func TestAskEnds(t *testing.T) {
	for name, c := range map[string]struct {
		between func(w *world, mina, jun *person, a identity.Ask)
		want    error
		state   identity.AskState
	}{
		"expired": {func(w *world, _, _ *person, _ identity.Ask) {
			w.advance(identity.OfferLifetime)
		}, sale.ErrAsk, identity.AskExpired},
		"declined": {func(w *world, mina, _ *person, a identity.Ask) {
			w.must(w.DeclineAsk(w.t.Context(), mina.Person, a.ID))
		}, sale.ErrAsk, identity.AskDeclined},
		"cancelled": {func(w *world, _, jun *person, a identity.Ask) {
			w.must(w.CancelAsk(w.t.Context(), jun.Person, a.ID))
		}, sale.ErrAsk, identity.AskCancelled},
		"the asker's phone was replaced": {func(w *world, _, jun *person, _ identity.Ask) {
			w.phone(jun)
		}, sale.ErrAsk, identity.AskOpen},
		"no longer family": {func(w *world, _, _ *person, _ identity.Ask) {
			all, err := w.Credentials(w.t.Context(), "mina")
			w.must(err)
			w.must(w.RemoveCredential(w.t.Context(), "mina", all[0].Number))
		}, identity.ErrNotRelated, identity.AskOpen},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			mina, jun := w.family()
			a := w.asks(jun, "", mina)
			auth, err := w.Authorise(t.Context(), mina.Person, a.ID)
			w.must(err)
			c.between(w, mina, jun, a)
			_, _, err = w.books(mina, a, "A-1")
			w.refused(name, err, c.want)
			if s := w.askState(a); s != c.state {
				t.Errorf("the ask is %s, want %s", s, c.state)
			}
			if c.state == identity.AskOpen {
				return
			}
			// An authorisation that was given before is worth nothing either.
			_, _, err = w.sale.Hold(t.Context(), sale.HoldRequest{Event: show, Zone: floor, Class: vip, Seat: "A-1", Owner: "mina", Ask: auth})
			w.refused(name+", with an older authorisation", err, sale.ErrAsk)
			w.refused("ended twice", w.CancelAsk(t.Context(), jun.Person, a.ID), identity.ErrAskClosed)
		})
	}
}

// A booker whose hold runs out may try again; nobody else's end is theirs to make.
func TestAskSurvivesAnUnpaidOrder(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	a := w.asks(jun, "", mina)
	first, secret, err := w.books(mina, a, "A-1")
	w.must(err)
	w.advance(sale.DefaultHold)
	if s := w.askState(a); s != identity.AskOpen {
		t.Errorf("after the hold ran out the ask is %s, want open", s)
	}
	second, _, err := w.books(mina, a, "A-2")
	w.must(err)
	_, err = w.sale.Pay(t.Context(), first.ID, secret, "sandbox", pay.TokenOK)
	w.refused("paying the first order after all", err, sale.ErrHoldExpired)
	_, _, err = w.books(mina, a, "A-3")
	w.refused("a third order beside the second", err, sale.ErrAsk)
	if second.Items[0].Seat != "A-2" {
		t.Errorf("second order = %+v", second)
	}
	w.refused("cancelled by another", w.CancelAsk(t.Context(), w.person("x").Person, a.ID), identity.ErrUnknownAsk)
}

// Sixteen orders are made for one ask at once: one holds a place.
func TestAskIsUsedOnce(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	a := w.asks(jun, "", mina)
	auth, err := w.Authorise(t.Context(), mina.Person, a.ID)
	w.must(err)
	var mu sync.Mutex
	won, refused := 0, 0
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, _, err := w.sale.Hold(t.Context(), sale.HoldRequest{Event: show, Zone: floor, Class: vip, Owner: "mina", Ask: auth})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, sale.ErrAsk):
				refused++
			default:
				t.Errorf("Hold: %v", err)
			}
		})
	}
	wg.Wait()
	l, err := w.sale.Listing(t.Context(), show)
	w.must(err)
	if won != 1 || refused != 15 || l.Zones[0].Held != 1 {
		t.Errorf("one ask held %d places and was refused %d times, %d are held; want 1, 15, 1", won, refused, l.Zones[0].Held)
	}
}
