package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/settings"
)

// What answers at an issuer's address may be anybody: it gets no further than a
// bounded text.
func TestFetchStatusList(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/list", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a.b.c") })
	mux.HandleFunc("/most", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", credential.MaxStatusList))
	})
	mux.HandleFunc("/more", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", credential.MaxStatusList+1))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/list", http.StatusFound) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	f := newFetcher()
	for path, size := range map[string]int{"/list": 5, "/most": credential.MaxStatusList} {
		if b, err := f.get(t.Context(), s.URL+path); err != nil || len(b) != size {
			t.Errorf("%s: %d bytes, %v; want %d", path, len(b), err, size)
		}
	}
	for _, path := range []string{"/more", "/moved", "/none"} {
		if b, err := f.get(t.Context(), s.URL+path); !errors.Is(err, errFetch) {
			t.Errorf("%s: %d bytes, %v; want errFetch", path, len(b), err)
		}
	}
	s.Close()
	if _, err := f.get(t.Context(), s.URL+"/list"); !errors.Is(err, errFetch) {
		t.Errorf("from nobody: %v, want errFetch", err)
	}
}

func TestIdentityConfig(t *testing.T) {
	c, err := parseConfig("[identity]\nfetch = true\nfetch_every = \"1m\"\n")
	if err != nil || !c.Identity.Fetch || c.Identity.FetchEvery != time.Minute {
		t.Errorf("parseConfig = %+v, %v", c.Identity, err)
	}
	for _, text := range []string{"[identity]\nfetch_every = \"1s\"\n", "[identity]\nfetch_every = \"25h\"\n", "[identity]\nfetched = true\n"} {
		if _, err := parseConfig(text); !errors.Is(err, settings.ErrBad) {
			t.Errorf("parseConfig(%q): %v, want a refusal", text, err)
		}
	}
}
