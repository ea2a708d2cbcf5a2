package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of [Config].
const (
	defaultParallel  = 16
	defaultTimeout   = 10 * time.Second
	defaultPatience  = 30 * time.Second
	defaultMaxBehind = 32
	defaultRentFor   = 10 * time.Minute
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
type Client struct {
	cfg   Config
	http  *http.Client
	nodes []*node
	ids   atomic.Uint64 // of requests
	marks marks
	rents rents

	mu      sync.Mutex
	genesis Hash              // guarded by mu
	calls   map[string]uint64 // guarded by mu
}

// New checks a configuration. It asks no node: a cluster that is away is no reason not
// to start.
func New(_ context.Context, c Config) (*Client, error) {
	if len(c.Nodes) == 0 {
		return nil, errors.New("chain: no node")
	}
	if c.Now == nil || c.Log == nil {
		return nil, errors.New("chain: no clock or no log")
	}
	if c.Parallel < 0 || c.Timeout < 0 || c.Patience < 0 || c.RentFor < 0 {
		return nil, errors.New("chain: a limit is negative")
	}
	c.Parallel = or(c.Parallel, defaultParallel)
	c.Timeout = or(c.Timeout, defaultTimeout)
	c.Patience = or(c.Patience, defaultPatience)
	c.MaxBehind = or(c.MaxBehind, defaultMaxBehind)
	c.RentFor = or(c.RentFor, defaultRentFor)
	if c.Transport == nil {
		c.Transport = transport(c.Parallel, c.Timeout)
	}
	client := &Client{
		cfg: c, genesis: c.Genesis, calls: make(map[string]uint64),
		marks: marks{behind: c.MaxBehind},
		http: &http.Client{
			Transport:     c.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for i, raw := range c.Nodes {
		n, err := newNode(raw, c.Parallel)
		if err != nil {
			return nil, fmt.Errorf("chain: node %d: %w", i+1, err)
		}
		client.nodes = append(client.nodes, n)
	}
	return client, nil
}

func or[T comparable](v, instead T) T {
	var zero T
	if v == zero {
		return instead
	}
	return v
}

// Close gives up its connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Genesis returns the cluster's hash: the one that was pinned, else that of the first
// node that answers, which is pinned then.
func (c *Client) Genesis(ctx context.Context) (Hash, error) {
	if h := c.pinned(); !h.IsZero() {
		return h, nil
	}
	// Any call asks a node that has not been asked for its cluster for it first.
	if _, err := c.Tip(ctx, Finalized, 0); err != nil {
		return Hash{}, err
	}
	return c.pinned(), nil
}

// Pin lets no node be asked any more whose cluster has another hash.
func (c *Client) Pin(genesis Hash) {
	c.mu.Lock()
	changed := c.genesis != genesis
	c.genesis = genesis
	c.mu.Unlock()
	if !changed {
		return
	}
	for _, n := range c.nodes {
		n.forget()
	}
}

func (c *Client) pinned() Hash {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.genesis
}

// agree pins a hash if there is none yet, and reports whether it is the one.
func (c *Client) agree(genesis Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.genesis.IsZero() {
		c.genesis = genesis
	}
	return c.genesis == genesis
}

// Calls returns how many requests were made so far, by method.
func (c *Client) Calls() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Nodes returns how each node fares, in the order of the configuration.
func (c *Client) Nodes() []NodeState {
	now, newest := c.cfg.Now(), uint64(0)
	states := make([]NodeState, len(c.nodes))
	for i, n := range c.nodes {
		states[i] = n.state(now)
		newest = max(newest, states[i].Slot)
	}
	for i := range states {
		states[i].Behind = newest - states[i].Slot
	}
	return states
}

// observed counts a request.
func (c *Client) observed(call Call) {
	c.mu.Lock()
	c.calls[call.Method]++
	c.mu.Unlock()
	if c.cfg.Observe != nil {
		c.cfg.Observe(call)
	}
}
