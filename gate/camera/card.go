package camera

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"time"
)

// cardSide is how many modules the code on the card has a side.
const cardSide = 21

// cardCode is the QR code, version 1-M, of "CONTING TEST CARD", which is no pass: each row's
// leftmost module is in its highest bit. TestCard reads it.
func cardCode() [cardSide]uint32 {
	return [cardSide]uint32{
		0x1FCF7F, 0x104341, 0x17455D, 0x174A5D, 0x174B5D, 0x105C41, 0x1FD57F, 0x000000, 0x12D7A0, 0x0E2EBE, 0x1ED655,
		0x0B3DD8, 0x0ED2BD, 0x001E69, 0x1FC79D, 0x105BC6, 0x1748EE, 0x1756F3, 0x174045, 0x1047C1, 0x1FD874,
	}
}

const (
	cardEvery  = 100 * time.Millisecond
	cardLeastW = 160
	cardLeastH = 120
	cardSteps  = 11 // of gray
	cardQuiet  = 4  // modules around the code
)

// card is a test card: steps of gray above, a code in the middle, wedges of lines for the eye of
// whoever sets the focus below, and a square that moves on with each frame. It tries a lane without a
// camera.
type card struct {
	base  *image.Gray
	every time.Duration
	now   func() time.Time
}

func newCard(w, h int, every time.Duration, now func() time.Time) (*card, error) {
	if w < cardLeastW || h < cardLeastH {
		return nil, fmt.Errorf("%w: a test card of %d×%d; want at least %d×%d", ErrAddress, w, h, cardLeastW, cardLeastH)
	}
	if err := checkSize(w, h); err != nil {
		return nil, fmt.Errorf("%w: test card: %w", ErrAddress, err)
	}
	return &card{base: drawCard(w, h), every: every, now: now}, nil
}

func (c *card) lasting() bool { return false }
func (c *card) paced() bool   { return true }
func (c *card) live() bool    { return false }

func (c *card) open(context.Context) (stream, error) {
	return &cardStream{card: c, pacer: pacer{every: c.every}}, nil
}

// cardStream shows the card again and again.
type cardStream struct {
	*card
	pacer
	n int
}

func (s *cardStream) read(ctx context.Context) (*image.Gray, time.Time, error) {
	if err := s.wait(ctx); err != nil {
		return nil, time.Time{}, err
	}
	g := image.NewGray(s.base.Rect)
	copy(g.Pix, s.base.Pix)
	side := min(g.Rect.Dx(), g.Rect.Dy()) / 24
	x, y := s.n%(g.Rect.Dx()/side)*side, g.Rect.Dy()*3/16-side/2
	fill(g, image.Rect(x, y, x+side, y+side), 255)
	s.n++
	return g, s.now(), nil
}

func (s *cardStream) close() error {
	s.stop()
	return nil
}

func fill(g *image.Gray, r image.Rectangle, level uint8) {
	draw.Draw(g, r, image.NewUniform(color.Gray{Y: level}), image.Point{}, draw.Src)
}

func drawCard(w, h int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, w, h))
	fill(g, g.Rect, 128)
	for i := range cardSteps {
		fill(g, image.Rect(i*w/cardSteps, 0, (i+1)*w/cardSteps, h/8), uint8(255*i/(cardSteps-1)))
	}
	module := min(h*9/16, w*9/16) / (cardSide + 2*cardQuiet)
	drawCode(g, module, image.Pt(w/2, h/2+h/32))
	drawWedges(g, image.Rect(0, h*7/8, w, h))
	return g
}

func drawCode(g *image.Gray, module int, centre image.Point) {
	code := cardCode()
	side := (cardSide + 2*cardQuiet) * module
	corner := centre.Sub(image.Pt(side/2, side/2))
	fill(g, image.Rectangle{corner, corner.Add(image.Pt(side, side))}, 255)
	for y, row := range code {
		for x := range code {
			if row>>(cardSide-1-x)&1 == 0 {
				continue
			}
			at := corner.Add(image.Pt((x+cardQuiet)*module, (y+cardQuiet)*module))
			fill(g, image.Rectangle{at, at.Add(image.Pt(module, module))}, 0)
		}
	}
}

// drawWedges draws bars that get finer from left to right, from 16 pixels to 1: upright ones in
// the upper half, lying ones in the lower.
func drawWedges(g *image.Gray, r image.Rectangle) {
	middle := r.Min.Y + r.Dy()/2
	phase, black := 0, false
	for x := r.Min.X; x < r.Max.X; x++ {
		bar := 16 - 15*(x-r.Min.X)/r.Dx()
		if phase++; phase >= bar {
			phase, black = 0, !black
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			dark := black
			if y >= middle {
				dark = (y-middle)/bar%2 == 1
			}
			g.SetGray(x, y, color.Gray{Y: 255})
			if dark {
				g.SetGray(x, y, color.Gray{})
			}
		}
	}
}
