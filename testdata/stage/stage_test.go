package stage_test

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/con-ting/conting/testdata/stage"
)

// echo is a server that gives back what it gets.
func echo(t *testing.T, network, address string) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestCable(t *testing.T) {
	for name, target := range map[string]string{
		"tcp":  echo(t, "tcp", "127.0.0.1:0"),
		"unix": "unix:" + echo(t, "unix", filepath.Join(t.TempDir(), "line")),
	} {
		t.Run(name, func(t *testing.T) { testCable(t, target) })
	}
}

func testCable(t *testing.T, target string) {
	c, err := stage.NewCable(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func() error {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", c.Addr())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "ping"); err != nil {
			return err
		}
		got := make([]byte, 4)
		_, err = io.ReadFull(conn, got)
		return err
	}
	if err := ask(); err != nil {
		t.Fatalf("a new cable: %v", err)
	}
	c.Pull()
	if ask() == nil {
		t.Error("a cut cable carried an answer")
	}
	c.Plug()
	if err := ask(); err != nil {
		t.Errorf("a mended cable: %v", err)
	}
}

func TestCableCutsWhatIsOpen(t *testing.T) {
	c, err := stage.NewCable(t.Context(), echo(t, "tcp", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", c.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "ping")
	_, _ = io.ReadFull(conn, make([]byte, 4))
	c.Pull()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read over a cut cable: %d bytes, %v; want an end", n, err)
	}
}

func TestPhone(t *testing.T) {
	p, err := stage.NewPhone(t.Context(), [][]byte{[]byte("hall")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Show([][]byte{[]byte("code")})
	if at := p.Sent(); !at.IsZero() {
		t.Errorf("sent at %s, to nobody", at)
	}
	before := time.Now()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	frames := multipart.NewReader(resp.Body, params["boundary"])
	next := func() string {
		part, err := frames.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := next(); got != "code" {
		t.Errorf("a phone held up shows %q, want code", got)
	}
	if at := p.Sent(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("sent at %s, want after %s", at, before)
	}
	p.Hide()
	next() // the frame that was on its way
	if got := next(); got != "hall" {
		t.Errorf("a phone put away shows %q, want hall", got)
	}
}

func TestFeed(t *testing.T) {
	f := stage.NewFeed()
	f.Line([]byte(`{"event":"verdict","seq":1}`))
	f.Line([]byte("not json"))
	since := f.Mark()
	f.Line([]byte(`{"event":"verdict","seq":2}`))
	verdict := func(e stage.Event) bool { return e.Event == "verdict" }
	e, err := f.Await(t.Context(), since, verdict)
	if err != nil || e.Seq != 2 {
		t.Errorf("Await after the first = %+v, %v; want the second", e, err)
	}
	if got := f.Last(verdict); got.Seq != 2 {
		t.Errorf("Last = %+v, want the second", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Await(ctx, 0, func(stage.Event) bool { return false }); err == nil || !bytes.Contains([]byte(err.Error()), []byte(`"seq":2`)) {
		t.Errorf("Await in vain: %v; want what was said last", err)
	}
}
