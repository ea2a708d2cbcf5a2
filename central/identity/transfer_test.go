package identity_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/account"
	"github.com/con-ting/conting/central/identity"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

func TestTransfer(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	k, _ := w.buys(mina, "A-1")
	told := len(w.kinds(0))
	tr := w.gives(mina, k, jun)
	if o := w.owner(k.ID); o.Owner != "mina" || o.Ticket.Version != 1 {
		t.Errorf("an offer alone moved the ticket: %+v", o)
	}
	for _, who := range []string{"mina", "jun"} {
		all, err := w.Transfers(t.Context(), who)
		if err != nil || len(all) != 1 || all[0].ID != tr.ID || all[0].Terms != tr.Terms || all[0].State != identity.TransferOpen ||
			all[0].Seat != "A-1" || all[0].Zone != floor || all[0].Class != vip || all[0].Event != show {
			t.Errorf("Transfers of %s = %+v, %v; want %+v", who, all, err, tr)
		}
	}
	c := w.challenge(jun, account.TransferAccept)
	as := w.assert(jun, tr.Terms.Accept(c))
	i, err := w.Accept(t.Context(), jun.Person, tr.ID, c, as)
	if err != nil || i.Ticket.Holder != jun.Passkey.Key || i.Ticket.Version != 2 {
		t.Fatalf("Accept = %+v, %v", i, err)
	}
	if o := w.owner(k.ID); o.Owner != "jun" || o.Ticket.Holder != jun.Passkey.Key {
		t.Errorf("after the acceptance: %+v", o)
	}
	if got := w.kinds(told); len(got) != 1 || got[0] != sale.TicketRebind {
		t.Errorf("the gates were told %v, want one rebinding", got)
	}
	if s := w.transferState(tr); s != identity.TransferAccepted {
		t.Errorf("the transfer is %s, want accepted", s)
	}

	// The same again, byte for byte, and with a fresh proof.
	_, err = w.Accept(t.Context(), jun.Person, tr.ID, c, as)
	w.refused("replayed acceptance", err, identity.ErrTransferClosed)
	w.refused("acceptance with a fresh proof", w.accepts(jun, tr), identity.ErrTransferClosed)
	_, err = w.Give(t.Context(), mina.Person, w.offer(mina, k.ID, 1, jun))
	w.refused("giving what is gone", err, sale.ErrUnknownTicket)
	if got := w.kinds(told); len(got) != 1 {
		t.Errorf("replays told the gates %v", got)
	}

	back := w.gives(jun, i.Ticket, mina)
	w.must(w.accepts(mina, back))
	_, err = w.Accept(t.Context(), jun.Person, tr.ID, c, as)
	w.refused("replay after it came back", err, identity.ErrTransferClosed)
	if o := w.owner(k.ID); o.Owner != "mina" || o.Ticket.Version != 3 {
		t.Errorf("after it came back: %+v", o)
	}
}

func TestGiveRefuses(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	stranger, lone := w.enrolled("stranger"), w.person("lone")
	valid, _ := w.buys(mina, "A-1")
	used, _ := w.buys(mina, "A-2")
	w.admits(used.ID)
	refunded, order := w.buys(mina, "A-3")
	if _, err := w.sale.Refund(t.Context(), order.ID); err != nil {
		t.Fatal(err)
	}
	onPaper, err := w.pays(sale.HoldRequest{Event: show, Zone: standing, Class: paper, Paper: true, Owner: "mina"})
	w.must(err)
	theirs, _ := w.buys(jun, "A-4")
	alone, _ := w.buys(lone, "A-5")
	w.shows(mina, w.ageVC(mina, 30))
	grown, err := w.pays(w.request(mina, adult, "A-1"))
	w.must(err)
	w.shows(mina, w.staffVC(mina, adult))
	var crew ticket.Ticket
	owned, err := w.sale.Owned(t.Context(), "mina")
	w.must(err)
	for _, o := range owned {
		if o.Ticket.Class == staff {
			crew = o.Ticket
		}
	}
	replayed := w.offer(mina, valid.ID, 1, jun)
	if _, err := w.Give(t.Context(), mina.Person, replayed); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who   *person
		offer identity.Offer
		want  error
	}{
		"replayed":             {mina, replayed, account.ErrChallenge},
		"used":                 {mina, w.offer(mina, used.ID, 1, jun), sale.ErrTicketUsed},
		"refunded":             {mina, w.offer(mina, refunded.ID, 1, jun), sale.ErrTicketDead},
		"on paper":             {mina, w.offer(mina, onPaper.Tickets[0].Ticket.ID, 1, jun), sale.ErrNotTransferable},
		"accreditation":        {mina, w.offer(mina, crew.ID, 1, jun), sale.ErrNotTransferable},
		"somebody else's":      {mina, w.offer(mina, theirs.ID, 1, jun), sale.ErrUnknownTicket},
		"unknown":              {mina, w.offer(mina, ticket.ID{9}, 1, jun), sale.ErrUnknownTicket},
		"to a stranger":        {mina, w.offer(mina, valid.ID, 1, stranger), identity.ErrNotRelated},
		"to oneself":           {mina, w.offer(mina, valid.ID, 1, mina), identity.ErrNotRelated},
		"without identifier":   {lone, w.offer(lone, alone.ID, 1, jun), identity.ErrNoDID},
		"to a child at a show": {mina, w.offer(mina, grown.Tickets[0].Ticket.ID, 1, jun), sale.ErrAge},
		"another version":      {mina, w.offer(mina, valid.ID, 2, jun), account.ErrAssertion},
		"signed for another receiver": {mina, func() identity.Offer {
			o := w.offer(mina, valid.ID, 1, stranger)
			o.To = jun.did
			return o
		}(), account.ErrAssertion},
		"signed by another": {mina, func() identity.Offer {
			o := w.offer(mina, valid.ID, 1, jun)
			terms := identity.Terms{Ticket: valid.ID, Version: 1, From: mina.Passkey.Key, To: jun.Passkey.Key}
			o.Assertion = w.assert(jun, terms.Give(o.Challenge))
			return o
		}(), account.ErrAssertion},
		"signed as an acceptance": {mina, func() identity.Offer {
			o := w.offer(mina, valid.ID, 1, jun)
			terms := identity.Terms{Ticket: valid.ID, Version: 1, From: mina.Passkey.Key, To: jun.Passkey.Key}
			o.Assertion = w.assert(mina, terms.Accept(o.Challenge))
			return o
		}(), account.ErrAssertion},
	} {
		tr, err := w.Give(t.Context(), c.who.Person, c.offer)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Give = %+v, %v; want %v", name, tr, err, c.want)
		}
	}
	w.phone(mina)
	_, err = w.Give(t.Context(), mina.Person, w.offer(mina, valid.ID, 1, jun))
	w.refused("bound to a passkey that was replaced", err, sale.ErrMoved)
	w.advance(60 * 24 * time.Hour)
	_, err = w.Give(t.Context(), mina.Person, w.offer(mina, valid.ID, 1, jun))
	w.refused("after the show", err, sale.ErrSaleClosed)
}

// Whatever happens between offer and acceptance, the ticket moves only if it still
// may.
func TestAcceptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		between func(w *world, mina, jun *person, k ticket.Ticket, order sale.Order, tr identity.Transfer)
		want    error
		state   identity.TransferState
	}{
		"the offer has expired": {func(w *world, _, _ *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			w.advance(identity.OfferLifetime)
		}, identity.ErrTransferClosed, identity.TransferExpired},
		"the giver has cancelled": {func(w *world, mina, _ *person, _ ticket.Ticket, _ sale.Order, tr identity.Transfer) {
			w.must(w.Cancel(w.t.Context(), mina.Person, tr.ID))
		}, identity.ErrTransferClosed, identity.TransferCancelled},
		"the receiver has declined": {func(w *world, _, jun *person, _ ticket.Ticket, _ sale.Order, tr identity.Transfer) {
			w.must(w.Decline(w.t.Context(), jun.Person, tr.ID))
		}, identity.ErrTransferClosed, identity.TransferDeclined},
		"a gate has admitted it": {func(w *world, _, _ *person, k ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			w.admits(k.ID)
		}, sale.ErrTicketUsed, identity.TransferOpen},
		"it was refunded": {func(w *world, _, _ *person, _ ticket.Ticket, order sale.Order, _ identity.Transfer) {
			_, err := w.sale.Refund(w.t.Context(), order.ID)
			w.must(err)
		}, sale.ErrTicketDead, identity.TransferOvertaken},
		"it went to another": {func(w *world, mina, _ *person, k ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			sora := w.enrolled("sora")
			w.shows(sora, w.familyVC(sora, mina))
			w.must(w.accepts(sora, w.gives(mina, k, sora)))
		}, sale.ErrMoved, identity.TransferOvertaken},
		"the giver's lost phone was replaced": {func(w *world, mina, _ *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			was := mina.Passkey.Key
			w.phone(mina)
			if n, err := w.sale.RebindOwned(w.t.Context(), "mina", was, mina.Passkey.Key); n != 1 || err != nil {
				w.t.Fatal(n, err)
			}
		}, sale.ErrMoved, identity.TransferOvertaken},
		"the receiver's phone was replaced": {func(w *world, _, jun *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			w.phone(jun)
		}, sale.ErrMoved, identity.TransferOpen},
		"the relation was withdrawn": {func(w *world, _, _ *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			all, err := w.Credentials(w.t.Context(), "mina")
			w.must(err)
			w.must(w.RemoveCredential(w.t.Context(), "mina", all[0].Number))
		}, identity.ErrNotRelated, identity.TransferOpen},
		"the registrar was dropped": {func(w *world, _, _ *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			all, err := w.Issuers(w.t.Context())
			w.must(err)
			for _, is := range all {
				is.Accepts = []string{"staff"}
				_, err = w.SaveIssuer(w.t.Context(), is)
				w.must(err)
			}
		}, identity.ErrNotRelated, identity.TransferOpen},
		"the giver has another identifier": {func(w *world, mina, _ *person, _ ticket.Ticket, _ sale.Order, _ identity.Transfer) {
			w.identifier(mina, "another")
			_, err := w.Enrol(w.t.Context(), mina.Person, w.enrolment(mina))
			w.must(err)
		}, identity.ErrNotRelated, identity.TransferOpen},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			mina, jun := w.family()
			k, order := w.buys(mina, "A-1")
			tr := w.gives(mina, k, jun)
			c.between(w, mina, jun, k, order, tr)
			before := w.owner(k.ID)
			told := len(w.kinds(0))
			w.refused(name, w.accepts(jun, tr), c.want)
			if after := w.owner(k.ID); after.Owner != before.Owner || after.Ticket.Version != before.Ticket.Version {
				t.Errorf("a refused acceptance moved the ticket: %+v", after)
			}
			if got := w.kinds(told); len(got) != 0 {
				t.Errorf("a refused acceptance told the gates %v", got)
			}
			if got := w.transferState(tr); got != c.state {
				t.Errorf("the offer is %s, want %s", got, c.state)
			}
		})
	}
}

// Only the two sides can do anything with an offer, each its own part.
func TestTransferBelongsToItsSides(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	other := w.enrolled("other")
	k, _ := w.buys(mina, "A-1")
	tr := w.gives(mina, k, jun)
	w.refused("acceptance by another", w.accepts(other, tr), identity.ErrUnknownTransfer)
	w.refused("acceptance by the giver", w.accepts(mina, tr), identity.ErrUnknownTransfer)
	w.refused("cancelled by another", w.Cancel(t.Context(), other.Person, tr.ID), identity.ErrUnknownTransfer)
	w.refused("declined by another", w.Decline(t.Context(), other.Person, tr.ID), identity.ErrUnknownTransfer)
	w.refused("cancelled by the receiver", w.Cancel(t.Context(), jun.Person, tr.ID), identity.ErrTransferClosed)
	w.refused("declined by the giver", w.Decline(t.Context(), mina.Person, tr.ID), identity.ErrTransferClosed)
	w.refused("unknown", w.Cancel(t.Context(), mina.Person, "00"), identity.ErrUnknownTransfer)
	c := w.challenge(jun, account.TransferAccept)
	for name, as := range map[string]account.Assertion{
		"over the giver's context": w.assert(jun, tr.Terms.Give(c)),
		"by the giver's passkey":   w.assert(mina, tr.Terms.Accept(c)),
		"over other terms":         w.assert(jun, identity.Terms{Ticket: k.ID, Version: 9}.Accept(c)),
	} {
		_, err := w.Accept(t.Context(), jun.Person, tr.ID, c, as)
		w.refused("acceptance "+name, err, account.ErrAssertion)
	}
	if all, err := w.Transfers(t.Context(), "other"); err != nil || len(all) != 0 {
		t.Errorf("another account sees %+v, %v", all, err)
	}
	w.must(w.Decline(t.Context(), jun.Person, tr.ID))
	w.refused("declined twice", w.Decline(t.Context(), jun.Person, tr.ID), identity.ErrTransferClosed)
}

// One ticket is offered to eight relatives, who all accept at once.
func TestTransfersRace(t *testing.T) {
	w := start(t)
	mina := w.enrolled("mina")
	var relatives []*person
	for n := range 8 {
		p := w.enrolled(fmt.Sprintf("relative %d", n))
		w.shows(p, w.familyVC(p, mina))
		relatives = append(relatives, p)
	}
	for round := range 6 {
		k, _ := w.buys(mina, fmt.Sprintf("B-%d", round+1))
		offers := make([]identity.Transfer, len(relatives))
		proofs := make([]func() error, len(relatives))
		for n, p := range relatives {
			tr := w.gives(mina, k, p)
			c := w.challenge(p, account.TransferAccept)
			as := w.assert(p, tr.Terms.Accept(c))
			offers[n] = tr
			proofs[n] = func() error {
				_, err := w.Accept(t.Context(), p.Person, tr.ID, c, as)
				return err
			}
		}
		told := len(w.kinds(0))
		results := make([]error, len(relatives))
		var wg sync.WaitGroup
		for n := range proofs {
			wg.Go(func() { results[n] = proofs[n]() })
		}
		wg.Wait()
		winner := -1
		for n, err := range results {
			switch {
			case err == nil && winner < 0:
				winner = n
			case err == nil:
				t.Errorf("round %d: %d and %d both have the ticket", round, winner, n)
			case !errors.Is(err, sale.ErrMoved):
				t.Errorf("round %d: Accept: %v, want ErrMoved", round, err)
			}
		}
		if winner < 0 || w.owner(k.ID).Owner != relatives[winner].ID || w.owner(k.ID).Ticket.Version != 2 {
			t.Errorf("round %d: %d won, the ticket is %+v", round, winner, w.owner(k.ID))
		}
		if got := w.kinds(told); len(got) != 1 {
			t.Errorf("round %d: the gates were told %v, want one rebinding", round, got)
		}
		for n, tr := range offers {
			want := identity.TransferOvertaken
			if n == winner {
				want = identity.TransferAccepted
			}
			if got := w.transferState(tr); got != want {
				t.Errorf("round %d: offer %d is %s, want %s", round, n, got, want)
			}
		}
	}
}

// A giver who was told that the offer is cancelled keeps the ticket, and a
// receiver who was told that it is theirs has it.
func TestCancelRacesAccept(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	cancelled, accepted := 0, 0
	for round := range 20 {
		k, _ := w.buys(mina, fmt.Sprintf("B-%d", round+1))
		tr := w.gives(mina, k, jun)
		c := w.challenge(jun, account.TransferAccept)
		as := w.assert(jun, tr.Terms.Accept(c))
		var cancelErr, acceptErr error
		var wg sync.WaitGroup
		wg.Go(func() {
			if round%2 == 0 { // the acceptance reads and verifies before it writes
				_ = w.owner(k.ID)
			}
			cancelErr = w.Cancel(t.Context(), mina.Person, tr.ID)
		})
		wg.Go(func() { _, acceptErr = w.Accept(t.Context(), jun.Person, tr.ID, c, as) })
		wg.Wait()
		owner, state := w.owner(k.ID).Owner, w.transferState(tr)
		switch {
		case cancelErr == nil && acceptErr != nil && owner == "mina" && state == identity.TransferCancelled:
			cancelled++
		case acceptErr == nil && errors.Is(cancelErr, identity.ErrTransferClosed) && owner == "jun" && state == identity.TransferAccepted:
			accepted++
		default:
			t.Errorf("round %d: Cancel: %v, Accept: %v, the ticket is %s's, the offer %s", round, cancelErr, acceptErr, owner, state)
		}
	}
	t.Logf("cancelled %d times, accepted %d times", cancelled, accepted)
}

// A purse of open offers is bounded.
func TestTooManyOffers(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	k, _ := w.buys(mina, "A-1")
	for range identity.MaxOpen {
		w.gives(mina, k, jun)
	}
	_, err := w.Give(t.Context(), mina.Person, w.offer(mina, k.ID, 1, jun))
	w.refused("one offer too many", err, identity.ErrTooMany)
	w.advance(identity.OfferLifetime)
	w.gives(mina, k, jun)
}

// A ticket for adults moves to a relative who has proved to be one.
func TestTransferToAnAdult(t *testing.T) {
	w := start(t)
	mina, jun := w.family()
	w.shows(mina, w.ageVC(mina, 30))
	o, err := w.pays(w.request(mina, adult, "A-1"))
	w.must(err)
	w.shows(jun, w.ageVC(jun, 19))
	tr := w.gives(mina, o.Tickets[0].Ticket, jun)
	all, err := w.Credentials(t.Context(), "jun")
	w.must(err)
	w.must(w.RemoveCredential(t.Context(), "jun", all[0].Number))
	w.refused("after the age was withdrawn", w.accepts(jun, tr), sale.ErrAge)
	w.shows(jun, w.ageVC(jun, 20))
	w.must(w.accepts(jun, tr))
	if got := w.owner(o.Tickets[0].Ticket.ID); !got.Ticket.Flags.Has(ticket.FlagAgeProved) || got.Owner != "jun" {
		t.Errorf("the ticket is %+v", got)
	}
}
