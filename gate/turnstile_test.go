package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticketset"
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
	conf := w.config(dir, fmt.Sprintf("[uplink]\nenabled = false\n[turnstile]\nurl = %q\nunlock_in = \"2\"\npassed_in = \"0\"\nfire = \"!1\"\n", server.URL()))
	text, err := os.ReadFile(conf)
	w.ok(err)
	w.ok(os.WriteFile(conf, bytes.Replace(text, []byte("[lane]"), []byte("[lane]\ndriver = \"modbus\""), 1), 0o600))
	set := w.setFile(filepath.Join(dir, "set"), w.set(ticketset.Current{}, w.now, w.now.Add(time.Hour)))
	for _, args := range [][]string{{"enrol", w.invitation(worldCode)}, {"load-set", set}} {
		out, err := exec.CommandContext(t.Context(), "gate", args[0], "--config", conf, args[1]).CombinedOutput()
		if err != nil {
			t.Fatalf("gate %s: %v\n%s", args[0], err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), "gate", "run", "--config", conf, "--events", "-")
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	w.ok(err)
	out, err := cmd.StdoutPipe()
	w.ok(err)
	w.ok(cmd.Start())
	lines := bufio.NewScanner(out)
	next := func(kinds ...string) event {
		t.Helper()
		for lines.Scan() {
			var e event
			w.ok(json.Unmarshal(lines.Bytes(), &e))
			for _, k := range kinds {
				if e.Event == k {
					return e
				}
			}
		}
		t.Fatalf("no %v event; the gate said:\n%s", kinds, &log)
		return event{}
	}
	show := func() event {
		t.Helper()
		_, err := fmt.Fprintln(in, w.pass(0, time.Now()))
		w.ok(err)
		return next("verdict", "repeat")
	}

	next("ready")
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

	w.ok(cmd.Process.Signal(syscall.SIGTERM))
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the gate ended with %v\n%s", err, &log)
	}
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
