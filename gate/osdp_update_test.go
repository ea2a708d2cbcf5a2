package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/firmware/update"
)

// hostBoard is the board of controller-sim.
const hostBoard = 1

// updates is a controller-sim with a flash, and a firmware key.
type updates struct {
	t    *testing.T
	dir  string
	url  string
	key  ed25519.PrivateKey
	line []string // flags that name the line
}

func (u *updates) path(name string) string { return filepath.Join(u.dir, name) }

func (u *updates) write(name string, data []byte) string {
	u.t.Helper()
	if err := os.WriteFile(u.path(name), data, 0o600); err != nil {
		u.t.Fatal(err)
	}
	return u.path(name)
}

func startUpdates(t *testing.T) *updates {
	t.Helper()
	u := &updates{t: t, dir: t.TempDir()}
	u.url = "unix:" + u.path("line")
	u.line = []string{"--url", u.url, "--address", "3", "--scbk", u.path("scbk"), "--firmware-key", u.path("key.pub")}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u.key = key
	text, err := update.EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	u.write("key.pub", text)
	u.write("scbk", []byte("00112233445566778899aabbccddeeff\n"))
	sim := u.path("controller-sim")
	if out, err := exec.Command("go", "build", "-o", sim, "../firmware/cmd/controller").CombinedOutput(); err != nil {
		t.Fatalf("build controller-sim: %v\n%s", err, out)
	}
	cmd := exec.Command(sim, "--listen", u.url, "--scbk", u.path("scbk"), "--address", "3", "--flash", u.path("flash"), "--version", "65536")
	said, err := cmd.StdoutPipe()
	if err == nil {
		_, err = cmd.StdinPipe() // its end would be the end of the pins
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatalf("controller-sim said nothing: %v", err)
	}
	return u
}

// image writes a signed image.
func (u *updates) image(name string, board uint16, version uint32) string {
	u.t.Helper()
	file, err := update.Pack(bytes.Repeat([]byte("image"), 1000), board, version, u.key)
	if err != nil {
		u.t.Fatal(err)
	}
	return u.write(name, file)
}

// update runs gate osdp update.
func (u *updates) update(args ...string) (code int, out, complaint string) {
	u.t.Helper()
	cmd := exec.Command("gate", append([]string{"osdp", "update"}, args...)...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // as exec returns it
		u.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// with adds arguments to those that name the line.
func (u *updates) with(args ...string) []string {
	return append(append([]string(nil), u.line...), args...)
}

func TestUpdateCommand(t *testing.T) {
	u := startUpdates(t)
	good := u.image("good.img", hostBoard, 65537)
	corrupt, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := bytes.Clone(corrupt)
	clear(unsigned[update.HeaderSize : update.HeaderSize+ed25519.SignatureSize])
	truncated := corrupt[:len(corrupt)-1]
	u.write("truncated.img", truncated)
	corrupt[len(corrupt)-1] ^= 1
	u.write("corrupt.img", corrupt)
	u.write("unsigned.img", unsigned)
	u.write("huge.img", make([]byte, update.MaxImage+2048))
	u.write("other.scbk", []byte("ffeeddccbbaa99887766554433221100\n"))
	stranger := &updates{t: t, dir: u.dir}
	_, stranger.key, _ = ed25519.GenerateKey(rand.Reader)
	stranger.image("stranger.img", hostBoard, 65538)
	for name, test := range map[string]struct {
		args []string
		says string
		hint bool
	}{
		"another key":     {u.with(u.path("stranger.img")), "wrong signature", true},
		"unsigned":        {u.with(u.path("unsigned.img")), "wrong signature", true},
		"corrupt":         {u.with(u.path("corrupt.img")), "hash", true},
		"truncated":       {u.with(u.path("truncated.img")), "no firmware image", true},
		"oversized":       {u.with(u.path("huge.img")), "longer than", false},
		"not there":       {u.with(u.path("none.img")), "no such file", false},
		"another board":   {u.with(u.image("board.img", 0x0965, 65537)), "for lm3s6965, not for host", true},
		"an older one":    {u.with(u.image("old.img", hostBoard, 65535)), "not newer", true},
		"no image":        {u.line, "IMAGE", true},
		"no firmware key": {[]string{"--url", u.url, "--address", "3", "--scbk", u.path("scbk"), good}, "no firmware key", true},
		"a private key":   {append(u.with(good), "--firmware-key", u.path("scbk")), "public key", true},
		"no scbk":         {[]string{"--url", u.url, "--address", "3", "--firmware-key", u.path("key.pub"), good}, "no Secure Channel key", true},
		"another scbk":    {append(u.with(good), "--scbk", u.path("other.scbk")), "Secure Channel", true},
	} {
		code, out, complaint := u.update(test.args...)
		if code == 0 || out != "" || !strings.Contains(complaint, test.says) || test.hint && !strings.Contains(complaint, "hint: ") {
			t.Errorf("%s: %d, %q, %q", name, code, out, complaint)
		}
	}

	code, out, complaint := u.update(u.with(good)...)
	if code != 0 || !strings.Contains(out, "runs 1.0.1 now, and ran 1.0.0 before") || !strings.Contains(out, "on trial") ||
		!strings.Contains(complaint, "gate: sending: ") || !strings.Contains(complaint, "starts it") {
		t.Fatalf("%d, %q, %q", code, out, complaint)
	}
	code, out, complaint = u.update(u.with("--json", good)...)
	var r map[string]any
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r["after"] != "1.0.1" || r["before"] != "1.0.1" || r["trial"] != true {
		t.Errorf("again: %d, %q, %q, %v", code, out, complaint, err)
	}
}

// TestUpdateBesideGate: the line of a gate that runs is left alone, and a gate is
// not started on a line that an update uses.
func TestUpdateBesideGate(t *testing.T) {
	dir := t.TempDir()
	running, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = running.release() }()
	u := &updates{t: t, dir: dir}
	public, key, _ := ed25519.GenerateKey(rand.Reader)
	u.key = key
	text, _ := update.EncodeKey(public)
	u.write("key.pub", text)
	u.write("scbk", []byte("00112233445566778899aabbccddeeff\n"))
	conf := u.write("gate.toml", fmt.Appendf(nil,
		"data_dir = %q\n[lane]\ndriver = \"osdp\"\n[turnstile]\nurl = \"unix:/nowhere\"\nscbk = %q\nfirmware_key = %q\n", dir, u.path("scbk"), u.path("key.pub")))
	code, _, complaint := u.update("--config", conf, u.image("good.img", hostBoard, 2))
	if code == 0 || !strings.Contains(complaint, "the gate runs") || !strings.Contains(complaint, "systemctl stop") {
		t.Errorf("%d, %q", code, complaint)
	}
	// So do the other commands that speak on a line, if it is that gate's.
	for _, args := range [][]string{{"osdp", "probe"}, {"osdp", "provision", "--new", u.path("fresh")}} {
		line := []string{"--config", conf, "--scbk", u.path("scbk"), "--timeout", "50ms", "--url"}
		for url, held := range map[string]bool{"unix:/nowhere": true, "unix:/elsewhere": false} {
			out, code := gateCommand(t, slices.Concat(args, line, []string{url})...)
			if code == 0 || strings.Contains(out, "the gate runs") != held {
				t.Errorf("%v on %s beside a running gate: %d, %q", args, url, code, out)
			}
		}
	}
}

func TestHoldLane(t *testing.T) {
	dir := t.TempDir()
	release, err := holdLane(dir)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
		t.Error("it made a file that the gate's user may be unable to open")
	}
	l, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	if release, err = holdLane(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(dir); err == nil {
		t.Error("a gate starts beside an update")
	}
	release()
	f, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("it is still held: %v", err)
	}
}
