package surge

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/con-ting/conting/central/surge/chart"
)

//go:embed report.html
var reportText string

// HTML writes the result as one page that needs nothing else.
func (r *Result) HTML(w io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"ms":     func(v float64) string { return millis(v) },
		"people": func(v int) string { return thousands(int64(v)) },
		"count":  func(v int64) string { return thousands(v) },
		"took":   func(v float64) string { return fmt.Sprintf("%.1f s", v) },
		"day":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"words":  func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	}).Parse(reportText)
	if err != nil {
		return fmt.Errorf("surge: report: %w", err)
	}
	var svg strings.Builder
	if err := chart.SVG(&svg, r.panels()); err != nil {
		return err
	}
	return page.Execute(w, struct {
		*Result
		Chart template.HTML
	}{r, template.HTML(svg.String())}) //nolint:gosec // the package chart escapes names
}

// PNG writes the result's charts as a picture.
func (r *Result) PNG(w io.Writer) error { return chart.PNG(w, r.panels()) }

// panels are latencies by second, requests by second, and how latencies spread.
func (r *Result) panels() []chart.Panel {
	late := chart.Panel{Title: "Latency of what was answered in each second", X: chart.Axis{Label: "seconds"}, Y: chart.Axis{Label: "ms", Log: true}}
	rate := chart.Panel{Title: "Answers in each second", X: chart.Axis{Label: "seconds"}, Y: chart.Axis{Label: "per second"}}
	spread := chart.Panel{
		Title: "Latency by percentile", Y: chart.Axis{Label: "ms", Log: true},
		X: chart.Axis{Label: "per cent of requests were answered within", Log: true, Ticks: []chart.Tick{
			{At: 1, Text: "0"}, {At: 2, Text: "50"}, {At: 10, Text: "90"}, {At: 100, Text: "99"}, {At: 1000, Text: "99.9"}, {At: 10000, Text: "99.99"},
		}},
	}
	for i, s := range r.Steps {
		var p50, p99, perSecond, errors []chart.Point
		for _, p := range r.Series {
			if p.Seconds < 0.25 { // the last, cut short: too little to say a rate of
				continue
			}
			at, v := p.At+p.Seconds/2, p.Steps[i]
			perSecond = append(perSecond, chart.Point{X: at, Y: float64(v.Requests) / p.Seconds})
			errors = append(errors, chart.Point{X: at, Y: float64(v.Errors) / p.Seconds})
			p50 = append(p50, chart.Point{X: at, Y: v.P50}) // zero where nothing was answered, which no logarithm shows
			p99 = append(p99, chart.Point{X: at, Y: v.P99})
		}
		var tail []chart.Point
		for _, q := range s.Distribution {
			if q.Percent < 99.995 {
				tail = append(tail, chart.Point{X: 100 / (100 - q.Percent), Y: q.MS})
			}
		}
		late.Lines = append(late.Lines,
			chart.Line{Name: s.Name + " p50", Color: i, Thin: true, Points: p50}, chart.Line{Name: s.Name + " p99", Color: i, Points: p99})
		rate.Lines = append(rate.Lines, chart.Line{Name: s.Name, Color: i, Points: perSecond})
		if s.Errors > 0 {
			rate.Lines = append(rate.Lines, chart.Line{Name: s.Name + " errors", Color: i, Thin: true, Points: errors})
		}
		spread.Lines = append(spread.Lines, chart.Line{Name: s.Name, Color: i, Points: tail})
	}
	return []chart.Panel{late, rate, spread}
}

// millis writes a latency for people.
func millis(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.1f s", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.2f ms", v)
}

// thousands writes a number with commas.
func thousands(v int64) string {
	s := fmt.Sprint(max(v, -v))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		s = "-" + s
	}
	return s
}

// Bar is the progress of a surge in lines of at most width characters: one for the whole, one for each step
// that anybody took. since is what Bar was given last; rates count from there.
func (s Snapshot) Bar(since Snapshot, width int) []string {
	part := 1.0
	if s.Total > 0 {
		part = min(float64(s.Elapsed)/float64(s.Total), 1)
	}
	const cells = 24
	full := int(math.Round(part * cells))
	lines := []string{fmt.Sprintf("[%s%s] %3.0f%%  %.0f of %.0f s  %s of %s people not done  %s due",
		strings.Repeat("#", full), strings.Repeat(".", cells-full), 100*part, min(s.Elapsed, s.Total).Seconds(), s.Total.Seconds(),
		thousands(int64(s.Open)), thousands(int64(s.People)), thousands(int64(s.Due)))}
	for _, step := range s.Steps {
		if step.Requests == 0 {
			continue
		}
		before := Step{}
		if i := slices.IndexFunc(since.Steps, func(b Step) bool { return b.Name == step.Name }); i >= 0 {
			before = since.Steps[i]
		}
		perSecond := 0.0
		if d := (s.Elapsed - since.Elapsed).Seconds(); d > 0 {
			perSecond = float64(step.Requests-before.Requests) / d
		}
		lines = append(lines, fmt.Sprintf("%-10s %11s  %7s/s  errors %s  p50 %s  p95 %s  p99 %s  max %s", step.Name,
			thousands(step.Requests), thousands(int64(perSecond)), thousands(step.Errors),
			millis(step.P50), millis(step.P95), millis(step.P99), millis(step.Max)))
	}
	for i, l := range lines {
		if width > 0 && len(l) > width {
			lines[i] = l[:width]
		}
	}
	return lines
}
