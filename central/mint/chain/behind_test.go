package chain_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
)

// An answer that is older than what was seen is asked for elsewhere.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := &cluster{answer: perHost(map[string]func(call) reply{"old.example": well(900), "new.example": well(1000)})}
		ahead, _ := open(t, nodes, chain.Config{}, "new.example", "old.example")
		if _, err := ahead.Tip(t.Context(), chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}

		client, _ := open(t, nodes, chain.Config{}, "old.example", "new.example")
		tip := func(minSlot uint64) chain.Tip {
			t.Helper()
			tip, err := client.Tip(t.Context(), chain.Confirmed, minSlot)
			if err != nil {
				t.Fatal(err)
			}
			return tip
		}
		if got := tip(0); got.Slot != 900 { // nobody knows better yet
			t.Errorf("got %+v", got)
		}
		if got := tip(950); got.Slot != 1000 {
			t.Errorf("got %+v where slot 950 is the least", got)
		}
		if got := tip(0); got.Slot != 1000 {
			t.Errorf("got %+v though slot 1000 was seen", got)
		}
		// other commitments are other clocks
		if got, err := client.Tip(t.Context(), chain.Finalized, 0); err != nil || got.Slot != 900 {
			t.Errorf("got %+v, %v", got, err)
		}
		if states := client.Nodes(); states[0].Behind != 100 || states[1].Behind != 0 {
			t.Errorf("got states %+v", states)
		}

		// a little behind is nothing
		within, _ := open(t, nodes, chain.Config{MaxBehind: 100}, "old.example", "new.example")
		if _, err := within.Tip(t.Context(), chain.Confirmed, 950); err != nil {
			t.Fatal(err)
		}
		if got, err := within.Tip(t.Context(), chain.Confirmed, 0); err != nil || got.Slot != 900 {
			t.Errorf("got %+v, %v; 100 slots behind were allowed", got, err)
		}
	})
}

// The least slot is asked for, and checked: a node may not know the option.
func TestMinSlotIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := &cluster{answer: well(1000)}
		client, _ := open(t, nodes, chain.Config{}, "only.example")
		_, err := client.Balance(t.Context(), chain.Key{}, chain.Finalized, 1001)
		want(t, err, chain.ErrBehind)
		if got := string(nodes.asked("getBalance")[0].params); got != `["11111111111111111111111111111111",{"commitment":"finalized","minContextSlot":1001}]` {
			t.Errorf("asked %s", got)
		}
		if n := len(nodes.asked("getBalance")); n != 3 {
			t.Errorf("asked %d times; a node that is behind by much is not waited for", n)
		}
	})
}

// One wild slot, or a cluster that is set back, holds nobody up for long.
func TestMarkFades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot atomic.Uint64
		slot.Store(5_000_000)
		nodes := &cluster{answer: func(did call) reply { return well(slot.Load())(did) }}
		client, _ := open(t, nodes, chain.Config{}, "only.example")
		tip := func() error {
			_, err := client.Tip(t.Context(), chain.Confirmed, 0)
			return err
		}
		if err := tip(); err != nil {
			t.Fatal(err)
		}
		slot.Store(1000)
		want(t, tip(), chain.ErrBehind)
		time.Sleep(time.Minute)
		want(t, tip(), chain.ErrBehind)
		time.Sleep(2 * time.Minute)
		if err := tip(); err != nil {
			t.Errorf("a slot that nobody has shown for minutes still counts: %v", err)
		}
	})
}

// A block hash that is said to last for ever would keep its transaction from being
// signed anew.
func TestBlockhashThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, last := range map[string]any{"ever": uint64(1) << 52, "a day": 990 + 200_000, "never": 0, "fraction": 1.5} {
			nodes := &cluster{answer: func(did call) reply {
				if did.host == "liar.example" && did.method == "getLatestBlockhash" {
					return reply{result: at(1000, map[string]any{"blockhash": genesis, "lastValidBlockHeight": last})}
				}
				return well(1000)(did)
			}}
			client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "liar.example", "good.example")
			b, err := client.Blockhash(t.Context(), chain.Confirmed)
			if err != nil || b.LastHeight != 990+150 || b.Slot != 1000 || b.Hash != genesis {
				t.Errorf("%s: got %+v, %v", name, b, err)
			}
		}
	})
}

func TestImpossibleTips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tip := range map[string]any{
			"more blocks than slots": map[string]any{"absoluteSlot": 1000, "blockHeight": 2000},
			"no height":              map[string]any{"absoluteSlot": 1000},
			"no slot":                map[string]any{"blockHeight": 0},
			"nothing":                nil,
		} {
			nodes := &cluster{answer: func(did call) reply {
				if did.method == "getEpochInfo" {
					return reply{result: tip}
				}
				return well(1000)(did)
			}}
			client, _ := open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
			if got, err := client.Tip(t.Context(), chain.Confirmed, 0); !errors.Is(err, chain.ErrUnavailable) {
				t.Errorf("%s: got %+v, %v", name, got, err)
			}
		}
	})
}
