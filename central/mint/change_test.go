package mint_test

import (
	"context"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
)

// A ticket is given away, refunded, or its holder goes in, while its token is being
// minted: at each step of it. What is minted by then is moved, burned or freed; what is
// not is never minted where it does not belong.
func TestChangeAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]string{
		"early":  {"opened", "planned", "signed", "prepared"},
		"midway": {"send", "sent", "noted", "looked"},
		"late":   {"confirmed", "final", "finalized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changedAt(t, steps)
		})
	}
}

func changedAt(t *testing.T, steps []string) {
	w := newWorldOf(t, fast)
	for i, step := range steps {
		worker := w.worker(nil)
		ids := []ticket.ID{tid(10*i + 1), tid(10*i + 2), tid(10*i + 3)}
		var once sync.Once
		worker.PauseAt(func(_ context.Context, at string) error {
			if at == step {
				once.Do(func() { //nolint:contextcheck // the test's, not the worker's
					w.give(worker, ids[0], "lee")
					w.refund(worker, ids[1])
					w.admit(worker, ids[2])
				})
			}
			return nil
		})
		w.sell(worker, "kim", numberOf(ids[0]), numberOf(ids[1]), numberOf(ids[2]))
		stop := w.run(worker)
		w.until(step+": all are as they shall be", func() bool {
			given, refunded, admitted := w.token(ids[0]), w.token(ids[1]), w.token(ids[2])
			return given.Is == mint.Held && given.Owner == walletOf("lee") && refunded.Is == mint.Burned && admitted.Is == mint.Free &&
				w.atRest(ids[0]) && w.atRest(ids[1]) && w.atRest(ids[2])
		})
		stop()
		if o := w.onChain(ids[0], "lee"); o.Form != token.Held || !o.Holds || w.onChain(ids[0], "kim").Holds {
			t.Errorf("%s: given away: %+v", step, o)
		}
		if o := w.onChain(ids[1], "kim"); o.Form != token.Burned && o.Form != token.None || o.Holds {
			t.Errorf("%s: refunded: %+v", step, o)
		}
		if o := w.onChain(ids[2], "kim"); o.Form != token.Free || !o.Holds {
			t.Errorf("%s: admitted: %+v", step, o)
		}
		if step == "opened" { // then nothing was signed that nobody wanted any more
			if n := len(w.signed(ids[1])); n != 0 {
				t.Errorf("%d transactions for a ticket that was refunded before: %+v", n, w.history(ids[1]))
			}
			if all := w.signed(ids[0]); len(all) != 1 || all[0].To != walletOf("lee") {
				t.Errorf("given away before anything was signed: %+v", w.history(ids[0]))
			}
		}
	}
}

// signed are a token's actions that were.
func (w *world) signed(id ticket.ID) (out []mint.Action) {
	w.Helper()
	for _, a := range w.history(id) {
		if a.Attempt > 0 {
			out = append(out, a)
		}
	}
	return out
}

// Wishes that come twice, late and in any order come to the same.
func TestWishesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.run(worker)
	ids := w.sell(worker, "kim", 1, 2)
	w.settle(ids...)
	w.refund(worker, ids[1])
	w.settle(ids...)
	c := worker.Consumer()
	rows, _, err := w.store.Outbox().Rows(t.Context(), 0, c.Kinds, 100)
	must(t, err)
	for range 3 {
		for i := range rows {
			must(t, c.Handle(t.Context(), rows[len(rows)-1-i:][:1]))
		}
	}
	w.settle(ids...)
	for i, want := range []int{1, 2} {
		if n := len(w.history(ids[i])); n != want {
			t.Errorf("ticket %d: %d actions, want %d", i, n, want)
		}
	}
}

// Where somebody links a wallet of their own, what they hold goes there, and comes
// back when they unlink it.
func TestWalletLinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.run(worker)
	id := w.sell(worker, "kim", 1)[0]
	w.settle(id)
	w.purses.link("kim", walletOf("kim's own"))
	w.linked(worker, "kim")
	w.settle(id)
	if o := w.onChain(id, "kim's own"); o.Form != token.Held || !o.Holds || !o.Frozen {
		t.Errorf("linked: %+v", o)
	}
	if a := w.history(id)[1]; a.Rent > 0 {
		t.Errorf("the emptied account's rent did not come back: %+v", a)
	}
	w.purses.link("kim", "")
	w.linked(worker, "kim")
	w.settle(id)
	if o := w.onChain(id, "kim"); o.Form != token.Held || !o.Holds || !o.Frozen {
		t.Errorf("unlinked: %+v", o)
	}
}
