package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/localnet"
	"github.com/con-ting/conting/testdata/stage"
)

// noted is a store that notes when what is done about tokens came how far.
type noted struct {
	mint.Store

	mu    sync.Mutex // guards what follows
	when  map[mint.State]map[ticket.ID]time.Time
	bytes series               // of transactions, as they were signed
	signs map[ticket.ID]string // the last signature
	wrong map[mint.Reason]int  // that ended actions
}

// Save implements [mint.Store].
func (n *noted) Save(ctx context.Context, actions []mint.Action) ([]mint.Action, error) {
	saved, err := n.Store.Save(ctx, actions)
	at := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.when == nil {
		n.when = map[mint.State]map[ticket.ID]time.Time{mint.Confirmed: {}, mint.Finalized: {}}
		n.signs, n.wrong = map[ticket.ID]string{}, map[mint.Reason]int{}
	}
	for i := range saved {
		a := &saved[i]
		if a.ID == 0 {
			continue
		}
		switch a.State { //nolint:exhaustive // the others tell nothing
		case mint.Prepared:
			n.bytes.add(float64(len(a.Wire)))
			n.signs[a.Ticket] = a.Signature
		case mint.Confirmed:
			n.note(mint.Confirmed, a.Ticket, at)
		case mint.Finalized:
			n.note(mint.Confirmed, a.Ticket, at)
			n.note(mint.Finalized, a.Ticket, at)
		case mint.Failed:
			n.wrong[a.Reason]++
		}
	}
	return saved, err
}

// note keeps the first time that a token came to a state.
func (n *noted) note(s mint.State, id ticket.ID, at time.Time) {
	if _, ok := n.when[s][id]; !ok {
		n.when[s][id] = at
	}
}

// again forgets how far tokens came, for what is done about them next.
func (n *noted) again() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, of := range n.when {
		clear(of)
	}
}

// missing is how many of the tokens have not come to a state, and an error if one never
// will.
func (n *noted) missing(s mint.State, ids []ticket.ID) (left int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for why, times := range n.wrong {
		err = errors.Join(err, fmt.Errorf("failed %d times: %s", times, why))
	}
	for _, id := range ids {
		if _, ok := n.when[s][id]; !ok {
			left++
		}
	}
	return left, err
}

func (n *noted) at(s mint.State, id ticket.ID) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.when[s][id]
}

// last is when the last token came to a state.
func (n *noted) last(s mint.State) (last time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, at := range n.when[s] {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// signatures are the last ones of all tokens, and bytes how long their transactions are.
func (n *noted) signatures() (all []string, bytes series) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Values(n.signs)), slices.Clone(n.bytes)
}

// minted is what it took to mint tickets that were all wanted at once.
type minted struct {
	n                    int
	confirmed, finalized time.Duration // from the first wish to the last token
	cpu                  time.Duration // of this process until then: worker, store and bench
	spent                int64         // lamports that the payer has less
	calls                map[string]uint64
	landed               int64 // transactions
	node                 time.Duration
	bytes, units         series
	each                 series // milliseconds from the first wish to each token's confirmation
}

// reading is what is counted, at one moment.
type reading struct {
	balance int64
	cpu     time.Duration
	calls   map[string]uint64
	stats   localnet.Stats
}

func (m *mints) reading(ctx context.Context) (r reading, err error) {
	if r.balance, err = m.balance(ctx); err != nil {
		return r, err
	}
	if r.stats, err = m.net.Stats(ctx); err != nil {
		return r, err
	}
	r.calls = m.chain.Calls()
	r.cpu, err = cpuUsed(os.Getpid())
	return r, err
}

// total ends what many began: what it took, and whether all is as it should be.
func (m *mints) total(ctx context.Context, t *minted, before reading, ids []ticket.ID) error {
	if err := m.fail(ctx, localnet.Faults{}); err != nil {
		return err
	}
	calls := m.chain.Calls()
	if err := m.exactlyOnce(ctx, ids); err != nil {
		return err
	}
	after, err := m.reading(ctx)
	if err != nil {
		return err
	}
	t.spent = before.balance - after.balance
	t.landed = after.stats.Landed - before.stats.Landed
	t.node = time.Duration((after.stats.ExecMS - before.stats.ExecMS) * float64(time.Millisecond))
	t.calls = make(map[string]uint64)
	for method, n := range calls {
		if n -= before.calls[method]; n > 0 {
			t.calls[method] = n
		}
	}
	sum, err := m.store.Mint().Tally(ctx)
	switch {
	case err != nil:
		return err
	case t.landed != int64(t.n):
		return fmt.Errorf("%d transactions landed for %d tickets", t.landed, t.n)
	case t.spent != sum.Fees+sum.Rent:
		return fmt.Errorf("the payer has %d lamports less, the store says %d of fees and %d of rent", t.spent, sum.Fees, sum.Rent)
	}
	signatures, bytes := m.seen.signatures()
	t.bytes = bytes
	of := stage.Chain{URL: m.net.URL}
	for _, s := range signatures[:min(sampled, len(signatures))] {
		tx, err := of.Transaction(ctx, s)
		if err != nil {
			return err
		}
		t.units.add(float64(tx.Units))
	}
	return nil
}

// rate is how many tickets a second that is.
func (t *minted) rate(took time.Duration) float64 { return float64(t.n) / took.Seconds() }

// print writes the figures of a node without faults.
func (t *minted) print(w io.Writer) error {
	each := func(v float64) float64 { return v / float64(t.n) }
	var total uint64
	for _, n := range t.calls {
		total += n
	}
	err := errors.Join(
		value(w, "mint_tickets", float64(t.n)),
		value(w, "mint_per_s", t.rate(t.confirmed)),
		value(w, "mint_finalized_per_s", t.rate(t.finalized)),
		value(w, "mint_cpu_ms_per_ticket", each(t.cpu.Seconds()*1000)),
		value(w, "node_execution_ms_per_ticket", each(t.node.Seconds()*1000)),
		value(w, "lamports_per_ticket", each(float64(t.spent))),
		value(w, "compute_units_per_ticket", t.units.percentile(50)),
		value(w, "tx_bytes", t.bytes.percentile(50)),
		value(w, "rpc_calls_per_ticket", each(float64(total))),
	)
	for _, method := range slices.Sorted(maps.Keys(t.calls)) {
		err = errors.Join(err, value(w, "rpc_calls_per_ticket_"+method, each(float64(t.calls[method]))))
	}
	return err
}
