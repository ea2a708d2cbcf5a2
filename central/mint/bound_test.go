package mint_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint"
	"github.com/con-ting/conting/sync/ticket"
)

// A ticket that is given to and fro moves its token so often and no more: each move
// costs, and whoever gives it pays nothing.
func TestMovedTooOften(t *testing.T) {
	t.Parallel()
	const most = 6
	w := newWorldOf(t, fast)
	worker := w.worker(nil)
	ids := w.sell(worker, "kim", 1, 2)
	w.run(worker)
	w.settle(ids...)
	for i := range most {
		w.give(worker, ids[0], []string{"lee", "kim"}[i%2])
		w.settle(ids[0])
	}
	had := w.balance()
	w.give(worker, ids[0], "lee")
	last := func() mint.Action { all := w.history(ids[0]); return all[len(all)-1] }
	w.until("waiting is it, or moved again", func() bool { return last().Reason == mint.TooOften || len(w.signed(ids[0])) > 1+most })
	if a := last(); a.State != mint.Wanted || a.Attempt != 0 || w.balance() != had || w.token(ids[0]).Stuck != mint.NoReason {
		t.Errorf("one move too many is %+v; it cost %d", a, had-w.balance())
	}
	w.give(worker, ids[1], "lee") // which nobody has moved
	w.settle(ids[1])
	if !w.onChain(ids[0], "kim").Holds || !w.onChain(ids[1], "lee").Holds {
		t.Error("the tokens are not where they were left")
	}
}

// A ticket whose transaction nodes will not even look at holds up nobody else, and goes
// on when they do.
func TestPoison(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	key := publicOf(keyFor("poisoned"))
	var bad atomic.Bool
	bad.Store(true)
	s := &spy{refuses: func(wire []byte) bool { return bad.Load() && bytes.Contains(wire, key[:]) }}
	worker := w.worker(func(c *mint.Config) { c.Chain = w.spied(s) })
	poisoned := w.sell(worker, "poisoned", 1)[0]
	good := w.sell(worker, "kim", 2, 3)
	w.run(worker)
	w.settle(good...)
	more := w.sell(worker, "kim", many(20)[3:]...)
	w.settle(more...)
	if n := w.heard.troubles()["rejected"]; n == 0 || w.token(poisoned).Stuck != mint.NoReason || w.token(poisoned).Is != mint.None {
		t.Errorf("rejected %d times, %+v", n, w.token(poisoned))
	}
	bad.Store(false)
	w.settle(poisoned)
}

// An event that cannot be read keeps its own tokens waiting, and those alone.
func TestUnreadableEvent(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, fast)
	id := w.sell(w.worker(nil), "kim", 1)[0]
	worker := w.worker(func(c *mint.Config) { c.Events = unreadable{} })
	stop := w.run(worker)
	w.until("put off is it", func() bool { all := w.history(id); return len(all) == 1 && time.Until(all[0].Due) > 10*time.Second })
	if a := w.history(id)[0]; a.State != mint.Wanted || a.Attempt != 0 {
		t.Errorf("put off is %+v", a)
	}
	stop()
}

type unreadable struct{}

func (unreadable) Event(context.Context, ticket.EventID) (ticket.Event, error) {
	return ticket.Event{}, errors.New("event cannot be read")
}
