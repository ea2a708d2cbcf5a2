package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

const (
	posted   = `SELECT COALESCE(account, '') FROM outbox ORDER BY seq`
	numbered = `SELECT COUNT(*) FROM outbox o WHERE o.seq = (SELECT COUNT(*) FROM outbox p WHERE p.seq <= o.seq)`
	written  = `SELECT name FROM counter WHERE name <> 'outbox' ORDER BY name`
)

func list(t *testing.T, s *store.Store, query string) (out []string) {
	t.Helper()
	must(t, s.In(t.Context(), store.View, func(x store.Tx) (err error) {
		out, err = x.Strings(query)
		return err
	}))
	return out
}

// Those of one transaction that do as they should lose nothing to those that do not,
// nor does the outbox: it has the rows of the former, in their order, without a gap.
func TestAbreast(t *testing.T) { storetest.Each(t, abreast) }

func abreast(t *testing.T) {
	s := fresh(t)
	full := errors.New("sold out")
	good := func(name string) func(store.Tx) error {
		return func(x store.Tx) error { return errors.Join(add(name)(x), x.Post(name), x.Post(name)) }
	}
	type bad struct {
		name string
		fn   func(x store.Tx, name string) error
	}
	for n, b := range []bad{
		{"having written nothing", func(x store.Tx, _ string) error { return errors.Join(x.Post("bad"), full) }},
		{"having found nothing", func(x store.Tx, _ string) error {
			var n int
			err := x.Row(`UPDATE counter SET n = 0 WHERE name = 'nobody' RETURNING n`, nil, &n)
			return errors.Join(x.Post("bad"), err)
		}},
		{"having written", func(x store.Tx, name string) error { return errors.Join(add(name)(x), x.Post("bad"), full) }},
		{"in a panic", func(x store.Tx, name string) error {
			must(t, errors.Join(add(name)(x), x.Post("bad")))
			panic("out of place")
		}},
		{"in a statement", func(x store.Tx, _ string) error {
			_, err := x.Exec("INSERT INTO nowhere VALUES ($1)", 1)
			return errors.Join(x.Post("bad"), err)
		}},
		{"for a duplicate", func(x store.Tx, name string) error { return errors.Join(add(name)(x), add(name)(x)) }},
	} {
		var names []string
		fns := []func(store.Tx) error{func(x store.Tx) error { return b.fn(x, "bad 1") }}
		for i := range 40 {
			names = append(names, fmt.Sprintf("n%d-%02d", n, i))
			fns = append(fns, good(names[i]))
		}
		fns = append(fns, func(x store.Tx) error { return b.fn(x, "bad 2") })
		before := list(t, s, posted)
		for i, err := range s.Together(fns...) {
			if wrong := i == 0 || i == len(fns)-1; (err != nil) != wrong {
				t.Errorf("one fails %s: number %d answers %v", b.name, i, err)
			}
		}
		var want []string
		for _, name := range names {
			want = append(want, name, name)
		}
		if got := list(t, s, posted)[len(before):]; !slices.Equal(got, want) {
			t.Errorf("one fails %s: the outbox has\n%s, want\n%s", b.name, strings.Join(got, " "), strings.Join(want, " "))
		}
		got := slices.DeleteFunc(list(t, s, written), func(name string) bool {
			return !strings.HasPrefix(name, names[0][:3]) && !strings.HasPrefix(name, "bad")
		})
		if !slices.Equal(got, names) {
			t.Errorf("one fails %s: written are %v", b.name, got)
		}
	}
	if rows := len(list(t, s, posted)); tally(t, s, numbered) != rows {
		t.Errorf("%d of %d rows of the outbox have the number that they should", tally(t, s, numbered), rows)
	}
}

// On a server that may be far away, what all of them ask first is asked at once.
func TestAbreastAsksAtOnce(t *testing.T) {
	t.Setenv(storetest.Variable, "postgres")
	s := fresh(t)
	const all = 20
	saw := make([]int, all)
	var fns []func(store.Tx) error
	for i := range all {
		fns = append(fns, func(x store.Tx) error {
			return errors.Join(add(fmt.Sprint(i))(x), x.Row(allNumbers, nil, &saw[i]))
		})
	}
	var names []string
	fns = append(fns, func(x store.Tx) (err error) {
		names, err = x.Strings("SELECT name FROM counter WHERE name < '2' ORDER BY name")
		return errors.Join(err, x.Post("a"))
	})
	must(t, errors.Join(s.Together(fns...)...))
	if len(names) != 12 { // 0, 1, and 10 to 19
		t.Errorf("the last read %q", names)
	}
	if !slices.Equal(saw, slices.Repeat([]int{all}, all)) {
		t.Errorf("after its first statement each saw %v numbers, want what all %d wrote with theirs", saw, all)
	}
}

// What update reads of the outbox has all that stands before it.
func TestOutboxIsReadWhole(t *testing.T) { storetest.Each(t, outboxIsReadWhole) }

func outboxIsReadWhole(t *testing.T) {
	s := fresh(t)
	q := block(t, s)
	var saw []string
	ask := func(way, name string, fn func(store.Tx) error) {
		do := func() {
			if err := s.In(t.Context(), way, fn); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if way == store.UpdateShared && storetest.Engine() == "postgres" {
			return // they are in no transaction with an update
		}
		q.add(do)
	}
	ask(store.UpdateShared, "first", func(x store.Tx) error { return x.Post("first") })
	ask(store.Update, "second", func(x store.Tx) error { return x.Post("second") })
	ask(store.UpdateShared, "third", func(x store.Tx) error { return x.Post("third") })
	ask(store.Update, "reader", func(x store.Tx) (err error) {
		saw, err = x.Strings(posted)
		return err
	})
	q.release()
	want := []string{"first", "second", "third"}
	if storetest.Engine() == "postgres" {
		want = want[1:2]
	}
	if !slices.Equal(saw, want) {
		t.Errorf("the last of the transaction read %v, want %v", saw, want)
	}
}
