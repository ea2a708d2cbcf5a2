package mint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/sync/ticket"
)

// In lazy mode nothing is made but a root for each published set, until a holder asks.
func TestLazy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spy := &spy{}
	worker := w.worker(func(c *mint.Config) { c.Mode, c.Sets, c.Chain = mint.Lazy, sets{}, w.spied(spy) })
	w.run(worker)
	ids := w.sell(worker, "kim", 1, 2, 3)
	for _, version := range []uint64{3, 4, 4} {
		body, err := json.Marshal(outbox.Published{Version: version})
		must(t, err)
		rows := []outbox.Row{{Kind: outbox.SetPublished, Event: concert, Body: body}, {Kind: outbox.SetPublished, Event: concert, Body: []byte(`{"version":0}`)}}
		must(t, worker.Consumer().Handle(t.Context(), rows))
	}
	var commit mint.Action
	w.until("committed are both", func() bool {
		root, a, ok, err := w.tokens.LastRoot(t.Context(), concert)
		must(t, err)
		commit = a
		return ok && root.Version == 4 && root.Root == [32]byte{4} && len(root.Chunks) == 2
	})
	if commit.Kind != mint.Commit || commit.Attempt != 1 || commit.Rent != 0 {
		t.Errorf("commitment is %+v", commit)
	}
	found, _, err := w.client(w.net.URL).Statuses(t.Context(), []chain.Signature{solana.MustSignatureFromBase58(commit.Signature)}, true, 0)
	if err != nil || found[0] == nil || found[0].Err != nil {
		t.Errorf("its transaction is %+v, %v", found, err)
	}
	memo := merkle.Memo{Set: merkle.Set{Event: concert, Version: 4}, Root: [32]byte{4}}.String()
	if len(spy.sent) != 2 || !slices.ContainsFunc(spy.sent, func(wire []byte) bool { return strings.Contains(string(wire), memo) }) {
		t.Errorf("%d transactions, of which none, or not only two, says %s", len(spy.sent), memo)
	}
	// Versions 5 and 6 have the tickets of version 4, version 8 cannot be read, and
	// version 9 had another root once: none costs anything, or keeps another waiting.
	must(t, w.tokens.KeepRoot(t.Context(), mint.Root{Event: concert, Version: 9, Root: [32]byte{1}}))
	for _, version := range []uint64{5, 6, 8, 9} {
		body, err := json.Marshal(outbox.Published{Version: version})
		must(t, err)
		must(t, worker.Consumer().Handle(t.Context(), []outbox.Row{{Kind: outbox.SetPublished, Event: concert, Body: body}}))
	}
	due, err := w.tokens.Due(t.Context(), 10)
	must(t, err)
	for _, a := range due {
		if a.Set != 3 { // which may not be final yet
			t.Errorf("to be committed is %+v", a)
		}
	}
	for _, id := range ids {
		if k := w.token(id); k.Is != mint.None || !k.Settled() || k.Address == "" || len(w.history(id)) != 0 {
			t.Errorf("unclaimed is %+v", k)
		}
	}

	if _, err := worker.Claim(t.Context(), "lee", ids[0]); !errors.Is(err, mint.ErrUnknownToken) {
		t.Errorf("claimed by a stranger: %v, want ErrUnknownToken", err)
	}
	for range 2 {
		k, err := worker.Claim(t.Context(), "kim", ids[0])
		if err != nil || !k.Claimed || k.Want != mint.Held || k.WantOwner != walletOf("kim") || k.Address != worker.Address(ids[0]) {
			t.Errorf("claimed: %+v, %v", k, err)
		}
	}
	w.settle(ids[0])
	if o := w.onChain(ids[0], "kim"); o.Form != token.Held || !o.Holds {
		t.Errorf("claimed is %+v", o)
	}
	w.admit(worker, ids[1]) // and then asks for it, as a souvenir
	if _, err := worker.Claim(t.Context(), "kim", ids[1]); err != nil {
		t.Error(err)
	}
	w.settle(ids[1])
	if o := w.onChain(ids[1], "kim"); o.Form != token.Free || !o.Holds || len(w.history(ids[1])) != 1 {
		t.Errorf("claimed afterwards is %+v", o)
	}
	w.refund(worker, ids[2])
	if _, err := worker.Claim(t.Context(), "kim", ids[2]); err != nil && !errors.Is(err, mint.ErrUnknownToken) {
		t.Errorf("claimed after a refund: %v", err)
	}
	w.until("at rest is what was refunded", func() bool { return w.token(ids[2]).Is == mint.Burned && w.atRest(ids[2]) })
	if len(w.signed(ids[2])) != 0 || w.onChain(ids[2], "kim").Form != token.None {
		t.Errorf("what was refunded was made: %+v", w.history(ids[2]))
	}
}

// Who claims the token of a ticket that the mint has not heard of has it made all the
// same; a stranger does not, and a ticket that is nobody's has none.
func TestClaimUnheard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(func(c *mint.Config) { c.Mode, c.Sets = mint.Lazy, sets{} })
	for n, account := range []string{"kim", ""} {
		k := ticket.Ticket{ID: tid(n + 1), Event: concert, Zone: 1, Class: seated, Seat: fmt.Sprintf("A-%d", n+1), Version: 1, Holder: holderKey(n+1, 1)}
		_, err := w.store.Accredit(t.Context(), sale.Issued{Ticket: k, Signed: []byte{1}}, account)
		must(t, err)
	}
	for _, c := range []struct {
		who string
		n   int
	}{{"lee", 1}, {"kim", 2}, {"kim", 3}} {
		if _, err := worker.Claim(t.Context(), c.who, tid(c.n)); !errors.Is(err, mint.ErrUnknownToken) {
			t.Errorf("%s claims ticket %d: %v, want ErrUnknownToken", c.who, c.n, err)
		}
	}
	if k, err := worker.Claim(t.Context(), "kim", tid(1)); err != nil || !k.Claimed || k.Want != mint.Held {
		t.Errorf("claimed is %+v, %v", k, err)
	}
}

// A free token leaves the wallet that is kept here when its holder says so, and for
// nobody else.
func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.run(worker)
	id := w.sell(worker, "kim", 1)[0]
	w.settle(id)
	to := walletOf("a collector")
	if _, err := worker.Send(t.Context(), "kim", id, to); !errors.Is(err, mint.ErrHeld) {
		t.Errorf("sent while it is held: %v, want ErrHeld", err)
	}
	w.admit(worker, id)
	w.settle(id)
	program, err := token.Holder(publicOf(keyFor("kim")), solana.MustPublicKeyFromBase58(worker.Address(id)))
	must(t, err)
	for _, bad := range []string{"", "x", to + "1", walletOf("kim"), w.roles.Payer.String(), w.roles.Authority.String(), program.String(), solana.SystemProgramID.String(), worker.Address(id)} {
		if _, err := worker.Send(t.Context(), "kim", id, bad); !errors.Is(err, mint.ErrAddress) {
			t.Errorf("sent to %q: %v, want ErrAddress", bad, err)
		}
	}
	for _, who := range []string{"lee", ""} {
		if _, err := worker.Send(t.Context(), who, id, to); !errors.Is(err, mint.ErrUnknownToken) {
			t.Errorf("sent by %q: %v, want ErrUnknownToken", who, err)
		}
	}
	first, err := worker.Send(t.Context(), "kim", id, to)
	must(t, err)
	again, err := worker.Send(t.Context(), "kim", id, to)
	if err == nil && again.ID != first.ID {
		t.Errorf("asked again: %+v, want %+v", again, first)
	}
	w.settle(id)
	if o := w.onChain(id, "a collector"); o.Form != token.Free || !o.Holds || w.onChain(id, "kim").Holds {
		t.Errorf("sent is %+v", o)
	}
	if k := w.token(id); k.Owner != to {
		t.Errorf("kept is %+v", k)
	}
	if _, err := worker.Send(t.Context(), "kim", id, walletOf("lee")); !errors.Is(err, mint.ErrNoWallet) {
		t.Errorf("sent once it is elsewhere: %v, want ErrNoWallet", err)
	}
}

// With a collection, one more account is made for the event, once, before its tokens.
func TestCollection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(func(c *mint.Config) { c.Collection = true })
	ids := w.sell(worker, "kim", many(5)...)
	w.run(worker)
	w.settle(ids...)
	groups := 0
	recent, err := w.tokens.Recheck(t.Context(), w.token(ids[0]).Changed.Add(-patience), 0, 100)
	must(t, err)
	for _, a := range recent {
		if a.Kind == mint.Group {
			groups++
		}
	}
	for _, id := range ids {
		if o := w.onChain(id, "kim"); o.Form != token.Held || !o.Holds {
			t.Errorf("on chain is %+v", o)
		}
	}
	if groups != 1 {
		t.Errorf("%d collections were made, want 1", groups)
	}
}

// A name of which nothing can be put on chain keeps its tickets' tokens back until
// somebody has given it another and says so.
func TestBadText(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	var bad atomic.Bool
	bad.Store(true)
	worker := w.worker(func(c *mint.Config) { c.Events = nameless{events{w.store}, &bad} })
	id := w.sell(worker, "kim", 7)[0]
	w.run(worker)
	w.until("stuck is the bad one", func() bool { return w.token(id).Stuck == mint.BadText })
	bad.Store(false)
	good := w.sell(worker, "kim", 8)[0]
	w.settle(good)
	failed, err := w.tokens.FailedActions(t.Context(), 0, 10)
	if err != nil || len(failed) != 1 || failed[0].Reason != mint.BadText || len(w.signed(id)) != 0 {
		t.Errorf("failed are %+v, %v", failed, err)
	}
	if n, err := w.tokens.Retry(t.Context(), ticket.ID{}, true); n != 1 || err != nil {
		t.Errorf("retried are %d, %v", n, err)
	}
	worker.Wake()
	w.settle(id)
}

// nameless are events whose name may be bad.
type nameless struct {
	events
	bad *atomic.Bool
}

func (n nameless) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	e, err := n.events.Event(ctx, id)
	if n.bad.Load() {
		e.Name = "\x00\x1b"
	}
	return e, err
}

// What others pay is paid as well, up to a limit, and accounted for.
func TestPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.net.PriorityFee(t.Context(), 1_000_000))
	worker := w.worker(func(c *mint.Config) { c.MaxPrice = 30_000 })
	ids := w.sell(worker, "kim", 1, 2)
	had := w.balance()
	w.run(worker)
	w.settle(ids...)
	w.exactlyOnce(ids, "kim", had)
	if a := w.history(ids[0])[0]; a.Fee <= 10_500 || a.Fee > 10_000+30_000*100_000/1_000_000 {
		t.Errorf("fee is %d lamports, want that of two signatures and of some 60,000 units at 0.03", a.Fee)
	}
}

// Accreditations of staff have no tokens.
func TestStaff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(func(c *mint.Config) { c.Events = staffed{events{w.store}} })
	id := tid(1)
	k := ticket.Ticket{ID: id, Event: concert, Zone: 1, Class: 99, Version: 1, Holder: holderKey(1, 1)}
	_, err := w.store.Accredit(t.Context(), sale.Issued{Ticket: k, Signed: []byte{1}}, "kim")
	must(t, err)
	w.sell(worker, "kim", 2)
	if _, err := w.tokens.Token(t.Context(), id); !errors.Is(err, mint.ErrUnknownToken) {
		t.Errorf("staff's token: %v, want ErrUnknownToken", err)
	}
	w.token(tid(2))
}

// Where the mint is turned on over tickets of an event that is over, or the outbox is
// handed out once more, nothing is made but for who asks. What was made in time follows
// its ticket.
func TestOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := func(c *mint.Config) { c.Events = past{events{w.store}} }
	worker := w.worker(nil)
	stop := w.run(worker)
	made := w.sell(worker, "kim", 1, 2)
	w.settle(made...)
	stop()
	worker = w.worker(late)
	ids := w.sell(worker, "kim", 3, 4, 5)
	w.refund(worker, ids[2])
	w.admit(worker, made[0]) // its gate was away
	w.refund(worker, made[1])
	c := worker.Consumer()
	rows, _, err := w.store.Outbox().Rows(t.Context(), 0, c.Kinds, 100)
	must(t, err)
	must(t, c.Handle(t.Context(), rows))
	if _, err := worker.Claim(t.Context(), "kim", ids[0]); err != nil {
		t.Error(err)
	}
	w.run(worker)
	w.settle(append(made, ids...)...)
	for id, want := range map[ticket.ID]mint.Form{made[0]: mint.Free, made[1]: mint.Burned, ids[0]: mint.Held, ids[1]: mint.None, ids[2]: mint.Burned} {
		signed := 2
		if id != made[0] && id != made[1] {
			signed = 0
		}
		if want == mint.Held {
			signed = 1
		}
		if k := w.token(id); k.Is != want || len(w.signed(id)) != signed {
			t.Errorf("ticket %d is %+v, want %q; done was %+v", numberOf(id), k, want, w.history(id))
		}
	}
}

// past are events that are over.
type past struct{ events }

func (p past) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	e, err := p.events.Event(ctx, id)
	e.Ends = time.Now().Unix()
	return e, err
}

// staffed are events with a class of staff.
type staffed struct{ events }

func (s staffed) Event(ctx context.Context, id ticket.EventID) (ticket.Event, error) {
	e, err := s.events.Event(ctx, id)
	e.Classes = append(slices.Clone(e.Classes), ticket.Class{ID: 99, Name: "Staff", Staff: true})
	return e, err
}
