package localnet_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/localnet"
)

// What both implementations say of the same life of a transaction.
func TestSurfpool(t *testing.T) {
	n := localnet.Surfpool(t, 50*time.Millisecond)
	node := &localnet.Node{URL: n.URL}
	from, to := somebody("from"), somebody("to")
	if err := n.Airdrop(t.Context(), from.address, 20_000*sol); err != nil {
		t.Fatal(err)
	}
	if err := n.Airdrop(t.Context(), to.address, sol); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return balance(t, node, from, "finalized") >= 20_000*sol })
	wire := transfer(t, from, to, sol, blockhash(t, node, "confirmed").Blockhash)
	if err := sendWith(t, node, wire, object{"preflightCommitment": "confirmed"}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { s := statusOf(t, node, wire, true); return s != nil && s.Commitment == "finalized" })
	if got := balance(t, node, to, "finalized"); got != 2*sol {
		t.Errorf("%d lamports", got)
	}
	text := base64.StdEncoding.EncodeToString(wire[65:])
	if got := ask[at[uint64]](t, node, "getFeeForMessage", text, object{"commitment": "confirmed"}).Value; got != fee {
		t.Errorf("fee %d", got)
	}
}

// await returns when something has come about.
func await(t *testing.T, what func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !what() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about within a minute")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
