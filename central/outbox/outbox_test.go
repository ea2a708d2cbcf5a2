package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/central/outbox"
)

// book is a store in memory.
type book struct {
	mu      sync.Mutex // guards everything below
	rows    []outbox.Row
	cursors map[string]uint64
	fail    error // of the next Rows
	moved   int   // calls of Advance that moved something
}

func newBook(kinds ...outbox.Kind) *book {
	b := &book{cursors: make(map[string]uint64)}
	for _, k := range kinds {
		b.add(k)
	}
	return b
}

func (b *book) add(k outbox.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, outbox.Row{Seq: uint64(len(b.rows) + 1), Kind: k, At: time.Now(), Body: []byte(`{"secret":1}`)})
}

func (b *book) Rows(_ context.Context, after uint64, kinds []outbox.Kind, limit int) (out []outbox.Row, through uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err, b.fail = b.fail, nil; err != nil {
		return nil, 0, err
	}
	for _, r := range b.rows[min(after, uint64(len(b.rows))):] {
		if len(out) == limit {
			return out, out[limit-1].Seq, nil
		}
		if slices.Contains(kinds, r.Kind) {
			out = append(out, r)
		}
	}
	return out, uint64(len(b.rows)), nil
}

func (b *book) Cursor(_ context.Context, consumer string) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cursors[consumer], nil
}

func (b *book) Advance(_ context.Context, consumer string, from, through uint64, forget []uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cursors[consumer] != from {
		return outbox.ErrMoved
	}
	b.cursors[consumer] = through
	b.moved++
	for _, seq := range forget {
		b.rows[seq-1].Body = nil
	}
	return nil
}

// at returns where a consumer is.
func (b *book) at(consumer string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cursors[consumer]
}

// watch is an observer that keeps the newest figure.
type watch struct {
	mu    sync.Mutex // guards stuck and most
	stuck map[string]int
	most  int
}

func (*watch) Handled(string, int, time.Duration) {}

func (w *watch) Stuck(consumer string, attempts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stuck == nil {
		w.stuck = make(map[string]int)
	}
	w.stuck[consumer], w.most = attempts, max(w.most, attempts)
}

func start(t *testing.T, store outbox.Store, observe outbox.Observer, consumers ...outbox.Consumer) (o *outbox.Outbox, stop func()) {
	t.Helper()
	o, err := outbox.New(t.Context(), outbox.Config{
		Store: store, Consumers: consumers, Observe: observe, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	return o, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// TestOrder: each consumer gets its kinds, all of them, in order, however many
// there are, and those that are written later.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		var wantPaid, wantAll []uint64
		write := func(n int) {
			for range n {
				k := outbox.OrderPaid
				if len(wantAll)%3 == 0 {
					k = outbox.TicketNew
				} else {
					wantPaid = append(wantPaid, uint64(len(wantAll)+1))
				}
				wantAll = append(wantAll, uint64(len(wantAll)+1))
				b.add(k)
			}
		}
		write(1234)
		var paid, all []uint64
		take := func(into *[]uint64) func(context.Context, []outbox.Row) error {
			return func(_ context.Context, rows []outbox.Row) error {
				for _, r := range rows {
					*into = append(*into, r.Seq)
				}
				return nil
			}
		}
		o, stop := start(t, b, nil,
			outbox.Consumer{Name: "paid", Kinds: []outbox.Kind{outbox.OrderPaid}, Handle: take(&paid)},
			outbox.Consumer{Name: "all", Kinds: []outbox.Kind{outbox.OrderPaid, outbox.TicketNew}, Handle: take(&all)})
		synctest.Wait()
		write(7)
		o.Wake()
		synctest.Wait()
		if !slices.Equal(paid, wantPaid) || !slices.Equal(all, wantAll) {
			t.Errorf("woken: consumers got %d and %d rows, want %d and %d, in order", len(paid), len(all), len(wantPaid), len(wantAll))
		}
		write(2) // nobody says so
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(paid, wantPaid) || !slices.Equal(all, wantAll) {
			t.Errorf("a second later: consumers got %d and %d rows, want %d and %d, in order", len(paid), len(all), len(wantPaid), len(wantAll))
		}
		stop()
	})
}

// TestPoison: a row that cannot be dealt with is never passed over. Those before it
// get through, those after it wait, and another consumer does not notice.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(slices.Repeat([]outbox.Kind{outbox.OrderPaid}, 20)...)
		var got []uint64
		var tries []time.Time
		var mu sync.Mutex // guards got, tries, sick and other
		sick := true
		w := &watch{}
		other := 0
		_, stop := start(t, b, w, outbox.Consumer{
			Name: "mail", Kinds: []outbox.Kind{outbox.OrderPaid},
			Handle: func(_ context.Context, rows []outbox.Row) error {
				mu.Lock()
				defer mu.Unlock()
				for _, r := range rows {
					if sick && r.Seq == 8 {
						tries = append(tries, time.Now())
						return errors.New("no")
					}
				}
				for _, r := range rows {
					got = append(got, r.Seq)
				}
				return nil
			},
		}, outbox.Consumer{
			Name: "mint", Kinds: []outbox.Kind{outbox.OrderPaid},
			Handle: func(_ context.Context, rows []outbox.Row) error {
				mu.Lock()
				defer mu.Unlock()
				other += len(rows)
				return nil
			},
		})
		time.Sleep(10*time.Minute + time.Millisecond)
		synctest.Wait()
		mu.Lock()
		w.mu.Lock()
		if want := []uint64{1, 2, 3, 4, 5, 6, 7}; !slices.Equal(got, want) || b.at("mail") != 7 {
			t.Errorf("before the cure: got %v, cursor %d, want %v", got, b.at("mail"), want)
		}
		if other != 20 {
			t.Errorf("the other consumer got %d rows, want 20", other)
		}
		if n := len(tries); n < 10 || n > 20 || tries[n-1].Sub(tries[n-2]) != time.Minute || tries[3].Sub(tries[2]) > 5*time.Second {
			t.Errorf("it was tried at %v: want soon at first, and then once a minute", tries)
		}
		if w.stuck["mail"] != w.most || w.most < 10 || w.stuck["mint"] != 0 {
			t.Errorf("observer heard %v, want mail alone to be stuck", w.stuck)
		}
		sick = false
		w.mu.Unlock()
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(got) != 20 || !slices.IsSorted(got) || w.stuck["mail"] != 0 {
			t.Errorf("after the cure: got %v, stuck %v", got, w.stuck)
		}
		stop()
	})
}

// TestAgainAfterACrash: what was handled and not noted comes again; nothing else does.
func TestAgainAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(slices.Repeat([]outbox.Kind{outbox.OfferMade}, 5)...)
		var got []uint64
		c := outbox.Consumer{Name: "mail", Kinds: []outbox.Kind{outbox.OfferMade}, Handle: func(_ context.Context, rows []outbox.Row) error {
			for _, r := range rows {
				got = append(got, r.Seq)
			}
			return nil
		}}
		_, stop := start(t, b, nil, c)
		synctest.Wait()
		stop()
		b.mu.Lock()
		b.cursors["mail"] = 3 // the process died before it could move it
		b.mu.Unlock()
		_, stop = start(t, b, nil, c)
		synctest.Wait()
		stop()
		if want := []uint64{1, 2, 3, 4, 5, 4, 5}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestOvertaken: a consumer whose cursor another central has moved goes on from there.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(slices.Repeat([]outbox.Kind{outbox.OfferMade}, 5)...)
		var got []uint64
		_, stop := start(t, b, nil, outbox.Consumer{
			Name: "mail", Kinds: []outbox.Kind{outbox.OfferMade},
			Handle: func(_ context.Context, rows []outbox.Row) error {
				for _, r := range rows {
					got = append(got, r.Seq)
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				if b.cursors["mail"] == 0 {
					b.cursors["mail"] = 4
				}
				return nil
			},
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if want := []uint64{1, 2, 3, 4, 5, 5}; !slices.Equal(got, want) || b.at("mail") != 5 {
			t.Errorf("got %v, cursor %d, want %v and 5", got, b.at("mail"), want)
		}
	})
}

// TestForget: the bodies of the rows that were dealt with are erased, and no others.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook("mail_reset", outbox.OrderPaid, "mail_reset")
		_, stop := start(t, b, nil, outbox.Consumer{
			Name: "mail", Kinds: []outbox.Kind{"mail_reset"}, Forget: true,
			Handle: func(_ context.Context, rows []outbox.Row) error {
				for _, r := range rows {
					if r.Body == nil {
						t.Errorf("row %d came without its body", r.Seq)
					}
				}
				return nil
			},
		})
		synctest.Wait()
		stop()
		if b.rows[0].Body != nil || b.rows[1].Body == nil || b.rows[2].Body != nil {
			t.Errorf("bodies %q, want those of the first and last erased", []string{string(b.rows[0].Body), string(b.rows[1].Body), string(b.rows[2].Body)})
		}
	})
}

// TestLazily: rows that nobody wants move a cursor now and then, not each time.
func TestLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		_, stop := start(t, b, nil, outbox.Consumer{
			Name: "mail", Kinds: []outbox.Kind{"mail_reset"}, Handle: func(context.Context, []outbox.Row) error { return nil },
		})
		for range 5000 {
			b.add(outbox.TicketNew)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		stop()
		if b.moved < 1 || b.moved > 5 || b.at("mail") < 4000 {
			t.Errorf("5000 rows moved the cursor %d times, to %d", b.moved, b.at("mail"))
		}
	})
}

// TestStoreGone: a store that fails is tried again.
func TestStoreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook(outbox.OrderPaid)
		b.fail = errors.New("gone")
		n := 0
		_, stop := start(t, b, nil, outbox.Consumer{
			Name: "mail", Kinds: []outbox.Kind{outbox.OrderPaid}, Handle: func(context.Context, []outbox.Row) error { n++; return nil },
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		stop()
		if n != 1 {
			t.Errorf("the row came %d times, want once", n)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	handle := func(context.Context, []outbox.Row) error { return nil }
	good := outbox.Consumer{Name: "mail", Kinds: []outbox.Kind{outbox.OrderPaid}, Handle: handle}
	for name, cs := range map[string][]outbox.Consumer{
		"no name":    {{Kinds: good.Kinds, Handle: handle}},
		"odd name":   {{Name: "Mail!", Kinds: good.Kinds, Handle: handle}},
		"long name":  {{Name: strings.Repeat("a", 33), Kinds: good.Kinds, Handle: handle}},
		"no kind":    {{Name: "mail", Handle: handle}},
		"no handler": {{Name: "mail", Kinds: good.Kinds}},
		"twice":      {good, good},
	} {
		_, err := outbox.New(t.Context(), outbox.Config{Store: newBook(), Consumers: cs, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
		if err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
}
