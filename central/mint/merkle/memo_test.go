package merkle_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/merkle"
)

func TestMemo(t *testing.T) {
	for _, m := range []merkle.Memo{
		{Set: merkle.Set{Event: 1, Version: 1}},
		{Set: merkle.Set{Event: math.MaxUint32, Version: math.MaxUint64}, Root: numbered(9)[8]},
	} {
		got, err := merkle.ParseMemo(m.String())
		if err != nil || got != m || len(m.String()) > merkle.MaxMemo {
			t.Errorf("%s: %+v %v, want %+v", m, got, err, m)
		}
	}
}

func TestMemoHasOneSpelling(t *testing.T) {
	good := merkle.Memo{Set: set, Root: numbered(1)[0]}.String()
	root := good[strings.LastIndexByte(good, ':')+1:]
	for name, bad := range map[string]string{
		"nothing":         "",
		"another head":    "conting:set:2:" + good[len("conting:set:1:"):],
		"a leading zero":  "conting:set:1:07:42:" + root,
		"a sign":          "conting:set:1:+7:42:" + root,
		"event 0":         "conting:set:1:0:42:" + root,
		"a large event":   "conting:set:1:4294967296:42:" + root,
		"a large version": "conting:set:1:7:18446744073709551616:" + root,
		"no root":         "conting:set:1:7:42:",
		"a short root":    good[:len(good)-1],
		"padding":         good + "=",
		"loose bits":      good[:len(good)-1] + "_",
		"what follows":    good + "\n",
		"more parts":      good + ":1",
		"long":            good + strings.Repeat("A", 1<<20),
	} {
		if m, err := merkle.ParseMemo(bad); !errors.Is(err, merkle.ErrMemo) || m != (merkle.Memo{}) {
			t.Errorf("%s: %+v %v, want ErrMemo", name, m, err)
		}
	}
}

func FuzzMemo(f *testing.F) {
	f.Add(merkle.Memo{Set: set}.String())
	f.Add("conting:set:1:1:1:")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := merkle.ParseMemo(s)
		if err == nil && m.String() != s {
			t.Fatalf("%q is also %q", s, m)
		}
		if err != nil && !errors.Is(err, merkle.ErrMemo) {
			t.Fatal(err)
		}
	})
}
