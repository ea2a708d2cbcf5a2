package mint_test

import (
	"testing"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/central/mint/token"
)

// A ticket is sold, given to a relative, and its holder goes in: the token is minted,
// moved, and free.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.worker(nil)
	w.run(worker)
	id := w.sell(worker, "kim", 1)[0]
	w.settle(id)
	if o := w.onChain(id, "kim"); o.Form != token.Held || !o.Holds || !o.Frozen {
		t.Errorf("after the sale: %+v", o)
	}
	w.give(worker, id, "lee")
	w.settle(id)
	if o := w.onChain(id, "lee"); o.Form != token.Held || !o.Holds || !o.Frozen || w.onChain(id, "kim").Holds {
		t.Errorf("after it was given: %+v", o)
	}
	w.admit(worker, id)
	w.settle(id)
	if o := w.onChain(id, "lee"); o.Form != token.Free || !o.Holds || o.Frozen {
		t.Errorf("after the holder went in: %+v", o)
	}
	w.refund(worker, id)
	if k := w.token(id); k.Is != mint.Free || !k.Settled() {
		t.Errorf("refunded after it was free: %+v", k)
	}
	for i, kind := range []mint.Kind{mint.Mint, mint.Move, mint.Release} {
		a := w.history(id)[i]
		if a.Kind != kind || a.State != mint.Finalized || a.Attempt != 1 || a.Signature == "" || a.Slot == 0 || a.Wire != nil || a.Fee < 10000 {
			t.Errorf("history of %s: %+v", kind, a)
		}
	}
}
