package chain_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
)

// tooMany says 429 and for how long to stay away.
func tooMany(after string) reply {
	return reply{status: 429, header: http.Header{"Retry-After": {after}}, body: text(`{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests for a specific RPC call"},"id":null}`)}
}

// script answers a method's n-th request by the n-th step, then well.
func script(method string, steps ...func() reply) func(call) reply {
	var mu sync.Mutex
	return func(did call) reply {
		mu.Lock()
		defer mu.Unlock()
		if did.method == method && len(steps) > 0 {
			step := steps[0]
			steps = steps[1:]
			return step()
		}
		return well(1000)(did)
	}
}

func TestRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		after func() reply
		least time.Duration
		most  time.Duration
	}{
		"seconds":   {func() reply { return tooMany("7") }, 7 * time.Second, 9 * time.Second},
		"date":      {func() reply { return tooMany(time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat)) }, 6 * time.Second, 9 * time.Second},
		"not said":  {func() reply { return tooMany("") }, 100 * time.Millisecond, time.Second},
		"nonsense":  {func() reply { return tooMany("soon") }, 100 * time.Millisecond, time.Second},
		"negative":  {func() reply { return tooMany("-7") }, 100 * time.Millisecond, time.Second},
		"past":      {func() reply { return tooMany("Fri, 02 Jan 1998 15:04:05 GMT") }, 100 * time.Millisecond, time.Second},
		"too great": {func() reply { return tooMany("99999999999999999999") }, 100 * time.Millisecond, time.Second},
		"in an error": {func() reply {
			return reply{header: http.Header{"Retry-After": {"7"}}, fault: map[string]any{"code": 429, "message": "Too many requests"}}
		}, 7 * time.Second, 9 * time.Second},
		"with 503": {func() reply { return reply{status: 503, header: http.Header{"Retry-After": {"7"}}} }, 7 * time.Second, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := &cluster{answer: script("getBalance", c.after)}
				client, _ := open(t, nodes, chain.Config{}, "only.example")
				if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
					t.Fatal(err)
				}
				asked := nodes.asked("getBalance")
				if len(asked) != 2 {
					t.Fatalf("asked %d times, want 2", len(asked))
				}
				if waited := asked[1].at.Sub(asked[0].at); waited < c.least || waited > c.most {
					t.Errorf("waited %s, want %s to %s", waited, c.least, c.most)
				}
			})
		})
	}
}

// One who is told to come back later than a call may take is told so at once.
func TestRetryAfterTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := &cluster{answer: script("getBalance", func() reply { return tooMany("3600") })}
		client, _ := open(t, nodes, chain.Config{}, "only.example")
		began := time.Now()
		_, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0)
		want(t, err, chain.ErrBusy)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited %s for nothing", waited)
		}
	})
}

// A node that refuses now and then goes on being asked; one that refuses everybody is
// left alone for as long as it says, by every call.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu    sync.Mutex
			storm bool
			n     int
		)
		nodes := &cluster{answer: func(did call) reply {
			mu.Lock()
			defer mu.Unlock()
			n++
			if did.method == "getBalance" && (storm || n%5 == 0) {
				return tooMany("2")
			}
			return well(1000)(did)
		}}
		client, log := open(t, nodes, chain.Config{Patience: time.Hour}, "only.example")
		all := func(calls int) {
			t.Helper()
			var wg sync.WaitGroup
			for range calls {
				wg.Go(func() {
					if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all(100)
		if state := client.Nodes()[0]; state.Resting > 0 {
			t.Errorf("a node that refuses a fifth is rested: %+v", state)
		}

		mu.Lock()
		storm = true
		mu.Unlock()
		time.AfterFunc(time.Minute, func() {
			mu.Lock()
			storm = false
			mu.Unlock()
		})
		before := len(nodes.asked("getBalance"))
		all(100)
		// 16 may be under way when the storm begins, and when a rest of 2 s ends
		if n := len(nodes.asked("getBalance")) - before - 100; n > 30*16*2 {
			t.Errorf("asked %d times for nothing within a minute's storm", n)
		}
		if s := log.String(); strings.Count(s, "node is rested") != 1 || strings.Count(s, "node answers again") != 1 {
			t.Errorf("got log\n%s\nwant one line for each turn", s)
		}
	})
}

// With each failure in a row a node is left alone for longer, to a limit; many requests
// of one outage are one failure.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := &cluster{answer: func(did call) reply {
			if did.method == "getGenesisHash" {
				return reply{result: genesis}
			}
			return reply{status: 503}
		}}
		client, _ := open(t, nodes, chain.Config{Patience: 2 * time.Minute}, "only.example")
		_, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0)
		want(t, err, chain.ErrUnavailable)
		asked := nodes.asked("getBalance")
		least := 100 * time.Millisecond
		for i := 1; i < len(asked); i++ {
			waited := asked[i].at.Sub(asked[i-1].at)
			if waited < least || waited > 2*least {
				t.Errorf("wait %d was %s, want %s and some", i, waited, least)
			}
			least = min(10*time.Second, 2*least)
		}
		if len(asked) < 10 {
			t.Errorf("asked %d times in two minutes", len(asked))
		}

		for status, problem := range map[int]error{503: chain.ErrUnavailable, 429: chain.ErrBusy} {
			nodes.answer = func(did call) reply {
				if did.method == "getGenesisHash" {
					return reply{result: genesis}
				}
				return reply{status: status, wait: time.Second}
			}
			client, _ = open(t, nodes, chain.Config{Patience: time.Second}, "only.example")
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					_, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0)
					if !errors.Is(err, problem) {
						t.Errorf("got %v, want %v", err, problem)
					}
				})
			}
			wg.Wait()
			if state := client.Nodes()[0]; state.Resting > time.Second {
				t.Errorf("one outage counts for many: %+v", state)
			}
		}
	})
}

// Each node is left alone for as long as it said itself.
func TestEachNodesWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := script("getBalance", func() reply { return tooMany("7") })
		ill := script("getBalance", func() reply { return reply{status: 503} }, func() reply { return reply{status: 503} })
		nodes := &cluster{answer: perHost(map[string]func(call) reply{"busy.example": busy, "ill.example": ill})}
		client, _ := open(t, nodes, chain.Config{}, "busy.example", "ill.example")
		if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, did := range nodes.asked("getBalance") {
			hosts = append(hosts, strings.TrimSuffix(did.host, ".example"))
		}
		if got := strings.Join(hosts, " "); got != "busy ill ill ill" {
			t.Errorf("asked %s", got)
		}
	})
}
