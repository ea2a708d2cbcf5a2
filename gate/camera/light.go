package camera

import (
	"fmt"
	"image"
)

// Light says how a frame is exposed, in gray levels from 0 to 255.
type Light struct {
	Mean   int
	Dark   int // 5 of 100 pixels are darker
	Bright int // 5 of 100 pixels are brighter
}

// Measure looks at every fourth row of a frame. A frame without pixels is all zero.
func Measure(g *image.Gray) Light {
	var hist [256]int
	sum, n := 0, 0
	for y := g.Rect.Min.Y; y < g.Rect.Max.Y; y += 4 {
		o := g.PixOffset(g.Rect.Min.X, y)
		for _, v := range g.Pix[o : o+g.Rect.Dx()] {
			hist[v]++
			sum += int(v)
			n++
		}
	}
	if n == 0 {
		return Light{}
	}
	return Light{Mean: sum / n, Dark: level(hist[:], n/20), Bright: level(hist[:], n-n/20)}
}

// level is the gray level below which count pixels lie.
func level(hist []int, count int) int {
	for v, n := range hist {
		if count -= n; count < 0 {
			return v
		}
	}
	return len(hist) - 1
}

// Advice says what to do about the light, or nothing if it will do.
func (l Light) Advice() string {
	switch {
	case l.Bright < 40:
		return fmt.Sprintf("too dark: %d of 255; is the lens covered, is there a lamp?", l.Mean)
	case l.Dark > 215:
		return fmt.Sprintf("too bright: %d of 255; turn the camera from the light or lower its exposure", l.Mean)
	case l.Bright-l.Dark < 24:
		return fmt.Sprintf("no contrast: levels %d to %d; is the lens clean and its cap off?", l.Dark, l.Bright)
	}
	return ""
}
