package panel

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed web catalogue
var files embed.FS

// languages are those of the catalogues; the first is the default.
var languages = [...]string{"ko", "en"}

// renderPages makes the page in each language.
func renderPages(cfg Config) (map[string][]byte, error) {
	t, err := template.ParseFS(files, "web/index.html")
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	pages := make(map[string][]byte, len(languages))
	for _, lang := range languages {
		var b bytes.Buffer
		if err := t.Execute(&b, struct{ Language, Gate, Lane, Token string }{lang, cfg.Gate, cfg.Lane, cfg.Token}); err != nil {
			return nil, fmt.Errorf("panel: %w", err)
		}
		pages[lang] = b.Bytes()
	}
	return pages, nil
}

func (p *Panel) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /events", p.events)
	mux.HandleFunc("GET /nonce/{id}", p.noncePicture)
	mux.HandleFunc("GET /healthz", p.health)
	mux.Handle("GET /metrics", p.metrics.handler())
	if p.cfg.Snapshot != nil && p.loopback {
		mux.HandleFunc("GET /snapshot.png", p.snapshot)
	}
	if p.cfg.Confirm != nil {
		mux.HandleFunc("POST /confirm", p.confirm)
	}
	for path, file := range map[string]struct{ name, kind string }{
		"/panel.css":         {"web/panel.css", "text/css; charset=utf-8"},
		"/panel.js":          {"web/panel.js", "text/javascript; charset=utf-8"},
		"/icon.svg":          {"web/icon.svg", "image/svg+xml"},
		"/catalogue/ko.json": {"catalogue/ko.json", "application/json"},
		"/catalogue/en.json": {"catalogue/en.json", "application/json"},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := fs.ReadFile(files, file.name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", file.kind)
			w.Header().Set("Cache-Control", "no-cache")
			p.write(w, r, body)
		})
	}
	return p.guard(mux)
}

// policy lets the page load what this panel serves and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard sets the security headers, and on a loopback address turns away names
// that are not this machine's: a page elsewhere could have its own name resolve
// here and read the lane.
func (p *Panel) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), screen-wake-lock=(self)")
		if p.loopback && !local(r.Host) {
			http.Error(w, "this panel answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		most := int64(0)
		if r.Method == http.MethodPost && r.URL.Path == "/confirm" {
			most = maxOrder
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (p *Panel) page(w http.ResponseWriter, r *http.Request) {
	body, ok := p.pages[r.URL.Query().Get("lang")]
	if !ok {
		body = p.pages[p.cfg.Language]
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	p.write(w, r, body)
}

func (p *Panel) noncePicture(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutSuffix(r.PathValue("id"), ".svg")
	svg := p.screen.nonce(id)
	if !ok || svg == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	p.write(w, r, svg)
}

// The stream's times: how long a page may take for one message, and how often it
// hears that the panel lives.
const (
	slowest   = 5 * time.Second
	heartbeat = 5 * time.Second
)

// events streams views. A page that comes, or comes back, gets the present one
// at once.
func (p *Panel) events(w http.ResponseWriter, r *http.Request) {
	wakes, ok := p.screen.join()
	if !ok {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages follow this lane", http.StatusServiceUnavailable)
		return
	}
	defer p.screen.leave(wakes)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		if err := out.SetWriteDeadline(p.cfg.Now().Add(slowest)); err != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	if !send("retry: 1000\n\n") {
		return
	}
	beats := time.NewTicker(heartbeat)
	defer beats.Stop()
	for sent := uint64(0); ; {
		data, version, ok := p.screen.current()
		if !ok {
			return
		}
		if version != sent {
			if !send("id: %d\nevent: view\ndata: %s\n\n", version, data) {
				return
			}
			sent = version
		}
		select {
		case <-r.Context().Done():
			return
		case <-wakes:
		case <-beats.C:
			if !send("event: beat\ndata: {}\n\n") {
				return
			}
		}
	}
}
