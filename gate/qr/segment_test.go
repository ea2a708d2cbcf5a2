package qr

import (
	"errors"
	"image"
	"testing"
	"time"
)

// stream packs numbers of given widths into bytes, highest bit first.
func stream(pairs ...int) []byte {
	var out []byte
	at := 0
	for i := 0; i < len(pairs); i += 2 {
		for bit := pairs[i+1] - 1; bit >= 0; bit-- {
			if at%8 == 0 {
				out = append(out, 0)
			}
			out[at/8] |= byte(pairs[i]>>bit&1) << (7 - at%8)
			at++
		}
	}
	return out
}

func TestParseSegments(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version int
		in      []byte
		want    string
		bad     bool
	}{
		{"empty", 1, nil, "", false},
		{"only an end", 1, stream(0, 4), "", false},
		{"numeric", 1, stream(1, 4, 5, 10, 12, 10, 7, 7, 0, 4), "01207", false},
		{"numeric, one digit over", 1, stream(1, 4, 1, 10, 9, 4, 0, 4), "9", false},
		{"number too large", 1, stream(1, 4, 3, 10, 1000, 10, 0, 4), "", true},
		{"alphanumeric", 1, stream(2, 4, 3, 9, 10*45+44, 11, 36, 6, 0, 4), "A: ", false},
		{"pair too large", 1, stream(2, 4, 2, 9, 2025, 11, 0, 4), "", true},
		{"character too large", 1, stream(2, 4, 1, 9, 45, 6, 0, 4), "", true},
		{"bytes", 1, stream(4, 4, 2, 8, 0xFF, 8, 0, 8, 0, 4), "\xff\x00", false},
		{"long count of version 10", 10, stream(4, 4, 1, 16, 'x', 8, 0, 4), "x", false},
		{"mixed", 1, stream(2, 4, 1, 9, 12, 6, 4, 4, 1, 8, 'b', 8, 1, 4, 1, 10, 7, 4, 0, 4), "Cb7", false},
		{"character set", 1, stream(7, 4, 26, 8, 4, 4, 1, 8, 'q', 8, 0, 4), "q", false},
		{"long character set", 1, stream(7, 4, 0xC0, 8, 0, 16, 4, 4, 1, 8, 'q', 8, 0, 4), "q", false},
		{"impossible character set", 1, stream(7, 4, 0xFF, 8, 0, 16), "", true},
		{"structured append", 1, stream(3, 4, 0x12, 8, 0x34, 8, 4, 4, 1, 8, 'q', 8, 0, 4), "q", false},
		{"kanji", 1, stream(8, 4, 1, 8, 0xD9F, 13, 0, 4), "\x93\x5f", false},
		{"without an end", 1, stream(4, 4, 1, 8, 'z', 8), "z", false},
		{"unknown mode", 1, stream(6, 4, 0, 8), "", true},
		{"count beyond the end", 1, stream(4, 4, 200, 8, 'z', 8), "", true},
		{"cut in a count", 1, stream(2, 4, 1, 4), "", true},
		{"cut in digits", 1, stream(1, 4, 9, 10, 1, 6), "", true},
	} {
		got, err := parseSegments(tt.in, tt.version, false)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%s: parseSegments(%x, %d) = %q, %v; want %q, error %v", tt.name, tt.in, tt.version, got, err, tt.want, tt.bad)
		}
		if err != nil && !errors.Is(err, errSegment) {
			t.Errorf("%s: %v does not wrap errSegment", tt.name, err)
		}
	}
}

func FuzzSegments(f *testing.F) {
	f.Add(stream(4, 4, 2, 8, 0xFF, 8, 0, 8, 0, 4), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, version uint8) {
		if len(data) > 2956 { // the data codewords of version 40-L
			t.Skip()
		}
		text, err := parseSegments(data, int(version)%40+1, version > 127)
		if err != nil && text != "" {
			t.Errorf("got %q with error %v", text, err)
		}
		if len(text) > 8*len(data) { // three digits come from ten bits
			t.Errorf("%d bytes of text from %d bytes", len(text), len(data))
		}
	})
}

// FuzzDecode gives the decoder frames of any pixels.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(64), uint8(48), []byte{0, 255, 0, 0, 0, 255, 0})
	f.Fuzz(func(t *testing.T, w, h uint8, pixels []byte) {
		g := image.NewGray(image.Rect(0, 0, int(w), int(h)))
		if len(pixels) > 0 {
			for i := range g.Pix {
				g.Pix[i] = pixels[i%len(pixels)]
			}
		}
		d := borrow(t)
		codes, err := d.Decode(g)
		if err != nil && !errors.Is(err, ErrFrame) {
			t.Errorf("%d×%d: %v", w, h, err)
		}
		if most := maxTries + bendRounds + 3; d.eye.tries > most { // what is begun is finished
			t.Errorf("%d×%d: %d symbols were tried, want %d at most", w, h, d.eye.tries, most)
		}
		for _, c := range codes {
			if c.Text == "" || c.Version < 1 || c.Version > 40 {
				t.Errorf("%d×%d: code %+v", w, h, c)
			}
		}
	})
}

// TestPanicIsContained breaks the reader from inside and expects an error for that frame only.
func TestPanicIsContained(t *testing.T) {
	broken := false
	d, err := New(Config{Now: func() time.Time {
		if broken {
			panic("broken")
		}
		return time.Now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	g := image.NewGray(image.Rect(0, 0, 64, 64))
	if _, err := d.Decode(g); err != nil {
		t.Fatal(err)
	}
	broken = true
	if _, err := d.Decode(g); !errors.Is(err, ErrReader) {
		t.Errorf("broken reader: got %v, want ErrReader", err)
	}
	broken = false
	if _, err := d.Decode(g); err != nil {
		t.Errorf("the frame after: %v", err)
	}
}
