package mint_test

import (
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

// fast is a cluster whose block hashes last for a second and a half, for tests that
// wait for that.
var fast = localnet.Options{Slot: 10 * time.Millisecond, Seed: 11}

// A transaction that nobody ever saw is signed anew, but not before its last height has
// passed.
func TestExpired(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", many(20)...)
	had := w.balance()
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
	w.run(worker)
	first := map[string]bool{}
	w.until("signed is all", func() bool {
		for _, id := range ids {
			for _, a := range w.history(id) {
				if a.Signature != "" {
					first[a.Signature] = true
				}
			}
		}
		return len(first) >= len(ids)
	})
	w.until("signed is something anew", func() bool { return w.history(ids[0])[0].Attempt > 1 })
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.settle(ids...)
	w.exactlyOnce(ids, "kim", had)
	stats, err := w.net.Stats(t.Context())
	must(t, err)
	if stats.Failed > 0 {
		t.Errorf("%d transactions failed: two for one ticket were alive at once", stats.Failed)
	}
}

// What nobody takes for too long is given up, and tried anew when a person says so.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	worker := w.worker(func(c *mint.Config) { c.Attempts = 2 })
	id := w.sell(worker, "kim", 1)[0]
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
	had := w.balance()
	w.run(worker)
	w.until("given up is it", func() bool { return w.token(id).Stuck == mint.GaveUp })
	if a := w.history(id)[0]; a.State != mint.Failed || a.Attempt != 2 || a.Fee != 0 || had != w.balance() {
		t.Errorf("given up is %+v; it cost %d", a, had-w.balance())
	}
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	n, err := w.tokens.Retry(t.Context(), id, false)
	if err != nil || n != 1 {
		t.Fatalf("retried are %d, %v", n, err)
	}
	worker.Wake()
	w.settle(id)
	w.exactlyOnce([]ticket.ID{id}, "kim", had)
}

// Two nodes of one cluster, of which one is behind and the other has enough half of the
// time, so that answers come from both in turns: none makes the worker sign a second
// transaction while the first can still get into a block. Many do so at the last moment.
func TestNodeBehind(t *testing.T) {
	t.Parallel()
	const n = 60
	w := newWorld(t)
	worker := w.worker(func(c *mint.Config) { c.Chain = w.client(w.net.URL, w.net.Second.URL) })
	ids := w.sell(worker, "kim", many(n)...)
	had := w.balance()
	must(t, w.net.Faults(t.Context(), localnet.Faults{Busy: .5, Late: .6, LateSlots: 130}))
	must(t, w.net.Second.Faults(t.Context(), localnet.Faults{Behind: 25, Late: .6, LateSlots: 130}))
	w.run(worker)
	w.everySettled(n)
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.exactlyOnce(ids, "kim", had)
	stats, err := w.net.Stats(t.Context())
	must(t, err)
	if stats.Failed > 0 {
		t.Errorf("%d transactions failed: two for one ticket were alive at once", stats.Failed)
	}
}

// A worker that has just started knows no newer block than a node shows it. One that is
// far behind shows the token where it was before its last move: that is not taken for
// what is wanted now.
func TestNodeFarBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	stop := w.run(worker)
	id := w.sell(worker, "kim", 1)[0]
	w.settle(id)
	_, err := w.net.Tick(t.Context(), 100)
	must(t, err)
	w.give(worker, id, "lee")
	w.settle(id)
	stop()
	must(t, w.net.Second.Faults(t.Context(), localnet.Faults{Behind: 100}))
	behind := w.worker(func(c *mint.Config) { c.Chain = w.client(w.net.Second.URL) })
	w.give(behind, id, "kim")
	w.run(behind)
	w.until("it sees that the node is behind", func() bool { return w.heard.troubles()["behind"] > 0 || w.token(id).Owner == walletOf("kim") })
	// On a busy machine the node may have come as far as the move meanwhile.
	if all := w.history(id); len(all) != 3 || all[2].State != mint.Wanted && all[2].Attempt == 0 {
		t.Errorf("believed a node that is behind: %+v", all)
	}
	must(t, w.net.Second.Faults(t.Context(), localnet.Faults{}))
	w.settle(id)
	if o := w.onChain(id, "kim"); !o.Holds || len(w.signed(id)) != 3 {
		t.Errorf("moved back is %+v, %+v", o, w.history(id))
	}
}

// A node that forgets what it knew of transactions cannot make the worker do them again.
func TestNodeForgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", many(10)...)
	had := w.balance()
	w.run(worker)
	w.until("on chain is one", func() bool { return w.onChain(ids[0], "kim").Holds })
	must(t, w.net.Forget(t.Context()))
	w.everySettled(len(ids))
	w.exactlyOnce(ids, "kim", had)
}

// A fork undoes what had been seen confirmed: it is done again, once.
func TestFork(t *testing.T) {
	t.Parallel()
	for name, fork := range map[string]func(w *world) error{
		"gone for good": func(w *world) error { _, err := w.net.Fork(t.Context(), 25); return err },
		"landed again":  func(w *world) error { _, err := w.net.ForkAgain(t.Context(), 25, 3); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, localnet.Options{Slot: 60 * time.Millisecond, Seed: 11}) // so that it is seen confirmed before it is final
			worker := w.worker(nil)
			ids := w.sell(worker, "kim", many(10)...)
			had := w.balance()
			stop := w.run(worker)
			w.until("confirmed is one", func() bool {
				a := w.history(ids[0])
				return len(a) > 0 && a[0].State == mint.Confirmed
			})
			must(t, fork(w))
			w.everySettled(len(ids))
			stop()
			w.exactlyOnce(ids, "kim", had)
		})
	}
}

// The fee payer is empty: what it cannot pay waits, with an alarm, and goes on by
// itself when it can. Nothing is signed that would fail.
func TestEmptyPayer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.payer = keyFor("pauper")
	w.roles.Payer = publicOf(w.payer)
	w.fill(20_000_000) // of two or three tokens
	worker := w.worker(func(c *mint.Config) { c.Batch = 2 })
	ids := w.sell(worker, "kim", many(8)...)
	had := w.balance()
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1})) // what is on its way is spent already
	w.run(worker)
	waiting := func() (n int) {
		for _, id := range ids {
			if all := w.history(id); len(all) > 0 && all[0].Reason == mint.NoFunds {
				n++
			}
		}
		return n
	}
	w.until("waiting are some, and an alarm is raised", func() bool { return waiting() >= 5 && w.heard.isLow() && worker.Status().Low })
	if n := len(ids) - waiting(); n > 3 {
		t.Errorf("%d were signed with what is enough for three", n)
	}
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.fill(sol)
	had += sol
	w.everySettled(len(ids))
	w.exactlyOnce(ids, "kim", had)
	stats, err := w.net.Stats(t.Context())
	must(t, err)
	if stats.Failed > 0 {
		t.Errorf("%d transactions failed", stats.Failed)
	}
	w.until("the alarm is over", func() bool { return !w.heard.isLow() || w.balance() < 20_000_000 })
}

// Two workers, as at two centrals of which one takes over from the other: each token is
// there once and paid for once.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	const n = 100
	w := newWorld(t)
	first, second := w.worker(nil), w.worker(nil)
	ids := w.sell(first, "kim", many(n)...)
	had := w.balance()
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: .1}))
	w.run(first)
	w.run(second)
	w.everySettled(n)
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.exactlyOnce(ids, "kim", had)
	stats, err := w.net.Stats(t.Context())
	must(t, err)
	if stats.Failed > 0 {
		t.Errorf("%d transactions failed: both signed one for the same ticket", stats.Failed)
	}
}

// Somebody has sent lamports to where a token is to be: that does not keep it from being
// made, and is taken off its price.
func TestPrefunded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", 1, 2)
	key, err := token.Address(w.roles.Authority, token.TicketSeed(secret(), ids[0][:]))
	must(t, err)
	must(t, w.net.Airdrop(t.Context(), key.String(), 1_000_000))
	had := w.balance()
	w.run(worker)
	w.settle(ids...)
	w.exactlyOnce(ids, "kim", had)
	if a, b := w.history(ids[0])[0], w.history(ids[1])[0]; b.Rent-a.Rent != 1_000_000 {
		t.Errorf("rent is %d, and %d of one that nobody had sent anything to", a.Rent, b.Rent)
	}
}

// A store that knows nothing of a token, as one that was restored, finds it where it is:
// what is held is taken for it, and what was burned is not minted again.
func TestFormerLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", 1, 2)
	stop := w.run(worker)
	w.settle(ids...)
	w.refund(worker, ids[1])
	w.settle(ids...)
	stop()

	w.restart()
	worker = w.worker(nil)
	w.sell(worker, "kim", 1, 2)
	had := w.balance()
	w.run(worker)
	w.settle(ids[0])
	w.until("stuck is what was burned", func() bool { return w.token(ids[1]).Stuck == mint.Tombstone })
	if a := w.history(ids[0])[0]; a.Attempt != 0 || a.State != mint.Finalized || had != w.balance() {
		t.Errorf("what is on chain already: %+v; it cost %d", a, had-w.balance())
	}
	if o := w.onChain(ids[1], "kim"); o.Form != token.Burned {
		t.Errorf("what was burned is %+v", o)
	}
	w.refund(worker, ids[1])
	if _, err := w.tokens.Retry(t.Context(), ids[1], false); err != nil {
		t.Fatal(err)
	}
	worker.Wake()
	w.until("at rest is what was burned", func() bool { return w.token(ids[1]).Is == mint.Burned && w.atRest(ids[1]) })
}

// The tokens of a store are on one cluster, and of one pair of authority and secret:
// with another, nothing is signed.
func TestOtherCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	if _, err := w.tokens.Cluster(t.Context(), "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"); err != nil {
		t.Fatal(err)
	}
	id := w.sell(worker, "kim", 1)[0]
	w.run(worker)
	w.until("it says so", func() bool { return worker.Status().Trouble == "cluster" })
	if all := w.history(id); len(all) != 0 {
		t.Errorf("done was %+v", all)
	}
}

func TestOtherKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.sell(w.worker(nil), "kim", 1)[0]
	worker := w.worker(func(c *mint.Config) { c.Secret = append(secret(), 1) })
	w.run(worker)
	w.until("it says so", func() bool { return w.heard.troubles()["keys"] > 0 })
	if all := w.signed(id); len(all) != 0 {
		t.Errorf("signed was %+v", all)
	}
}

// A node that says of a transaction that it is final is not believed unless it shows
// what came of it.
func TestLyingNode(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	spy := &spy{}
	spy.lie(true)
	worker := w.worker(func(c *mint.Config) { c.Chain = w.spied(spy) })
	id := w.sell(worker, "kim", 1)[0]
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
	had := w.balance()
	w.run(worker)
	w.until("it sees that there is nothing", func() bool { return w.heard.troubles()["effect"] > 0 || w.token(id).Is != mint.None })
	if k := w.token(id); k.Is != mint.None {
		t.Fatalf("believed: %+v", k)
	}
	spy.lie(false)
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.settle(id)
	w.exactlyOnce([]ticket.ID{id}, "kim", had)
}

// A mint that was given up has landed after all, and the ticket was refunded: the token
// is burned where it is.
func TestBurnedWhereItIs(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	worker := w.worker(func(c *mint.Config) { c.Attempts = 1 })
	id := w.sell(worker, "kim", 1)[0]
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
	w.run(worker)
	w.until("given up is it", func() bool { return w.token(id).Stuck == mint.GaveUp })
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.act(token.Mint, token.Held, id, "", "kim")
	w.refund(worker, id)
	_, err := w.tokens.Retry(t.Context(), id, false)
	must(t, err)
	worker.Wake()
	w.until("burned is it", func() bool { return w.token(id).Is == mint.Burned && w.atRest(id) })
	if o := w.onChain(id, "kim"); o.Form != token.Burned || o.Holds {
		t.Errorf("on chain is %+v, done was %+v", o, w.history(id))
	}
}

// What was signed is seen through, whatever becomes of its ticket: a copy of it may be
// anywhere. Then it is undone.
func TestSignedIsSeenThrough(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	worker := w.worker(nil)
	id := w.sell(worker, "kim", 1)[0]
	must(t, w.net.Faults(t.Context(), localnet.Faults{Drop: 1}))
	w.run(worker)
	w.until("signed is it", func() bool { return len(w.signed(id)) == 1 })
	w.refund(worker, id)
	w.until("signed anew is it", func() bool { return w.history(id)[0].Attempt > 1 || w.history(id)[0].State == mint.Dropped })
	must(t, w.net.Faults(t.Context(), localnet.Faults{}))
	w.until("burned is it", func() bool { return w.token(id).Is == mint.Burned && w.atRest(id) })
	if all := w.history(id); len(all) != 2 || all[0].State != mint.Finalized || all[1].Kind != mint.Burn || w.onChain(id, "kim").Form != token.Burned {
		t.Errorf("done was %+v", all)
	}
}
