package store_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
)

// Every statement of this package is understood by both engines. What they make of
// the same words must be looked at elsewhere.
func TestStatementsAreUnderstood(t *testing.T) { storetest.Each(t, statementsAreUnderstood) }

func statementsAreUnderstood(t *testing.T) {
	s := fresh(t)
	all := statements(t)
	if len(all) < 150 {
		t.Fatalf("only %d statements were found", len(all))
	}
	undo := errors.New("undo")
	for name, query := range all {
		err := s.In(t.Context(), store.Bulk, func(x store.Tx) error {
			var err error
			if storetest.Engine() == "postgres" {
				_, err = x.Exec("DEALLOCATE ALL; PREPARE statement AS " + query)
			} else {
				_, err = x.Exec("EXPLAIN "+query, make([]any, parameters(query))...)
			}
			return errors.Join(err, undo)
		})
		if !errors.Is(err, undo) || err.Error() != undo.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

func parameters(query string) (most int) {
	for _, m := range placeholder.FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	return most
}

// statements finds the constants that are SQL.
func statements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	must(t, err)
	values, parts := make(map[string]ast.Expr), make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "postgres.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		must(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					values[name.Name] = spec.Values[i]
				}
			}
			if sum, ok := n.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
				for _, side := range []ast.Expr{sum.X, sum.Y} {
					if name, ok := side.(*ast.Ident); ok {
						parts[name.Name] = true
					}
				}
			}
			return true
		})
	}
	out := make(map[string]string)
	for name, value := range values {
		text, ok := constant(values, value)
		for _, verb := range []string{"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "} {
			if ok && strings.HasPrefix(text, verb) && !parts[name] && !strings.Contains(text, "%") {
				out[name] = text
			}
		}
	}
	return out
}

// constant is the value of a string made of literals and other constants.
func constant(values map[string]ast.Expr, e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		value, ok := values[e.Name]
		if !ok {
			return "", false
		}
		return constant(values, value)
	case *ast.BinaryExpr:
		x, ok := constant(values, e.X)
		y, ok2 := constant(values, e.Y)
		return x + y, ok && ok2 && e.Op == token.ADD
	case *ast.ParenExpr:
		return constant(values, e.X)
	}
	return "", false
}
