package surge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/surge"
)

// stub is a queue in memory. Its fields may be set before it serves.
type stub struct {
	retry  int64         // milliseconds
	think  time.Duration // before every answer
	stalls func(since time.Duration) time.Duration
	reopen bool // every entry gets a new number: a queue that loses places
	lifo   bool // numbers fall: a queue that lets everybody overtake
	grow   bool // positions grow
	refuse func(n int) int

	mu       sync.Mutex
	began    time.Time
	numbers  map[string]int64 // guarded by mu
	requests int              // guarded by mu
	polls    int64            // guarded by mu
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.numbers == nil {
		s.numbers = make(map[string]int64)
		s.began = time.Now()
	}
	s.requests++
	n := s.requests
	since := time.Since(s.began)
	s.mu.Unlock()
	if s.stalls != nil {
		pause(r, s.stalls(since))
	}
	pause(r, s.think)
	if s.refuse != nil {
		if status := s.refuse(n); status != 0 {
			w.Header().Set("Retry-After", "2")
			http.Error(w, "{}", status)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.Method == http.MethodGet {
		s.polls++
		who = r.Header.Get("Queue-Token")
	}
	number, ok := s.numbers[who]
	switch {
	case r.Method == http.MethodGet && !ok:
		http.Error(w, "{}", http.StatusGone)
		return
	case !ok, s.reopen && r.Method == http.MethodPost:
		number = int64(len(s.numbers) + 1)
		if s.reopen {
			number = int64(s.requests)
		}
		if s.lifo {
			number = 1_000_000 - number
		}
		s.numbers[who] = number
	}
	position := number
	if s.grow {
		position += s.polls
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": who, "state": "waiting", "number": number, "position": position, "retry_ms": s.retry, "eta": nil,
	})
}

// pause waits, but not for somebody who has gone.
func pause(r *http.Request, d time.Duration) {
	_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that they have
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// listener hands pipes to a server.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func listen() *listener { return &listener{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error { l.once.Do(func() { close(l.done) }); return nil }

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errors.New("nobody listens")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) dialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.dial(ctx)
}

// idle is how long a test's server keeps a connection that nobody uses.
const idle = time.Second

// in runs a surge against a handler in a bubble, where time is made.
func in(t *testing.T, h http.Handler, cfg surge.Config, crowd func(cfg surge.Config) surge.Crowd, check func(t *testing.T, res *surge.Result)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := listen()
		server := &http.Server{Handler: h, IdleTimeout: idle}
		var served sync.WaitGroup
		served.Go(func() { _ = server.Serve(l) })
		cfg.URL, cfg.Dial, cfg.Now = "http://central.example", l.dial, time.Now
		res, err := surge.Run(t.Context(), cfg, crowd(cfg))
		_ = server.Close()
		served.Wait()
		if err != nil {
			t.Fatalf("Run: %v", err)
		}
		check(t, res)
	})
}

// queue makes a crowd whose access tokens are their accounts' ids.
func queue(t *testing.T, polls int, interval time.Duration, enters int) func(cfg surge.Config) surge.Crowd {
	t.Helper()
	return func(cfg surge.Config) surge.Crowd {
		q, err := surge.NewQueue(surge.QueueConfig{
			URL: cfg.URL, Event: 1001, People: cfg.People, Seed: cfg.Seed, Enters: enters, Again: 10 * (enters - 1), Polls: polls, Interval: interval,
			Access: func(account string) (string, time.Time) { return account, time.Time{} },
		})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
}

func step(t *testing.T, res *surge.Result, name string) surge.Step {
	t.Helper()
	for _, s := range res.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %s in %s", name, fmt.Sprint(res.Steps))
	return surge.Step{}
}
