package chain_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint/chain"
)

// near makes a client of nodes on this machine, over real connections.
func near(t *testing.T, cfg chain.Config, urls ...string) *chain.Client {
	t.Helper()
	log := &journal{}
	cfg.Nodes, cfg.Now, cfg.Log = urls, time.Now, slog.New(slog.NewTextHandler(log, nil))
	client, err := chain.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows a node's key:\n%s", log)
		}
	})
	return client
}

// goodNode serves what well says.
func goodNode(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(s.Close)
	return s.URL
}

// serve answers as well does.
func serve(w http.ResponseWriter, r *http.Request) {
	c := &cluster{answer: well(1000)}
	res, err := c.RoundTrip(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(w, res.Body) // a client may have left
}

// server answers each connection's first request with bytes.
func server(t *testing.T, answer func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			go answer(conn)
		}
	}()
	return "http://" + l.Addr().String()
}

// afterRequest reads a request and then does something.
func afterRequest(do func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // whatever was asked
		do(conn)
	}
}

// What can happen on a line that a fake in this process cannot do.
func TestBadLines(t *testing.T) {
	good := goodNode(t)
	closed := gone(t)
	for name, bad := range map[string]string{
		"accepts and is silent": server(t, func(net.Conn) {}),
		"hears and is silent":   server(t, afterRequest(func(net.Conn) {})),
		"hangs up":              server(t, func(c net.Conn) { _ = c.Close() }),
		"hears and hangs up":    server(t, afterRequest(func(c net.Conn) { _ = c.Close() })),
		"speaks something else": server(t, afterRequest(func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ready\r\n") })),
		"stops in the middle": server(t, afterRequest(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"jsonrpc\"")
			_ = c.Close()
		})),
		"falls silent": server(t, afterRequest(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"jsonrpc\"")
		})),
		"never ends its header": server(t, afterRequest(func(c net.Conn) { forever(c, "HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 1000)+"\r\n") })),
		"never ends its answer": server(t, afterRequest(func(c net.Conn) { forever(c, "HTTP/1.1 200 OK\r\n\r\n", strings.Repeat(" ", 1<<16)) })),
		"sends elsewhere": server(t, afterRequest(func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", good)
		})),
		"is not there any more": closed,
		"is said to be in gzip": server(t, afterRequest(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
		})),
		"wants a protocol of it": server(t, afterRequest(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := near(t, chain.Config{Timeout: time.Second, Patience: time.Minute}, bad+"/"+secret, good+"/?api-key="+secret)
			got, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0)
			if clean(t, err); err != nil || got != 42 {
				t.Errorf("got %d, %v; want 42 of the node that works", got, err)
			}
			if state := client.Nodes()[0]; state.Problem == "" {
				t.Errorf("got state %+v", state)
			}
		})
	}
}

// forever writes until nobody reads.
func forever(c net.Conn, first, then string) {
	_, err := io.WriteString(c, first)
	for err == nil {
		_, err = io.WriteString(c, then)
	}
}

// A key in the URL's user part goes where it belongs.
func TestBasicAuth(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || user != "me" || password != secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		asked.Add(1)
		serve(w, r)
	}))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	client := near(t, chain.Config{}, "http://me:"+secret+"@"+host)
	if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil || asked.Load() == 0 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
	if name := client.Nodes()[0].Name; name != host {
		t.Errorf("the node is called %q", name)
	}
}

// Connections are kept: a call costs one request and no more.
func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(serve))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	client := near(t, chain.Config{}, s.URL)
	for range 50 {
		if _, err := client.Balance(t.Context(), chain.Key{}, chain.Confirmed, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 50 calls", n)
	}
}

// gone is the address of a server that has ended.
func gone(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}
