package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// module is the reader built for the browser and running under Node.
type module struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

type order struct {
	Attack string `json:"attack,omitempty"`
	File   string `json:"file,omitempty"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Colour bool   `json:"colour"`
	Still  bool   `json:"still"`
	Fresh  bool   `json:"fresh"`
}

type answer struct {
	Error string `json:"error"`
	Codes []struct {
		Text    string    `json:"text"`
		Corners []float64 `json:"corners"`
		Version int       `json:"version"`
	} `json:"codes"`
}

// build builds the module and returns it with its wasm_exec.js. The variables
// WASM and WASM_GLUE name another build, to be held to the same.
func build(t *testing.T) (wasm, glue string) {
	t.Helper()
	if wasm, glue = os.Getenv("WASM"), os.Getenv("WASM_GLUE"); wasm != "" && glue != "" {
		return wasm, glue
	}
	wasm = filepath.Join(t.TempDir(), "reader.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", wasm, ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build for the browser: %v\n%s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return wasm, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
}

func startModule(t *testing.T) *module {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short builds nothing for the browser")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: there is no node, so the build for the browser was not run")
	}
	wasm, glue := build(t)
	cmd := exec.Command(node, filepath.Join("testdata", "drive.mjs"), glue, wasm)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return &module{t, in, lines}
}

func (m *module) do(o order) answer {
	m.t.Helper()
	line, err := json.Marshal(o)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(m.in, "%s\n", line); err != nil {
		m.t.Fatal(err)
	}
	if !m.out.Scan() {
		m.t.Fatalf("node ended at %s: %v", line, m.out.Err())
	}
	var a answer
	if err := json.Unmarshal(m.out.Bytes(), &a); err != nil {
		m.t.Fatalf("%s: %v", m.out.Bytes(), err)
	}
	return a
}

// near is how far a corner may be off, in pixels: mathematical functions differ
// in the last bit between processors.
const near = 1e-6

// TestBrowserReadsLikeTheGate feeds the same frames to the decoder as the gate
// runs it and to the build for the browser.
func TestBrowserReadsLikeTheGate(t *testing.T) {
	m := startModule(t)
	dir, renderer := t.TempDir(), frames.NewRenderer()
	read := 0
	for _, still := range []bool{true, false} {
		native, err := qr.New(qr.Config{Budget: maxBudget, Exhaustive: still, Now: func() time.Time { return time.Time{} }})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range frames.Categories() {
			size := []image.Point{frames.VGA, frames.HD}[i%2]
			gray, err := renderer.Gray(c.Scene(uint64(i), size, ""))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, fmt.Sprintf("%v-%s", still, c))
			if err := os.WriteFile(file, gray.Pix, 0o600); err != nil {
				t.Fatal(err)
			}
			got := m.do(order{File: file, Width: size.X, Height: size.Y, Colour: i%3 == 0, Still: still, Fresh: i == 0})
			want, err := native.Decode(gray)
			if err != nil || got.Error != "" {
				t.Fatalf("%s: native %v, browser %q", c, err, got.Error)
			}
			if d := difference(got, want); d != "" {
				t.Errorf("%s, still=%v: %s", c, still, d)
			}
			read += len(want)
		}
	}
	if read < len(frames.Categories()) {
		t.Errorf("only %d codes were read: too few to compare", read)
	}
}

// difference says what differs first, empty if nothing does.
func difference(got answer, want []qr.Code) string {
	if len(got.Codes) != len(want) {
		return fmt.Sprintf("the browser reads %d codes, the gate %d", len(got.Codes), len(want))
	}
	for i, w := range want {
		g := got.Codes[i]
		if text, err := base64.StdEncoding.DecodeString(g.Text); err != nil || string(text) != w.Text {
			return fmt.Sprintf("code %d: the browser reads %q, the gate %q", i, text, w.Text)
		}
		if g.Version != w.Version || len(g.Corners) != 8 {
			return fmt.Sprintf("code %d: the browser has version %d and corners %v, the gate version %d", i, g.Version, g.Corners, w.Version)
		}
		for j, p := range w.Corners {
			if math.Abs(g.Corners[2*j]-p.X) > near || math.Abs(g.Corners[2*j+1]-p.Y) > near {
				return fmt.Sprintf("code %d: the browser has corners %v, the gate %v", i, g.Corners, w.Corners)
			}
		}
	}
	return ""
}

// TestHostileCalls calls the module as no page should, and then as one should.
func TestHostileCalls(t *testing.T) {
	m := startModule(t)
	g := frame(t, 5, frames.VGA)
	file := filepath.Join(t.TempDir(), "frame")
	if err := os.WriteFile(file, g.Pix, 0o600); err != nil {
		t.Fatal(err)
	}
	good := order{File: file, Width: 640, Height: 480, Fresh: true}
	check := func(after string) {
		t.Helper()
		got := m.do(good)
		good.Fresh = false
		want := base64.StdEncoding.EncodeToString([]byte(text))
		if got.Error != "" || len(got.Codes) != 1 || got.Codes[0].Text != want {
			t.Fatalf("after %s the module answers %+v", after, got)
		}
	}
	check("its start")
	for _, c := range []struct {
		attack string
		want   string
	}{
		{"none", badFrame},
		{"pixels_missing", badFrame},
		{"pixels_null", badFrame},
		{"pixels_text", badFrame},
		{"pixels_floats", badFrame},
		{"pixels_thrower", badFrame},
		{"pixels_cutter", badFrame},
		{"pixels_detached", badFrame},
		{"size_nan", badFrame},
		{"size_fraction", badFrame},
		{"size_negative", badFrame},
		{"size_huge", badFrame},
		{"size_text", badFrame},
		{"size_infinite", badFrame},
		{"handle_unknown", readerClosed},
		{"handle_text", readerClosed},
		{"open_text", badSettings},
		{"open_none", badSettings},
		{"open_nan", badSettings},
		{"open_negative", badSettings},
		{"close_none", ""},
		{"close_text", ""},
	} {
		got := m.do(order{Attack: c.attack})
		if got.Error != c.want {
			t.Errorf("%s: %q, want %q", c.attack, got.Error, c.want)
		}
		check(c.attack)
	}
}
