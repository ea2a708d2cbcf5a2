package paper

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// dotsPerMM is 300 dots an inch.
const dotsPerMM = 300 / 25.4

type pngCanvas struct {
	img   *image.Gray
	fonts map[bool]*opentype.Font // by boldness
	faces map[face]font.Face
}

func newPNG() (*pngCanvas, error) {
	size := image.Pt(int(math.Round(Width*dotsPerMM)), int(math.Round(Height*dotsPerMM)))
	c := &pngCanvas{
		img: image.NewGray(image.Rectangle{Max: size}), fonts: map[bool]*opentype.Font{}, faces: map[face]font.Face{},
	}
	for heavy, data := range map[bool][]byte{false: regular, true: bold} {
		f, err := opentype.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("font: %w", err)
		}
		c.fonts[heavy] = f
	}
	return c, nil
}

func (c *pngCanvas) rect(x, y, w, h float64, shade uint8) {
	dot := func(mm float64) int { return int(math.Round(mm * dotsPerMM)) }
	r := image.Rect(dot(x), dot(y), dot(x+w), max(dot(y+h), dot(y)+1))
	draw.Draw(c.img, r, image.NewUniform(color.Gray{Y: shade}), image.Point{}, draw.Src)
}

func (c *pngCanvas) face(f face) (font.Face, error) {
	if got, ok := c.faces[f]; ok {
		return got, nil
	}
	made, err := opentype.NewFace(c.fonts[f.bold], &opentype.FaceOptions{Size: f.mm * dotsPerMM, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	c.faces[f] = made
	return made, nil
}

func (c *pngCanvas) text(x, baseline float64, f face, s string, shade uint8) error {
	got, err := c.face(f)
	if err != nil {
		return err
	}
	d := font.Drawer{
		Dst: c.img, Src: image.NewUniform(color.Gray{Y: shade}), Face: got,
		Dot: fixed.Point26_6{X: fixed.Int26_6(x * dotsPerMM * 64), Y: fixed.Int26_6(baseline * dotsPerMM * 64)},
	}
	d.DrawString(s)
	return nil
}

func (c *pngCanvas) width(f face, s string) (float64, error) {
	got, err := c.face(f)
	if err != nil {
		return 0, err
	}
	return float64(font.MeasureString(got, s)) / 64 / dotsPerMM, nil
}

func (c *pngCanvas) write(w io.Writer) error { return png.Encode(w, c.img) }
