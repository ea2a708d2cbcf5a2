package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

const (
	addNumber  = `INSERT INTO counter (name, n) VALUES ($1, $2)`
	hasNumber  = `SELECT COUNT(*) FROM counter WHERE name = $1`
	allNumbers = `SELECT COUNT(*) FROM counter`
)

func fresh(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func add(name string) func(store.Tx) error {
	return func(x store.Tx) error {
		_, err := x.Exec(addNumber, name, 1)
		return err
	}
}

func tally(t *testing.T, s *store.Store, query string, args ...any) (n int) {
	t.Helper()
	must(t, s.In(t.Context(), store.View, func(x store.Tx) error { return x.Row(query, args, &n) }))
	return n
}

// line is functions that wait behind one that blocks, so that they share the next
// transaction.
type line struct {
	t    *testing.T
	s    *store.Store
	free chan struct{}
	all  sync.WaitGroup
	n    int
}

// block occupies the writer until release.
func block(t *testing.T, s *store.Store) *line {
	t.Helper()
	q := &line{t: t, s: s, free: make(chan struct{})}
	began := make(chan struct{})
	var once sync.Once
	q.all.Go(func() {
		if err := s.In(context.Background(), store.Update, func(store.Tx) error {
			once.Do(func() { close(began) })
			<-q.free
			return nil
		}); err != nil {
			t.Errorf("the one that blocks: %v", err)
		}
	})
	<-began
	return q
}

// add starts do, which calls the store once, and returns when that waits.
func (q *line) add(do func()) {
	q.t.Helper()
	q.n++
	q.all.Go(do)
	for q.s.Waiting() < q.n {
		runtime.Gosched()
	}
}

func (q *line) release() {
	close(q.free)
	q.all.Wait()
}

// One transaction for those that wait; one that fails, or panics, takes nobody with it.
func TestFailureSpoilsNoOther(t *testing.T) { storetest.Each(t, failureSpoilsNoOther) }

func failureSpoilsNoOther(t *testing.T) {
	s := fresh(t)
	q := block(t, s)
	domain := errors.New("sold out")
	var together int
	var mu sync.Mutex // guards errs and thrown
	errs := make(map[string]error)
	var thrown any
	run := func(name string, fn func(store.Tx) error) {
		q.add(func() {
			defer func() {
				if r := recover(); r != nil {
					mu.Lock()
					defer mu.Unlock()
					thrown = r
				}
			}()
			err := s.In(context.Background(), store.Update, fn)
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	run("first", add("first"))
	run("domain", func(x store.Tx) error { return errors.Join(add("domain")(x), domain) })
	run("panic", func(x store.Tx) error {
		must(t, add("panic")(x))
		panic("out of place")
	})
	run("syntax", func(x store.Tx) error {
		must(t, add("syntax")(x))
		_, err := x.Exec("INSERT INTO nowhere VALUES ($1)", 1)
		return err
	})
	run("twice", func(x store.Tx) error { return errors.Join(add("twice")(x), add("twice")(x)) })
	run("last", func(x store.Tx) error {
		return errors.Join(add("last")(x), x.Row(allNumbers, nil, &together))
	})
	q.release()
	if errs["first"] != nil || errs["last"] != nil {
		t.Errorf("those that did nothing wrong: %v, %v", errs["first"], errs["last"])
	}
	if !errors.Is(errs["domain"], domain) || errs["syntax"] == nil || errs["twice"] == nil {
		t.Errorf("those that failed: %v; %v; %v", errs["domain"], errs["syntax"], errs["twice"])
	}
	if text, _ := thrown.(string); !strings.HasPrefix(text, "out of place\n") {
		t.Errorf("the one that panicked saw %v", thrown)
	}
	if together != 2 { // the view of another transaction would not show the first
		t.Errorf("the last saw %d numbers, want the first's and its own: are they not in one transaction?", together)
	}
	if n := tally(t, s, allNumbers); n != 2 {
		t.Errorf("%d numbers were kept, want 2", n)
	}
}

// A statement that failed cannot be passed over: on PostgreSQL what was done before
// it is gone, and COMMIT would not say so.
func TestSwallowedErrorIsAnError(t *testing.T) { storetest.Each(t, swallowedErrorIsAnError) }

func swallowedErrorIsAnError(t *testing.T) {
	s := fresh(t)
	err := s.In(t.Context(), store.Update, func(x store.Tx) error {
		must(t, add("before")(x))
		_, _ = x.Exec("INSERT INTO nowhere VALUES ($1)", 1)
		return nil
	})
	if n := tally(t, s, hasNumber, "before"); (err == nil) != (n == 1) {
		t.Errorf("answered %v, and %d numbers are there", err, n)
	}
}

// An engine that ends a transaction in its middle, as SQLite may where the disk fails,
// keeps nothing of it by halves: what comes after is done once, and what came before
// is not lost.
func TestTransactionEndsByItself(t *testing.T) { storetest.Each(t, transactionEndsByItself) }

func transactionEndsByItself(t *testing.T) {
	s := fresh(t)
	q := block(t, s)
	errs := make([]error, 3)
	for i, fn := range []func(store.Tx) error{
		add("before"),
		func(x store.Tx) error {
			_, err := x.Exec("ROLLBACK")
			return errors.Join(err, errors.New("disk is broken"))
		},
		func(x store.Tx) error {
			_, err := x.Exec(`INSERT INTO counter (name, n) VALUES ('after', 1) ON CONFLICT (name) DO UPDATE SET n = counter.n + 1`)
			return err
		},
	} {
		q.add(func() { errs[i] = s.In(context.Background(), store.Update, fn) })
	}
	q.release()
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("answered %v", errs)
	}
	if n := tally(t, s, hasNumber, "before"); n != 1 {
		t.Error("what came before is lost")
	}
	if n := tally(t, s, `SELECT COALESCE(SUM(n), 0) FROM counter WHERE name = $1`, "after"); n != 1 {
		t.Errorf("what came after was done %d times", n)
	}
}

// A caller that goes away before its turn was never there; one that goes away later
// is answered all the same.
func TestCallerGoesAway(t *testing.T) { storetest.Each(t, callerGoesAway) }

func callerGoesAway(t *testing.T) {
	s := fresh(t)
	gone, leave := context.WithCancel(t.Context())
	q := block(t, s)
	early := make(chan error, 1)
	q.add(func() {
		early <- s.In(gone, store.Update, func(store.Tx) error {
			t.Error("a function ran whose caller had gone")
			return nil
		})
	})
	leave()
	if err := <-early; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that went: %v, want context.Canceled", err)
	}
	q.n--
	late, leave := context.WithCancel(t.Context())
	var err error
	q.add(func() {
		err = s.In(late, store.Update, func(x store.Tx) error { //nolint:contextcheck // late ends in it
			leave()
			return add("late")(x)
		})
	})
	q.add(func() {
		if err := s.In(context.Background(), store.Update, add("other")); err != nil {
			t.Errorf("the one beside it: %v", err)
		}
	})
	q.release()
	if err != nil || tally(t, s, allNumbers) != 2 {
		t.Errorf("the one whose turn had come: %v, and %d numbers; want both", err, tally(t, s, allNumbers))
	}
	if err := s.In(late, store.Update, add("after")); !errors.Is(err, context.Canceled) {
		t.Errorf("one that came when it had gone already: %v", err)
	}
}

// No more share a transaction than the engine bears, bulk shares with none, and no
// more wait than is of use.
func TestTurns(t *testing.T) { storetest.Each(t, turns) }

func turns(t *testing.T) {
	s := fresh(t)
	together, waiting := s.Most()
	q := block(t, s)
	sums := make(chan int, waiting)
	for range together + 1 {
		q.add(func() {
			if err := s.In(context.Background(), store.Update, func(store.Tx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	q.add(func() {
		if err := s.In(context.Background(), store.Bulk, add("bulk")); err != nil {
			t.Error(err)
		}
	})
	q.add(func() {
		if err := s.In(context.Background(), store.Update, func(x store.Tx) error {
			var n int
			err := s.In(context.Background(), store.View, func(x store.Tx) error { return x.Row(hasNumber, []any{"bulk"}, &n) })
			sums <- n
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	for q.n < waiting {
		q.n++
		q.all.Go(func() {
			if err := s.In(context.Background(), store.Update, func(store.Tx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	for s.Waiting() < waiting {
		runtime.Gosched()
	}
	if err := s.In(t.Context(), store.Update, add("too many")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("one too many: %v, want ErrUnavailable", err)
	}
	q.release()
	if n := <-sums; n != 1 {
		t.Error("who came after a bulk was in one transaction with it")
	}
}

// Many at once, of whom some fail: exactly what was answered is there.
func TestManyAtOnce(t *testing.T) { storetest.Each(t, manyAtOnce) }

func manyAtOnce(t *testing.T) {
	s := fresh(t)
	no := errors.New("no")
	const callers, each = 32, 20
	var all sync.WaitGroup
	for c := range callers {
		way := []string{store.Update, store.UpdateShared}[c%2]
		all.Go(func() {
			for i := range each {
				err := s.In(context.Background(), way, func(x store.Tx) error {
					if err := add(fmt.Sprintf("%d/%d", c, i))(x); err != nil {
						return err
					}
					if i%3 == 0 {
						return no
					}
					return nil
				})
				if i%3 == 0 && !errors.Is(err, no) || i%3 != 0 && err != nil {
					t.Errorf("%d/%d: %v", c, i, err)
				}
			}
		})
	}
	all.Wait()
	if n, want := tally(t, s, allNumbers), callers*(each-(each+2)/3); n != want {
		t.Errorf("%d numbers, want %d", n, want)
	}
}

// Whoever reads first and writes then is alone: no update is lost.
func TestReadThenWriteLosesNothing(t *testing.T) { storetest.Each(t, readThenWriteLosesNothing) }

func readThenWriteLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "central.db")
	var stores []*store.Store // two centrals; on SQLite there is but one
	for len(stores) == 0 || len(stores) == 1 && storetest.Engine() == "postgres" {
		s, err := store.Open(t.Context(), storetest.At(t, path, time.Now, slog.New(slog.DiscardHandler)))
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		stores = append(stores, s)
	}
	must(t, stores[0].In(t.Context(), store.Update, func(x store.Tx) error {
		_, err := x.Exec(addNumber, "x", 0)
		return err
	}))
	const callers, each = 8, 25
	var all sync.WaitGroup
	for c := range callers {
		s := stores[c%len(stores)]
		all.Go(func() {
			for i := range each {
				var err error
				if i%5 == 4 { // beside the others, what is right beside others
					err = s.In(context.Background(), store.UpdateShared, func(x store.Tx) error {
						_, err := x.Exec(`UPDATE counter SET n = n + 1 WHERE name = $1`, "x")
						return err
					})
				} else {
					err = s.In(context.Background(), store.Update, func(x store.Tx) error {
						var n int
						if err := x.Row(`SELECT n FROM counter WHERE name = $1`, []any{"x"}, &n); err != nil {
							return err
						}
						_, err := x.Exec(`UPDATE counter SET n = $2 WHERE name = $1`, "x", n+1)
						return err
					})
				}
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
				}
			}
		})
	}
	all.Wait()
	if n := tally(t, stores[0], `SELECT n FROM counter WHERE name = $1`, "x"); n != callers*each {
		t.Errorf("counted to %d, want %d", n, callers*each)
	}
}

func TestClosedStore(t *testing.T) { storetest.Each(t, closedStore) }

func closedStore(t *testing.T) {
	s, err := store.Open(t.Context(), storetest.At(t, filepath.Join(t.TempDir(), "central.db"), time.Now, slog.New(slog.DiscardHandler)))
	must(t, err)
	q := block(t, s)
	var waited error
	q.add(func() { waited = s.In(context.Background(), store.Update, add("x")) })
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	q.release()
	must(t, <-closed)
	if waited != nil && !strings.Contains(waited.Error(), "closed") {
		t.Errorf("one that waited: %v", waited)
	}
	for _, way := range []string{store.Update, store.UpdateShared, store.Bulk, store.View, store.Stream} {
		if err := s.In(t.Context(), way, add("x")); err == nil {
			t.Errorf("%s in a closed store passed", way)
		}
	}
	must(t, s.Close())
}
