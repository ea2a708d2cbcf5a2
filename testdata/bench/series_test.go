package main

import (
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	var many series
	for i := 100; i >= 1; i-- {
		many.add(float64(i))
	}
	for _, c := range []struct {
		in   series
		want string
	}{
		{many, "bench: x p50=50.000 p95=95.000 p99=99.000 n=100\n"},
		{series{2, 1}, "bench: x p50=1.000 p95=2.000 p99=2.000 n=2\n"},
		{series{0.0000004}, "bench: x p50=0.000\n"},
		{series{123456789}, "bench: x p50=123456789.000\n"},
	} {
		var b strings.Builder
		if err := c.in.print(&b, "x"); err != nil || b.String() != c.want {
			t.Errorf("print(%v) = %q, %v; want %q", c.in, b.String(), err, c.want)
		}
	}
	if err := (series{}).print(&strings.Builder{}, "x"); err == nil {
		t.Error("a figure without a measurement was printed")
	}
}
