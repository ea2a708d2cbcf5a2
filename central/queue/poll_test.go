package queue_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
)

// benchHouse is a queue with a crowd, and their tokens.
func benchHouse(b *testing.B, people int) (*queue.Queue, []string) {
	b.Helper()
	q, err := queue.New(b.Context(), queue.Config{
		Store: newShelf(), Engine: newLedger().open(), Secret: [32]byte{1}, Now: time.Now, Logger: discard(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(q.Close)
	s := queue.DefaultSettings()
	s.Opens = time.Now()
	if _, err := q.Put(b.Context(), event, s); err != nil {
		b.Fatal(err)
	}
	q.Tick(b.Context())
	tokens := make([]string, people)
	for i := range tokens {
		p, _, err := q.Enter(b.Context(), queue.Request{Event: event, Account: account(i)})
		if err != nil {
			b.Fatal(err)
		}
		tokens[i] = p.Token.String()
	}
	return q, tokens
}

func BenchmarkPoll(b *testing.B) {
	q, tokens := benchHouse(b, 10_000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := q.Poll(event, tokens[i%len(tokens)]); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkEnter(b *testing.B) {
	q, _ := benchHouse(b, 1)
	b.ReportAllocs()
	n := make(chan int, 1)
	n <- 10
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := <-n
			n <- i + 1
			if _, _, err := q.Enter(b.Context(), queue.Request{Event: event, Account: account(i)}); err != nil {
				b.Error(err)
			}
		}
	})
}

// Asking allocates nothing: a crowd makes no garbage.
func TestPollAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h := newHouse(t)
	h.room()
	token := h.person(1).enter().Token.String()
	if got := testing.AllocsPerRun(1000, func() {
		if _, err := h.q.Poll(event, token); err != nil {
			t.Fatal(err)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// A person takes few bytes of memory here.
func BenchmarkMemory(b *testing.B) {
	for _, people := range []int{100_000} {
		b.Run(strconv.Itoa(people), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				q, _ := benchHouse(b, people)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(people), "B/person")
				runtime.KeepAlive(q)
			}
		})
	}
}
