package camera

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// ramp is a picture whose every pixel tells where it is.
func ramp(w, h int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, w, h))
	for i := range g.Pix {
		g.Pix[i] = uint8(i*7 + i/w)
	}
	return g
}

// sensor writes a picture as raw frames of a format.
func sensor(f Format, g *image.Gray) []byte {
	var out []byte
	l := f.layout()
	for y := range f.Height {
		row := bytes.Repeat([]byte{0xAA}, l.stride) // colour and padding
		for x := range f.Width {
			row[x*l.step+l.first] = g.GrayAt(x, y).Y
		}
		out = append(out, row...)
	}
	return append(out, bytes.Repeat([]byte{0x55}, l.rest)...)
}

// jpegOf is g as the JPEG of a camera.
func jpegOf(t testing.TB, g image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, g, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// watch reads a video to its end: its pictures, how many could not be used, and why it ended.
func watch(t testing.TB, data []byte, f Format) (out []*image.Gray, bad int, end error) {
	t.Helper()
	var r io.Reader = bytes.NewReader(data)
	if len(data) < 1<<16 {
		r = iotest.OneByteReader(r) // a pipe may break anywhere
	}
	v, err := newVideo(r, f)
	for err == nil {
		if err = v.next(); err == nil {
			var g *image.Gray
			if g, err = v.picture(); err == nil {
				out = append(out, g)
			}
		}
		if errors.Is(err, ErrFrame) {
			bad++
			err = nil
		}
	}
	return out, bad, err
}

func same(a, b *image.Gray) bool {
	if a.Rect != b.Rect {
		return false
	}
	for y := range a.Rect.Dy() {
		if w := a.Rect.Dx(); !bytes.Equal(a.Pix[y*a.Stride:y*a.Stride+w], b.Pix[y*b.Stride:y*b.Stride+w]) {
			return false
		}
	}
	return true
}

func TestRawFormats(t *testing.T) {
	for _, c := range []struct {
		pixels       string
		w, h, stride int
		bytes        int // of a frame
	}{
		{"gray", 8, 6, 0, 48},
		{"grey", 8, 6, 64, 384},
		{"y800", 7, 5, 0, 35},
		{"y8", 1, 1, 0, 1},
		{"yuyv", 8, 6, 0, 96},
		{"yuy2", 8, 6, 20, 120},
		{"yuyv422", 7, 5, 0, 80},
		{"uyvy", 8, 6, 0, 96},
		{"uyvy422", 8, 6, 0, 96},
		{"nv12", 8, 6, 0, 72},
		{"nv21", 8, 6, 64, 576},
		{"nv12", 7, 5, 0, 59},
		{"yu12", 8, 6, 0, 72},
		{"i420", 8, 6, 64, 576},
		{"yuv420p", 7, 5, 0, 59},
		{"yuv420", 8, 6, 0, 72},
		{"yv12", 8, 6, 0, 72},
	} {
		t.Run(fmt.Sprintf("%s %d×%d stride %d", c.pixels, c.w, c.h, c.stride), func(t *testing.T) {
			f := Format{Pixels: c.pixels, Width: c.w, Height: c.h, Stride: c.stride}
			if err := f.Check(); err != nil {
				t.Fatal(err)
			}
			first, second := ramp(c.w, c.h), ramp(c.w, c.h)
			second.Pix[0]++
			data := sensor(f, first)
			if len(data) != c.bytes {
				t.Errorf("a frame has %d bytes, want %d", len(data), c.bytes)
			}
			data = append(data, sensor(f, second)...)
			got, bad, end := watch(t, data, f)
			if len(got) != 2 || bad != 0 || !errors.Is(end, io.EOF) || !same(got[0], first) || !same(got[1], second) {
				t.Errorf("%d pictures, %d bad, %v; want both as they were and io.EOF", len(got), bad, end)
			}
			if c.bytes == 1 {
				return
			}
			got, bad, end = watch(t, data[:len(data)-1], f)
			if len(got) != 1 || bad != 1 || !errors.Is(end, io.EOF) {
				t.Errorf("cut by one byte: %d pictures, %d bad, %v; want one, one and io.EOF", len(got), bad, end)
			}
		})
	}
}

func TestUnusableFormats(t *testing.T) {
	for _, f := range []Format{
		{Pixels: "h264"},
		{Pixels: "gray"},
		{Pixels: "gray", Width: 8},
		{Pixels: "gray", Width: -8, Height: 6},
		{Pixels: "gray", Width: MaxSide + 1, Height: 1},
		{Pixels: "gray", Width: MaxSide, Height: MaxSide},
		{Pixels: "gray", Width: 1 << 40, Height: 1 << 40},
		{Pixels: "gray", Width: 8, Height: 6, Stride: 7},
		{Pixels: "yuyv", Width: 8, Height: 6, Stride: 15},
		{Pixels: "gray", Width: 8, Height: 6, Stride: -1},
		{Pixels: "gray", Width: 8, Height: 6, Stride: 1 << 30},
		{Pixels: "y4m", Stride: 64},
		{Stride: 64},
	} {
		if err := f.Check(); !errors.Is(err, ErrAddress) {
			t.Errorf("%+v: %v, want ErrAddress", f, err)
		}
	}
}

// y4mOf is a Y4M video with the given header and pictures, and colour of rest bytes.
func y4mOf(header string, rest int, pictures ...*image.Gray) []byte {
	out := []byte("YUV4MPEG2 " + header + "\n")
	for i, g := range pictures {
		out = append(out, []string{"FRAME\n", "FRAME Ip XA=b\n"}[i%2]...)
		out = append(append(out, g.Pix...), bytes.Repeat([]byte{0x80}, rest)...)
	}
	return out
}

func TestY4M(t *testing.T) {
	for _, c := range []struct {
		header string
		rest   int // for 7×5
	}{
		{"W7 H5 F30:1", 2 * 4 * 3},
		{"W7 H5 F30:1 Ip A1:1 C420jpeg XYSCSS=420JPEG", 2 * 4 * 3},
		{"H5  W7 C420mpeg2", 2 * 4 * 3},
		{"W7 H5 F0:0 C420paldv It", 2 * 4 * 3},
		{"W7 H5 C422", 2 * 4 * 5},
		{"W7 H5 C411", 2 * 2 * 5},
		{"W7 H5 C444", 2 * 7 * 5},
		{"W7 H5 C444alpha", 3 * 7 * 5},
		{"W7 H5 F25:1 Cmono XCOLORRANGE=FULL", 0},
	} {
		first, second := ramp(7, 5), ramp(7, 5)
		second.Pix[3]++
		data := y4mOf(c.header, c.rest, first, second)
		got, bad, end := watch(t, data, Format{})
		if len(got) != 2 || bad != 0 || !errors.Is(end, io.EOF) || !same(got[0], first) || !same(got[1], second) {
			t.Errorf("%s: %d pictures, %d bad, %v; want both as they were and io.EOF", c.header, len(got), bad, end)
		}
		for cut := range data {
			if got, _, end := watch(t, data[:cut], Format{Pixels: y4mVideo}); len(got) > 1 || end == nil || cut > 80 && !errors.Is(end, io.EOF) {
				t.Errorf("%s: cut at %d of %d: %d pictures, %v", c.header, cut, len(data), len(got), end)
			}
		}
	}
}

func TestUnusableY4M(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        "",
		"another video":  "RIFF....AVI ",
		"half a word":    "YUV4MP",
		"no size":        "YUV4MPEG2 F30:1\nFRAME\n",
		"zero size":      "YUV4MPEG2 W0 H0\nFRAME\n",
		"no height":      "YUV4MPEG2 W8\nFRAME\n",
		"negative":       "YUV4MPEG2 W-8 H6\nFRAME\n",
		"huge":           "YUV4MPEG2 W100000 H100000\nFRAME\n",
		"large in area":  "YUV4MPEG2 W4096 H4096\nFRAME\n",
		"no number":      "YUV4MPEG2 Wx H6\nFRAME\n",
		"overflow":       "YUV4MPEG2 W99999999999999999999 H6\nFRAME\n",
		"rate":           "YUV4MPEG2 W2 H2 F30\nFRAME\n",
		"negative rate":  "YUV4MPEG2 W2 H2 F-30:1\nFRAME\n",
		"10 bit":         "YUV4MPEG2 W2 H2 C420p10\nFRAME\n12345678",
		"16 bit gray":    "YUV4MPEG2 W2 H2 Cmono16\nFRAME\n12345678",
		"endless header": "YUV4MPEG2 W2 H2 X" + strings.Repeat("x", 1<<20),
		"no frame":       "YUV4MPEG2 W2 H2 Cmono\nPICTURE\n1234",
		"frames":         "YUV4MPEG2 W2 H2 Cmono\nFRAMES\n1234",
		"endless frame":  "YUV4MPEG2 W2 H2 Cmono\nFRAME " + strings.Repeat("x", 1<<20),
	} {
		got, _, end := watch(t, []byte(text), Format{Pixels: y4mVideo})
		if len(got) > 0 || !errors.Is(end, ErrStream) && !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) || errors.Is(end, ErrFrame) {
			t.Errorf("%s: %d pictures, %v; want none and a reason", name, len(got), end)
		}
		if strings.HasPrefix(name, "endless") && !errors.Is(end, ErrStream) {
			t.Errorf("%s: %v; want it to be given up before its end", name, end)
		}
	}
	// After a frame that does not begin as it must nothing is taken for a picture.
	data := append(y4mOf("W2 H2 Cmono", 0, ramp(2, 2)), "xxFRAME\n1234FRAME\n1234"...)
	if got, bad, end := watch(t, data, Format{}); len(got) != 1 || bad != 0 || !errors.Is(end, ErrStream) {
		t.Errorf("lost step: %d pictures, %d bad, %v; want one and ErrStream", len(got), bad, end)
	}
}

func TestJPEGStream(t *testing.T) {
	a, b := jpegOf(t, ramp(24, 16)), jpegOf(t, shade(200))
	// A picture in the header of a picture, as many cameras send.
	thumb := append([]byte{0xFF, 0xE1, byte((len(b) + 2) >> 8), byte(len(b) + 2)}, b...)
	with := append(append(bytes.Clone(a[:2]), thumb...), a[2:]...)
	broken := bytes.Clone(a)
	copy(broken[len(broken)-30:], "\xff\xc8\x00\x00")
	long := append(bytes.Clone(a[:len(a)-2]), make([]byte, MaxPart)...)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name      string
		data      []byte
		good, bad int
	}{
		{"two", join(a, b), 2, 0},
		{"with padding", join(a, make([]byte, 100), b, []byte("\r\n")), 2, 0},
		{"begins in the middle", join(a[len(a)/2:], b, a), 2, 0},
		{"a thumbnail", join(with, b), 2, 0},
		{"fill bytes", join(a[:2], []byte{0xFF, 0xFF}, a[2:], b), 2, 0},
		{"cut by the next", join(a[:len(a)-30], b, b), 2, 1},
		{"cut in its header", join(a[:10], b, b), 1, 1}, // the segment takes the next one's start
		{"cut at the end", join(b, a[:len(a)-1]), 1, 1},
		{"only a start", []byte{0xFF, 0xD8}, 0, 1},
		{"start and end", join([]byte{0xFF, 0xD8, 0xFF, 0xD9}, b), 1, 1},
		{"no marker", join([]byte{0xFF, 0xD8, 'x', 'y'}, b), 1, 1},
		{"a segment of none", join([]byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 0}, b), 1, 1},
		{"a broken middle", join(broken, b), 1, 1},
		{"too long", join(long, b), 1, 1},
	} {
		got, bad, end := watch(t, c.data, Format{Pixels: jpgVideo})
		if len(got) != c.good || bad != c.bad || !errors.Is(end, io.EOF) {
			t.Errorf("%s: %d pictures, %d bad, %v; want %d, %d and io.EOF", c.name, len(got), bad, end, c.good, c.bad)
		}
	}
	if got, bad, end := watch(t, make([]byte, MaxPart+100), Format{Pixels: jpgVideo}); len(got) != 0 || bad != 0 || !errors.Is(end, ErrStream) {
		t.Errorf("nothing but zeros: %d pictures, %d bad, %v; want ErrStream", len(got), bad, end)
	}
}

func TestSniffing(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"Y4M":      {y4mOf("W2 H2 Cmono", 0, ramp(2, 2)), 1},
		"JPEGs":    {jpegOf(t, shade(3)), 1},
		"raw":      {make([]byte, 1000), 0},
		"short":    {[]byte("YUV"), 0},
		"nothing":  {nil, 0},
		"H.264":    {[]byte("\x00\x00\x00\x01\x67\x42\xc0\x1e\x00\x00\x00"), 0},
		"Matroska": {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42"), 0},
	} {
		if got, _, end := watch(t, c.data, Format{}); len(got) != c.want || end == nil {
			t.Errorf("%s: %d pictures, %v; want %d", name, len(got), end, c.want)
		}
	}
}
