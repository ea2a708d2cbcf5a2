package queuetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

const event = ticket.EventID(7)

// key is a person of the tests.
func key(i int) (k queue.Key) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i)) //nolint:gosec // a test's own small number
	sum := sha256.Sum256(b[:])
	return queue.Key(sum[:16])
}

func people(from, to int) (out []queue.Entry) {
	for i := from; i < to; i++ {
		out = append(out, queue.Entry{Key: key(i)})
	}
	return out
}

func open(t *testing.T, s Subject) queue.Engine {
	t.Helper()
	e := s.Open(t)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func enter(t *testing.T, e queue.Engine, ev ticket.EventID, entries ...queue.Entry) []uint32 {
	t.Helper()
	got, err := e.Enter(t.Context(), ev, entries)
	if err != nil {
		t.Fatalf("Enter of %d: %v", len(entries), err)
	}
	if len(got) != len(entries) {
		t.Fatalf("Enter of %d: got %d numbers", len(entries), len(got))
	}
	for i, n := range got {
		if n == 0 || n > queue.MaxPeople {
			t.Fatalf("Enter: entry %d got number %d", i, n)
		}
	}
	return got
}

// numbers: strictly first come, first served, over calls and within one, and as
// many numbers as people.
func numbers(t *testing.T, s Subject) {
	e := open(t, s)
	last := uint32(0)
	for from, size := 0, 1; from < 2000; from, size = from+size, size*2 {
		for i, n := range enter(t, e, event, people(from, from+size)...) {
			if n != last+1 {
				t.Fatalf("person %d got %d after %d, want the next", from+i, n, last)
			}
			last = n
		}
	}
	if _, got, err := e.Records(t.Context(), event, 0); err != nil || got != last {
		t.Fatalf("Records says %d people, %v; want %d", got, err, last)
	}
	if got := enter(t, e, event); len(got) != 0 {
		t.Fatalf("nobody got %v", got)
	}
}

// sameAgain: entering twice is one place, in one call and over calls.
func sameAgain(t *testing.T, s Subject) {
	e := open(t, s)
	got := enter(t, e, event, queue.Entry{Key: key(1)}, queue.Entry{Key: key(2)}, queue.Entry{Key: key(1)})
	if want := []uint32{1, 2, 1}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	got = enter(t, e, event, queue.Entry{Key: key(3)}, queue.Entry{Key: key(2)}, queue.Entry{Key: key(1)})
	if want := []uint32{3, 2, 1}; !slices.Equal(got, want) {
		t.Fatalf("again: got %v, want %v", got, want)
	}
}

// instead: a place that counts no more is replaced once.
func instead(t *testing.T, s Subject) {
	e := open(t, s)
	enter(t, e, event, people(0, 3)...)
	if got := enter(t, e, event, queue.Entry{Key: key(1), Instead: 2}); got[0] != 4 {
		t.Fatalf("instead of 2: got %d, want 4", got[0])
	}
	// The same wish again is about a number that is not theirs any more.
	got := enter(t, e, event, queue.Entry{Key: key(1), Instead: 2}, queue.Entry{Key: key(1)})
	if got[0] != 4 || got[1] != 4 {
		t.Fatalf("again: got %v, want 4 and 4", got)
	}
	// Not even another's number, nor one of somebody unknown, does any harm.
	got = enter(t, e, event, queue.Entry{Key: key(0), Instead: 3}, queue.Entry{Key: key(9), Instead: 1}, queue.Entry{Key: key(2)})
	if want := []uint32{1, 5, 3}; !slices.Equal(got, want) {
		t.Fatalf("instead of others' numbers: got %v, want %v", got, want)
	}
	// Twice in one call: one new number.
	got = enter(t, e, event, queue.Entry{Key: key(0), Instead: 1}, queue.Entry{Key: key(0), Instead: 1})
	if got[0] != 6 || got[1] != 6 {
		t.Fatalf("twice in one call: got %v, want 6 and 6", got)
	}
	// Nobody is there twice.
	in, err := e.Lobby(t.Context(), event)
	if want := []queue.Key{{}, {}, key(2), key(1), key(9), key(0)}; err != nil || !slices.Equal(in, want) {
		t.Fatalf("Lobby: %v, %v; want %v", in, err, want)
	}
}

// had: an engine that knows better ignores what a person says they had.
func had(t *testing.T, s Subject) {
	e := open(t, s)
	enter(t, e, event, people(0, 10)...)
	got := enter(t, e, event, queue.Entry{Key: key(4), Had: 2})
	if got[0] != 5 {
		t.Fatalf("a known person who says 2: got %d, want 5", got[0])
	}
	// Somebody unknown with proof of a number that is nobody's here: it is restored.
	if got = enter(t, e, event, queue.Entry{Key: key(77), Had: 14}); got[0] != 14 {
		t.Fatalf("an unknown person who had 14: got %d, want 14", got[0])
	}
	if got = enter(t, e, event, queue.Entry{Key: key(77)}, queue.Entry{Key: key(78)}); got[0] != 14 || got[1] < 15 {
		t.Fatalf("after restoring 14: got %v, want 14 and a number after it", got)
	}
}

// rooms: events do not share anything.
func rooms(t *testing.T, s Subject) {
	e := open(t, s)
	enter(t, e, event, people(0, 5)...)
	if got := enter(t, e, event+1, people(3, 5)...); got[0] != 1 || got[1] != 2 {
		t.Fatalf("another event: got %v, want 1 and 2", got)
	}
	if err := e.Append(t.Context(), event+1, [][]byte{{1}}); err != nil {
		t.Fatal(err)
	}
	records, last, err := e.Records(t.Context(), event, 0)
	if err != nil || len(records) != 0 || last != 5 {
		t.Fatalf("Records: %d of them, last %d, %v; want none, 5", len(records), last, err)
	}
	if records, last, err = e.Records(t.Context(), event+2, 0); err != nil || len(records) != 0 || last != 0 {
		t.Fatalf("Records of an unknown room: %d of them, last %d, %v; want nothing", len(records), last, err)
	}
}

// concurrent: many rooms at once, everybody twice; no number belongs to two, and
// whoever was answered before another began has the smaller one.
func concurrent(t *testing.T, s Subject) {
	e := open(t, s)
	var wg sync.WaitGroup
	for room := range 4 {
		wg.Go(func() {
			ev := event + ticket.EventID(room) //nolint:gosec // small
			last := uint32(0)
			for round := range 20 {
				got, err := e.Enter(t.Context(), ev, append(people(round*10, round*10+10), people(0, 5)...))
				if err != nil {
					t.Errorf("room %d: %v", room, err)
					return
				}
				for i, n := range got {
					switch {
					case i >= 10 && n != uint32(i-9):
						t.Errorf("room %d: person %d got %d again, want %d", room, i-10, n, i-9)
					case i < 10 && n <= last:
						t.Errorf("room %d: %d after %d", room, n, last)
					case i < 10:
						last = n
					}
				}
			}
		})
	}
	wg.Wait()
}

// lobby: everybody at their number.
func lobby(t *testing.T, s Subject) {
	e := open(t, s)
	if got, err := e.Lobby(t.Context(), event); err != nil || len(got) != 0 {
		t.Fatalf("an empty lobby: %d, %v", len(got), err)
	}
	enter(t, e, event, people(0, 3000)...)
	got, err := e.Lobby(t.Context(), event)
	if err != nil || len(got) != 3000 {
		t.Fatalf("Lobby: %d, %v; want 3000", len(got), err)
	}
	for i, k := range got {
		if k != key(i) {
			t.Fatalf("number %d is %s, want %s", i+1, k, key(i))
		}
	}
}

// recordLog: what was added is there, in order, from anywhere.
func recordLog(t *testing.T, s Subject) {
	e := open(t, s)
	var want [][]byte
	for i := range 50 {
		batch := [][]byte{fmt.Appendf(nil, "record %d", i), make([]byte, 1+i*1000)}
		if err := e.Append(t.Context(), event, batch); err != nil {
			t.Fatal(err)
		}
		want = append(want, batch...)
	}
	big := make([]byte, queue.MaxRecord)
	if err := e.Append(t.Context(), event, [][]byte{big}); err != nil {
		t.Fatal(err)
	}
	want = append(want, big)
	for _, after := range []int{0, 1, 37, len(want) - 1, len(want)} {
		got, _, err := e.Records(t.Context(), event, after)
		if err != nil || !slices.EqualFunc(got, want[after:], slices.Equal[[]byte]) {
			t.Fatalf("after %d: %d records, %v; want %d", after, len(got), err, len(want)-after)
		}
	}
}

// logTogether: what was added in one call stands together.
func logTogether(t *testing.T, s Subject) {
	e := open(t, s)
	var wg sync.WaitGroup
	for who := range byte(8) {
		wg.Go(func() {
			for range 10 {
				if err := e.Append(t.Context(), event, [][]byte{{who, 0}, {who, 1}, {who, 2}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, _, err := e.Records(t.Context(), event, 0)
	if err != nil || len(got) != 240 {
		t.Fatalf("%d records, %v; want 240", len(got), err)
	}
	for i, r := range got {
		if r[1] != byte(i%3) || r[0] != got[i-i%3][0] {
			t.Fatalf("record %d is %v inside another's", i, r)
		}
	}
}

// presence: what one central says of itself comes back to it.
func presence(t *testing.T, s Subject) {
	e := open(t, s)
	w := queue.Window{From: 9, Bits: []byte{0x81, 0, 0xff}}
	got, err := e.Presence(t.Context(), event, w)
	if err != nil || got.From != w.From || !slices.Equal(got.Bits, []byte{0x81, 0, 0xff}) {
		t.Fatalf("got %v, %v; want %v", got, err, w)
	}
	if got, err = e.Presence(t.Context(), event, queue.Window{From: 1}); err != nil || len(got.Bits) != 0 {
		t.Fatalf("nobody: got %v, %v", got, err)
	}
}

// reopen: an engine that is closed and opened again knows everything.
func reopen(t *testing.T, s Subject) {
	e := s.Open(t)
	enter(t, e, event, people(0, 100)...)
	enter(t, e, event, queue.Entry{Key: key(5), Instead: 6})
	if err := e.Append(t.Context(), event, [][]byte{[]byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, s)
	got := enter(t, e, event, append(people(0, 7), queue.Entry{Key: key(100)})...)
	if want := []uint32{1, 2, 3, 4, 5, 101, 7}; !slices.Equal(got[:7], want) || got[7] < 102 {
		t.Fatalf("got %v, want %v and one after 101", got, want)
	}
	records, last, err := e.Records(t.Context(), event, 0)
	if err != nil || len(records) != 1 || string(records[0]) != "kept" || last != got[7] {
		t.Fatalf("%q, %d, %v; want the record and %d", records, last, err, got[7])
	}
}

// cancelled: a caller that has gone does not break the engine for the next.
func cancelled(t *testing.T, s Subject) {
	e := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Enter(ctx, event, people(0, 1)); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("a cancelled Enter: %v", err)
	}
	a := enter(t, e, event, people(1, 2)...)
	if b := enter(t, e, event, people(2, 3)...); b[0] <= a[0] {
		t.Fatalf("%d after %d", b[0], a[0])
	}
}

// shared: several centrals issue from one sequence and know the same people.
func shared(t *testing.T, s Subject) {
	a, b := open(t, s), open(t, s)
	last := uint32(0)
	for i := 0; i < 200; i += 2 {
		one, two := enter(t, a, event, people(i, i+1)...)[0], enter(t, b, event, people(i+1, i+2)...)[0]
		if one <= last || two <= one {
			t.Fatalf("%d, %d after %d", one, two, last)
		}
		if again := enter(t, b, event, people(i, i+1)...)[0]; again != one {
			t.Fatalf("person %d is %d here and %d there", i, one, again)
		}
		last = two
	}
	// Both at once, the same people: one number each, none twice.
	var got [2][]uint32
	var wg sync.WaitGroup
	for i, e := range []queue.Engine{a, b} {
		wg.Go(func() {
			for from := 1000; from < 2000; from += 50 {
				n, err := e.Enter(t.Context(), event, people(from, from+50))
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = append(got[i], n...)
			}
		})
	}
	wg.Wait()
	if !slices.Equal(got[0], got[1]) {
		t.Fatal("the same people have other numbers at the other central")
	}
	slices.Sort(got[0])
	if len(slices.Compact(got[0])) != 1000 {
		t.Fatal("a number belongs to two people")
	}
	if err := a.Append(t.Context(), event, [][]byte{[]byte("a")}); err != nil {
		t.Fatal(err)
	}
	if records, _, err := b.Records(t.Context(), event, 0); err != nil || len(records) != 1 || string(records[0]) != "a" {
		t.Fatalf("the other central reads %q, %v", records, err)
	}
	if _, err := a.Presence(t.Context(), event, queue.Window{From: 1, Bits: []byte{1, 2}}); err != nil {
		t.Fatal(err)
	}
	w, err := b.Presence(t.Context(), event, queue.Window{From: 9, Bits: []byte{4, 8}})
	if err != nil || w.From != 9 || !slices.Equal(w.Bits, []byte{6, 8}) {
		t.Fatalf("the union is %v, %v; want from 9, [6 8]", w, err)
	}
}
