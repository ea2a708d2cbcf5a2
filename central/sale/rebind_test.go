package sale_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
)

// The sample for adults, with a class of accreditations.
const (
	adult = ticket.EventID(1002)
	crew  = 9
)

func (h *harness) adults() {
	h.t.Helper()
	b, err := os.ReadFile("../../testdata/venue/sample.json")
	if err != nil {
		h.t.Fatal(err)
	}
	text := strings.NewReplacer(
		`"id": 1001`, `"id": 1002`,
		`"classes": [`, `"classes": [{"id": 9, "name": "crew", "staff": true}, `,
		`"pass_back_seconds"`, `"minimum_age": 19, "pass_back_seconds"`,
	).Replace(string(b))
	p, err := seatmap.Parse([]byte(text))
	if err != nil {
		h.t.Fatal(err)
	}
	if added, err := h.Import(h.t.Context(), p); err != nil || !added {
		h.t.Fatalf("Import = %v, %v", added, err)
	}
}

// owned buys a seat for an account whose key is the harness's first.
func (h *harness) owned(label, owner string) sale.OwnedTicket {
	h.t.Helper()
	r := h.seat(label)
	r.Owner = owner
	return h.pay(r)
}

func (h *harness) pay(r sale.HoldRequest) sale.OwnedTicket {
	h.t.Helper()
	o, secret, err := h.Hold(h.t.Context(), r)
	if err != nil {
		h.t.Fatalf("Hold(%+v): %v", r, err)
	}
	paid, err := h.Pay(h.t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || len(paid.Tickets) != 1 {
		h.t.Fatalf("Pay = %+v, %v", paid, err)
	}
	return h.ticket(paid.Tickets[0].Ticket.ID)
}

func (h *harness) ticket(id ticket.ID) sale.OwnedTicket {
	h.t.Helper()
	o, err := h.Ticket(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

// gate is a device that reports what became of tickets.
type gate struct {
	h    *harness
	head journal.Head
}

// says journals entries about a ticket and returns the number of the last.
func (g *gate) says(id ticket.ID, entries ...journal.Entry) uint64 {
	g.h.t.Helper()
	d := publish.Delivery{
		Device: "gate-a", Gate: "north", From: g.head, Checkpoint: []byte{1},
		Events: map[ticket.EventID]func(ticket.ID) int{event: func(ticket.ID) int { return 1 }},
	}
	for _, e := range entries {
		e.Seq, e.Prev, e.Event, e.Ticket, e.Lane = g.head.Seq+1, g.head.Hash, event, id, "north-1"
		e.Time = journal.At(g.h.clock.Now()) + journal.HLC(e.Seq)
		raw, err := e.Encode()
		if err != nil {
			g.h.t.Fatal(err)
		}
		d.Entries, d.Raw = append(d.Entries, e), append(d.Raw, raw)
		g.head = journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)}
	}
	d.To = g.head
	if _, err := g.h.store.Publish().Receive(g.h.t.Context(), d); err != nil {
		g.h.t.Fatal(err)
	}
	return g.head.Seq
}

func (g *gate) admits(id ticket.ID) uint64 {
	return g.says(id, journal.Entry{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone})
}

// give is the request that moves a ticket from its owner to another.
func give(o sale.OwnedTicket, to byte, owner string) sale.RebindRequest {
	return sale.RebindRequest{Ticket: o.Ticket.ID, Version: o.Ticket.Version, From: o.Ticket.Holder, To: holder(to), Owner: owner}
}

func (h *harness) states(owner string) map[ticket.ID]sale.TicketState {
	h.t.Helper()
	all, err := h.Owned(h.t.Context(), owner)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[ticket.ID]sale.TicketState{}
	for _, o := range all {
		if _, twice := out[o.Ticket.ID]; twice {
			h.t.Errorf("%s stands twice in what %s owns", o.Ticket.ID, owner)
		}
		out[o.Ticket.ID] = o.State
		if o.State == sale.TicketMoved && (len(o.Signed) != 0 || !o.Ticket.Holder.IsZero() || o.Admitted != nil || o.Owner != "") {
			h.t.Errorf("a former owner is told %+v", o)
		}
	}
	return out
}

func TestRebind(t *testing.T) {
	h := start(t)
	o := h.owned("A-1", "mina")
	told := h.changed.Load()
	h.clock.Advance(time.Minute)
	i, err := h.Rebind(t.Context(), give(o, 2, "jun"))
	if err != nil {
		t.Fatal(err)
	}
	want := o.Ticket
	want.Version, want.Holder = 2, holder(2)
	if fmt.Sprint(i.Ticket) != fmt.Sprint(want) || len(i.Signed) == 0 {
		t.Errorf("Rebind = %+v, want %+v", i, want)
	}
	cs := h.changes()
	if last := cs[len(cs)-1]; len(cs) != 2 || last.Kind != sale.TicketRebind || fmt.Sprint(*last.Ticket) != fmt.Sprint(want) || h.changed.Load() != told+1 {
		t.Errorf("outbox = %+v, want the ticket and its rebinding", cs)
	}
	now := h.ticket(o.Ticket.ID)
	if fmt.Sprint(now.Ticket) != fmt.Sprint(want) || now.Owner != "jun" || !now.Bound.Equal(h.clock.Now()) {
		t.Errorf("Ticket = %+v", now)
	}
	if got := h.states("mina"); len(got) != 1 || got[o.Ticket.ID] != sale.TicketMoved {
		t.Errorf("the giver owns %v, want the ticket as moved", got)
	}
	if got := h.states("jun"); len(got) != 1 || got[o.Ticket.ID] != sale.TicketReady {
		t.Errorf("the receiver owns %v, want the ticket", got)
	}
	if _, err := h.Rebind(t.Context(), give(now, 1, "mina")); err != nil {
		t.Fatalf("giving it back: %v", err)
	}
	if got := h.states("mina"); len(got) != 1 || got[o.Ticket.ID] != sale.TicketReady {
		t.Errorf("after it came back the giver owns %v", got)
	}
	h.audit()
}

func TestRebindRefuses(t *testing.T) {
	h := start(t)
	h.adults()
	g := &gate{h: h}
	valid, used, flagged, dead := h.owned("A-1", "mina"), h.owned("A-2", "mina"), h.owned("A-3", "mina"), h.owned("A-4", "mina")
	moved := h.owned("A-5", "mina")
	g.admits(used.Ticket.ID)
	g.says(flagged.Ticket.ID, journal.Entry{Kind: journal.Flagged, Refers: g.admits(flagged.Ticket.ID)})
	if err := h.SetStatus(t.Context(), dead.Ticket.ID, ticket.StatusBlocked); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Rebind(t.Context(), give(moved, 2, "jun")); err != nil {
		t.Fatal(err)
	}
	onPaper := h.pay(sale.HoldRequest{Event: event, Zone: standing, Class: paper, Paper: true, Owner: "mina"})
	staff, err := h.Accredit(t.Context(), sale.AccreditRequest{ID: ticket.ID{7}, Event: adult, Class: crew, Holder: holder(3), Owner: "mina"})
	if err != nil {
		t.Fatal(err)
	}
	grown := h.pay(sale.HoldRequest{Event: adult, Zone: floor, Class: vip, Seat: "A-1", Holder: h.prove(holder(1)), Owner: "mina", ProvedAge: 20})
	before := len(h.changes())
	for name, c := range map[string]struct {
		of     sale.OwnedTicket
		change func(*sale.RebindRequest)
		want   error
	}{
		"a version that is not yet":    {valid, func(r *sale.RebindRequest) { r.Version++ }, sale.ErrMoved},
		"from another key":             {valid, func(r *sale.RebindRequest) { r.From = holder(9) }, sale.ErrMoved},
		"to the same key":              {valid, func(r *sale.RebindRequest) { r.To = r.From }, sale.ErrMoved},
		"to paper":                     {valid, func(r *sale.RebindRequest) { r.To = ticket.HolderKey{} }, sale.ErrNotTransferable},
		"to nobody":                    {valid, func(r *sale.RebindRequest) { r.Owner = "" }, sale.ErrNotTransferable},
		"a key that is no point":       {valid, func(r *sale.RebindRequest) { r.To[0] = 9 }, ticket.ErrInvalid},
		"an unknown ticket":            {valid, func(r *sale.RebindRequest) { r.Ticket = ticket.ID{9} }, sale.ErrUnknownTicket},
		"a replayed request":           {moved, func(*sale.RebindRequest) {}, sale.ErrMoved},
		"a used ticket":                {used, func(*sale.RebindRequest) {}, sale.ErrTicketUsed},
		"a ticket of unknown passage":  {flagged, func(*sale.RebindRequest) {}, sale.ErrTicketUsed},
		"a blocked ticket":             {dead, func(*sale.RebindRequest) {}, sale.ErrTicketDead},
		"a paper ticket":               {onPaper, func(*sale.RebindRequest) {}, sale.ErrNotTransferable},
		"an accreditation":             {sale.OwnedTicket{Issued: staff}, func(*sale.RebindRequest) {}, sale.ErrNotTransferable},
		"to a receiver without an age": {grown, func(*sale.RebindRequest) {}, sale.ErrAge},
		"to a receiver of 18":          {grown, func(r *sale.RebindRequest) { r.ProvedAge = 18 }, sale.ErrAge},
	} {
		r := give(c.of, 4, "jun")
		c.change(&r)
		if i, err := h.Rebind(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: Rebind(%+v) = %+v, %v; want %v", name, r, i, err, c.want)
		}
	}
	if after := len(h.changes()); after != before {
		t.Errorf("refused rebindings wrote %d lines into the outbox", after-before)
	}
	h.clock.Advance(90 * 24 * time.Hour)
	if _, err := h.Rebind(t.Context(), give(valid, 2, "jun")); !errors.Is(err, sale.ErrSaleClosed) {
		t.Errorf("Rebind after the show: %v, want ErrSaleClosed", err)
	}
}

// An admission that was given back does not use a ticket up.
func TestRebindAfterRelease(t *testing.T) {
	h := start(t)
	g := &gate{h: h}
	o := h.owned("A-1", "mina")
	reserved := g.admits(o.Ticket.ID)
	if now := h.ticket(o.Ticket.ID); now.State != sale.TicketUsed || now.Admitted == nil || now.Admitted.Gate != "north" || now.Admitted.Lane != "north-1" {
		t.Errorf("a ticket in the lane = %+v", now)
	}
	if _, err := h.Rebind(t.Context(), give(o, 2, "jun")); !errors.Is(err, sale.ErrTicketUsed) {
		t.Errorf("Rebind while the holder is in the lane: %v, want ErrTicketUsed", err)
	}
	g.says(o.Ticket.ID, journal.Entry{Kind: journal.Released, Refers: reserved})
	if _, err := h.Rebind(t.Context(), give(o, 2, "jun")); err != nil {
		t.Errorf("Rebind after the holder turned back: %v", err)
	}
}

func TestRefundedTicketStays(t *testing.T) {
	h := start(t)
	r := h.seat("A-1")
	r.Owner = "mina"
	o, secret, err := h.Hold(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	paid, err := h.Pay(t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	if err != nil || paid.Owner != "mina" {
		t.Fatal(paid, err)
	}
	if _, err := h.Refund(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Rebind(t.Context(), give(sale.OwnedTicket{Issued: paid.Tickets[0]}, 2, "jun")); !errors.Is(err, sale.ErrTicketDead) {
		t.Errorf("Rebind of a refunded ticket: %v, want ErrTicketDead", err)
	}
	if got := h.states("mina"); got[paid.Tickets[0].Ticket.ID] != sale.TicketRefunded {
		t.Errorf("mina owns %v, want it refunded", got)
	}
}

// Sixteen receivers want one ticket, and the giver wants it refunded: one of the
// receivers gets it at most, and the gates are told once.
func TestRebindRaces(t *testing.T) {
	for _, refund := range []bool{false, true} {
		t.Run(fmt.Sprintf("refund=%v", refund), func(t *testing.T) {
			h := start(t)
			for round := range 10 {
				r := h.seat(fmt.Sprintf("A-%d", round+1))
				r.Owner = "mina"
				order, secret, err := h.Hold(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				paid, err := h.Pay(t.Context(), order.ID, secret, "sandbox", pay.TokenOK)
				if err != nil {
					t.Fatal(err)
				}
				o := h.ticket(paid.Tickets[0].Ticket.ID)
				before := len(h.changes())
				var mu sync.Mutex
				var won []string
				var wg sync.WaitGroup
				for n := range byte(16) {
					wg.Go(func() {
						who := fmt.Sprintf("receiver %d", n)
						_, err := h.Rebind(t.Context(), give(o, 10+n, who))
						mu.Lock()
						defer mu.Unlock()
						switch {
						case err == nil:
							won = append(won, who)
						case errors.Is(err, sale.ErrMoved), refund && errors.Is(err, sale.ErrTicketDead):
						default:
							t.Errorf("Rebind: %v", err)
						}
					})
				}
				if refund {
					wg.Go(func() {
						if _, err := h.Refund(t.Context(), order.ID); err != nil {
							t.Errorf("Refund: %v", err)
						}
					})
				}
				wg.Wait()
				now := h.ticket(o.Ticket.ID)
				rebound, status := 0, ticket.StatusValid
				for _, c := range h.changes()[before:] {
					if c.Kind == sale.TicketRebind {
						rebound++
					}
					status = c.Status
				}
				switch {
				case len(won) > 1 || rebound != len(won) || !refund && len(won) != 1:
					t.Errorf("%q won, the gates were told %d times", won, rebound)
				case len(won) == 1 && now.Owner != won[0] || len(won) == 0 && now.Owner != "mina":
					t.Errorf("%q won, %s owns it", won, now.Owner)
				case refund && (now.Status != ticket.StatusRefunded || status != ticket.StatusRefunded):
					t.Errorf("after a refund the ticket is %s, and the gates heard last that it is %s", now.Status, status)
				}
			}
		})
	}
}

func TestRebindOwned(t *testing.T) {
	h := start(t)
	g := &gate{h: h}
	var ids []ticket.ID
	for n := range 4 {
		ids = append(ids, h.owned(fmt.Sprintf("A-%d", n+1), "mina").Ticket.ID)
	}
	g.admits(ids[0])
	if err := h.SetStatus(t.Context(), ids[1], ticket.StatusRevoked); err != nil {
		t.Fatal(err)
	}
	other := h.owned("B-1", "jun")
	if n, err := h.RebindOwned(t.Context(), "mina", holder(1), holder(5)); n != 2 || err != nil {
		t.Errorf("RebindOwned = %d, %v; want the two that are in force and unused", n, err)
	}
	if n, err := h.RebindOwned(t.Context(), "mina", holder(1), holder(5)); n != 0 || err != nil {
		t.Errorf("RebindOwned again = %d, %v; want 0", n, err)
	}
	for n, want := range []byte{1, 1, 5, 5} {
		if got := h.ticket(ids[n]); got.Ticket.Holder != holder(want) || got.Owner != "mina" {
			t.Errorf("ticket %d is bound to %s of %s, want key %d", n, got.Ticket.Holder, got.Owner, want)
		}
	}
	if got := h.ticket(other.Ticket.ID); got.Ticket.Version != 1 {
		t.Error("another account's ticket with the same key was rebound")
	}
	if got := h.states("mina"); len(got) != 4 {
		t.Errorf("mina owns %v: a new key is no new owner", got)
	}
}

// A ticket that has entered and may enter again follows its owner to another key:
// else whoever found the lost phone would enter with it, and the owner not. It is
// not to be given away any more.
func TestRebindOwnedAfterAnEntry(t *testing.T) {
	h := start(t)
	g := &gate{h: h}
	o := h.pay(sale.HoldRequest{Event: event, Zone: floor, Class: 4, Holder: h.prove(holder(1)), Owner: "mina"})
	if class, _ := o.Event.Class(o.Ticket.Class); class.MaxEntries != 2 {
		t.Fatalf("class %+v, want one that enters twice", class)
	}
	g.says(o.Ticket.ID, journal.Entry{Kind: journal.Passed, Refers: g.admits(o.Ticket.ID)})
	if _, err := h.Rebind(t.Context(), give(o, 2, "jun")); !errors.Is(err, sale.ErrTicketUsed) {
		t.Errorf("given away after an entry: %v, want ErrTicketUsed", err)
	}
	if n, err := h.RebindOwned(t.Context(), "mina", holder(1), holder(5)); n != 1 || err != nil {
		t.Errorf("RebindOwned after one entry of two = %d, %v; want 1", n, err)
	}
	if now := h.ticket(o.Ticket.ID); now.Ticket.Holder != holder(5) || now.State != sale.TicketReady || now.Entries != 1 {
		t.Errorf("the ticket = %+v", now)
	}
	g.admits(o.Ticket.ID)
	if n, err := h.RebindOwned(t.Context(), "mina", holder(5), holder(6)); n != 0 || err != nil {
		t.Errorf("RebindOwned of what is used up = %d, %v; want 0", n, err)
	}
}

func TestAgeLimit(t *testing.T) {
	h := start(t)
	h.adults()
	r := func(age uint8) sale.HoldRequest {
		return sale.HoldRequest{Event: adult, Zone: floor, Class: vip, Holder: h.prove(holder(1)), Owner: "mina", ProvedAge: age}
	}
	for _, age := range []uint8{0, 18} {
		if _, _, err := h.Hold(t.Context(), r(age)); !errors.Is(err, sale.ErrAge) {
			t.Errorf("Hold with a proved age of %d: %v, want ErrAge", age, err)
		}
	}
	o := h.pay(r(19))
	if !o.Ticket.Flags.Has(ticket.FlagAgeProved) {
		t.Errorf("flags %b of a ticket for adults, want the age as proved", o.Ticket.Flags)
	}
	if plain := h.owned("A-1", "mina"); plain.Ticket.Flags.Has(ticket.FlagAgeProved) {
		t.Error("a ticket of an event without a limit says that an age was proved")
	}
	move := give(o, 2, "jun")
	move.ProvedAge = 30
	i, err := h.Rebind(t.Context(), move)
	if err != nil || !i.Ticket.Flags.Has(ticket.FlagAgeProved) {
		t.Errorf("Rebind to an adult = %+v, %v", i, err)
	}
	if i, err = h.Rebind(t.Context(), give(h.ticket(o.Ticket.ID), 3, "jun")); err != nil || !i.Ticket.Flags.Has(ticket.FlagAgeProved) {
		t.Errorf("Rebind to the owner's new key = %+v, %v; want the age still proved", i, err)
	}
	byHand := h.pay(sale.HoldRequest{Event: adult, Zone: floor, Class: paper, Paper: true})
	if byHand.Ticket.Flags.Has(ticket.FlagAgeProved) {
		t.Error("a paper ticket says that an age was proved")
	}
}

func TestAccredit(t *testing.T) {
	h := start(t)
	h.adults()
	r := sale.AccreditRequest{ID: ticket.ID{7}, Event: adult, Class: crew, Holder: holder(3), NotAfter: 2_000_000_000, Owner: "mina"}
	i, err := h.Accredit(t.Context(), r)
	want := ticket.Ticket{ID: r.ID, Event: adult, Class: crew, Version: 1, Holder: holder(3), NotAfter: r.NotAfter}
	if err != nil || fmt.Sprint(i.Ticket) != fmt.Sprint(want) || i.Status != ticket.StatusValid {
		t.Fatalf("Accredit = %+v, %v; want %+v", i, err, want)
	}
	again := r
	again.NotAfter++
	if i, err = h.Accredit(t.Context(), again); err != nil || fmt.Sprint(i.Ticket) != fmt.Sprint(want) {
		t.Errorf("Accredit again = %+v, %v; want the same", i, err)
	}
	if err := h.SetStatus(t.Context(), r.ID, ticket.StatusRevoked); err != nil {
		t.Fatal(err)
	}
	if got := h.states("mina"); got[r.ID] != sale.TicketRevoked {
		t.Errorf("mina owns %v, want it revoked", got)
	}
	if i, err = h.Accredit(t.Context(), r); err != nil || i.Status != ticket.StatusValid {
		t.Errorf("Accredit after the revocation = %+v, %v; want it in force", i, err)
	}
	other := r
	other.Holder = holder(4)
	if _, err := h.Accredit(t.Context(), other); !errors.Is(err, sale.ErrMoved) {
		t.Errorf("Accredit for another key: %v, want ErrMoved", err)
	}
	var kinds []sale.ChangeKind
	for _, c := range h.changes() {
		kinds = append(kinds, c.Kind)
	}
	if fmt.Sprint(kinds) != "[ticket_new ticket_status ticket_status]" {
		t.Errorf("outbox = %v", kinds)
	}
	for name, c := range map[string]struct {
		change func(*sale.AccreditRequest)
		want   error
	}{
		"a class that is sold": {func(r *sale.AccreditRequest) { r.Class = vip }, sale.ErrNotSold},
		"an unknown class":     {func(r *sale.AccreditRequest) { r.Class = 200 }, sale.ErrNotSold},
		"an unknown event":     {func(r *sale.AccreditRequest) { r.Event = 5 }, sale.ErrUnknownEvent},
		"no key":               {func(r *sale.AccreditRequest) { r.Holder = ticket.HolderKey{} }, sale.ErrHolder},
		"a bought ticket's id": {func(r *sale.AccreditRequest) { r.ID = h.owned("A-1", "mina").Ticket.ID; r.Holder = holder(1) }, sale.ErrMoved},
	} {
		r := r
		c.change(&r)
		if _, err := h.Accredit(t.Context(), r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, _, err := h.Hold(t.Context(), sale.HoldRequest{Event: adult, Zone: floor, Class: crew, Holder: h.prove(holder(1)), ProvedAge: 50}); !errors.Is(err, sale.ErrNotSold) {
		t.Errorf("Hold of an accreditation: %v, want ErrNotSold", err)
	}
}
