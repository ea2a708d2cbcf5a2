// Package chart draws lines over two axes, as SVG for a page and as PNG for a mail: panels above each other, from
// one layout, so that both show the same.
//
// It draws what a surge's report needs and no more. Everything it is given is trusted to be finite; names are
// escaped. It reads nothing and writes to where it is told.
package chart

import (
	"math"
	"strconv"
)

// Panel is one chart.
type Panel struct {
	Title string
	X, Y  Axis
	Lines []Line
}

// Axis is a direction. A logarithmic one shows nothing that is not positive.
type Axis struct {
	Label string
	Log   bool

	// Ticks are the values that are marked; nil chooses some.
	Ticks []Tick
}

// Tick is a marked value.
type Tick struct {
	At   float64
	Text string
}

// Line joins points. Color is an index into a palette of six; a thin line is a lesser one.
type Line struct {
	Name   string
	Color  int
	Thin   bool
	Points []Point
}

// Point is a value at a place.
type Point struct{ X, Y float64 }

// The measures of a drawing, in pixels.
const (
	width       = 960
	panelHeight = 300
	marginLeft  = 78
	marginRight = 22
	marginTop   = 52
	marginFoot  = 48
	textSize    = 13
)

// span is what an axis shows.
type span struct {
	low, high float64
	log       bool
}

// fit is the span that shows all points, from zero on a linear axis.
func fit(a Axis, values []float64) span {
	s := span{log: a.Log, low: math.Inf(1), high: math.Inf(-1)}
	for _, t := range a.Ticks {
		values = append(values, t.At)
	}
	for _, v := range values {
		if v > 0 || !a.Log {
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
	}
	switch {
	case s.low > s.high && a.Log:
		s.low, s.high = 1, 10
	case s.low > s.high:
		s.low, s.high = 0, 1
	case a.Log && a.Ticks == nil:
		s.low, s.high = math.Pow(10, math.Floor(math.Log10(s.low))), math.Pow(10, math.Ceil(math.Log10(s.high)))
	case !a.Log:
		s.low = min(s.low, 0)
	}
	if s.high <= s.low {
		s.high = s.low + 1
		if a.Log {
			s.high = s.low * 10
		}
	}
	return s
}

// at is where a value lies, 0 to 1.
func (s span) at(v float64) float64 {
	if s.log {
		return (math.Log(v) - math.Log(s.low)) / (math.Log(s.high) - math.Log(s.low))
	}
	return (v - s.low) / (s.high - s.low)
}

// ticks marks round values.
func (s span) ticks() []Tick {
	var out []Tick
	if s.log {
		for v := s.low; v <= s.high*1.001; v *= 10 {
			out = append(out, Tick{At: v, Text: Number(v)})
		}
		return out
	}
	step := round((s.high - s.low) / 5)
	for v := math.Ceil(s.low/step) * step; v <= s.high*1.0001; v += step {
		out = append(out, Tick{At: v, Text: Number(v)})
	}
	return out
}

// round is 1, 2 or 5 times a power of ten, v or a little more.
func round(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v {
			return m * p
		}
	}
	return 10 * p
}

// Number writes a value for people: 1200000 as 1.2M, 0.001 as it is.
func Number(v float64) string {
	for _, u := range []struct {
		at   float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if math.Abs(v) >= u.at {
			if u.name == "k" {
				u.at = 1e3
			}
			return strconv.FormatFloat(v/u.at, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
