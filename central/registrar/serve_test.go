package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/command"
)

// TestServe runs the command on a real port until it is told to stop.
func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "theatre")
	var complaints bytes.Buffer
	quiet := &app{out: io.Discard, err: &complaints, now: time.Now}
	if code := quiet.program().Run(t.Context(), []string{"init", "--dir", dir, "--name", "Theatre", "--web", "theatre.example"}); code != command.OK {
		t.Fatalf("init: %d, %s", code, &complaints)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		a := &app{out: in, err: &complaints, now: time.Now}
		ended <- a.program().Run(ctx, []string{"serve", "--dir", dir, "--listen", "127.0.0.1:0"})
		_ = in.Close()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no address: %v", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSpace(address)+"/status/1.jwt", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || strings.Count(string(body), ".") != 2 {
		t.Errorf("got %s, %q, %v", res.Status, body, err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if code := <-ended; code != command.OK {
		t.Errorf("serve ended with %d: %s", code, &complaints)
	}
}
