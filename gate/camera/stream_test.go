package camera_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/camera"
)

func config() camera.Config {
	return camera.Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now, StallAfter: 200 * time.Millisecond}
}

// photo is a JPEG of one level.
func photo(t testing.TB, level uint8) []byte {
	t.Helper()
	g := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range g.Pix {
		g.Pix[i] = level
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, g, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const multipart = "multipart/x-mixed-replace; boundary=frame"

// part is one part as a well-behaved camera sends it.
func part(body []byte) string {
	return fmt.Sprintf("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(body), body)
}

// send writes and flushes. It reports false when the client has hung up.
func send(w http.ResponseWriter, text string) bool {
	_, err := w.Write([]byte(text))
	return err == nil && http.NewResponseController(w).Flush() == nil
}

// TestBadStreams serves something bad to the first connection and a picture to those after it. The
// camera must come through to the picture.
func TestBadStreams(t *testing.T) {
	good := photo(t, 90)
	for _, tt := range []struct {
		name  string
		serve func(w http.ResponseWriter, r *http.Request)
		want  string // in the error that the camera notes
	}{
		{"silent before its header", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, "no frame for"},
		{"silent in a picture", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, part(good)[:60])
			<-r.Context().Done()
		}, "no frame for"},
		{"cut in a picture", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, part(good)[:60+len(good)/2])
		}, "unexpected EOF"},
		{"garbage instead of parts", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, strings.Repeat("\x00\xff\x13garbage", 20_000))
		}, "no line"},
		{"another boundary", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=other")
			for send(w, part(good)) && r.Context().Err() == nil {
			}
		}, "no line"},
		{"no boundary", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace")
		}, "boundary"},
		{"a part without an end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, "--frame\r\nContent-Type: image/jpeg\r\n\r\n")
			for junk := strings.Repeat("x", 1<<20); send(w, junk); {
			}
		}, "more than"},
		{"a header without an end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, "--frame\r\n")
			for send(w, "X-More: and more\r\n") {
			}
		}, "header is longer"},
		{"a part of 4 GB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, "--frame\r\nContent-Length: 4294967295\r\n\r\n")
		}, "the limit is"},
		{"parts of HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, "--frame\r\nContent-Type: text/html\r\n\r\n")
		}, "text/html"},
		{"one picture only", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/jpeg")
			send(w, string(good))
		}, "Motion JPEG"},
		{"wrong password", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
		}, "401"},
		{"sent in circles", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "redirects"},
		{"an end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			send(w, "--frame--\r\n")
		}, "it ended"},
		{"pictures that are none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", multipart)
			for send(w, part([]byte("\xff\xd8not a picture"))) {
			}
		}, "unusable frame"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			redirects := tt.name == "sent in circles"
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n := asked.Add(1); n == 1 || redirects && n < 5 {
					tt.serve(w, r)
					return
				}
				w.Header().Set("Content-Type", multipart)
				for send(w, part(good)) && r.Context().Err() == nil {
				}
			}))
			defer srv.Close()
			cfg := config()
			if !strings.HasPrefix(tt.name, "silent") {
				cfg.StallAfter = time.Minute // a busy test machine may be silent as well
			}
			c, err := camera.Open(t.Context(), srv.URL+"/stream", cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // never fails
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			f, err := c.Next(ctx)
			if err != nil || f.Gray.Bounds() != image.Rect(0, 0, 16, 16) {
				t.Fatalf("Next: %v, %v; want the picture of the second connection; %+v", f, err, c.Stats())
			}
			if s := c.Stats(); s.Connects < 2 || s.Errors < 1 || !strings.Contains(fmt.Sprint(s.LastError), tt.want) {
				t.Errorf("stats %+v; want a second connect and an error with %q", s, tt.want)
			}
		})
	}
}

// TestSloppyStreams serves what careless cameras send and what is understood all the same.
func TestSloppyStreams(t *testing.T) {
	body := photo(t, 90)
	for name, serve := range map[string]struct{ kind, text string }{
		"no length":              {multipart, "--frame\r\nContent-Type: image/jpeg\r\n\r\n" + string(body) + "\r\n--frame\r\n"},
		"dashes in the boundary": {"multipart/x-mixed-replace;boundary=--frame", part(body)},
		"a quoted boundary":      {`multipart/x-mixed-replace; boundary="frame"`, part(body)},
		"plain line ends":        {multipart, strings.ReplaceAll(part(body)[:60], "\r\n", "\n") + part(body)[60:]},
		"a preamble":             {multipart, "hello\r\n\r\n" + part(body)},
		"no line end after it":   {multipart, strings.TrimSuffix(part(body), "\r\n") + part(body)},
		"odd letters":            {"MULTIPART/X-MIXED-REPLACE; BOUNDARY=frame", strings.ReplaceAll(part(body), "Content-Type", "CONTENT-type")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", serve.kind)
				send(w, serve.text)
				<-r.Context().Done()
			}))
			defer srv.Close()
			cfg := config()
			cfg.StallAfter = time.Minute
			c, err := camera.Open(t.Context(), srv.URL, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // never fails
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if f, err := c.Next(ctx); err != nil || f.Gray.Pix[0] != 90 {
				t.Errorf("Next: %v, %v; want the picture; %+v", f, err, c.Stats())
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	address := srv.URL
	srv.Close()
	c, err := camera.Open(t.Context(), address, config())
	if err != nil {
		t.Fatalf("Open with the server away: %v; want it to be tried again", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next: %v, want a deadline", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestSecretsOfAnAddressAreNotTold asks two cameras that do not work, one of which sends us round.
func TestSecretsOfAnAddressAreNotTold(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	round := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again?"+r.URL.RawQuery, http.StatusFound)
	}))
	defer round.Close()
	for _, server := range []string{away.URL, round.URL} {
		var log logbook
		cfg := config()
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		_, host, _ := strings.Cut(server, "://")
		c, err := camera.Open(t.Context(), "http://anna:SECRET1@"+host+"/video?user=bert&pwd=SECRET2", cfg)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the camera's loss", func() bool { return c.Stats().LastError != nil })
		said := fmt.Sprint(c.Stats().LastError)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		said += log.String()
		if !strings.Contains(said, "camera lost") || !strings.Contains(said, "http://…@"+host+"/video?…") {
			t.Errorf("said %q; want the camera's address", said)
		}
		for _, secret := range []string{"SECRET", "anna", "bert"} {
			if strings.Contains(said, secret) {
				t.Errorf("%s is in %q", secret, said)
			}
		}
	}
}
