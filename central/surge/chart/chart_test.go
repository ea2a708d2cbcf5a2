package chart_test

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/surge/chart"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.001: "0.001", 0.1: "0.1", 7: "7", 1500: "1500", 20000: "20k", 15500: "15.5k", 1.2e6: "1.2M", 3e9: "3G", -20000: "-20k",
	} {
		if got := chart.Number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

// Whatever is drawn, every coordinate is a number within the picture.
func TestExtremes(t *testing.T) {
	for name, p := range map[string]chart.Panel{
		"empty":    {},
		"log":      {Y: chart.Axis{Log: true}, X: chart.Axis{Log: true}},
		"one":      {Lines: []chart.Line{{Name: "a", Points: []chart.Point{{X: 1, Y: 1}}}}},
		"flat":     {Lines: []chart.Line{{Points: []chart.Point{{X: 1, Y: 0}, {X: 2, Y: 0}}}}},
		"negative": {Lines: []chart.Line{{Points: []chart.Point{{X: -5, Y: -1}, {X: 2, Y: 3}}}}},
		"zero log": {Y: chart.Axis{Log: true}, Lines: []chart.Line{{Points: []chart.Point{{X: 1, Y: 0}, {X: 2, Y: 5}, {X: 3, Y: 0}, {X: 4, Y: 5000}}}}},
		"large":    {Lines: []chart.Line{{Color: 77, Points: []chart.Point{{X: 1, Y: 1e12}, {X: 1e9, Y: 1}}}}},
	} {
		var svg, picture bytes.Buffer
		if err := chart.SVG(&svg, []chart.Panel{p}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(svg.String(), "NaN") || strings.Contains(svg.String(), "Inf") {
			t.Errorf("%s: a coordinate is no number: %s", name, svg.String())
		}
		if err := chart.PNG(&picture, []chart.Panel{p}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A line that rises from the lower left corner to the upper right one does so in the picture.
func TestPNGShowsTheLine(t *testing.T) {
	var b bytes.Buffer
	err := chart.PNG(&b, []chart.Panel{{Title: "t", Lines: []chart.Line{{Color: 1, Points: []chart.Point{{X: 0, Y: 0}, {X: 10, Y: 10}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	first, last := -1, -1
	for x := 100; x < img.Bounds().Dx()-40; x++ {
		for y := 60; y < 245; y++ { // below the legend
			r, g, bl, _ := img.At(x, y).RGBA()
			if math.Abs(float64(r>>8)-0xd5) < 8 && math.Abs(float64(g>>8)-0x5e) < 8 && bl>>8 < 8 {
				if first < 0 {
					first = y
				}
				last = y
			}
		}
	}
	if first < 200 || last > 80 {
		t.Errorf("the line goes from row %d to row %d", first, last)
	}
}
