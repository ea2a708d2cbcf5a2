package localnet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Finality is how many slots lie between a transaction's slot and the first at which
// it is final, Confirmation how many until it is confirmed.
const (
	Confirmation = 1
	Finality     = 32
)

// Faults are what one node does wrong, from when they are set until others are. The
// zero value is a node that works. Probabilities are from 0 to 1.
type Faults struct {
	Busy      float64 `json:"p429"`        // answers 429 and does nothing
	BusyAs    string  `json:"shape429"`    // "json" (the default), "text", or "rpc": an error in an answer of 200
	Drop      float64 `json:"pDrop"`       // takes a transaction, gives its signature, and loses it
	Late      float64 `json:"pLate"`       // takes a transaction that lands some blocks later, if its blockhash lasts
	LateSlots int     `json:"lateSlots"`   // how many; 5 if zero
	Lost      float64 `json:"pLost"`       // does what it was asked, then breaks the connection
	DelayMS   int     `json:"delayMs"`     // before each answer, in milliseconds
	Behind    int     `json:"behindSlots"` // answers as the cluster was that many blocks ago, 400 at most
	BlackHole bool    `json:"blackHole"`   // takes requests and answers none, until this is lifted
}

// Stats are what was counted since the start.
type Stats struct {
	Calls   map[string]int64 `json:"calls"`   // at this node, by method, without those of this package; faults included
	Busy    int64            `json:"busy"`    // of them, answered 429
	Dropped int64            `json:"dropped"` // transactions that this node lost
	Late    int64            `json:"late"`    // transactions that this node held back
	Lost    int64            `json:"lost"`    // answers that this node did not give
	Landed  int64            `json:"landed"`  // transactions of the chain that succeeded, forks included
	Failed  int64            `json:"failed"`  // transactions of the chain that failed and paid
	ExecMS  float64          `json:"execMs"`  // milliseconds the virtual machine took for both
}

// Total is how many calls the node was asked.
func (s Stats) Total() int64 {
	var n int64
	for _, c := range s.Calls {
		n += c
	}
	return n
}

// Node is one node of a cluster.
type Node struct {
	URL string // of its JSON-RPC
}

// Faults makes the node do wrong from now on.
func (n *Node) Faults(ctx context.Context, f Faults) error {
	return n.call(ctx, nil, "localnet_faults", f)
}

// Stats returns what was counted.
func (n *Node) Stats(ctx context.Context) (s Stats, err error) {
	return s, n.call(ctx, &s, "localnet_stats")
}

// Forget has the node forget what it knows of transactions up to now: their statuses
// and themselves, not what they did.
func (n *Node) Forget(ctx context.Context) error { return n.call(ctx, nil, "localnet_forget") }

// Tick lets that many slots pass and returns the cluster's.
func (n *Net) Tick(ctx context.Context, slots int) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_tick", slots)
}

// Skip lets slots pass without a block: the slot grows, the block height does not.
func (n *Net) Skip(ctx context.Context, slots int) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_skip", slots)
}

// Finalize lets as many slots pass as make everything final that is on chain.
func (n *Net) Finalize(ctx context.Context) error {
	_, err := n.Tick(ctx, Finality)
	return err
}

// Snapshot marks the present slot for [Net.Rollback].
func (n *Net) Snapshot(ctx context.Context) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_snapshot")
}

// Rollback is the fork that undoes what happened since [Net.Snapshot], see [Net.Fork].
func (n *Net) Rollback(ctx context.Context) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_rollback")
}

// Fork undoes the last blocks: their transactions are gone and so is what they did,
// other blocks of the same slots and heights stand in their place, whose blockhashes
// are others, and the clock runs on by one slot, which it returns. More than
// [Finality] is what no cluster does; some 500 can be undone.
func (n *Net) Fork(ctx context.Context, blocks int) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_rollback", blocks)
}

// ForkAgain is [Net.Fork] after which the transactions that were undone land once
// more, that many blocks later, as far as their blockhashes are still known.
func (n *Net) ForkAgain(ctx context.Context, blocks, later int) (slot uint64, err error) {
	return slot, n.call(ctx, &slot, "localnet_rollback", blocks, later)
}

// Airdrop gives lamports to an address, in base58, of nowhere.
func (n *Net) Airdrop(ctx context.Context, address string, lamports uint64) error {
	return n.call(ctx, nil, "requestAirdrop", address, lamports)
}

// Rent changes what a byte costs, in lamports for the two years that exempt it (6960
// on mainnet until SIMD-0437), and returns what an account of 165 bytes needs.
func (n *Net) Rent(ctx context.Context, lamportsPerByte uint64) (exempt uint64, err error) {
	return exempt, n.call(ctx, &exempt, "localnet_rent", lamportsPerByte)
}

// PriorityFee sets what others seem to have paid for a unit of computing in the last
// 150 blocks, in micro-lamports: what getRecentPrioritizationFees tells.
func (n *Net) PriorityFee(ctx context.Context, microLamports uint64) error {
	return n.call(ctx, nil, "localnet_priority", microLamports)
}

// request is a call that this package makes.
type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

const maxAnswer = 1 << 20

func (n *Node) call(ctx context.Context, into any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(request{Version: "2.0", ID: 1, Method: method, Params: params})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer func() { _ = r.Body.Close() }() // was read
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s (%d)", method, answer.Error.Message, answer.Error.Code)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, into)
}
