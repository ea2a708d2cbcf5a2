package mint_test

import (
	"slices"
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// act does something with a token behind the worker's back, with the authority's key or
// that of the account whose it is.
func (w *world) act(kind token.Kind, form token.Form, id ticket.ID, from, to string) {
	w.Helper()
	key, err := token.Address(w.roles.Authority, token.TicketSeed(secret(), id[:]))
	must(w.T, err)
	ask := token.Ask{Kind: kind, Mint: key, Form: form, FromSigns: kind == token.Send}
	if from != "" {
		ask.From = publicOf(keyFor(from))
	}
	if kind == token.Mint {
		ask.Spec, err = token.Describe(token.Text{Event: "Concert", URI: "https://tickets.example/"})
		must(w.T, err)
		ask.Spec.Seed = token.TicketSeed(secret(), id[:])
	}
	if to != "" {
		ask.To = publicOf(keyFor(to))
	}
	keys, err := token.Watch(ask)
	must(w.T, err)
	rent, err := w.client(w.net.URL).Rent(w.Context(), token.Sizes(ask)...)
	must(w.T, err)
	p, err := token.PlanFor(ask, w.roles, w.read(keys...), func(n uint64) uint64 { return rent[n] })
	must(w.T, err)
	if p.Outcome != token.Do {
		w.Fatalf("plan is %+v", p)
	}
	must(w.T, w.send(p.Instructions, keyFor("authority"), keyFor(from)))
}

// finalize lets everything become final that is on chain.
func (w *world) finalize() {
	w.Helper()
	must(w.T, w.net.Finalize(w.Context()))
}

func (w *world) differences() (out []mint.Difference) {
	w.Helper()
	out, err := w.tokens.DifferencesAfter(w.Context(), mint.Difference{}, 100)
	must(w.T, err)
	for i := range out {
		if out[i].Found.IsZero() || out[i].Event != concert || out[i].Address == "" {
			w.Errorf("difference is %+v", out[i])
		}
		out[i] = mint.Difference{Ticket: out[i].Ticket, What: out[i].What, Want: out[i].Want, Got: out[i].Got}
	}
	return out
}

// What differs from what is kept is reported, in words that say how, and left alone;
// what may differ is not.
func TestReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	stop := w.run(worker)
	ids := w.sell(worker, "kim", many(6)...)
	moved, burned, freed, sent, gone, fine := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
	w.settle(ids...)
	w.admit(worker, sent)
	w.admit(worker, gone)
	w.settle(ids...)
	stop()
	if walk, err := worker.Reconcile(t.Context()); err != nil || walk != (mint.Walk{Checked: 6}) || len(w.differences()) != 0 {
		t.Fatalf("nothing differs: %+v, %v, %+v", walk, err, w.differences())
	}

	w.act(token.Move, token.Held, moved, "kim", "lee")
	w.act(token.Burn, token.Burned, burned, "kim", "")
	w.act(token.Release, token.Free, freed, "kim", "")
	w.act(token.Send, token.Free, sent, "kim", "lee")
	w.finalize()
	want := []mint.Difference{
		{Ticket: moved, What: mint.OtherOwner, Want: "held " + walletOf("kim"), Got: "held elsewhere"},
		{Ticket: burned, What: mint.OtherForm, Want: "held " + walletOf("kim"), Got: "burned"},
		{Ticket: freed, What: mint.OtherForm, Want: "held " + walletOf("kim"), Got: "free"},
	}
	before, err := w.net.Stats(t.Context())
	must(t, err)
	for range 2 {
		walk, err := worker.Reconcile(t.Context())
		if err != nil || walk != (mint.Walk{Checked: 6, Differences: 3}) {
			t.Errorf("walk is %+v, %v", walk, err)
		}
		if got := w.differences(); !slices.Equal(got, want) {
			t.Errorf("differences are %+v\nwant %+v", got, want)
		}
	}
	if s := worker.Status(); s.Checked != 6 || s.Different != 3 || s.Reconciled.IsZero() {
		t.Errorf("status is %+v", s)
	}
	after, err := w.net.Stats(t.Context())
	must(t, err)
	if after.Landed != before.Landed || after.Calls["sendTransaction"] != before.Calls["sendTransaction"] {
		t.Errorf("something was sent to put it right")
	}
	w.act(token.Move, token.Held, moved, "lee", "kim") // a person has put it right
	w.finalize()
	if _, err := worker.Reconcile(t.Context()); err != nil || !slices.Equal(w.differences(), want[1:]) {
		t.Errorf("after one was put right: %+v, %v", w.differences(), err)
	}
	_, _ = gone, fine
}

// What was never made, as far as is known, and is there all the same.
func TestReconcileUnexpected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	stop := w.run(worker)
	ids := w.sell(worker, "kim", 1, 2)
	w.settle(ids...)
	stop()
	w.restart()
	lazy := w.worker(func(c *mint.Config) { c.Mode, c.Sets = mint.Lazy, sets{} })
	w.sell(lazy, "kim", 1, 2, 3)
	if walk, err := lazy.Reconcile(t.Context()); err != nil || walk != (mint.Walk{Checked: 3, Differences: 2}) {
		t.Errorf("walk is %+v, %v", walk, err)
	}
	for i, d := range w.differences() {
		if d != (mint.Difference{Ticket: ids[i], What: mint.Unexpected, Got: "held"}) {
			t.Errorf("difference is %+v", d)
		}
	}
}

// What is being worked on is not compared: it is about to change.
func TestReconcileLeavesWorkAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.sell(worker, "kim", 1)
	if walk, err := worker.Reconcile(t.Context()); err != nil || walk != (mint.Walk{Skipped: 1}) {
		t.Errorf("walk is %+v, %v", walk, err)
	}
}

// A fork undoes what was final, which no cluster should: it is reported, and nothing is
// minted again by itself.
func TestForkBeyondFinality(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.finalize() // so that the payer's purse stays
	w.finalize()
	ids := w.sell(worker, "kim", 1, 2)
	stop := w.run(worker)
	w.settle(ids...)
	stop()
	if walk, err := worker.Recheck(t.Context()); err != nil || walk.Differences != 0 || walk.Checked != 2 {
		t.Fatalf("before: %+v, %v", walk, err)
	}
	tip, err := w.client(w.net.URL).Tip(t.Context(), chain.Processed, 0)
	must(t, err)
	landed := min(w.history(ids[0])[0].Slot, w.history(ids[1])[0].Slot)
	_, err = w.net.Fork(t.Context(), int(tip.Slot-landed)+20)
	must(t, err)
	w.finalize()
	if w.onChain(ids[0], "kim").Form != token.None {
		t.Fatal("the fork has undone nothing")
	}
	before, err := w.net.Stats(t.Context())
	must(t, err)
	stop = w.run(worker)
	walk, err := worker.Recheck(t.Context())
	if err != nil || walk.Differences != 2 {
		t.Errorf("after: %+v, %v", walk, err)
	}
	want := []mint.Difference{
		{Ticket: ids[0], What: mint.Undone, Want: "held " + walletOf("kim"), Got: "none"},
		{Ticket: ids[1], What: mint.Undone, Want: "held " + walletOf("kim"), Got: "none"},
	}
	if got := w.differences(); !slices.Equal(got, want) {
		t.Errorf("differences are %+v\nwant %+v", got, want)
	}
	stop()
	after, err := w.net.Stats(t.Context())
	must(t, err)
	if after.Calls["sendTransaction"] != before.Calls["sendTransaction"] {
		t.Error("something was sent to put it right")
	}
}
