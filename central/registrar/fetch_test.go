package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// get asks the handler of a folder, without a network.
func get(ts *testscript.TestScript, dir, path string) *http.Response {
	r, err := folder(ts.MkAbs(dir)).open()
	ts.Check(err)
	h, err := r.handler()
	ts.Check(err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Result()
}

// fetch DIR PATH TYPE FILE
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	res := get(ts, args[0], args[1])
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(res.Body.Close())
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != args[2] {
		ts.Fatalf("GET %s: %s, %s", args[1], res.Status, res.Header.Get("Content-Type"))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), body, 0o600))
}

// absent DIR PATH
func absent(ts *testscript.TestScript, _ bool, args []string) {
	res := get(ts, args[0], args[1])
	ts.Check(res.Body.Close())
	if res.StatusCode != http.StatusNotFound {
		ts.Fatalf("GET %s: %s", args[1], res.Status)
	}
}
