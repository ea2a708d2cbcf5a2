package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/panel"
	"github.com/con-ting/conting/sync/private"
)

// controllerSim is a running controller-sim, built for the test.
type controllerSim struct {
	t    *testing.T
	url  string
	scbk string
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	once sync.Once
}

func startController(t *testing.T) *controllerSim {
	t.Helper()
	dir := t.TempDir()
	s := &controllerSim{t: t, url: "unix:" + filepath.Join(dir, "line"), scbk: filepath.Join(dir, "scbk"), name: filepath.Join(dir, "controller-sim")}
	if out, err := exec.Command("go", "build", "-o", s.name, "../firmware/cmd/controller").CombinedOutput(); err != nil {
		t.Fatalf("build controller-sim: %v\n%s", err, out)
	}
	if out, err := exec.Command("gate", "osdp", "key", "--new", s.scbk).CombinedOutput(); err != nil {
		t.Fatalf("gate osdp key: %v\n%s", err, out)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *controllerSim) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.name, "--listen", s.url, "--scbk", s.scbk, "--address", "3")
	s.once = sync.Once{}
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		s.in, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.out = bufio.NewScanner(out)
	if !s.out.Scan() {
		s.t.Fatal("controller-sim said nothing")
	}
}

func (s *controllerSim) stop() {
	s.once.Do(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// do gives one command and returns what came before "ok".
func (s *controllerSim) do(command string) (said []string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		s.t.Fatal(err)
	}
	for s.out.Scan() {
		line := s.out.Text()
		if line == "ok" {
			return said
		}
		if strings.HasPrefix(line, "error") {
			s.t.Errorf("%s: %s", command, line)
			return said
		}
		said = append(said, line)
	}
	return said
}

// A person goes through a lane of our controller: the built gate, scan to passage,
// and what /healthz says of the turnstile on the way.
func TestControllerLane(t *testing.T) {
	sim := startController(t)
	w, dir := newWorld(t, 8), t.TempDir()
	g := startGate(w, dir, "driver = \"osdp\"\ngrant_timeout = \"30s\"", fmt.Sprintf("[turnstile]\nurl = %q\nscbk = %q\naddress = 3\n", sim.url, sim.scbk))
	conf, next := g.conf, g.next
	show := func(i int) event {
		t.Helper()
		return g.show(w.pass(i, time.Now()))
	}
	said := func(word string) {
		t.Helper()
		var last string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			ad, err := readAddresses(filepath.Join(dir, "data", "addresses.json"))
			if err != nil {
				continue
			}
			res, err := http.Get("http://" + ad.Panel + "/healthz")
			if err != nil {
				continue
			}
			var report struct {
				Checks []panel.Check `json:"checks"`
			}
			err = json.NewDecoder(res.Body).Decode(&report)
			_ = res.Body.Close()
			w.ok(err)
			for _, c := range report.Checks {
				if last = c.Note; c.Name == "turnstile" && strings.HasPrefix(c.Note, word) && (c.State == panel.StateReady) == (word == "ready") && (c.Hint == "") == (word == "ready") {
					return
				}
			}
		}
		t.Fatalf("/healthz never says that the turnstile is %s, last %q", word, last)
	}
	passage := func(seq uint64, kind string) {
		t.Helper()
		if p := next("passage"); p.Kind != kind || p.Seq != seq {
			t.Errorf("passage %+v, want %s of %d", p, kind, seq)
		}
	}

	said("ready")
	e := show(0)
	if e.Outcome != "admit" {
		t.Fatalf("%+v, want an admission", e)
	}
	sim.do("walk in")
	passage(e.Seq, "passed")
	e = show(2)
	sim.do("back in")
	passage(e.Seq, "released")
	e = show(4)
	sim.do("set loop_closed 0")
	passage(e.Seq, "flagged")
	said("fire")
	sim.do("set loop_closed 1")
	said("ready")
	e = show(6)
	if e.Outcome != "admit" {
		t.Fatalf("%+v, want an admission", e)
	}
	sim.stop()
	said("no_answer")
	passage(e.Seq, "flagged")
	if e = show(1); e.Reason != "lane_fault" {
		t.Errorf("%+v with the turnstile away, want lane_fault", e)
	}
	sim.start()
	said("ready")
	if doctor, err := exec.Command("gate", "doctor", "--config", conf).CombinedOutput(); !bytes.Contains(doctor, []byte("turnstile    the running gate has it: ready")) {
		t.Errorf("doctor beside the gate (%v):\n%s", err, doctor)
	}

	g.stop()
	if doctor, err := exec.Command("gate", "doctor", "--config", conf).CombinedOutput(); !bytes.Contains(doctor, []byte("turnstile    ready: vendor 024354")) {
		t.Errorf("doctor without a gate (%v):\n%s", err, doctor)
	}
}

// gate runs a command and returns what it printed, and its exit status.
func gateCommand(t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := exec.Command("gate", args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(out), 0
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	}
	t.Fatal(err)
	return "", 0
}

func TestOSDPCommands(t *testing.T) {
	sim := startController(t)
	dir := t.TempDir()
	says := func(code int, words []string, args ...string) {
		t.Helper()
		out, got := gateCommand(t, args...)
		if got != code {
			t.Errorf("gate %v: status %d, want %d:\n%s", args, got, code, out)
		}
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("gate %v: no %q in\n%s", args, word, out)
			}
		}
	}
	at := []string{"--url", sim.url, "--address", "3"}
	probe := func(more ...string) []string { return append(append([]string{"osdp", "probe"}, at...), more...) }
	if info, err := os.Stat(sim.scbk); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	says(1, []string{"exists"}, "osdp", "key", "--new", sim.scbk)
	says(2, []string{"--new"}, "osdp", "key")
	says(0, []string{"vendor 024354", "our controller", "contacts", "no_key", "--scbk"}, probe()...)
	says(0, []string{"secured", "contacts      0=0 1=0", "outputs", "cover open: false"}, probe("--scbk", sim.scbk)...)
	says(0, []string{`"security": "secured"`, `"contacts": [`}, probe("--scbk", sim.scbk, "--json")...)
	other := filepath.Join(dir, "other")
	says(0, nil, "osdp", "key", "--new", other)
	says(1, []string{"wrong_key", "vendor 024354"}, probe("--scbk", other)...)
	says(1, []string{"does not answer"}, "osdp", "probe", "--url", sim.url, "--address", "4", "--timeout", "1s")
	says(1, []string{"chmod"}, probe("--scbk", exposed(t, dir))...)
	says(2, []string{"no line is named"}, "osdp", "probe", "--config", "/dev/null")
	says(1, []string{"impossible line"}, "osdp", "probe", "--url", "smoke:signals")

	fresh := filepath.Join(dir, "fresh")
	change := func(from string) []string {
		return append(append([]string{"osdp", "provision"}, at...), "--scbk", from, "--new", fresh)
	}
	says(1, []string{"no Secure Channel"}, change(other)...)
	says(0, []string{"the device has the key"}, change(sim.scbk)...)
	says(0, []string{"secured"}, probe("--scbk", fresh)...)
	says(1, []string{"wrong_key"}, probe("--scbk", sim.scbk)...)
	says(2, []string{"--new is missing"}, append([]string{"osdp", "provision"}, at...)...)
}

// exposed is a key that others can read.
func exposed(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "exposed")
	if err := private.Create(name, []byte("0102030405060708090a0b0c0d0e0f10\n")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// osdpConfig writes a configuration of a lane behind the controller.
func (s *controllerSim) config(dir string) string {
	s.t.Helper()
	name := filepath.Join(dir, "gate.toml")
	text := fmt.Sprintf("data_dir = %q\n[lane]\ninput = \"stdin\"\ndriver = \"osdp\"\n[panel]\nlisten = \"127.0.0.1:1\"\n[turnstile]\nurl = %q\nscbk = %q\naddress = 3\n", dir, s.url, s.scbk)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// Somebody tests a lane by hand, and does what they are asked for.
func TestDoctorLane(t *testing.T) {
	sim := startController(t)
	conf := sim.config(t.TempDir())
	if out, code := gateCommand(t, "doctor", "--config", conf, "--lane"); code != 2 || !strings.Contains(out, "--yes") {
		t.Errorf("without a terminal: status %d\n%s", code, out)
	}
	cmd := exec.Command("gate", "doctor", "--config", conf, "--lane", "--yes", "--wait", "60s")
	var report bytes.Buffer
	cmd.Stdout = &report
	told, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(told); lines.Scan(); {
		line := lines.Text()
		said.WriteString(line + "\n")
		for _, m := range []struct{ word, pin string }{
			{"interrupt the near", "clear_a"},
			{"interrupt the far", "clear_b"},
			{"turn the rotor out", "home"},
			{"cover now", "cover_closed"},
			{"fire loop now", "loop_closed"},
		} {
			if strings.Contains(line, m.word) {
				sim.do("set " + m.pin + " 0")
			}
		}
		for name, pin := range map[string]string{"near beam": "clear_a", "far beam": "clear_b", "rotor": "home", "cover": "cover_closed", "fire loop": "loop_closed"} {
			if strings.HasPrefix(strings.TrimSpace(line), name) && strings.HasSuffix(line, "active") {
				sim.do("set " + pin + " 1")
			}
		}
		switch {
		case strings.Contains(line, "staff key now"):
			sim.do("set key_turned 1")
		case strings.Contains(line, "staff key") && strings.HasSuffix(line, "active"):
			sim.do("set key_turned 0")
		case strings.Contains(line, "opens now"):
			go func() {
				for end := time.Now().Add(time.Minute); time.Now().Before(end) && !sim.armed(); time.Sleep(5 * time.Millisecond) {
				}
				sim.do("walk in")
			}()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s\n%s", err, said.String(), report.String())
	}
	for _, name := range []string{"contacts", "near beam", "far beam", "rotor", "cover", "staff key", "fire loop", "passage"} {
		if !strings.Contains(report.String(), "ok    "+name) {
			t.Errorf("no %s in the report:\n%s\n%s", name, report.String(), said.String())
		}
	}
}

// armed reports whether somebody could go in and nobody out, as neither a locked nor
// a free lane is.
func (s *controllerSim) armed() bool {
	s.t.Helper()
	pins := strings.Join(s.do("get"), " ")
	return strings.Contains(pins, "hold_a=0") && strings.Contains(pins, "hold_b=1")
}
