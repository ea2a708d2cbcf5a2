package camera

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// play reads a video that was made up, and makes sure that what comes of it is a picture or an error
// with a name, and that it ends.
func play(t *testing.T, data []byte, f Format) (pictures []*image.Gray) {
	t.Helper()
	v, err := newVideo(bytes.NewReader(data), f)
	for reads := 0; err == nil || errors.Is(err, ErrFrame); reads++ {
		if reads > len(data)+1 {
			t.Fatalf("%d reads of %d bytes", reads, len(data))
		}
		if err = v.next(); err != nil {
			continue
		}
		var g *image.Gray
		if g, err = v.picture(); err != nil {
			continue
		}
		if err := checkSize(g.Rect.Dx(), g.Rect.Dy()); err != nil {
			t.Fatal(err)
		}
		if need := (g.Rect.Dy()-1)*g.Stride + g.Rect.Dx(); len(g.Pix) < need {
			t.Fatalf("%v has %d bytes with stride %d", g.Rect, len(g.Pix), g.Stride)
		}
		pictures = append(pictures, g)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrStream) {
		t.Errorf("unknown error %v", err)
	}
	return pictures
}

// FuzzY4M gives the reader of Y4M any bytes.
func FuzzY4M(f *testing.F) {
	f.Add([]byte("YUV4MPEG2 W2 H2 F30:1 Cmono\nFRAME\n1234FRAME X\n5678"))
	f.Add([]byte("YUV4MPEG2 W3 H3 F30000:1001 Ip A1:1 C420jpeg\nFRAME\n12345678912341234"))
	f.Add([]byte("YUV4MPEG2 W4096 H4096 F-1:0 C444alpha\nFRAME\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip()
		}
		bytesOf := 0
		for _, g := range play(t, data, Format{Pixels: y4mVideo}) {
			bytesOf += g.Rect.Dx() * g.Rect.Dy()
		}
		if bytesOf > len(data) {
			t.Errorf("%d pixels from %d bytes", bytesOf, len(data))
		}
	})
}

// FuzzJPEGs gives the reader of JPEGs that follow each other any bytes.
func FuzzJPEGs(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x03x\xff\xda\x00\x02ab\xff\x00c\xff\xd0d\xff\xd9"))
	f.Add(jpegOf(f, shade(9)))
	f.Add(bytes.Repeat([]byte("\xff\xd8"), 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			t.Skip()
		}
		for at := range data { // pictures that are allowed, but slow
			if h, err := inspect(data[at:]); err == nil && h.width*h.height > 1<<16 {
				t.Skip()
			}
		}
		play(t, data, Format{Pixels: jpgVideo})
	})
}

// FuzzRaw gives the reader of raw frames any size and any bytes.
func FuzzRaw(f *testing.F) {
	names := []string{"gray", "yuyv", "uyvy", "nv12", "nv21", "yu12", "yv12"}
	f.Add(uint8(1), 4, 2, 9, []byte("123456789123456789"))
	f.Add(uint8(5), 3, 3, 0, bytes.Repeat([]byte("x"), 40))
	f.Fuzz(func(t *testing.T, pixels uint8, w, h, stride int, data []byte) {
		format := Format{Pixels: names[int(pixels)%len(names)], Width: w, Height: h, Stride: stride}
		if err := format.Check(); err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%v does not wrap ErrAddress", err)
			}
			return
		}
		l := format.layout()
		if w*h > 1<<16 || len(data) > 1<<16 {
			t.Skip()
		}
		if got, want := len(play(t, data, format)), len(data)/(l.stride*h+l.rest); got != want {
			t.Errorf("%+v: %d pictures from %d bytes, want %d", format, got, len(data), want)
		}
	})
}

// FuzzTalk has a program say anything.
func FuzzTalk(f *testing.F) {
	f.Add("Input #0, rtsp, from 'rtsp://name:hush@host:554/path?key=hush': ok\n", 7)
	f.Add("rtsp://name:hush"+strings.Repeat("x", maxTalk)+"\r", 3)
	f.Fuzz(func(t *testing.T, text string, step int) {
		var out bytes.Buffer
		talk := newTalk(slog.New(slog.NewJSONHandler(&out, nil)), func() time.Time { return time.Unix(1, 0) })
		step = min(max(step, 1), len(text)+1)
		for at := 0; at < len(text); at += step {
			part := text[at:min(at+step, len(text))]
			if n, err := talk.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(part), err)
			}
		}
		last := talk.last()
		if len(last) > maxSaid+len("…") || !utf8.ValidString(last) || strings.ContainsAny(last, "\n\r\x00\x1b") {
			t.Errorf("said %q", last)
		}
		if strings.Count(out.String(), "\n") > talkLines {
			t.Errorf("%d lines", strings.Count(out.String(), "\n"))
		}
		if from, rest, ok := strings.Cut(last, "://"); ok && strings.Contains(strings.ReplaceAll(rest, "…@", ""), ":hush@") {
			t.Errorf("said a password after %q: %q", from, rest)
		}
	})
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"nothing":                           "nothing",
		"a://b":                             "a://b",
		"rtsp://u:p@host:554/live?x=1 ok":   "rtsp://…@host:554/live?… ok",
		"'http://u:p@q@host/' 'http://h/a'": "'http://…@host' 'http://h/a'",
		"http://u:p/w@host/x":               "http://…@host/x",
		"tab\tand\x1bescape":                "tab and escape",
	} {
		if got := clean(in, false); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := clean("rtsp://user:pass", true); got != "rtsp://…" {
		t.Errorf("cut before the end of a password: got %q", got)
	}
}

// BenchmarkFrames is what frames cost that are the receiver's to keep.
func BenchmarkFrames(b *testing.B) {
	const w, h = 1280, 720
	data := make([]byte, w*h*3/2)
	v := &raw{width: w, height: h, layout: Format{Pixels: "yu12", Width: w, Height: h}.layout()}
	kept := make([]*image.Gray, 4) // the box, the lane, the decoder's last
	for _, c := range []struct {
		name string
		next func(i int) error
	}{
		{"fresh", func(i int) error {
			err := v.next()
			kept[i%len(kept)] = v.gray
			return err
		}},
		{"reused", func(i int) error {
			if kept[i%len(kept)] == nil {
				kept[i%len(kept)] = image.NewGray(image.Rect(0, 0, w, h))
			}
			v.gray = kept[i%len(kept)]
			return v.fill()
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			clear(kept)
			r := bytes.NewReader(data)
			in := bufio.NewReaderSize(r, readAhead)
			v.r = in
			i := 0
			for b.Loop() {
				r.Reset(data)
				in.Reset(r)
				if err := c.next(i); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
	for name, moves := range map[string]bool{"seen alive": true, "seen stuck": false} {
		b.Run(name, func(b *testing.B) {
			s, g := newStill(), image.NewGray(image.Rect(0, 0, w, h))
			for b.Loop() {
				if moves {
					g.Pix[0]++
				}
				s.see(g, time.Unix(1, 0))
			}
		})
	}
}
