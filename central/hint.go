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

func hintf(hint, format string, args ...any) error {
	return &hinted{err: fmt.Errorf(format, args...), hint: hint}
}

// complain writes an error for a person: what failed, and what to do.
func complain(w io.Writer, err error) {
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	if _, werr := fmt.Fprintf(w, "central: %s\n", line); werr != nil {
		return // nobody listens
	}
	var h *hinted
	if errors.As(err, &h) && h.hint != "" {
		_, _ = fmt.Fprintf(w, "central: hint: %s\n", h.hint)
	}
}

// configKeys lists every key of the configuration, dotted.
func configKeys() []string { return keysOf(reflect.TypeFor[config](), "") }

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("toml")
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keysOf(f.Type, key+".")...)
		}
		out = append(out, key)
	}
	return out
}

// nearest returns the known word that is closest to the given one, if a slip of
// the finger explains the difference, or if only the table is wrong.
func nearest(word string, known []string) (string, bool) {
	last := word[strings.LastIndex(word, ".")+1:]
	for _, k := range known {
		if k != word && k[strings.LastIndex(k, ".")+1:] == last {
			return k, true
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
