package panel_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Idle connections cannot use up the files that camera and broker need.
func TestTooManyConnections(t *testing.T) {
	r := newRig(t)
	address := strings.TrimPrefix(r.url, "http://")
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	// served reports whether the panel answers on the connection.
	served := func(c net.Conn) bool {
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	}
	const most = 128
	var held []net.Conn
	for n := range most {
		c := dial()
		if !served(c) {
			t.Fatalf("connection %d of %d is not served", n+1, most)
		}
		held = append(held, c)
	}
	if served(dial()) {
		t.Errorf("connection %d is served", most+1)
	}
	_ = held[0].Close()
	for deadline := time.Now().Add(time.Minute); !served(dial()); {
		if time.Now().After(deadline) {
			t.Fatal("nobody gets the room of a connection that has gone")
		}
	}
}
