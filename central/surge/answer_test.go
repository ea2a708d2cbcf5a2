package surge_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/con-ting/conting/central/surge"
)

func TestReadAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		status int
		body   string
		keep   bool
		retry  time.Duration
		cookie string
	}{
		"length":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", 200, "ok", true, 0, ""},
		"no reason":   {"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, "", true, 0, ""},
		"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\nrest", 200, "abc0123456789", true, 0, ""},
		"none":        {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, 0, ""},
		"interim":     {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true, 0, ""},
		"close":       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, "x", false, 0, ""},
		"to the end":  {"HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it", false, 0, ""},
		"retry":       {"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 503, "", true, 7 * time.Second, ""},
		"retry date":  {"HTTP/1.1 503 No\r\nRetry-After: Mon, 23 Nov 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n", 503, "", true, 0, ""},
		"retry years": {"HTTP/1.1 503 No\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n", 503, "", true, time.Hour, ""},
		"cookie":      {"HTTP/1.1 201 Created\r\nSet-Cookie: a=; Max-Age=0\r\nSet-Cookie: s=xyz; Path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n", 201, "", true, 0, "s=xyz"},
	} {
		t.Run(name, func(t *testing.T) {
			a, keep, err := surge.ReadAnswer(iotest.OneByteReader(strings.NewReader(c.in)))
			if err != nil || a.Status != c.status || string(a.Body) != c.body || keep != c.keep || a.RetryAfter != c.retry || string(a.Cookie) != c.cookie {
				t.Errorf("%q\ngot  %d %q keep %t retry %s cookie %q, %v\nwant %d %q keep %t retry %s cookie %q",
					c.in, a.Status, a.Body, keep, a.RetryAfter, a.Cookie, err, c.status, c.body, c.keep, c.retry, c.cookie)
			}
		})
	}
}

func TestReadBadAnswer(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, in := range map[string]string{
		"not http":          "SSH-2.0-OpenSSH\r\n\r\n",
		"old":               "HTTP/1.0 200 OK\r\n\r\n",
		"status":            "HTTP/1.1 2x0 OK\r\n\r\n",
		"long status":       "HTTP/1.1 2000 OK\r\n\r\n",
		"no colon":          ok + "hello\r\n\r\n",
		"negative length":   ok + "Content-Length: -1\r\n\r\n",
		"two lengths":       ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"huge length":       ok + "Content-Length: 9999999999\r\n\r\n",
		"gzip":              ok + "Transfer-Encoding: gzip\r\n\r\n",
		"bad chunk":         ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"huge chunk":        ok + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
		"long chunk":        ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
		"long line":         ok + "X: " + strings.Repeat("x", 5000) + "\r\n\r\n",
		"long head":         ok + strings.Repeat("X: y\r\n", 4000) + "\r\n",
		"long trailer":      ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 4000),
		"more than is read": ok + "\r\n" + strings.Repeat("x", surge.MaxBody+1),
	} {
		if _, keep, err := surge.ReadAnswer(strings.NewReader(in)); !errors.Is(err, surge.ErrAnswer) || keep {
			t.Errorf("%s: keep %t, %v, want ErrAnswer", name, keep, err)
		}
	}
	for name, in := range map[string]string{
		"empty": "", "cut head": ok + "Content-Le", "cut body": ok + "Content-Length: 5\r\n\r\nabc", "cut chunk": ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
	} {
		if _, _, err := surge.ReadAnswer(strings.NewReader(in)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v, want an end that is unexpected", name, err)
		}
	}
}

// FuzzAnswer holds the reader to its bounds, and to what net/http reads.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 503 No\r\nRetry-After: 7\r\nSet-Cookie: a=b\r\n\r\nrest"))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, _, err := surge.ReadAnswer(bytes.NewReader(in))
		if err != nil {
			return
		}
		if a.Status < 200 || a.Status > 999 || len(a.Body) > surge.MaxBody || len(a.Body) > len(in) || a.RetryAfter > time.Hour {
			t.Fatalf("%q: status %d, %d bytes, retry %s", in, a.Status, len(a.Body), a.RetryAfter)
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), nil)
		if err != nil || theirs.StatusCode != a.Status {
			return // it is stricter than we are, or reads interim answers as answers
		}
		defer func() { _ = theirs.Body.Close() }()
		body, err := io.ReadAll(theirs.Body)
		if err == nil && !bytes.Equal(body, a.Body) {
			t.Fatalf("%q: body %q, net/http reads %q", in, a.Body, body)
		}
	})
}

func TestMember(t *testing.T) {
	for _, c := range []struct {
		body string
		want int64
		ok   bool
	}{
		{`{"position":12,"x":1}`, 12, true},
		{`{"a":"b", "position": 7}`, 7, true},
		{`{"position":null}`, 0, false},
		{`{"position":-1}`, 0, false},
		{`{"position":99999999999999999999}`, 0, false},
		{`{"position":`, 0, false},
		{`{}`, 0, false},
	} {
		if got, ok := surge.Member([]byte(c.body), "position"); got != c.want || ok != c.ok {
			t.Errorf("%s: %d %t, want %d %t", c.body, got, ok, c.want, c.ok)
		}
	}
}

func TestText(t *testing.T) {
	for body, want := range map[string]string{
		`{"state":"waiting","x":1}`:                   "waiting",
		`{"a":"b", "state": "left"}`:                  "left",
		`{"state":null,"reason":"x"}`:                 "",
		`{"state":"a\\"b"}`:                           "",
		`{"state":"`:                                  "",
		`{"state":`:                                   "",
		`{"state":"one","admission":{"state":"two"}}`: "one",
		`{}`: "",
	} {
		if got := string(surge.Text([]byte(body), "state")); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
