package seatmap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode reads one JSON value into v, refusing what a person did not mean:
// unknown and repeated keys, a second value, text that is not UTF-8.
func decode(data []byte, v any) error {
	switch {
	case len(data) > MaxPlan:
		return &Error{"", fmt.Sprintf("%d bytes, the most is %d", len(data), MaxPlan), "describe seats as rows with first and last"}
	case !utf8.Valid(data):
		return &Error{"", "is not UTF-8", "save the file as UTF-8"}
	}
	if err := unique(json.NewDecoder(bytes.NewReader(data)), "", 0); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return explain(err, data, reflect.TypeOf(v).Elem())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &Error{"", "something follows the plan", "keep one JSON object in the file"}
	}
	return nil
}

// maxDepth is deeper than any plan goes.
const maxDepth = 8

// unique walks one value and refuses an object that has a key twice.
func unique(dec *json.Decoder, at string, depth int) error {
	tok, err := dec.Token()
	if err != nil {
		return syntax(err)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return &Error{at, "nested too deeply", "see testdata/venue/sample.json for the shape of a plan"}
	}
	seen := map[string]bool{}
	for i := 0; dec.More(); i++ {
		here := at + "[" + strconv.Itoa(i) + "]"
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return syntax(err)
			}
			name := strings.ToLower(fmt.Sprint(key)) // encoding/json matches keys without case
			if here = strings.TrimPrefix(at+"."+name, "."); seen[name] {
				return &Error{here, "the key stands twice", "keep one of them"}
			}
			seen[name] = true
		}
		if err := unique(dec, here, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return syntax(err)
	}
	return nil
}

func syntax(err error) error {
	var s *json.SyntaxError
	where := ""
	if errors.As(err, &s) {
		where = fmt.Sprintf(" at byte %d", s.Offset)
	}
	return &Error{"", "is not JSON" + where, "check the brackets, quotes and commas there"}
}

// explain turns encoding/json's errors into ours.
func explain(err error, data []byte, t reflect.Type) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return &Error{wrong.Field, "a " + wrong.Value + " stands where something else is due", "want " + wrong.Type.String()}
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		key = strings.Trim(key, `"`)
		return &Error{"", fmt.Sprintf("unknown key %q", key), "did you mean \"" + nearest(key, keys(t)) + "\"?"}
	}
	return &Error{"", err.Error(), "times are written as 2026-12-12T18:00:00+09:00"}
}

// keys lists every key that a type's JSON form has, at any depth.
func keys(t reflect.Type) []string {
	switch t.Kind() { //nolint:exhaustive // only these lead to fields
	case reflect.Slice, reflect.Pointer:
		return keys(t.Elem())
	case reflect.Struct:
		var out []string
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
				out = append(append(out, name), keys(t.Field(i).Type)...)
			}
		}
		return out
	}
	return nil
}

// nearest is the word that begins like s, or else the one with the fewest edits
// (Levenshtein) from it.
func nearest(s string, words []string) string {
	best, least := "", len(s)+100
	for _, w := range words {
		d := distance(s, w)
		if s != "" && (strings.HasPrefix(w, s) || strings.HasPrefix(s, w)) {
			d = 1
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
