package ticket_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
)

func TestOutcome(t *testing.T) {
	for o, want := range map[ticket.Outcome]string{ticket.Admit: "admit", ticket.Refuse: "refuse", ticket.Refer: "refer"} {
		b, err := o.MarshalText()
		var back ticket.Outcome
		if err != nil || string(b) != want || back.UnmarshalText(b) != nil || back != o {
			t.Errorf("outcome %d: %q, %v, back %d; want %q", o, b, err, back, want)
		}
	}
	for _, o := range []ticket.Outcome{0, 4, 255} {
		if b, err := o.MarshalText(); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("outcome %d is written %q, %v, want ErrInvalid", o, b, err)
		}
	}
	var o ticket.Outcome
	for _, in := range []string{"", "Admit", "ok", "outcome(0)"} {
		if err := o.UnmarshalText([]byte(in)); !errors.Is(err, ticket.ErrInvalid) || o != 0 {
			t.Errorf("UnmarshalText(%q) = %v, outcome %d, want ErrInvalid", in, err, o)
		}
	}
}

// Reasons lists every constant of the type, once: screens and translations are
// checked against it, so that one left out would be shown to nobody.
func TestReasonsAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "outcome.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []ticket.Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Reason" {
			return true
		}
		for _, v := range spec.Values {
			lit, ok := v.(*ast.BasicLit)
			if !ok {
				t.Fatalf("reason %s is not written out", spec.Names[0])
			}
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, ticket.Reason(s))
		}
		return true
	})
	got := ticket.Reasons()
	if len(want) < 30 || !slices.Equal(got, want) {
		t.Errorf("Reasons() =\n%v, the constants are\n%v", got, want)
	}
	sorted := slices.Sorted(slices.Values(got))
	if len(slices.Compact(sorted)) != len(got) {
		t.Errorf("a reason stands twice in %v", got)
	}
}
