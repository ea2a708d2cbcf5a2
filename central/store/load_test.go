package store_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
)

// crowdLoad is callers who write all the time and remember what they were told.
type crowdLoad struct {
	t      *testing.T
	s      *store.Store
	over   chan struct{}
	all    sync.WaitGroup
	failed atomic.Int64

	mu    sync.Mutex      // guards told
	told  map[string]bool // whether it was kept; what is not here may be either
	asked atomic.Int64
}

func load(t *testing.T, s *store.Store) *crowdLoad {
	t.Helper()
	l := &crowdLoad{t: t, s: s, over: make(chan struct{}), told: make(map[string]bool)}
	for n := range 16 {
		way := []string{store.Update, store.UpdateShared}[n%2]
		l.all.Go(func() {
			for {
				select {
				case <-l.over:
					return
				default:
					l.ask(way)
				}
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

func (l *crowdLoad) ask(way string) {
	name := strconv.FormatInt(l.asked.Add(1), 10)
	err := l.s.In(context.Background(), way, func(x store.Tx) error {
		return errors.Join(add(name)(x), add(name+" again")(x)) // both or neither
	})
	switch {
	case err == nil:
		l.mu.Lock()
		l.told[name] = true
		l.mu.Unlock()
	case errors.Is(err, store.ErrUnavailable):
		l.failed.Add(1)
		time.Sleep(time.Millisecond) // who is told so comes again a little later
	default:
		l.t.Errorf("%s: %v", name, err)
	}
}

func (l *crowdLoad) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.told)
}

// await returns when n more were answered.
func (l *crowdLoad) await(n int) {
	l.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for want := l.answered() + n; l.answered() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatal("nobody is answered any more")
		}
	}
}

func (l *crowdLoad) stop() {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
	l.all.Wait()
}

// check compares what was told with what is there.
func (l *crowdLoad) check(s *store.Store) {
	l.t.Helper()
	there := make(map[string]bool)
	must(l.t, s.In(l.t.Context(), store.View, func(x store.Tx) error {
		names, err := x.Strings(`SELECT name FROM counter`)
		for _, name := range names {
			there[name] = true
		}
		return err
	}))
	for name := range l.told {
		if !there[name] {
			l.t.Errorf("%s was answered and is lost", name)
		}
	}
	for name := range there {
		if other := name + " again"; len(name) < 6 && !there[other] {
			l.t.Errorf("%s is there by half", name)
		}
	}
}
