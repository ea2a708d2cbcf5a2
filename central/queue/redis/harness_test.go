package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/redis"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/servers"
)

const event = ticket.EventID(7)

// marks is the store of a test: it forgets nothing while Redis does.
type marks struct {
	mu    sync.Mutex // guards those below
	marks map[ticket.EventID]uint32
	down  bool
}

func newMarks() *marks { return &marks{marks: make(map[ticket.EventID]uint32)} }

func (m *marks) Take(_ context.Context, event ticket.EventID, count uint32) (uint32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return 0, errors.New("the store is down")
	}
	m.marks[event] += count
	return m.marks[event], nil
}

func (m *marks) set(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// restore puts the store back to an earlier day.
func (m *marks) restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.marks)
}

// configure makes what an engine needs; each call takes a prefix of its own.
func configure(url string) redis.Config {
	return redis.Config{
		URL: url, Ranges: newMarks(), Now: time.Now, Timeout: 10 * time.Second,
		Prefix: "test" + strconv.FormatInt(prefixes.Add(1), 10),
	}
}

var prefixes atomic.Int64

func open(t testing.TB, cfg redis.Config) *redis.Engine {
	t.Helper()
	e, err := redis.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// key is a person of the tests.
func key(i int) (k queue.Key) {
	x := uint64(i+1) * 0x9e3779b97f4a7c15
	for at := range k {
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		k[at] = byte(x >> 56)
	}
	return k
}

func people(from, to int) (out []queue.Entry) {
	for i := from; i < to; i++ {
		out = append(out, queue.Entry{Key: key(i)})
	}
	return out
}

func enter(t testing.TB, e queue.Engine, entries ...queue.Entry) []uint32 {
	t.Helper()
	got, err := e.Enter(t.Context(), event, entries)
	if err != nil {
		t.Fatalf("Enter of %d: %v", len(entries), err)
	}
	return got
}

// eventually repeats a call until it works, as those who retry do.
func eventually(t testing.TB, what string, call func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = call(); err == nil {
			return
		}
		if !errors.Is(err, queue.ErrUnavailable) {
			break
		}
	}
	t.Fatalf("%s: %v", what, err)
}

func clusterURL(nodes []*servers.RedisServer) string {
	var hosts []string
	for _, n := range nodes {
		hosts = append(hosts, n.Addr())
	}
	return "redis-cluster://" + strings.Join(hosts, ",")
}

// issued notes who holds which number, and fails the test when two do.
type issued struct {
	mu sync.Mutex // guards by
	by map[uint32]queue.Key
}

func (s *issued) note(entries []queue.Entry, numbers []uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[uint32]queue.Key)
	}
	for i, n := range numbers {
		if k, ok := s.by[n]; ok && k != entries[i].Key {
			return fmt.Errorf("number %d was issued twice", n)
		}
		s.by[n] = entries[i].Key
	}
	return nil
}
