package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/con-ting/conting/central/api"
)

// description is the document as a library reads it that was not made here. It is the
// same for every harness, and slow to read under the race detector.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := api.Document()
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
})

// described finds what the document says of a request.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := description()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// conform fails the test when an answer is not what the document says of its route,
// or when a request was taken that the document does not describe.
func (h *harness) conform(r *http.Request, body string, res *http.Response, answer []byte) {
	h.t.Helper()
	router, err := described()
	if err != nil {
		h.t.Fatal(err)
	}
	// A path that the document does not have has no operation to be compared with, nor
	// has one with an escaped slash. The wallet's pages are a stand-in here.
	if strings.HasPrefix(r.URL.Path, "/wallet") || strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f") {
		return
	}
	asked := r.Clone(h.t.Context())
	asked.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := router.FindRoute(asked)
	if err != nil {
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, Route: route, Options: &openapi3filter.Options{
			IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	if loose := h.nulls && strings.Contains(body, "null"); res.StatusCode < 300 && !loose {
		if err := openapi3filter.ValidateRequest(h.t.Context(), in); err != nil {
			h.t.Errorf("%s %s was taken, but the document does not describe it: %v", r.Method, r.URL.Path, err)
		}
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	var p struct {
		Code string `json:"code"`
	}
	alike := strings.ReplaceAll(string(answer), res.Header.Get("X-Request-Id"), "")
	if kind == "application/problem+json" {
		if err := json.Unmarshal(answer, &p); err != nil {
			h.t.Fatal(err)
		}
		alike = p.Code
	}
	if _, done := h.conformed.LoadOrStore([5]any{r.Method, route.Path, res.StatusCode, kind, alike}, true); done {
		return // to compare is slow, and most answers are like others
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: in.Options,
	}
	if !strings.HasSuffix(kind, "json") {
		out.Options = &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: true}
	}
	out.SetBodyBytes(bytes.Clone(answer))
	if err := openapi3filter.ValidateResponse(h.t.Context(), out); err != nil {
		h.t.Errorf("%s %s: the answer %d is not as described: %v", r.Method, r.URL.Path, res.StatusCode, err)
		return
	}
	if kind != "application/problem+json" {
		return
	}
	listed := route.Operation.Responses.Status(res.StatusCode).Value.Description
	if listed == nil || !strings.Contains(*listed, "`"+p.Code+"`") {
		h.t.Errorf("%s %s: the document does not name %q among what %d may be", r.Method, r.URL.Path, p.Code, res.StatusCode)
	}
}

// The document is one that others' tools can read.
func TestDocumentIsValid(t *testing.T) {
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
