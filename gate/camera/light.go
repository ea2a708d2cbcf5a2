package camera

import (
	"fmt"
	"image"
	"strings"
)

// Light says how frames are exposed, in gray levels from 0 to 255 and shares from 0 to 1.
type Light struct {
	Mean      int       `json:"mean"`
	Dark      int       `json:"dark"`      // 5 of 100 pixels are darker
	Bright    int       `json:"bright"`    // 5 of 100 pixels are brighter
	White     float64   `json:"white"`     // share of pixels as white as the sensor can tell
	Histogram [Bars]int `json:"histogram"` // pixels of each of as many equal steps from black to white, in 1000
}

// Bars is the number of steps of a histogram.
const Bars = 16

// white is the level from which on a pixel holds no more light: sharpening and JPEG move full ones
// by a few levels.
const white = 250

// Measure looks at every fourth row of a frame. A frame without pixels is all zero.
func Measure(g *image.Gray) Light {
	var c counts
	c.add(g)
	return c.light()
}

// counts are how many pixels have each gray level.
type counts [256]uint32

func (c *counts) add(g *image.Gray) {
	for y := g.Rect.Min.Y; y < g.Rect.Max.Y; y += 4 {
		o := g.PixOffset(g.Rect.Min.X, y)
		for _, v := range g.Pix[o : o+g.Rect.Dx()] {
			c[v]++
		}
	}
}

func (c *counts) sum(other *counts) {
	for v, n := range other {
		c[v] += n
	}
}

func (c *counts) light() Light {
	sum, n, full := 0, 0, 0
	var bars [Bars]int
	for v, k := range c {
		sum += v * int(k)
		n += int(k)
		bars[v*Bars/len(c)] += int(k)
		if v >= white {
			full += int(k)
		}
	}
	if n == 0 {
		return Light{}
	}
	for i, k := range bars {
		bars[i] = (k*1000 + n/2) / n
	}
	return Light{Mean: sum / n, Dark: c.level(n / 20), Bright: c.level(n - n/20), White: float64(full) / float64(n), Histogram: bars}
}

// level is the gray level below which count pixels lie.
func (c *counts) level(count int) int {
	for v, n := range c {
		if count -= int(n); count < 0 {
			return v
		}
	}
	return len(c) - 1
}

// Bounds of what will do.
const (
	darkBright  = 40  // Bright below it is too dark
	brightDark  = 215 // Dark above it is too bright
	flat        = 24  // from Dark to Bright
	whiteEnough = 0.5 // share of white pixels; a bright phone near the lens fills a good third of a frame
)

// Advice says what to do about the light, or nothing if it will do.
func (l Light) Advice() string {
	switch {
	case l.Bright < darkBright:
		return fmt.Sprintf("too dark: %d of 255; is the lens covered, is there a lamp? else set [camera] exposure longer", l.Mean)
	case l.Dark > brightDark:
		return fmt.Sprintf("too bright: %d of 255; turn the camera from the light, or set [camera] exposure shorter", l.Mean)
	case l.Bright-l.Dark < flat:
		return fmt.Sprintf("no contrast: levels %d to %d; is the lens clean and its cap off?", l.Dark, l.Bright)
	case l.White > whiteEnough:
		return fmt.Sprintf("glare: %.0f %% of the picture is plain white; shade the reading place from lamps and the sun, or set [camera] exposure shorter", 100*l.White)
	}
	return ""
}

// ink are the heights of a bar, in characters that every terminal has.
const ink = " .:-=+*#%@"

// Plot draws the histogram as one character a step, black on the left: the fuller the character the
// more pixels, in relation to the fullest step. A step with any pixels at all (one in a thousand)
// shows.
func (l Light) Plot() string {
	most := 1
	for _, n := range l.Histogram {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range l.Histogram {
		i := n * (len(ink) - 1) / most
		if n > 0 {
			i = max(i, 1)
		}
		b.WriteByte(ink[min(max(i, 0), len(ink)-1)])
	}
	return b.String()
}
