package frames_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// TestCategories draws many scenes of each category: all can be rendered, all differ, and each shows
// codes if it should.
func TestCategories(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range frames.Categories() {
		for seed := range uint64(25) {
			s := c.Scene(seed, image.Point{}, "")
			if err := frames.Check(s); err != nil {
				t.Errorf("%s %d: %v", c, seed, err)
			}
			texts := s.Texts()
			least, most := 1, 1
			switch c { //nolint:exhaustive // all others show one code
			case frames.Several:
				least, most = 2, 3
			case frames.Codeless:
				least, most = 0, 0
			}
			if len(texts) < least || len(texts) > most {
				t.Errorf("%s %d: %d codes, want %d to %d", c, seed, len(texts), least, most)
			}
			for _, text := range texts {
				if seen[text] {
					t.Errorf("%s %d: the text %q a second time", c, seed, text)
				}
				seen[text] = true
			}
			if seed > 2 {
				continue
			}
			if again := c.Scene(seed, image.Point{}, ""); !reflect.DeepEqual(s, again) {
				t.Errorf("%s %d: not the same the second time", c, seed)
			}
		}
		if s := c.Scene(1, image.Pt(100, 80), "CTR1:MINE"); s.Size != image.Pt(100, 80) || c != frames.Codeless && s.Text != "CTR1:MINE" {
			t.Errorf("%s: size %v, text %q; want those asked for", c, s.Size, s.Text)
		}
	}
}

// Clean frames are read, or the texts are not those in the picture; and so are frames of several
// codes, every one of them, or the hands cover each other's codes.
func TestCategoriesAreRead(t *testing.T) {
	d, err := qr.New(qr.Config{Now: func() time.Time { return time.Time{} }, Exhaustive: true})
	if err != nil {
		t.Fatal(err)
	}
	r := frames.NewRenderer()
	const of = 4
	size := map[frames.Category]image.Point{frames.Clean: frames.VGA, frames.Several: frames.HD}
	for _, c := range []frames.Category{frames.Clean, frames.Several} {
		read, want := 0, 0
		for seed := range uint64(of) {
			s := c.Scene(seed+100, size[c], "")
			gray, err := r.Gray(s)
			if err != nil {
				t.Fatal(err)
			}
			codes, err := d.Decode(gray)
			if err != nil {
				t.Fatal(err)
			}
			want += len(s.Texts())
			for _, code := range codes {
				if !slices.Contains(s.Texts(), code.Text) {
					t.Errorf("%s %d: %q is read and not there", c, seed, code.Text)
				}
				read++
			}
		}
		if read < want*3/4 || read > want {
			t.Errorf("%s: %d of %d codes were read, want most", c, read, want)
		}
	}
}

// TestFolder writes the same frames twice, with a manifest that says what they are.
func TestFolder(t *testing.T) {
	order := frames.Folder{Categories: []frames.Category{frames.Gated, frames.Several, frames.Codeless}, Count: 2, Seed: 9, Size: frames.VGA}
	a, b := t.TempDir(), filepath.Join(t.TempDir(), "made", "new")
	for _, dir := range []string{a, b} {
		if n, err := order.Write(t.Context(), dir); n != 6 || err != nil {
			t.Fatalf("Write: %d frames, %v; want 6", n, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(a, frames.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(manifest), "\n"), "\n")
	if len(lines) != 7 || lines[0] != "#id\tfile\tset\tcat\tmode\tw\th\twant_b64\tnote" {
		t.Fatalf("manifest of %d lines, the first %q", len(lines), lines[0])
	}
	for i, line := range lines[1:] {
		f := strings.Split(line, "\t")
		c := order.Categories[i/2]
		if len(f) != 9 || f[0] != fmt.Sprintf("main-%s-%03d", c, i%2) || f[1] != f[0]+".jpg" || f[2] != "main" || f[3] != string(c) {
			t.Fatalf("line %q of the %s frame %d", line, c, i%2)
		}
		data, err := os.ReadFile(filepath.Join(a, f[1]))
		if err != nil {
			t.Fatal(err)
		}
		same, err := os.ReadFile(filepath.Join(b, f[1]))
		if err != nil || !bytes.Equal(data, same) {
			t.Errorf("%s differs the second time, %v", f[1], err)
		}
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || f[5] != fmt.Sprint(cfg.Width) || f[6] != fmt.Sprint(cfg.Height) || cfg.Width != 640 {
			t.Errorf("%s: %dx%d, %v; the manifest says %sx%s", f[1], cfg.Width, cfg.Height, err, f[5], f[6])
		}
		var texts []string
		for w := range strings.SplitSeq(f[7], ",") {
			text, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(w, "-"))
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		s := c.Scene(order.Seed+uint64(i%2), frames.VGA, "")
		wantMode, want := "exact", s.Texts()
		if c == frames.Codeless {
			wantMode, want = "none", []string{""}
		}
		if f[4] != wantMode || !slices.Equal(texts, want) {
			t.Errorf("%s: %s %q, want %s %q", f[1], f[4], texts, wantMode, want)
		}
	}
}

func TestFolderRefused(t *testing.T) {
	long := frames.Folder{Categories: []frames.Category{frames.Clean}, Count: 1, Text: strings.Repeat("a", 5000)}
	if _, err := long.Write(t.Context(), t.TempDir()); !errors.Is(err, frames.ErrText) {
		t.Errorf("a text that fits no code: %v, want ErrText", err)
	}
	if _, err := (frames.Folder{Count: -1}).Write(t.Context(), t.TempDir()); !errors.Is(err, frames.ErrScene) {
		t.Errorf("a negative number of frames: %v, want ErrScene", err)
	}
	if _, err := frames.ParseCategories("gate,cosy"); err == nil {
		t.Error("an unknown category: no error")
	}
	all, err := frames.ParseCategories("all")
	if err != nil || len(all) != len(frames.Categories()) {
		t.Errorf("all: %v, %v", all, err)
	}
}

// TestExtremeScenes puts the worst into every field of a scene, one after the other and all at once.
// Nothing may panic, and what is refused is refused with ErrScene.
func TestExtremeScenes(t *testing.T) {
	worst := []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64,
		-1, 0, 0.01, 1, 4, 60, 70, -70, 119, -119, 200, 1e3, 1e6,
	}
	r := frames.NewRenderer()
	try := func(name string, s frames.Scene) bool {
		_, err := r.Gray(s)
		if err != nil && !errors.Is(err, frames.ErrScene) {
			t.Errorf("%s: %v, want ErrScene or none", name, err)
		}
		return err == nil
	}
	drawn := 0
	for _, base := range []frames.Scene{
		{Size: image.Pt(64, 64), Text: "A", CodeMM: 50, ModulePX: 1.5, White: 1, Gain: 1},
		{Size: image.Pt(64, 64), Text: "A", CodeMM: 50, ModulePX: 1.5, Paper: true, Bend: 90, Yaw: 60, Ambient: 1, Gain: 1, Second: "B"},
	} {
		fields := reflect.TypeFor[frames.Scene]()
		for i := range fields.NumField() {
			for _, v := range worst {
				s := base
				f := reflect.ValueOf(&s).Elem().Field(i)
				switch f.Kind() { //nolint:exhaustive // the kinds of numbers that a scene has
				case reflect.Float64:
					f.SetFloat(v)
				case reflect.Int:
					f.SetInt(int64(min(max(v, -1e9), 1e9)))
				default:
					continue
				}
				if try(fmt.Sprintf("%s %v", fields.Field(i).Name, v), s) {
					drawn++
				}
			}
		}
	}
	if drawn < 100 {
		t.Errorf("%d of the extreme scenes were drawn, want many", drawn)
	}
	all := frames.Scene{
		Size: image.Pt(64, 64), Text: strings.Repeat("a", 2900), CodeMM: 200, ModulePX: 500, Quiet: 20, Roll: 1e6, Yaw: 70, Pitch: -70,
		OffX: 4, OffY: -4, Cracks: 100, Finger: 1, Paper: true, Bend: -120, BendDir: 1e6, White: 1e3, Ambient: 1e3, Reflect: 1e3,
		Glares: 100, Glare: 1e3, Gain: 1e3, Defocus: 30, Motion: 60, MotionDir: 1e6, Bloom: 1, Moire: 1, Bands: 1, Noise: 100, Sharpen: 10, Quality: 1,
	}
	if !try("all at once", all) {
		t.Error("a scene with every field at its limit was refused")
	}
	beside := all
	beside.Beside = &all
	if !try("two at once", beside) {
		t.Error("two scenes at their limits were refused")
	}
	all.Beside = &all
	try("itself beside itself", all)
	tiny := frames.Scene{Size: image.Pt(64, 64), Text: strings.Repeat("a", 2900), CodeMM: 5, ModulePX: 0.1, Gain: 1}
	try("a code as fine as dust", tiny)
}

// A scene that names itself beside itself is refused rather than followed for ever.
func TestHandsAreCounted(t *testing.T) {
	s := plain
	s.Beside = &s
	if err := frames.Check(s); !errors.Is(err, frames.ErrScene) {
		t.Errorf("a ring of hands: %v, want ErrScene", err)
	}
	s = plain
	for range frames.MostBeside {
		next := s
		s.Beside = &next
	}
	if err := frames.Check(s); err != nil || len(s.Texts()) != 1+frames.MostBeside {
		t.Errorf("%d texts, %v; want %d", len(s.Texts()), err, 1+frames.MostBeside)
	}
	s.Beside.Beside.Yaw = 100
	if err := frames.Check(s); !errors.Is(err, frames.ErrScene) {
		t.Errorf("a third hand from behind: %v, want ErrScene", err)
	}
	for name, change := range map[string]func(*frames.Scene){
		"a bent phone":           func(s *frames.Scene) { s.Bend = 30 },
		"a second code on glass": func(s *frames.Scene) { s.Second = "B" },
		"only a second code":     func(s *frames.Scene) { s.Paper, s.Text, s.Second = true, "", "B" },
	} {
		if err := frames.Check(changedScene(change)); !errors.Is(err, frames.ErrScene) {
			t.Errorf("%s: %v, want ErrScene", name, err)
		}
	}
}
