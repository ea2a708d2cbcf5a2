package queue_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// First come, first served, at the room's rate, and nobody ever moves back.
func TestLineMovesAtTheRate(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 600 })
	h.pass(time.Second, 250*time.Millisecond)
	all := h.crowd(0, 200)
	for i, p := range all {
		if int(p.Number) != i+1 || p.State != queue.Waiting || int(p.Position) != i+1 || int(p.Ahead()) != i {
			t.Fatalf("person %d: %s, number %d, position %d", i, p.State, p.Number, p.Position)
		}
	}
	h.pass(10*time.Second, 250*time.Millisecond, all...)
	if got := h.q.Mark(event); got < 95 || got > 110 {
		t.Errorf("%d admitted in 10 s at 600 a minute, want about 100", got)
	}
	for i, p := range all {
		p.poll()
		if mark := int(h.q.Mark(event)); (p.State == queue.Admitted) != (i < mark) || p.State == queue.Waiting && int(p.Position) != i+1-mark {
			t.Fatalf("person %d behind a mark of %d: %s at %d", i, mark, p.State, p.Position)
		}
	}
	h.pass(time.Minute, 250*time.Millisecond, all...)
	for _, p := range all {
		p.want(queue.Admitted, "")
	}
}

// A rate of less than one a second is kept, too; what was not used is not saved up.
func TestSlowRateSavesNothingUp(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 6 })
	h.pass(10*time.Minute, time.Second) // nobody is there
	all := h.crowd(0, 20)
	h.pass(time.Minute, 250*time.Millisecond, all...)
	if got := h.q.Mark(event); got < 6 || got > 8 {
		t.Errorf("%d admitted in a minute at 6 a minute", got)
	}
}

func TestPauseAndRate(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Paused = true })
	all := h.crowd(0, 100)
	h.pass(5*time.Minute, time.Second, all...)
	if got := h.q.Mark(event); got != 0 {
		t.Fatalf("%d admitted in a pause", got)
	}
	if all[0].State != queue.Waiting || !all[0].Earliest.IsZero() {
		t.Errorf("in a pause the first is %s, expected at %s", all[0].State, all[0].Earliest)
	}
	h.room(func(s *queue.Settings) { s.Paused, s.Rate = false, 60 })
	h.pass(2*time.Second, 250*time.Millisecond, all...)
	if got := h.q.Mark(event); got < 1 || got > 2 {
		t.Errorf("%d admitted in the 2 s after a pause of 5 min at 60 a minute", got)
	}
	h.room(func(s *queue.Settings) { s.Closed = true })
	mark := h.q.Mark(event)
	h.pass(time.Minute, time.Second)
	if got := h.q.Mark(event); got != mark {
		t.Errorf("%d admitted after the end", got-mark)
	}
	all[99].want(queue.Closed, "")
	all[0].want(queue.Admitted, "")
	wantErr(t, "entering a closed room", h.person(500).tryEnter("", ""), queue.ErrClosed)
}

// Who is silent is passed over, and costs the others nothing.
func TestSilentArePassedOver(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate, s.Paused = 60, true })
	all := h.crowd(0, 100)
	var there []*person
	for i, p := range all {
		if i%10 == 9 {
			there = append(there, p)
		}
	}
	h.pass(2*time.Minute, time.Second, there...) // the others never ask again
	h.room(func(s *queue.Settings) { s.Paused = false })
	h.pass(12*time.Second, 250*time.Millisecond, there...)
	for _, p := range there {
		p.want(queue.Admitted, "")
	}
	if i, err := h.q.Info(event); err != nil || i.Counts.Skipped != 90 {
		t.Errorf("%d were passed over, %v; want 90", i.Counts.Skipped, err)
	}

	// Back within the grace: let in next, before who comes later.
	all[3].want(queue.Skipped, "")
	late := h.person(1000).enter()
	h.pass(250*time.Millisecond, 250*time.Millisecond, all[3], late)
	h.pass(500*time.Millisecond, 250*time.Millisecond, all[3])
	all[3].want(queue.Admitted, "")
	if late.poll(); late.State == queue.Admitted {
		t.Error("who came later was admitted with the one who came back")
	}
	if err := h.q.Check(t.Context(), event, all[3].account, all[3].Admission.String()); err != nil {
		t.Errorf("the admission of who came back: %v", err)
	}

	// Not back within the grace: a new place at the end.
	h.pass(6*time.Minute, time.Second, late)
	all[4].want(queue.Left, queue.ReasonSilent)
	all[4].enter()
	if all[4].Number != late.Number+1 || all[4].State != queue.Waiting {
		t.Errorf("entered anew as %d, %s; want %d, waiting", all[4].Number, all[4].State, late.Number+1)
	}
}

// Whoever was back within the grace is not too late because nobody is admitted for
// longer than that, or others who came back are let in first.
func TestBackDuringAPause(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate, s.Paused = 60, true })
	all := h.crowd(0, 40)
	late := h.person(1000).enter()
	h.pass(2*time.Minute, time.Second, late)
	h.room(func(s *queue.Settings) { s.Paused = false })
	h.pass(10*time.Second, time.Second, late)
	late.want(queue.Admitted, "")
	h.room(func(s *queue.Settings) { s.Paused = true })
	back, gone := all[20:30], all[30:]
	h.pass(16*time.Minute, 2*time.Second, back...)
	for _, p := range back {
		p.want(queue.Skipped, "")
	}
	h.room(func(s *queue.Settings) { s.Paused, s.Rate = false, 2 })
	h.pass(6*time.Minute, time.Second, back...)
	for _, p := range back {
		p.want(queue.Admitted, "")
	}
	for _, p := range gone {
		p.want(queue.Left, queue.ReasonSilent)
	}
	if i, err := h.q.Info(event); err != nil || i.Counts.Back != 10 {
		t.Errorf("%d came back, %v; want 10", i.Counts.Back, err)
	}
	h.pass(20*time.Minute, 5*time.Second)
	back[0].want(queue.Left, queue.ReasonExpired)
}

// Entering twice is one place, however it is done.
func TestEnteringTwice(t *testing.T) {
	h := newHouse(t)
	h.room()
	p := h.person(1).enter()
	h.crowd(2, 5)
	for _, token := range []string{"", p.Token.String()} {
		q := h.person(1)
		if err := q.tryEnter(token, ""); err != nil || q.Number != p.Number {
			t.Errorf("again: number %d, %v; want %d", q.Number, err, p.Number)
		}
	}
	wantErr(t, "another's token", h.person(2).tryEnter(p.Token.String(), ""), queue.ErrToken)
	wantErr(t, "nonsense", h.person(2).tryEnter("x", ""), queue.ErrToken)
}

func TestLeaving(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 60 })
	all := h.crowd(0, 5)
	if err := h.q.Leave(t.Context(), event, all[0].Token.String()); err != nil {
		t.Fatal(err)
	}
	if err := h.q.Leave(t.Context(), event, all[0].Token.String()); err != nil {
		t.Errorf("leaving twice: %v", err)
	}
	all[0].want(queue.Left, queue.ReasonLeft)
	h.pass(1500*time.Millisecond, 250*time.Millisecond, all...)
	all[1].want(queue.Admitted, "") // the first was who left: that cost no time
	all[0].enter()
	if all[0].Number != 6 {
		t.Errorf("entered anew as %d, want 6", all[0].Number)
	}
	// With the old token gone, too.
	if err := h.q.Leave(t.Context(), event, all[4].Token.String()); err != nil {
		t.Fatal(err)
	}
	if p := h.person(4); p.tryEnter("", "") != nil || p.Number != 7 {
		t.Errorf("entered anew as %d, want 7", p.Number)
	}
	// Whoever leaves gives an admission up as well.
	all[1].poll()
	admission := all[1].Admission.String()
	if err := h.q.Check(t.Context(), event, all[1].account, admission); err != nil {
		t.Fatal(err)
	}
	if err := h.q.Leave(t.Context(), event, all[1].Token.String()); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the admission of who left", h.q.Check(t.Context(), event, all[1].account, admission), queue.ErrNotAdmitted)
}

func TestAdmissionEnds(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Admission = 2 * time.Minute })
	p := h.person(1).enter()
	h.pass(time.Second, 250*time.Millisecond, p)
	p.want(queue.Admitted, "")
	first := p.Expires
	h.pass(time.Minute, time.Second, p)
	if p.want(queue.Admitted, ""); !p.Expires.Equal(first) {
		t.Errorf("asking moved the end from %s to %s", first, p.Expires)
	}
	admission := p.Admission.String()
	h.pass(time.Minute, time.Second)
	p.want(queue.Left, queue.ReasonExpired)
	wantErr(t, "an admission that is over", h.q.Check(t.Context(), event, p.account, admission), queue.ErrNotAdmitted)
	if p.enter(); p.Number != 2 {
		t.Errorf("entered anew as %d, want 2", p.Number)
	}
}

// Only the admission of this person, for this event, unchanged, opens the door.
func TestCheck(t *testing.T) {
	h := newHouse(t)
	if err := h.q.Check(t.Context(), event, "", ""); err != nil {
		t.Errorf("an event without a room: %v", err)
	}
	h.room()
	p := h.person(1).enter()
	h.pass(time.Second, 250*time.Millisecond, p)
	p.want(queue.Admitted, "")
	good := p.Admission.String()
	if err := h.q.Check(t.Context(), event, p.account, good); err != nil {
		t.Fatal(err)
	}
	s := queue.DefaultSettings()
	s.Opens = h.now()
	if _, err := h.q.Put(t.Context(), event+1, s); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"nobody":        h.q.Check(t.Context(), event, "", good),
		"another":       h.q.Check(t.Context(), event, account(2), good),
		"another event": h.q.Check(t.Context(), event+1, p.account, good),
		"nothing":       h.q.Check(t.Context(), event, p.account, ""),
		"a queue token": h.q.Check(t.Context(), event, p.account, p.Token.String()),
		"too long":      h.q.Check(t.Context(), event, p.account, good+"A"),
	} {
		wantErr(t, what, err, queue.ErrNotAdmitted)
	}
	for i := range good {
		for _, c := range []byte("A_z") {
			if bad := []byte(good); bad[i] != c {
				bad[i] = c
				wantErr(t, "changed", h.q.Check(t.Context(), event, p.account, string(bad)), queue.ErrNotAdmitted)
			}
		}
	}
}

func TestForgedTokens(t *testing.T) {
	h := newHouse(t)
	h.room()
	s := queue.DefaultSettings()
	s.Opens = h.now()
	if _, err := h.q.Put(t.Context(), event+1, s); err != nil {
		t.Fatal(err)
	}
	good := h.person(1).enter().Token.String()
	_, err := h.q.Poll(event+1, good)
	wantErr(t, "a token of another event", err, queue.ErrToken)
	_, err = h.q.Poll(event+2, good)
	wantErr(t, "an event without a room", err, queue.ErrNoRoom)
	for i := range good {
		for _, c := range []byte("A_z=\n") {
			if bad := []byte(good); bad[i] != c {
				bad[i] = c
				if _, err := h.q.Poll(event, string(bad)); err == nil {
					t.Fatalf("%q was taken", bad)
				}
			}
		}
	}
	other, err := queue.New(t.Context(), queue.Config{Store: h.shelf, Engine: newLedger().open(), Secret: [32]byte{9}, Now: h.now, Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Poll(event, good)
	wantErr(t, "another organiser's token", err, queue.ErrToken)
}

// A store that was put back to an earlier day may give numbers out again: tokens from
// before are void, and who enters again has the place that the engine knows.
func TestAnotherLife(t *testing.T) {
	h := newHouse(t)
	h.room()
	p := h.person(1)
	before := p.enter()
	engine := newLedger()
	other, err := queue.New(t.Context(), queue.Config{
		Store: h.shelf, Engine: engine.open(), Secret: [32]byte{1, 2, 3}, Life: 7, Now: h.now, Logger: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Poll(event, before.Token.String())
	wantErr(t, "a token of another life", err, queue.ErrToken)
	_, _, err = other.Enter(t.Context(), queue.Request{Event: event, Account: p.account, Token: before.Token.String()})
	wantErr(t, "entering with it", err, queue.ErrToken)
	first, _, err := other.Enter(t.Context(), queue.Request{Event: event, Account: p.account})
	if err != nil {
		t.Fatal(err)
	}
	third, err := queue.New(t.Context(), queue.Config{
		Store: h.shelf, Engine: engine.open(), Secret: [32]byte{1, 2, 3}, Life: 8, Now: h.now, Logger: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	again, _, err := third.Enter(t.Context(), queue.Request{Event: event, Account: p.account})
	if err != nil || again.Number != first.Number {
		t.Errorf("the same person has number %d in one life and %d in the next, %v", first.Number, again.Number, err)
	}
	if _, err := third.Poll(event, again.Token.String()); err != nil {
		t.Errorf("a token of this life: %v", err)
	}
}

// A clock that is set back moves nobody back, and nobody out.
func TestClockBack(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 60 })
	all := h.crowd(0, 30)
	h.pass(10*time.Second, 250*time.Millisecond, all...)
	mark := h.q.Mark(event)
	h.clock.Add(-time.Hour.Milliseconds())
	for range 20 {
		h.q.Tick(t.Context())
		for _, p := range all {
			p.poll()
		}
	}
	if got := h.q.Mark(event); got < mark || got > mark+1 {
		t.Errorf("the mark went from %d to %d", mark, got)
	}
	h.pass(30*time.Second, 250*time.Millisecond, all...)
	for _, p := range all {
		p.want(queue.Admitted, "")
	}
}

// A standstill of the whole process is nobody's silence.
func TestStandstill(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate = 60 })
	all := h.crowd(0, 100)
	h.pass(5*time.Second, 250*time.Millisecond, all...)
	h.clock.Add(time.Hour.Milliseconds())
	h.q.Tick(t.Context())
	h.pass(5*time.Second, 250*time.Millisecond)
	if i, err := h.q.Info(event); err != nil || i.Counts.Skipped != 0 || h.q.Mark(event) > 15 {
		t.Errorf("%d were passed over, %d admitted, %v", i.Counts.Skipped, h.q.Mark(event), err)
	}
}

// When the turn is expected is a range, and the turn comes within it.
func TestExpected(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate, s.Paused = 120, true })
	all := h.crowd(0, 300)
	there := slices.Clone(all)
	for i := 0; i < len(there); i += 3 { // one of three goes away
		there = slices.Delete(there, i, i+1)
	}
	h.pass(80*time.Second, 4*time.Second, there...)
	h.room(func(s *queue.Settings) { s.Paused = false })
	h.pass(time.Minute, 250*time.Millisecond, there...)
	type guess struct {
		p                *person
		earliest, latest time.Time
	}
	var guesses []guess
	for _, p := range there {
		if p.poll(); p.State == queue.Waiting {
			if p.Earliest.IsZero() || p.Earliest.After(p.Latest) {
				t.Fatalf("at %d expected from %s to %s", p.Position, p.Earliest, p.Latest)
			}
			guesses = append(guesses, guess{p, p.Earliest, p.Latest})
		}
	}
	wrong := 0
	for len(guesses) > 0 && h.now().Before(guesses[len(guesses)-1].latest.Add(time.Minute)) {
		h.pass(time.Second, time.Second, there[len(there)-len(guesses):]...)
		for len(guesses) > 0 && guesses[0].p.State == queue.Admitted {
			g := guesses[0]
			if h.now().Before(g.earliest.Add(-2*time.Second)) || h.now().After(g.latest.Add(2*time.Second)) {
				wrong++
			}
			guesses = guesses[1:]
		}
	}
	if len(guesses) > 0 || wrong > 15 {
		t.Errorf("%d turns came outside what was expected, %d did not come", wrong, len(guesses))
	}
}

// The server says when to ask again: a crowd seldom, the front often.
func TestRetry(t *testing.T) {
	h := newHouse(t)
	h.room(func(s *queue.Settings) { s.Rate, s.Paused = 60, true })
	all := h.crowd(0, 2)
	h.pass(time.Second, time.Second)
	if all[0].poll(); all[0].Retry != 2*time.Second {
		t.Errorf("with two people, again after %s", all[0].Retry)
	}
	crowd := make([]queue.Entry, 100_000)
	for i := range crowd {
		crowd[i].Key = queue.Key{1, byte(i), byte(i >> 8), byte(i >> 16)}
	}
	if _, err := h.engine.Enter(t.Context(), event, crowd); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Second, time.Second)
	late := h.person(999_999).enter()
	if late.Retry < 11*time.Second || late.Retry > 14*time.Second { // 100,000 by 8,000 a second
		t.Errorf("behind 100,000, again after %s", late.Retry)
	}
	for range 20 { // as many enter a second as can be answered
		h.q.LetIn(event, 2000)
		h.pass(250*time.Millisecond, 250*time.Millisecond)
	}
	if late.poll(); late.Retry < 22*time.Second || late.Retry > 28*time.Second {
		t.Errorf("behind 100,000 while others rush in, again after %s", late.Retry)
	}
	h.pass(20*time.Second, time.Second)
	if late.poll(); late.Retry > 14*time.Second {
		t.Errorf("after the rush, again after %s", late.Retry)
	}
	if all[0].poll(); all[0].Retry != 2*time.Second {
		t.Errorf("at the front, again after %s", all[0].Retry)
	}
}

// Rooms may be made while the line moves, and people enter at the same time.
func TestRoomsAreMadeMeanwhile(t *testing.T) {
	h := newHouse(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				h.clock.Add(1100)
				h.q.Tick(t.Context())
			}
		}
	})
	s := queue.DefaultSettings()
	s.Opens = h.now()
	for i := range 200 {
		ev := event + ticket.EventID(i)
		s.Paused = i%2 == 0
		if _, err := h.q.Put(t.Context(), ev, s); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.q.Enter(t.Context(), queue.Request{Event: ev, Account: account(i)}); err != nil {
			t.Fatal(err)
		}
		if i, err := h.q.Info(ev); err != nil || i.Settings.Paused != s.Paused {
			t.Fatalf("the room is %+v, %v", i.Settings, err)
		}
	}
	close(stop)
	wg.Wait()
}
