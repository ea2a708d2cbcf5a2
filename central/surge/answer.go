package surge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// The most of an answer that is read.
const (
	maxHead = 16 << 10
	maxBody = 8 << 20
)

// ErrAnswer is wrapped by errors about answers that are no HTTP/1.1, or larger than what is read.
var ErrAnswer = errors.New("bad answer")

// head is what the surge needs of an answer's head.
type head struct {
	status  int
	length  int64 // -1 if it is not said
	chunked bool
	close   bool
	retry   time.Duration
	cookie  []byte // into the buffer that was given
}

// readAnswer reads one answer to a request that was no HEAD. The body is appended to buf, the cookie to
// jar; both come back for reuse. keep says whether the connection may carry another request.
func readAnswer(r *bufio.Reader, a *Answer, buf, jar []byte) (body, cookies []byte, keep bool, err error) {
	var h head
	for h.status < 200 { // after an interim answer follows the real one
		if h, err = readHead(r, jar[:0]); err != nil {
			return buf, jar, false, err
		}
	}
	a.Status, a.RetryAfter, a.Cookie = h.status, h.retry, h.cookie
	if h.cookie != nil {
		jar = h.cookie
	}
	switch {
	case h.status == 204 || h.status == 304:
	case h.chunked:
		buf, err = readChunks(r, buf)
	case h.length > maxBody:
		return buf, jar, false, fmt.Errorf("a body of %d bytes: %w", h.length, ErrAnswer)
	case h.length >= 0:
		buf, err = grow(r, buf, int(h.length))
	default:
		h.close = true
		if buf, err = readRest(r, buf); err != nil {
			return buf, jar, false, err
		}
	}
	a.Body = buf
	return buf, jar, err == nil && !h.close, err
}

// readHead reads the status line and the fields.
func readHead(r *bufio.Reader, jar []byte) (head, error) {
	h := head{length: -1}
	line, err := r.ReadSlice('\n')
	if err != nil {
		return h, broken(err)
	}
	rest, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return h, fmt.Errorf("status line: %w", ErrAnswer)
	}
	if h.status, ok = digits(rest[:3]); !ok || h.status < 100 {
		return h, fmt.Errorf("status: %w", ErrAnswer)
	}
	for read := len(line); ; {
		if line, err = r.ReadSlice('\n'); err != nil {
			return h, broken(err)
		}
		if read += len(line); read > maxHead {
			return h, fmt.Errorf("a head of more than %d bytes: %w", maxHead, ErrAnswer)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			return h, nil
		}
		if err := h.field(line, jar); err != nil {
			return h, err
		}
	}
}

// field takes what matters of one line.
func (h *head) field(line, jar []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("a field without a colon: %w", ErrAnswer)
	}
	value = bytes.TrimSpace(value)
	switch {
	case is(name, "Content-Length"):
		n, ok := digits(value)
		if !ok || h.length >= 0 && h.length != int64(n) {
			return fmt.Errorf("length: %w", ErrAnswer)
		}
		h.length = int64(n)
	case is(name, "Transfer-Encoding"):
		if !is(value, "chunked") {
			return fmt.Errorf("transfer encoding: %w", ErrAnswer)
		}
		h.chunked = true
	case is(name, "Connection"):
		h.close = h.close || is(value, "close")
	case is(name, "Retry-After"):
		if n, ok := digits(value); ok {
			h.retry = time.Duration(min(n, 3600)) * time.Second
		}
	case is(name, "Set-Cookie"):
		pair, _, _ := bytes.Cut(value, []byte(";"))
		h.cookie = append(jar, pair...)
	}
	return nil
}

func is(b []byte, word string) bool {
	return len(b) == len(word) && bytes.EqualFold(b, []byte(word))
}

// digits reads a number of at most ten digits.
func digits(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// grow appends exactly n bytes.
func grow(r io.Reader, buf []byte, n int) ([]byte, error) {
	at := len(buf)
	for len(buf) < at+n { // piecemeal: a length is a claim until its bytes are here
		step := min(at+n-len(buf), 64<<10)
		from := len(buf)
		if cap(buf) < from+step {
			buf = append(buf, make([]byte, step)...)
		}
		buf = buf[:from+step]
		if _, err := io.ReadFull(r, buf[from:]); err != nil {
			return buf[:from], broken(err)
		}
	}
	return buf, nil
}

func readChunks(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return buf, broken(err)
		}
		size, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil || len(buf)+int(n) > maxBody {
			return buf, fmt.Errorf("chunk: %w", ErrAnswer)
		}
		if n == 0 {
			return buf, trailer(r)
		}
		if buf, err = grow(r, buf, int(n)); err != nil {
			return buf, err
		}
		if line, err = r.ReadSlice('\n'); err != nil {
			return buf, broken(err)
		}
		if len(bytes.TrimRight(line, "\r\n")) != 0 {
			return buf, fmt.Errorf("end of chunk: %w", ErrAnswer)
		}
	}
}

// trailer skips what follows the last chunk.
func trailer(r *bufio.Reader) error {
	for read := 0; read < maxHead; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return broken(err)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return nil
		}
		read += len(line)
	}
	return fmt.Errorf("trailer: %w", ErrAnswer)
}

func readRest(r io.Reader, buf []byte) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("a body of more than %d bytes: %w", maxBody, ErrAnswer)
	}
	return append(buf, b...), err
}

// broken tells an answer that ended early, or whose line was too long, from one that never came.
func broken(err error) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("a line too long: %w", ErrAnswer)
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
