package chart

import "image/color"

// The colours tell lines apart for people who see few of them, too (Okabe and Ito, 2008).
var palette = [...]color.RGBA{
	{0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff},
	{0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff},
	{0x56, 0xb4, 0xe9, 0xff},
}

var (
	ink   = color.RGBA{0x22, 0x26, 0x2b, 0xff}
	faint = color.RGBA{0xdd, 0xe1, 0xe6, 0xff}
)

// drawing is what both writers draw, in pixels from the upper left corner.
type drawing struct {
	height float64
	lines  []stroke
	texts  []label
}

type stroke struct {
	points []Point
	color  color.RGBA
	width  float64
}

// label is a text on a base line. Its anchor is the share of its width that lies left of X.
type label struct {
	Point
	text   string
	anchor float64
	bold   bool
	color  color.RGBA
}

func layout(panels []Panel) *drawing {
	d := &drawing{height: float64(panelHeight * len(panels))}
	for i := range panels {
		d.panel(&panels[i], float64(panelHeight*i))
	}
	return d
}

// panel draws one chart below top.
func (d *drawing) panel(p *Panel, top float64) {
	var xs, ys []float64
	for _, l := range p.Lines {
		for _, q := range l.Points {
			if shown(p, q) {
				xs, ys = append(xs, q.X), append(ys, q.Y)
			}
		}
	}
	x, y := fit(p.X, xs), fit(p.Y, ys)
	left, right := float64(marginLeft), float64(width-marginRight)
	upper, lower := top+marginTop, top+panelHeight-marginFoot
	place := func(q Point) Point {
		return Point{X: left + x.at(q.X)*(right-left), Y: lower - y.at(q.Y)*(lower-upper)}
	}
	d.text(left, top+18, p.Title, 0, true, ink)
	d.text((left+right)/2, lower+38, p.X.Label, 0.5, false, ink)
	d.text(8, upper-8, p.Y.Label, 0, false, ink)
	for _, t := range or(p.Y.Ticks, y) {
		at := place(Point{X: x.low, Y: t.At})
		d.line(faint, 1, at, Point{X: right, Y: at.Y})
		d.text(left-8, at.Y+4, t.Text, 1, false, ink)
	}
	for _, t := range or(p.X.Ticks, x) {
		at := place(Point{X: t.At, Y: y.low})
		d.line(ink, 1, at, Point{X: at.X, Y: at.Y + 4})
		d.text(at.X, at.Y+18, t.Text, 0.5, false, ink)
	}
	d.line(ink, 1, Point{X: left, Y: lower}, Point{X: right, Y: lower})
	legend := right
	for i := len(p.Lines) - 1; i >= 0; i-- {
		l := &p.Lines[i]
		c, w := palette[l.Color%len(palette)], 2.2
		if l.Thin {
			w = 1
		}
		var run []Point
		for _, q := range l.Points {
			if shown(p, q) {
				run = append(run, place(q))
				continue
			}
			d.line(c, w, run...)
			run = nil
		}
		d.line(c, w, run...)
		if l.Name == "" {
			continue
		}
		legend -= 7.2 * float64(len(l.Name))
		d.text(legend, top+36, l.Name, 0, false, ink)
		d.line(c, w, Point{X: legend - 24, Y: top + 32}, Point{X: legend - 6, Y: top + 32})
		legend -= 40
	}
}

// shown reports whether the axes have a place for a point.
func shown(p *Panel, q Point) bool {
	return (!p.X.Log || q.X > 0) && (!p.Y.Log || q.Y > 0)
}

func or(ticks []Tick, s span) []Tick {
	if ticks != nil {
		return ticks
	}
	return s.ticks()
}

func (d *drawing) line(c color.RGBA, width float64, points ...Point) {
	if len(points) > 0 {
		d.lines = append(d.lines, stroke{points: points, color: c, width: width})
	}
}

func (d *drawing) text(x, y float64, text string, anchor float64, bold bool, c color.RGBA) {
	d.texts = append(d.texts, label{Point: Point{X: x, Y: y}, text: text, anchor: anchor, bold: bold, color: c})
}
