package chain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gagliardetto/solana-go"

	"github.com/con-ting/conting/central/mint/chain"
)

// secret is in every node's URL and must be nowhere else.
const secret = "s3cr3tkey"

// genesis is that of the cluster which the fakes belong to.
var genesis = solana.Hash(solana.MustPublicKeyFromBase58("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"))

// call is one request that a fake got.
type call struct {
	host, method string
	params       json.RawMessage
	at           time.Time
}

// reply is what a fake does with a request. The zero value answers null.
type reply struct {
	result any
	fault  any // a JSON-RPC error
	status int // 200 if zero
	header http.Header
	body   *string   // instead of JSON-RPC
	err    error     // of the connection
	stream io.Reader // instead of the body
	wait   time.Duration
}

// cluster plays nodes inside this process, so that it runs in a synctest bubble.
type cluster struct {
	answer func(call) reply

	mu    sync.Mutex
	calls []call
	now   int // requests under way
	most  int
}

func (c *cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var q struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	did := call{r.URL.Host, q.Method, q.Params, time.Now()}
	c.mu.Lock()
	c.calls = append(c.calls, did)
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
	}()
	a := c.answer(did)
	if a.wait > 0 {
		select {
		case <-time.After(a.wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.response(r, q.ID), nil
}

func (a reply) response(r *http.Request, id json.RawMessage) *http.Response {
	var text []byte
	if a.body != nil {
		text = []byte(*a.body)
	} else {
		m := map[string]any{"jsonrpc": "2.0", "id": id}
		if a.fault != nil {
			m["error"] = a.fault
		} else {
			m["result"] = a.result
		}
		text, _ = json.Marshal(m) // of test data
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	var all io.Reader = bytes.NewReader(text)
	if a.stream != nil {
		all = a.stream
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(all), Request: r}
}

// asked lists the requests of a method; all but those for the cluster if it is empty.
func (c *cluster) asked(method string) (all []call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, did := range c.calls {
		if did.method == method || method == "" && did.method != "getGenesisHash" {
			all = append(all, did)
		}
	}
	return all
}

// well answers as a node that works, at a slot and a block height that is less by ten.
func well(slot uint64) func(call) reply {
	return func(did call) reply {
		switch did.method {
		case "getGenesisHash":
			return reply{result: genesis}
		case "getEpochInfo":
			return reply{result: map[string]any{"absoluteSlot": slot, "blockHeight": slot - 10, "epoch": 1}}
		case "getLatestBlockhash":
			return reply{result: at(slot, map[string]any{"blockhash": genesis, "lastValidBlockHeight": slot - 10 + 150})}
		case "getBalance":
			return reply{result: at(slot, 42)}
		case "getMinimumBalanceForRentExemption":
			return reply{result: 1_000_000}
		}
		return reply{fault: map[string]any{"code": -32601, "message": "Method not found"}}
	}
}

func at(slot uint64, value any) map[string]any {
	return map[string]any{"context": map[string]any{"slot": slot, "apiVersion": "2.0"}, "value": value}
}

// perHost answers for each node by its own.
func perHost(hosts map[string]func(call) reply) func(call) reply {
	return func(did call) reply { return hosts[did.host](did) }
}

func text(s string) *string { return &s }

// journal collects what is logged.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// open makes a client of nodes that a cluster plays.
func open(t testing.TB, c *cluster, cfg chain.Config, hosts ...string) (*chain.Client, *journal) {
	t.Helper()
	for _, h := range hosts {
		cfg.Nodes = append(cfg.Nodes, "https://"+h+"/"+secret+"?api-key="+secret)
	}
	log := &journal{}
	cfg.Now, cfg.Log = time.Now, slog.New(slog.NewTextHandler(log, nil))
	if c != nil {
		cfg.Transport = c
	}
	client, err := chain.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows a node's key:\n%s", log)
		}
	})
	return client, log
}

// clean fails if an error shows what it must not.
func clean(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("an error shows the node's key: %v", err)
	}
}

// want fails if an error is not the one.
func want(t *testing.T, got, wanted error) {
	t.Helper()
	clean(t, got)
	if !errors.Is(got, wanted) {
		t.Fatalf("got error %v, want %v", got, wanted)
	}
}

var background = context.Background()

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
