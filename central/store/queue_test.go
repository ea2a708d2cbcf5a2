package store_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/store/storetest"
)

func TestQueueRooms(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		s, c := onSale(t)
		q, ctx := s.Queue(), t.Context()
		set := queue.DefaultSettings()
		set.Opens, set.BeaconSource = c.now().Add(time.Hour).UTC().Truncate(time.Millisecond), "a lottery's numbers"
		if _, err := q.Put(ctx, queue.Room{Event: 999, Settings: set}); !errors.Is(err, queue.ErrNoRoom) {
			t.Errorf("a room for no event: %v, want ErrNoRoom", err)
		}
		first, err := q.Put(ctx, queue.Room{Event: 1001, Settings: set, Seed: [32]byte{1}})
		if err != nil || first.Settings != set {
			t.Fatalf("Put: %+v, %v; want %+v", first.Settings, err, set)
		}
		set.Rate, set.Paused = 5, true
		got, err := q.Put(ctx, queue.Room{Event: 1001, Settings: set, Seed: [32]byte{2}})
		if err != nil || got.Settings != set || got.Seed != first.Seed {
			t.Fatalf("Put again: %+v, %v; want the new settings and the old seed", got, err)
		}
		if r, err := q.Open(ctx, queue.Room{Event: 1001, Opened: c.now(), Beacon: "x"}); err != nil || !r.Opened.IsZero() {
			t.Errorf("opened before it was sealed: %+v, %v", r, err)
		}
		entries := make([]queue.Key, 10000)
		for i := range entries {
			entries[i] = queue.Key{byte(i), byte(i >> 8), 1}
		}
		got.Sealed, got.List = time.UnixMilli(c.now().UnixMilli()), queue.ListHash(1001, entries)
		sealed, err := q.Seal(ctx, got, entries)
		if err != nil || sealed.People != 10000 || sealed.List != got.List || !sealed.Sealed.Equal(got.Sealed) {
			t.Fatalf("Seal: %+v, %v", sealed, err)
		}
		other := got
		other.List = [32]byte{9}
		if r, err := q.Seal(ctx, other, entries[:5]); err != nil || r.People != 10000 || r.List != got.List {
			t.Fatalf("Seal again: %+v, %v; want the first", r, err)
		}
		for _, at := range [][2]int{{0, 1}, {0, 10000}, {4095, 2}, {4096, 4096}, {9999, 50}, {10000, 5}} {
			page, err := q.Entries(ctx, 1001, at[0], at[1])
			if want := entries[at[0]:min(at[0]+at[1], len(entries))]; err != nil || !slices.Equal(page, want) {
				t.Errorf("Entries%v: %d, %v; want %d", at, len(page), err, len(want))
			}
		}
		sealed.Opened, sealed.Beacon = time.UnixMilli(c.now().UnixMilli()), "1 2 3"
		if r, err := q.Open(ctx, sealed); err != nil || r.Beacon != "1 2 3" || !r.Opened.Equal(sealed.Opened) {
			t.Fatalf("Open: %+v, %v", r, err)
		}
		sealed.Beacon = "4 5 6"
		if r, err := q.Open(ctx, sealed); err != nil || r.Beacon != "1 2 3" {
			t.Fatalf("Open again: %+v, %v; want the first", r, err)
		}
		all, err := q.Rooms(ctx)
		if err != nil || len(all) != 1 || all[0].Beacon != "1 2 3" || all[0].People != 10000 {
			t.Fatalf("Rooms: %+v, %v", all, err)
		}
	})
}

func TestQueueMarkNeverSinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		s, _ := onSale(t)
		for _, c := range []struct{ upTo, want uint32 }{{0, 0}, {100, 100}, {50, 100}, {0, 100}, {101, 101}} {
			if got, err := s.Queue().Reserve(t.Context(), 7, c.upTo); err != nil || got != c.want {
				t.Errorf("Reserve(%d): %d, %v; want %d", c.upTo, got, err, c.want)
			}
		}
	})
}

// Numbers that are taken are one caller's alone, however many ask at once.
func TestQueueMarkIsTakenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T) {
		s, _ := onSale(t)
		if _, err := s.Queue().Reserve(t.Context(), 7, 10); err != nil {
			t.Fatal(err)
		}
		got := make([]uint32, 20)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = s.Queue().Take(t.Context(), 7, 5); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		for i, mark := range got {
			if want := uint32(10 + 5*(i+1)); mark != want {
				t.Fatalf("marks %v, want each 5 above another, from 15", got)
			}
		}
		if mark, err := s.Queue().Take(t.Context(), 7, 0); err != nil || mark != 110 {
			t.Errorf("the mark is %d, %v; want 110", mark, err)
		}
	})
}
