package work_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/work"
)

func at(s int64) time.Time { return time.Unix(s, 0) }

const start = 1_800_000_000 // begins a bucket

func TestCheck(t *testing.T) {
	proof, err := work.Solve(t.Context(), "queue/7", "someone", 12, at(start))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		purpose, subject string
		need             int
		proof            string
		now              int64
		want             bool
	}{
		"as made":                  {"queue/7", "someone", 12, proof, start, true},
		"at the end of its time":   {"queue/7", "someone", 12, proof, start + 599, true},
		"too late":                 {"queue/7", "someone", 12, proof, start + 600, false},
		"before its time":          {"queue/7", "someone", 12, proof, start - 1, false},
		"for another purpose":      {"queue/8", "someone", 12, proof, start, false},
		"for somebody else":        {"queue/7", "someone else", 12, proof, start, false},
		"too small":                {"queue/7", "someone", 64, proof, start, false},
		"nothing":                  {"queue/7", "someone", 1, "", start, false},
		"nothing, and none is due": {"queue/7", "someone", 0, "", start, true},
		"not a number":             {"queue/7", "someone", 1, strings.Replace(proof, "-", "-x", 1), start, false},
		"no hyphen":                {"queue/7", "someone", 1, "12", start, false},
		"a sign":                   {"queue/7", "someone", 1, "+" + proof, start, false},
		"a line more":              {"queue/7", "someone", 1, proof + "\n", start, false},
		"too long":                 {"queue/7", "someone", 1, strings.Repeat("0", 40) + proof, start, false},
	} {
		if got := work.Check(c.purpose, c.subject, c.need, c.proof, at(c.now)); got != c.want {
			t.Errorf("%s: %t, want %t", what, got, c.want)
		}
	}
}

func TestSolveEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := work.Solve(ctx, "p", "s", work.MaxBits, at(start)); !errors.Is(err, context.Canceled) {
		t.Errorf("Solve: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("6000000-123")
	f.Add("-")
	f.Add("6000000-18446744073709551615")
	f.Add("06000000-1")
	f.Fuzz(func(t *testing.T, proof string) {
		if work.Check("p", "s", 64, proof, at(start)) {
			t.Errorf("%q is worth 64 bits", proof)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	proof, err := work.Solve(b.Context(), "queue/7", "0123456789abcdef0123456789abcdef", 8, at(start))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !work.Check("queue/7", "0123456789abcdef0123456789abcdef", 8, proof, at(start)) {
			b.Fatal("refused")
		}
	}
}
