package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const shell = "index.html"

// site is one build: its files with what the answer to each says. It does not
// change after newSite.
type site struct {
	files map[string]file
}

// file is one file of the build and the encodings that lie beside it.
type file struct {
	contentType string
	cache       string
	plain       variant
	encoded     []variant // in the order of preference
}

// variant is one encoding of a file, "" for none.
type variant struct {
	encoding string
	body     fs.FS
	name     string
	etag     string
}

// kinds are the content types of a build. What is not listed is not shown, only
// downloaded.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
	".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// encodings are how build/precompress.ts names its files; the first is the smallest.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

func encodedName(name string) bool {
	return strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz")
}

// newSite reads the build in dir. A missing one makes an empty site.
func newSite(root fs.FS, dir string) *site {
	s := &site{files: map[string]file{}}
	_ = fs.WalkDir(root, dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || encodedName(p) {
			return nil //nolint:nilerr // what cannot be read is not part of the site
		}
		plain, ok := readVariant(root, p, "")
		if !ok {
			return nil
		}
		name := strings.TrimPrefix(p, dir+"/")
		f := file{contentType: kinds[path.Ext(p)], cache: "no-cache", plain: plain}
		if f.contentType == "" {
			f.contentType = "application/octet-stream"
		}
		if strings.HasPrefix(name, "assets/") { // named by their hash
			f.cache = "public, max-age=31536000, immutable"
		}
		for _, e := range encodings {
			if v, ok := readVariant(root, p+e.suffix, e.name); ok {
				f.encoded = append(f.encoded, v)
			}
		}
		s.files[name] = f
		return nil
	})
	return s
}

func readVariant(root fs.FS, name, encoding string) (variant, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return variant{}, false
	}
	sum := sha256.Sum256(b)
	return variant{encoding: encoding, body: root, name: name, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}, true
}

func (s *site) built() bool {
	_, ok := s.files[shell]
	return ok
}

// serve answers one request for a name below the base.
func (s *site) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := s.files[name]
	if !ok {
		if !isPage(name) {
			w.Header().Set("Cache-Control", "no-store")
			http.NotFound(w, r)
			return
		}
		f = s.files[shell]
	}
	v := f.plain
	if len(f.encoded) > 0 {
		w.Header().Add("Vary", "Accept-Encoding")
		v = f.choose(r.Header.Values("Accept-Encoding"))
	}
	body, err := v.body.Open(v.name)
	if err != nil {
		http.Error(w, "not readable", http.StatusInternalServerError)
		return
	}
	defer func() { _ = body.Close() }()
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		http.Error(w, "not readable", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", v.etag)
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
	}
	http.ServeContent(w, r, "", time.Time{}, seeker)
}

// isPage reports whether a name that is no file is an address inside the wallet.
func isPage(name string) bool {
	return !strings.Contains(path.Base(name), ".") && !strings.HasPrefix(name, "assets/") || name == ""
}

// choose returns the best encoding that the client takes.
func (f *file) choose(accept []string) variant {
	for _, v := range f.encoded {
		if accepts(accept, v.encoding) {
			return v
		}
	}
	return f.plain
}

// accepts reads Accept-Encoding (RFC 9110, section 12.5.3). A weight of zero
// refuses; other weights are not compared.
func accepts(headers []string, encoding string) bool {
	wildcard := false
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			taken := !zeroWeight(parameters)
			switch name {
			case encoding:
				return taken
			case "*":
				wildcard = taken
			}
		}
	}
	return wildcard
}

func zeroWeight(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			return strings.Trim(strings.TrimSpace(value), "0.") == ""
		}
	}
	return false
}
