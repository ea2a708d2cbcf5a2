package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/relay"
)

// A person goes through a turnstile with contacts: the built gate on a relay board.
func TestRelayBoard(t *testing.T) {
	board := &relay.Board{Unit: 1}
	board.Input(1, true) // the fire loop is closed
	server, err := relay.Listen(board)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w, dir := newWorld(t, 4), t.TempDir()
	g := startGate(w, dir, "driver = \"modbus\"", fmt.Sprintf("[turnstile]\nurl = %q\nunlock_in = \"2\"\npassed_in = \"0\"\nfire = \"!1\"\n", server.URL()))
	next := g.next
	show := func() event {
		t.Helper()
		return g.show(w.pass(0, time.Now()))
	}

	e := show()
	for end := time.Now().Add(time.Minute); e.Reason == "lane_fault"; e = show() { // the board was not heard yet
		if e.Outcome != "refuse" || time.Now().After(end) {
			t.Fatalf("before the board is heard: %+v", e)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if e.Outcome != "admit" {
		t.Fatalf("%+v, want an admission", e)
	}
	board.Input(0, true)
	if p := next("passage"); p.Kind != "passed" || p.Seq != e.Seq {
		t.Errorf("passage %+v, want that of %d", p, e.Seq)
	}
	board.Input(0, false)

	g.stop()
	unlocked := 0
	for _, write := range board.Writes() {
		if write == "2 true" {
			unlocked++
		}
	}
	if unlocked != 1 || board.Coil(2) {
		t.Errorf("coils were written %q: want one pulse", board.Writes())
	}
}
