package panel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/gate/panel"
)

const snapshotKey = "AAAABBBBCCCCDDDDEEEEFFFFGG"

// ask asks for a picture of the camera.
func (r *rig) ask(change func(*http.Request)) (status int, header http.Header, body string) {
	r.Helper()
	q, err := http.NewRequest(http.MethodGet, r.url+"/snapshot.png", http.NoBody)
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+snapshotKey)
	if change != nil {
		change(q)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		r.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

// TestSnapshotRefuses asks for a picture of people in every way but the right one.
func TestSnapshotRefuses(t *testing.T) {
	var taken atomic.Int32
	var log lines
	withPictures := func(c *panel.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.SnapshotToken = snapshotKey
		c.Snapshot = func(context.Context) ([]byte, error) {
			taken.Add(1)
			return []byte("\x89PNG picture"), nil
		}
	}
	r := newRig(t, withPictures)
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no secret":        {func(q *http.Request) { q.Header.Del("Authorization") }, http.StatusForbidden},
		"an empty secret":  {func(q *http.Request) { q.Header.Set("Authorization", "Bearer ") }, http.StatusForbidden},
		"another secret":   {func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+strings.ToLower(snapshotKey)) }, http.StatusForbidden},
		"part of it":       {func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+snapshotKey[:20]) }, http.StatusForbidden},
		"another scheme":   {func(q *http.Request) { q.Header.Set("Authorization", "Basic "+snapshotKey) }, http.StatusForbidden},
		"in the address":   {func(q *http.Request) { q.Header.Del("Authorization"); q.URL.RawQuery = "token=" + snapshotKey }, http.StatusForbidden},
		"another name":     {func(q *http.Request) { q.Host = "evil.example" }, http.StatusMisdirectedRequest},
		"an order":         {func(q *http.Request) { q.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		"another's wishes": {func(q *http.Request) { q.Method = http.MethodOptions; q.Header.Set("Origin", "https://evil.example") }, http.StatusMethodNotAllowed},
	} {
		if got, h, body := r.ask(c.change); got != c.want || strings.Contains(body, "PNG") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %q, want %d", name, got, body, c.want)
		}
	}
	if n := taken.Load(); n != 0 || strings.Contains(log.String(), "was given out") {
		t.Errorf("%d pictures were taken: %s", n, log.String())
	}
	if got, h, body := r.ask(nil); got != http.StatusOK || !strings.Contains(body, "PNG") || h.Get("Content-Type") != "image/png" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("with the secret: %d, %v, %q", got, h, body)
	}
	if said := log.String(); strings.Count(said, "level=WARN msg=\"a picture of the camera was given out\"") != 1 || strings.Contains(said, snapshotKey) {
		t.Errorf("the log says %s; want that it was given out, and not the secret", said)
	}

	for name, o := range map[string]func(*panel.Config){
		"a lane without a camera":  func(*panel.Config) {},
		"a panel that all can see": func(c *panel.Config) { withPictures(c); c.Listen = "0.0.0.0:0" },
	} {
		r := newRig(t, o)
		r.url = strings.Replace(r.url, "[::]", "127.0.0.1", 1)
		if got, _, _ := r.ask(nil); got != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", name, got)
		}
	}
	if n := taken.Load(); n != 1 {
		t.Errorf("%d pictures were taken, want 1", n)
	}
	if _, err := panel.New(t.Context(), panel.Config{
		Gate: "north", Lane: "1", Status: func() panel.Status { return panel.Status{} }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Snapshot: func(context.Context) ([]byte, error) { return nil, nil }, SnapshotToken: "short",
	}); err == nil {
		t.Error("pictures for a secret of five characters: no error")
	}
}

// TestSnapshotOneAtATime asks again while a picture is being taken, and of a camera
// that gives none.
func TestSnapshotOneAtATime(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(c *panel.Config) {
		c.SnapshotToken = snapshotKey
		c.Snapshot = func(context.Context) ([]byte, error) {
			began <- struct{}{}
			<-release
			return nil, errors.New("no frame of /dev/secret")
		}
	})
	first := make(chan string, 1)
	go func() {
		status, _, body := r.ask(nil)
		first <- fmt.Sprint(status, body)
	}()
	<-began
	if got, h, _ := r.ask(nil); got != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.Errorf("meanwhile: %d, want 503", got)
	}
	close(release)
	if got := <-first; got != "503the camera gives no picture\n" {
		t.Errorf("no picture: %q, want 503 and no reason", got)
	}
}

// lines is a log in memory.
type lines struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
