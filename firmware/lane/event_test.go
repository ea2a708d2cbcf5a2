package lane_test

import (
	"testing"

	"github.com/con-ting/conting/firmware/lane"
)

// noise makes that many events: the cover, opened and shut.
func noise(l *lane.Lane, now *uint32, n int) {
	in := l.Status().Inputs
	for made := l.Status().LastEvent + uint32(n); l.Status().LastEvent != made; {
		in ^= lane.CoverClosed
		for before := l.Status().LastEvent; l.Status().LastEvent == before; *now += 25 {
			l.Step(*now, in)
		}
	}
}

// TestRing loses any number of events and wants the loss to be seen: by the
// number, and also where only its low 16 bits are carried.
func TestRing(t *testing.T) {
	for _, lose := range []int{0, 1, lane.RingSize - 1, lane.RingSize, 1<<16 - 1, 1 << 16, 1<<16 + 1} {
		var l lane.Lane
		var now uint32
		l.Start(now, lane.Config{Boot: 9})
		l.Step(now, lane.AllWell)
		l.Confirm(1)
		noise(&l, &now, 3)
		first, _ := l.Event(0)
		l.Confirm(first.Seq)
		noise(&l, &now, lane.RingSize-2+lose)

		if l.Waiting() != lane.RingSize {
			t.Fatalf("lost %d: %d waiting", lose, l.Waiting())
		}
		if got := l.Status().Lost; got != uint32(lose) {
			t.Errorf("status says %d lost, want %d", got, lose)
		}
		e, _ := l.Event(0)
		if gap := e.Detail&lane.Gap != 0; gap != (lose > 0) {
			t.Errorf("lost %d: gap shown is %t", lose, gap)
		}
		if got := int(e.Seq - first.Seq - 1); got != lose {
			t.Errorf("the numbers show %d lost, want %d", got, lose)
		}
		for i := range l.Waiting() {
			e, ok := l.Event(i)
			if want := first.Seq + 1 + uint32(lose) + uint32(i); !ok || e.Seq != want || e.Boot != 9 {
				t.Fatalf("lost %d: event %d is %+v, want number %d", lose, i, e, want)
			}
			if i > 0 && e.Detail&lane.Gap != 0 {
				t.Fatalf("lost %d: event %d shows a gap", lose, i)
			}
		}
	}
}

func TestConfirm(t *testing.T) {
	var l lane.Lane
	var now uint32
	l.Start(now, lane.Config{})
	l.Step(now, lane.AllWell)
	noise(&l, &now, 4)
	for _, c := range []struct{ seq, waiting uint32 }{
		{0, 5},
		{6, 5},          // not yet happened
		{1 << 31, 5},    // nor this
		{^uint32(0), 5}, // nor this
		{2, 3},
		{1, 3}, // confirmed before
		{2, 3},
		{5, 0},
		{5, 0},
	} {
		l.Confirm(c.seq)
		if got := l.Status().Waiting; got != c.waiting {
			t.Fatalf("%d waiting after confirming %d, want %d", got, c.seq, c.waiting)
		}
	}
	// What was on its way when it was overwritten, and arrived, is no gap.
	noise(&l, &now, lane.RingSize)
	e, _ := l.Event(0)
	noise(&l, &now, 1)
	l.Confirm(e.Seq)
	next, _ := l.Event(0)
	if next.Seq != e.Seq+1 || next.Detail&lane.Gap != 0 {
		t.Errorf("after event %d: %+v", e.Seq, next)
	}
}

// TestRestart wants a panel to be able to tell a restart from a gap, even when
// the numbers happen to go on.
func TestRestart(t *testing.T) {
	var l lane.Lane
	var now uint32
	l.Start(now, lane.Config{Boot: 1})
	noise(&l, &now, 10)
	last, _ := l.Event(l.Waiting() - 1)
	l.Start(now, lane.Config{Boot: 2, Reason: lane.Watchdog})
	boot, _ := l.Event(0)
	if boot.Seq != 1 || boot.Kind != lane.Booted || boot.Detail != uint16(lane.Watchdog) {
		t.Errorf("first event: %+v", boot)
	}
	noise(&l, &now, int(last.Seq)+lane.RingSize)
	if e, _ := l.Event(0); e.Seq != last.Seq+2 || e.Boot != 2 || e.Boot == last.Boot {
		t.Errorf("after %+v comes %+v", last, e)
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{"unknown": true}
	for k := lane.Booted; k <= lane.ModeChange; k++ {
		if seen[k.String()] {
			t.Errorf("kind %d is called %q", k, k)
		}
		seen[k.String()] = true
	}
	for _, k := range []lane.Kind{0, lane.ModeChange + 1, 255} {
		if k.String() != "unknown" {
			t.Errorf("kind %d is called %q", k, k)
		}
	}
}
