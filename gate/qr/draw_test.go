package qr_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/qr"
)

// TestSVG draws a text, paints the picture that the document describes, and
// reads it back.
func TestSVG(t *testing.T) {
	for _, text := range []string{"CTN1ABC0123", "hello, world", strings.Repeat("CT %*+-./:", 40)} {
		doc, err := qr.SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		var svg struct {
			ViewBox string `xml:"viewBox,attr"`
			Path    struct {
				D string `xml:"d,attr"`
			} `xml:"path"`
		}
		if err := xml.Unmarshal(doc, &svg); err != nil {
			t.Fatalf("%q: %v in %s", text, err, doc)
		}
		var side int
		if _, err := fmt.Sscanf(svg.ViewBox, "0 0 %d", &side); err != nil {
			t.Fatal(err)
		}
		const scale = 6
		pic := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
		for i := range pic.Pix {
			pic.Pix[i] = 255
		}
		for _, part := range strings.Split(strings.TrimSuffix(svg.Path.D, "z"), "z") {
			var x, y, run, back int
			if _, err := fmt.Sscanf(part, "M%d %dh%dv1h-%d", &x, &y, &run, &back); err != nil || run != back {
				t.Fatalf("%q: %v", part, err)
			}
			for py := y * scale; py < (y+1)*scale; py++ {
				for px := x * scale; px < (x+run)*scale; px++ {
					pic.SetGray(px, py, color.Gray{})
				}
			}
		}
		d, err := qr.New(qr.Config{Now: time.Now, Budget: time.Minute, Exhaustive: true})
		if err != nil {
			t.Fatal(err)
		}
		codes, err := d.Decode(pic)
		if err != nil || len(codes) != 1 || codes[0].Text != text {
			t.Errorf("%q: read %v, %v", text, codes, err)
		}
	}
	for _, text := range []string{"", strings.Repeat("x", 5000)} {
		if _, err := qr.SVG(text); !errors.Is(err, qr.ErrText) {
			t.Errorf("%d bytes: got %v", len(text), err)
		}
	}
}
