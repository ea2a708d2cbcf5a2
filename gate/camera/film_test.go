//go:build unix

package camera_test

import (
	"bytes"
	"errors"
	"image"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
	"github.com/con-ting/conting/gate/qr"
)

// levels takes up to n frames and returns the level of each.
func levels(t *testing.T, address string, n int) (out []uint8, s camera.Stats, end error) {
	t.Helper()
	c, err := camera.Open(t.Context(), address, config())
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	defer c.Close() //nolint:errcheck // never fails
	for len(out) < n {
		f, err := c.Next(t.Context())
		if err != nil {
			return out, c.Stats(), err
		}
		out = append(out, f.Gray.Pix[0])
	}
	return out, c.Stats(), nil
}

func TestFilm(t *testing.T) {
	unpaced := strings.Replace(header, " F30:1", "", 1)
	y4m := save(t, "film.y4m", []byte(unpaced+gray(1)+gray(2)+gray(3)))
	jpegs := save(t, "film.MJPG", slices.Concat(photo(t, 10), photo(t, 20)))
	raw := save(t, "film.raw", bytes.Repeat([]byte{5, 5, 5, 5, 0, 6, 6, 6, 6, 0}, 2))
	cut := save(t, "cut.y4m", []byte(unpaced+gray(1)+gray(2)[:20]))
	lost := save(t, "lost.y4m", []byte(unpaced+gray(1)+"frame\n"))
	onlyHeader := save(t, "header.y4m", []byte(unpaced))
	for _, c := range []struct {
		address string
		n       int
		want    []uint8
		bad     uint64
		end     error
	}{
		{y4m, 9, []uint8{1, 2, 3}, 0, io.EOF},
		{y4m + "?loop=1", 7, []uint8{1, 2, 3, 1, 2, 3, 1}, 0, nil},
		{jpegs, 9, []uint8{10, 20}, 0, io.EOF},
		{jpegs + "?loop=true", 3, []uint8{10, 20, 10}, 0, nil},
		{raw + "?format=gray&width=4&height=1&stride=5", 9, []uint8{5, 6, 5, 6}, 0, io.EOF},
		{raw + "?format=gray&width=4&height=3&stride=5&loop=1", 2, []uint8{5, 5}, 2, nil}, // and a third of one
		{cut, 9, []uint8{1}, 1, io.EOF},
		{cut + "?loop=1", 3, []uint8{1, 1, 1}, 3, nil},
		{lost, 9, []uint8{1}, 1, camera.ErrStream},
		{onlyHeader + "?loop=1", 1, nil, 0, io.EOF},
	} {
		got, s, end := levels(t, "file:"+c.address, c.n)
		if !bytes.Equal(got, c.want) || !errors.Is(end, c.end) || s.Dropped > 0 || c.end != nil && s.Errors != c.bad { // a loop reads ahead
			t.Errorf("%s: levels %v, %v, %+v; want %v, %v, %d errors", c.address, got, end, s, c.want, c.end, c.bad)
		}
	}
}

// TestFilmKeepsItsSpeed plays a film of 20 frames a second: one in half the time is not its.
func TestFilmKeepsItsSpeed(t *testing.T) {
	film := header
	for level := range 6 {
		film += gray(level)
	}
	for _, address := range []string{
		"file:" + save(t, "a.y4m", []byte(strings.Replace(film, "F30:1", "F20:1", 1))),
		"file:" + save(t, "b.y4m", []byte(strings.Replace(film, "F30:1", "F1000:1", 1))) + "?fps=20",
	} {
		c, err := camera.Open(t.Context(), address, config())
		if err != nil {
			t.Fatal(err)
		}
		var first, last time.Time
		for {
			f, err := c.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if first.IsZero() {
				first = f.At
			}
			last = f.At
		}
		if took := last.Sub(first); took < 125*time.Millisecond {
			t.Errorf("%s: six frames in %v, want 250 ms", address, took)
		}
	}
}

func TestUnusableFilms(t *testing.T) {
	for name, address := range map[string]string{
		"no video":     save(t, "a.y4m", []byte("not a video at all")),
		"empty":        save(t, "b.y4m", nil),
		"zero size":    save(t, "c.y4m", []byte("YUV4MPEG2 W0 H0\n")),
		"huge":         save(t, "d.y4m", []byte("YUV4MPEG2 W99999 H99999\n")),
		"raw, no size": save(t, "e.raw", make([]byte, 100)) + "?format=gray",
		"zero raw":     save(t, "f.raw", make([]byte, 100)) + "?format=gray&width=0&height=0",
		"huge raw":     save(t, "g.raw", make([]byte, 100)) + "?format=gray&width=100000&height=100000",
		"bad stride":   save(t, "h.raw", make([]byte, 100)) + "?format=gray&width=8&height=8&stride=4",
		"no format":    save(t, "i.raw", make([]byte, 100)) + "?format=mp4",
		"no number":    save(t, "j.raw", make([]byte, 100)) + "?format=gray&width=x&height=8",
		"away":         save(t, "k.y4m", nil) + ".y4m",
	} {
		if c, err := camera.Open(t.Context(), "file:"+address, config()); err == nil {
			t.Errorf("%s: no error", name)
			_ = c.Close()
		}
	}
}

// TestCard reads the code of the test card, as whoever tries a lane with it would.
func TestCard(t *testing.T) {
	for _, c := range []struct {
		address string
		size    image.Point
	}{
		{"test:", image.Pt(1280, 720)},
		{"test:?width=640&height=480&fps=100", image.Pt(640, 480)},
		{"test:?width=160&height=120&fps=100", image.Pt(160, 120)},
		{"test:?width=480&height=1080&fps=100", image.Pt(480, 1080)},
		{"test:?width=160&height=4096&fps=100", image.Pt(160, 4096)},
		{"test:?width=4096&height=120&fps=100", image.Pt(4096, 120)},
	} {
		cfg := config()
		cfg.Width, cfg.Height = 0, 0
		cam, err := camera.Open(t.Context(), c.address, cfg)
		if err != nil {
			t.Fatal(err)
		}
		first, second := take(t, cam), take(t, cam)
		if err := cam.Close(); err != nil {
			t.Error(err)
		}
		if bytes.Equal(first.Gray.Pix, second.Gray.Pix) || first.Gray.Rect.Size() != c.size {
			t.Errorf("%s: %v, moving %t; want %v that moves", c.address, first.Gray.Rect, !bytes.Equal(first.Gray.Pix, second.Gray.Pix), c.size)
		}
		if got := read(t, first.Gray); got != "CONTING TEST CARD" {
			t.Errorf("%s: the code says %q", c.address, got)
		}
	}
	for _, address := range []string{"test:card", "test:?width=8", "test:?width=9999", "test:?loop=1", "test:?fps=-1"} {
		if c, err := camera.Open(t.Context(), address, config()); !errors.Is(err, camera.ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", address, err)
			if err == nil {
				_ = c.Close()
			}
		}
	}
}

// read is the text of the code in a picture, "" if there is none.
func read(t *testing.T, g *image.Gray) string {
	t.Helper()
	d, err := qr.New(qr.Config{Budget: patience, Exhaustive: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := d.Decode(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) == 0 {
		return ""
	}
	return codes[0].Text
}
