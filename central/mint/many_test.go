package mint_test

import (
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/token"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
)

// many are so many numbers.
func many(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// everySettled waits until no token is other than it shall be.
func (w *world) everySettled(n int) {
	w.Helper()
	w.until("settled are all", func() bool {
		all, err := w.tokens.Tally(w.Context())
		must(w.T, err)
		if all.Stuck > 0 {
			w.Fatalf("stuck: %+v", all)
		}
		open := int64(0)
		for s, n := range all.Actions {
			if s.Open() {
				open += n
			}
		}
		return all.Unsettled == 0 && open == 0 && all.Forms[mint.Held]+all.Forms[mint.Free]+all.Forms[mint.Burned] >= int64(n)
	})
}

// exactlyOnce checks that each ticket has one held token in its account's wallet, and
// that the payer paid what the store says and no more.
func (w *world) exactlyOnce(ids []ticket.ID, account string, had int64) {
	w.Helper()
	var spent int64
	signed := 0
	for i, o := range w.allOnChain(ids, account) {
		id := ids[i]
		if o.Form != token.Held || !o.Holds {
			w.Errorf("ticket %s: on chain is %+v", id, o)
		}
		minted := 0
		for _, a := range w.history(id) {
			if a.Kind == mint.Mint && a.State == mint.Finalized {
				minted++
			}
			spent += a.Fee + a.Rent
			signed += a.Attempt
		}
		if minted != 1 {
			w.Errorf("ticket %s: %d mints are final", id, minted)
		}
	}
	stats, err := w.net.Stats(w.Context())
	must(w.T, err)
	if had -= w.balance(); had != spent {
		w.Errorf("the payer paid %d lamports, the store says %d", had, spent)
	}
	w.Logf("%d tokens: signed %d times, landed %d, failed %d, dropped %d, late %d, busy %d; %d calls", len(ids), signed, stats.Landed, stats.Failed, stats.Dropped, stats.Late, stats.Busy, stats.Total())
}

// A thousand tickets are minted exactly once through two nodes that answer 429 to some
// calls, lose some transactions and hold back others, and swallow everything for five
// seconds, and through a fork that undoes what had been seen confirmed.
func TestManyThroughFaults(t *testing.T) {
	t.Parallel()
	const n = 1000
	w := newWorldOf(t, localnet.Options{Slot: 50 * time.Millisecond, Seed: 7})
	worker := w.worker(func(c *mint.Config) { c.Chain = w.client(w.net.URL, w.net.Second.URL) })
	ids := w.sell(worker, "kim", many(n)...)
	had := w.balance()
	both := func(f localnet.Faults) {
		must(t, w.net.Faults(t.Context(), f))
		must(t, w.net.Second.Faults(t.Context(), f))
	}
	weather := localnet.Faults{Busy: .15, Drop: .2, Late: .1, LateSlots: 40}
	both(weather)
	start := time.Now()
	w.run(worker)
	w.until("some are on chain", func() bool {
		all, err := w.tokens.Tally(t.Context())
		must(t, err)
		return all.Actions[mint.Confirmed]+all.Forms[mint.Held] > n/10
	})
	_, err := w.net.Fork(t.Context(), 10)
	must(t, err)
	hole := weather
	hole.BlackHole = true
	both(hole)
	time.Sleep(5 * time.Second) // the hole's length is what is tested
	both(weather)
	w.everySettled(n)
	t.Logf("%d in %s", n, time.Since(start))
	both(localnet.Faults{})
	w.exactlyOnce(ids, "kim", had)
}
