package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/con-ting/conting/sync/ticketset"
)

// runningGate is the built gate at work, enrolled and with a set, reading texts from
// its standard input.
type runningGate struct {
	w     *world
	conf  string
	cmd   *exec.Cmd
	in    io.Writer
	lines *bufio.Scanner
	log   bytes.Buffer
	ended bool
}

// startGate starts one with more keys for its lane and more sections, and waits until
// it is ready.
func startGate(w *world, dir, lane, more string) *runningGate {
	w.t.Helper()
	g := &runningGate{w: w, conf: w.config(dir, "[uplink]\nenabled = false\n"+more)}
	text, err := os.ReadFile(g.conf)
	w.ok(err)
	w.ok(os.WriteFile(g.conf, bytes.Replace(text, []byte("[lane]"), []byte("[lane]\n"+lane), 1), 0o600))
	set := w.setFile(filepath.Join(dir, "set"), w.set(ticketset.Current{}, w.now, w.now.Add(time.Hour)))
	for _, args := range [][]string{{"enrol", w.invitation(worldCode)}, {"load-set", set}} {
		if out, err := exec.Command("gate", args[0], "--config", g.conf, args[1]).CombinedOutput(); err != nil {
			w.t.Fatalf("gate %s: %v\n%s", args[0], err, out)
		}
	}
	g.cmd = exec.Command("gate", "run", "--config", g.conf, "--events", "-")
	g.cmd.Stderr = &g.log
	g.in, err = g.cmd.StdinPipe()
	w.ok(err)
	out, err := g.cmd.StdoutPipe()
	w.ok(err)
	w.ok(g.cmd.Start())
	w.t.Cleanup(func() {
		if !g.ended {
			_ = g.cmd.Process.Kill()
			_ = g.cmd.Wait()
		}
	})
	g.lines = bufio.NewScanner(out)
	g.next("ready")
	return g
}

// next waits for an event of one of these kinds.
func (g *runningGate) next(kinds ...string) event {
	g.w.t.Helper()
	for g.lines.Scan() {
		var e event
		g.w.ok(json.Unmarshal(g.lines.Bytes(), &e))
		if slices.Contains(kinds, e.Event) {
			return e
		}
	}
	_ = g.cmd.Wait()
	g.ended = true
	g.w.t.Fatalf("no %v event; the gate said:\n%s", kinds, &g.log)
	return event{}
}

// show holds a text up and returns what the gate says to it.
func (g *runningGate) show(text string) event {
	g.w.t.Helper()
	_, err := fmt.Fprintln(g.in, text)
	g.w.ok(err)
	return g.next("verdict", "repeat")
}

// stop ends the gate in order.
func (g *runningGate) stop() {
	g.w.t.Helper()
	g.w.ok(g.cmd.Process.Signal(syscall.SIGTERM))
	for g.lines.Scan() {
	}
	g.ended = true
	if err := g.cmd.Wait(); err != nil {
		g.w.t.Fatalf("the gate ended with %v\n%s", err, &g.log)
	}
}
