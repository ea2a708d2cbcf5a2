package mint_test

import (
	"bytes"
	"testing"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

// A transaction is never shown to a node with its signatures before it is stored: who
// sees it could send it.
func TestStoredBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spy := &spy{sending: func(wire []byte) {
		tx, err := solana.TransactionFromBytes(wire)
		must(t, err)
		stored := func(id ticket.ID) bool {
			all := w.history(id)
			return len(all) == 1 && all[0].Signature == tx.Signatures[0].String() && bytes.Equal(all[0].Wire, wire) && all[0].LastHeight > 0
		}
		if !stored(tid(1)) && !stored(tid(2)) {
			t.Error("a transaction was sent that is not on disk")
		}
	}}
	worker := w.worker(func(c *mint.Config) { c.Chain = w.spied(spy) })
	ids := w.sell(worker, "kim", 1, 2)
	stop := w.run(worker)
	w.settle(ids...)
	stop()
	if len(spy.simulated) == 0 || len(spy.sent) != 2 {
		t.Fatalf("simulated %d, sent %d", len(spy.simulated), len(spy.sent))
	}
	for _, wire := range spy.simulated {
		tx, err := solana.TransactionFromBytes(wire)
		must(t, err)
		for _, sig := range tx.Signatures {
			if sig != (solana.Signature{}) {
				t.Error("a signed transaction was simulated")
			}
		}
	}
	for _, wire := range spy.sent {
		if fee := mint.FeeOf(wire); fee != 10_000 {
			t.Errorf("fee of what was sent is %d", fee)
		}
	}
}
