// Package settings reads a command's one TOML configuration file, strictly: an
// unknown key, a wrong type or a file that is too long is an error that names
// it, with a hint. Values that the file leaves out keep their defaults.
//
// It knows no key and checks no value; that is for the command, whose struct
// documents both. The file is the operator's and is trusted with what it says,
// not with its spelling. It is the only importer of the TOML library.
package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/BurntSushi/toml"

	"github.com/con-ting/conting/sync/hint"
)

// MaxSize is the longest configuration file, in bytes.
const MaxSize = 64 << 10

// ErrBad is wrapped by every error about a configuration.
var ErrBad = errors.New("bad configuration")

// Load reads the named file into the struct that v points to, which holds the
// defaults. Errors wrap [ErrBad], and [io/fs.ErrNotExist] for a missing file.
func Load(name string, v any) error {
	f, err := os.Open(name) //nolint:gosec // the operator's own choice
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	if err := Parse(string(text), v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Parse decodes text into the struct that v points to. Errors wrap [ErrBad].
func Parse(text string, v any) error {
	if len(text) > MaxSize {
		return hint.Errorf("is this the right file?", "longer than %d bytes: %w", MaxSize, ErrBad)
	}
	meta, err := toml.Decode(text, v)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d, key %q: %s: %w", syntax.Position.Line, syntax.LastKey, syntax.Message, ErrBad)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBad, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0].String()
		what := "remove it; the README shows all keys"
		if near, ok := hint.Nearest(key, Keys(v)); ok {
			what = fmt.Sprintf("did you mean %q?", near)
		}
		return hint.Errorf(what, "unknown key %q: %w", key, ErrBad)
	}
	return nil
}

// Keys lists every key, dotted, that the struct that v points to knows.
func Keys(v any) []string {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	return keysOf(t.Elem(), "")
}

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("toml")
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			out = append(out, keysOf(inner, key+".")...)
		}
		out = append(out, key)
	}
	return out
}
