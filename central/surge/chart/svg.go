package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"io"
)

// SVG writes panels as one SVG element, to stand in a page.
func SVG(w io.Writer, panels []Panel) error {
	d := layout(panels)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" font-family="sans-serif" font-size="%d" role="img">`, width, d.height, textSize)
	fmt.Fprintf(&b, `<rect width="%d" height="%.0f" fill="#fff"/>`, width, d.height)
	for _, s := range d.lines {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="%g" stroke-linejoin="round" points="`, hex(s.color), s.width)
		for _, p := range s.points {
			fmt.Fprintf(&b, "%.1f,%.1f ", p.X, p.Y)
		}
		b.WriteString(`"/>`)
	}
	for _, l := range d.texts {
		weight := ""
		if l.bold {
			weight = ` font-weight="bold"`
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s" text-anchor="%s"%s>`, l.X, l.Y, hex(l.color), anchors[int(2*l.anchor)], weight)
		if err := xml.EscapeText(&b, []byte(l.text)); err != nil {
			return err
		}
		b.WriteString("</text>")
	}
	b.WriteString("</svg>\n")
	_, err := b.WriteTo(w)
	return err
}

var anchors = [...]string{"start", "middle", "end"}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
