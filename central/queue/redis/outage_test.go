package redis_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/testdata/servers"
)

// Redis is gone and comes back, with its file and without: enters are refused as
// unavailable meanwhile, and go on afterwards.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]servers.RedisOption{
		"with its file":   {servers.RedisAppend("always")},
		"having lost all": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.Redis(t, options...)
			e := open(t, configure(s.URL()))
			known := people(0, 200)
			numbers := enter(t, e, known...)
			if err := e.Append(t.Context(), event, [][]byte{[]byte("kept")}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := e.Records(t.Context(), event, 0); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			if _, err := e.Enter(t.Context(), event, people(200, 201)); !errors.Is(err, queue.ErrUnavailable) {
				t.Fatalf("Enter without Redis: %v, want ErrUnavailable", err)
			}
			if _, _, err := e.Records(t.Context(), event, 0); !errors.Is(err, queue.ErrUnavailable) {
				t.Fatalf("Records without Redis: %v, want ErrUnavailable", err)
			}
			if _, err := e.Presence(t.Context(), event, queue.Window{From: 1}); !errors.Is(err, queue.ErrUnavailable) {
				t.Fatalf("Presence without Redis: %v, want ErrUnavailable", err)
			}
			if err := e.Append(t.Context(), event, [][]byte{{1}}); !errors.Is(err, queue.ErrUnavailable) {
				t.Fatalf("Append without Redis: %v, want ErrUnavailable", err)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []uint32
			eventually(t, "Enter", func() (err error) {
				got, err = e.Enter(t.Context(), event, people(201, 202))
				return err
			})
			if got[0] <= slices.Max(numbers) {
				t.Fatalf("number %d after %d", got[0], slices.Max(numbers))
			}
			if options != nil {
				if again := enter(t, e, known...); !slices.Equal(again, numbers) {
					t.Fatal("numbers that were answered are lost, though Redis kept its file")
				}
			}
			records, last, err := e.Records(t.Context(), event, 0)
			if err != nil || len(records) != 1 || string(records[0]) != "kept" || last < got[0] {
				t.Fatalf("%q, last %d, %v; want the record and %d", records, last, err, got[0])
			}
			if again, _, err := open(t, configure(s.URL())).Records(t.Context(), event, 0); err != nil || len(again) != 0 {
				t.Fatalf("another prefix has %q, %v", again, err)
			}
		})
	}
}

// Redis is killed at random under load, four times: what was answered stays so, and
// no number belongs to two.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	s := servers.Redis(t, servers.RedisAppend("always"))
	cfg := configure(s.URL())
	engines := []*struct {
		queue.Engine
		entries []queue.Entry
		numbers []uint32
	}{{Engine: open(t, cfg)}, {Engine: open(t, cfg)}}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var batches sync.WaitGroup
	for i, e := range engines {
		batches.Add(40)
		wg.Go(func() {
			for n, left := 0, 40; ctx.Err() == nil; n++ {
				batch := people(i*1_000_000+n*20, i*1_000_000+n*20+20)
				got, err := e.Enter(ctx, event, batch)
				if err != nil {
					if !errors.Is(err, queue.ErrUnavailable) {
						t.Errorf("Enter: %v", err)
						return
					}
					continue
				}
				e.entries, e.numbers = append(e.entries, batch...), append(e.numbers, got...)
				if left > 0 {
					left--
					batches.Done()
				}
			}
		})
	}
	for range 4 {
		time.Sleep(30 * time.Millisecond) // so that there is something to lose; nothing waits for it
		s.Kill()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	batches.Wait()
	stop()
	wg.Wait()
	var all issued
	check := open(t, cfg)
	for _, e := range engines {
		if err := all.note(e.entries, e.numbers); err != nil {
			t.Fatal(err)
		}
		for from := 0; from < len(e.entries); from += 2000 {
			to := min(from+2000, len(e.entries))
			if got := enter(t, check, e.entries[from:to]...); !slices.Equal(got, e.numbers[from:to]) {
				t.Fatal("numbers that were answered are lost")
			}
		}
	}
}

// The store that hands out numbers is gone: those at hand go on.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	s, store := servers.Redis(t), newMarks()
	cfg := configure(s.URL())
	cfg.Ranges = store
	e := open(t, cfg)
	enter(t, e, people(0, 10)...)
	store.set(true)
	enter(t, e, people(10, 20)...)
	if _, err := e.Enter(t.Context(), event, people(1000, 2000)); !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("more numbers than there are: %v, want ErrUnavailable", err)
	}
	if got, err := s.Do("EXISTS", cfg.Prefix+":{7}:lock"); err != nil || got != "0" {
		t.Errorf("others wait for the range that was not got: %s, %v", got, err)
	}
	store.set(false)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := e.Enter(ctx, event, people(1000, 2000))
	if err != nil || got[0] != 21 || got[999] != 1020 {
		t.Fatalf("after it is back: %v; want the numbers 21 to 1020", err)
	}
}

// A frozen Redis costs one time-out, not for ever.
func TestFrozen(t *testing.T) {
	t.Parallel()
	s := servers.Redis(t)
	cfg := configure(s.URL())
	cfg.Timeout = time.Second
	e := open(t, cfg)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Enter(t.Context(), event, people(0, 1)); !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("Enter: %v, want ErrUnavailable", err)
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Enter", func() error {
		_, err := e.Enter(t.Context(), event, people(0, 1))
		return err
	})
}

// A store that was put back to an earlier day gives numbers that are taken: none of
// them is issued again.
func TestStorePutBack(t *testing.T) {
	t.Parallel()
	store := newMarks()
	cfg := configure(servers.Redis(t).URL())
	cfg.Ranges = store
	e := open(t, cfg)
	var all issued
	for i := range 20 {
		if i == 10 {
			store.restore()
		}
		entries := people(i*400, i*400+400)
		if err := all.note(entries, enter(t, e, entries...)); err != nil {
			t.Fatal(err)
		}
	}
}
