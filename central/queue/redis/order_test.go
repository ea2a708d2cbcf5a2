package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/testdata/servers"
)

// Three centrals at once on a cluster: whoever was answered before another began
// has the smaller number, and few numbers are left out.
func TestOrderOverCentrals(t *testing.T) {
	cfg := configure(clusterURL(servers.RedisCluster(t, 3)))
	var answered atomic.Uint32 // the largest number that anybody was told
	var all issued
	var wg sync.WaitGroup
	const centrals, rounds, size = 3, 40, 25
	var most atomic.Uint32
	for c := range centrals {
		e := open(t, cfg)
		wg.Go(func() {
			for i := range rounds {
				before := answered.Load()
				from := (c*rounds + i) * size
				entries := people(from, from+size)
				got, err := e.Enter(t.Context(), event, entries)
				if err == nil {
					err = all.note(entries, got)
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, n := range got {
					if n <= before {
						t.Errorf("number %d after %d was answered", n, before)
						return
					}
					raise(&answered, n)
					raise(&most, n)
				}
			}
		})
	}
	wg.Wait()
	if n := most.Load(); !t.Failed() && n != centrals*rounds*size {
		t.Errorf("the last number is %d, want %d", n, centrals*rounds*size)
	}
}

func raise(max *atomic.Uint32, n uint32) {
	for old := max.Load(); old < n && !max.CompareAndSwap(old, n); old = max.Load() {
	}
}

// Whoever was answered a number of the lobby's, before or while it was closed, is
// in its list, as who they are.
func TestLobbyHasEverybody(t *testing.T) {
	cfg := configure(servers.Redis(t).URL())
	var stop atomic.Bool
	var wg sync.WaitGroup
	var all issued
	for c := range 3 {
		e := open(t, cfg)
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				from := c*1_000_000 + i*7
				entries := people(from, from+7)
				got, err := e.Enter(t.Context(), event, entries)
				if err == nil {
					err = all.note(entries, got)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	e := open(t, cfg)
	var lists [][]queue.Key
	for range 4 {
		list, err := e.Lobby(t.Context(), event)
		if err != nil {
			t.Error(err)
			break
		}
		lists = append(lists, list)
	}
	stop.Store(true)
	wg.Wait()
	if len(lists) == 4 && len(lists[3]) == 0 {
		t.Fatal("nobody came while the lobby was closed: the test shows nothing")
	}
	for _, list := range lists {
		for n, k := range all.by {
			if int(n) <= len(list) && list[n-1] != k {
				t.Fatalf("number %d was answered to %s and is %s in the list of %d", n, k, list[n-1], len(list))
			}
		}
	}
}
