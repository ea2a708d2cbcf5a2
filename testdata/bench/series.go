package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// series is one figure measured many times.
type series []float64

func (s *series) add(v float64) { *s = append(*s, v) }

// ms adds a duration in milliseconds, us in microseconds.
func (s *series) ms(d time.Duration) { s.add(float64(d) / float64(time.Millisecond)) }
func (s *series) us(d time.Duration) { s.add(float64(d) / float64(time.Microsecond)) }

// percentile is the smallest value that at least p in a hundred do not exceed.
func (s series) percentile(p int) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// print writes the figure's one line. A single value stands as p50 alone.
func (s series) print(w io.Writer, name string) error {
	if len(s) == 0 {
		return fmt.Errorf("%s: nothing was measured", name)
	}
	if len(s) == 1 {
		_, err := fmt.Fprintf(w, "bench: %s p50=%s\n", name, plain(s[0]))
		return err
	}
	_, err := fmt.Fprintf(w, "bench: %s p50=%s p95=%s p99=%s n=%d\n",
		name, plain(s.percentile(50)), plain(s.percentile(95)), plain(s.percentile(99)), len(s))
	return err
}

// plain writes a number without an exponent, with three digits after the point.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
