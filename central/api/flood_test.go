package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
)

// serve has the harness answer through the server that main uses, with its limits.
func (h *harness) serve() (addr string) {
	h.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(h.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	server := h.api.Server()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	h.t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			h.t.Errorf("Serve: %v", err)
		}
	})
	return listener.Addr().String()
}

func (h *harness) dial(addr string) net.Conn {
	h.t.Helper()
	c, err := (&net.Dialer{}).DialContext(h.t.Context(), "tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Those who send a request slower than anybody would, in its head or in its body, are
// shut out, and keep nobody else from being answered in the meantime.
func TestSlowSenders(t *testing.T) {
	t.Parallel() // it waits for central's patience to end
	h := start(t, func(c *api.Config) { c.Timeout = 2 * time.Second }).on()
	addr := h.serve()
	begun := []string{
		"GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"POST /v1/account/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
		"POST /v1/events/1001/queue HTTP/1.1\r\nHost: x\r\nAuthorization: " + h.asPerson(person1)[1] + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"POST /admin/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + adminToken + "\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{",
		"",
	}
	var all sync.WaitGroup
	for n := range 100 {
		c := h.dial(addr)
		if _, err := io.WriteString(c, begun[n%len(begun)]); err != nil {
			t.Fatal(err)
		}
		shut := make(chan struct{})
		all.Go(func() { // until central has enough
			defer close(shut)
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			_, _ = io.Copy(io.Discard, c)
		})
		all.Go(func() { // one byte at a time
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for begun[n%len(begun)] != "" {
				select {
				case <-shut:
					return
				case <-tick.C:
					_, _ = io.WriteString(c, "1")
				}
			}
		})
		all.Go(func() {
			select {
			case <-shut:
			case <-time.After(45 * time.Second):
				t.Errorf("%.40q, slowly, still holds its connection", begun[n%len(begun)])
				_ = c.Close()
			}
		})
		if n%10 == 0 {
			h.url = "http://" + addr
			h.call("GET", "/v1/events/1001", "").want(http.StatusOK)
		}
	}
	all.Wait()
}

// Bodies without end are cut off, wherever they are sent, and are kept nowhere.
func TestBodyFlood(t *testing.T) {
	h := start(t).on()
	addr := h.serve()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	paths := []string{"/v1/account/register", "/v1/account/password/sign-in", orders, queuePath, "/v1/challenges", "/admin/v1/events", "/v1/payments/sandbox/webhook", "/nowhere"}
	const rounds = 5
	var all sync.WaitGroup
	for _, path := range paths {
		for range rounds {
			c := h.dial(addr)
			all.Go(func() {
				head := "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + adminToken + "\r\nIdempotency-Key: 0123456789abcdef\r\nTransfer-Encoding: chunked\r\n\r\n"
				_, _ = io.WriteString(c, head)
				piece := `"` + strings.Repeat("a", 32<<10-1)
				for range 2000 {
					if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(piece), piece); err != nil {
						return
					}
				}
				t.Errorf("%s took %d bytes", path, 2000*len(piece))
			})
		}
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapInuse) - int64(before.HeapInuse); used > 64<<20 {
		t.Errorf("%d floods left %d bytes in use", len(paths)*rounds, used)
	}
	h.url = "http://" + addr
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK)
}

// What HTTP itself forbids is not passed on: heads that are too large or two requests
// in one by a quarrel about where the first ends.
func TestBrokenHeads(t *testing.T) {
	h := start(t).on()
	addr := h.serve()
	for name, head := range map[string]string{
		"a head of 64 KiB":        "GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
		"10,000 headers":          "GET /v1/events HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 10000) + "\r\n",
		"no host":                 "GET /v1/events HTTP/1.1\r\n\r\n",
		"two lengths":             "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n",
		"length and chunks":       "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"a space before a colon":  "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x\r\n\r\n",
		"a header with a newline": "GET /v1/events HTTP/1.1\r\nHost: x\r\nX-A: b\nc\rd\r\n\r\n",
		"a header with none":      "GET /v1/events HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\x00b\r\n\r\n",
		"no HTTP":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	} {
		c := h.dial(addr)
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		go func() { _, _ = io.WriteString(c, head) }()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			continue // shut without a word
		}
		_ = res.Body.Close()
		if res.StatusCode < 400 || res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	h.url = "http://" + addr
	h.call("GET", "/v1/events/1001", "").want(http.StatusOK)
}
