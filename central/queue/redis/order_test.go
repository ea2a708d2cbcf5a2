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
	t.Parallel()
	cfg := configure(clusterURL(servers.RedisCluster(t, 3)))
	var answered atomic.Uint32 // the largest number that anybody was told
	var all issued
	var wg sync.WaitGroup
	const centrals, rounds, size = 3, 20, 25
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
	t.Parallel()
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
	for range 2 {
		list, err := e.Lobby(t.Context(), event)
		if err != nil {
			t.Error(err)
			break
		}
		lists = append(lists, list)
	}
	stop.Store(true)
	wg.Wait()
	if len(lists) == 2 && len(lists[1]) == 0 {
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

// A number of the lobby's that was drawn and not given before the list was read is
// given to nobody after it.
func TestLobbyIsClosedForLateNumbers(t *testing.T) {
	t.Parallel()
	e := open(t, configure(servers.Redis(t).URL()))
	enter(t, e, people(0, 9)...)
	late, err := e.Draw(t.Context(), event, 1)
	if err != nil || late != 10 {
		t.Fatalf("Draw: %d, %v; want 10", late, err)
	}
	list, err := e.Lobby(t.Context(), event)
	if err != nil || len(list) != 10 || list[9] != (queue.Key{}) {
		t.Fatalf("Lobby: %d, %v; want 10 with nobody at the end", len(list), err)
	}
	if n, err := e.Give(t.Context(), event, key(9), late); err != nil || n != 0 {
		t.Fatalf("a number of the closed lobby was given: %d, %v", n, err)
	}
	if got := enter(t, e, people(9, 10)...); got[0] != 11 {
		t.Fatalf("they got %d, want 11", got[0])
	}
	if list, err = e.Lobby(t.Context(), event); err != nil || len(list) != 11 || list[10] != key(9) {
		t.Fatalf("Lobby again: %d, %v", len(list), err)
	}
}

// Nobody gets a number back that they gave up.
func TestGivenUpIsNotRestored(t *testing.T) {
	t.Parallel()
	e := open(t, configure(servers.Redis(t).URL()))
	enter(t, e, people(0, 9)...)
	if got := enter(t, e, queue.Entry{Key: key(20), Had: 5, Instead: 5}); got[0] != 10 {
		t.Fatalf("somebody forgotten who left place 5 got %d, want 10", got[0])
	}
	// Who left place 1 and was given 12 for it, which Redis forgot, has 12.
	if got := enter(t, e, queue.Entry{Key: key(0), Had: 12, Instead: 1}); got[0] != 12 {
		t.Fatalf("somebody who left place 1 for 12 got %d", got[0])
	}
}

// What a central told long ago, or by a clock far ahead, counts no more.
func TestPresenceEnds(t *testing.T) {
	t.Parallel()
	s := servers.Redis(t)
	cfg := configure(s.URL())
	e := open(t, cfg)
	for who, at := range map[string]string{"old": "1", "ahead": "99999999999999"} {
		if _, err := s.Do("HSET", cfg.Prefix+":{7}:here", who, at+":\x00\x00\x00\x01\xff"); err != nil {
			t.Fatal(err)
		}
	}
	w, err := e.Presence(t.Context(), event, queue.Window{From: 1, Bits: []byte{1}})
	if err != nil || w.Bits[0] != 1 {
		t.Fatalf("%v, %v; want who is here alone", w, err)
	}
}

// A range that arrives after others' is left out whole: what is drawn next is the
// next number, and never one before it.
func TestLateRange(t *testing.T) {
	cfg := configure(servers.Redis(t).URL())
	m := newMarks()
	cfg.Ranges = m
	e := open(t, cfg)
	draw := func(count uint32) uint32 {
		t.Helper()
		last, err := e.Draw(t.Context(), event, count)
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	draw(10)
	for range 3 {
		late, err := m.Take(t.Context(), event, 50)
		if err != nil {
			t.Fatal(err)
		}
		before := draw(1)
		for before < late { // into a range behind the late one
			before = draw(100)
		}
		if err := e.Extend(t.Context(), event, late-50, late); err != nil {
			t.Fatal(err)
		}
		if got := draw(1); got != before+1 {
			t.Fatalf("after a late range up to %d, number %d followed on %d", late, got, before)
		}
	}
}
