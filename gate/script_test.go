package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/testdata/frames"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gate": main})
}

// TestScripts drives the built command. Each script finds a fresh folder with
// gate.toml, the set files of one world, passes and pictures.
func TestScripts(t *testing.T) {
	w := newWorld(t, 40)
	v1 := w.set(ticketset.Current{}, w.now, w.now.Add(48*time.Hour))
	v2 := w.set(v1.Current(), w.now, w.now.Add(48*time.Hour))
	old := w.set(ticketset.Current{}, w.now.Add(-48*time.Hour), w.now.Add(-24*time.Hour))
	other := newWorld(t, 4)
	foreign := other.set(ticketset.Current{}, w.now, w.now.Add(48*time.Hour))

	empty := picture(t, frames.Empty, "")
	pictures := map[string][]byte{ // rendered once: it takes long with the race detector
		"frames/a.jpg": empty, "frames/b.jpg": picture(t, frames.Gate, w.pass(7, w.now)),
		"code.jpg": picture(t, frames.Easy, w.pass(0, w.now)), "empty.jpg": empty,
	}

	pictures["film.mjpeg"] = bytes.Join([][]byte{empty, pictures["frames/b.jpg"], pictures["frames/b.jpg"]}, nil)

	pictures["two.jpg"] = sideBySide(t, pictures["code.jpg"], pictures["frames/b.jpg"])

	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   exitCode,
			"await":  await,
			"says":   says,
			"engine": plugEngine,
		},
		Setup: func(env *testscript.Env) error {
			dir := env.WorkDir
			in := func(name string) string { return filepath.Join(dir, name) }
			// A build with the race detector on a busy machine takes long for a frame.
			eyes := fmt.Sprintf("data_dir = %q\n[camera]\nurl = \"dir:%s?loop=1&fps=20\"\ndecode_budget = \"10s\"\n[lane]\npassage_delay = \"10ms\"\n"+
				"[panel]\nlisten = \"127.0.0.1:0\"\nlanguage = \"en\"\n[clock]\nuncertainty = \"100ms\"\n",
				filepath.Join(dir, "data"), filepath.Join(dir, "frames"))
			if err := os.WriteFile(filepath.Join(dir, "camera.toml"), []byte(eyes), 0o600); err != nil {
				return err
			}
			for name, source := range map[string]string{
				"program.toml": `command = ["sh", "-c", "test -e once && echo again > starts; touch once; exec cat film.mjpeg"]`,
				"pipe.toml":    "url = \"stdin:\"",
				"card.toml":    "url = \"test:?width=640&height=480\"\nregion = \"10,10,80,80\"",
			} {
				text := strings.Replace(eyes, "url = \"dir:"+in("frames")+"?loop=1&fps=20\"", source, 1)
				if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
					return err
				}
			}
			if err := engineConfigOf(w.config(dir, ""), in("serial.toml"), in("usb-Engine-if00")); err != nil {
				return err
			}
			plain := w.config(dir, "[uplink]\nenabled = false\n")
			if err := nobody(plain, filepath.Join(dir, "nobody.toml")); err != nil {
				return err
			}
			if err := os.WriteFile(in("half.txt"), []byte("CTP1HALF"), 0o600); err != nil {
				return err
			}
			lines := serialLines{}
			env.Values[linesKey] = lines
			env.Defer(lines.close)
			w.setFile(in("v1.set"), v1)
			w.setFile(in("v2.set"), v2)
			w.setFile(in("expired.set"), old)
			if err := spoilt(in("v1.set"), in("cut.set"), in("altered.set")); err != nil {
				return err
			}
			w.setFile(in("foreign.set"), foreign)
			for name, text := range map[string]string{
				"paper.pass":  w.pass(1, w.now),
				"paper2.pass": w.pass(3, w.now),
				"live.pass":   w.pass(0, w.now),
				"invite.txt":  w.invitation(worldCode),
				"three.pass":  w.pass(1, w.now) + "\nHELLO\n" + w.pass(3, w.now) + "\n" + w.pass(1, w.now),
				"long.pass":   strings.Repeat("CTP1", 300_000) + "\n" + w.pass(1, w.now),
				"one.pass":    w.pass(5, w.now),
				"many.pass":   manyPaper(w),
				"seven.pass":  w.pass(7, w.now),
				"noise.bin":   strings.Repeat("\xff\x00\x81~", 1<<18),
			} {
				if err := os.WriteFile(in(name), []byte(text+"\n"), 0o600); err != nil {
					return err
				}
			}
			if err := os.Mkdir(in("frames"), 0o700); err != nil {
				return err
			}
			for name, jpg := range pictures {
				if err := os.WriteFile(in(name), jpg, 0o600); err != nil {
					return err
				}
			}
			env.Setenv("CONF", in("gate.toml"))
			env.Setenv("DATA", in("data"))
			env.Setenv("INVITE", w.invitation(worldCode))
			env.Setenv("BAD_CODE", w.invitation("WRONG-CODE"))
			env.Setenv("BAD_PIN", w.fleet.URL+"/enrol#"+worldCode+".ABCDEFGHIJKLMNOPQRSTUVWXYY")
			env.Setenv("NOW", w.now.UTC().Format(time.RFC3339))
			env.Setenv("LATER", w.now.Add(time.Minute).UTC().Format(time.RFC3339))
			env.Setenv("TOMORROW", w.now.Add(24*time.Hour).UTC().Format(time.RFC3339))
			return nil
		},
	})
}

// manyPaper holds up every paper ticket, one after the other.
func manyPaper(w *world) string {
	var b strings.Builder
	for i := 1; i < len(w.tickets); i += 2 {
		b.WriteString(w.pass(i, w.now) + "\n")
	}
	return b.String()
}

// await waits until a file is there and holds a text: await FILE TEXT. It polls,
// because the writer is another process.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	name := ts.MkAbs(args[0])
	for deadline := time.Now().Add(time.Minute); ; {
		data, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(data), args[1]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never said %s; it says %q (%v)", args[0], args[1], data, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// nobody writes a configuration whose lane nobody walks through.
func nobody(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text := strings.Replace(string(data), "[lane]", "[lane]\npassage = \"none\"\ngrant_timeout = \"100ms\"", 1)
	return os.WriteFile(to, []byte(text), 0o600)
}

// exitCode runs a command and compares its exit status: code 3 gate status.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("got %v, want exit status %d", err, want)
	}
}

// spoilt writes a set file that ends too early and one with an altered byte.
func spoilt(from, cut, altered string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(altered, data, 0o600)
}

// picture renders a photograph.
func picture(t *testing.T, p frames.Profile, text string) []byte {
	t.Helper()
	gray, err := frames.Render(p, 1, image.Pt(640, 480), text)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, gray, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
