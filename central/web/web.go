// Package web serves the wallet: the pages that a holder's phone runs. Their
// source is in src, their build is embedded from dist.
//
// It is a leaf. It knows no person and no ticket, sets no cookie and answers the
// same bytes to everybody; what the pages ask central for is central/api's. A
// clean clone has no build: the program still compiles, and the handler says how
// to make one.
//
// The pages hold keys that open gates, so the headers are part of what they
// promise: scripts, styles and WebAssembly come from this origin alone, nobody
// may frame the pages, and camera and passkeys are theirs only. The request is
// not trusted; no byte of it reaches the answer.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// Base is the path under which the handler must be mounted, with the path intact.
const Base = "/wallet/"

//go:embed all:dist
var dist embed.FS

// Handler serves the wallet under [Base]. It answers GET and HEAD. A path that
// names no file and looks like a page gets the wallet itself, which finds its
// page by the address; any other is 404. Without a build each answer is a 503
// that says how to make one.
func Handler() http.Handler {
	return handler(dist)
}

func handler(root fs.FS) http.Handler {
	s := newSite(root, "dist"+strings.TrimSuffix(Base, "/"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, Base)
		switch {
		case r.URL.Path+"/" == Base:
			http.Redirect(w, r, Base, http.StatusMovedPermanently)
		case !ok:
			http.NotFound(w, r)
		case !s.built():
			unbuilt(w)
		default:
			s.serve(w, r, name)
		}
	})
}

// policy names all that the pages may load. A frame, a plugin, a script in the
// page or of another origin, and a form to elsewhere are none of it. Where the
// browser knows trusted types, no text becomes code or markup either, but by
// Svelte's own templates and the address of the service worker.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html conting-worker"

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), "+
		"screen-wake-lock=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=()")
}

func unbuilt(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Retry-After", "60")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Conting</title>` +
		`<h1>The wallet is not built</h1><p>This program was compiled without its pages. Run <code>make web</code>, then build it again.</p></html>`))
}
