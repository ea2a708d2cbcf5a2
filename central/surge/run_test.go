package surge_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/surge"
)

func TestEverybodyEntersAndPolls(t *testing.T) {
	cfg := surge.Config{People: 500, Ramp: 5 * time.Second, Duration: time.Minute, Connections: 16, Seed: 1}
	in(t, &stub{retry: 2000}, cfg, queue(t, 3, 0, 2), func(t *testing.T, res *surge.Result) {
		if got, want := step(t, res, "enter").Requests, int64(2*500+50); got != want {
			t.Errorf("%d enters, want %d", got, want)
		}
		if got, want := step(t, res, "poll").Requests, int64(3*500); got != want {
			t.Errorf("%d polls, want %d", got, want)
		}
		if res.Errors != 0 || res.Unsent != 0 || len(res.Failures) != 0 {
			t.Errorf("errors %d, unsent %d, failures %v, want none", res.Errors, res.Unsent, res.Failures)
		}
		for name, want := range map[string]int64{"entered": 500, "duplicates": 0, "order_violations": 0, "positions_grown": 0, "gave_up": 0} {
			if got := res.Counts[name]; got != want {
				t.Errorf("%s = %d, want %d", name, got, want)
			}
		}
		var sum int64
		for _, p := range res.Series {
			sum += p.Steps[0].Requests + p.Steps[1].Requests
		}
		if sum != res.Requests {
			t.Errorf("the seconds hold %d requests, the whole %d", sum, res.Requests)
		}
	})
}

// A server that stands still for five seconds is seen to: whoever wanted something meanwhile waited, not
// only the few whose requests were on the wire.
func TestNoCoordinatedOmission(t *testing.T) {
	stall := func(since time.Duration) time.Duration {
		if since > 2*time.Second && since < 7*time.Second {
			return 7*time.Second - since
		}
		return 0
	}
	cfg := surge.Config{People: 1000, Ramp: 10 * time.Second, Duration: 20 * time.Second, Connections: 4, Seed: 2}
	in(t, &stub{stalls: stall}, cfg, queue(t, 0, 0, 1), func(t *testing.T, res *surge.Result) {
		enter := step(t, res, "enter")
		if enter.Requests != 1000 {
			t.Fatalf("%d enters, want 1000", enter.Requests)
		}
		// Half of all arrive during the stall; they wait two and a half seconds on average.
		if enter.P90 < 3500 || enter.P90 > 5100 || enter.P50 > 1000 {
			t.Errorf("p50 %.0f ms, p90 %.0f ms; want the stall of 5 s seen by half of the people", enter.P50, enter.P90)
		}
	})
}

func TestLatencyIsWhatTheServerTakes(t *testing.T) {
	cfg := surge.Config{People: 200, Ramp: 10 * time.Second, Duration: 20 * time.Second, Connections: 64, Seed: 3}
	in(t, &stub{think: 100 * time.Millisecond}, cfg, queue(t, 0, 0, 1), func(t *testing.T, res *surge.Result) {
		if e := step(t, res, "enter"); e.P50 < 100 || e.Max > 103 {
			t.Errorf("p50 %.1f max %.1f, want 100 to 103 ms: the answer, and the tick of the wheel", e.P50, e.Max)
		}
	})
}

// The server says how long to wait, and longer than the wheel turns.
func TestWaitsAsLongAsTheServerSays(t *testing.T) {
	cfg := surge.Config{People: 10, Ramp: time.Second, Duration: 5 * time.Minute, Connections: 4, Seed: 4}
	in(t, &stub{retry: 70_000}, cfg, queue(t, -1, 0, 1), func(t *testing.T, res *surge.Result) {
		if got, want := step(t, res, "poll").Requests, int64(10*4); got != want {
			t.Errorf("%d polls in five minutes, want %d", got, want)
		}
	})
}

func TestRefusedPeopleComeBack(t *testing.T) {
	refuse := func(n int) int {
		if n <= 50 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	cfg := surge.Config{People: 100, Ramp: time.Second, Duration: time.Minute, Connections: 8, Seed: 5}
	in(t, &stub{retry: 1000, refuse: refuse}, cfg, queue(t, 1, 0, 1), func(t *testing.T, res *surge.Result) {
		if res.Failures["http_503"] != 50 || res.Counts["entered"] != 100 {
			t.Errorf("failures %v, counts %v, want 50 refused and all in", res.Failures, res.Counts)
		}
	})
}

func TestBadQueuesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		queue *stub
		count string
	}{
		"lost":      {&stub{reopen: true}, "duplicates"},
		"overtaken": {&stub{lifo: true}, "order_violations"},
		"grown":     {&stub{grow: true, retry: 500}, "positions_grown"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := surge.Config{People: 100, Ramp: 5 * time.Second, Duration: 20 * time.Second, Connections: 8, Seed: 6}
			in(t, c.queue, cfg, queue(t, 2, time.Second, 2), func(t *testing.T, res *surge.Result) {
				if res.Counts[c.count] < 50 {
					t.Errorf("%s = %d of 100 people", c.count, res.Counts[c.count])
				}
			})
		})
	}
}

// A server closes what nobody uses for a second. That is no error of anybody's.
func TestServerClosesIdleConnections(t *testing.T) {
	cfg := surge.Config{People: 3, Ramp: 0, Duration: time.Minute, Connections: 3, Seed: 9}
	in(t, &stub{retry: 5000}, cfg, queue(t, -1, 0, 1), func(t *testing.T, res *surge.Result) {
		if res.Errors != 0 || step(t, res, "poll").Requests != 3*11 {
			t.Errorf("%d polls, failures %v; want 33 and none", step(t, res, "poll").Requests, res.Failures)
		}
	})
}

// A server that answers nobody leaves requests unsent behind the few that are on the wire.
func TestSilentServer(t *testing.T) {
	cfg := surge.Config{People: 100, Ramp: time.Second, Duration: 2 * time.Second, Connections: 4, Timeout: 30 * time.Second, Seed: 7}
	in(t, &stub{think: time.Hour}, cfg, queue(t, 0, 0, 1), func(t *testing.T, res *surge.Result) {
		if res.Failures["timeout"] == 0 || res.Unsent == 0 || res.Requests+res.Unsent != 100 {
			t.Errorf("%d requests, failures %v, %d unsent; want 100 in all, some of each", res.Requests, res.Failures, res.Unsent)
		}
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen()
		server := &http.Server{Handler: &stub{think: time.Minute}}
		go func() { _ = server.Serve(l) }()
		defer func() { _ = server.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		cfg := surge.Config{
			URL: "http://central.example", Dial: l.dial, Now: time.Now,
			People: 100, Ramp: time.Second, Duration: time.Hour, Connections: 4,
		}
		began := time.Now()
		_, err := surge.Run(ctx, cfg, queue(t, -1, 0, 1)(cfg))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 4*time.Second {
			t.Errorf("Run returned %v after %s, want the end of its context at once", err, time.Since(began))
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	good := surge.Config{URL: "http://127.0.0.1:1", People: 1, Ramp: 0, Duration: time.Second, Now: time.Now}
	for name, spoil := range map[string]func(*surge.Config){
		"scheme":      func(c *surge.Config) { c.URL = "ftp://127.0.0.1" },
		"path":        func(c *surge.Config) { c.URL = "http://127.0.0.1/v1" },
		"user":        func(c *surge.Config) { c.URL = "http://a:b@127.0.0.1" },
		"nobody":      func(c *surge.Config) { c.People = 0 },
		"too many":    func(c *surge.Config) { c.People = surge.MaxPeople + 1 },
		"connections": func(c *surge.Config) { c.Connections = -1 },
		"ramp":        func(c *surge.Config) { c.Ramp = time.Minute },
		"clock":       func(c *surge.Config) { c.Now = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := surge.Run(t.Context(), cfg, queue(t, 0, 0, 1)(good)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
