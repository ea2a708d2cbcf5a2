package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/leader"
	"github.com/con-ting/conting/central/outbox"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/ticket"
)

// TestSeat: a seat moves only from where it was seen, and only to one.
func TestSeat(t *testing.T) { storetest.Each(t, testSeat) }

func testSeat(t *testing.T) {
	s, err := open(t, filepath.Join(t.TempDir(), "central.db"))
	must(t, err)
	l, ctx := s.Lease("central"), t.Context()
	nobody, err := l.Seat(ctx)
	if err != nil || nobody != (leader.Seat{}) {
		t.Fatalf("before anybody had it the seat is %+v, %v", nobody, err)
	}
	var taken atomic.Int32
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			switch _, err := l.Take(ctx, nobody, fmt.Sprint("c", n), "host:1"); {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, leader.ErrLost):
				t.Errorf("Take: %v", err)
			}
		})
	}
	wg.Wait()
	a, err := l.Seat(ctx)
	must(t, err)
	if taken.Load() != 1 || a.Term != 1 || a.Beat != 1 || a.Address != "host:1" {
		t.Fatalf("%d took the seat, it is %+v", taken.Load(), a)
	}
	renewed, err := l.Renew(ctx, a)
	must(t, err)
	if now, err := l.Seat(ctx); err != nil || now != renewed || now.Beat != 2 {
		t.Errorf("renewed the seat is %+v, %v, want %+v", now, err, renewed)
	}
	if _, err := l.Take(ctx, a, "b", "host:2"); !errors.Is(err, leader.ErrLost) {
		t.Errorf("taken by what was seen before the beat: %v", err)
	}
	if other, err := s.Lease("other").Seat(ctx); err != nil || other != (leader.Seat{}) {
		t.Errorf("another seat is %+v, %v", other, err)
	}
	b, err := l.Take(ctx, renewed, "b", "host:2")
	must(t, err)
	if now, err := l.Seat(ctx); err != nil || now != b || b.Term != 2 {
		t.Errorf("taken the seat is %+v, %v, want %+v", now, err, b)
	}
	if _, err := l.Renew(ctx, renewed); !errors.Is(err, leader.ErrLost) {
		t.Errorf("renewed by who lost it: %v", err)
	}
	if err := l.Release(ctx, renewed); !errors.Is(err, leader.ErrLost) {
		t.Errorf("given up by who lost it: %v", err)
	}
	must(t, l.Release(ctx, b))
	if now, err := l.Seat(ctx); err != nil || now.Holder != "" || now.Term != 2 || now.Beat <= b.Beat {
		t.Errorf("given up the seat is %+v, %v", now, err)
	}
}

// TestOutboxRows: rows come in the order of their numbers, of the kinds that were
// asked for, as they were written; a cursor moves only from where it is.
func TestOutboxRows(t *testing.T) { storetest.Each(t, testOutboxRows) }

func testOutboxRows(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_123)
	s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), func() time.Time { return at }, slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	ctx, o := t.Context(), s.Outbox()
	full := outbox.Row{
		Event: 1001, Kind: outbox.OfferMade, Account: "0123456789abcdef0123456789abcdef", Ticket: ticket.ID{1, 2}, Status: ticket.StatusRefunded,
		Order: "order", Body: json.RawMessage(`{"a": "é\u0000"}`),
	}
	mail := outbox.Row{Kind: "mail_reset", Body: json.RawMessage(`"secret"`)}
	for _, r := range []outbox.Row{full, mail, full, {Kind: outbox.EventCancelled, Event: 7}, mail} {
		must(t, s.Post(ctx, r))
	}
	var wide outbox.Row
	wide.Kind, wide.Body = outbox.OfferMade, make(json.RawMessage, outbox.MaxBody+1)
	if err := s.Post(ctx, wide); err == nil {
		t.Error("a body that is too large was taken")
	}

	got, through, err := o.Rows(ctx, 0, []outbox.Kind{outbox.OfferMade, outbox.EventCancelled}, 10)
	must(t, err)
	want := full
	want.Seq, want.At = 1, at
	if len(got) != 3 || through != 5 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("got %+v through %d, want first %+v, 3 in all, through 5", got, through, want)
	}
	if got[2].Seq != 4 || got[2].Event != 7 || got[2].Body != nil || got[2].Ticket != (ticket.ID{}) || got[2].Account != "" {
		t.Errorf("the bare row reads as %+v", got[2])
	}
	if got, through, err := o.Rows(ctx, 1, []outbox.Kind{outbox.OfferMade, outbox.EventCancelled}, 1); err != nil || len(got) != 1 || got[0].Seq != 3 || through != 3 {
		t.Errorf("one row after the first: %+v through %d, %v", got, through, err)
	}
	if _, _, err := o.Rows(ctx, 0, nil, 1); err == nil {
		t.Error("rows of no kind were read")
	}
	if changes, err := s.Changes(ctx, 0, 10); err != nil || len(changes) != 0 {
		t.Errorf("gates are told %+v, %v", changes, err)
	}

	must(t, o.Advance(ctx, "mail", 0, 2, []uint64{2}))
	if err := o.Advance(ctx, "mail", 0, 5, []uint64{5}); !errors.Is(err, outbox.ErrMoved) {
		t.Errorf("a cursor moved from where it was not: %v", err)
	}
	for name, at := range map[string]uint64{"mail": 2, "mint": 0} {
		if n, err := o.Cursor(ctx, name); err != nil || n != at {
			t.Errorf("cursor of %s is at %d, %v, want %d", name, n, err, at)
		}
	}
	letters, _, err := o.Rows(ctx, 0, []outbox.Kind{"mail_reset"}, 10)
	must(t, err)
	if bodies := []bool{letters[0].Body == nil, letters[1].Body == nil}; !slices.Equal(bodies, []bool{true, false}) {
		t.Errorf("bodies forgotten: %v, want the first alone", bodies)
	}
}
