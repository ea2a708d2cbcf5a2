package camera

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzDecode gives the picture decoder any bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xd9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			t.Skip()
		}
		if h, err := inspect(data); err == nil && h.width*h.height > 1<<20 {
			t.Skip() // allowed, but slow
		}
		g, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Errorf("%v does not wrap ErrFrame", err)
			}
			return
		}
		if err := checkSize(g.Rect.Dx(), g.Rect.Dy()); err != nil {
			t.Error(err)
		}
		if need := (g.Rect.Dy()-1)*g.Stride + g.Rect.Dx(); len(g.Pix) < need {
			t.Errorf("%v has %d bytes with stride %d", g.Rect, len(g.Pix), g.Stride)
		}
	})
}

// FuzzParts gives the multipart reader any stream.
func FuzzParts(f *testing.F) {
	f.Add("frame", []byte("--frame\r\nContent-Length: 2\r\n\r\nab\r\n--frame--\r\n"))
	f.Fuzz(func(t *testing.T, boundary string, data []byte) {
		p, err := newParts(bytes.NewReader(data), boundary)
		if err != nil {
			return
		}
		total := 0
		for {
			body, err := p.next()
			if err != nil {
				if !errors.Is(err, ErrStream) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("unknown error %v", err)
				}
				return
			}
			if total += len(body); total > len(data) {
				t.Fatalf("%d bytes of pictures from a stream of %d", total, len(data))
			}
		}
	})
}

// FuzzLuma gives the unpacking of raw frames any lengths.
func FuzzLuma(f *testing.F) {
	f.Add(uint8(1), uint16(4), uint16(2), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, format uint8, w, h uint16, data []byte) {
		m, err := choose([]mode{{format: formats[int(format)%len(formats)], width: int(w), height: int(h)}}, "", 640, 480)
		if err != nil || m.format == mjpg || m.format == jpg {
			return
		}
		g, err := luma(m, data)
		if err != nil && !errors.Is(err, ErrFrame) {
			t.Errorf("%v does not wrap ErrFrame", err)
		}
		if err == nil && (g.Rect.Dx() != int(w) || g.Rect.Dy() != int(h)) {
			t.Errorf("got %v, want %d×%d", g.Rect, w, h)
		}
	})
}
