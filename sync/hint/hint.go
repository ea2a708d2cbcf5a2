// Package hint joins an error with a line that tells a person what to do about
// it, and finds that line again below any number of wrappings.
//
// It prints nothing and decides nothing. A command writes the error and the
// hint; a log or a program needs only the error.
package hint

import (
	"errors"
	"fmt"
	"io"
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

// Errorf returns an error as [fmt.Errorf] makes it, with a hint. An empty hint
// adds nothing.
func Errorf(hint, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if hint == "" {
		return err
	}
	return &hinted{err: err, hint: hint}
}

// Of returns the hint of the innermost cause that has one, which knows best, or
// "". Any error with a method Hint() string has one.
func Of(err error) string {
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

// Complain writes an error for a person, each line led by the command's name:
// what failed, and what to do. That nobody reads it is no error.
func Complain(w io.Writer, command string, err error) {
	text := command + ": " + strings.ReplaceAll(err.Error(), "\n", "; ") + "\n"
	if h := Of(err); h != "" {
		text += command + ": hint: " + h + "\n"
	}
	_, _ = io.WriteString(w, text)
}

// Nearest returns the known word that a slip of the finger could have turned
// into word. Words may be dotted: the right last part after a wrong beginning
// counts as near.
func Nearest(word string, known []string) (string, bool) {
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
