package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
)

type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Enum []string }
		}
	}
}

type operation struct {
	OperationID string                     `json:"operationId"`
	Parameters  []map[string]any           `json:"parameters"`
	Responses   map[string]json.RawMessage `json:"responses"`
	Security    []map[string][]string      `json:"security"`
}

// Every route stands in the document and every documented path exists.
func TestDocumentMatchesRoutes(t *testing.T) {
	h := start(t)
	var doc document
	h.call("GET", "/v1/openapi.json", "").want(http.StatusOK).into(&doc)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi = %q", doc.OpenAPI)
	}
	parameter := regexp.MustCompile(`[:*]([a-z]+)`)
	var routes, documented, ids []string
	for _, r := range h.api.Routes() {
		routes = append(routes, parameter.ReplaceAllString(r, "{$1}"))
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			documented = append(documented, strings.ToUpper(method)+" "+path)
			ids = append(ids, op.OperationID)
			if (strings.HasPrefix(path, "/admin") || path == "/metrics") != (len(op.Security) == 1 && op.Security[0]["orderSecret"] == nil && op.Security[0]["session"] == nil && op.Security[0]["queueToken"] == nil && op.Security[0]["accessToken"] == nil) {
				t.Errorf("%s %s: security %v", method, path, op.Security)
			}
			for _, name := range regexp.MustCompile(`{([a-z]+)}`).FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(op.Parameters, func(p map[string]any) bool { return p["$ref"] == "#/components/parameters/"+name[1] }) {
					t.Errorf("%s %s: parameter %s is not described", method, path, name[1])
				}
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("routes     %q\ndocumented %q", routes, documented)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(documented) {
		t.Errorf("operation ids are not unique: %q", ids)
	}
}

// Every reference leads somewhere and every component is used.
func TestDocumentReferences(t *testing.T) {
	h := start(t)
	a := h.call("GET", "/v1/openapi.json", "").want(http.StatusOK)
	var doc struct{ Components map[string]map[string]any }
	a.into(&doc)
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`"\$ref":\s*"([^"]*)"`).FindAllStringSubmatch(string(a.body), -1) {
		used[m[1]] = true
	}
	for kind, all := range doc.Components {
		if kind == "securitySchemes" {
			continue
		}
		for name := range all {
			ref := "#/components/" + kind + "/" + name
			if !used[ref] {
				t.Errorf("%s is not used", ref)
			}
			delete(used, ref)
		}
	}
	for ref := range used {
		t.Errorf("%s leads nowhere", ref)
	}
}

// Every code in the document is described at its address with its status.
func TestProblemCodes(t *testing.T) {
	h := start(t)
	a := h.call("GET", "/v1/openapi.json", "").want(http.StatusOK)
	var doc document
	a.into(&doc)
	codes := doc.Components.Schemas["Problem"].Properties["code"].Enum
	if got, want := slices.Sorted(slices.Values(codes)), slices.Sorted(maps.Keys(api.Codes())); !slices.Equal(got, want) {
		t.Errorf("documented codes %q\nthe API's codes  %q", got, want)
	}
	for code, status := range api.Codes() {
		var p api.Problem
		h.call("GET", "/v1/problems/"+code, "").want(http.StatusOK).into(&p)
		if p.Code != code || p.Status != status || p.Title == "" || p.Hint == "" {
			t.Errorf("problem %s = %+v", code, p)
		}
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			for status, r := range op.Responses {
				for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(describing(t, r), -1) {
					if want, ok := api.Codes()[m[1]]; status >= "400" && (!ok || http.StatusText(want) == "" || status != strconv.Itoa(want)) {
						t.Errorf("%s %s: %s is documented under %s, its status is %d", method, path, m[1], status, want)
					}
				}
			}
		}
	}
}

func describing(t *testing.T, r json.RawMessage) string {
	t.Helper()
	var v struct {
		Description string `json:"description"`
	}
	if err := json.Unmarshal(r, &v); err != nil {
		t.Fatal(err)
	}
	return v.Description
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

type noReplies struct{}

func (noReplies) ClaimReply(context.Context, [32]byte, [32]byte, time.Time, time.Time) (bool, [32]byte, int, []byte, error) {
	return true, [32]byte{}, 0, nil, nil
}
func (noReplies) SaveReply(context.Context, [32]byte, int, []byte) error { return nil }
func (noReplies) DropReply(context.Context, [32]byte) error              { return nil }
