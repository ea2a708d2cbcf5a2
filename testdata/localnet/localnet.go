// Package localnet starts a Solana cluster on this machine, for tests, benches and
// the demo: the real virtual machine with the real System, Token-2022, associated
// token account and memo programs (LiteSVM, from npm), behind two nodes that speak
// Solana's JSON-RPC over HTTP and can be told to fail as real ones do.
//
// It is no validator: there is neither a vote nor a network, a slot passes when its
// clock says so, and a fork happens when it is asked for. It has no WebSocket. It is
// never part of a product command, and nothing that talks to it need know that it is
// not a cluster: what only it has are the methods whose names begin with localnet_,
// which this package speaks.
//
// Who reaches its port may do anything to it, and it listens on this machine only.
// What it starts ends with the process that started it, however that one ends.
package localnet

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	litesvm = "litesvm-linux-x64-gnu" // the package of npm
	skipped = "SKIPPED: node_modules/" + litesvm + " is missing (make node_modules): nothing here is tested on a chain"
)

// ErrMissing means that Node, or what a cluster is made of, is not installed: `make
// node_modules`, which leaves it out on a platform that it is not built for.
var ErrMissing = errors.New("not installed (make node_modules)")

// Options say what cluster is started. The zero value is one whose slots pass only
// when [Net.Tick] is called.
type Options struct {
	// Slot is how long a slot takes, to the millisecond; mainnet's take 400 ms. Zero
	// means by hand.
	Slot time.Duration

	// Port of the first node, on 127.0.0.1; zero takes any.
	Port int

	// Seed of what is left to chance: faults, blockhashes and the genesis hash. The same
	// seed, the same calls in the same order, the same chain; two seeds are two clusters.
	Seed uint32

	// Root is the folder of the checkout; empty searches upwards from the working
	// folder.
	Root string
}

// Net is a running cluster. Its methods may be called from several goroutines.
type Net struct {
	Node         // the first
	Second *Node // another, of the same chain, with faults of its own

	server *server
}

// Test starts a cluster that ends with the test. Where Node or LiteSVM is not
// installed it skips the test, unless the environment says CHAIN=must.
func Test(t testing.TB, o Options) *Net {
	t.Helper()
	n, err := Start(t.Context(), o)
	if err != nil {
		without(t, err, skipped)
	}
	t.Cleanup(n.Close)
	return n
}

// without ends a test that has no chain: one that is not installed skips it.
func without(t testing.TB, err error, skipped string) {
	t.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv("CHAIN") != "must" {
		t.Skip(skipped)
	}
	t.Fatal(err)
}

// Start starts a cluster and returns when both nodes answer. It lasts until
// [Net.Close], whatever becomes of ctx. The error wraps [ErrMissing] where it is not
// installed.
func Start(ctx context.Context, o Options) (*Net, error) {
	s, a, err := launch(ctx, o.Root, litesvm, "main.js", "--attached",
		"--port", strconv.Itoa(o.Port),
		"--slot", strconv.FormatInt(o.Slot.Milliseconds(), 10),
		"--seed", strconv.FormatUint(uint64(o.Seed), 10))
	if err != nil {
		return nil, err
	}
	return &Net{Node: Node{URL: a.URL}, Second: &Node{URL: a.Second}, server: s}, nil
}

// Close ends the cluster; what it held is gone. It may be called again.
func (n *Net) Close() { n.server.close() }

// Done is closed when the server has ended.
func (n *Net) Done() <-chan struct{} { return n.server.done }
