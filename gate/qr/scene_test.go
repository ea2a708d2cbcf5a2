package qr_test

import (
	"image"
	"image/draw"
	"slices"
	"testing"

	"github.com/con-ting/conting/gate/qr"
)

// beside puts frames of one size next to each other.
func beside(parts ...*image.Gray) *image.Gray {
	w, h := parts[0].Rect.Dx(), parts[0].Rect.Dy()
	g := image.NewGray(image.Rect(0, 0, w*len(parts), h))
	for i, p := range parts {
		draw.Draw(g, image.Rect(i*w, 0, i*w+w, h), p, p.Rect.Min, draw.Src)
	}
	return g
}

// blurred is g, each pixel the mean of (2r+1)² pixels around it.
func blurred(g *image.Gray, r int) *image.Gray {
	out := image.NewGray(g.Rect)
	for y := range g.Rect.Dy() {
		for x := range g.Rect.Dx() {
			sum, n := 0, 0
			for v := max(0, y-r); v <= min(g.Rect.Dy()-1, y+r); v++ {
				for u := max(0, x-r); u <= min(g.Rect.Dx()-1, x+r); u++ {
					sum += int(g.Pix[v*g.Stride+u])
					n++
				}
			}
			out.Pix[y*out.Stride+x] = uint8(sum / n)
		}
	}
	return out
}

// TestBlur reads a code whose single modules are mixed with all around them.
func TestBlur(t *testing.T) {
	for _, tt := range []struct{ module, radius int }{{5, 2}, {6, 3}, {9, 5}} {
		codes, err := newDecoder(t, qr.Config{}).Decode(blurred(flat(t, ordinary, "", 640, 480, 10, 10, tt.module), tt.radius))
		if err != nil || len(codes) != 1 || codes[0].Text != ordinary {
			t.Errorf("%d pixels a module, blurred over %d: got %q, %v; want the code", tt.module, 2*tt.radius+1, texts(codes), err)
		}
	}
}

// TestContrast reads codes of every size of symbol up to version 9 that a veil of light has faded.
func TestContrast(t *testing.T) {
	for n := 10; n <= 300; n += 20 {
		text := (ordinary + ordinary)[:n]
		for _, share := range []int{1, 3, 9} { // of the contrast that is left
			g := flat(t, text, "", 400, 400, 60, 50, 5)
			for i, v := range g.Pix {
				g.Pix[i] = 120 + uint8((int(v)-230)/share/2)
			}
			codes, err := newDecoder(t, qr.Config{Exhaustive: true}).Decode(g)
			if err != nil || len(codes) != 1 || codes[0].Text != text {
				t.Errorf("%d characters with 1/%d of the contrast: got %q, %v; want the code", n, share, texts(codes), err)
			}
		}
	}
}

func texts(codes []qr.Code) []string {
	var out []string
	for _, c := range codes {
		out = append(out, c.Text)
	}
	slices.Sort(out)
	return out
}

func TestSeveralCodes(t *testing.T) {
	one, two := flat(t, "CTR1:ONE", "", 300, 240, 40, 30, 5), flat(t, ordinary, "", 300, 240, 60, 30, 3)
	for name, tt := range map[string]struct {
		frame *image.Gray
		want  []string
	}{
		"two":               {beside(one, two), []string{ordinary, "CTR1:ONE"}},
		"one of each kind":  {beside(two, negative(one)), []string{ordinary, "CTR1:ONE"}},
		"the same twice":    {beside(two, two), []string{ordinary, ordinary}},
		"three and a blank": {beside(one, two, image.NewGray(one.Rect), one), []string{ordinary, "CTR1:ONE", "CTR1:ONE"}},
	} {
		want := slices.Sorted(slices.Values(tt.want))
		d := newDecoder(t, qr.Config{})
		for frame := range 3 { // the second and third are looked at where the codes were
			codes, err := d.Decode(tt.frame)
			if err != nil || !slices.Equal(texts(codes), want) {
				t.Errorf("%s, frame %d: got %q, %v; want %q", name, frame, texts(codes), err, want)
			}
			for _, c := range codes {
				if c.Corners[0].X < 0 || c.Corners[1].X > float64(tt.frame.Rect.Dx()) || c.Corners[1].X < c.Corners[0].X {
					t.Errorf("%s, frame %d: %q at %v", name, frame, c.Text, c.Corners)
				}
			}
		}
	}
}

// TestFollows moves a code, takes it away and brings another: what was seen before must not hide
// what is there now.
func TestFollows(t *testing.T) {
	d := newDecoder(t, qr.Config{})
	for i, tt := range []struct {
		text string
		x, y int
	}{
		{"CTR1:FIRST", 20, 20},
		{"CTR1:FIRST", 30, 24},
		{"CTR1:FIRST", 400, 300},
		{"CTR1:SECOND", 400, 300},
		{"", 0, 0},
		{"CTR1:THIRD", 20, 300},
	} {
		g := image.NewGray(image.Rect(0, 0, 640, 480))
		if tt.text != "" {
			g = flat(t, tt.text, "", 640, 480, tt.x, tt.y, 5)
		}
		codes, err := d.Decode(g)
		if err != nil || len(codes) > 1 || len(codes) == 1 != (tt.text != "") || len(codes) == 1 && codes[0].Text != tt.text {
			t.Errorf("frame %d: got %q, %v; want %q", i, texts(codes), err, tt.text)
		}
		for _, c := range codes {
			if x, y := c.Corners[0].X-float64(tt.x), c.Corners[0].Y-float64(tt.y); x < -5 || x > 5 || y < -5 || y > 5 {
				t.Errorf("frame %d: corner at %v, want %d, %d within a module", i, c.Corners[0], tt.x, tt.y)
			}
		}
	}
	// Another size of frame between frames, as a camera that came back may give.
	for _, size := range []int{200, 640, 300} {
		codes, err := d.Decode(flat(t, "CTR1:SIZE", "", size, size, 40, 40, 4))
		if err != nil || len(codes) != 1 {
			t.Errorf("%d pixels: got %q, %v; want one code", size, texts(codes), err)
		}
	}
}
