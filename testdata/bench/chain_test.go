package main

import (
	"strings"
	"testing"
)

func TestCostTable(t *testing.T) {
	var out strings.Builder
	if err := costTable(&out, prices{mint: 7_000_000, commit: 10_000}, prices{mint: 700_000, commit: 5_000}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 10,000 | eager | 70 | 7 |\n",
		"| 10,000 | lazy, 5 % claimed | 3.50 | 0.35 |\n",
		"| 1,000,000 | lazy, 30 % claimed | 2,100 | 210.00 |\n",
		"mint = 7000000 lamports (700000), root = 10000 (5000)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.357: "0.36", 999.5: "999.50", 1000: "1,000", 7064.7: "7,065", 1_000_000: "1,000,000", 100: "100"} {
		if got := thousands(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
