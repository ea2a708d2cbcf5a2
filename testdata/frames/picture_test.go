package frames_test

import (
	"errors"
	"image"
	"image/color"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
	"github.com/con-ting/conting/testdata/frames"
)

// page draws a screenshot: a dark page with a white card and the code for text on
// it, at a few pixels a module. It returns where the code is.
func page(t *testing.T, text string, module int) (*image.RGBA, image.Rectangle, int) {
	t.Helper()
	code, err := frames.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	side := code.Side * module
	img := image.NewRGBA(image.Rect(0, 0, side+40*module/2, 2*side))
	at := image.Rect(0, 0, side, side).Add(image.Pt(10*module, side/2))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			p, c := image.Pt(x, y), color.RGBA{14, 17, 22, 255}
			switch {
			case p.In(at):
				if c = (color.RGBA{255, 255, 255, 255}); code.Dark((x-at.Min.X)/module, (y-at.Min.Y)/module) {
					c = color.RGBA{0, 0, 0, 255}
				}
			case p.In(at.Inset(-4 * module)):
				c = color.RGBA{255, 255, 255, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img, at, code.Side
}

// A photographed page is read like a photographed code, and says what it said.
func TestPhotograph(t *testing.T) {
	img, at, modules := page(t, ordinary, 6)
	pic, err := frames.NewPicture(img, at, modules)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := qr.New(qr.Config{Now: func() time.Time { return time.Time{} }})
	if err != nil {
		t.Fatal(err)
	}
	r, read := frames.NewRenderer(), 0
	const of = 6
	for seed := range uint64(of) {
		gray, err := r.Gray(frames.Easy.Photograph(seed, frames.HD, pic))
		if err != nil {
			t.Fatal(err)
		}
		codes, err := dec.Decode(gray)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codes {
			if c.Text != ordinary {
				t.Errorf("seed %d reads %q, want %q", seed, c.Text, ordinary)
			}
			read++
		}
	}
	if read < of/2 {
		t.Errorf("%d of %d easy photographs of a page were read", read, of)
	}
}

func TestPictureRefused(t *testing.T) {
	img, at, modules := page(t, "A", 2)
	for name, c := range map[string]struct {
		at      image.Rectangle
		modules int
	}{
		"code outside": {at.Add(image.Pt(4096, 0)), modules},
		"no code":      {image.Rectangle{}, modules},
		"no modules":   {at, 0},
	} {
		if _, err := frames.NewPicture(img, c.at, c.modules); !errors.Is(err, frames.ErrScene) {
			t.Errorf("%s: %v, want ErrScene", name, err)
		}
	}
	pic, err := frames.NewPicture(img, at, modules)
	if err != nil {
		t.Fatal(err)
	}
	s := frames.Easy.Photograph(1, small, pic)
	s.Text = "A"
	if _, err := frames.NewRenderer().Gray(s); !errors.Is(err, frames.ErrScene) {
		t.Errorf("a text and a picture: %v, want ErrScene", err)
	}
}
