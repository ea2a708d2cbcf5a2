package camera_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/gate/camera"
)

// save writes a file to a fresh folder.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// colourful is a picture with many tones in colour.
func colourful() *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, 40, 24), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = uint8(i * 7)
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = uint8(100+i), uint8(200-i)
	}
	return img
}

// withoutTables removes the Huffman tables from a JPEG.
func withoutTables(t testing.TB, data []byte) []byte {
	t.Helper()
	at := bytes.Index(data, []byte{0xFF, 0xC4})
	if at < 0 {
		t.Fatal("no tables to remove")
	}
	n := 2 + int(binary.BigEndian.Uint16(data[at+2:]))
	out := append(bytes.Clone(data[:at]), data[at+n:]...)
	if bytes.Contains(out[:300], []byte{0xFF, 0xC4}) {
		t.Fatal("there are more tables")
	}
	return out
}

func TestJPEGWithoutTables(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, colourful(), nil); err != nil {
		t.Fatal(err)
	}
	whole, err := camera.ReadImage(save(t, "whole.jpg", b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := camera.ReadImage(save(t, "bare.jpg", withoutTables(t, b.Bytes())))
	if err != nil {
		t.Fatalf("without tables: %v", err)
	}
	if !bytes.Equal(whole.Pix, bare.Pix) || whole.Rect != bare.Rect {
		t.Error("the picture differs without its tables")
	}
}

func TestReadImageIsBrightness(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.Set(0, 0, color.NRGBA{255, 0, 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	g, err := camera.ReadImage(save(t, "red.png", b.Bytes()))
	if err != nil || g.GrayAt(0, 0).Y != 76 || g.GrayAt(1, 0).Y != 255 {
		t.Errorf("red and nothing: got %v, %v; want levels 76 and 255 (transparent is white)", g, err)
	}
}

// bomb is a PNG of any size whose pixels are not even there.
func bomb(w, h uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		body := append([]byte(kind), data...)
		out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	head = append(head, 16, 6, 0, 0, 0)
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	_, _ = zw.Write(make([]byte, 1000))
	_ = zw.Close()
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head), chunk("IDAT", z.Bytes()), chunk("IEND", nil)}, nil)
}

// scans is a progressive JPEG of 64 pixels whose brightness is sent once and then so often refined by
// nothing, a few bytes each time.
func scans(n int) []byte {
	b := []byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0}
	b = append(b, bytes.Repeat([]byte{1}, 64)...)
	b = append(b, 0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0) // progressive, 8×8
	table := func(class byte) []byte {
		return append(append([]byte{0xFF, 0xC4, 0, 20, class, 1}, make([]byte, 15)...), 0)
	}
	b = append(append(b, table(0x00)...), table(0x10)...) // the one code is no bits, or the end of a block
	for i := range n {
		from, to := byte(1), byte(63)
		if i == 0 {
			from, to = 0, 0
		}
		b = append(b, 0xFF, 0xFF, 0xDA, 0, 8, 1, 1, 0x00, from, to, 0, 0x7F)
	}
	return append(b, 0xFF, 0xD9)
}

// TestManyScans reads what is within the limit, whatever follows the picture's end.
func TestManyScans(t *testing.T) {
	after := bytes.Repeat([]byte{0xFF, 0xDA, 0, 2}, 50_000) // as in the film that some phones append
	for _, n := range []int{1, 10, 64} {
		if _, err := camera.ReadImage(save(t, "x", append(scans(n), after...))); err != nil {
			t.Errorf("%d scans: %v", n, err)
		}
	}
}

func TestUnusablePictures(t *testing.T) {
	good := photo(t, 50)
	huge := bytes.Clone(good)
	at := bytes.Index(huge, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(huge[at+5:], 60000)
	binary.BigEndian.PutUint16(huge[at+7:], 60000)
	for name, data := range map[string][]byte{
		"empty":              nil,
		"text":               []byte("not a picture at all"),
		"only a start":       {0xFF, 0xD8},
		"start and end":      {0xFF, 0xD8, 0xFF, 0xD9, 0, 0},
		"JPEG cut in pixels": good[:len(good)-8],
		"JPEG cut before":    good[:100],
		"JPEG of 60000":      huge,
		"a lying segment":    {0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF, 1, 2, 3},
		"a segment of none":  {0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 1, 2, 3},
		"no size":            {0xFF, 0xD8, 0xFF, 0xDA, 0, 4, 1, 2, 3},
		"PNG bomb":           bomb(50000, 50000),
		"PNG wide":           bomb(4097, 1),
		"PNG large in area":  bomb(4096, 4096),
		"PNG cut":            bomb(64, 64)[:60],
		"JPEG of 65 scans":   scans(65),
		"longer than files":  append(bytes.Clone(good), make([]byte, camera.MaxFile)...),
	} {
		if g, err := camera.ReadImage(save(t, "x", data)); !errors.Is(err, camera.ErrFrame) {
			t.Errorf("%s: got %v, %v; want ErrFrame", name, g != nil, err)
		}
	}
	if _, err := camera.ReadImage(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"b.jpg": photo(t, 20), "a.JPEG": photo(t, 10), "c.jpg": []byte("torn"), "d.txt": []byte("no picture"), "e.jpg": photo(t, 30),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(address string, n int) (levels []uint8, s camera.Stats, last error) {
		c, err := camera.Open(t.Context(), address, config())
		if err != nil {
			t.Fatal(err)
		}
		for len(levels) < n {
			f, err := c.Next(t.Context())
			if err != nil {
				last = err
				break
			}
			levels = append(levels, f.Gray.Pix[0])
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		return levels, c.Stats(), last
	}
	if got, s, err := read("dir:"+dir, 99); !bytes.Equal(got, []byte{10, 20, 30}) || !errors.Is(err, io.EOF) || s.Errors != 1 || s.Dropped != 0 {
		t.Errorf("folder: levels %v, %v, %+v; want 10 20 30, io.EOF, one error", got, err, s)
	}
	if got, _, err := read("dir:"+dir+"?loop=1", 7); !bytes.Equal(got, []byte{10, 20, 30, 10, 20, 30, 10}) || err != nil {
		t.Errorf("folder in a loop: levels %v, %v", got, err)
	}
	if got, _, err := read("file:"+filepath.Join(dir, "b.jpg"), 9); !bytes.Equal(got, []byte{20}) || !errors.Is(err, io.EOF) {
		t.Errorf("file: levels %v, %v; want 20 and io.EOF", got, err)
	}
	if got, _, err := read("file://"+filepath.Join(dir, "b.jpg")+"?loop=true&fps=500", 3); !bytes.Equal(got, []byte{20, 20, 20}) || err != nil {
		t.Errorf("file in a loop: levels %v, %v; want 20 20 20", got, err)
	}
	if got, _, err := read("file:"+filepath.Join(dir, "c.jpg")+"?loop=1", 3); len(got) > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("torn file in a loop: levels %v, %v; want io.EOF", got, err)
	}
}

func TestAddresses(t *testing.T) {
	dir := t.TempDir()
	file := save(t, "a.jpg", photo(t, 1))
	for _, address := range []string{
		"", "camera", "v4l2:", "http:", "http:///stream", "rtsp://camera/1", "file:", "dir:" + dir, "dir:" + file, "file:" + dir,
		"file:" + file + "?speed=1", "file:" + file + "?loop=perhaps", "file:" + file + "?fps=0", "file:" + file + "?fps=NaN",
		"file:" + file + ".gone", "http://%zz/", "program:", "stdin:", "stdin:?fps=1", "v4l2:/dev/" + strings.Repeat("x", 3000),
	} {
		c, err := camera.Open(t.Context(), address, config())
		if err == nil {
			t.Errorf("Open(%.60q): no error", address)
			_ = c.Close()
		}
	}
	if _, err := camera.Open(t.Context(), "file:"+file, camera.Config{}); err == nil {
		t.Error("Open without logger and clock: no error")
	}
}
