package chart

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// PNG writes panels as a picture.
func PNG(w io.Writer, panels []Panel) error {
	d := layout(panels)
	img := image.NewRGBA(image.Rect(0, 0, width, int(d.height)))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, s := range d.lines {
		for i := 1; i < len(s.points); i++ {
			segment(img, s.points[i-1], s.points[i], s.width, s.color)
		}
		if len(s.points) == 1 {
			segment(img, s.points[0], s.points[0], s.width+2, s.color)
		}
	}
	plain, err := face(goregular.TTF)
	if err != nil {
		return err
	}
	bold, err := face(gobold.TTF)
	if err != nil {
		return err
	}
	for _, l := range d.texts {
		write := font.Drawer{Dst: img, Src: image.NewUniform(l.color), Face: plain}
		if l.bold {
			write.Face = bold
		}
		x := l.X - l.anchor*float64(write.MeasureString(l.text))/64
		write.Dot = fixed.Point26_6{X: fixed.Int26_6(64 * x), Y: fixed.Int26_6(64 * l.Y)}
		write.DrawString(l.text)
	}
	return png.Encode(w, img)
}

func face(ttf []byte) (font.Face, error) {
	f, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("chart: font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: textSize, DPI: 72, Hinting: font.HintingFull})
}

// segment draws a line with round ends: each pixel as far as it is covered.
func segment(img *image.RGBA, a, b Point, width float64, c color.RGBA) {
	reach := width/2 + 1
	box := image.Rect(
		int(math.Floor(min(a.X, b.X)-reach)), int(math.Floor(min(a.Y, b.Y)-reach)),
		int(math.Ceil(max(a.X, b.X)+reach)), int(math.Ceil(max(a.Y, b.Y)+reach)),
	).Intersect(img.Bounds())
	dx, dy := b.X-a.X, b.Y-a.Y
	length := dx*dx + dy*dy
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			px, py := float64(x)+0.5-a.X, float64(y)+0.5-a.Y
			along := 0.0
			if length > 0 {
				along = min(max((px*dx+py*dy)/length, 0), 1)
			}
			cover := width/2 + 0.5 - math.Hypot(px-along*dx, py-along*dy)
			if cover > 0 {
				blend(img, x, y, c, min(cover, 1))
			}
		}
	}
}

func blend(img *image.RGBA, x, y int, c color.RGBA, share float64) {
	under := img.RGBAAt(x, y)
	mix := func(a, b uint8) uint8 { return uint8(float64(a)*(1-share) + float64(b)*share + 0.5) }
	img.SetRGBA(x, y, color.RGBA{mix(under.R, c.R), mix(under.G, c.G), mix(under.B, c.B), 0xff})
}
