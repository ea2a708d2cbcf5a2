package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/con-ting/conting/central/web"
)

var build = fstest.MapFS{
	"dist/.keep":                       {},
	"dist/wallet/index.html":           {Data: []byte("<!doctype html>shell")},
	"dist/wallet/index.html.gz":        {Data: []byte("gz shell")},
	"dist/wallet/sw.js":                {Data: []byte("worker")},
	"dist/wallet/assets/app-1.js":      {Data: []byte("plain script")},
	"dist/wallet/assets/app-1.js.br":   {Data: []byte("br script")},
	"dist/wallet/assets/app-1.js.gz":   {Data: []byte("gz script")},
	"dist/wallet/assets/read-2.wasm":   {Data: []byte("\x00asm")},
	"dist/wallet/manifest.webmanifest": {Data: []byte("{}")},
	"dist/wallet/odd.bin":              {Data: []byte("?")},
}

func get(t *testing.T, h http.Handler, method, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServe(t *testing.T) {
	t.Parallel()
	const immutable = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		name, path, accept          string
		status                      int
		kind, cache, encoding, want string
	}{
		{"shell", "/wallet/", "", 200, "text/html; charset=utf-8", "no-cache", "", "<!doctype html>shell"},
		{"shell in gzip", "/wallet/", "br, gzip", 200, "text/html; charset=utf-8", "no-cache", "gzip", "gz shell"},
		{"address of a page", "/wallet/tickets/01ab", "", 200, "text/html; charset=utf-8", "no-cache", "", "<!doctype html>shell"},
		{"worker", "/wallet/sw.js", "", 200, "text/javascript; charset=utf-8", "no-cache", "", "worker"},
		{"script in br", "/wallet/assets/app-1.js", "gzip, deflate, br", 200, "text/javascript; charset=utf-8", immutable, "br", "br script"},
		{"br refused", "/wallet/assets/app-1.js", "gzip, br;q=0", 200, "text/javascript; charset=utf-8", immutable, "gzip", "gz script"},
		{"br refused, all else taken", "/wallet/assets/app-1.js", "br;q=0.000, *", 200, "text/javascript; charset=utf-8", immutable, "gzip", "gz script"},
		{"all refused", "/wallet/assets/app-1.js", "*;q=0", 200, "text/javascript; charset=utf-8", immutable, "", "plain script"},
		{"nothing accepted", "/wallet/assets/app-1.js", "", 200, "text/javascript; charset=utf-8", immutable, "", "plain script"},
		{"name within a name", "/wallet/assets/app-1.js", "brr", 200, "text/javascript; charset=utf-8", immutable, "", "plain script"},
		{"wasm", "/wallet/assets/read-2.wasm", "br", 200, "application/wasm", immutable, "", "\x00asm"},
		{"manifest", "/wallet/manifest.webmanifest", "", 200, "application/manifest+json", "no-cache", "", "{}"},
		{"unknown kind", "/wallet/odd.bin", "", 200, "application/octet-stream", "no-cache", "", "?"},
		{"an old asset", "/wallet/assets/app-0.js", "", 404, "", "no-store", "", ""},
		{"an asset without an ending", "/wallet/assets/app", "", 404, "", "no-store", "", ""},
		{"an encoding by its name", "/wallet/assets/app-1.js.br", "", 404, "", "no-store", "", ""},
		{"outside the build", "/wallet/../.keep", "", 404, "", "no-store", "", ""},
		{"another path", "/walletx", "", 404, "", "", "", ""},
		{"without the slash", "/wallet", "", 301, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := get(t, web.HandlerOf(build), http.MethodGet, c.path, c.accept)
			if r.Code != c.status {
				t.Fatalf("GET %s: status %d, want %d", c.path, r.Code, c.status)
			}
			if got := r.Header().Get("Cache-Control"); got != c.cache {
				t.Errorf("GET %s: Cache-Control %q, want %q", c.path, got, c.cache)
			}
			if c.status != http.StatusOK {
				return
			}
			if got := r.Header().Get("Content-Type"); got != c.kind {
				t.Errorf("GET %s: Content-Type %q, want %q", c.path, got, c.kind)
			}
			if got := r.Header().Get("Content-Encoding"); got != c.encoding {
				t.Errorf("GET %s with %q: Content-Encoding %q, want %q", c.path, c.accept, got, c.encoding)
			}
			if got := r.Body.String(); got != c.want {
				t.Errorf("GET %s with %q: %q, want %q", c.path, c.accept, got, c.want)
			}
		})
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/wallet/", "/wallet/assets/app-1.js", "/wallet/assets/none.js", "/wallet"} {
		h := get(t, web.HandlerOf(build), http.MethodGet, path, "").Header()
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("GET %s: policy %q lacks %q", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe-inline") || strings.Contains(csp, "http") {
			t.Errorf("GET %s: policy %q takes code or data from elsewhere", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if got := h.Get(name); got != want {
				t.Errorf("GET %s: %s %q, want %q", path, name, got, want)
			}
		}
		if p := h.Get("Permissions-Policy"); !strings.Contains(p, "camera=(self)") || !strings.Contains(p, "publickey-credentials-get=(self)") {
			t.Errorf("GET %s: Permissions-Policy %q", path, p)
		}
	}
}

func TestConditional(t *testing.T) {
	t.Parallel()
	h := web.HandlerOf(build)
	tags := map[string]string{}
	for _, accept := range []string{"", "gzip", "br"} {
		r := get(t, h, http.MethodGet, "/wallet/assets/app-1.js", accept)
		tag := r.Header().Get("ETag")
		for other, seen := range tags {
			if seen == tag {
				t.Errorf("encodings %q and %q share the tag %s", accept, other, tag)
			}
		}
		tags[accept] = tag
		if r.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Vary %q", r.Header().Get("Vary"))
		}
		again := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/wallet/assets/app-1.js", nil)
		again.Header.Set("Accept-Encoding", accept)
		again.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, again)
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("with its own tag: %d with %d bytes, want 304 with none", w.Code, w.Body.Len())
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h := web.HandlerOf(build)
	if r := get(t, h, http.MethodHead, "/wallet/sw.js", ""); r.Code != 200 || r.Body.String() != "" || r.Header().Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d, length %s", r.Code, r.Header().Get("Content-Length"))
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if r := get(t, h, method, "/wallet/", ""); r.Code != http.StatusMethodNotAllowed || r.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, r.Code, r.Header().Get("Allow"))
		}
	}
}

func TestWithoutBuild(t *testing.T) {
	t.Parallel()
	h := web.HandlerOf(fstest.MapFS{"dist/.keep": {}})
	for _, path := range []string{"/wallet/", "/wallet/tickets", "/wallet/assets/app-1.js"} {
		r := get(t, h, http.MethodGet, path, "gzip")
		if b := r.Body.String(); r.Code != http.StatusServiceUnavailable || !strings.Contains(b, "make web") {
			t.Errorf("GET %s without a build: %d %q, want 503 naming make web", path, r.Code, b)
		}
		if r.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s without a build may be kept: %q", path, r.Header().Get("Cache-Control"))
		}
	}
}

// The embedded files answer in one of two ways, and a clean clone must compile.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	r := get(t, web.Handler(), http.MethodGet, web.Base, "")
	if r.Code != http.StatusOK && r.Code != http.StatusServiceUnavailable {
		t.Errorf("GET %s: %d", web.Base, r.Code)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "br", "gzip;q=0", "*;q=0, br", "br;q=;;=", ",,;", "BR ; Q=0.0"} {
		f.Add(s)
	}
	h := web.HandlerOf(build)
	want := map[string]string{"": "plain script", "br": "br script", "gzip": "gz script"}
	f.Fuzz(func(t *testing.T, accept string) {
		r := get(t, h, http.MethodGet, "/wallet/assets/app-1.js", accept)
		if got := r.Body.String(); got != want[r.Header().Get("Content-Encoding")] {
			t.Errorf("Accept-Encoding %q: said %q and sent %q", accept, r.Header().Get("Content-Encoding"), got)
		}
	})
}
