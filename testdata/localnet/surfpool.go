package localnet

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"
)

const (
	surfpool     = "@solana/surfpool-linux-x64-gnu" // the package of npm
	skippedOther = "SKIPPED: node_modules/" + surfpool + " is missing (make node_modules): nothing here is tested on another implementation of the RPC"

	maxGift = 10_000_000_000_000 // lamports of one airdrop
)

// Other is Surfpool: another implementation of the same machine and of its JSON-RPC,
// with a WebSocket, and none of the faults of [Net]. It is slow, 0.5 s a transaction
// with preflight, and tells the newest balances and blockhash at every commitment. It
// is here so that a client is not written against the answers of one implementation
// that was written for that client.
type Other struct {
	URL       string // of its JSON-RPC
	WebSocket string

	server *server
}

// Surfpool starts one, a slot every so often, that ends with the test. Where it is not
// installed it skips the test, unless the environment says CHAIN=must.
func Surfpool(t testing.TB, slot time.Duration) *Other {
	t.Helper()
	o, err := startSurfpool(t.Context(), slot)
	for range 4 { // it finds ports before it takes them, and another may be quicker
		if err == nil || errors.Is(err, ErrMissing) {
			break
		}
		t.Logf("once more: %v", err)
		o, err = startSurfpool(t.Context(), slot)
	}
	if err != nil {
		without(t, err, skippedOther)
	}
	t.Cleanup(o.server.close)
	return o
}

func startSurfpool(ctx context.Context, slot time.Duration) (*Other, error) {
	s, a, err := launch(ctx, "", surfpool, "surfpool.js", "--slot", strconv.FormatInt(slot.Milliseconds(), 10))
	if err != nil {
		return nil, err
	}
	n := Node{URL: a.URL}
	if err := n.call(ctx, nil, "getHealth"); err != nil {
		s.close()
		return nil, err
	}
	return &Other{URL: a.URL, WebSocket: a.WS, server: s}, nil
}

// Airdrop gives lamports to an address, in base58, of nowhere.
func (o *Other) Airdrop(ctx context.Context, address string, lamports uint64) error {
	n := Node{URL: o.URL}
	for ; lamports > maxGift; lamports -= maxGift {
		if err := n.call(ctx, nil, "requestAirdrop", address, uint64(maxGift)); err != nil {
			return err
		}
	}
	return n.call(ctx, nil, "requestAirdrop", address, lamports)
}

// Done is closed when the server has ended.
func (o *Other) Done() <-chan struct{} { return o.server.done }
