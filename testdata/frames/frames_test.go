package frames_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// ordinary has the length and the alphabet of an id-only rotating pass.
const ordinary = "CTR1:6BFOXN%TSMAHN-H.L8*5EJ9I$PH.B4T:0SK7/V$ 2Q4Z9WNTI:OJ3XF%M8-C6AK2D1E0FGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ01234" +
	"56789 $%*+-.:ABCDEFGHIJKLMNOPQRST"

// small is large enough to be read and small enough for many.
var small = image.Pt(480, 360)

func TestSameSceneSameBytes(t *testing.T) {
	used := frames.NewRenderer()
	seen := map[string]string{}
	for _, p := range frames.Profiles() {
		for seed := range uint64(2) {
			s := p.Scene(seed, image.Pt(200, 150), ordinary)
			s.Quality = 0
			fresh, err := frames.NewRenderer().Gray(s)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 2 { // the second time from the kept page
				again, err := used.Gray(s)
				if err != nil || !bytes.Equal(fresh.Pix, again.Pix) {
					t.Errorf("%v %d: a used renderer gives other bytes (%d, %v)", p, seed, n, err)
				}
			}
			name := fmt.Sprint(p, seed)
			if other := seen[string(fresh.Pix)]; other != "" {
				t.Errorf("%s and %s are the same picture", name, other)
			}
			seen[string(fresh.Pix)] = name
		}
	}
}

func TestAtSways(t *testing.T) {
	s := frames.Gate.Scene(3, small, ordinary)
	if s.At(0) != s {
		t.Errorf("At(0) = %+v, want the scene itself", s.At(0))
	}
	for n := 1; n < 100; n++ {
		a, b := s.At(n), s.At(n-1)
		if a == b || abs(a.Roll-b.Roll) > 3 || abs(a.OffX-b.OffX) > 0.1 {
			t.Errorf("from frame %d to %d: %+v, %+v; want a little other", n-1, n, b, a)
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

func TestEncode(t *testing.T) {
	for _, tt := range []struct {
		text          string
		version, side int
	}{
		{"A", 1, 21},
		{ordinary, 7, 45},
		{strings.Repeat("A", 4296), 40, 177},
	} {
		c, err := frames.Encode(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if c.Version != tt.version || c.Side != tt.side || !c.Dark(0, 0) || c.Dark(7, 7) || c.Dark(-1, 0) {
			t.Errorf("Encode of %d characters: version %d, %d modules; want version %d, %d modules", len(tt.text), c.Version, c.Side, tt.version, tt.side)
		}
	}
	for _, text := range []string{"", strings.Repeat("A", 4297)} {
		if _, err := frames.Encode(text); !errors.Is(err, frames.ErrText) {
			t.Errorf("Encode of %d characters: %v, want ErrText", len(text), err)
		}
	}
}

func TestUnusableScenes(t *testing.T) {
	for name, change := range map[string]func(*frames.Scene){
		"no size":      func(s *frames.Scene) { s.Size = image.Point{} },
		"huge":         func(s *frames.Scene) { s.Size = image.Pt(1<<20, 1<<20) },
		"no code size": func(s *frames.Scene) { s.CodeMM = 0 },
		"from behind":  func(s *frames.Scene) { s.Yaw = 180 },
		"long blur":    func(s *frames.Scene) { s.Defocus = 1e9 },
		"quality":      func(s *frames.Scene) { s.Quality = 101 },
	} {
		s := frames.Easy.Scene(1, small, ordinary)
		change(&s)
		if _, err := frames.NewRenderer().Gray(s); !errors.Is(err, frames.ErrScene) {
			t.Errorf("%s: %v, want ErrScene", name, err)
		}
	}
	s := frames.Easy.Scene(1, small, strings.Repeat("A", 5000))
	if _, err := frames.NewRenderer().Gray(s); !errors.Is(err, frames.ErrText) {
		t.Errorf("long text: %v, want ErrText", err)
	}
	if _, err := frames.ParseProfile("cosy"); err == nil {
		t.Error("ParseProfile of an unknown name: no error")
	}
}

// TestCamera shows codes to a gate's eyes over HTTP, from JPEG stream to text.
func TestCamera(t *testing.T) {
	show := frames.NewCamera(frames.Easy, small, 50, 7)
	srv := httptest.NewServer(show)
	defer srv.Close()
	cam, err := camera.Open(t.Context(), srv.URL, camera.Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now, StallAfter: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer cam.Close() //nolint:errcheck // never fails
	d, err := qr.New(qr.Config{Now: time.Now, Budget: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, want := range []string{"", "CTR1:FIRST", "CTR1:SECOND", "", ordinary} {
		if err := show.Show(want); err != nil {
			t.Fatal(err)
		}
		for got := "never"; got != want; {
			f, err := cam.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %q, last %q: %v", want, got, err)
			}
			codes, err := d.Decode(f.Gray)
			if err != nil {
				t.Fatal(err)
			}
			if got = ""; len(codes) > 0 {
				got = codes[0].Text
			}
		}
	}
	if err := show.Show(strings.Repeat("A", 5000)); !errors.Is(err, frames.ErrText) {
		t.Errorf("Show of a long text: %v, want ErrText", err)
	}
}

func BenchmarkRender720p(b *testing.B) {
	r := frames.NewRenderer()
	for i := range b.N {
		if _, err := r.JPEG(frames.Gate.Scene(uint64(i), frames.HD, ordinary)); err != nil {
			b.Fatal(err)
		}
	}
}
