package chain

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Config is what a [Client] needs.
type Config struct {
	// Nodes are the URLs of the nodes, the preferred one first. They may hold keys, and
	// are shown to nobody. A URL is https, or http to this machine or a private network.
	Nodes []string

	// Genesis is the cluster's hash. If zero, the first node that answers decides.
	Genesis Hash

	Parallel  int           // requests to one node at once; 16 if zero
	Timeout   time.Duration // of one request; 10 s if zero
	Patience  time.Duration // of one call, with all nodes and attempts; 30 s if zero
	MaxBehind uint64        // slots an answer may be behind the newest seen; 32 if zero
	RentFor   time.Duration // for how long the price of an account is kept; 10 min if zero

	Now     func() time.Time
	Log     *slog.Logger
	Observe func(Call) // called after each request, from many goroutines; may be nil

	// Transport carries the requests. If nil, one is made.
	Transport http.RoundTripper
}

// Client asks nodes. It may be used by many goroutines.
type Client struct{}

// New checks a configuration. It asks no node: a cluster that is away is no reason not
// to start.
func New(ctx context.Context, c Config) (*Client, error) { return nil, errors.ErrUnsupported }

// Close gives up its connections.
func (c *Client) Close() {}

// Genesis returns the cluster's hash: the one that was pinned, else that of the first
// node that answers, which is pinned then.
func (c *Client) Genesis(ctx context.Context) (Hash, error) { return Hash{}, errors.ErrUnsupported }

// Pin lets no node be asked any more whose cluster has another hash.
func (c *Client) Pin(genesis Hash) {}

// Calls returns how many requests were made so far, by method.
func (c *Client) Calls() map[string]uint64 { return nil }

// Nodes returns how each node fares, in the order of the configuration.
func (c *Client) Nodes() []NodeState { return nil }

// Tip returns the newest block at a commitment, whose slot is not below minSlot.
func (c *Client) Tip(ctx context.Context, at Commitment, minSlot uint64) (Tip, error) {
	return Tip{}, errors.ErrUnsupported
}

// Blockhash returns a block hash to sign with.
func (c *Client) Blockhash(ctx context.Context, at Commitment) (Blockhash, error) {
	return Blockhash{}, errors.ErrUnsupported
}

// Accounts reads accounts, one entry for each key, nil for one that is absent. The slot
// is the lowest that any part was read at, and not below minSlot.
func (c *Client) Accounts(ctx context.Context, keys []Key, at Commitment, minSlot uint64) ([]*Account, uint64, error) {
	return nil, 0, errors.ErrUnsupported
}

// Statuses says what became of transactions, one entry for each signature, nil for one
// that no block of the node's has. With search set the node looks into its whole history
// and not only into the last 150 slots or so. The slot is the lowest that any part was
// answered at, and not below minSlot.
func (c *Client) Statuses(ctx context.Context, sigs []Signature, search bool, minSlot uint64) ([]*Status, uint64, error) {
	return nil, 0, errors.ErrUnsupported
}

// Balance returns an account's lamports; zero for one that is absent.
func (c *Client) Balance(ctx context.Context, key Key, at Commitment, minSlot uint64) (uint64, error) {
	return 0, errors.ErrUnsupported
}

// Rent returns what accounts of these data lengths must hold to stay. Prices are kept
// for [Config].RentFor.
func (c *Client) Rent(ctx context.Context, sizes ...uint64) (map[uint64]uint64, error) {
	return nil, errors.ErrUnsupported
}

// PriorityFee returns what transactions that write these accounts (at most 128) lately
// paid, in micro-lamports a compute unit: the given percentile of the last slots, at
// most limit.
func (c *Client) PriorityFee(ctx context.Context, writes []Key, percentile int, limit uint64) (uint64, error) {
	return 0, errors.ErrUnsupported
}

// Simulate runs a transaction without sending it. Its signatures and block hash are not
// looked at. An error is one of asking; what became of the transaction is in the result.
func (c *Client) Simulate(ctx context.Context, wire []byte, at Commitment, minSlot uint64) (Simulation, error) {
	return Simulation{}, errors.ErrUnsupported
}

// Send hands a signed transaction to a node. With preflight the node runs it first, at
// [Confirmed] and not below minSlot, and refuses what would fail; without, it takes
// anything that is well-formed. That it was taken says nothing about what becomes of it.
// The same bytes may be sent any number of times.
func (c *Client) Send(ctx context.Context, wire []byte, preflight bool, minSlot uint64) error {
	return errors.ErrUnsupported
}
