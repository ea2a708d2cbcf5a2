package main

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// hinted is an error with a line about what to do.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }
func (h *hinted) Hint() string  { return h.hint }

func hintf(hint, format string, args ...any) error {
	return &hinted{err: fmt.Errorf(format, args...), hint: hint}
}

// hintOf returns the hint of the innermost cause that has one.
func hintOf(err error) string {
	hint := ""
	for err != nil {
		var h interface{ Hint() string }
		if !errors.As(err, &h) {
			break
		}
		if h.Hint() != "" {
			hint = h.Hint()
		}
		next, ok := h.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = next.Unwrap()
	}
	return hint
}

// complain writes an error for a person: what failed, and what to do.
func complain(w io.Writer, err error) {
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	if _, werr := fmt.Fprintf(w, "gate: %s\n", line); werr != nil {
		return // nobody listens
	}
	if hint := hintOf(err); hint != "" {
		_, _ = fmt.Fprintf(w, "gate: hint: %s\n", hint)
	}
}

// configKeys lists every key that the configuration knows, dotted.
func configKeys() []string { return keysOf(reflect.TypeFor[config](), "") }

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("toml")
		ft := f.Type
		if ft.Kind() == reflect.Slice {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct {
			out = append(out, keysOf(ft, key+".")...)
		}
		out = append(out, key)
	}
	return out
}

// nearest returns the known word closest to the given one, if it is close
// enough to be a slip of the finger: by the whole dotted key, or by its last part.
func nearest(word string, known []string) (string, bool) {
	last := word[strings.LastIndex(word, ".")+1:]
	for _, k := range known {
		if k != word && k[strings.LastIndex(k, ".")+1:] == last {
			return k, true // the right key in the wrong table
		}
	}
	best, at := 4, ""
	for _, k := range known {
		if d := distance(word, k); d < best {
			best, at = d, k
		}
	}
	return at, at != ""
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
