package chain_test

import (
	"errors"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
	"github.com/con-ting/conting/testdata/localnet"
)

// two starts a cluster whose slots pass by hand, and a client of both of its nodes.
func two(t *testing.T, cfg chain.Config) (*localnet.Net, *chain.Client) {
	t.Helper()
	net := localnet.Test(t, localnet.Options{})
	if err := net.Airdrop(t.Context(), signerOf(t, payer).Public().String(), 10*sol); err != nil {
		t.Fatal(err)
	}
	tick(t, net, 40)
	return net, real(t, cfg, net.URL, net.Second.URL)
}

func tick(t *testing.T, net *localnet.Net, slots int) {
	t.Helper()
	if _, err := net.Tick(t.Context(), slots); err != nil {
		t.Fatal(err)
	}
}

// set makes a node do wrong.
func set(t *testing.T, n *localnet.Node, f localnet.Faults) {
	t.Helper()
	if err := n.Faults(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// A node that has fallen behind is passed over, by what was seen of others and by what
// is asked for.
func TestNodeFallsBehind(t *testing.T) {
	t.Parallel()
	net, c := two(t, chain.Config{})
	first, err := c.Tip(t.Context(), chain.Confirmed, 0)
	if err != nil {
		t.Fatal(err)
	}
	set(t, &net.Node, localnet.Faults{Behind: 80})
	tick(t, net, 40)
	tip, err := c.Tip(t.Context(), chain.Confirmed, first.Slot+1)
	if err != nil || tip.Slot != first.Slot+40 {
		t.Errorf("got %+v, %v; want 40 slots after %+v", tip, err, first)
	}
	for _, ask := range []func() (uint64, error){
		func() (uint64, error) { tip, err := c.Tip(t.Context(), chain.Confirmed, 0); return tip.Slot, err },
		func() (uint64, error) { b, err := c.Blockhash(t.Context(), chain.Confirmed); return b.Slot, err },
		func() (uint64, error) {
			_, slot, err := c.Accounts(t.Context(), []chain.Key{{}}, chain.Confirmed, tip.Slot)
			return slot, err
		},
	} {
		if slot, err := ask(); err != nil || slot < tip.Slot {
			t.Errorf("got slot %d, %v; want at least %d", slot, err, tip.Slot)
		}
	}
	set(t, net.Second, localnet.Faults{Behind: 80})
	_, err = c.Tip(t.Context(), chain.Confirmed, tip.Slot)
	want(t, err, chain.ErrBehind)
	set(t, &net.Node, localnet.Faults{})
	if got, err := c.Tip(t.Context(), chain.Confirmed, tip.Slot); err != nil || got.Slot != tip.Slot {
		t.Errorf("got %+v, %v though one has caught up", got, err)
	}
}

// A hole swallows the first node in the middle of everything.
func TestBlackHole(t *testing.T) {
	t.Parallel()
	net, c := two(t, chain.Config{Timeout: 2 * time.Second})
	if _, err := c.Tip(t.Context(), chain.Confirmed, 0); err != nil {
		t.Fatal(err)
	}
	set(t, &net.Node, localnet.Faults{BlackHole: true})
	tx := send(t, c, 1)
	for range 10 {
		if _, _, err := c.Statuses(t.Context(), []chain.Signature{tx.Signature}, false, 0); err != nil {
			t.Fatal(err)
		}
	}
	if state := c.Nodes()[0]; state.Problem != "unavailable" || state.Name == "" {
		t.Errorf("got state %+v", state)
	}
	set(t, &net.Node, localnet.Faults{})
	tick(t, net, 2)
	landed(t, c, tx)
}

// send sends a small payment through preflight.
func send(t *testing.T, c *chain.Client, lamports uint64) signed {
	t.Helper()
	hash, err := c.Blockhash(t.Context(), chain.Confirmed)
	if err != nil {
		t.Fatal(err)
	}
	tx := transferAt(t, payer, numbered(7), 1_000_000+lamports, hash)
	if err := c.Send(t.Context(), tx.Wire, true, hash.Slot); err != nil {
		t.Fatal(err)
	}
	return tx
}

// landed fails unless a transaction did what it should.
func landed(t *testing.T, c *chain.Client, tx signed) {
	t.Helper()
	got, _, err := c.Statuses(t.Context(), []chain.Signature{tx.Signature}, true, 0)
	if err != nil || got[0] == nil || got[0].Err != nil {
		t.Errorf("got %+v, %v of a transaction that was taken", got[0], err)
	}
}

// Answers that are refused, lost or late cost time and nothing else: each call is
// answered, and what it sends lands once.
func TestStormOnAChain(t *testing.T) {
	t.Parallel()
	net, c := two(t, chain.Config{Patience: 5 * time.Minute})
	for _, f := range []localnet.Faults{
		{Busy: 0.2},
		{Busy: 0.2, BusyAs: "text"},
		{Busy: 0.2, BusyAs: "rpc"},
		{Lost: 0.2},
		{Busy: 0.1, Lost: 0.1, DelayMS: 5},
	} {
		set(t, &net.Node, f)
		set(t, net.Second, f)
		before, err := c.Balance(t.Context(), numbered(7), chain.Processed, 0)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		const many = 10
		var sum uint64
		for i := range uint64(many) {
			hash, err := c.Blockhash(t.Context(), chain.Confirmed)
			if err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
			tx := transferAt(t, payer, numbered(7), 1_000_000+i, hash)
			// one whose answer was lost is sent again, and is processed already
			if err := c.Send(t.Context(), tx.Wire, true, hash.Slot); err != nil && !errors.Is(err, chain.ErrProcessed) {
				t.Fatalf("%+v: %v", f, err)
			}
			sum += 1_000_000 + i
			tick(t, net, 1)
		}
		after, err := c.Balance(t.Context(), numbered(7), chain.Processed, 0)
		if err != nil || after-before != sum {
			t.Errorf("%+v: %d lamports arrived, %v; want %d", f, after-before, err, sum)
		}
	}
}

// The life of a block hash ends by height: skipped slots do not count.
func TestExpiry(t *testing.T) {
	t.Parallel()
	net, c := two(t, chain.Config{})
	hash, err := c.Blockhash(t.Context(), chain.Confirmed)
	if err != nil {
		t.Fatal(err)
	}
	tx := transferAt(t, payer, numbered(7), 1_000_000, hash)
	if _, err := net.Skip(t.Context(), 500); err != nil {
		t.Fatal(err)
	}
	tick(t, net, 2)
	tip, err := c.Tip(t.Context(), chain.Confirmed, hash.Slot+500)
	if err != nil || tip.Height > hash.LastHeight {
		t.Fatalf("got %+v, %v; slots without blocks were counted", tip, err)
	}
	if err := c.Send(t.Context(), tx.Wire, true, 0); err != nil {
		t.Errorf("a block hash that lasts is refused: %v", err)
	}
	late := transferAt(t, payer, numbered(8), 1_000_000, hash)
	tick(t, net, 160)
	want(t, c.Send(t.Context(), late.Wire, true, 0), chain.ErrExpired)
	tip, err = c.Tip(t.Context(), chain.Confirmed, tip.Slot)
	if err != nil || tip.Height <= hash.LastHeight {
		t.Errorf("got %+v, %v; want a height above %d", tip, err, hash.LastHeight)
	}
	landed(t, c, tx)
	if got, slot, err := c.Accounts(t.Context(), []chain.Key{numbered(7), numbered(8)}, chain.Confirmed, tip.Slot); err != nil || got[0] == nil || got[1] != nil || slot < tip.Slot {
		t.Errorf("got %v at %d, %v", got, slot, err)
	}
}

// What a fork undoes is told as it is.
func TestFork(t *testing.T) {
	t.Parallel()
	net, c := two(t, chain.Config{})
	if _, err := net.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	tx := send(t, c, 1)
	tick(t, net, 3)
	landed(t, c, tx)
	if _, err := net.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	tick(t, net, 3)
	got, _, err := c.Statuses(t.Context(), []chain.Signature{tx.Signature}, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	lamports, err := c.Balance(t.Context(), numbered(7), chain.Confirmed, 0)
	if err != nil || (lamports > 0) != (got[0] != nil) {
		t.Errorf("%d lamports and status %+v, %v: they do not agree", lamports, got[0], err)
	}
}

// BenchmarkCall is what a call costs, against a node in this process.
func BenchmarkCall(b *testing.B) {
	c := &cluster{answer: well(1000)}
	client, _ := open(b, c, chain.Config{}, "only.example")
	for b.Loop() {
		if _, err := client.Balance(b.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			b.Fatal(err)
		}
	}
}
