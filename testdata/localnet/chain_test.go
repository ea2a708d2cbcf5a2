package localnet_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/testdata/localnet"
)

const fee = 5000

func TestCommitments(t *testing.T) {
	n, from, to := start(t)
	before := balance(t, &n.Node, to, "processed")
	wire := transfer(t, from, to, sol, blockhash(t, &n.Node, "finalized").Blockhash)
	land(t, &n.Node, wire)

	for depth := 0; depth <= localnet.Finality; depth++ {
		want := "processed"
		switch {
		case depth >= localnet.Finality:
			want = "finalized"
		case depth >= localnet.Confirmation:
			want = "confirmed"
		}
		s := statusOf(t, &n.Node, wire, false)
		if s == nil || s.Commitment != want {
			t.Fatalf("%d blocks deep: %+v, want %s", depth, s, want)
		}
		if (s.Confirmations == nil) != (want == "finalized") || (s.Confirmations != nil && *s.Confirmations != depth) {
			t.Errorf("%d blocks deep: confirmations %v", depth, s.Confirmations)
		}
		for i, commitment := range []string{"processed", "confirmed", "finalized"} {
			sum := before
			if depth >= []int{0, localnet.Confirmation, localnet.Finality}[i] {
				sum += sol
			}
			if got := balance(t, &n.Node, to, commitment); got != sum {
				t.Errorf("%d blocks deep, %s: %d lamports, want %d", depth, commitment, got, sum)
			}
		}
		tick(t, n, 1)
	}
}

func TestSlots(t *testing.T) {
	n, _, _ := start(t)
	slots, heights := map[string]uint64{}, map[string]uint64{}
	for _, c := range []string{"processed", "confirmed", "finalized"} {
		slots[c] = ask[uint64](t, &n.Node, "getSlot", object{"commitment": c})
		heights[c] = ask[uint64](t, &n.Node, "getBlockHeight", object{"commitment": c})
		h := ask[at[hash]](t, &n.Node, "getLatestBlockhash", object{"commitment": c})
		if h.Context.Slot != slots[c] || h.Value.Last != heights[c]+150 {
			t.Errorf("%s: blockhash of slot %d until %d, at slot %d, height %d", c, h.Context.Slot, h.Value.Last, slots[c], heights[c])
		}
	}
	if slots["processed"] != slots["confirmed"]+localnet.Confirmation || slots["processed"] != slots["finalized"]+localnet.Finality {
		t.Errorf("slots %v", slots)
	}
	blocks := ask[[]uint64](t, &n.Node, "getBlocks", 0)
	if len(blocks) != int(heights["finalized"])+1 || !slices.IsSorted(blocks) || len(slices.Compact(slices.Clone(blocks))) != len(blocks) {
		t.Errorf("blocks %v up to height %d", blocks, heights["finalized"])
	}
	if _, err := n.Skip(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	tick(t, n, 1)
	if slot, height := ask[uint64](t, &n.Node, "getSlot", object{"commitment": "processed"}), ask[uint64](t, &n.Node, "getBlockHeight", object{"commitment": "processed"}); slot != slots["processed"]+8 || height != heights["processed"]+1 {
		t.Errorf("after seven skipped slots: slot %d of %d, height %d of %d", slot, slots["processed"], height, heights["processed"])
	}
	if got := ask[uint64](t, &n.Node, "getSlot"); got != slots["finalized"]+1 {
		t.Errorf("slot %d without a commitment, final is %d", got, slots["finalized"]+1)
	}
	_, err := try[uint64](t, &n.Node, "getSlot", object{"minContextSlot": slots["finalized"] + 2})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32016 {
		t.Errorf("a slot that is not final yet: %v", err)
	}
}

// The same bytes land once, however often and wherever they are sent.
func TestOnce(t *testing.T) {
	n, from, to := start(t)
	before := balance(t, &n.Node, to, "processed")
	wire := transfer(t, from, to, sol, blockhash(t, &n.Node, "finalized").Blockhash)
	for _, node := range []*localnet.Node{&n.Node, n.Second, &n.Node} {
		land(t, node, wire)
		tick(t, n, 1)
	}
	if got := balance(t, &n.Node, to, "processed"); got != before+sol {
		t.Errorf("%d lamports after three sendings of one, %d before", got, before)
	}
}

// A blockhash is good for exactly as long as the cluster says.
func TestExpiry(t *testing.T) {
	n, from, to := start(t)
	h := blockhash(t, &n.Node, "processed")
	wires := [][]byte{transfer(t, from, to, 1, h.Blockhash), transfer(t, from, to, 2, h.Blockhash)}
	tick(t, n, 150)
	if height := ask[uint64](t, &n.Node, "getBlockHeight", object{"commitment": "processed"}); height != h.Last {
		t.Fatalf("height %d after 150 blocks, last valid %d", height, h.Last)
	}
	land(t, &n.Node, wires[0])
	tick(t, n, 1)
	if err := send(t, &n.Node, wires[1]); err != nil {
		t.Error(err)
	}
	if s := statusOf(t, &n.Node, wires[1], true); s != nil {
		t.Errorf("it landed one block after its blockhash: %+v", s)
	}
	err := sendWith(t, &n.Node, wires[1], object{"preflightCommitment": "processed"})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32002 || !strings.Contains(r.Message, "Blockhash not found") {
		t.Errorf("preflight with an old blockhash: %v", err)
	}
}

func TestFork(t *testing.T) {
	for _, depth := range []int{5, 40} {
		n, from, to := start(t)
		old := blockhash(t, &n.Node, "processed").Blockhash
		tick(t, n, 1)
		before := balance(t, &n.Node, to, "processed")
		first := transfer(t, from, to, sol, old)
		land(t, &n.Node, first)
		tick(t, n, 1)
		undone := blockhash(t, &n.Node, "processed").Blockhash
		tick(t, n, depth-2)
		height := ask[uint64](t, &n.Node, "getBlockHeight", object{"commitment": "processed"})

		if _, err := n.Fork(t.Context(), depth); err != nil {
			t.Fatal(err)
		}
		if got := ask[uint64](t, &n.Node, "getBlockHeight", object{"commitment": "processed"}); got != height+1 {
			t.Errorf("height %d before the fork and %d after", height, got)
		}
		if s := statusOf(t, &n.Node, first, true); s != nil {
			t.Errorf("undone, and still known: %+v", s)
		}
		for _, c := range []string{"processed", "confirmed", "finalized"} {
			if got := balance(t, &n.Node, to, c); got != before {
				t.Errorf("%s: %d lamports after the fork, %d before the transaction", c, got, before)
			}
		}
		if ask[at[bool]](t, &n.Node, "isBlockhashValid", undone, object{"commitment": "processed"}).Value {
			t.Error("a blockhash that was undone is valid")
		}
		lost := transfer(t, from, to, 1, undone)
		if err := send(t, &n.Node, lost); err != nil {
			t.Error(err)
		}
		if s := statusOf(t, &n.Node, lost, true); s != nil {
			t.Errorf("a transaction of the fork that was undone landed: %+v", s)
		}
		land(t, &n.Node, first) // the same bytes
		if got := balance(t, &n.Node, to, "processed"); got != before+sol {
			t.Errorf("%d lamports after it landed again, want %d", got, before+sol)
		}
	}
}

func TestForkAgain(t *testing.T) {
	n, from, to := start(t)
	wire := transfer(t, from, to, sol, blockhash(t, &n.Node, "finalized").Blockhash)
	land(t, &n.Node, wire)
	tick(t, n, 2)
	if _, err := n.ForkAgain(t.Context(), 3, 4); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if s := statusOf(t, &n.Node, wire, true); s != nil {
			t.Fatalf("too early: %+v", s)
		}
		tick(t, n, 1)
	}
	if s := statusOf(t, &n.Node, wire, true); s == nil {
		t.Error("it did not land again")
	}
}

func TestSnapshot(t *testing.T) {
	n, from, to := start(t)
	if _, err := n.Rollback(t.Context()); err == nil {
		t.Error("a rollback to no snapshot")
	}
	tick(t, n, 1)
	if _, err := n.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := balance(t, &n.Node, from, "processed")
	for i := range 10 {
		tick(t, n, 100)
		land(t, &n.Node, transfer(t, from, to, uint64(i+1), blockhash(t, &n.Node, "processed").Blockhash))
	}
	if _, err := n.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := balance(t, &n.Node, from, "finalized"); got != before {
		t.Errorf("%d lamports after a thousand slots were undone, %d before", got, before)
	}
	if _, err := n.Fork(t.Context(), 5000); err == nil {
		t.Error("a fork deeper than the chain")
	}
}

// What a transaction costs is what its payer has less.
func TestFees(t *testing.T) {
	n, from, to := start(t)
	h := blockhash(t, &n.Node, "processed").Blockhash
	budget := unbase58(t, "ComputeBudget111111111111111111111111111111")
	memo := unbase58(t, "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
	limit := call{1, nil, binary.LittleEndian.AppendUint32([]byte{2}, 90_001)}
	price := call{1, nil, binary.LittleEndian.AppendUint64([]byte{3}, 12_345)}
	text := call{2, nil, []byte("entrance 7")}
	cases := map[string]struct {
		calls []call
		want  uint64
	}{
		"no priority":      {[]call{text}, fee},
		"a limit":          {[]call{limit, text}, fee},
		"limit and price":  {[]call{limit, price, text}, fee + (90_001*12_345+999_999)/1_000_000},
		"price by default": {[]call{price, text, text}, fee + ((2*200_000+3000)*12_345+999_999)/1_000_000},
		"refused and paid": {[]call{limit, price, {2, nil, []byte{0xff}}}, fee + (90_001*12_345+999_999)/1_000_000},
	}
	for name, c := range cases {
		m := message(t, from, 2, [][]byte{budget, memo}, h, c.calls...)
		before := balance(t, &n.Node, from, "processed")
		wire := sign(from, m)
		land(t, &n.Node, wire)
		if got := before - balance(t, &n.Node, from, "processed"); got != c.want {
			t.Errorf("%s: paid %d, want %d", name, got, c.want)
		}
		if got := ask[at[uint64]](t, &n.Node, "getFeeForMessage", base64.StdEncoding.EncodeToString(m), object{"commitment": "processed"}).Value; got != c.want {
			t.Errorf("%s: estimated %d, want %d", name, got, c.want)
		}
		tick(t, n, localnet.Finality)
		type record struct {
			Meta struct {
				Fee    uint64   `json:"fee"`
				Before []uint64 `json:"preBalances"`
				After  []uint64 `json:"postBalances"`
			} `json:"meta"`
		}
		if got := ask[record](t, &n.Node, "getTransaction", signature(wire)).Meta; got.Fee != c.want || got.Before[0]-got.After[0] != c.want {
			t.Errorf("%s: recorded as %+v, want %d", name, got, c.want)
		}
	}
	// A slot's transactions are simulated where the payer stands at that slot.
	poor := somebody("poor")
	err := sendWith(t, &n.Node, transfer(t, poor, to, 1, h), object{})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32002 || !strings.Contains(r.Message, "no record of a prior credit") {
		t.Errorf("who has nothing pays: %v", err)
	}
	wire := transfer(t, poor, to, 1, h)
	if err := send(t, &n.Node, wire); err != nil {
		t.Error(err)
	}
	if s := statusOf(t, &n.Node, wire, true); s != nil {
		t.Errorf("a transaction that nobody paid is on chain: %+v", s)
	}
}

func TestRent(t *testing.T) {
	n := localnet.Test(t, localnet.Options{})
	for perByte, want := range map[uint64]uint64{6960: 2_039_280, 696: 203_928} {
		got, err := n.Rent(t.Context(), perByte)
		if err != nil || got != want {
			t.Errorf("%d a byte: %d, %v, want %d", perByte, got, err, want)
		}
		if told := ask[uint64](t, &n.Node, "getMinimumBalanceForRentExemption", 165); told != want {
			t.Errorf("%d a byte: told %d, want %d", perByte, told, want)
		}
	}
}

func TestPriorityFee(t *testing.T) {
	n := localnet.Test(t, localnet.Options{})
	if err := n.PriorityFee(t.Context(), 70_000); err != nil {
		t.Fatal(err)
	}
	type paid struct {
		Slot uint64 `json:"slot"`
		Fee  uint64 `json:"prioritizationFee"`
	}
	got := ask[[]paid](t, &n.Node, "getRecentPrioritizationFees", []string{somebody("x").address})
	if len(got) == 0 || len(got) > 150 || got[0].Fee != 70_000 {
		t.Errorf("got %v", got)
	}
}

// The same seed and the same calls make the same chain.
func TestSeed(t *testing.T) {
	run := func(seed uint32) (string, []bool) {
		n := localnet.Test(t, localnet.Options{Seed: seed})
		from, to := somebody("from"), somebody("to")
		if err := n.Airdrop(t.Context(), from.address, sol); err != nil {
			t.Fatal(err)
		}
		set(t, &n.Node, localnet.Faults{Drop: 0.5})
		h := blockhash(t, &n.Node, "processed").Blockhash
		landed := make([]bool, 40)
		for i := range landed {
			wire := transfer(t, from, to, uint64(1_000_000+i), h)
			if err := send(t, &n.Node, wire); err != nil {
				t.Fatal(err)
			}
			landed[i] = statusOf(t, &n.Node, wire, false) != nil
		}
		return h, landed
	}
	h1, landed1 := run(1)
	h2, landed2 := run(1)
	h3, landed3 := run(2)
	if h1 != h2 || len(landed1) != len(landed2) {
		t.Errorf("blockhashes %s and %s", h1, h2)
	}
	same, others := 0, 0
	for i := range landed1 {
		if landed1[i] == landed2[i] {
			same++
		}
		if landed1[i] != landed3[i] {
			others++
		}
	}
	if same != len(landed1) {
		t.Errorf("%v and then %v", landed1, landed2)
	}
	if h1 == h3 || others == 0 {
		t.Error("another seed makes the same chain")
	}
}
