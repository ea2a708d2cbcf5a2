package camera

import (
	"errors"
	"image"
	"testing"
)

func TestRegion(t *testing.T) {
	g := ramp(200, 100)
	for _, c := range []struct {
		text string
		want image.Rectangle
	}{
		{"", g.Rect},
		{"0,0,100,100", g.Rect},
		{"25,50,50,25", image.Rect(50, 50, 150, 75)},
		{" 25% , 50%, 50%,25%", image.Rect(50, 50, 150, 75)},
		{"95,95,5,5", image.Rect(190, 95, 200, 100)},
		{"33.3,33.3,33.3,33.3", image.Rect(66, 33, 134, 67)},
	} {
		r, err := ParseRegion(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		got := r.cut(g)
		want := image.NewGray(image.Rect(0, 0, c.want.Dx(), c.want.Dy()))
		for y := range c.want.Dy() {
			for x := range c.want.Dx() {
				want.SetGray(x, y, g.GrayAt(c.want.Min.X+x, c.want.Min.Y+y))
			}
		}
		if !same(got, want) {
			t.Errorf("%q: got %v, want what was at %v", c.text, got.Rect, c.want)
		}
		if &got.Pix[0] != &g.Pix[g.PixOffset(c.want.Min.X, c.want.Min.Y)] {
			t.Errorf("%q: the pixels were copied", c.text)
		}
	}
	for _, text := range []string{
		"0", "0,0,100", "0,0,100,100,0", "a,b,c,d", "0,0,0,0", "0,0,4,50", "-1,0,50,50", "0,0,101,100", "60,0,50,100", "0,60,100,50",
		"NaN,0,50,50", "0,0,NaN,50", "0,0,Inf,50", "Inf,0,50,50", "-Inf,0,50,50", "0,0,50,-50", "1e309,0,50,50", ",,,", "0;0;50;50",
	} {
		if r, err := ParseRegion(text); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, %v; want ErrAddress", text, r, err)
		}
	}
	tiny := image.NewGray(image.Rect(0, 0, 1, 1))
	if got := (Region{X: 95, Y: 95, Width: 5, Height: 5}).cut(tiny); got.Rect != tiny.Rect {
		t.Errorf("of one pixel: got %v", got.Rect)
	}
}

// FuzzRegion cuts any region that is allowed out of any frame.
func FuzzRegion(f *testing.F) {
	f.Add("25,50,50,25", uint8(9), uint8(7), uint8(3))
	f.Fuzz(func(t *testing.T, text string, w, h, pad uint8) {
		r, err := ParseRegion(text)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%v does not wrap ErrAddress", err)
			}
			return
		}
		if w == 0 || h == 0 {
			return
		}
		g := &image.Gray{Stride: int(w) + int(pad), Rect: image.Rect(0, 0, int(w), int(h))}
		g.Pix = make([]byte, g.Stride*(int(h)-1)+int(w)) // the last row without its padding
		got := r.cut(g)
		if got.Rect.Empty() || got.Rect.Min != (image.Point{}) || !got.Rect.In(g.Rect) {
			t.Fatalf("%q of %v: %v", text, g.Rect, got.Rect)
		}
		if need := (got.Rect.Dy()-1)*got.Stride + got.Rect.Dx(); len(got.Pix) != need {
			t.Errorf("%q of %v: %d bytes, want %d", text, g.Rect, len(got.Pix), need)
		}
	})
}
