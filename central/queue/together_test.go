package queue_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
)

// pair is two centrals on one sale, of which one leads.
type pair struct {
	*house
	second *queue.Queue
	leads  atomic.Int32 // 0: the first, 1: the second, 2: both, 3: none
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{house: &house{t: t, shelf: newShelf(), ledger: newLedger()}}
	p.clock.Store(time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC).UnixMilli())
	p.engine = p.ledger.open()
	p.q = p.central(p.engine, func() bool { return p.leads.Load() == 0 || p.leads.Load() == 2 })
	p.second = p.central(p.ledger.open(), func() bool { return p.leads.Load() == 1 || p.leads.Load() == 2 })
	return p
}

// both passes time at both centrals, with everybody polling at the one where they
// are.
func (p *pair) both(d time.Duration, attend ...*person) {
	p.t.Helper()
	for ; d > 0; d -= 250 * time.Millisecond {
		p.clock.Add(250)
		for _, a := range attend {
			a.poll()
		}
		p.q.Tick(p.t.Context())
		p.second.Tick(p.t.Context())
	}
}

// People may ask at any central, and move from one to the other: they count as
// there, are admitted in turn, and never move back.
func TestTwoCentrals(t *testing.T) {
	p := newPair(t)
	p.room(func(s *queue.Settings) { s.Rate = 300 })
	p.both(2 * time.Second)
	var all []*person
	for i := range 200 {
		a := p.person(i)
		if i%2 == 1 {
			a.q = p.second
		}
		all = append(all, a.enter())
		if int(a.Number) != i+1 {
			t.Fatalf("person %d has number %d", i, a.Number)
		}
	}
	for second := range 20 {
		p.both(time.Second, all...)
		for i, a := range all { // a load balancer that knows no stickiness
			if (i+second)%3 == 0 {
				if a.q == p.q {
					a.q = p.second
				} else {
					a.q = p.q
				}
			}
		}
	}
	if i, err := p.q.Info(event); err != nil || i.Counts.Skipped != 0 {
		t.Errorf("%d were passed over, %v", i.Counts.Skipped, err)
	}
	if a, b := p.q.Mark(event), p.second.Mark(event); !near(a, b) || a < 90 || a > 120 {
		t.Errorf("the marks are %d and %d, want both about 100", a, b)
	}
	again := p.person(7)
	again.q = p.second
	if again.enter(); again.Number != 8 {
		t.Errorf("person 7 is %d at the other central", again.Number)
	}
	if err := p.second.Leave(t.Context(), event, all[199].Token.String()); err != nil {
		t.Fatal(err)
	}
	p.both(time.Second)
	all[199].q = p.q
	all[199].want(queue.Left, queue.ReasonLeft)
}

// Whoever was told of a place is not told of a worse one by a central that has heard
// less.
func TestNeverBackAtAnotherCentral(t *testing.T) {
	p := newPair(t)
	p.room(func(s *queue.Settings) { s.Rate = 600 })
	p.both(2 * time.Second)
	all := p.crowd(0, 100)
	p.both(time.Second, all...)
	p.pass(5*time.Second, 250*time.Millisecond, all...) // the other hears nothing of this
	if p.second.Mark(event)+20 > p.q.Mark(event) {
		t.Fatalf("the marks are %d and %d", p.q.Mark(event), p.second.Mark(event))
	}
	last := all[99].poll()
	before := last.Position
	last.q = p.second
	if last.poll(); last.Position != before {
		t.Errorf("at %d here and at %d there", before, last.Position)
	}
	admitted := all[p.q.Mark(event)-2].want(queue.Admitted, "")
	admitted.q = p.second
	if admitted.want(queue.Waiting, ""); admitted.Position != 1 { // until it hears of it
		t.Errorf("who is admitted here is at %d there", admitted.Position)
	}
	p.both(250 * time.Millisecond)
	admitted.want(queue.Admitted, "")
}

// After an engine was away, and has forgotten who was heard of where, nobody is passed
// over who asks at another central than the one that leads.
func TestEngineAwayWithPresence(t *testing.T) {
	p := newPair(t)
	p.room(func(s *queue.Settings) { s.Rate = 60 })
	p.both(2 * time.Second)
	all := p.crowd(0, 100)
	for _, a := range all {
		a.q = p.second
	}
	p.both(40*time.Second, all...) // here nobody is heard of any more
	p.ledger.gone(true)
	p.both(10*time.Second, all...)
	p.ledger.mu.Lock()
	clear(p.ledger.seen)
	p.ledger.mu.Unlock()
	p.ledger.gone(false)
	mark := p.q.Mark(event)
	p.clock.Add(1000)
	p.q.Tick(t.Context()) // before the other has told anything
	p.both(10*time.Second, all...)
	if i, err := p.q.Info(event); err != nil || i.Counts.Skipped != 0 {
		t.Errorf("%d were passed over who were there, %v", i.Counts.Skipped, err)
	}
	if now := p.q.Mark(event); now < mark+8 || now > mark+12 {
		t.Errorf("the mark went from %d to %d in 10 s, want 10", mark, now)
	}
}

// A log may hold steps twice, late, and by two leaders: the line only moves on.
func TestFold(t *testing.T) {
	for what, c := range map[string]struct {
		records [][]byte
		want    uint32
	}{
		"in order":    {[][]byte{queue.EncodeStep(0, 10), queue.EncodeStep(10, 20, 11, 15)}, 20},
		"late":        {[][]byte{queue.EncodeStep(0, 10), queue.EncodeStep(10, 20), queue.EncodeStep(0, 5), queue.EncodeStep(0, 10)}, 20},
		"two leaders": {[][]byte{queue.EncodeStep(0, 10, 3), queue.EncodeStep(0, 12, 4, 11), queue.EncodeStep(10, 11)}, 12},
		"a gap":       {[][]byte{queue.EncodeStep(5, 9)}, 9},
	} {
		if got, err := queue.FoldRecords(c.records); got != c.want || err != nil {
			t.Errorf("%s: %d, %v; want %d", what, got, err, c.want)
		}
	}
}

// near allows for what the last tick of one has not told the other yet.
func near(a, b uint32) bool { return max(a, b)-min(a, b) <= 10 }

// The other central takes over where the first stopped; two that both lead for a
// while admit nobody twice and take nobody's turn; without any the line stands.
func TestTakeOver(t *testing.T) {
	p := newPair(t)
	p.room(func(s *queue.Settings) { s.Rate = 300 })
	p.both(2 * time.Second)
	all := p.crowd(0, 300)
	p.both(10*time.Second, all...)
	first := p.q.Mark(event)
	p.leads.Store(3)
	p.both(10*time.Second, all...)
	if got := p.second.Mark(event); got != first {
		t.Errorf("without a leader the mark went from %d to %d", first, got)
	}
	p.leads.Store(1)
	p.both(10*time.Second, all...)
	second := p.second.Mark(event)
	if second < first+40 || !near(p.q.Mark(event), second) {
		t.Errorf("after the take-over the marks are %d and %d, before it %d", p.q.Mark(event), second, first)
	}
	p.leads.Store(2)
	p.both(10*time.Second, all...)
	a, b := p.q.Mark(event), p.second.Mark(event)
	if !near(a, b) || a > second+120 {
		t.Errorf("with two leaders the marks are %d and %d, before them %d", a, b, second)
	}
	if i, err := p.q.Info(event); err != nil || i.Counts.Skipped != 0 {
		t.Errorf("%d were passed over, %v", i.Counts.Skipped, err)
	}
}

// While the engine is away everybody keeps their place and is told it, nobody can
// enter, and afterwards the line goes on.
func TestEngineAway(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 300 })
	all := h.crowd(0, 100)
	h.pass(5*time.Second, 250*time.Millisecond, all...)
	mark := h.q.Mark(event)
	h.ledger.gone(true)
	h.pass(10*time.Second, 250*time.Millisecond, all...)
	wantErr(t, "entering while the engine is away", h.person(999).tryEnter("", ""), queue.ErrUnavailable)
	wantErr(t, "leaving while it is away", h.q.Leave(t.Context(), event, all[99].Token.String()), queue.ErrUnavailable)
	if got := h.q.Mark(event); got != mark {
		t.Errorf("the mark went from %d to %d", mark, got)
	}
	h.ledger.gone(false)
	h.pass(5*time.Second, 250*time.Millisecond, all...)
	if got := h.q.Mark(event); got < mark+20 || got > mark+35 {
		t.Errorf("in the 5 s after it the mark went from %d to %d", mark, got)
	}
	if p := h.person(999).enter(); p.Number != 101 {
		t.Errorf("entered as %d", p.Number)
	}
	if i, err := h.q.Info(event); err != nil || i.Counts.Skipped != 0 {
		t.Errorf("%d were passed over, %v", i.Counts.Skipped, err)
	}
}

// The store may be away, too: rooms go on as they were known.
func TestStoreAway(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 300 })
	all := h.crowd(0, 100)
	h.shelf.mu.Lock()
	h.shelf.away = true
	h.shelf.mu.Unlock()
	h.pass(5*time.Second, 250*time.Millisecond, all...)
	if got := h.q.Mark(event); got < 20 {
		t.Errorf("the mark is %d after 5 s at 5 a second", got)
	}
}

// A central that starts again knows where everybody stands; that nobody could ask
// meanwhile is nobody's silence.
func TestRestart(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 60 })
	all := h.crowd(0, 100)
	gone := all[20]
	h.pass(15*time.Second, 250*time.Millisecond, all...)
	if err := h.q.Leave(t.Context(), event, gone.Token.String()); err != nil {
		t.Fatal(err)
	}
	mark := h.q.Mark(event)
	h.q.Close()
	wantErr(t, "entering at the end", h.person(500).tryEnter("", ""), queue.ErrUnavailable)
	h.clock.Add(time.Minute.Milliseconds())
	clear(h.ledger.seen) // it is a minute old
	h.q = h.central(h.ledger.open(), nil)
	if got := h.q.Mark(event); got != mark {
		t.Fatalf("the mark was %d and is %d", mark, got)
	}
	for _, p := range []*person{gone, all[0]} {
		p.q = h.q
	}
	gone.want(queue.Left, queue.ReasonLeft)
	all[0].want(queue.Admitted, "")
	h.pass(20*time.Second, 250*time.Millisecond) // nobody has asked yet: they may have to wait a minute
	if i, err := h.q.Info(event); err != nil || i.Counts.Skipped != 0 || h.q.Mark(event) < mark+15 {
		t.Errorf("%d were passed over, mark %d, %v", i.Counts.Skipped, h.q.Mark(event), err)
	}
}
