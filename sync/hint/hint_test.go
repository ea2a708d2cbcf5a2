package hint_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/hint"
)

type other struct{}

func (other) Error() string { return "other" }
func (other) Hint() string  { return "of another kind" }

func TestOf(t *testing.T) {
	inner := hint.Errorf("inner", "read: %w", io.EOF)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"none":               {io.EOF, ""},
		"nil":                {nil, ""},
		"plain":              {inner, "inner"},
		"wrapped":            {fmt.Errorf("open: %w", inner), "inner"},
		"innermost wins":     {hint.Errorf("outer", "open: %w", inner), "inner"},
		"empty adds nothing": {hint.Errorf("", "open: %w", inner), "inner"},
		"outer without":      {hint.Errorf("outer", "open: %w", io.EOF), "outer"},
		"another type":       {fmt.Errorf("open: %w", other{}), "of another kind"},
		"joined":             {errors.Join(io.EOF, inner), "inner"},
	} {
		if got := hint.Of(c.err); got != c.want {
			t.Errorf("%s: Of(%v) = %q, want %q", name, c.err, got, c.want)
		}
	}
	if !errors.Is(inner, io.EOF) || inner.Error() != "read: EOF" {
		t.Errorf("the hint changed the error: %v", inner)
	}
}

func TestComplain(t *testing.T) {
	var b strings.Builder
	hint.Complain(&b, "gate", hint.Errorf("mend it", "one\ntwo"))
	hint.Complain(&b, "gate", io.EOF)
	if want := "gate: one; two\ngate: hint: mend it\ngate: EOF\n"; b.String() != want {
		t.Errorf("Complain wrote %q, want %q", b.String(), want)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"data_dir", "panel.listen", "panel.language", "lane.name"}
	for word, want := range map[string]string{
		"data_dri":      "data_dir",
		"panel.lisen":   "panel.listen",
		"lane.listen":   "panel.listen",
		"listen":        "panel.listen",
		"entirely_else": "",
	} {
		if got, ok := hint.Nearest(word, known); got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", word, got, ok, want)
		}
	}
}
