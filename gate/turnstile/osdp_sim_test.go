package turnstile_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/turnstile"
)

// buildSim builds controller-sim, once.
var buildSim = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sim")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "controller-sim")
	out, err := exec.Command("go", "build", "-o", name, "../../firmware/cmd/controller").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build controller-sim: %w\n%s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := buildSim(); err == nil && built {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

var built bool // buildSim was called

// sim is one running controller-sim.
type sim struct {
	t    *testing.T
	url  string
	in   io.WriteCloser
	out  *bufio.Scanner
	cmd  *exec.Cmd
	once sync.Once
}

// startSim starts one that listens at where, with the key of the tests.
func startSim(t *testing.T, where string, more ...string) *sim {
	t.Helper()
	built = true
	name, err := buildSim()
	if err != nil {
		t.Fatal(err)
	}
	scbk := filepath.Join(t.TempDir(), "scbk")
	if err := os.WriteFile(scbk, []byte(hex.EncodeToString(siteKey[:])), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &sim{t: t, cmd: exec.Command(name, append([]string{"--listen", where, "--scbk", scbk, "--address", "5", "--serial", "42"}, more...)...)}
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		s.in, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	s.out = bufio.NewScanner(out)
	if !s.out.Scan() {
		t.Fatal("controller-sim said nothing")
	}
	s.url = strings.TrimPrefix(s.out.Text(), "listening ")
	return s
}

func (s *sim) stop() {
	s.once.Do(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// do has somebody move.
func (s *sim) do(command string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		s.t.Fatal(err)
	}
	for s.out.Scan() {
		switch line := s.out.Text(); {
		case line == "ok":
			return
		case strings.HasPrefix(line, "error"):
			s.t.Fatalf("%s: %s", command, line)
		}
	}
}

func (s *sim) config() turnstile.OSDPConfig {
	c := newOSDPConfig()
	c.URL, c.Address = s.url, 5
	return c
}

// patient bounds a wait for something that has to come.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// told waits for an event of the lane.
func told(t *testing.T, o turnstile.Lane, grant uint64, k turnstile.Kind) {
	t.Helper()
	select {
	case e := <-o.Events():
		if e.Grant != grant || e.Kind != k {
			t.Fatalf("event %d %s, want %d %s", e.Grant, e.Kind, grant, k)
		}
	case <-patient(t).Done():
		t.Fatalf("no event, want %d %s", grant, k)
	}
}

// serving waits until the lane takes a grant.
func serving(t *testing.T, o *turnstile.OSDP, g turnstile.Grant) {
	t.Helper()
	for ctx := patient(t); ; {
		err := o.Grant(ctx, g)
		if err == nil {
			return
		}
		if !errors.Is(err, turnstile.ErrFault) || ctx.Err() != nil {
			t.Fatalf("%v; the lane is %+v", err, o.Condition())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestSimLines(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]string{
		"unix": "unix:" + filepath.Join(t.TempDir(), "line"), "tcp": "tcp:127.0.0.1:0", "pty": "pty",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSim(t, where)
			r, err := turnstile.ProbeOSDP(patient(t), s.config())
			if err != nil {
				t.Fatal(err)
			}
			if r.Security != "secured" || !r.Ours || r.Serial != 42 || len(r.Contacts) != 7 || len(r.Outputs) != 2 || len(r.Capabilities) == 0 || r.Cover == nil {
				t.Errorf("report %+v", r)
			}
			o, err := turnstile.NewOSDP(t.Context(), s.config())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = o.Close() })
			serving(t, o, turnstile.Grant{ID: 1, Timeout: time.Minute})
			told(t, o, 1, turnstile.Armed)
			s.do("walk in")
			told(t, o, 1, turnstile.Passed)
			serving(t, o, turnstile.Grant{ID: 2, Timeout: time.Minute, Direction: turnstile.Out})
			told(t, o, 2, turnstile.Armed)
			s.do("set loop_closed 0")
			told(t, o, 2, turnstile.Free)
			if name == "pty" {
				return // it cannot be plugged out without ending
			}
			s.stop() // the cable is pulled, with the device
			told(t, o, 0, turnstile.Fault)
			want(t, "condition", o.Condition().Word, "no_answer")
			again := startSim(t, s.url)
			told(t, o, 0, turnstile.Ready)
			serving(t, o, turnstile.Grant{ID: 3, Timeout: time.Minute})
			told(t, o, 3, turnstile.Armed)
			again.do("back in")
			told(t, o, 3, turnstile.TurnedBack)
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	s := startSim(t, "unix:"+filepath.Join(t.TempDir(), "line"))
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	t.Run("without a key", func(t *testing.T) {
		c := s.config()
		c.Key = turnstile.OSDPKey{}
		r, err := turnstile.ProbeOSDP(patient(t), c)
		if err != nil || r.Security != "no_key" || r.Serial != 42 || len(r.Capabilities) == 0 || r.Contacts != nil {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("to whom it may concern", func(t *testing.T) {
		c := s.config()
		c.Address = 127
		if r, err := turnstile.ProbeOSDP(short(), c); err != nil || r.Answers {
			t.Errorf("%+v, %v: our controller does not answer to that", r, err)
		}
	})
	t.Run("with a wrong key", func(t *testing.T) {
		c := s.config()
		c.Key[3] ^= 0xFF
		r, err := turnstile.ProbeOSDP(patient(t), c)
		if err != nil || r.Security != "wrong_key" || r.Serial != 42 || len(r.Capabilities) == 0 || r.Contacts != nil || len(r.Refused) == 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("at a wrong address", func(t *testing.T) {
		c := s.config()
		c.Address = 6
		if r, err := turnstile.ProbeOSDP(short(), c); err != nil || r.Answers || r.Security != "no_answer" {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		c := s.config()
		c.URL = "unix:" + filepath.Join(t.TempDir(), "none")
		if r, err := turnstile.ProbeOSDP(short(), c); err == nil {
			t.Errorf("%+v, no error", r)
		}
	})
}

func TestRekey(t *testing.T) {
	s := startSim(t, "tcp:127.0.0.1:0")
	key := turnstile.OSDPKey{0xA, 0xB, 0xC}
	if err := turnstile.RekeyOSDP(patient(t), s.config(), key); err != nil {
		t.Fatal(err)
	}
	c := s.config()
	if r, err := turnstile.ProbeOSDP(patient(t), c); err != nil || r.Security != "wrong_key" {
		t.Errorf("the old key: %+v, %v", r, err)
	}
	if err := turnstile.RekeyOSDP(patient(t), c, turnstile.OSDPKey{9}); !errors.Is(err, turnstile.ErrNoSecure) || errors.Is(err, turnstile.ErrKeyInDoubt) {
		t.Errorf("a key from who does not know it: %v", err)
	}
	c.Key = key
	if r, err := turnstile.ProbeOSDP(patient(t), c); err != nil || r.Security != "secured" {
		t.Errorf("the new key: %+v, %v", r, err)
	}
	for _, bad := range []turnstile.OSDPKey{{}, key} {
		if err := turnstile.RekeyOSDP(patient(t), c, bad); !errors.Is(err, turnstile.ErrKey) {
			t.Errorf("a bad key: %v", err)
		}
	}
}

func TestWatchOSDP(t *testing.T) {
	s := startSim(t, "unix:"+filepath.Join(t.TempDir(), "line"))
	ctx, cancel := context.WithCancel(patient(t))
	seen, over := make(chan []turnstile.Contact), make(chan error, 1)
	go func() {
		over <- turnstile.WatchOSDP(ctx, s.config(), func(c []turnstile.Contact) { seen <- c })
	}()
	active := func() string {
		var names []string
		for _, c := range <-seen {
			if c.Active {
				names = append(names, c.Name)
			}
		}
		return strings.Join(names, ", ")
	}
	want(t, "at rest", active(), "")
	s.do("set clear_b 0")
	want(t, "the far beam", active(), turnstile.ContactBeamB)
	s.do("set home 0")
	want(t, "and the rotor", active(), turnstile.ContactRotor+", "+turnstile.ContactBeamB)
	s.do("set loop_closed 0")
	want(t, "and the loop", active(), turnstile.ContactRotor+", "+turnstile.ContactBeamB+", "+turnstile.ContactLoop)
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
