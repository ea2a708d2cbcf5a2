package qr_test

import (
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/gate/qr"
)

// TestPhotos reads the folder that QR_DIR names, with a manifest.tsv of the columns id, file, set,
// cat, mode, w, h, want_b64, note, and prints the share read of each category. A false read fails.
func TestPhotos(t *testing.T) {
	dir := os.Getenv("QR_DIR")
	if dir == "" {
		t.Skip("SKIPPED: set QR_DIR to a folder of frames with a manifest.tsv to measure the decoder on it")
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	type tally struct{ n, read int }
	tallies := map[string]*tally{}
	times := map[string][]time.Duration{}
	count := func(key string, read bool) {
		if tallies[key] == nil {
			tallies[key] = &tally{}
		}
		tallies[key].n++
		if read {
			tallies[key].read++
		}
	}
	for line := range strings.Lines(string(manifest)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 8 || strings.HasPrefix(line, "#") {
			continue
		}
		want, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[7], "-"))
		if err != nil {
			t.Fatalf("%s: want_b64: %v", f[0], err)
		}
		gray := load(t, filepath.Join(dir, f[1]))
		d := newDecoder(t, qr.Config{Exhaustive: os.Getenv("QR_TURNS") == ""})
		start := cpuTime()
		codes, err := d.Decode(gray)
		took := cpuTime() - start
		if err != nil {
			t.Logf("%s: %v", f[0], err)
		}
		got := ""
		if len(codes) > 0 {
			got = codes[0].Text
		}
		if os.Getenv("QR_VERBOSE") != "" {
			t.Logf("%s %s read=%v %v", f[0], f[3], got != "", took)
		}
		ok := got == string(want)
		if f[4] == "unlabelled" {
			ok = got != ""
		} else if f[4] != "exact" { // the wanted text went through a character set
			ok = (got != "") == (len(want) > 0)
		}
		if !ok && got != "" && f[4] == "exact" {
			t.Errorf("%s: false read: got %q want %q", f[0], got, want)
		}
		set := f[2]
		if set == "main" {
			set += " " + f[3]
		}
		count(set, ok)
		if f[4] != "none" {
			count("all of "+f[2], ok)
		}
		times[set] = append(times[set], took)
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for k := range tallies {
			if !yield(k) {
				return
			}
		}
	}) {
		c, d := tallies[key], times[key]
		slices.Sort(d)
		line := fmt.Sprintf("%-16s %3d of %3d  %5.1f %%", key, c.read, c.n, 100*float64(c.read)/float64(c.n))
		if len(d) > 0 {
			line += fmt.Sprintf("  CPU median %5.1f ms  p95 %5.1f ms", ms(d[len(d)/2]), ms(d[len(d)*95/100]))
		}
		t.Log(line)
	}
}

// cpuTime is what the calling thread has computed so far. The machine may have other work, and a
// wall clock would count that too.
func cpuTime() time.Duration {
	runtime.LockOSThread()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// load reads an image file as gray, taking the Y plane of a JPEG as it is.
func load(t *testing.T, name string) *image.Gray {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	switch p := img.(type) {
	case *image.Gray:
		return p
	case *image.YCbCr:
		return &image.Gray{Pix: p.Y, Stride: p.YStride, Rect: p.Rect}
	}
	g := image.NewGray(img.Bounds())
	draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(g, g.Rect, img, img.Bounds().Min, draw.Over)
	return g
}

// newDecoder makes a decoder with time to spare unless cfg names a budget: a busy test machine says
// nothing about the decoder.
func newDecoder(t testing.TB, cfg qr.Config) *qr.Decoder {
	t.Helper()
	if cfg.Budget == 0 {
		cfg.Budget = time.Minute
	}
	cfg.Now = time.Now
	d, err := qr.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
