package frames

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// Picture is a screenshot of a phone, for photographs of real pages.
type Picture struct {
	Page    *image.Gray
	Code    image.Rectangle // where the code is on the page, without its quiet zone
	Modules int             // along one side of the code
}

// NewPicture takes a screenshot of any kind. Where the code is, in pixels of the
// picture, is for the caller to know. Errors wrap [ErrScene].
func NewPicture(page image.Image, code image.Rectangle, modules int) (*Picture, error) {
	b := page.Bounds()
	gray := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c, _ := color.GrayModel.Convert(page.At(b.Min.X+x, b.Min.Y+y)).(color.Gray)
			gray.SetGray(x, y, c)
		}
	}
	p := &Picture{Page: gray, Code: code.Sub(b.Min), Modules: modules}
	return p, p.check()
}

func (p *Picture) check() error {
	switch b := p.Page.Bounds(); {
	case b.Dx() > 4096 || b.Dy() > 8192:
		return fmt.Errorf("%w: picture of %v", ErrScene, b.Size())
	case p.Code.Empty() || !p.Code.In(b):
		return fmt.Errorf("%w: code at %v of a picture of %v", ErrScene, p.Code, b.Size())
	case p.Modules < 21 || p.Modules > 177:
		return fmt.Errorf("%w: code of %d modules a side, want 21 to 177", ErrScene, p.Modules)
	}
	return nil
}

// gamma is how screens turn numbers into light (IEC 61966-2-1, roughly).
const gamma = 2.2

// show puts a picture on the glass: one texel for each of its pixels, the middle
// of the code at the origin.
func (c *screen) show(p *Picture, codeMM float64) {
	b := p.Page.Bounds()
	c.texel = codeMM / float64(p.Code.Dx())
	middle := p.Code.Min.Add(p.Code.Max)
	c.u0, c.v0 = -float64(middle.X)/2*c.texel, -float64(middle.Y)/2*c.texel
	c.w, c.h = b.Dx(), b.Dy()
	c.u1, c.v1 = c.u0+float64(c.w)*c.texel, c.v0+float64(c.h)*c.texel
	if n := c.w * c.h; cap(c.light) < n {
		c.light = make([]uint16, n)
	}
	c.light = c.light[:c.w*c.h]
	var shine [256]uint16
	for i := range shine {
		shine[i] = uint16(one * max(0.004, math.Pow(float64(i)/255, gamma)))
	}
	for y := range c.h {
		row := p.Page.Pix[y*p.Page.Stride:]
		for x := range c.w {
			c.light[y*c.w+x] = shine[row[x]]
		}
	}
	c.sum()
}
