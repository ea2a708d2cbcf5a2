package main

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

func TestNotify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close() //nolint:errcheck // a test's socket
	read := func(wait time.Duration) string {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 256)
		n, err := manager.Read(buf)
		if err != nil {
			return ""
		}
		return string(buf[:n])
	}
	env := map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "7"}
	n, err := newNotifier(func(k string) string { return env[k] }, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.say("READY=1", "STATUS=open"); err != nil {
		t.Fatal(err)
	}
	if got := read(5 * time.Second); got != "READY=1\nSTATUS=open" {
		t.Errorf("got %q", got)
	}
	var alive atomic.Bool
	alive.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.guard(ctx, alive.Load) }()
	for range 3 {
		if got := read(5 * time.Second); got != "WATCHDOG=1" {
			t.Errorf("got %q, want a sign of life", got)
		}
	}
	alive.Store(false)
	for read(60*time.Millisecond) != "" { // one may be on its way
	}
	if got := read(60 * time.Millisecond); got != "" {
		t.Errorf("a hung gate said %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNotifyWithoutManager(t *testing.T) {
	n, err := newNotifier(func(string) string { return "" }, 7)
	if err != nil || n.say("READY=1") != nil {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		env  map[string]string
		want bool
		dog  time.Duration
	}{
		{map[string]string{"NOTIFY_SOCKET": "relative"}, false, 0},
		{map[string]string{"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "soon"}, false, 0},
		{map[string]string{"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "-1"}, false, 0},
		{map[string]string{"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"}, true, 0},
		{map[string]string{"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "20000000"}, true, 10 * time.Second},
	} {
		n, err := newNotifier(func(k string) string { return c.env[k] }, 7)
		if (err == nil) != c.want || err == nil && n.watchdog != c.dog {
			t.Errorf("%v: got %+v, %v", c.env, n, err)
		}
	}
}
