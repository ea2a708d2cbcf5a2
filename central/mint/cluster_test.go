package mint_test

import (
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/testdata/localnet"
)

// Nodes of another cluster than that of the tokens are asked nothing about them: beside
// one of theirs they do no harm, and alone they make no token differ from what is kept.
func TestNodesOfOtherCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := localnet.Test(t, localnet.Options{Slot: 50 * time.Millisecond, Seed: 4711})
	first := w.worker(nil)
	had := w.balance()
	ids := w.sell(first, "kim", 1)
	stop := w.run(first)
	w.settle(ids...)
	stop()

	astray := w.worker(func(c *mint.Config) { c.Chain = w.client(other.URL) })
	for range 2 {
		if sum, err := astray.Reconcile(t.Context()); !errors.Is(err, mint.ErrGenesis) || sum.Checked != 0 {
			t.Errorf("compared with another cluster: %+v, %v", sum, err)
		}
	}
	both := w.worker(func(c *mint.Config) { c.Chain = w.client(other.URL, w.net.URL) })
	ids = append(ids, w.sell(both, "kim", 2)...)
	w.run(both)
	w.settle(ids...)
	w.exactlyOnce(ids, "kim", had)
	if sum, err := both.Reconcile(t.Context()); err != nil || sum.Checked != 2 || sum.Differences != 0 {
		t.Errorf("compared by way of the node that is theirs: %+v, %v", sum, err)
	}
	if all, err := w.tokens.DifferencesAfter(t.Context(), mint.Difference{}, 10); err != nil || len(all) != 0 {
		t.Errorf("differences %+v, %v", all, err)
	}
}
