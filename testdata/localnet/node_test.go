package localnet_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/localnet"
)

func TestBusy(t *testing.T) {
	n, _, _ := start(t)
	const body = `{"jsonrpc":"2.0","id":3,"method":"getSlot"}`
	for shape, want := range map[string]struct {
		status int
		says   string
	}{
		"":     {http.StatusTooManyRequests, `"code":429`},
		"json": {http.StatusTooManyRequests, `"code":429`},
		"text": {http.StatusTooManyRequests, "Too Many Requests"},
		"rpc":  {http.StatusOK, `"code":429`},
	} {
		set(t, &n.Node, localnet.Faults{Busy: 1, BusyAs: shape})
		r, err := post(t.Context(), n.URL, body)
		if err != nil || r.status != want.status || !strings.Contains(r.body, want.says) {
			t.Errorf("%q: %+v, %v", shape, r, err)
		}
		if got := r.header.Get("Retry-After"); (got == "1") != (want.status == http.StatusTooManyRequests) {
			t.Errorf("%q: retry after %q", shape, got)
		}
		if _, err := try[uint64](t, n.Second, "getSlot"); err != nil {
			t.Errorf("the other node: %v", err)
		}
	}
	s, err := n.Stats(t.Context())
	if err != nil || s.Busy != 4 || s.Calls["getSlot"] != 4 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestDropAndLate(t *testing.T) {
	n, from, to := start(t)
	h := blockhash(t, &n.Node, "processed").Blockhash
	set(t, &n.Node, localnet.Faults{Drop: 1})
	dropped := transfer(t, from, to, 1, h)
	if err := send(t, &n.Node, dropped); err != nil {
		t.Fatal(err)
	}
	set(t, &n.Node, localnet.Faults{Late: 1, LateSlots: 3})
	late := transfer(t, from, to, 2, h)
	if err := send(t, &n.Node, late); err != nil {
		t.Fatal(err)
	}
	tick(t, n, 2)
	if s := statusOf(t, &n.Node, late, false); s != nil {
		t.Errorf("too early: %+v", s)
	}
	tick(t, n, 1)
	if s := statusOf(t, &n.Node, late, false); s == nil {
		t.Error("what was late never landed")
	}
	set(t, &n.Node, localnet.Faults{Late: 1, LateSlots: 200})
	expired := transfer(t, from, to, 3, h)
	if err := send(t, &n.Node, expired); err != nil {
		t.Fatal(err)
	}
	tick(t, n, 201)
	for _, wire := range [][]byte{dropped, expired} {
		if s := statusOf(t, &n.Node, wire, true); s != nil {
			t.Errorf("%+v", s)
		}
	}
	s, err := n.Stats(t.Context())
	if err != nil || s.Dropped != 1 || s.Late != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// An answer is lost after what was asked has been done.
func TestLost(t *testing.T) {
	n, from, to := start(t)
	wire := transfer(t, from, to, 1, blockhash(t, &n.Node, "processed").Blockhash)
	set(t, &n.Node, localnet.Faults{Lost: 1})
	if err := send(t, &n.Node, wire); err == nil {
		t.Error("an answer came")
	}
	if s := statusOf(t, n.Second, wire, false); s == nil {
		t.Error("the transaction is lost too")
	}
}

func TestBlackHole(t *testing.T) {
	n, _, _ := start(t)
	set(t, &n.Node, localnet.Faults{BlackHole: true})
	failed := make(chan error, 1)
	go func() {
		_, err := post(t.Context(), n.URL, `{"jsonrpc":"2.0","id":3,"method":"getSlot"}`)
		failed <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for { // until it has swallowed the request
		s, err := n.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.Calls["getSlot"] == 1 {
			break
		}
	}
	select {
	case err := <-failed:
		t.Errorf("something came out: %v", err)
	default:
	}
	if _, err := try[uint64](t, n.Second, "getSlot"); err != nil {
		t.Errorf("the other node: %v", err)
	}
	set(t, &n.Node, localnet.Faults{})
	if err := <-failed; err == nil {
		t.Error("the swallowed request was answered")
	}
	ask[uint64](t, &n.Node, "getSlot")
}

// A node that is behind knows nothing of what came since, and says so only to who asks
// for a slot.
func TestBehind(t *testing.T) {
	n, from, to := start(t)
	before := balance(t, &n.Node, to, "processed")
	set(t, n.Second, localnet.Faults{Behind: 20})
	tick(t, n, 3)
	h := blockhash(t, &n.Node, "processed")
	wire := transfer(t, from, to, sol, h.Blockhash)
	land(t, &n.Node, wire)

	if s := statusOf(t, n.Second, wire, true); s != nil {
		t.Errorf("a node that is behind knows %+v", s)
	}
	if got := balance(t, n.Second, to, "processed"); got != before {
		t.Errorf("a node that is behind tells %d lamports, of %d", got, before)
	}
	here := ask[uint64](t, &n.Node, "getSlot", object{"commitment": "processed"})
	there := ask[uint64](t, n.Second, "getSlot", object{"commitment": "processed"})
	if there != here-20 {
		t.Errorf("slot %d, and 20 behind %d", here, there)
	}
	_, err := try[at[uint64]](t, n.Second, "getBalance", to.address, object{"commitment": "processed", "minContextSlot": here})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32016 {
		t.Errorf("a slot it has not reached: %v", err)
	}
	next := transfer(t, from, to, 1, h.Blockhash)
	err = sendWith(t, n.Second, next, object{"preflightCommitment": "processed"})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32002 || !strings.Contains(r.Message, "Blockhash not found") {
		t.Errorf("preflight with a blockhash it has not seen: %v", err)
	}
	if err := send(t, n.Second, next); err != nil { // it passes on what it does not look at
		t.Error(err)
	}
	if s := statusOf(t, &n.Node, next, false); s == nil {
		t.Error("a node that is behind does not pass on")
	}
	tick(t, n, 20)
	if s := statusOf(t, n.Second, wire, false); s == nil {
		t.Error("a node that is behind never sees it")
	}

	if got := ask[string](t, n.Second, "getHealth"); got != "ok" {
		t.Errorf("20 behind: %s", got)
	}
	set(t, n.Second, localnet.Faults{Behind: 130})
	_, err = try[string](t, n.Second, "getHealth")
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32005 || !strings.Contains(string(r.Data), "130") {
		t.Errorf("130 behind: %v", err)
	}
}

// Preflight sees the accounts of the block that it is asked for, not the newest.
func TestPreflightOfThePast(t *testing.T) {
	n, _, to := start(t)
	fresh := somebody("fresh")
	if err := n.Airdrop(t.Context(), fresh.address, sol); err != nil {
		t.Fatal(err)
	}
	h := blockhash(t, &n.Node, "finalized").Blockhash
	wire := transfer(t, fresh, to, sol/2, h)
	if err := sendWith(t, &n.Node, wire, object{}); err == nil {
		t.Error("preflight at the final block knows money that is not final")
	}
	if got := balance(t, &n.Node, fresh, "processed"); got != sol {
		t.Errorf("a look at the past left %d lamports", got)
	}
	if err := sendWith(t, &n.Node, wire, object{"preflightCommitment": "processed"}); err != nil {
		t.Error(err)
	}
	err := sendWith(t, &n.Node, wire, object{"preflightCommitment": "processed"})
	if r := new(refusal); !errors.As(err, &r) || r.Code != -32002 || !strings.Contains(r.Message, "already been processed") {
		t.Errorf("once more: %v", err)
	}
}

func TestPreflightErrors(t *testing.T) {
	n, from, to := start(t)
	h := blockhash(t, &n.Node, "finalized").Blockhash
	err := sendWith(t, &n.Node, transfer(t, from, to, 100*sol, h), object{})
	r := new(refusal)
	if !errors.As(err, &r) || r.Code != -32002 || r.Message != "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1" ||
		!strings.Contains(string(r.Data), `"err":{"InstructionError":[0,{"Custom":1}]}`) || !strings.Contains(string(r.Data), "insufficient lamports") {
		t.Errorf("more than one has: %v", err)
	}
	wire := transfer(t, from, to, 1, h)
	wire[9] ^= 1
	err = sendWith(t, &n.Node, wire, object{})
	if r = new(refusal); !errors.As(err, &r) || r.Code != -32003 {
		t.Errorf("a signature of another: %v", err)
	}
	if err := send(t, &n.Node, wire); err != nil {
		t.Error(err)
	}
	if s := statusOf(t, &n.Node, wire, true); s != nil {
		t.Errorf("it landed without a signature: %+v", s)
	}
	failing := transfer(t, from, to, 100*sol, h)
	land(t, &n.Node, failing)
	if s := statusOf(t, &n.Node, failing, false); string(s.Err) != `{"InstructionError":[0,{"Custom":1}]}` {
		t.Errorf("failed on chain as %s", s.Err)
	}
}

func TestHistory(t *testing.T) {
	n, from, to := start(t)
	wire := transfer(t, from, to, 1, blockhash(t, &n.Node, "processed").Blockhash)
	land(t, &n.Node, wire)
	tick(t, n, 301)
	if s := statusOf(t, &n.Node, wire, false); s != nil {
		t.Errorf("a status of long ago without a search: %+v", s)
	}
	if s := statusOf(t, &n.Node, wire, true); s == nil || s.Commitment != "finalized" {
		t.Errorf("a status of long ago: %+v", s)
	}
	if err := n.Second.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, n.Second, wire, true); s != nil {
		t.Errorf("a node that forgot: %+v", s)
	}
	if tx := ask[object](t, n.Second, "getTransaction", signature(wire)); tx != nil {
		t.Errorf("a node that forgot: %v", tx)
	}
	type entry struct {
		Signature string `json:"signature"`
	}
	if got := ask[[]entry](t, &n.Node, "getSignaturesForAddress", to.address); len(got) != 2 || got[0].Signature != signature(wire) {
		t.Errorf("history of an address: %v", got)
	}
	if got := ask[[]entry](t, n.Second, "getSignaturesForAddress", to.address); len(got) != 0 {
		t.Errorf("a node that forgot: %v", got)
	}
	tick(t, n, 1)
	later := transfer(t, from, to, 1, blockhash(t, &n.Node, "processed").Blockhash)
	land(t, n.Second, later)
	if s := statusOf(t, n.Second, later, false); s == nil {
		t.Error("it forgets what came after")
	}
}

func TestSimulate(t *testing.T) {
	n, from, to := start(t)
	wire := transfer(t, from, to, sol, strings.Repeat("1", 32)) // a blockhash of nothing
	text := base64.StdEncoding.EncodeToString(wire)
	type outcome struct {
		Err      json.RawMessage `json:"err"`
		Units    int             `json:"unitsConsumed"`
		Hash     *hash           `json:"replacementBlockhash"`
		Accounts []struct {
			Lamports uint64 `json:"lamports"`
		} `json:"accounts"`
	}
	got := ask[at[outcome]](t, &n.Node, "simulateTransaction", text, object{"encoding": "base64"}).Value
	if string(got.Err) != `"BlockhashNotFound"` {
		t.Errorf("with an unknown blockhash: %s", got.Err)
	}
	got = ask[at[outcome]](t, &n.Node, "simulateTransaction", text, object{
		"encoding": "base64", "replaceRecentBlockhash": true, "accounts": object{"encoding": "base64", "addresses": []string{to.address}},
	}).Value
	if string(got.Err) != "null" || got.Units == 0 || got.Hash == nil || len(got.Accounts) != 1 || got.Accounts[0].Lamports != 11*sol {
		t.Errorf("with another blockhash: %+v", got)
	}
	if b := balance(t, &n.Node, to, "processed"); b != 10*sol {
		t.Errorf("a simulation left %d lamports", b)
	}
	wire[9] ^= 1
	text = base64.StdEncoding.EncodeToString(wire)
	if got := ask[at[outcome]](t, &n.Node, "simulateTransaction", text, object{"encoding": "base64", "replaceRecentBlockhash": true}).Value; string(got.Err) != "null" {
		t.Errorf("unsigned, and not to be verified: %s", got.Err)
	}
}
