package chain_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
)

// broken are the ways in which a node is of no use, what becomes of a call that has no
// other node, and what the state of the node says.
var broken = map[string]struct {
	reply   reply
	err     error
	problem string
}{
	"refused connection": {reply{err: errors.New("dial tcp 10.0.0.1:443: connect: connection refused")}, chain.ErrUnavailable, "unavailable"},
	"error with the URL": {reply{err: errors.New("proxy says no to /" + secret)}, chain.ErrUnavailable, "unavailable"},
	"internal error":     {reply{status: 500, body: text("oops " + secret)}, chain.ErrUnavailable, "unavailable"},
	"bad gateway":        {reply{status: 502, body: text("<html>")}, chain.ErrUnavailable, "unavailable"},
	"not found":          {reply{status: 404}, chain.ErrUnavailable, "unavailable"},
	"redirect":           {reply{status: 307, header: http.Header{"Location": {"https://elsewhere.example/"}}}, chain.ErrUnavailable, "unavailable"},
	"accepted only":      {reply{status: 202, result: at(1000, 42)}, chain.ErrUnavailable, "unavailable"},
	"not let in":         {reply{status: 401, body: text("bad key " + secret)}, chain.ErrUnavailable, "denied"},
	"forbidden":          {reply{status: 403}, chain.ErrUnavailable, "denied"},
	"empty":              {reply{body: text("")}, chain.ErrUnavailable, "nonsense"},
	"truncated":          {reply{body: text(`{"jsonrpc":"2.0","id":1,"result":{"context":{"slot":10`)}, chain.ErrUnavailable, "nonsense"},
	"HTML":               {reply{body: text("<html>welcome</html>")}, chain.ErrUnavailable, "nonsense"},
	"another id":         {reply{body: text(`{"jsonrpc":"2.0","id":0,"result":{"context":{"slot":1000},"value":42}}`)}, chain.ErrUnavailable, "nonsense"},
	"a list":             {reply{body: text(`[]`)}, chain.ErrUnavailable, "nonsense"},
	"nothing":            {reply{body: text(`null`)}, chain.ErrUnavailable, "nonsense"},
	"no value":           {reply{result: at(1000, nil)}, chain.ErrUnavailable, "nonsense"},
	"no slot":            {reply{result: map[string]any{"value": 42}}, chain.ErrUnavailable, "nonsense"},
	"impossible slot":    {reply{result: at(1<<60, 42)}, chain.ErrUnavailable, "nonsense"},
	"negative":           {reply{result: at(1000, -1)}, chain.ErrUnavailable, "nonsense"},
	"fraction":           {reply{result: at(1000, 0.5)}, chain.ErrUnavailable, "nonsense"},
	"text":               {reply{result: at(1000, "42")}, chain.ErrUnavailable, "nonsense"},
	"deep":               {reply{body: text(strings.Repeat("[", 100_000))}, chain.ErrUnavailable, "nonsense"},
	"endless":            {reply{body: text(strings.Repeat(" ", 9<<20))}, chain.ErrUnavailable, "nonsense"},
	"silent":             {reply{wait: time.Hour}, chain.ErrUnavailable, "unavailable"},
	"no such method":     {reply{fault: map[string]any{"code": -32601, "message": "Method not found " + secret}}, chain.ErrUnavailable, "refused"},
	"its own error":      {reply{fault: map[string]any{"code": -32603, "message": "Internal error " + secret}}, chain.ErrUnavailable, "unavailable"},
	"behind, it says":    {reply{fault: map[string]any{"code": -32005, "message": "Node is behind by 42 slots", "data": map[string]any{"numSlotsBehind": 42}}}, chain.ErrBehind, "behind"},
	"below the least":    {reply{fault: map[string]any{"code": -32016, "message": "Minimum context slot has not been reached", "data": map[string]any{"contextSlot": 9}}}, chain.ErrBehind, "behind"},
	"busy":               {reply{status: 429, body: text(`{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests"},"id":null}`)}, chain.ErrBusy, "busy"},
	"busy in plain text": {reply{status: 429, body: text("slow down " + secret)}, chain.ErrBusy, "busy"},
	"busy as an error":   {reply{body: text(`{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests"},"id":null}`)}, chain.ErrBusy, "busy"},
	"busy, otherwise":    {reply{fault: map[string]any{"code": -32429, "message": "rate limit"}}, chain.ErrBusy, "busy"},
}

func TestNextNodeAnswers(t *testing.T) {
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{answer: perHost(map[string]func(call) reply{
					"first.example": func(did call) reply {
						if did.method == "getGenesisHash" {
							return reply{result: genesis}
						}
						return b.reply
					},
					"second.example": well(1000),
				})}
				client, _ := open(t, c, chain.Config{}, "first.example", "second.example")
				lamports, err := client.Balance(t.Context(), chain.Key{1}, chain.Confirmed, 0)
				if err != nil || lamports != 42 {
					t.Fatalf("got %d, %v; want 42 of the second node", lamports, err)
				}
				if state := client.Nodes()[0]; state.Name != "first.example" || state.Problem != b.problem {
					t.Errorf("got state %+v, want problem %q", state, b.problem)
				}
				if state := client.Nodes()[1]; state.Problem != "" || state.Resting != 0 || state.Slot != 1000 {
					t.Errorf("the second node is said to be %+v", state)
				}
			})
		})
	}
}

func TestNoOtherNode(t *testing.T) {
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{answer: func(did call) reply {
					if did.method == "getGenesisHash" {
						return reply{result: genesis}
					}
					return b.reply
				}}
				client, _ := open(t, c, chain.Config{Patience: 20 * time.Second}, "only.example")
				began := time.Now()
				_, err := client.Balance(t.Context(), chain.Key{1}, chain.Confirmed, 0)
				want(t, err, b.err)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("a call with a patience of 20 s and requests of at most 10 s took %s", took)
				}
				if n := len(c.asked("getBalance")); n < 1 || n > 60 {
					t.Errorf("the node was asked %d times in 20 s", n)
				}
			})
		})
	}
}

// A node whose trouble is over is used again, and the others are not asked for nothing.
func TestPreferredNodeReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := true
		c := &cluster{}
		c.answer = func(did call) reply {
			if did.host == "first.example" && dead {
				return reply{err: errors.New("connection refused")}
			}
			return well(1000)(did)
		}
		client, log := open(t, c, chain.Config{}, "first.example", "second.example")
		last := func() string {
			t.Helper()
			if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
				t.Fatal(err)
			}
			all := c.asked("getBalance")
			return all[len(all)-1].host
		}
		for range 20 {
			if got := last(); got != "second.example" {
				t.Fatalf("answered by %s", got)
			}
		}
		if n := len(c.calls); n > 23 {
			t.Errorf("%d requests for 20 calls, one of which found out that a node is dead", n)
		}
		dead = false
		time.Sleep(11 * time.Second)
		if got := last(); got != "first.example" {
			t.Errorf("answered by %s though the first is back", got)
		}
		if s := log.String(); strings.Count(s, "node is rested") != 1 || strings.Count(s, "node answers again") != 1 {
			t.Errorf("got log\n%s\nwant one line for each turn", s)
		}
	})
}

// While one call finds out whether a node is back, the others do without it.
func TestOneProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		c.answer = func(did call) reply {
			if did.host == "first.example" {
				return reply{wait: time.Hour}
			}
			return well(1000)(did)
		}
		client, _ := open(t, c, chain.Config{}, "first.example", "second.example")
		ask := func() {
			if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
				t.Error(err)
			}
		}
		ask()
		time.Sleep(time.Minute)
		c.mu.Lock()
		c.calls = nil
		c.mu.Unlock()
		for range 20 {
			go ask()
		}
		synctest.Wait()
		silent := 0
		c.mu.Lock()
		for _, did := range c.calls {
			if did.host == "first.example" {
				silent++
			}
		}
		c.mu.Unlock()
		if silent != 1 {
			t.Errorf("%d calls wait for the node that may be dead, want 1", silent)
		}
		time.Sleep(time.Minute)
	})
}

// Nodes of another cluster are not asked for anything else.
func TestOtherCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := genesis
		other[0]++
		c := &cluster{answer: func(did call) reply {
			if did.host == "other.example" && did.method == "getGenesisHash" {
				return reply{result: other}
			}
			return well(1000)(did)
		}}
		client, _ := open(t, c, chain.Config{Genesis: genesis}, "other.example", "right.example")
		if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
		for _, did := range c.asked("") {
			if did.host == "other.example" {
				t.Errorf("a node of another cluster was asked for %s", did.method)
			}
		}

		client, _ = open(t, c, chain.Config{Genesis: genesis}, "other.example")
		_, err := client.Tip(t.Context(), chain.Confirmed, 0)
		want(t, err, chain.ErrGenesis)

		// one whose cluster changes behind its name is found out
		moved := &cluster{answer: well(1000)}
		client, _ = open(t, moved, chain.Config{}, "only.example")
		if _, err := client.Tip(t.Context(), chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
		moved.answer = func(did call) reply {
			if did.method == "getGenesisHash" {
				return reply{result: other}
			}
			return well(1000)(did)
		}
		time.Sleep(11 * time.Minute)
		_, err = client.Tip(t.Context(), chain.Confirmed, 0)
		want(t, err, chain.ErrGenesis)

		client, _ = open(t, c, chain.Config{}, "other.example", "right.example")
		if got, err := client.Genesis(t.Context()); err != nil || got != other {
			t.Errorf("got %s, %v; want that of the first node that answers", got, err)
		}
		client.Pin(genesis)
		if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
		if state := client.Nodes()[0]; state.Problem != "other_cluster" {
			t.Errorf("got state %+v", state)
		}
		client.Pin(other) // no node keeps a grudge
		if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
		if state := client.Nodes()[0]; state.Problem != "" {
			t.Errorf("got state %+v", state)
		}
	})
}

// endless is an answer without end, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	if e.read > 64<<20 {
		return 0, errors.New("enough")
	}
	return len(p), nil
}

func TestEndlessAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stream endless
		c := &cluster{answer: func(did call) reply {
			if did.method == "getBalance" {
				return reply{stream: &stream}
			}
			return well(1000)(did)
		}}
		client, _ := open(t, c, chain.Config{Patience: time.Nanosecond}, "only.example")
		_, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0)
		want(t, err, chain.ErrUnavailable)
		if stream.read > 16<<20 { // a buffer that grows reads ahead
			t.Errorf("%d bytes were read of an answer without end", stream.read)
		}
	})
}

// What is limited is requests under way, to one node.
func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(did call) reply {
			a := well(1000)(did)
			a.wait = 100 * time.Millisecond
			return a
		}}
		client, _ := open(t, c, chain.Config{Parallel: 3}, "only.example")
		for range 50 {
			go func() {
				if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		if n := len(c.asked("getBalance")); n != 50 || c.most != 3 {
			t.Errorf("%d requests, at most %d at once; want 50 and 3", n, c.most)
		}
		if n := len(c.asked("getGenesisHash")); n != 1 {
			t.Errorf("the cluster was asked for %d times, want once for all", n)
		}
	})
}

// A caller that leaves is told its own reason, at once, and does no node harm.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(did call) reply {
			a := well(1000)(did)
			if did.method == "getBalance" {
				a.wait = time.Hour
			}
			return a
		}}
		client, _ := open(t, c, chain.Config{}, "only.example")
		gone := errors.New("gone home")
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { leave(gone) })
		_, err := client.Balance(ctx, chain.Key{}, chain.Confirmed, 0)
		want(t, err, gone)
		if state := client.Nodes()[0]; state.Problem != "" || state.Resting != 0 {
			t.Errorf("got state %+v of a node that did nothing wrong", state)
		}
		if _, err := client.Tip(t.Context(), chain.Confirmed, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestConfig(t *testing.T) {
	good := chain.Config{Nodes: []string{"https://node.example/" + secret}, Now: time.Now, Log: quiet()}
	if _, err := chain.New(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"http://127.0.0.1:8899", "http://localhost:8899", "http://[::1]:8899", "http://10.1.2.3/" + secret, "http://validator:8899", "https://user:pass@node.example"} {
		c := good
		c.Nodes = []string{url}
		if _, err := chain.New(t.Context(), c); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"", "node.example", "ftp://node.example/" + secret, "http://node.example/" + secret, "http://203.0.113.7/" + secret, "https:///" + secret, "https://node.example/#" + secret, "https://node.example:port/" + secret, "\x00" + secret} {
		c := good
		c.Nodes = []string{url}
		_, err := chain.New(t.Context(), c)
		if err == nil {
			t.Errorf("%q is taken", url)
		}
		clean(t, err)
	}
	for name, spoil := range map[string]func(*chain.Config){
		"no node":  func(c *chain.Config) { c.Nodes = nil },
		"no clock": func(c *chain.Config) { c.Now = nil },
		"no log":   func(c *chain.Config) { c.Log = nil },
		"negative": func(c *chain.Config) { c.Timeout = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := chain.New(t.Context(), c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
